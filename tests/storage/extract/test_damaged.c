/*
 * test_damaged.c - the corpus's documents cut and changed, through the whole chain: an answer and a sentence each time
 *
 * AV_ROUNDS: damaged copies of each document (2); ARCHIVOLT_SEED: where the damage is.
 */
#include "base/unicode.h"
#include "tests/storage/extract/rig.h"

static uint64_t
number_from(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    uint64_t value;

    return text != NULL && av_span_u64(av_span_str(text), UINT64_MAX, &value) ? value : fallback;
}

static uint32_t
next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

/* Some bytes changed; every second time cut, too. */
static av_span
damage(av_buf *bytes, uint64_t *state, uint64_t round)
{
    av_span s = av_buf_span(bytes);

    for (uint32_t n = 1 + next_random(state) % 20; n > 0 && bytes->n > 0; n--)
        bytes->p[next_random(state) % bytes->n] = (uint8_t)next_random(state);
    if (round % 2 == 0 && s.n > 1)
        s.n = 1 + next_random(state) % s.n;
    return s;
}

typedef struct tally {
    unsigned long read, partly, none;
} tally;

static void
read_damaged(av_extractor *extractor, const char *path, const char *name, uint64_t rounds, uint64_t *state, tally *sum)
{
    for (uint64_t round = 0; round < rounds; round++) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        AV_CLEANUP(av_buf_release) av_buf text = { 0 };
        av_error err = { .code = AV_OK };
        av_errc rc;

        rig_read(path, &bytes);
        av_buf_init(&text, (size_t)16 << 20);
        rc = av_extractor_text(extractor, av_span_str(name), (av_span){ 0 }, damage(&bytes, state, round), &text, &err);
        if (rc != AV_OK && !AV_CHECK(rc == err.code && err.msg[0] != '\0' && rc != AV_ERR_UNAVAILABLE))
            printf("    %s, round %llu: %s\n", name, (unsigned long long)round, err.msg);
        AV_CHECK(av_utf8_valid(av_buf_span(&text)));
        if (strstr(err.msg, "crash") != NULL || strstr(err.msg, "forbids") != NULL)
            printf("    %s, round %llu: %s\n", name, (unsigned long long)round, err.msg);
        sum->read += rc == AV_OK;
        sum->partly += rc != AV_OK && text.n > 0;
        sum->none += rc != AV_OK && text.n == 0;
    }
}

static void
test_damaged(void)
{
    static const char *const kinds[] = { "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "rtf", "odt", "ods",
        "html", "zip" };
    uint64_t rounds = number_from("AV_ROUNDS", 2), state = number_from("ARCHIVOLT_SEED", 1);
    av_extractor *extractor = rig_extractor(NULL);
    av_extractor_stats stats;
    tally sum = { 0 };
    char dir[32];
    av_error err;

    rig_documents(dir);
    for (size_t i = 0; i < AV_COUNT(kinds); i++) {
        AV_CLEANUP(av_free) char *folder = av_xasprintf("%s/docs/%s", dir, kinds[i]);
        DIR *files = opendir(folder);
        const struct dirent *file;

        while (files != NULL && (file = readdir(files)) != NULL) {
            AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", folder, file->d_name);

            if (file->d_name[0] != '.')
                read_damaged(extractor, path, file->d_name, rounds, &state, &sum);
        }
        if (files != NULL)
            (void)closedir(files);
    }
    av_extractor_get_stats(extractor, &stats);
    printf("  %llu rounds of each document: read %lu, in part %lu, not %lu; helpers that crashed or were killed %llu\n",
        (unsigned long long)rounds, sum.read, sum.partly, sum.none, (unsigned long long)stats.helper_died);
    AV_CHECK(sum.read + sum.partly + sum.none > 100);
    av_extractor_destroy(&extractor);
    AV_CHECK(av_dir_remove(dir, "/tmp", &err) == AV_OK);
}

int
main(void)
{
    AV_RUN(test_damaged);
    return av_check_done();
}
