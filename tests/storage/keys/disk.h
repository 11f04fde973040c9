/*
 * disk.h - a disk that can lose its power: what was not synced may be there, or not, or half
 *
 * It stands behind av_file_ops and keeps, beside the real files, what a cut would leave: for each name the file it
 * stands for now and durably (a name is durable after fsync of its folder), for each file its bytes now and durably.
 * From call number cut_at on every call fails. disk_power_cut then makes the real files one of the states the cut
 * allows; without it only the process died, and what lay in memory is still seen, and still not durable.
 */
#ifndef AV_TESTS_KEYS_DISK_H
#define AV_TESTS_KEYS_DISK_H

#include <errno.h>

#include "tests/storage/keys/help.h"

#define DISK_NAMES  256
#define DISK_INODES 4096
#define DISK_SECTOR 64U /* small, so that small files are torn, too */

typedef struct disk_bytes {
    uint8_t *p;
    size_t n;
} disk_bytes;

static struct {
    struct {
        char path[240];
        int now, durable; /* inode, or -1 */
    } names[DISK_NAMES];
    struct {
        disk_bytes now, durable;
    } inodes[DISK_INODES];
    int n_names, n_inodes;
    int of_fd[1024]; /* inode of a file, or -1 */
    char folder_of_fd[1024][200];
    long calls, cut_at; /* cut_at < 0: never */
    bool once;          /* only that one call fails: a fault, not a cut */
    int error;
    uint64_t random;
} disk;

static const av_file_ops *disk_real;

static bool
disk_fails(void)
{
    bool fails = disk.cut_at >= 0 && (disk.once ? disk.calls == disk.cut_at : disk.calls >= disk.cut_at);

    disk.calls++;
    if (fails)
        errno = disk.error;
    return fails;
}

static void
disk_set(disk_bytes *b, const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n + 1);

    if (n > 0)
        memcpy(copy, p, n);
    free(b->p);
    *b = (disk_bytes){ copy, n };
}

static int
disk_name(const char *path)
{
    for (int i = 0; i < disk.n_names; i++)
        if (strcmp(disk.names[i].path, path) == 0)
            return i;
    if (disk.n_names == DISK_NAMES) {
        printf("the disk has too few names\n");
        exit(1);
    }
    (void)snprintf(disk.names[disk.n_names].path, sizeof disk.names[0].path, "%s", path);
    disk.names[disk.n_names].now = disk.names[disk.n_names].durable = -1;
    return disk.n_names++;
}

static int
disk_inode(void)
{
    if (disk.n_inodes == DISK_INODES) {
        printf("the disk has too few files\n");
        exit(1);
    }
    disk_set(&disk.inodes[disk.n_inodes].now, NULL, 0);
    disk_set(&disk.inodes[disk.n_inodes].durable, NULL, 0);
    return disk.n_inodes++;
}

/* A file the model has not met yet is durable as it is. */
static void
disk_learn(const char *path)
{
    uint8_t *bytes;
    struct stat st;
    int fd, name;

    for (int i = 0; i < disk.n_names; i++)
        if (strcmp(disk.names[i].path, path) == 0)
            return;
    name = disk_name(path);
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return;
    AV_CHECK(fstat(fd, &st) == 0);
    bytes = malloc((size_t)st.st_size + 1);
    AV_CHECK_INT(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
    (void)close(fd);
    disk.names[name].now = disk.names[name].durable = disk_inode();
    disk_set(&disk.inodes[disk.names[name].now].now, bytes, (size_t)st.st_size);
    disk_set(&disk.inodes[disk.names[name].now].durable, bytes, (size_t)st.st_size);
    free(bytes);
}

static int
disk_open(const char *path, int flags, mode_t mode)
{
    int fd, name;

    if (disk_fails())
        return -1;
    if ((flags & O_DIRECTORY) == 0)
        disk_learn(path);
    fd = disk_real->open(path, flags, mode);
    if (fd < 0)
        return fd;
    disk.of_fd[fd] = -1;
    (void)snprintf(disk.folder_of_fd[fd], sizeof disk.folder_of_fd[0], "%s", path);
    if (flags & O_DIRECTORY)
        return fd;
    name = disk_name(path);
    if (disk.names[name].now < 0)
        disk.names[name].now = disk_inode();
    disk.of_fd[fd] = disk.names[name].now;
    if (flags & O_TRUNC)
        disk_set(&disk.inodes[disk.of_fd[fd]].now, NULL, 0);
    return fd;
}

static ssize_t
disk_pread(int fd, void *p, size_t n, off_t at)
{
    return disk_fails() ? -1 : disk_real->pread(fd, p, n, at);
}

static void
disk_apply(disk_bytes *b, const uint8_t *p, size_t n, size_t at)
{
    if (at + n > b->n) {
        b->p = realloc(b->p, at + n);
        memset(b->p + b->n, 0, at + n - b->n);
        b->n = at + n;
    }
    memcpy(b->p + at, p, n);
}

static ssize_t
disk_pwrite(int fd, const void *p, size_t n, off_t at)
{
    bool fails = disk_fails();
    size_t part = fails ? n / 2 : n; /* a failing write leaves half */

    if (part > 0) {
        disk_apply(&disk.inodes[disk.of_fd[fd]].now, p, part, (size_t)at);
        (void)!disk_real->pwrite(fd, p, part, at);
    }
    if (fails)
        errno = disk.error;
    return fails ? -1 : (ssize_t)n;
}

static int
disk_fdatasync(int fd)
{
    if (disk_fails())
        return -1;
    disk_set(
        &disk.inodes[disk.of_fd[fd]].durable, disk.inodes[disk.of_fd[fd]].now.p, disk.inodes[disk.of_fd[fd]].now.n);
    return 0;
}

/* Of a folder: the names in it are durable now. */
static int
disk_fsync(int fd)
{
    size_t n = strlen(disk.folder_of_fd[fd]);

    if (disk_fails())
        return -1;
    for (int i = 0; i < disk.n_names; i++)
        if (strncmp(disk.names[i].path, disk.folder_of_fd[fd], n) == 0 && disk.names[i].path[n] == '/' &&
            strchr(disk.names[i].path + n + 1, '/') == NULL)
            disk.names[i].durable = disk.names[i].now;
    return 0;
}

static int
disk_rename(const char *from, const char *to)
{
    int rc, a, b;

    if (disk_fails())
        return -1;
    disk_learn(from);
    disk_learn(to);
    rc = disk_real->rename(from, to);
    if (rc != 0)
        return rc;
    a = disk_name(from);
    b = disk_name(to);
    disk.names[b].now = disk.names[a].now;
    disk.names[a].now = -1;
    return 0;
}

static int
disk_unlink(const char *path)
{
    int rc;

    if (disk_fails())
        return -1;
    disk_learn(path);
    rc = disk_real->unlink(path);
    if (rc == 0)
        disk.names[disk_name(path)].now = -1;
    return rc;
}

static int
disk_mkdir(const char *path, mode_t mode)
{
    return disk_fails() ? -1 : disk_real->mkdir(path, mode);
}

/* Forget all: what is on the real disk is durable from now on, and known when it is opened again. */
static void
disk_reset(void)
{
    for (int i = 0; i < disk.n_inodes; i++) {
        free(disk.inodes[i].now.p);
        free(disk.inodes[i].durable.p);
        disk.inodes[i].now = disk.inodes[i].durable = (disk_bytes){ 0 };
    }
    disk.n_inodes = disk.n_names = 0;
}

static void
disk_install(uint64_t seed)
{
    static const av_file_ops ops_template = {
        .open = disk_open,
        .pread = disk_pread,
        .pwrite = disk_pwrite,
        .fdatasync = disk_fdatasync,
        .fsync = disk_fsync,
        .rename = disk_rename,
        .unlink = disk_unlink,
        .mkdir = disk_mkdir,
    };
    static av_file_ops ops;

    disk_real = disk_real == NULL ? av_file_ops_get() : disk_real;
    ops = ops_template;
    ops.close = disk_real->close;
    ops.ftruncate = disk_real->ftruncate;
    disk_reset();
    disk.random = seed;
    disk.cut_at = -1;
    disk.error = EIO;
    av_file_ops_set(&ops);
}

/* One state the cut allows of one file: each sector new or old. */
static disk_bytes
disk_torn(int inode)
{
    const disk_bytes *now = &disk.inodes[inode].now, *durable = &disk.inodes[inode].durable;
    uint64_t way = roll(&disk.random, 3);
    const disk_bytes *size = way == 0 ? durable : way == 1 ? now : roll(&disk.random, 2) ? now : durable;
    disk_bytes ret = { calloc(1, size->n + 1), size->n };

    for (size_t at = 0; at < ret.n; at += DISK_SECTOR) {
        const disk_bytes *from = way == 0 ? durable : way == 1 ? now : roll(&disk.random, 2) ? now : durable;
        size_t n = AV_MIN((size_t)DISK_SECTOR, ret.n - at);

        if (at < from->n)
            memcpy(ret.p + at, from->p + at, AV_MIN(n, from->n - at));
    }
    return ret;
}

static void
disk_power_cut(void)
{
    for (int i = 0; i < disk.n_names; i++) {
        int inode = roll(&disk.random, 2) ? disk.names[i].now : disk.names[i].durable;
        disk_bytes bytes;
        int fd;

        (void)unlink(disk.names[i].path);
        if (inode < 0)
            continue;
        bytes = disk_torn(inode);
        fd = open(disk.names[i].path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd >= 0) { /* else its folder was removed */
            AV_CHECK_INT(write(fd, bytes.p, bytes.n), bytes.n);
            (void)close(fd);
        }
        free(bytes.p);
    }
    disk_reset();
    disk.cut_at = -1; /* what stays is durable: the model learns it anew */
}

#endif
