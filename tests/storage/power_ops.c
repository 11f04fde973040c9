/*
 * power_ops.c - see power_ops.h
 */
#include "tests/storage/power_ops.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

#define SECTOR 512U
#define FDS    4096

struct change {
    bool truncate;
    uint64_t at;
    size_t n;
    uint8_t *bytes;
};

struct inode {
    uint8_t *durable;
    size_t durable_n;
    struct change *pending;
    size_t pending_n, pending_room;
    bool torn;
};

struct name {
    char *path;
    struct inode *now, *durable; /* NULL: no such name */
};

/* name a is i, and, for a rename, name b is no more: both or none. */
struct name_change {
    size_t a, b; /* b: NO_NAME */
    struct inode *i;
    bool done;
};

#define NO_NAME SIZE_MAX

static struct {
    struct inode **inodes;
    struct name *names;
    struct name_change *changes;
    size_t inode_n, name_n, change_n;
    struct inode *of_fd[FDS];
    char *folder_of_fd[FDS];
    long calls, cut_at;
    bool cut;
    uint64_t random;
} disk;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const av_file_ops *behind;
static av_file_ops ops;

static void
lock(void)
{
    (void)pthread_mutex_lock(&mutex);
}

/* For the end of a call: its answer, with errno kept. */
static int
unlocked(int rc)
{
    int kept = errno;

    (void)pthread_mutex_unlock(&mutex);
    errno = kept;
    return rc;
}

uint64_t
power_ops_roll(uint64_t below)
{
    disk.random = disk.random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (disk.random >> 33) % below;
}

static bool
is_dead(void)
{
    if (disk.calls++ < disk.cut_at)
        return false;
    disk.cut = true;
    errno = EIO;
    return true;
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static struct inode *
inode_new(void)
{
    disk.inodes = av_xrealloc(disk.inodes, (disk.inode_n + 1) * sizeof(struct inode *));
    return disk.inodes[disk.inode_n++] = av_xcalloc(1, sizeof(struct inode));
}

/* What stands at path before the model knew of it is durable. NULL: no file. */
static struct inode *
inode_of_disk(const char *path)
{
    struct stat st;
    struct inode *i;
    FILE *f;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    i = inode_new();
    i->durable_n = (size_t)st.st_size;
    i->durable = av_xalloc(i->durable_n + 1);
    f = fopen(path, "rb");
    if (f == NULL || fread(i->durable, 1, i->durable_n, f) != i->durable_n) {
        printf("the model cannot read %s\n", path);
        exit(1);
    }
    (void)fclose(f);
    return i;
}

static size_t
name_of(const char *path)
{
    for (size_t k = 0; k < disk.name_n; k++)
        if (strcmp(disk.names[k].path, path) == 0)
            return k;
    disk.names = av_xrealloc(disk.names, (disk.name_n + 1) * sizeof *disk.names);
    disk.names[disk.name_n] = (struct name){ .path = av_xstrdup(path), .now = inode_of_disk(path) };
    disk.names[disk.name_n].durable = disk.names[disk.name_n].now;
    return disk.name_n++;
}

static void
add_change(struct inode *i, bool truncate, uint64_t at, const void *bytes, size_t n)
{
    struct change *c;

    if (i->pending_n == i->pending_room) {
        i->pending_room = 2 * i->pending_room + 8;
        i->pending = av_xrealloc(i->pending, i->pending_room * sizeof *i->pending);
    }
    c = &i->pending[i->pending_n++];
    *c = (struct change){ .truncate = truncate, .at = at, .n = n, .bytes = av_xalloc(n + 1) };
    if (n > 0)
        memcpy(c->bytes, bytes, n);
}

static void
apply(struct inode *i, uint64_t at, const uint8_t *bytes, size_t n)
{
    if (at + n > i->durable_n) {
        i->durable = av_xrealloc(i->durable, at + n);
        memset(i->durable + i->durable_n, 0, at + n - i->durable_n);
        i->durable_n = at + n;
    }
    memcpy(i->durable + at, bytes, n);
}

static void
forget_pending(struct inode *i)
{
    for (size_t k = 0; k < i->pending_n; k++)
        free(i->pending[k].bytes);
    i->pending_n = 0;
}

static void
make_durable(struct inode *i)
{
    for (size_t k = 0; k < i->pending_n; k++) {
        const struct change *c = &i->pending[k];

        if (!c->truncate)
            apply(i, c->at, c->bytes, c->n);
        else if (c->at < i->durable_n)
            i->durable_n = c->at;
    }
    forget_pending(i);
}

/* --- names ------------------------------------------------------------------------------------------------------ */

static void
add_name_change(size_t a, struct inode *i, size_t b)
{
    disk.changes = av_xrealloc(disk.changes, (disk.change_n + 1) * sizeof *disk.changes);
    disk.changes[disk.change_n++] = (struct name_change){ .a = a, .b = b, .i = i };
    disk.names[a].now = i;
    if (b != NO_NAME)
        disk.names[b].now = NULL;
}

static void
do_name_change(struct name_change *c)
{
    if (c->done)
        return;
    c->done = true;
    disk.names[c->a].durable = c->i;
    if (c->b != NO_NAME)
        disk.names[c->b].durable = NULL;
}

static bool
is_in(size_t name, const char *folder)
{
    const char *path = disk.names[name].path, *slash = strrchr(path, '/');
    size_t n = strlen(folder);

    return slash != NULL && (size_t)(slash - path) == n && memcmp(path, folder, n) == 0;
}

static void
sync_folder(const char *folder)
{
    for (size_t k = 0; k < disk.change_n; k++)
        if (is_in(disk.changes[k].a, folder) || (disk.changes[k].b != NO_NAME && is_in(disk.changes[k].b, folder)))
            do_name_change(&disk.changes[k]);
}

/* --- the calls -------------------------------------------------------------------------------------------------- */

/* Of an open that went well. */
static void
note_open(int fd, const char *path, int flags, size_t name)
{
    size_t n = strlen(path);

    if (fd >= FDS) {
        printf("the model has too few places for open files\n");
        exit(1);
    }
    disk.of_fd[fd] = NULL;
    free(disk.folder_of_fd[fd]);
    disk.folder_of_fd[fd] = NULL;
    if ((flags & O_DIRECTORY) != 0) {
        disk.folder_of_fd[fd] = av_xstrdup(path);
        while (n > 1 && disk.folder_of_fd[fd][n - 1] == '/')
            disk.folder_of_fd[fd][--n] = '\0';
    } else if (name != NO_NAME) {
        if (disk.names[name].now == NULL)
            add_name_change(name, inode_new(), NO_NAME);
        else if ((flags & O_TRUNC) != 0)
            add_change(disk.names[name].now, true, 0, NULL, 0);
        disk.of_fd[fd] = disk.names[name].now;
    }
}

static int
m_open(const char *path, int flags, mode_t mode)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    size_t name = NO_NAME;
    int fd;

    lock();
    if (writes && is_dead())
        return unlocked(-1);
    if (writes)
        name = name_of(path); /* before: to see what stands there */
    fd = behind->open(path, flags, mode);
    if (fd >= 0)
        note_open(fd, path, flags, name);
    return unlocked(fd);
}

static int
m_close(int fd)
{
    lock();
    if (fd < FDS) {
        disk.of_fd[fd] = NULL;
        free(disk.folder_of_fd[fd]);
        disk.folder_of_fd[fd] = NULL;
    }
    return unlocked(behind->close(fd));
}

static ssize_t
m_pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t put = -1;

    lock();
    if (!is_dead())
        put = behind->pwrite(fd, p, n, at);
    if (put > 0 && disk.of_fd[fd] != NULL)
        add_change(disk.of_fd[fd], false, (uint64_t)at, p, (size_t)put);
    (void)unlocked(0);
    return put;
}

static int
m_ftruncate(int fd, off_t n)
{
    int rc = -1;

    lock();
    if (!is_dead())
        rc = behind->ftruncate(fd, n);
    if (rc == 0 && disk.of_fd[fd] != NULL)
        add_change(disk.of_fd[fd], true, (uint64_t)n, NULL, 0);
    return unlocked(rc);
}

static int
m_sync(int fd)
{
    lock();
    if (is_dead())
        return unlocked(-1);
    if (disk.of_fd[fd] != NULL)
        make_durable(disk.of_fd[fd]);
    if (disk.folder_of_fd[fd] != NULL)
        sync_folder(disk.folder_of_fd[fd]);
    return unlocked(0);
}

static int
m_rename(const char *from, const char *to)
{
    size_t a, b;
    int rc;

    lock();
    if (is_dead())
        return unlocked(-1);
    a = name_of(to);
    b = name_of(from);
    if (disk.names[b].now == NULL) {
        printf("the model renames files only: %s\n", from);
        exit(1);
    }
    rc = behind->rename(from, to);
    if (rc == 0)
        add_name_change(a, disk.names[b].now, b);
    return unlocked(rc);
}

static int
m_unlink(const char *path)
{
    size_t a;
    int rc;

    lock();
    if (is_dead())
        return unlocked(-1);
    a = name_of(path);
    rc = behind->unlink(path);
    if (rc == 0)
        add_name_change(a, NULL, NO_NAME);
    return unlocked(rc);
}

static int
m_link(const char *from, const char *to)
{
    size_t a, b;
    int rc;

    lock();
    if (is_dead())
        return unlocked(-1);
    a = name_of(to);
    b = name_of(from);
    rc = behind->link(from, to);
    if (rc == 0)
        add_name_change(a, disk.names[b].now, NO_NAME);
    return unlocked(rc);
}

static int
m_mkdir(const char *path, mode_t mode)
{
    lock();
    return unlocked(is_dead() ? -1 : behind->mkdir(path, mode));
}

static int
m_rmdir(const char *path)
{
    lock();
    return unlocked(is_dead() ? -1 : behind->rmdir(path));
}

/* --- the cut ---------------------------------------------------------------------------------------------------- */

/* What a disk might have of the writes since the last sync: any of them, in any order, in part. */
static void
tear(struct inode *i)
{
    uint64_t manner = power_ops_roll(4); /* 0: nothing came, 1: all came, else: some */

    if (i->torn)
        return;
    i->torn = true;
    if (manner == 1)
        make_durable(i);
    for (size_t k = i->pending_n; manner > 1 && k > 1; k--) {
        size_t j = (size_t)power_ops_roll(k);
        struct change kept = i->pending[k - 1];

        i->pending[k - 1] = i->pending[j];
        i->pending[j] = kept;
    }
    for (size_t k = 0; manner > 1 && k < i->pending_n; k++) {
        const struct change *c = &i->pending[k];

        if (c->truncate && power_ops_roll(2) == 0 && c->at < i->durable_n)
            i->durable_n = c->at;
        for (size_t done = 0; !c->truncate && done < c->n;) {
            size_t n = AV_MIN(c->n - done, SECTOR - (c->at + done) % SECTOR);

            if (power_ops_roll(3) != 0)
                apply(i, c->at + done, c->bytes + done, n);
            done += n;
        }
    }
}

static void
show_name(const struct name *name)
{
    struct inode *i = name->durable;
    FILE *out;

    (void)unlink(name->path);
    if (i == NULL)
        return;
    tear(i);
    out = fopen(name->path, "wb");
    if (out == NULL && errno == ENOENT)
        return; /* its folder was removed, which is durable at once */
    if (out == NULL || (i->durable_n > 0 && fwrite(i->durable, 1, i->durable_n, out) != i->durable_n)) {
        printf("the model cannot write %s\n", name->path);
        exit(1);
    }
    (void)fclose(out);
}

static void
forget_all(void)
{
    for (size_t k = 0; k < disk.inode_n; k++) {
        forget_pending(disk.inodes[k]);
        free(disk.inodes[k]->pending);
        free(disk.inodes[k]->durable);
        free(disk.inodes[k]);
    }
    for (size_t k = 0; k < disk.name_n; k++)
        free(disk.names[k].path);
    for (size_t k = 0; k < FDS; k++)
        free(disk.folder_of_fd[k]);
    memset(disk.of_fd, 0, sizeof disk.of_fd);
    memset(disk.folder_of_fd, 0, sizeof disk.folder_of_fd);
    free(disk.inodes);
    free(disk.names);
    free(disk.changes);
    disk.inodes = NULL;
    disk.names = NULL;
    disk.changes = NULL;
    disk.inode_n = disk.name_n = disk.change_n = 0;
}

void
power_ops_show(void)
{
    size_t kept;

    lock();
    kept = (size_t)power_ops_roll(disk.change_n + 1);
    for (size_t k = 0; k < kept; k++)
        do_name_change(&disk.changes[k]);
    for (size_t k = 0; k < disk.name_n; k++)
        show_name(&disk.names[k]);
    forget_all();
    (void)unlocked(0);
}

void
power_ops_begin(uint64_t seed)
{
    forget_all();
    disk.random = seed;
}

void
power_ops_on(long cut_at)
{
    disk.calls = 0;
    disk.cut_at = cut_at;
    disk.cut = false;
    behind = av_file_ops_get();
    ops = (av_file_ops){ m_open, m_close, behind->pread, m_pwrite, m_sync, m_sync, m_ftruncate, m_rename, m_unlink,
        m_link, m_mkdir, m_rmdir };
    av_file_ops_set(&ops);
}

bool
power_ops_off(void)
{
    av_file_ops_set(behind);
    return disk.cut;
}
