/*
 * test_rot.c - every byte of a small sealed database changed in turn: it is told, or it does no harm, and no read gives
 * other bytes
 *
 * Told: the database does not open, or a read is an error. In the write-ahead log what follows the damage may be gone: its
 * end is also where a power cut tears, and RocksDB takes one for the other. Mostly it warns; where a length was hit so that
 * a record seems to reach beyond the end, it does not. AV_ROUNDS set: each byte; else each ninth, from a random one.
 *
 * The top bit is left alone: in one byte of a table, the last of its properties block, it makes RocksDB 7.8 as Debian
 * builds it (with assertions) abort before it looks at the checksum (docs/format-database.md).
 */
#include <sys/mman.h>

#include "tests/storage/sealed/help.h"

#define FILES   16
#define IN_DISK 20L /* groups in a table */
#define GROUPS  30L /* groups in all; the others stand in the WAL */
#define CHUNK   64L

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

/* The files of a live database, as a killed process would leave them. */
static bool
take_image(void *ctx, long lane)
{
    test_dir d = dir_new();
    av_meta *meta = NULL;
    av_error err;

    (void)lane;
    AV_CHECK_RC(sealed_open(d.path, &meta, &err), AV_OK, &err);
    for (long g = 1; g <= GROUPS; g++) {
        AV_CHECK_RC(put_group(meta, (uint64_t)g, true, &err), AV_OK, &err);
        if (g == IN_DISK)
            AV_CHECK_RC(av_meta_trim(meta, &err), AV_OK, &err);
    }
    AV_CHECK(rename(d.path, ctx) == 0); /* it holds them open; nobody closes it */
    return true;
}

struct outcome {
    unsigned refused, unread, shorter, silent, harmless;
};

static bool
is_wal(const char *name)
{
    size_t n = strlen(name);

    return n > 4 && strcmp(name + n - 4, ".log") == 0;
}

static void
flip(size_t file, size_t at, struct outcome *seen)
{
    test_dir d = dir_new();
    av_meta *meta = NULL;
    av_error err;
    av_errc rc;
    long state;

    (void)lseek(STDERR_FILENO, 0, SEEK_SET);
    AV_CHECK(ftruncate(STDERR_FILENO, 0) == 0);
    for (size_t i = 0; i < image.file_n; i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", d.path, image.files[i].name);
        uint8_t *p = (uint8_t *)(uintptr_t)av_buf_span(&image.files[i].bytes).p;

        if (i == file)
            p[at] ^= (uint8_t)(1U << at % 7);
        spill(path, av_buf_span(&image.files[i].bytes));
        if (i == file)
            p[at] ^= (uint8_t)(1U << at % 7);
    }
    rc = sealed_open(d.path, &meta, &err);
    if (rc != AV_OK) {
        seen->refused++;
        AV_CHECK(rc == AV_ERR_CORRUPT || rc == AV_ERR_AUTH || rc == AV_ERR_VERSION);
    } else {
        state = read_state(meta);
        if (state == STATE_ERROR)
            seen->unread++;
        else if (state == GROUPS)
            seen->harmless++;
        else if (lseek(STDERR_FILENO, 0, SEEK_END) > 0)
            seen->shorter++;
        else
            seen->silent++;
        if (!AV_CHECK(state == STATE_ERROR || state == GROUPS || (is_wal(image.files[file].name) && state >= IN_DISK)))
            printf("    %ld groups\n", state);
    }
    if (av_check_failed != 0)
        printf("    byte %zu of %s: %d %s\n", at, image.files[file].name, (int)rc, rc != AV_OK ? err.msg : "");
    av_meta_close(&meta);
    dir_remove(&d);
}

static bool
flip_chunk(void *ctx, long lane)
{
    struct outcome *seen = (struct outcome *)ctx + lane % 4096;
    long from = image.first + lane * CHUNK * image.step;
    int warnings = memfd_create("warnings", 0);

    AV_CHECK(warnings >= 0 && dup2(warnings, STDERR_FILENO) == STDERR_FILENO);
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
    image.step = getenv("AV_ROUNDS") != NULL ? 1 : 9;
    image.first = (long)(av_random_u64() % (uint64_t)image.step);
    printf("    %zu files, %zu bytes, every %ld. from %ld\n", image.file_n, image.byte_n, image.step, image.first);
    (void)in_lanes(flip_chunk, seen, ((long)image.byte_n / image.step + CHUNK) / CHUNK);
    for (size_t i = 0; i < 4096; i++) {
        sum.refused += seen[i].refused;
        sum.unread += seen[i].unread;
        sum.shorter += seen[i].shorter;
        sum.silent += seen[i].silent;
        sum.harmless += seen[i].harmless;
    }
    printf("    %u did not open, %u were read errors, %u cut the WAL with a warning and %u without, %u did no harm\n",
        sum.refused, sum.unread, sum.shorter, sum.silent, sum.harmless);
    AV_CHECK(sum.refused > 0 && sum.unread > 0 && sum.shorter > 0 && sum.silent < sum.shorter / 10);
    for (size_t i = 0; i < image.file_n; i++)
        av_buf_release(&image.files[i].bytes);
    (void)munmap(seen, 4096 * sizeof *seen);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", AV_LOG_WARN, false);
    AV_RUN(test_rot);
    return av_check_done();
}
