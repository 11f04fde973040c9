/*
 * test_words.c - the documents of the corpus are found by the words that another tool read in them
 */
#include <jansson.h>

#include "base/clock.h"
#include "base/unicode.h"
#include "tests/storage/extract/rig.h"

typedef struct tally {
    size_t documents, found, words, missed, unreadable;
    int64_t us, slowest_us;
    char slowest[128];
} tally;

/* Known not to be there, each with its reason. */
static const struct known {
    const char *file, *word, *why;
} known_misses[] = {
    { "pptx/bug68703.pptx", "visibility", "a property that an animation changes: no text" },
    { "rtf/testRTFTIKA_2500.rtf", "paragraphthis", "two words of two paragraphs: the other tool glued them" },
};

static bool
is_known(const char *file, const char *word)
{
    for (size_t i = 0; i < AV_COUNT(known_misses); i++)
        if (strcmp(known_misses[i].file, file) == 0 && strcmp(known_misses[i].word, word) == 0) {
            printf("    known: %s: %s: %s\n", file, word, known_misses[i].why);
            return true;
        }
    return false;
}

static void
read_document(av_extractor *extractor, const char *dir, const char *file, json_t *words, tally *sum)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/docs/%s", dir, file);
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    int64_t from, took;
    size_t missed = 0;
    av_error err = { .code = AV_OK };
    av_errc rc;

    rig_read(path, &bytes);
    av_buf_init(&text, (size_t)16 << 20);
    av_buf_init(&folded, (size_t)64 << 20);
    from = av_clock_mono_us();
    rc = av_extractor_text(extractor, av_span_str(file), (av_span){ 0 }, av_buf_span(&bytes), &text, &err);
    took = av_clock_mono_us() - from;
    sum->us += took;
    if (took > sum->slowest_us) {
        sum->slowest_us = took;
        (void)snprintf(sum->slowest, sizeof sum->slowest, "%s", file);
    }
    AV_CHECK(av_utf8_valid(av_buf_span(&text)));
    AV_CHECK(rc != AV_ERR_UNAVAILABLE && rc != AV_ERR_INTERNAL && rc != AV_ERR_NOMEM);
    for (av_span left = av_buf_span(&text); left.n > 0;)
        AV_CHECK(av_utf8_put(&folded, av_unicode_fold_char(av_utf8_next(&left))));
    if (rc != AV_OK)
        printf("    %s: %s: %s (%zu bytes of text)\n", file, av_errc_word(rc), err.msg, text.n);
    sum->unreadable += rc != AV_OK;
    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i));

        sum->words++;
        if (folded.n == 0 || memmem(folded.p, folded.n, word, strlen(word)) == NULL) {
            missed++;
            if (!is_known(file, word))
                AV_CHECK(printf("    %s: no \"%s\" in its text of %zu bytes\n", file, word, text.n) < 0);
        }
    }
    sum->missed += missed;
    if (json_array_size(words) > 0) {
        sum->documents++;
        sum->found += missed == 0;
    }
}

static void
test_words(void)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/expect/docs-words.json", av_check_corpus());
    av_extractor *extractor = rig_extractor(NULL);
    json_t *expected = json_load_file(path, 0, NULL), *row;
    av_extractor_stats stats;
    tally sum = { 0 };
    const char *file;
    char dir[32];
    av_error err;

    if (!AV_CHECK(expected != NULL))
        return;
    rig_documents(dir);
    json_object_foreach(expected, file, row) read_document(extractor, dir, file, json_object_get(row, "words"), &sum);
    av_extractor_get_stats(extractor, &stats);
    printf(
        "  documents with words: %zu, found by all of them: %zu; words: %zu, missed: %zu; in part or not read: %zu\n",
        sum.documents, sum.found, sum.words, sum.missed, sum.unreadable);
    printf("  %.1f ms a document, slowest %.1f ms (%s); helper's CPU %.1f ms a document, largest %llu MB\n",
        (double)sum.us / 1000 / (double)json_object_size(expected), (double)sum.slowest_us / 1000, sum.slowest,
        (double)stats.cpu_us / 1000 / (double)json_object_size(expected), (unsigned long long)(stats.peak_bytes >> 20));
    AV_CHECK(stats.helper_died == 0);
    json_decref(expected);
    av_extractor_destroy(&extractor);
    AV_CHECK(av_dir_remove(dir, "/tmp", &err) == AV_OK);
}

int
main(void)
{
    AV_RUN(test_words);
    return av_check_done();
}
