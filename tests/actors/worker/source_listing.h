/*
 * source_listing.h - walk a source whole and keep what it gave, for the tests
 */
#ifndef AV_TESTS_SOURCE_LISTING_H
#define AV_TESTS_SOURCE_LISTING_H

#include "actors/worker/source.h"
#include "base/encode.h"
#include "tests/check.h"

#include <sys/stat.h>
#include <unistd.h>

typedef struct listed {
    char *path, *folder, *refused, *note;
    uint32_t flags;
    int64_t received_unix_s;
    uint64_t size_bytes;
    uint8_t *bytes;
} listed;

typedef struct listing {
    listed *items;
    size_t count, delivered, not_found;
    char error[400]; /* the last AV_ERR_NOT_FOUND */
} listing;

static void
listing_release(listing *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].path);
        free(l->items[i].folder);
        free(l->items[i].refused);
        free(l->items[i].note);
        free(l->items[i].bytes);
    }
    free(l->items);
    *l = (listing){ 0 };
}

static char *
joined(const av_source_item *item)
{
    char *all = av_xstrdup("");

    for (size_t i = 0; i < item->folder_depth; i++) {
        char *more = av_xasprintf("%s%s%s", all, i == 0 ? "" : "/", item->folder[i]);

        free(all);
        all = more;
    }
    return all;
}

/* All bytes of the current item, in odd portions, or none when keep is false. */
static void
listing_read(av_source *src, listed *to, bool keep, size_t portion)
{
    uint64_t at = 0;
    size_t n = 1;
    av_error err;

    if (!keep)
        return;
    to->bytes = av_xalloc((size_t)to->size_bytes + portion + 1);
    while (n > 0 && at <= to->size_bytes) {
        if (!AV_CHECK(av_source_read(src, to->bytes + at, portion, &n, &err) == AV_OK)) {
            printf("    %s\n", err.msg);
            return;
        }
        at += n;
    }
    AV_CHECK_INT(at, to->size_bytes);
}

static void
listing_walk(av_source *src, bool keep, size_t portion, listing *l)
{
    size_t cap = 0;

    for (;;) {
        av_source_item item;
        bool more = false;
        av_error err;
        av_errc rc = av_source_next(src, &item, &more, &err);
        listed *to;

        if (rc == AV_ERR_NOT_FOUND) {
            l->not_found++;
            (void)snprintf(l->error, sizeof l->error, "%s", err.msg);
            continue;
        }
        AV_CHECK_RC(rc, AV_OK, &err);
        if (rc != AV_OK || !more)
            return;
        if (l->count == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            l->items = av_xrealloc(l->items, cap * sizeof *l->items);
        }
        to = &l->items[l->count++];
        *to = (listed){ .path = av_xstrdup(item.path),
            .folder = joined(&item),
            .refused = item.refused == NULL ? NULL : av_xstrdup(item.refused),
            .note = item.note == NULL ? NULL : av_xstrdup(item.note),
            .flags = item.flags,
            .received_unix_s = item.received_unix_s,
            .size_bytes = item.size_bytes };
        l->delivered += item.refused == NULL;
        listing_read(src, to, keep && item.refused == NULL, portion);
    }
}

static void
listing_of(const char *path, const av_source_options *options, bool keep, listing *ret)
{
    AV_CLEANUP(av_source_destroy) av_source *src = NULL;
    av_source_options none = { 0 };
    av_error err;

    *ret = (listing){ 0 };
    AV_CHECK_RC(av_source_open(options == NULL ? &none : options, &path, 1, &src, &err), AV_OK, &err);
    if (src != NULL)
        listing_walk(src, keep, 7001, ret);
}

/* A fresh folder under the system's temporary one; remove it with listing_remove. */
__attribute__((unused)) static char *
listing_folder(void)
{
    char *dir = av_xstrdup("/tmp/av-source-XXXXXX");

    if (mkdtemp(dir) == NULL)
        abort();
    return dir;
}

/* Runs a command line made of our own words and temporary names. */
__attribute__((unused)) static bool
listing_run(const char *fmt, const char *a, const char *b)
{
    AV_CLEANUP(av_free) char *line = av_xasprintf(fmt, a, b);

    return system(line) == 0;
}

__attribute__((unused)) static void
listing_write(const char *dir, const char *name, const void *bytes, size_t n)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "wb");

    if (f == NULL || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        abort();
}

#endif
