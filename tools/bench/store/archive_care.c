/*
 * archive_care.c - what endure.c asks of an archive besides putting: streamed messages, counters, checks, views anew
 */
#include "tools/bench/store/archive_priv.h"

#include <limits.h>
#include <stdio.h>

#include "base/encode.h"
#include "storage/care/verify.h"

#define HEAD_MAX (1024U * 1024) /* of a stored message, for its row */

static void
read_head(const av_store *store, uint64_t lsn, av_buf *out)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    size_t n = 0;
    uint8_t *room;
    av_error err;

    bench_check(av_store_reader_open(store, lsn, &reader, &err), "read", &err);
    room = av_buf_reserve(out, (size_t)AV_MIN(av_store_reader_size(reader), (uint64_t)HEAD_MAX));
    bench_check(av_store_reader_read(reader, 0, room, out->cap, &n, &err), "read", &err);
    out->n = AV_MIN(n, (size_t)HEAD_MAX);
}

av_errc
bench_row_of_stored(
    void *ctx, av_store *store, const av_event_placement *placement, av_buf *out, AV_UNUSED av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf head = { 0 };
    bench_archive *self = ctx;

    av_buf_init(&head, HEAD_MAX);
    read_head(store, placement->content_lsn, &head);
    bench_make_row(self, av_buf_span(&head));
    (void)av_buf_append_span(out, av_buf_span(&self->row));
    return AV_OK;
}

uint64_t
bench_archive_put_streamed(bench_archive *self, uint64_t size, bench_piece_fn *piece, void *ctx, uint32_t mailbox)
{
    AV_CLEANUP(av_buf_release) av_buf head = { 0 };
    av_event event;
    av_event_placement *p = &event.placement;
    av_store_put *put = NULL;
    av_error err;

    bench_begin(self, mailbox, &event);
    bench_check(av_store_put_begin(self->store, size, &put, &err), "put", &err);
    for (uint64_t done = 0; done < size;) {
        av_span bytes = piece(ctx, done);

        bench_check(av_store_put_write(put, bytes, &err), "put", &err);
        done += bytes.n;
    }
    bench_check(av_store_put_finish(&put, &p->content_lsn, p->digest, &err), "put", &err);
    av_buf_init(&head, HEAD_MAX);
    read_head(self->store, p->content_lsn, &head);
    bench_make_row(self, av_buf_span(&head));
    p->raw_size = p->crlf_size = size; /* its lines end with CRLF */
    bench_place(self, mailbox, &event);
    return p->content_lsn;
}

uint64_t
bench_archive_find(bench_archive *self, uint32_t mailbox, uint32_t uid)
{
    uint8_t guid[AV_GUID_SIZE];
    av_placement placement;
    av_error err;

    bench_guid_of(mailbox, guid);
    bench_check(av_catalog_placement(av_catalog_writer(self->catalog), guid, uid, &placement, &err), "placement", &err);
    return placement.content_lsn;
}

void
bench_archive_check_streamed(bench_archive *self, uint64_t lsn)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    av_error err;

    bench_check(av_store_reader_open(self->store, lsn, &reader, &err), "read", &err);
    bench_check(av_store_reader_verify(reader, &err), "read", &err);
}

static void
same(const char *what, uint64_t is, uint64_t should)
{
    if (is != should)
        bench_fail("%s: %llu, should be %llu", what, (unsigned long long)is, (unsigned long long)should);
}

void
bench_archive_check_counters(bench_archive *self, uint64_t messages, uint64_t bytes, uint32_t mailboxes)
{
    uint64_t found = 0, found_bytes = 0, guids = 0;
    av_catalog_store_row row;
    av_store_counters kept;
    av_catalog_iter *walk;
    av_mailbox mailbox;
    uint32_t no = 0;
    av_error err;

    bench_check(av_store_view_counters(av_store_view_writer(self->view), &kept, &err), "counters", &err);
    same("the view's placements", kept.placements, messages);
    same("the view's bytes", kept.placement_bytes, bytes);
    same("the view's messages", kept.messages, messages);
    same("the view's waiting", kept.waiting, 0);
    if (!av_catalog_next_store(self->catalog, &no, &row))
        bench_fail("the catalog has no store");
    same("the catalog's messages", row.messages, messages);
    same("the catalog's bytes", row.bytes, bytes);
    walk = av_catalog_mailboxes(av_catalog_writer(self->catalog), av_span_str(""));
    for (; av_catalog_next_mailbox(walk, &mailbox); guids++) {
        found += mailbox.messages;
        found_bytes += mailbox.bytes;
    }
    bench_check(av_catalog_iter_error(walk, &err), "mailboxes", &err);
    av_catalog_iter_destroy(&walk);
    same("mailboxes", guids, mailboxes);
    same("messages of all mailboxes", found, messages);
    same("bytes of all mailboxes", found_bytes, bytes);
}

static av_errc
on_fault(AV_UNUSED void *ctx, const av_fault *fault, AV_UNUSED av_error *err)
{
    bench_fail(
        "verify: %s at LSN %llx: %s", av_fault_kind_word(fault->kind), (unsigned long long)fault->lsn, fault->sentence);
}

void
bench_archive_verify(bench_archive *self, const char *dir, uint64_t messages)
{
    av_meta_view *snapshot = av_store_view_snapshot(self->view);
    char scratch[PATH_MAX];
    av_verify_options options = { .contents = true, .view = snapshot, .scratch_dir = scratch, .fault = on_fault };
    av_verify_result result;
    av_error err;

    (void)snprintf(scratch, sizeof scratch, "%s/scratch", dir);
    bench_check(av_care_verify(self->store, &options, NULL, &result, &err), "verify", &err);
    same("verified messages", result.messages, messages);
    same("faults", result.faults, 0);
    av_meta_view_destroy(&snapshot);
}
