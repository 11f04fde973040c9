/*
 * main.c - protogen DESCRIPTOR_SET NUMBERS_LOCK OUTPUT.c: checks the contract and writes it as C tables
 */
#include "tools/protogen/protogen.h"

#include <stdarg.h>

#include "base/file.h"

void
die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "protogen: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    exit(1);
}

bool
is_ours(const file_desc *file)
{
    return file->package != NULL && strcmp(file->package, PACKAGE) == 0;
}

const message_desc *
find_message(const file_set *set, const char *type_name)
{
    const char *want = strrchr(type_name, '.');

    if (want == NULL || strncmp(type_name, "." PACKAGE ".", sizeof "." PACKAGE) != 0)
        return NULL;
    for (size_t i = 0; i < set->n_file; i++)
        for (size_t k = 0; is_ours(set->file[i]) && k < set->file[i]->n_message_type; k++)
            if (strcmp(set->file[i]->message_type[k]->name, want + 1) == 0)
                return set->file[i]->message_type[k];
    return NULL;
}

int
main(int argc, char **argv)
{
    av_buf bytes;
    av_error err;
    file_set *set;
    FILE *out;

    if (argc != 4)
        die("usage: protogen DESCRIPTOR_SET NUMBERS_LOCK OUTPUT.c");
    av_buf_init(&bytes, 16U << 20);
    if (av_file_read_all(argv[1], &bytes, &err) != AV_OK)
        die("%s", err.msg);
    set = google__protobuf__file_descriptor_set__unpack(NULL, bytes.n, bytes.p);
    if (set == NULL)
        die("%s is not a descriptor set", argv[1]);
    lint(set, argv[2]);
    out = fopen(argv[3], "w");
    if (out == NULL)
        die("cannot write %s", argv[3]);
    write_tables(set, out);
    if (fclose(out) != 0)
        die("cannot write %s", argv[3]);
    google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
    av_buf_release(&bytes);
    return 0;
}
