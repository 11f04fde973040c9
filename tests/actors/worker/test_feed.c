/*
 * test_feed.c - a folder of messages as an intake stream: rows, bytes, resuming, refusals
 */
#include "actors/worker/feed.h"

#include <sys/stat.h>
#include <unistd.h>

#include "actors/bus/rows.h"
#include "base/encode.h"
#include "base/file.h"
#include "proto/worker.pb-c.h"
#include "tests/check.h"

static char folder[64];

static void
write_message(const char *name, size_t body)
{
    char path[128];
    av_buf text;
    av_error err;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    av_buf_init(&text, body + 4096);
    av_buf_printf(&text, "From: a@b.example\nSubject: %s\n\n", name);
    for (size_t i = 0; i < body; i++)
        av_buf_putc(&text, (uint8_t)('a' + i % 26));
    AV_CHECK_RC(av_file_replace(path, av_buf_span(&text), 0600, &err), AV_OK, &err);
    av_buf_release(&text);
}

typedef struct seen {
    size_t rows, refused;
    uint64_t first, last, bytes, left;
    av_sha256_stream *sha;
    uint8_t want[AV_SHA256_SIZE];
    bool has_sha;
} seen;

static uint64_t
on_row(void *ctx, const ProtobufCMessage *message, av_error *err)
{
    seen *s = ctx;
    const Archivolt__IntakeItem *item = (const Archivolt__IntakeItem *)message;

    (void)err;
    if (s->rows++ == 0)
        s->first = item->number;
    AV_CHECK(s->rows == 1 || item->number == s->last + 1);
    s->last = item->number;
    s->refused += item->refused != NULL ? 1 : 0;
    s->has_sha = item->has_sha256 != 0;
    if (s->has_sha)
        memcpy(s->want, item->sha256.data, AV_SHA256_SIZE);
    s->sha = av_sha256_stream_new();
    return item->length;
}

static void
on_bytes(void *ctx, av_span bytes, av_error *err)
{
    seen *s = ctx;

    (void)err;
    s->bytes += bytes.n;
    av_sha256_stream_update(s->sha, bytes);
}

static void
on_row_end(void *ctx, av_error *err)
{
    seen *s = ctx;
    uint8_t got[AV_SHA256_SIZE];

    (void)err;
    av_sha256_stream_finish(&s->sha, got);
    AV_CHECK(!s->has_sha || memcmp(got, s->want, sizeof got) == 0);
}

/* Everything behind `skip` items, taken in pieces of `piece` bytes. */
static seen
drain(uint64_t skip, size_t piece)
{
    static const av_rows_events events = { .on_row = on_row, .on_bytes = on_bytes, .on_row_end = on_row_end };
    av_source_options options = { .kind = AV_SOURCE_TREE };
    const char *paths[] = { folder };
    av_source *source = NULL;
    seen s = { 0 };
    av_rows_reader *reader = av_rows_reader_new(&archivolt__intake_item__descriptor, 65536, &events, &s);
    av_feed *feed;
    av_error err;

    AV_CHECK_RC(av_source_open(&options, paths, 1, &source, &err), AV_OK, &err);
    AV_CHECK_RC(av_source_skip(source, skip, &err), AV_OK, &err);
    feed = av_feed_new(&source, skip + 1);
    for (;;) {
        av_span ready;
        size_t n;

        AV_CHECK_RC(av_feed_ready(feed, &ready, &err), AV_OK, &err);
        if (ready.n == 0)
            break;
        n = AV_MIN(ready.n, piece);
        AV_CHECK_RC(av_rows_reader_feed(reader, av_span_slice(ready, 0, n), &err), AV_OK, &err);
        av_feed_take(feed, n);
    }
    AV_CHECK_RC(av_rows_reader_finish(reader, &err), AV_OK, &err);
    av_rows_reader_destroy(&reader);
    av_feed_destroy(&feed);
    return s;
}

static void
test_whole_and_resumed(void)
{
    seen all, rest;

    write_message("a.eml", 10);
    write_message("b.eml", 100000);
    write_message("c.eml", AV_FEED_WHOLE + 1000); /* streamed: no digest in its row */
    write_message("d.eml", 5);
    all = drain(0, 4096);
    AV_CHECK_INT(all.rows, 4);
    AV_CHECK_INT(all.first, 1);
    AV_CHECK_INT(all.refused, 0);
    rest = drain(2, 70000);
    AV_CHECK_INT(rest.rows, 2);
    AV_CHECK_INT(rest.first, 3);
    AV_CHECK(rest.bytes < all.bytes);
}

static void
test_unreadable_is_refused(void)
{
    char path[128];
    seen s;

    (void)snprintf(path, sizeof path, "%s/e.eml", folder);
    AV_CHECK_INT(symlink("/nowhere", path), 0);
    s = drain(0, 4096);
    AV_CHECK_INT(s.rows, 5);
    AV_CHECK_INT(s.refused, 1);
    (void)unlink(path);
}

static void
test_empty_folder(void)
{
    char empty[96];
    const char *paths[] = { empty };
    av_source_options options = { .kind = AV_SOURCE_TREE };
    av_source *source = NULL;
    av_feed *feed;
    av_span ready;
    av_error err;

    (void)snprintf(empty, sizeof empty, "%s/empty", folder);
    AV_CHECK_INT(mkdir(empty, 0700), 0);
    AV_CHECK_RC(av_source_open(&options, paths, 1, &source, &err), AV_OK, &err);
    feed = av_feed_new(&source, 1);
    AV_CHECK_RC(av_feed_ready(feed, &ready, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK(strstr(err.msg, "empty") != NULL);
    av_feed_destroy(&feed);
}

int
main(void)
{
    av_error err;

    (void)snprintf(folder, sizeof folder, "/tmp/av-feed-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    AV_RUN(test_whole_and_resumed);
    AV_RUN(test_unreadable_is_refused);
    AV_RUN(test_empty_folder);
    (void)av_dir_remove(folder, "/tmp", &err);
    return av_check_done();
}
