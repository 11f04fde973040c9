/*
 * test_index_rot.c - bytes of an index on disk changed: it is thrown away, or a read says so, or it did no harm; no answer
 * is wrong, and following the log makes it whole again
 *
 * A changed byte in the database's log may bring back the manifest before: fewer documents then, and the log of the store
 * gives the rest. The top bit is left alone (docs/format-database.md, limits). AV_ROUNDS set: each 7th byte; else each
 * 131st, from a random one.
 */
#include <sys/mman.h>

#include "tests/storage/index/index_help.h"

#define FILES 32
#define CHUNK 16L
#define COUNT 400U

static struct {
    struct {
        char name[64];
        av_buf bytes;
    } files[FILES];
    size_t file_n, byte_n;
    long first, step;
} image;

static void
take_file(void *ctx, const char *path)
{
    size_t i = image.file_n++;

    (void)ctx;
    if (!AV_CHECK(i < FILES))
        exit(1);
    (void)snprintf(image.files[i].name, sizeof image.files[i].name, "%s", strrchr(path, '/') + 1);
    image.files[i].bytes = slurp(path);
    image.byte_n += image.files[i].bytes.n;
}

/* Three runs, one of them merged; left as a killed process would. */
static bool
take_image(void *ctx, long lane)
{
    test_dir d = dir_new();
    av_index_config config = index_config(d.path);
    av_index *index = NULL;
    test_log log = { 0 };
    av_error err;
    bool more;

    (void)lane;
    AV_CHECK_RC(av_index_open(&config, &index, &err), AV_OK, &err);
    for (int i = 0; i < 10; i++) {
        log.count += COUNT / 10;
        AV_CHECK_RC(follow_all(index, &log, 100, false, &err), AV_OK, &err);
        AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
        AV_CHECK_RC(av_index_merge(index, NULL, NULL, &more, &err), AV_OK, &err);
    }
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    AV_CHECK(rename(d.path, ctx) == 0);
    return true;
}

struct outcome {
    unsigned discarded, told, shorter, harmless;
};

static void
judge(av_index *index, struct outcome *seen)
{
    test_log log = { .count = COUNT };
    av_index_state s;
    av_error err;
    verdict v;

    av_index_get_state(index, &s);
    v = ask_index(index, &log);
    AV_CHECK(v != WRONG);
    if (s.discarded[0] != '\0')
        seen->discarded++;
    else if (v == UNREAD)
        seen->told++;
    else if (s.documents < COUNT)
        seen->shorter++;
    else
        seen->harmless++;
    av_index_get_state(index, &s);
    if (v == UNREAD) {
        AV_CHECK(s.failed);
        AV_CHECK_RC(av_index_rebuild(index, av_span_str(NULL), &err), AV_OK, &err);
    }
    AV_CHECK_RC(follow_all(index, &log, 500, false, &err), AV_OK, &err);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
}

static void
flip(size_t file, size_t at, struct outcome *seen)
{
    test_dir d = dir_new();
    av_index_config config = index_config(d.path);
    av_index *index = NULL;
    av_error err;
    av_errc rc;

    for (size_t i = 0; i < image.file_n; i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", d.path, image.files[i].name);
        uint8_t *p = (uint8_t *)(uintptr_t)av_buf_span(&image.files[i].bytes).p;

        if (i == file)
            p[at] ^= (uint8_t)(1U << at % 7);
        spill(path, av_buf_span(&image.files[i].bytes));
        if (i == file)
            p[at] ^= (uint8_t)(1U << at % 7);
    }
    rc = av_index_open(&config, &index, &err);
    AV_CHECK_RC(rc, AV_OK, &err);
    if (rc == AV_OK)
        judge(index, seen);
    if (av_check_failed != 0)
        printf("    byte %zu of %s\n", at, image.files[file].name);
    av_index_close(&index);
    dir_remove(&d);
}

static bool
flip_chunk(void *ctx, long lane)
{
    struct outcome *seen = (struct outcome *)ctx + lane % 4096;
    long from = image.first + lane * CHUNK * image.step;

    for (long i = from; i < from + CHUNK * image.step && i < (long)image.byte_n && av_check_failed == 0;
         i += image.step) {
        size_t at = (size_t)i, file = 0;

        while (at >= image.files[file].bytes.n)
            at -= image.files[file++].bytes.n;
        flip(file, at, seen);
    }
    return true;
}

static void
test_rot(void)
{
    test_dir d = dir_new();
    struct outcome sum = { 0 };
    struct outcome *seen = mmap(NULL, 4096 * sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    AV_CHECK(seen != MAP_FAILED);
    AV_CHECK_INT(in_lanes(take_image, d.path, 1), 1);
    each_file(d.path, take_file, NULL);
    image.step = getenv("AV_ROUNDS") != NULL ? 7 : 131;
    image.first = (long)(av_random_u64() % (uint64_t)image.step);
    printf("    %zu files, %zu bytes, every %ld. from %ld\n", image.file_n, image.byte_n, image.step, image.first);
    (void)in_lanes(flip_chunk, seen, ((long)image.byte_n / image.step + CHUNK) / CHUNK);
    for (size_t i = 0; i < 4096; i++) {
        sum.discarded += seen[i].discarded;
        sum.told += seen[i].told;
        sum.shorter += seen[i].shorter;
        sum.harmless += seen[i].harmless;
    }
    printf("    thrown away %u, told when read %u, an earlier position %u, harmless %u\n", sum.discarded, sum.told,
        sum.shorter, sum.harmless);
    for (size_t i = 0; i < image.file_n; i++)
        av_buf_release(&image.files[i].bytes);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", getenv("AV_LOUD") != NULL ? AV_LOG_WARN : AV_LOG_ERROR + 1, false);
    AV_RUN(test_rot);
    return av_check_done();
}
