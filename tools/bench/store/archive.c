/*
 * archive.c - a store and its views as an instance's writer drives them, without bus, rights and threads
 *
 * For each message: digest, is it a duplicate, is the content known, content, placement event, the row of ENVELOPE,
 * BODYSTRUCTURE and texts. For each group: one commit of the log, then the views without sync.
 */
#include "tools/bench/store/bench.h"

#include <limits.h>
#include <stdio.h>

#include "base/encode.h"
#include "base/file.h"
#include "storage/meta/catalog.h"
#include "storage/mime/summary.h"

#define SPOOL   (8U * 1024 * 1024) /* larger messages are streamed, as in the instance */
#define ROW_MAX (1024U * 1024)

struct bench_archive {
    av_store *store;
    av_catalog *catalog;
    uint32_t store_no;
    bool in_group;
    av_mime mime;
    av_mime_summary summary;
    av_buf row, event;
    uint32_t *next_uid; /* by mailbox number, 0: not made yet */
    uint32_t mailboxes;
    uint64_t modseq;
};

static const uint8_t store_key[32] = "a key for benchmarks, no other";

static void
folder(char ret[PATH_MAX], const char *dir, const char *name)
{
    if (snprintf(ret, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
        bench_fail("%s is too long", dir);
}

bench_archive *
bench_archive_open(const char *dir)
{
    bench_archive *self = av_xcalloc(1, sizeof *self);
    char content[PATH_MAX], views[PATH_MAX];
    av_store_config config = { .dir = content };
    av_catalog_config catalog = { .dir = views };
    uint64_t witnessed;
    av_error err;

    folder(content, dir, "content");
    folder(views, dir, "views");
    memcpy(config.key, store_key, sizeof config.key);
    memcpy(catalog.key, store_key, sizeof catalog.key);
    bench_check(av_dir_make(dir, &err), "folder", &err);
    bench_check(av_catalog_open(&catalog, &self->catalog, &err), "catalog", &err);
    if (!av_file_exists(content))
        bench_check(av_store_create(&config, &err), "store", &err);
    bench_check(av_store_open(&config, 0, &self->store, &err), "store", &err);
    bench_check(av_catalog_applied_lsn(self->catalog, av_store_uuid(self->store), &witnessed, &err), "catalog", &err);
    av_store_close(&self->store);
    bench_check(av_store_open(&config, witnessed, &self->store, &err), "store", &err);
    bench_check(av_catalog_attach(self->catalog, self->store, &self->store_no, &err), "catalog", &err);
    av_mime_init(&self->mime);
    av_mime_summary_init(&self->summary);
    av_buf_init(&self->row, ROW_MAX);
    av_buf_init(&self->event, AV_STORE_EVENT_MAX);
    return self;
}

void
bench_archive_close(bench_archive **self)
{
    bench_archive *a = *self;

    if (a == NULL)
        return;
    av_catalog_detach(a->catalog, a->store_no);
    av_store_close(&a->store);
    av_catalog_close(&a->catalog);
    av_mime_release(&a->mime);
    av_mime_summary_release(&a->summary);
    av_buf_release(&a->row);
    av_buf_release(&a->event);
    free(a->next_uid);
    free(a);
    *self = NULL;
}

static void
apply(bench_archive *self, const av_event *event, av_span row)
{
    uint64_t lsn;
    av_error err;

    av_buf_clear(&self->event);
    bench_check(av_event_encode(event, &self->event, &err), "event", &err);
    bench_check(av_store_put_event(self->store, av_buf_span(&self->event), &lsn, &err), "event", &err);
    bench_check(av_catalog_apply(self->catalog, self->store_no, lsn, event, row, &err), "catalog", &err);
}

static void
guid_of(uint32_t mailbox, uint8_t ret[AV_GUID_SIZE])
{
    memset(ret, 0, AV_GUID_SIZE);
    memcpy(ret, &mailbox, sizeof mailbox);
    ret[AV_GUID_SIZE - 1] = 1;
}

static void
need_mailbox(bench_archive *self, uint32_t mailbox)
{
    av_event event = { .kind = AV_EVENT_MAILBOX_CREATED };
    char path[32];

    if (mailbox >= self->mailboxes) {
        self->next_uid = av_xrealloc(self->next_uid, (mailbox + 1) * sizeof *self->next_uid);
        memset(self->next_uid + self->mailboxes, 0, (mailbox + 1 - self->mailboxes) * sizeof *self->next_uid);
        self->mailboxes = mailbox + 1;
    }
    if (self->next_uid[mailbox] != 0)
        return;
    (void)snprintf(path, sizeof path, "mailbox %u", mailbox);
    guid_of(mailbox, event.mailbox.guid);
    event.mailbox.path = av_span_str(path);
    event.mailbox.uidvalidity = 1;
    apply(self, &event, (av_span){ NULL, 0 });
    self->next_uid[mailbox] = 1;
}

/* What lists and IMAP answer from; the instance's own row holds the same texts. */
static void
make_row(bench_archive *self, av_span message)
{
    const av_mime_summary *s = &self->summary;
    const av_buf *texts[] = { &s->from, &s->to, &s->cc, &s->bcc, &s->subject, &s->attachments, &s->preview,
        &s->envelope, &s->bodystructure };

    av_mime_scan(message, NULL, &self->mime);
    av_mime_summary_of(&self->mime, &self->summary);
    av_buf_clear(&self->row);
    for (size_t i = 0; i < AV_COUNT(texts); i++)
        (void)av_buf_append_span(&self->row, av_buf_span(texts[i]));
}

static uint64_t
put_content(bench_archive *self, av_span message, const uint8_t digest[AV_SHA256_SIZE])
{
    av_store_put *put;
    uint64_t lsn;
    av_error err;

    if (message.n <= SPOOL) {
        bench_check(av_store_put_message(self->store, message, digest, &lsn, &err), "put", &err);
        return lsn;
    }
    bench_check(av_store_put_begin(self->store, message.n, &put, &err), "put", &err);
    bench_check(av_store_put_write(put, message, &err), "put", &err);
    bench_check(av_store_put_finish(&put, &lsn, NULL, &err), "put", &err);
    return lsn;
}

uint64_t
bench_archive_put(bench_archive *self, av_span message, uint32_t mailbox)
{
    av_event event = { .kind = AV_EVENT_PLACEMENT_ADDED };
    av_event_placement *p = &event.placement;
    uint32_t uid;
    av_errc rc;
    av_error err;

    if (!self->in_group)
        av_catalog_begin(self->catalog);
    self->in_group = true;
    need_mailbox(self, mailbox);
    guid_of(mailbox, p->guid);
    av_sha256(message, p->digest);
    rc = av_catalog_duplicate(self->catalog, av_catalog_writer(self->catalog), p->guid, p->digest, &uid, &err);
    if (rc == AV_OK)
        bench_fail("the same message came to a mailbox twice");
    rc = av_catalog_content(
        self->catalog, av_catalog_writer(self->catalog), self->store_no, p->digest, &p->content_lsn, &err);
    if (rc == AV_ERR_NOT_FOUND)
        p->content_lsn = put_content(self, message, p->digest);
    else
        bench_check(rc, "catalog", &err);
    make_row(self, message);
    p->uid = self->next_uid[mailbox]++;
    p->modseq = ++self->modseq + 1;
    p->raw_size = message.n;
    p->crlf_size = self->mime.crlf_bytes;
    p->archived_at_ms = 1700000000000 + (int64_t)self->modseq;
    p->received_at_ms = self->summary.date_unix_s * 1000;
    apply(self, &event, av_buf_span(&self->row));
    return p->content_lsn;
}

void
bench_archive_commit(bench_archive *self)
{
    uint64_t lsn;
    av_error err;

    if (!self->in_group)
        return;
    bench_check(av_store_commit(self->store, &lsn, &err), "commit", &err);
    bench_check(av_catalog_commit(self->catalog, self->store_no, lsn, &err), "catalog", &err);
    self->in_group = false;
}

void
bench_archive_read(bench_archive *self, uint64_t lsn, av_buf *out)
{
    av_error err;

    av_buf_clear(out);
    bench_check(av_store_read_message(self->store, lsn, out, &err), "read", &err);
}
