/*
 * hold_row.c - rows of holds in accounts: "hold/" and the id
 */
#include "actors/instance/hold_row.h"

#include "storage/container/tlv.h"

#define PREFIX "hold/"

enum tag { TAG_NAME = 1, TAG_MAILBOX = 2, TAG_DIGEST = 3, TAG_TIME = 4, TAG_WHO = 5, TAG_LIFTED = 6 };

/* ---- one ---- */

void
av_hold_row_release(av_hold_row *self)
{
    free(self->name);
    free(self->who);
    *self = (av_hold_row){ 0 };
}

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

av_errc
av_hold_row_put(av_accounts *accounts, const av_hold_row *self, av_error *err)
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
take(av_hold_row *self, const av_tlv_field *f)
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
row_decode(av_span key, av_span row, av_hold_row *ret, av_error *err)
{
    av_tlv_reader reader = { .rest = row };
    av_hold_row self = { 0 };
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
        av_hold_row_release(&self);
        return rc;
    }
    if (self.who == NULL)
        self.who = av_xstrdup("");
    *ret = self;
    return AV_OK;
}

/* ---- all ---- */

void
av_hold_list_release(av_hold_list *self)
{
    for (size_t i = 0; i < self->n; i++)
        av_hold_row_release(&self->v[i]);
    free(self->v);
    *self = (av_hold_list){ 0 };
}

av_errc
av_hold_list_read(const av_meta_view *view, av_hold_list *ret, av_error *err)
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
