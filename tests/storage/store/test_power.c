/*
 * test_power.c - the power goes at a random moment: writes since the last fdatasync are lost, torn at sectors,
 * reordered
 *
 * A model of the disk stands behind av_file_ops: each file has the bytes that are durable and the calls since. At the
 * cut every later call fails; then, after some such deaths of the process alone, the files are rewritten as a disk
 * might show them. Seeds are printed: AV_SEED=n runs one.
 */
#include <errno.h>

#include "storage/container/container.h"
#include "tests/storage/store/help.h"

#define FILES       64
#define PENDING     256
#define SECTOR      512U
#define GENERATIONS 12
#define ACKED       2048

struct pending {
    bool truncate;
    uint64_t at;
    size_t n;
    uint8_t *bytes;
};

struct model_file {
    char now[200], durable_name[200]; /* "" : no such name */
    uint8_t *durable;
    size_t durable_n;
    struct pending pending[PENDING];
    size_t pending_n;
};

static struct {
    struct model_file files[FILES];
    size_t file_n;
    struct model_file *of_fd[1024];
    long calls, cut_at;
    uint64_t random;
} disk;

static const av_file_ops *real;

static uint64_t
roll(uint64_t below)
{
    disk.random = disk.random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (disk.random >> 33) % below;
}

static bool
is_dead(void)
{
    if (disk.calls++ < disk.cut_at)
        return false;
    errno = EIO;
    return true;
}

static struct model_file *
find_file(const char *path)
{
    for (size_t i = 0; i < disk.file_n; i++)
        if (strcmp(disk.files[i].now, path) == 0)
            return &disk.files[i];
    return NULL;
}

static void
add_pending(struct model_file *f, bool truncate, uint64_t at, const void *bytes, size_t n)
{
    struct pending *p = &f->pending[f->pending_n++];

    if (f->pending_n > PENDING) {
        printf("the model has too few places for writes\n");
        exit(1);
    }
    *p = (struct pending){ .truncate = truncate, .at = at, .n = n, .bytes = malloc(n + 1) };
    if (n > 0)
        memcpy(p->bytes, bytes, n);
}

static void
apply(struct model_file *f, uint64_t at, const uint8_t *bytes, size_t n)
{
    if (at + n > f->durable_n) {
        f->durable = realloc(f->durable, at + n);
        memset(f->durable + f->durable_n, 0, at + n - f->durable_n);
        f->durable_n = at + n;
    }
    memcpy(f->durable + at, bytes, n);
}

static void
forget_pending(struct model_file *f)
{
    for (size_t i = 0; i < f->pending_n; i++)
        free(f->pending[i].bytes);
    f->pending_n = 0;
}

static struct model_file *
track(int fd, const char *path, bool fresh)
{
    struct model_file *f = &disk.files[disk.file_n++];
    off_t size = lseek(fd, 0, SEEK_END);

    if (disk.file_n > FILES) {
        printf("the model has too few places for files\n");
        exit(1);
    }
    *f = (struct model_file){ 0 };
    (void)snprintf(f->now, sizeof f->now, "%s", path);
    if (fresh)
        return f;
    (void)snprintf(f->durable_name, sizeof f->durable_name, "%s", path);
    f->durable = malloc((size_t)size + 1);
    f->durable_n = (size_t)size;
    if (pread(fd, f->durable, (size_t)size, 0) != size)
        exit(1);
    return f;
}

static int
m_open(const char *path, int flags, mode_t mode)
{
    bool fresh = access(path, F_OK) != 0;
    int fd;

    if (is_dead())
        return -1;
    fd = real->open(path, flags, mode);
    if (fd < 0 || fd >= 1024)
        return fd;
    disk.of_fd[fd] = NULL;
    if ((flags & O_DIRECTORY) == 0 && (flags & O_ACCMODE) != O_RDONLY) {
        disk.of_fd[fd] = find_file(path);
        if (disk.of_fd[fd] == NULL)
            disk.of_fd[fd] = track(fd, path, fresh || (flags & O_TRUNC) != 0);
        if (flags & O_TRUNC)
            add_pending(disk.of_fd[fd], true, 0, NULL, 0);
    }
    return fd;
}

static ssize_t
m_pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (is_dead())
        return -1;
    add_pending(disk.of_fd[fd], false, (uint64_t)at, p, n);
    return real->pwrite(fd, p, n, at);
}

static int
m_ftruncate(int fd, off_t n)
{
    if (is_dead())
        return -1;
    add_pending(disk.of_fd[fd], true, (uint64_t)n, NULL, 0);
    return real->ftruncate(fd, n);
}

static void
make_durable(struct model_file *f)
{
    for (size_t i = 0; i < f->pending_n; i++) {
        struct pending *p = &f->pending[i];

        if (!p->truncate)
            apply(f, p->at, p->bytes, p->n);
        else if (p->at < f->durable_n)
            f->durable_n = p->at;
    }
    forget_pending(f);
}

static int
m_fdatasync(int fd)
{
    if (is_dead())
        return -1;
    make_durable(disk.of_fd[fd]);
    return 0;
}

/* Of a folder: the names are durable now. */
static int
m_fsync(int fd)
{
    (void)fd;
    if (is_dead())
        return -1;
    for (size_t i = 0; i < disk.file_n; i++)
        memcpy(disk.files[i].durable_name, disk.files[i].now, sizeof disk.files[i].now);
    return 0;
}

static int
m_rename(const char *from, const char *to)
{
    struct model_file *f = find_file(from);

    if (is_dead())
        return -1;
    if (f != NULL)
        (void)snprintf(f->now, sizeof f->now, "%s", to);
    return real->rename(from, to);
}

static int
m_unlink(const char *path)
{
    return is_dead() ? -1 : real->unlink(path);
}

/* What a disk might have of the calls since the last sync: any of them, in any order, in part. */
static void
tear(struct model_file *f)
{
    uint64_t manner = roll(4); /* 0: nothing came, 1: all came, else: some */

    if (manner == 1)
        make_durable(f);
    for (size_t i = f->pending_n; manner > 1 && i > 1; i--) {
        size_t j = (size_t)roll(i);
        struct pending kept = f->pending[i - 1];

        f->pending[i - 1] = f->pending[j];
        f->pending[j] = kept;
    }
    for (size_t i = 0; manner > 1 && i < f->pending_n; i++) {
        struct pending *p = &f->pending[i];

        if (p->truncate && roll(2) == 0 && p->at < f->durable_n)
            f->durable_n = p->at;
        for (size_t done = 0; !p->truncate && done < p->n;) {
            size_t n = AV_MIN(p->n - done, SECTOR - (p->at + done) % SECTOR);

            if (roll(3) != 0)
                apply(f, p->at + done, p->bytes + done, n);
            done += n;
        }
    }
    forget_pending(f);
}

static void
show_disk(void)
{
    for (size_t i = 0; i < disk.file_n; i++) {
        struct model_file *f = &disk.files[i];
        const char *name = roll(2) ? f->now : f->durable_name;
        FILE *out;

        tear(f);
        (void)unlink(f->now);
        if (f->durable_name[0] != '\0')
            (void)unlink(f->durable_name);
        out = name[0] == '\0' ? NULL : fopen(name, "wb");
        if (out != NULL) {
            AV_CHECK(f->durable_n == 0 || fwrite(f->durable, 1, f->durable_n, out) == f->durable_n);
            (void)fclose(out);
        }
        free(f->durable);
    }
    disk.file_n = 0;
}

/* --- the session ------------------------------------------------------------------------------------------------ */

struct acked {
    uint64_t lsn, seed;
    size_t size;
};

static struct acked acked[ACKED];
static size_t acked_n;
static uint64_t witness, next_seed;

static size_t
size_of(uint64_t seed)
{
    return seed % 7 == 0 ? 30000 : (size_t)(seed * 37 % 2500);
}

static bool
run_group(av_store *store)
{
    size_t count = (size_t)roll(4) + 1, first = acked_n;
    bool give_up = roll(8) == 0;
    av_error err;
    uint64_t end = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = next_seed++, lsn = 0;
        av_span m = message_new(size_of(seed), seed);
        av_errc rc = av_store_put_message(store, m, NULL, &lsn, &err);

        message_free(m);
        if (rc != AV_OK)
            return false;
        acked[first + i] = (struct acked){ .lsn = lsn, .seed = seed, .size = size_of(seed) };
    }
    if (give_up)
        return av_store_rollback(store, &err) == AV_OK;
    if (av_store_commit(store, &end, &err) != AV_OK)
        return false;
    acked_n += count;
    witness = end;
    return true;
}

/* Until the calls fail. */
static void
run_writer(const av_store_config *config)
{
    av_store *store = NULL;
    av_error err;

    disk.calls = 0;
    disk.cut_at = (long)roll(roll(2) ? 80 : 12) + 1; /* often right after the open */
    if (av_store_open(config, roll(2) ? witness : 0, &store, &err) != AV_OK)
        return;
    AV_CHECK(av_store_problem(store) == NULL);
    /* A group whose writer died before its fdatasync may be here: from now on the view has it, and it must stay. */
    witness = av_store_committed_lsn(store);
    while (acked_n + 8 < ACKED && run_group(store))
        ;
    av_store_close(&store);
}

static void
run_until_cut(const av_store_config *config)
{
    av_file_ops ops = *av_file_ops_get();

    real = av_file_ops_get();
    ops.open = m_open;
    ops.pwrite = m_pwrite;
    ops.ftruncate = m_ftruncate;
    ops.fdatasync = m_fdatasync;
    ops.fsync = m_fsync;
    ops.rename = m_rename;
    ops.unlink = m_unlink;
    av_file_ops_set(&ops);
    do
        run_writer(config);
    while (roll(2)); /* at first only the process dies: what it wrote stands in the page cache */
    av_file_ops_set(NULL);
    show_disk();
}

static void
check_disk(const av_store_config *config)
{
    av_store *store = NULL;
    av_error err;

    AV_CHECK_RC(av_store_open(config, roll(2) ? witness : 0, &store, &err), AV_OK, &err);
    if (store == NULL)
        return;
    if (!AV_CHECK(av_store_problem(store) == NULL))
        printf("    %s\n", av_store_problem(store));
    AV_CHECK(av_store_committed_lsn(store) >= witness);
    for (size_t i = 0; i < acked_n; i++)
        AV_CHECK_INT(look(store, acked[i].lsn, acked[i].size, acked[i].seed), 1);
    av_store_close(&store);
}

static void
run_seed(uint64_t seed)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store;
    unsigned long failed = av_check_failed;

    memset(&disk, 0, sizeof disk);
    disk.random = seed;
    acked_n = 0;
    witness = 0;
    config.max_container_bytes = 65536;
    store = store_new(&config);
    av_store_close(&store);
    for (int g = 0; g < GENERATIONS && av_check_failed == failed; g++) {
        run_until_cut(&config);
        check_disk(&config);
    }
    if (av_check_failed != failed)
        printf("    AV_SEED=%llu\n", (unsigned long long)seed);
    dir_remove(&d);
}

static void
test_power_cuts(void)
{
    const char *one = getenv("AV_SEED"), *rounds = getenv("AV_ROUNDS");
    uint64_t n = rounds != NULL ? strtoull(rounds, NULL, 10) : 25, seed = av_random_u64() >> 16;

    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    printf(
        "    seeds from %llu, %llu rounds of %d cuts\n", (unsigned long long)seed, (unsigned long long)n, GENERATIONS);
    for (uint64_t i = 0; i < n; i++)
        run_seed(seed + i);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_power_cuts);
    return av_check_done();
}
