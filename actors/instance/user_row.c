/*
 * user_row.c - a user's row: written, read, loaded, stored
 */
#include "actors/instance/user_row.h"

#include "storage/container/tlv.h"

enum tag {
    TAG_NAME = 1,
    TAG_FULL_NAME = 2,
    TAG_DN = 3,
    TAG_AUTHENTICATION = 4,
    TAG_PRIVILEGES = 5,
    TAG_PASSWORD = 6,
    TAG_EMAILS = 7,
    TAG_POP3_NAMES = 8,
    TAG_GRANTS = 9,
    TAG_SCRAM = 10 /* u32 rounds, salt, StoredKey, ServerKey */
};

#define SCRAM_SIZE (4 + AV_SCRAM_SALT + 2 * AV_SCRAM_KEY)

bool
av_texts_add(av_texts *self, av_span text)
{
    if (self->n == AV_USER_LIST_MAX)
        return false;
    self->v = av_xrealloc(self->v, (self->n + 1) * sizeof *self->v);
    self->v[self->n++] = av_span_dup(text);
    return true;
}

void
av_texts_release(av_texts *self)
{
    size_t i;

    for (i = 0; i < self->n; i++)
        free(self->v[i]);
    free(self->v);
    memset(self, 0, sizeof *self);
}

av_user *
av_user_new(av_span name)
{
    av_user *self = av_xcalloc(1, sizeof *self);

    self->name = av_span_dup(name);
    self->authentication = ARCHIVOLT__AUTHENTICATION__AUTHENTICATION_INTEGRATED;
    return self;
}

void
av_user_destroy(av_user **self)
{
    av_user *u = *self;
    size_t i;

    if (u == NULL)
        return;
    for (i = 0; i < u->grant_count; i++)
        free(u->grants[i].archive);
    av_texts_release(&u->emails);
    av_texts_release(&u->pop3_names);
    free(u->name);
    free(u->full_name);
    free(u->distinguished_name);
    av_secret_wipe(u->password, sizeof u->password);
    av_secret_wipe(&u->scram, sizeof u->scram);
    free(u);
    *self = NULL;
}

/* A text inside a list field: length and bytes. */
static bool
put_text(av_buf *out, const char *text)
{
    return av_buf_put_u16(out, (uint16_t)strlen(text)) && av_buf_puts(out, text);
}

static bool
get_text(av_span *in, av_span *ret)
{
    uint16_t n;

    return av_span_get_u16(in, &n) && av_span_get_bytes(in, n, ret);
}

static bool
put_texts(av_buf *out, uint8_t tag, const av_texts *texts)
{
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    bool ok = true;
    size_t i;

    if (texts->n == 0)
        return true;
    av_buf_init(&list, AV_ROW_MAX);
    for (i = 0; ok && i < texts->n; i++)
        ok = put_text(&list, texts->v[i]);
    return ok && av_tlv_put(out, tag, av_buf_span(&list));
}

static bool
put_grants(av_buf *out, const av_user *self)
{
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    bool ok = true;
    size_t i;

    if (self->grant_count == 0)
        return true;
    av_buf_init(&list, AV_ROW_MAX);
    for (i = 0; ok && i < self->grant_count; i++)
        ok = put_text(&list, self->grants[i].archive) && av_buf_put_u32(&list, self->grants[i].rights);
    return ok && av_tlv_put(out, TAG_GRANTS, av_buf_span(&list));
}

static bool
put_optional(av_buf *out, uint8_t tag, const char *text)
{
    return text == NULL || text[0] == '\0' || av_tlv_put(out, tag, av_span_str(text));
}

static bool
put_scram(av_buf *out, const av_scram_verifier *v)
{
    AV_CLEANUP(av_buf_release_secret) av_buf field = { 0 };

    if (v->rounds == 0)
        return true;
    av_buf_init(&field, SCRAM_SIZE);
    return av_buf_put_u32(&field, v->rounds) && av_buf_append(&field, v->salt, sizeof v->salt) &&
           av_buf_append(&field, v->stored_key, sizeof v->stored_key) &&
           av_buf_append(&field, v->server_key, sizeof v->server_key) &&
           av_tlv_put(out, TAG_SCRAM, av_buf_span(&field));
}

static bool
take_scram(av_span in, av_scram_verifier *ret)
{
    av_span salt, stored, server;

    if (in.n != SCRAM_SIZE || !av_span_get_u32(&in, &ret->rounds) || !av_span_get_bytes(&in, AV_SCRAM_SALT, &salt) ||
        !av_span_get_bytes(&in, AV_SCRAM_KEY, &stored) || !av_span_get_bytes(&in, AV_SCRAM_KEY, &server))
        return false;
    memcpy(ret->salt, salt.p, sizeof ret->salt);
    memcpy(ret->stored_key, stored.p, sizeof ret->stored_key);
    memcpy(ret->server_key, server.p, sizeof ret->server_key);
    return true;
}

av_errc
av_user_encode(const av_user *self, av_buf *out, av_error *err)
{
    if (av_tlv_put(out, TAG_NAME | AV_TLV_CRITICAL, av_span_str(self->name)) &&
        put_optional(out, TAG_FULL_NAME, self->full_name) && put_optional(out, TAG_DN, self->distinguished_name) &&
        av_tlv_put_u32(out, TAG_AUTHENTICATION | AV_TLV_CRITICAL, self->authentication) &&
        av_tlv_put_u32(out, TAG_PRIVILEGES | AV_TLV_CRITICAL, self->privileges) &&
        put_optional(out, TAG_PASSWORD, self->password) && put_texts(out, TAG_EMAILS, &self->emails) &&
        put_texts(out, TAG_POP3_NAMES, &self->pop3_names) && put_grants(out, self) && put_scram(out, &self->scram))
        return AV_OK;
    return av_error_set(
        err, AV_ERR_LIMIT, "user \"%s\": all his data together are over %u KB", self->name, AV_ROW_MAX / 1024);
}

static bool
take_texts(av_span list, av_texts *ret)
{
    av_span text;

    while (list.n > 0) {
        if (!get_text(&list, &text) || !av_texts_add(ret, text))
            return false;
    }
    return true;
}

static bool
take_grants(av_span list, av_user *ret)
{
    av_span text;
    uint32_t rights;

    while (list.n > 0) {
        if (ret->grant_count == AV_USER_LIST_MAX || !get_text(&list, &text) || !av_span_get_u32(&list, &rights))
            return false;
        ret->grants[ret->grant_count++] = (av_grant){ av_span_dup(text), rights };
    }
    return true;
}

static bool
take_string(av_span value, char **ret)
{
    free(*ret);
    *ret = av_span_dup(value);
    return true;
}

/* 1: taken, 0: malformed, -1: unknown. */
static int
take_field(const av_tlv_field *field, av_user *ret)
{
    switch (field->number) {
    case TAG_NAME:
        return take_string(field->value, &ret->name);
    case TAG_FULL_NAME:
        return take_string(field->value, &ret->full_name);
    case TAG_DN:
        return take_string(field->value, &ret->distinguished_name);
    case TAG_AUTHENTICATION:
        return av_tlv_u32(field->value, &ret->authentication);
    case TAG_PRIVILEGES:
        return av_tlv_u32(field->value, &ret->privileges);
    case TAG_PASSWORD:
        if (field->value.n >= sizeof ret->password)
            return 0;
        memcpy(ret->password, field->value.p, field->value.n);
        return 1;
    case TAG_EMAILS:
        return take_texts(field->value, &ret->emails);
    case TAG_POP3_NAMES:
        return take_texts(field->value, &ret->pop3_names);
    case TAG_GRANTS:
        return take_grants(field->value, ret);
    case TAG_SCRAM:
        return take_scram(field->value, &ret->scram);
    default:
        return -1;
    }
}

av_errc
av_user_decode(av_span row, av_user **ret, av_error *err)
{
    AV_CLEANUP(av_user_destroy) av_user *self = av_user_new((av_span){ NULL, 0 });
    av_tlv_reader reader = { row, 0 };
    av_tlv_field field;
    bool end = false;
    av_errc rc;
    int took;

    while ((rc = av_tlv_next(&reader, &field, &end, err)) == AV_OK && !end) {
        took = take_field(&field, self);
        if (took == 0)
            return av_error_set(err, AV_ERR_CORRUPT, "user row: field %u is malformed", field.number);
        if (took < 0 && field.critical)
            return av_error_set(err, AV_ERR_VERSION, "user row: field %u is of a newer version", field.number);
    }
    if (rc != AV_OK)
        return av_error_prefix(err, "user row");
    if (self->name[0] == '\0')
        return av_error_set(err, AV_ERR_CORRUPT, "user row: no name");
    *ret = AV_TAKE(self);
    return AV_OK;
}

av_errc
av_user_load(const av_meta_view *accounts, av_span name, av_user **ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_errc rc;

    av_buf_init(&row, AV_ROW_MAX);
    rc = av_accounts_user_get(accounts, name, &row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(
            err, rc, "user \"%.*s\" does not exist", (int)AV_MIN(name.n, (size_t)200), (const char *)name.p);
    return rc != AV_OK ? rc : av_user_decode(av_buf_span(&row), ret, err);
}

av_errc
av_user_store(av_accounts *accounts, const av_user *self, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf row = { 0 };
    av_errc rc;

    av_buf_init(&row, AV_ROW_MAX);
    rc = av_user_encode(self, &row, err);
    return rc != AV_OK ? rc : av_accounts_user_put(accounts, av_span_str(self->name), av_buf_span(&row), err);
}
