/*
 * call_args.c - the KEY=VALUE arguments of archivolt call, with values from files and standard input
 */
#include "tools/cli/call_priv.h"

#include "base/file.h"

#define ARGS_MAX  64
#define VALUE_MAX (1024 * 1024)

typedef struct args {
    av_form_field fields[ARGS_MAX];
    av_buf read[ARGS_MAX]; /* what fields' values point to, when it was read */
    size_t n;
    bool stdin_read;
} args;

static void
release(args *self)
{
    for (size_t i = 0; i < self->n; i++)
        av_buf_release_secret(&self->read[i]);
}

static av_errc
read_stdin(av_buf *out, av_error *err)
{
    char piece[4096];
    size_t n;
    bool fits = true;

    while (fits && (n = fread(piece, 1, sizeof piece, stdin)) > 0)
        fits = av_buf_append(out, piece, n);
    explicit_bzero(piece, sizeof piece);
    if (ferror(stdin))
        return av_error_set(err, AV_ERR_IO, "standard input cannot be read");
    return fits ? AV_OK : av_error_set(err, AV_ERR_LIMIT, "standard input has more than %d bytes", VALUE_MAX);
}

/* The value behind "@". */
static av_errc
read_value(args *self, const char *source, av_buf *out, av_error *err)
{
    av_errc rc;

    av_buf_init(out, VALUE_MAX);
    if (strcmp(source, "-") != 0) {
        rc = av_file_read_all(source, out, err);
    } else if (self->stdin_read) {
        rc = av_error_set(err, AV_ERR_INVALID, "only one argument can be read from standard input");
    } else {
        self->stdin_read = true;
        rc = read_stdin(out, err);
    }
    if (rc == AV_OK && out->n > 0 && out->p[out->n - 1] == '\n')
        out->n--;
    if (rc == AV_OK && out->n > 0 && out->p[out->n - 1] == '\r')
        out->n--;
    return rc;
}

static av_errc
add(args *self, const char *argument, size_t key_bytes, av_error *err)
{
    const char *value = argument + key_bytes + 1;
    size_t at = self->n++;

    self->fields[at] = (av_form_field){ av_span_of(argument, key_bytes), av_span_str(value) };
    if (value[0] != '@')
        return AV_OK;
    if (value[1] == '@') {
        self->fields[at].value = av_span_str(value + 1);
        return AV_OK;
    }
    if (read_value(self, value + 1, &self->read[at], err) != AV_OK)
        return av_error_prefix(err, "API argument %.*s", (int)AV_MIN(key_bytes, 80U), argument);
    self->fields[at].value = av_buf_span(&self->read[at]);
    return AV_OK;
}

int
cli_call_body(cli *self, const av_method_info *method, int argc, char **argv, ProtobufCMessage **ret)
{
    AV_CLEANUP(release) args all = { .n = 0 };
    av_error err;

    if (argc > ARGS_MAX)
        return cli_usage("call", "more than %d arguments", ARGS_MAX);
    for (int i = 0; i < argc; i++) {
        const char *eq = strchr(argv[i], '=');

        if (eq == NULL)
            return cli_usage("call", "\"%s\" is not KEY=VALUE", argv[i]);
        if (add(&all, argv[i], (size_t)(eq - argv[i]), &err) != AV_OK)
            return cli_fail(self, &err);
    }
    return av_form_to_message(all.fields, all.n, method->input, ret, &err) == AV_OK ? 0 : cli_fail(self, &err);
}
