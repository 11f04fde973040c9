/*
 * archive.c - a store and its views as an instance's writer drives them, without bus, rights and threads
 *
 * For each message: digest, is it a duplicate, is the content known, content, placement event, the row of ENVELOPE,
 * BODYSTRUCTURE and texts. For each group: one commit of the log, then the views without sync.
 */
#include "tools/bench/store/archive_priv.h"

#include <limits.h>
#include <stdio.h>

#include "base/encode.h"
#include "base/file.h"
#include "storage/store/train.h"

#define SPOOL   (8U * 1024 * 1024) /* larger messages are streamed, as in the instance */
#define ROW_MAX (1024U * 1024)

static const uint8_t secret[32] = "a key for benchmarks, no other";
static const uint8_t uuid[AV_STORE_UUID_SIZE] = "one benchmark";

static void
folder(char ret[PATH_MAX], const char *dir, const char *name)
{
    if (snprintf(ret, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
        bench_fail("%s is too long", dir);
}

static void
open_keys(bench_archive *self, const char *dir)
{
    char path[PATH_MAX];
    av_error err;
    bool is_new;

    folder(path, dir, "keys");
    is_new = !av_file_exists(path);
    bench_check(
        (is_new ? av_store_keys_create : av_store_keys_open)(path, uuid, secret, &self->keys, &err), "keys", &err);
}

static void
open_views(bench_archive *self, const char *dir)
{
    char catalog[PATH_MAX], database[PATH_MAX];
    av_catalog_config config = { .dir = catalog };
    av_store_view_config view = { .dir = database, .keys = self->keys };
    av_error err;

    folder(catalog, dir, "catalog");
    folder(database, dir, "database");
    memcpy(config.key, secret, sizeof config.key);
    memcpy(config.instance, uuid, sizeof config.instance);
    bench_check(av_catalog_open(&config, &self->catalog, &err), "catalog", &err);
    bench_check(av_store_view_open(&view, &self->view, &err), "view", &err);
}

static void
open_store(bench_archive *self, const char *dir)
{
    char content[PATH_MAX], marker[PATH_MAX];
    av_store_config config = { .dir = content, .keys = self->keys };
    uint64_t a = av_store_view_applied_lsn(self->view), b = av_catalog_applied_lsn(self->catalog, uuid);
    uint64_t dictionaries[2] = { 0 };
    av_error err;

    folder(content, dir, "content");
    folder(marker, content, "store.avs");
    if (!av_file_exists(marker))
        bench_check(av_store_create(&config, &err), "store", &err);
    bench_check(av_store_open(&config, AV_MAX(a, b), &self->store, &err), "store", &err);
    bench_check(av_catalog_attach(self->catalog, self->store, self->view, &self->store_no, &err), "catalog", &err);
    bench_check(av_store_view_dictionaries(av_store_view_writer(self->view), dictionaries, &err), "view", &err);
    for (size_t i = 0; i < AV_COUNT(dictionaries); i++)
        if (dictionaries[i] != 0)
            bench_check(av_store_use_dictionary(self->store, dictionaries[i], &err), "dictionary", &err);
}

bench_archive *
bench_archive_open(const char *dir)
{
    bench_archive *self = av_xcalloc(1, sizeof *self);
    av_error err;

    bench_check(av_dir_make(dir, &err), "folder", &err);
    open_keys(self, dir);
    open_views(self, dir);
    open_store(self, dir);
    av_mime_init(&self->mime);
    av_mime_summary_init(&self->summary);
    av_buf_init(&self->row, ROW_MAX);
    bench_check(
        av_catalog_catch_up(self->catalog, self->store_no, bench_row_of_stored, self, NULL, &err), "catalog", &err);
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
    av_store_view_close(&a->view);
    av_catalog_close(&a->catalog);
    av_store_keys_unref(&a->keys);
    av_mime_release(&a->mime);
    av_mime_summary_release(&a->summary);
    av_buf_release(&a->row);
    free(a->next_uid);
    free(a);
    *self = NULL;
}

void
bench_guid_of(uint32_t mailbox, uint8_t ret[AV_GUID_SIZE])
{
    memset(ret, 0, AV_GUID_SIZE);
    memcpy(ret, &mailbox, sizeof mailbox);
    ret[AV_GUID_SIZE - 1] = 1;
}

/* What an archive opened again knows of its mailboxes. */
static uint32_t
known_uid(bench_archive *self, const uint8_t guid[AV_GUID_SIZE])
{
    av_mailbox mailbox;
    av_errc rc;
    av_error err;

    rc = av_catalog_mailbox_by_guid(av_catalog_writer(self->catalog), guid, &mailbox, &err);
    if (rc == AV_ERR_NOT_FOUND)
        return 0;
    bench_check(rc, "catalog", &err);
    self->modseq = AV_MAX(self->modseq, mailbox.highestmodseq);
    return mailbox.uidnext;
}

static void
need_mailbox(bench_archive *self, uint32_t mailbox)
{
    av_event event = { .kind = AV_EVENT_MAILBOX_CREATED };
    char path[32];
    av_error err;

    if (mailbox >= self->mailboxes) {
        self->next_uid = av_xrealloc(self->next_uid, (mailbox + 1) * sizeof *self->next_uid);
        memset(self->next_uid + self->mailboxes, 0, (mailbox + 1 - self->mailboxes) * sizeof *self->next_uid);
        self->mailboxes = mailbox + 1;
    }
    if (self->next_uid[mailbox] != 0)
        return;
    bench_guid_of(mailbox, event.mailbox.guid);
    self->next_uid[mailbox] = known_uid(self, event.mailbox.guid);
    if (self->next_uid[mailbox] != 0)
        return;
    (void)snprintf(path, sizeof path, "mailbox %u", mailbox);
    event.mailbox.path = av_span_str(path);
    event.mailbox.uidvalidity = 1;
    event.mailbox.sequence = av_catalog_next_sequence(self->catalog);
    event.mailbox.has_instance = true;
    memcpy(event.mailbox.instance, uuid, sizeof event.mailbox.instance);
    bench_check(av_views_put_event(self->catalog, self->store_no, &event, (av_span){ NULL, 0 }, &err), "mailbox", &err);
    self->next_uid[mailbox] = 1;
}

/* What lists and IMAP answer from; the instance's own row holds the same texts. */
void
bench_make_row(bench_archive *self, av_span message)
{
    const av_mime_summary *s = &self->summary;
    const av_buf *texts[] = { &s->from, &s->to, &s->cc, &s->bcc, &s->subject, &s->attachments, &s->preview,
        &s->envelope, &s->bodystructure };

    av_mime_scan(message, NULL, &self->mime);
    av_mime_summary_of(&self->mime, &self->summary);
    av_buf_clear(&self->row);
    (void)av_buf_append(&self->row, s->thread, sizeof s->thread);
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

/* LSN of the message's content, which is there already or is put. */
static uint64_t
need_content(bench_archive *self, av_span message, const uint8_t digest[AV_SHA256_SIZE])
{
    uint64_t lsn;
    av_errc rc;
    av_error err;

    rc = av_store_view_find_message(self->view, av_store_view_writer(self->view), digest, &lsn, &err);
    if (rc == AV_ERR_NOT_FOUND)
        return put_content(self, message, digest);
    bench_check(rc, "view", &err);
    return lsn;
}

void
bench_begin(bench_archive *self, uint32_t mailbox, av_event *ret)
{
    *ret = (av_event){ .kind = AV_EVENT_PLACEMENT_ADDED };
    if (!self->in_group)
        av_views_begin(self->catalog, self->store_no);
    self->in_group = true;
    need_mailbox(self, mailbox);
    bench_guid_of(mailbox, ret->placement.guid);
}

void
bench_place(bench_archive *self, uint32_t mailbox, av_event *event)
{
    av_event_placement *p = &event->placement;
    av_error err;

    p->uid = self->next_uid[mailbox]++;
    p->modseq = ++self->modseq;
    p->archived_at_ms = 1700000000000 + (int64_t)self->modseq;
    p->received_at_ms = self->summary.date_unix_s * 1000;
    p->has_instance = true;
    memcpy(p->instance, uuid, sizeof p->instance);
    bench_check(
        av_views_put_event(self->catalog, self->store_no, event, av_buf_span(&self->row), &err), "placement", &err);
}

uint64_t
bench_archive_put(bench_archive *self, av_span message, uint32_t mailbox)
{
    av_event event;
    av_event_placement *p = &event.placement;
    uint32_t uid;
    av_error err;

    bench_begin(self, mailbox, &event);
    av_sha256(message, p->digest);
    if (av_catalog_duplicate(self->catalog, av_catalog_writer(self->catalog), p->guid, p->digest, &uid, &err) == AV_OK)
        bench_fail("the same message came to a mailbox twice");
    p->content_lsn = need_content(self, message, p->digest);
    bench_make_row(self, message);
    p->raw_size = message.n;
    p->crlf_size = self->mime.crlf_bytes;
    bench_place(self, mailbox, &event);
    return p->content_lsn;
}

void
bench_archive_commit(bench_archive *self)
{
    av_error err;
    bool behind;

    if (!self->in_group)
        return;
    bench_check(av_views_commit(self->catalog, self->store_no, &behind, &err), "commit", &err);
    if (behind)
        bench_fail("a view could not follow its log");
    self->in_group = false;
}

void
bench_archive_train(bench_archive *self, const uint64_t *lsns, size_t count)
{
    static const av_dictionary_use uses[] = { AV_DICTIONARY_SKELETONS, AV_DICTIONARY_PARTS };
    uint64_t lsn;
    av_error err;

    for (size_t i = 0; i < AV_COUNT(uses); i++) {
        AV_CLEANUP(av_buf_release) av_buf dictionary = { 0 };
        av_errc rc;

        av_buf_init(&dictionary, AV_TRAIN_DICTIONARY);
        rc = av_store_train(self->store, lsns, count, uses[i], &dictionary, &err);
        if (rc == AV_ERR_INVALID) /* no such mail */
            continue;
        bench_check(rc, "dictionary", &err);
        av_views_begin(self->catalog, self->store_no);
        self->in_group = true;
        bench_check(av_store_put_dictionary(self->store, av_buf_span(&dictionary), &lsn, &err), "dictionary", &err);
        bench_archive_commit(self);
        bench_check(av_store_use_dictionary(self->store, lsn, &err), "dictionary", &err);
    }
}

void
bench_archive_read(bench_archive *self, uint64_t lsn, av_buf *out)
{
    av_error err;

    av_buf_clear(out);
    bench_check(av_store_read_message(self->store, lsn, out, &err), "read", &err);
}
