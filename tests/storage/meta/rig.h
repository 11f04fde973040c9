/*
 * rig.h - what the views' tests share: a house of up to three stores with their views and one catalog, and all rows
 * of a database as bytes to compare
 */
#ifndef AV_TESTS_META_RIG_H
#define AV_TESTS_META_RIG_H

#include "storage/meta/views.h"
#include "tests/storage/store/help.h"

#define RIG_STORES 3

typedef struct rig_store {
    uint8_t uuid[16];
    char keys_dir[160], content[160], database[160];
    av_store_keys *keys;
    av_store *store;
    av_store_view *view;
    uint32_t no;
} rig_store;

typedef struct rig {
    test_dir dir;
    unsigned count;
    char catalog_dir[160];
    av_catalog_config config;
    av_catalog *catalog;
    rig_store stores[RIG_STORES];
    int summaries; /* how often the caller was asked for attributes */
    bool rebuilt;
} rig;

static av_error rig_err;

/* What attributes of a message are here, live and in replay. */
static void
rig_row(const av_event_placement *placement, av_buf *out)
{
    uint8_t thread[AV_THREAD_KEY_SIZE];

    memset(thread, placement->digest[0] % 5, sizeof thread); /* few, and zeros: none named */
    (void)av_buf_append(out, thread, sizeof thread);
    (void)av_buf_printf(out, "row of %llu bytes, %02x", (unsigned long long)placement->raw_size, placement->digest[0]);
}

__attribute__((unused)) static av_errc
rig_summarize(void *ctx, av_store *store, const av_event_placement *placement, av_buf *out, av_error *err)
{
    rig *self = ctx;

    (void)store;
    (void)err;
    self->summaries++;
    rig_row(placement, out);
    return AV_OK;
}

static av_store_config
rig_config(const rig_store *s)
{
    return (av_store_config){ .dir = s->content, .keys = s->keys, .max_container_bytes = 256U * 1024, .level = 1 };
}

static void
rig_open_keys(rig_store *s)
{
    static const uint8_t key[32] = "a key that tests may know of...";
    av_errc rc = av_store_keys_open(s->keys_dir, s->uuid, key, &s->keys, &rig_err);

    if (rc == AV_ERR_NOT_FOUND)
        rc = av_store_keys_create(s->keys_dir, s->uuid, key, &s->keys, &rig_err);
    AV_CHECK_RC(rc, AV_OK, &rig_err);
}

/* Store, view and catalog's number of store i; not caught up. */
static void
rig_attach(rig *self, unsigned i)
{
    rig_store *s = &self->stores[i];
    av_store_view_config view = { .dir = s->database, .keys = s->keys };
    av_store_config config = rig_config(s);
    uint64_t witness;

    AV_CHECK_RC(av_store_view_open(&view, &s->view, &rig_err), AV_OK, &rig_err);
    witness = AV_MAX(av_store_view_applied_lsn(s->view), av_catalog_applied_lsn(self->catalog, s->uuid));
    AV_CHECK_RC(av_store_open(&config, witness, &s->store, &rig_err), AV_OK, &rig_err);
    AV_CHECK_RC(av_catalog_attach(self->catalog, s->store, s->view, &s->no, &rig_err), AV_OK, &rig_err);
}

static void
rig_catch_up(rig *self, unsigned i)
{
    AV_CHECK_RC(av_catalog_catch_up(self->catalog, self->stores[i].no, rig_summarize, self, &self->rebuilt, &rig_err),
        AV_OK, &rig_err);
}

/* order: which stores are replayed one after another; numbers are always given in the same order. */
__attribute__((unused)) static void
rig_open_in(rig *self, const unsigned *order)
{
    self->summaries = 0;
    AV_CHECK_RC(av_catalog_open(&self->config, &self->catalog, &rig_err), AV_OK, &rig_err);
    for (unsigned i = 0; i < self->count; i++)
        rig_attach(self, i);
    for (unsigned i = 0; i < self->count; i++)
        rig_catch_up(self, order == NULL ? i : order[i]);
}

__attribute__((unused)) static void
rig_open(rig *self)
{
    rig_open_in(self, NULL);
}

__attribute__((unused)) static void
rig_close(rig *self)
{
    av_catalog_close(&self->catalog);
    for (unsigned i = 0; i < self->count; i++) {
        av_store_close(&self->stores[i].store);
        av_store_view_close(&self->stores[i].view);
    }
}

__attribute__((unused)) static void
rig_build(rig *self, unsigned count)
{
    *self = (rig){ .dir = dir_new(), .count = count };
    (void)snprintf(self->catalog_dir, sizeof self->catalog_dir, "%s/catalog", self->dir.path);
    self->config = (av_catalog_config){ .dir = self->catalog_dir };
    memset(self->config.key, 0x42, 32);
    memset(self->config.instance, 0x17, 16);
    for (unsigned i = 0; i < count; i++) {
        rig_store *s = &self->stores[i];
        av_store_config config;

        memset(s->uuid, (int)(0xA0 + i), sizeof s->uuid);
        (void)snprintf(s->keys_dir, sizeof s->keys_dir, "%s/keys%u", self->dir.path, i);
        (void)snprintf(s->content, sizeof s->content, "%s/content%u", self->dir.path, i);
        (void)snprintf(s->database, sizeof s->database, "%s/database%u", self->dir.path, i);
        rig_open_keys(s);
        config = rig_config(s);
        AV_CHECK_RC(av_store_create(&config, &rig_err), AV_OK, &rig_err);
    }
    rig_open(self);
}

__attribute__((unused)) static void
rig_demolish(rig *self)
{
    rig_close(self);
    for (unsigned i = 0; i < self->count; i++)
        av_store_keys_unref(&self->stores[i].keys);
    dir_remove(&self->dir);
}

__attribute__((unused)) static void
rig_lose(rig *self, const char *path)
{
    AV_CHECK_RC(av_dir_remove(path, self->dir.path, &rig_err), AV_OK, &rig_err);
}

/* --- a group of store i ------------------------------------------------------------------------------------------ */

__attribute__((unused)) static void
rig_begin(rig *self, unsigned i)
{
    av_views_begin(self->catalog, self->stores[i].no);
}

__attribute__((unused)) static void
rig_commit(rig *self, unsigned i)
{
    bool behind = true;

    AV_CHECK_RC(av_views_commit(self->catalog, self->stores[i].no, &behind, &rig_err), AV_OK, &rig_err);
    AV_CHECK(!behind);
}

__attribute__((unused)) static av_errc
rig_tell(rig *self, unsigned i, const av_event *event)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_buf_init(&row, 100);
    if (event->kind == AV_EVENT_PLACEMENT_ADDED)
        rig_row(&event->placement, &row);
    return av_views_put_event(self->catalog, self->stores[i].no, event, av_buf_span(&row), &rig_err);
}

__attribute__((unused)) static av_errc
rig_mailbox(rig *self, unsigned i, av_event_kind kind, uint8_t id, const char *path)
{
    av_event e = { .kind = kind };

    memset(e.mailbox.guid, id, 16);
    e.mailbox.path = av_span_str(path);
    e.mailbox.uidvalidity = 1000U + id;
    e.mailbox.sequence = av_catalog_next_sequence(self->catalog);
    return rig_tell(self, i, &e);
}

/* The mailbox as it is, in one more store. */
__attribute__((unused)) static av_errc
rig_announce(rig *self, unsigned i, const av_mailbox *box)
{
    av_event e = { .kind = AV_EVENT_MAILBOX_CREATED };

    memcpy(e.mailbox.guid, box->guid, 16);
    e.mailbox.path = av_span_of(box->path, box->path_n);
    e.mailbox.uidvalidity = box->uidvalidity;
    e.mailbox.sequence = box->sequence;
    return rig_tell(self, i, &e);
}

/* A message with text of its own and an attachment that others have, too; free with message_free. */
__attribute__((unused)) static av_span
rig_message(uint64_t seed)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    AV_CLEANUP(av_buf_release) av_buf lines = { 0 };
    av_span attachment = message_new(6000, seed % 3);
    uint8_t *copy;

    av_buf_init(&text, 64U * 1024);
    av_buf_init(&lines, 64U * 1024);
    (void)av_base64_encode(attachment, &lines);
    (void)av_buf_printf(&text,
        "From: a@example.org\r\nSubject: %llu\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\n\r\nText %llu\r\n--b\r\nContent-Type: application/octet-stream\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n",
        (unsigned long long)seed, (unsigned long long)(seed * 7919));
    for (size_t at = 0; at < lines.n; at += 76)
        (void)av_buf_printf(&text, "%.*s\r\n", (int)AV_MIN(lines.n - at, 76), (const char *)lines.p + at);
    (void)av_buf_puts(&text, "--b--\r\n");
    message_free(attachment);
    copy = malloc(text.n);
    memcpy(copy, text.p, text.n);
    return av_span_of(copy, text.n);
}

/* Message `seed` into mailbox `id`, announced where it must be; flags 1: seen. Its UID. */
__attribute__((unused)) static uint32_t
rig_place(rig *self, unsigned i, uint8_t id, uint64_t seed, uint32_t flags)
{
    rig_store *s = &self->stores[i];
    av_event e = { .kind = AV_EVENT_PLACEMENT_ADDED };
    av_span m = rig_message(seed);
    bool announced = false;
    av_mailbox box;

    memset(e.placement.guid, id, 16);
    AV_CHECK_RC(av_catalog_mailbox_by_guid(av_catalog_writer(self->catalog), e.placement.guid, &box, &rig_err), AV_OK,
        &rig_err);
    AV_CHECK_RC(av_catalog_is_announced(av_catalog_writer(self->catalog), s->no, box.guid, &announced, &rig_err), AV_OK,
        &rig_err);
    if (!announced)
        AV_CHECK_RC(rig_announce(self, i, &box), AV_OK, &rig_err);
    av_sha256(m, e.placement.digest);
    if (av_store_view_find_message(
            s->view, av_store_view_writer(s->view), e.placement.digest, &e.placement.content_lsn, &rig_err) != AV_OK)
        AV_CHECK_RC(
            av_store_put_message(s->store, m, e.placement.digest, &e.placement.content_lsn, &rig_err), AV_OK, &rig_err);
    e.placement.uid = box.uidnext;
    e.placement.modseq = box.highestmodseq + 1;
    e.placement.flags = flags;
    e.placement.raw_size = e.placement.crlf_size = m.n;
    e.placement.archived_at_ms = (int64_t)(1000 + seed);
    e.placement.has_instance = true;
    memcpy(e.placement.instance, self->config.instance, 16);
    AV_CHECK_RC(rig_tell(self, i, &e), AV_OK, &rig_err);
    message_free(m);
    return box.uidnext;
}

__attribute__((unused)) static av_errc
rig_remove(rig *self, unsigned i, const uint8_t *guid, uint32_t uid, int64_t ms)
{
    av_event e = { .kind = AV_EVENT_PLACEMENT_REMOVED };
    av_mailbox box;

    AV_CHECK_RC(av_catalog_mailbox_by_guid(av_catalog_writer(self->catalog), guid, &box, &rig_err), AV_OK, &rig_err);
    memcpy(e.placement.guid, guid, 16);
    e.placement.uid = uid;
    e.placement.modseq = box.highestmodseq + 1;
    e.placement.removed_at_ms = ms;
    e.placement.who = av_span_str("admin");
    e.placement.reason = av_span_str("asked to");
    return rig_tell(self, i, &e);
}

__attribute__((unused)) static av_errc
rig_hold(rig *self, unsigned i, av_event_kind kind, uint8_t id, const uint8_t *mailbox, const uint8_t *digest)
{
    av_event e = { .kind = kind };

    memset(e.hold.hold, id, 16);
    e.hold.name = av_span_str("lawsuit");
    e.hold.has_mailbox = mailbox != NULL;
    e.hold.has_digest = digest != NULL;
    if (mailbox != NULL)
        memcpy(e.hold.mailbox, mailbox, 16);
    if (digest != NULL)
        memcpy(e.hold.digest, digest, 32);
    return rig_tell(self, i, &e);
}

/* What waits longest and is not held, in a group of its own, keys and all. *ret_lsns: how many records. */
__attribute__((unused)) static bool
rig_erase_next(rig *self, unsigned i, int64_t before_ms)
{
    AV_CLEANUP(av_buf_release) av_buf lsns = { 0 };
    rig_store *s = &self->stores[i];
    av_event e = { .kind = AV_EVENT_CONTENT_ERASED };
    av_waiting cursor = { 0 };

    av_buf_init(&lsns, 4096);
    while (lsns.n == 0) {
        av_errc rc;

        if (av_store_view_next_expired(av_store_view_writer(s->view), before_ms, &cursor, &rig_err) != AV_OK)
            return false;
        rc = av_store_view_erase_plan(s->view, cursor.lsn, &lsns, &rig_err);
        AV_CHECK(rc == AV_OK || rc == AV_ERR_DENIED);
    }
    e.erased.lsns = av_buf_span(&lsns); /* u64 little-endian, as this machine has them */
    e.erased.time_ms = before_ms;
    rig_begin(self, i);
    AV_CHECK_RC(rig_tell(self, i, &e), AV_OK, &rig_err);
    rig_commit(self, i);
    AV_CHECK_RC(
        av_store_erase(s->store, (const uint64_t *)(const void *)lsns.p, lsns.n / 8, &rig_err), AV_OK, &rig_err);
    return true;
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

/* Every row of a database, one a line in hex; free it. */
__attribute__((unused)) static char *
rig_dump(const av_meta_view *view)
{
    av_meta_iter *it = av_meta_iter_new(view, av_span_str(NULL), av_span_str(NULL));
    av_span key, value;
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);

    while (av_meta_iter_next(it, &key, &value)) {
        (void)fprintf(f, "%c ", key.p[0]);
        for (size_t i = 1; i < key.n; i++)
            (void)fprintf(f, "%02x", key.p[i]);
        (void)fprintf(f, " = ");
        for (size_t i = 0; i < value.n; i++)
            (void)fprintf(f, "%02x", value.p[i]);
        (void)fprintf(f, "\n");
    }
    (void)fclose(f);
    av_meta_iter_destroy(&it);
    return out;
}

/* Prints the first lines that differ. */
__attribute__((unused)) static bool
rig_same(const char *a, const char *b, const char *what)
{
    unsigned shown = 0;

    if (strcmp(a, b) == 0)
        return true;
    printf("    %s: rows differ\n", what);
    while ((*a != '\0' || *b != '\0') && shown < 6) {
        size_t an = strcspn(a, "\n"), bn = strcspn(b, "\n");

        if (an == bn && memcmp(a, b, an) == 0) {
            a += an + (a[an] != '\0');
            b += bn + (b[bn] != '\0');
        } else if (*b == '\0' || (*a != '\0' && memcmp(a, b, AV_MIN(an, bn)) < 0)) {
            printf("    live     %.*s\n", (int)AV_MIN(an, 300), a);
            a += an + (a[an] != '\0');
            shown++;
        } else {
            printf("    replayed %.*s\n", (int)AV_MIN(bn, 300), b);
            b += bn + (b[bn] != '\0');
            shown++;
        }
    }
    return false;
}

#endif
