/*
 * test_outlook.c - .msg files of the corpus: subject and names of attachments as another tool read them; winmail.dat
 */
#include <jansson.h>

#include "tests/storage/extract/rig.h"

/* Small fixtures lie loose in the corpus, the others are unpacked to dir. false: in neither. */
static bool
find_fixture(const char *dir, const char *file, av_buf *out)
{
    const char *const roots[] = { av_check_corpus(), dir };
    av_error err;

    av_buf_init(out, (size_t)64 << 20);
    for (size_t i = 0; i < AV_COUNT(roots); i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s%s", roots[i], i == 0 ? "fixtures/" : "", file);

        if (av_file_read_all(path, out, &err) == AV_OK)
            return true;
    }
    return false;
}

/* Is the word there, blanks aside? The other tool writes them as it likes. */
static bool
has(const av_buf *text, const char *word)
{
    AV_CLEANUP(av_buf_release) av_buf a = { 0 };
    AV_CLEANUP(av_buf_release) av_buf b = { 0 };

    av_buf_init(&a, (size_t)32 << 20);
    av_buf_init(&b, 65536);
    for (size_t i = 0; i < text->n; i++)
        if (text->p[i] > ' ')
            (void)av_buf_putc(&a, text->p[i]);
    for (; *word != '\0'; word++)
        if ((uint8_t)*word > ' ')
            (void)av_buf_putc(&b, (uint8_t)*word);
    return b.n == 0 || (a.n >= b.n && memmem(a.p, a.n, b.p, b.n) != NULL);
}

/* What the other tool lost, shortened or made up is not looked for. */
static bool
is_doubtful(const char *word)
{
    return strstr(word, "\xEF\xBF\xBD") != NULL || strstr(word, "...") != NULL || strcmp(word, "multipart/signed") == 0;
}

typedef struct tally {
    size_t files, subjects, subjects_missed, names, names_missed, unreadable;
} tally;

static void
check_msg(av_extractor *extractor, const char *dir, const char *file, json_t *row, tally *sum)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    json_t *names = json_object_get(row, "attachments");
    const char *subject = json_string_value(json_object_get(row, "subject"));
    av_error err;
    av_errc rc;

    if (!find_fixture(dir, file, &bytes))
        return;
    av_buf_init(&text, (size_t)16 << 20);
    rc = av_extractor_text(extractor, av_span_str(file), (av_span){ 0 }, av_buf_span(&bytes), &text, &err);
    AV_CHECK(rc != AV_ERR_UNAVAILABLE && rc != AV_ERR_INTERNAL);
    sum->files++;
    if (rc != AV_OK) {
        sum->unreadable++;
        printf("    %s: %s: %s (%zu bytes of text)\n", file, av_errc_word(rc), err.msg, text.n);
    }
    if (!json_is_true(json_object_get(row, "converted")))
        return;
    sum->subjects++;
    if (subject != NULL && !is_doubtful(subject) && !has(&text, subject)) {
        sum->subjects_missed++;
        printf("    %s: no subject \"%s\"\n", file, subject);
    }
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));

        sum->names++;
        if (name != NULL && !is_doubtful(name) && !has(&text, name)) {
            sum->names_missed++;
            printf("    %s: no attachment \"%s\"\n", file, name);
        }
    }
}

static void
unpack(char *dir)
{
    AV_CLEANUP(av_free) char *command = NULL;

    (void)snprintf(dir, 32, "/tmp/av-docs-XXXXXX");
    if (mkdtemp(dir) == NULL)
        abort();
    command = av_xasprintf(
        "tar --zstd -xf '%s/fixtures-large.tar.zst' -C %s outlook/msg outlook/tnef", av_check_corpus(), dir);
    if (system(command) != 0) /* NOLINT(cert-env33-c,bugprone-command-processor): our own path */
        AV_SKIP("the corpus's fixtures cannot be unpacked: tar and zstd are needed");
}

static void
test_msg(void)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/expect/fixtures-mbox-msg.json", av_check_corpus());
    av_extractor *extractor = rig_extractor(NULL);
    json_t *all = json_load_file(path, 0, NULL), *row;
    tally sum = { 0 };
    const char *file;
    char dir[32];
    av_error err;

    if (!AV_CHECK(all != NULL))
        return;
    unpack(dir);
    json_object_foreach(json_object_get(all, "msg"), file, row) check_msg(extractor, dir, file, row, &sum);
    printf("  %zu files, in part or not read %zu; subjects %zu, missed %zu; attachments %zu, missed %zu\n", sum.files,
        sum.unreadable, sum.subjects, sum.subjects_missed, sum.names, sum.names_missed);
    AV_CHECK(sum.files > 20);
    AV_CHECK_INT(sum.subjects_missed + sum.names_missed, 0);
    json_decref(all);
    av_extractor_destroy(&extractor);
    AV_CHECK(av_dir_remove(dir, "/tmp", &err) == AV_OK);
}

/* Names of what is in a package, or words of its body. */
static void
test_tnef(void)
{
    static const struct row {
        const char *file, *words[3];
    } rows[] = {
        { "outlook/tnef/tnefparse/one-file.tnef", { "AUTHORS" } },
        { "outlook/tnef/tnefparse/two-files.tnef", { "AUTHORS", "README" } },
        { "outlook/tnef/tnefparse/long-filename.tnef", { "allproductsmar2000.dat" } },
        { "outlook/tnef/poi-hmef/quick-winmail.dat", { "quick.txt", "quick.pdf", "The quick brown fox" } },
        { "outlook/tnef/tnefparse/MAPI_ATTACH_DATA_OBJ.tnef", { "VIA_Nytt_1402.doc" } },
    };
    av_extractor *extractor = rig_extractor(NULL);
    char dir[32];
    av_error err;

    unpack(dir);
    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rows); av_check_row++) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        AV_CLEANUP(av_buf_release) av_buf text = { 0 };
        av_errc rc;

        if (!AV_CHECK(find_fixture(dir, rows[av_check_row].file, &bytes)))
            continue;
        av_buf_init(&text, (size_t)16 << 20);
        rc = av_extractor_text(extractor, av_span_str("winmail.dat"), (av_span){ 0 }, av_buf_span(&bytes), &text, &err);
        for (size_t i = 0; i < 3 && rows[av_check_row].words[i] != NULL; i++)
            if (!AV_CHECK(has(&text, rows[av_check_row].words[i])))
                printf("    %s: no \"%s\" in: %.300s (%s)\n", rows[av_check_row].file, rows[av_check_row].words[i],
                    av_buf_cstr(&text), rc == AV_OK ? "ok" : err.msg);
    }
    av_check_row = -1;
    av_extractor_destroy(&extractor);
    AV_CHECK(av_dir_remove(dir, "/tmp", &err) == AV_OK);
}

int
main(void)
{
    AV_RUN(test_msg);
    AV_RUN(test_tnef);
    return av_check_done();
}
