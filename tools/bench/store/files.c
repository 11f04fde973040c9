/*
 * files.c - the folders of an archive as files: how large, and out of the page cache
 */
#include "tools/bench/store/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef void visit_fn(void *ctx, const char *path, const struct stat *st);

/* Each file in dir and the folders in it. A missing folder has none. */
static void
walk(const char *dir, visit_fn *visit, void *ctx)
{
    DIR *d = opendir(dir);
    char path[PATH_MAX];
    struct dirent *e;
    struct stat st;

    if (d == NULL)
        return;
    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path || lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            walk(path, visit, ctx);
        else
            visit(ctx, path, &st);
    }
    (void)closedir(d);
}

static void
add_size(void *ctx, AV_UNUSED const char *path, const struct stat *st)
{
    *(uint64_t *)ctx += (uint64_t)st->st_size;
}

static void
cool(AV_UNUSED void *ctx, const char *path, AV_UNUSED const struct stat *st)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)close(fd);
}

uint64_t
bench_folder_bytes(const char *dir)
{
    uint64_t sum = 0;

    walk(dir, add_size, &sum);
    return sum;
}

void
bench_archive_bytes(const char *dir, uint64_t *ret_content, uint64_t *ret_views)
{
    char path[PATH_MAX];
    uint64_t all = 0;

    *ret_content = 0;
    (void)snprintf(path, sizeof path, "%s/content", dir);
    walk(path, add_size, ret_content);
    walk(dir, add_size, &all);
    *ret_views = all - *ret_content;
}

void
bench_archive_cool(const char *dir)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/content", dir);
    walk(path, cool, NULL);
}
