/*
 * store_row.c - rows of stores: key "store/" and the number, big-endian, so that a walk goes by number
 */
#include "actors/instance/store_row.h"

#include "storage/container/tlv.h"

#define PREFIX           "store/"
#define NEXT_KEY         "store.next"
#define AUTO_KEY         "store.auto"
#define DEFAULT_MESSAGES 5000000U
#define DEFAULT_FREE     (1024ULL * 1024 * 1024)

enum tag {
    TAG_ID = 1,
    TAG_UUID = 2,
    TAG_NAME = 3,
    TAG_CONTENT = 4,
    TAG_DATABASE = 5,
    TAG_INDEX = 6,
    TAG_STATE = 7,
    TAG_TASK = 8,
    TAG_LOCKED = 9,
    TAG_CREATED = 10,
    TAG_DIRTY = 11,
    TAG_OPERATION = 12,
    TAG_INDEX_MARK = 13
};

av_store_row *
av_store_row_copy(const av_store_row *self)
{
    av_store_row *copy = av_xcalloc(1, sizeof *copy);

    *copy = *self;
    copy->name = av_xstrdup(self->name);
    copy->content = av_xstrdup(self->content);
    copy->database = av_xstrdup(self->database);
    copy->index = av_xstrdup(self->index);
    return copy;
}

void
av_store_row_destroy(av_store_row **self)
{
    av_store_row *r = *self;

    if (r == NULL)
        return;
    free(r->name);
    free(r->content);
    free(r->database);
    free(r->index);
    free(r);
    *self = NULL;
}

void
av_store_row_take_paths(av_store_row *self, av_store_paths *paths)
{
    free(self->content);
    free(self->database);
    free(self->index);
    self->content = AV_TAKE(paths->content);
    self->database = AV_TAKE(paths->database);
    self->index = AV_TAKE(paths->index);
}

#define CRITICAL(tag) ((uint8_t)((tag) | AV_TLV_CRITICAL))

av_errc
av_store_row_encode(const av_store_row *self, av_buf *out, av_error *err)
{
    if (av_tlv_put_u32(out, CRITICAL(TAG_ID), self->id) &&
        av_tlv_put(out, CRITICAL(TAG_UUID), av_span_of(self->uuid, sizeof self->uuid)) &&
        av_tlv_put(out, CRITICAL(TAG_NAME), av_span_str(self->name)) &&
        av_tlv_put(out, CRITICAL(TAG_CONTENT), av_span_str(self->content)) &&
        av_tlv_put(out, CRITICAL(TAG_DATABASE), av_span_str(self->database)) &&
        av_tlv_put(out, CRITICAL(TAG_INDEX), av_span_str(self->index)) &&
        av_tlv_put_u8(out, CRITICAL(TAG_STATE), (uint8_t)self->state) &&
        av_tlv_put_u8(out, CRITICAL(TAG_TASK), (uint8_t)self->task) &&
        av_tlv_put_u8(out, CRITICAL(TAG_LOCKED), self->locked) &&
        av_tlv_put_u64(out, TAG_CREATED, (uint64_t)self->created_ms) &&
        av_tlv_put_u8(out, CRITICAL(TAG_DIRTY), self->dirty) &&
        av_tlv_put(out, TAG_OPERATION, av_span_str(self->operation)) &&
        av_tlv_put_u8(out, TAG_INDEX_MARK, self->index_mark))
        return AV_OK;
    return av_error_set(err, AV_ERR_LIMIT, "the paths of a store have at most %u KB together", AV_ROW_MAX / 1024 - 2);
}

static bool
take_text(av_span value, char **ret)
{
    if (value.n == 0 || memchr(value.p, 0, value.n) != NULL)
        return false;
    free(*ret);
    *ret = av_span_dup(value);
    return true;
}

static bool
take_u8(av_span value, unsigned from, unsigned to, unsigned *ret)
{
    uint8_t v;

    if (!av_tlv_u8(value, &v) || v < from || v > to)
        return false;
    *ret = v;
    return true;
}

/* false: not a value of this field. A field of a later version that is not critical is skipped. */
static bool
take(av_store_row *self, const av_tlv_field *f)
{
    unsigned word = 0;
    uint64_t number = 0;
    bool ok;

    switch ((enum tag)f->number) {
    case TAG_ID:
        return av_tlv_u32(f->value, &self->id) && self->id > 0;
    case TAG_UUID:
        ok = f->value.n == sizeof self->uuid;
        if (ok)
            memcpy(self->uuid, f->value.p, sizeof self->uuid);
        return ok;
    case TAG_NAME:
        return take_text(f->value, &self->name);
    case TAG_CONTENT:
        return take_text(f->value, &self->content);
    case TAG_DATABASE:
        return take_text(f->value, &self->database);
    case TAG_INDEX:
        return take_text(f->value, &self->index);
    case TAG_STATE:
        ok = take_u8(f->value, AV_STORE_CURRENT, AV_STORE_DISABLED, &word);
        self->state = (av_store_state)word;
        return ok;
    case TAG_TASK:
        ok = take_u8(f->value, AV_STORE_TASK_NONE, AV_STORE_TASK_REPLAY, &word);
        self->task = (av_store_task)word;
        return ok;
    case TAG_LOCKED:
        ok = take_u8(f->value, 0, 1, &word);
        self->locked = word != 0;
        return ok;
    case TAG_CREATED:
        ok = av_tlv_u64(f->value, &number);
        self->created_ms = (int64_t)number;
        return ok;
    case TAG_DIRTY:
        ok = take_u8(f->value, 0, 1, &word);
        self->dirty = word != 0;
        return ok;
    case TAG_INDEX_MARK:
        return av_tlv_u8(f->value, &self->index_mark);
    case TAG_OPERATION:
        if (f->value.n != 0 && f->value.n != sizeof self->operation - 1)
            return false;
        memcpy(self->operation, f->value.p, f->value.n);
        self->operation[f->value.n] = '\0';
        return true;
    }
    return !f->critical;
}

av_errc
av_store_row_decode(av_span row, av_store_row **ret, av_error *err)
{
    AV_CLEANUP(av_store_row_destroy) av_store_row *self = av_xcalloc(1, sizeof *self);
    av_tlv_reader reader = { .rest = row };
    av_tlv_field field;
    bool end = false;
    av_errc rc;

    while ((rc = av_tlv_next(&reader, &field, &end, err)) == AV_OK && !end)
        if (!take(self, &field))
            return av_error_set(err, AV_ERR_CORRUPT, "row of a store: field %u cannot be read", field.number);
    if (rc != AV_OK)
        return av_error_prefix(err, "row of a store");
    if (self->id == 0 || self->name == NULL || self->content == NULL || self->database == NULL || self->index == NULL ||
        self->state == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "row of a store: a field is missing");
    *ret = AV_TAKE(self);
    return AV_OK;
}

/* ---- in accounts ---- */

typedef struct row_key {
    uint8_t bytes[sizeof PREFIX - 1 + 4];
} row_key;

static row_key
key_of(uint32_t id)
{
    row_key key;

    memcpy(key.bytes, PREFIX, sizeof PREFIX - 1);
    for (unsigned i = 0; i < 4; i++)
        key.bytes[sizeof PREFIX - 1 + i] = (uint8_t)(id >> (24 - 8 * i));
    return key;
}

av_errc
av_store_row_put(av_accounts *accounts, const av_store_row *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    row_key key = key_of(self->id);
    av_errc rc;

    av_buf_init(&row, AV_ROW_MAX);
    rc = av_store_row_encode(self, &row, err);
    return rc != AV_OK
               ? rc
               : av_accounts_setting_put(accounts, av_span_of(key.bytes, sizeof key.bytes), av_buf_span(&row), err);
}

av_errc
av_store_row_create(av_accounts *accounts, av_store_row *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf next = { 0 };
    uint32_t id = 1;
    av_span rest;
    av_errc rc;

    av_buf_init(&next, 16);
    rc = av_accounts_setting_get(av_accounts_writer(accounts), av_span_str(NEXT_KEY), &next, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    rest = av_buf_span(&next);
    if (rc == AV_OK && (!av_span_get_u32(&rest, &id) || rest.n != 0 || id == 0))
        return av_error_set(err, AV_ERR_CORRUPT, "the number of the next store cannot be read");
    if (id == UINT32_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "no number is left for a new store");
    self->id = id;
    av_buf_clear(&next);
    (void)av_buf_put_u32(&next, id + 1);
    rc = av_accounts_setting_put(accounts, av_span_str(NEXT_KEY), av_buf_span(&next), err);
    return rc != AV_OK ? rc : av_store_row_put(accounts, self, err);
}

av_errc
av_store_row_delete(av_accounts *accounts, uint32_t id, av_error *err)
{
    row_key key = key_of(id);

    return av_accounts_setting_delete(accounts, av_span_of(key.bytes, sizeof key.bytes), err);
}

av_meta_iter *
av_store_rows(const av_meta_view *view)
{
    return av_accounts_settings(view, av_span_str(PREFIX));
}

av_errc
av_store_row_next(av_meta_iter *it, av_store_row **ret, av_error *err)
{
    av_span key, row;

    *ret = NULL;
    if (!av_accounts_next(it, &key, &row))
        return av_meta_iter_error(it, err);
    return av_store_row_decode(row, ret, err);
}

av_errc
av_store_row_never(const av_meta_view *view, bool *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf next = { 0 };
    av_errc rc;

    av_buf_init(&next, 16);
    rc = av_accounts_setting_get(view, av_span_str(NEXT_KEY), &next, err);
    *ret = rc == AV_ERR_NOT_FOUND;
    return *ret ? AV_OK : rc;
}

/* ---- auto-create ---- */

static Archivolt__StoreAutoCreateConfiguration *
default_auto(void)
{
    Archivolt__StoreAutoCreateConfiguration *config = av_xcalloc(1, sizeof *config);

    archivolt__store_auto_create_configuration__init(config);
    config->enabled = true;
    config->has_messages = config->has_size_bytes = config->has_period = config->has_min_free_bytes = true;
    config->messages = DEFAULT_MESSAGES;
    config->period = ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_NEVER;
    config->min_free_bytes = DEFAULT_FREE;
    return config;
}

av_errc
av_store_auto_get(const av_meta_view *view, Archivolt__StoreAutoCreateConfiguration **ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_errc rc;

    av_buf_init(&row, AV_ROW_MAX);
    rc = av_accounts_setting_get(view, av_span_str(AUTO_KEY), &row, err);
    if (rc == AV_ERR_NOT_FOUND) {
        *ret = default_auto();
        return AV_OK;
    }
    if (rc != AV_OK)
        return rc;
    *ret = archivolt__store_auto_create_configuration__unpack(NULL, row.n, row.p);
    return *ret != NULL ? AV_OK : av_error_set(err, AV_ERR_CORRUPT, "the configuration of auto-create cannot be read");
}

av_errc
av_store_auto_put(av_accounts *accounts, const Archivolt__StoreAutoCreateConfiguration *config, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    size_t n = archivolt__store_auto_create_configuration__get_packed_size(config);
    uint8_t *room;

    av_buf_init(&row, AV_ROW_MAX);
    room = av_buf_reserve(&row, n + 1);
    if (room == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "the configuration has over %u bytes", AV_ROW_MAX);
    row.n = archivolt__store_auto_create_configuration__pack(config, room);
    return av_accounts_setting_put(accounts, av_span_str(AUTO_KEY), av_buf_span(&row), err);
}
