/*
 * messages.h - messages of the corpus and made ones, as a source for an index and as what a matcher looks at
 */
#ifndef AV_TESTS_INDEX_MESSAGES_H
#define AV_TESTS_INDEX_MESSAGES_H

#include <ftw.h>
#include <unistd.h>

#include "base/file.h"
#include "storage/index/index.h"
#include "tests/check.h"

enum { MESSAGES_MAX = 20000 };

typedef enum message_state { MESSAGE_WHOLE, MESSAGE_GONE, MESSAGE_BROKEN } message_state;

typedef struct message {
    av_span raw; /* owned */
    message_state state;
    av_document *reader; /* holds what doc points to */
    av_match_doc doc;
    char folder[32], id[32], keywords[32];
} message;

typedef struct messages {
    message *all;
    size_t n;
    uint64_t random;
    char **paths;
    size_t path_count;
} messages;

/* The walk has no place for a context. */
AV_UNUSED static messages *messages_walked;

AV_UNUSED static size_t
messages_below(messages *self, size_t n)
{
    self->random = self->random * 6364136223846793005U + 1442695040888963407U;
    return (size_t)((self->random >> 33) % n);
}

AV_UNUSED static void
messages_add(messages *self, av_span raw, message_state state)
{
    AV_CHECK(self->n < MESSAGES_MAX);
    if (self->all == NULL)
        self->all = av_xcalloc(MESSAGES_MAX, sizeof *self->all);
    self->all[self->n++] = (message){ .raw = av_span_of(av_span_dup(raw), raw.n), .state = state };
}

AV_UNUSED static int
messages_visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
    messages *self = messages_walked;

    (void)at;
    if (type != FTW_F || st->st_size > 60000)
        return 0;
    self->paths = av_xrealloc(self->paths, (self->path_count + 1) * sizeof *self->paths);
    self->paths[self->path_count++] = av_xstrdup(path);
    return 0;
}

/* `count` messages of these archives of the corpus, picked by chance. */
AV_UNUSED static void
messages_pick(messages *self, const char *const *archives, size_t archive_count, size_t count)
{
    const char *corpus = av_check_corpus();
    char dir[] = "/tmp/av-messages-XXXXXX";
    AV_CLEANUP(av_free) char *remove_line = NULL;
    AV_CLEANUP(av_buf_release) av_buf raw = { 0 };
    av_error err;

    AV_CHECK(mkdtemp(dir) != NULL);
    remove_line = av_xasprintf("rm -rf '%s'", dir);
    for (size_t i = 0; i < archive_count; i++) {
        AV_CLEANUP(av_free)
        char *line = av_xasprintf("tar --zstd -xf '%s/bulk/%s.tar.zst' -C '%s'", corpus, archives[i], dir);

        AV_CHECK_INT(system(line), 0);
    }
    messages_walked = self;
    AV_CHECK_INT(nftw(dir, messages_visit, 16, FTW_PHYS), 0);
    av_buf_init(&raw, 1 << 20);
    for (size_t i = 0; i < count && self->path_count > 0; i++) {
        size_t at = messages_below(self, self->path_count);

        av_buf_clear(&raw);
        AV_CHECK_RC(av_file_read_all(self->paths[at], &raw, &err), AV_OK, &err);
        messages_add(self, av_buf_span(&raw), MESSAGE_WHOLE);
    }
    for (size_t i = 0; i < self->path_count; i++)
        free(self->paths[i]);
    free(self->paths);
    self->paths = NULL;
    AV_CHECK_INT(system(remove_line), 0);
}

/* Decode all of them; what the bytes do not say follows from the number. */
AV_UNUSED static void
messages_read(messages *self)
{
    static const char *const folders[] = { "Archive/2003", "Archive", "Sent", "Entwürfe" };

    for (size_t i = 0; i < self->n; i++) {
        message *m = &self->all[i];

        (void)snprintf(m->folder, sizeof m->folder, "%s", folders[i % AV_COUNT(folders)]);
        (void)snprintf(m->id, sizeof m->id, "M%zu", i);
        (void)snprintf(m->keywords, sizeof m->keywords, "k%zu $label", i % 5);
        m->doc = (av_match_doc){ .folder = av_span_str(m->folder),
            .id = av_span_str(m->id),
            .keywords = av_span_str(m->keywords),
            .received_unix_s = 1000000000 + (int64_t)i * 86400,
            .flags = (uint32_t)i % 32,
            .uid = (uint32_t)i + 1,
            .last_uid = (uint32_t)self->n };
        m->reader = av_document_new(0);
        (void)av_document_read(m->reader, m->raw, UINT32_MAX, &m->doc);
    }
}

AV_UNUSED static void
messages_release(messages *self)
{
    for (size_t i = 0; i < self->n; i++) {
        free((void *)self->all[i].raw.p);
        av_document_destroy(&self->all[i].reader);
    }
    free(self->all);
    memset(self, 0, sizeof *self);
}

/* ---- as a log: number i has LSN 16 (i + 1) ---- */

AV_UNUSED static av_errc
messages_next(void *ctx, uint64_t after_lsn, uint64_t *ret_lsn, uint64_t *ret_size, av_buf *out, av_error *err)
{
    const messages *self = ctx;
    size_t i = (size_t)(after_lsn / 16);

    if (i >= self->n)
        return av_error_set(err, AV_ERR_NOT_FOUND, "that was the last one");
    *ret_lsn = 16 * (i + 1);
    *ret_size = 0;
    if (self->all[i].state == MESSAGE_GONE)
        return av_error_set(err, AV_ERR_GONE, "erased");
    *ret_size = self->all[i].raw.n;
    if (self->all[i].state == MESSAGE_BROKEN)
        return av_error_set(err, AV_ERR_CORRUPT, "broken");
    (void)av_buf_append_span(out, self->all[i].raw);
    return AV_OK;
}

AV_UNUSED static av_index_source
messages_source(messages *self)
{
    return (av_index_source){ .ctx = self, .next = messages_next };
}

#endif
