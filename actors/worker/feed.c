/*
 * feed.c - see feed.h
 */
#include "actors/worker/feed.h"

#include "actors/bus/rows.h"
#include "base/encode.h"
#include "proto/worker.pb-c.h"

#define CHUNK (256U * 1024)

struct av_feed {
    av_source *source;
    av_buf out;         /* row and bytes waiting */
    size_t sent;        /* of out */
    uint64_t next;      /* number of the next item */
    uint64_t items;     /* rows written */
    uint64_t streaming; /* bytes of a large message still to be read */
    bool ended;
    av_error empty; /* first "no mail in ..." */
    char path[512];
};

av_feed *
av_feed_new(av_source **source, uint64_t first_item)
{
    av_feed *self = av_xcalloc(1, sizeof *self);

    self->source = AV_TAKE(*source);
    self->next = first_item;
    av_buf_init(&self->out, AV_FEED_WHOLE + 2 * CHUNK);
    return self;
}

void
av_feed_destroy(av_feed **self)
{
    if (*self == NULL)
        return;
    av_source_destroy(&(*self)->source);
    av_buf_release(&(*self)->out);
    free(*self);
    *self = NULL;
}

uint64_t
av_feed_items(const av_feed *self)
{
    return self->items;
}

const char *
av_feed_path(const av_feed *self)
{
    return self->path;
}

static size_t
flag_words(uint32_t flags, char *ret[8])
{
    static const struct {
        uint32_t bit;
        const char *word;
    } words[] = { { AV_SOURCE_SEEN, "\\Seen" }, { AV_SOURCE_ANSWERED, "\\Answered" },
        { AV_SOURCE_FLAGGED, "\\Flagged" }, { AV_SOURCE_DELETED, "\\Deleted" }, { AV_SOURCE_DRAFT, "\\Draft" },
        { AV_SOURCE_FORWARDED, "$Forwarded" } };
    size_t n = 0;

    for (size_t i = 0; i < AV_COUNT(words); i++)
        if ((flags & words[i].bit) != 0)
            ret[n++] = (char *)words[i].word;
    return n;
}

/* Read exactly size bytes behind what out holds. */
static av_errc
read_whole(av_feed *self, uint64_t size, av_buf *out, av_error *err)
{
    while (size > 0) {
        size_t got = 0, want = (size_t)AV_MIN(size, CHUNK);
        uint8_t *to = av_buf_reserve(out, want);
        av_errc rc;

        if (to == NULL)
            return av_error_set(err, AV_ERR_NOMEM, "no memory for a message");
        rc = av_source_read(self->source, to, want, &got, err);
        if (rc != AV_OK)
            return rc;
        if (got == 0)
            return av_error_set(err, AV_ERR_IO, "the file became shorter while it was read");
        out->n += got;
        size -= got;
    }
    return AV_OK;
}

static bool
put_row(av_feed *self, const av_source_item *item, const char *refused, av_span whole)
{
    Archivolt__IntakeItem row = ARCHIVOLT__INTAKE_ITEM__INIT;
    char *flags[8];
    uint8_t digest[AV_SHA256_SIZE];

    row.number = self->next;
    row.path = (char *)item->path;
    row.folder = (char **)item->folder;
    row.n_folder = item->folder_depth;
    row.has_received_unix_ms = item->received_unix_s != 0;
    row.received_unix_ms = item->received_unix_s * 1000;
    row.flags = flags;
    row.n_flags = flag_words(item->flags, flags);
    row.refused = (char *)refused;
    row.length = refused != NULL ? 0 : item->size_bytes;
    if (refused == NULL && whole.n == item->size_bytes) {
        av_sha256(whole, digest);
        row.has_sha256 = 1;
        row.sha256 = (ProtobufCBinaryData){ .len = sizeof digest, .data = digest };
    }
    return av_rows_put(&self->out, &row.base);
}

/* The row of one item and, for all but large messages, its bytes. */
static av_errc
put_item(av_feed *self, const av_source_item *item, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf message = { 0 };
    const char *refused = item->refused;
    bool large = refused == NULL && item->size_bytes > AV_FEED_WHOLE;
    av_error trouble;

    av_buf_init(&message, AV_FEED_WHOLE + CHUNK);
    if (refused == NULL && !large && read_whole(self, item->size_bytes, &message, &trouble) != AV_OK)
        refused = trouble.msg;
    (void)snprintf(self->path, sizeof self->path, "%s", item->path);
    if (!put_row(self, item, refused, av_buf_span(&message)))
        return av_error_set(err, AV_ERR_LIMIT, "%s: the item's description is too long", item->path);
    if (refused == NULL && !large && !av_buf_append_span(&self->out, av_buf_span(&message)))
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a message");
    self->streaming = large ? item->size_bytes : 0;
    self->next++;
    self->items++;
    return AV_OK;
}

static av_errc
next_item(av_feed *self, av_error *err)
{
    av_source_item item;
    bool more = true;

    for (;;) {
        av_errc rc = av_source_next(self->source, &item, &more, err);

        if (rc == AV_ERR_NOT_FOUND) { /* a path without mail: told at the end if all were like that */
            if (self->empty.code == AV_OK)
                self->empty = *err;
            continue;
        }
        if (rc != AV_OK)
            return rc;
        if (more)
            return put_item(self, &item, err);
        self->ended = true;
        if (self->next == 1 && self->empty.code != AV_OK) {
            *err = self->empty;
            return err->code;
        }
        return AV_OK;
    }
}

static av_errc
stream_more(av_feed *self, av_error *err)
{
    uint64_t want = AV_MIN(self->streaming, CHUNK);
    av_errc rc = read_whole(self, want, &self->out, err);

    if (rc == AV_OK)
        self->streaming -= want;
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", self->path);
}

av_errc
av_feed_ready(av_feed *self, av_span *ret, av_error *err)
{
    if (self->sent == self->out.n) {
        av_errc rc = AV_OK;

        av_buf_clear(&self->out);
        self->sent = 0;
        if (self->streaming > 0)
            rc = stream_more(self, err);
        else if (!self->ended)
            rc = next_item(self, err);
        if (rc != AV_OK)
            return rc;
    }
    *ret = av_span_skip(av_buf_span(&self->out), self->sent);
    return AV_OK;
}

void
av_feed_take(av_feed *self, size_t n)
{
    assert(n <= self->out.n - self->sent);
    self->sent += n;
}
