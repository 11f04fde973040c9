/*
 * holds.c - holds: rows in accounts, events in every store
 *
 * A row: "hold/" and the id; lifted ones stay, so that a store that was closed meanwhile hears of it.
 */
#include "actors/instance/holds.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/container/tlv.h"

#define PREFIX "hold/"

enum tag { TAG_NAME = 1, TAG_MAILBOX = 2, TAG_DIGEST = 3, TAG_TIME = 4, TAG_WHO = 5, TAG_LIFTED = 6 };

typedef struct hold_row {
    uint8_t id[AV_GUID_SIZE];
    char *name, *who;
    bool has_mailbox, has_digest;
    uint8_t mailbox[AV_GUID_SIZE], digest[32];
    int64_t time_ms, lifted_ms; /* lifted 0: it stands */
} hold_row;

static void
row_release(hold_row *self)
{
    free(self->name);
    free(self->who);
    *self = (hold_row){ 0 };
}

/* ---- rows ---- */

typedef struct row_key {
    uint8_t bytes[sizeof PREFIX - 1 + AV_GUID_SIZE];
} row_key;

static row_key
key_of(const uint8_t id[AV_GUID_SIZE])
{
    row_key key;

    memcpy(key.bytes, PREFIX, sizeof PREFIX - 1);
    memcpy(key.bytes + sizeof PREFIX - 1, id, AV_GUID_SIZE);
    return key;
}

static av_errc
row_put(av_accounts *accounts, const hold_row *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    row_key key = key_of(self->id);

    av_buf_init(&out, AV_ROW_MAX);
    (void)av_tlv_put(&out, TAG_NAME | AV_TLV_CRITICAL, av_span_str(self->name));
    if (self->has_mailbox)
        (void)av_tlv_put(&out, TAG_MAILBOX | AV_TLV_CRITICAL, av_span_of(self->mailbox, sizeof self->mailbox));
    if (self->has_digest)
        (void)av_tlv_put(&out, TAG_DIGEST | AV_TLV_CRITICAL, av_span_of(self->digest, sizeof self->digest));
    (void)av_tlv_put_u64(&out, TAG_TIME, (uint64_t)self->time_ms);
    (void)av_tlv_put(&out, TAG_WHO, av_span_str(self->who));
    if (self->lifted_ms != 0)
        (void)av_tlv_put_u64(&out, TAG_LIFTED | AV_TLV_CRITICAL, (uint64_t)self->lifted_ms);
    if (out.full)
        return av_error_set(err, AV_ERR_LIMIT, "a hold's row is too long");
    return av_accounts_setting_put(accounts, av_span_of(key.bytes, sizeof key.bytes), av_buf_span(&out), err);
}

static bool
take(hold_row *self, const av_tlv_field *f)
{
    uint64_t number = 0;

    switch ((enum tag)f->number) {
    case TAG_NAME:
        free(self->name);
        self->name = av_span_dup(f->value);
        return true;
    case TAG_MAILBOX:
        self->has_mailbox = f->value.n == sizeof self->mailbox;
        if (self->has_mailbox)
            memcpy(self->mailbox, f->value.p, sizeof self->mailbox);
        return self->has_mailbox;
    case TAG_DIGEST:
        self->has_digest = f->value.n == sizeof self->digest;
        if (self->has_digest)
            memcpy(self->digest, f->value.p, sizeof self->digest);
        return self->has_digest;
    case TAG_TIME:
        if (!av_tlv_u64(f->value, &number))
            return false;
        self->time_ms = (int64_t)number;
        return true;
    case TAG_WHO:
        free(self->who);
        self->who = av_span_dup(f->value);
        return true;
    case TAG_LIFTED:
        if (!av_tlv_u64(f->value, &number))
            return false;
        self->lifted_ms = (int64_t)number;
        return true;
    }
    return !f->critical;
}

static av_errc
row_decode(av_span key, av_span row, hold_row *ret, av_error *err)
{
    av_tlv_reader reader = { .rest = row };
    hold_row self = { 0 };
    av_tlv_field field;
    bool end = false;
    av_errc rc;

    if (key.n != sizeof PREFIX - 1 + AV_GUID_SIZE)
        return av_error_set(err, AV_ERR_CORRUPT, "the row of a hold has another key");
    memcpy(self.id, key.p + sizeof PREFIX - 1, AV_GUID_SIZE);
    while ((rc = av_tlv_next(&reader, &field, &end, err)) == AV_OK && !end)
        if (!take(&self, &field)) {
            rc = av_error_set(err, AV_ERR_CORRUPT, "the row of a hold cannot be read");
            break;
        }
    if (rc == AV_OK && self.name == NULL)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the row of a hold has no name");
    if (rc != AV_OK) {
        row_release(&self);
        return rc;
    }
    if (self.who == NULL)
        self.who = av_xstrdup("");
    *ret = self;
    return AV_OK;
}

typedef struct hold_list {
    hold_row *v;
    size_t n;
} hold_list;

static void
list_release(hold_list *self)
{
    for (size_t i = 0; i < self->n; i++)
        row_release(&self->v[i]);
    free(self->v);
    *self = (hold_list){ 0 };
}

static av_errc
list_read(const av_meta_view *view, hold_list *ret, av_error *err)
{
    av_meta_iter *it = av_accounts_settings(view, av_span_str(PREFIX));
    av_span key, row;
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_accounts_next(it, &key, &row)) {
        ret->v = av_xrealloc(ret->v, (ret->n + 1) * sizeof *ret->v);
        rc = row_decode(key, row, &ret->v[ret->n], err);
        ret->n += rc == AV_OK;
    }
    if (rc == AV_OK)
        rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    return rc;
}

static int
oldest_first(const void *a, const void *b)
{
    int64_t x = ((const hold_row *)a)->time_ms, y = ((const hold_row *)b)->time_ms;

    return x < y ? -1 : x > y;
}

/* ---- asked for ---- */

static av_errc
take_folder(av_ask *ask, const char *folder, hold_row *row, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };
    av_mailbox mailbox;
    av_errc rc;

    av_buf_init(&path, AV_MAILBOX_PATH_MAX);
    rc = av_mailbox_path_normalize(av_span_str(folder), &path, err);
    if (rc == AV_OK)
        rc = av_catalog_mailbox_by_path(av_catalog_writer(ask->archive->catalog), av_buf_span(&path), &mailbox, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there is no mailbox \"%.200s\"", folder);
    if (rc != AV_OK)
        return rc;
    row->has_mailbox = true;
    memcpy(row->mailbox, mailbox.guid, sizeof row->mailbox);
    return AV_OK;
}

static av_errc
take_message(av_ask *ask, const char *text, hold_row *row, av_error *err)
{
    uint8_t id[AV_MESSAGE_ID_BYTES];
    av_catalog_iter *it;
    av_placement placement;

    if (!av_message_id_parse(av_span_str(text), id))
        return av_error_set(err, AV_ERR_INVALID, "\"%.40s\" is not a message id", text);
    it = av_catalog_by_id(ask->archive->catalog, av_catalog_writer(ask->archive->catalog), id);
    row->has_digest = av_catalog_next_placement(it, &placement);
    av_catalog_iter_destroy(&it);
    if (!row->has_digest)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no message %s in any mailbox", text);
    memcpy(row->digest, placement.digest, sizeof row->digest);
    return AV_OK;
}

av_errc
av_holds_ask_set(av_ask *ask, av_error *err)
{
    const Archivolt__SetHoldRequest *body = (const void *)ask->body;
    AV_CLEANUP(row_release) hold_row row = { 0 };
    Archivolt__SetHoldReply *reply;
    char hex[2 * AV_GUID_SIZE + 1];
    av_errc rc = AV_OK;

    if (body->name[0] == '\0' || (body->folder != NULL && body->message != NULL))
        return av_error_set(err, AV_ERR_INVALID, "a hold has a name, and a folder or a message or neither");
    if (body->folder != NULL)
        rc = take_folder(ask, body->folder, &row, err);
    else if (body->message != NULL)
        rc = take_message(ask, body->message, &row, err);
    if (rc != AV_OK)
        return rc;
    av_random_bytes(row.id, sizeof row.id);
    row.name = av_xstrdup(body->name);
    row.who = av_xstrdup(ask->caller);
    row.time_ms = av_clock_wall_ms();
    rc = row_put(ask->archive->accounts, &row, err);
    if (rc != AV_OK)
        return rc;
    av_hex_encode(av_span_of(row.id, sizeof row.id), hex);
    reply = av_reply_new(&archivolt__set_hold_reply__descriptor);
    reply->id = av_xstrdup(hex);
    ask->reply = &reply->base;
    return AV_OK;
}

av_errc
av_holds_ask_lift(av_ask *ask, av_error *err)
{
    const Archivolt__LiftHoldRequest *body = (const void *)ask->body;
    AV_CLEANUP(list_release) hold_list list = { 0 };
    uint8_t id[AV_GUID_SIZE];
    av_errc rc;

    if (!av_hex_decode(av_span_str(body->id), id, sizeof id))
        return av_error_set(err, AV_ERR_INVALID, "\"%.40s\" is not the id of a hold", body->id);
    rc = list_read(av_accounts_writer(ask->archive->accounts), &list, err);
    if (rc != AV_OK)
        return rc;
    for (size_t i = 0; i < list.n; i++)
        if (memcmp(list.v[i].id, id, sizeof id) == 0 && list.v[i].lifted_ms == 0) {
            list.v[i].lifted_ms = av_clock_wall_ms();
            return row_put(ask->archive->accounts, &list.v[i], err);
        }
    return av_error_set(err, AV_ERR_NOT_FOUND, "there is no hold %.40s", body->id);
}

static Archivolt__Hold *
reply_row(const av_meta_view *catalog, const hold_row *row)
{
    Archivolt__Hold *out = av_reply_new(&archivolt__hold__descriptor);
    char hex[2 * AV_GUID_SIZE + 1], id[AV_MESSAGE_ID_TEXT + 1];
    av_mailbox mailbox;
    av_error ignored;

    av_hex_encode(av_span_of(row->id, sizeof row->id), hex);
    out->id = av_xstrdup(hex);
    out->name = av_xstrdup(row->name);
    out->by = av_xstrdup(row->who);
    out->set = av_reply_date(row->time_ms);
    if (row->has_mailbox)
        out->folder = av_catalog_mailbox_by_guid(catalog, row->mailbox, &mailbox, &ignored) == AV_OK
                          ? av_span_dup(av_span_of(mailbox.path, mailbox.path_n))
                          : av_xstrdup("(a mailbox that is gone)");
    if (row->has_digest) {
        av_message_id_format(row->digest, id);
        out->message = av_xstrdup(id);
    }
    return out;
}

av_errc
av_holds_ask_list(av_ask *ask, av_error *err)
{
    Archivolt__GetHoldsReply *reply = av_reply_new(&archivolt__get_holds_reply__descriptor);
    AV_CLEANUP(list_release) hold_list list = { 0 };
    av_meta_view *accounts = av_accounts_snapshot(ask->archive->accounts);
    av_meta_view *catalog = av_catalog_snapshot(ask->archive->catalog);
    av_errc rc = list_read(accounts, &list, err);

    ask->reply = &reply->base;
    if (list.n > 0)
        qsort(list.v, list.n, sizeof *list.v, oldest_first);
    for (size_t i = 0; rc == AV_OK && i < list.n; i++)
        if (list.v[i].lifted_ms == 0)
            av_reply_push(&reply->holds, &reply->n_holds, reply_row(catalog, &list.v[i]));
    av_meta_view_destroy(&catalog);
    av_meta_view_destroy(&accounts);
    return rc;
}

/* ---- stores follow ---- */

static hold_row *
find(hold_list *list, const uint8_t id[AV_GUID_SIZE])
{
    for (size_t i = 0; i < list->n; i++)
        if (memcmp(list->v[i].id, id, AV_GUID_SIZE) == 0)
            return &list->v[i];
    return NULL;
}

static void
add_found(hold_list *list, const av_hold *hold)
{
    hold_row *row;

    list->v = av_xrealloc(list->v, (list->n + 1) * sizeof *list->v);
    row = &list->v[list->n++];
    *row = (hold_row){ .has_mailbox = hold->has_mailbox, .has_digest = hold->has_digest, .time_ms = hold->time_ms };
    memcpy(row->id, hold->hold, sizeof row->id);
    memcpy(row->mailbox, hold->mailbox, sizeof row->mailbox);
    memcpy(row->digest, hold->digest, sizeof row->digest);
    row->name = av_span_dup(hold->name);
    row->who = av_span_dup(hold->who);
}

static av_errc
in_store(const av_open_store *store, hold_list *ret, av_error *err)
{
    av_store_view_iter *it = av_store_view_holds(av_store_view_writer(store->view));
    av_hold hold;
    av_errc rc;

    while (av_store_view_next_hold(it, &hold))
        add_found(ret, &hold);
    rc = av_store_view_iter_error(it, err);
    av_store_view_iter_destroy(&it);
    return rc;
}

static av_errc
put_event(av_archive *self, const hold_row *row, bool lift, av_error *err)
{
    av_event event = { .kind = lift ? AV_EVENT_HOLD_LIFTED : AV_EVENT_HOLD_SET };
    av_event_hold *h = &event.hold;

    memcpy(h->hold, row->id, sizeof h->hold);
    memcpy(h->mailbox, row->mailbox, sizeof h->mailbox);
    memcpy(h->digest, row->digest, sizeof h->digest);
    h->has_mailbox = row->has_mailbox && !lift;
    h->has_digest = row->has_digest && !lift;
    h->name = lift ? (av_span){ NULL, 0 } : av_span_str(row->name);
    h->time_ms = lift ? row->lifted_ms : row->time_ms;
    h->who = av_span_str(row->who);
    return av_archive_event(self, &event, (av_span){ NULL, 0 }, err);
}

/* Holds an attached store brought. */
static av_errc
take_over(av_archive *self, hold_list *known, const hold_list *there, av_error *err)
{
    bool any = false;
    av_errc rc = AV_OK;

    for (size_t i = 0; i < there->n; i++)
        any = any || find(known, there->v[i].id) == NULL;
    if (!any)
        return AV_OK;
    av_accounts_begin(self->accounts);
    for (size_t i = 0; rc == AV_OK && i < there->n; i++)
        if (find(known, there->v[i].id) == NULL)
            rc = row_put(self->accounts, &there->v[i], err);
    if (rc == AV_OK)
        return av_accounts_commit(self->accounts, err);
    av_accounts_rollback(self->accounts);
    return rc;
}

av_errc
av_holds_follow(av_archive *self, const av_open_store *store, av_error *err)
{
    AV_CLEANUP(list_release) hold_list known = { 0 };
    AV_CLEANUP(list_release) hold_list there = { 0 };
    bool open = false;
    av_errc rc = list_read(av_accounts_writer(self->accounts), &known, err);

    if (rc == AV_OK)
        rc = in_store(store, &there, err);
    if (rc == AV_OK)
        rc = take_over(self, &known, &there, err);
    for (size_t i = 0; rc == AV_OK && i < known.n; i++) {
        bool lifted = known.v[i].lifted_ms != 0;

        if ((find(&there, known.v[i].id) != NULL) != lifted)
            continue; /* stands there and shall, or neither */
        if (!open)
            rc = av_archive_begin(self, store, err);
        open = rc == AV_OK;
        if (rc == AV_OK)
            rc = put_event(self, &known.v[i], lifted, err);
    }
    if (open && rc == AV_OK)
        return av_archive_commit(self, err);
    av_archive_rollback(self);
    return rc;
}

void
av_holds_follow_all(av_archive *self)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(self->stores, &n);
    const av_open_store *store = NULL;
    av_error err;

    for (size_t i = 0; i < n; i++) {
        if (list[i].row->state == AV_STORE_DISABLED || list[i].row->locked)
            continue;
        if (av_stores_write(self->stores, list[i].row->id, true, &store, &err) != AV_OK ||
            av_holds_follow(self, store, &err) != AV_OK)
            AV_LOG(AV_LOG_WARN, "holds.not_in_store", AV_STR("store", list[i].row->name), AV_ERRF(&err));
        av_stores_written(self->stores, &store);
    }
    av_store_infos_free(list, n);
}
