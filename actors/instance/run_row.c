/*
 * run_row.c - rows of runs: key "run/" and the number turned round, so that a walk begins with the newest
 */
#include "actors/instance/run_row.h"

#include "storage/container/tlv.h"

#define PREFIX   "run/"
#define NEXT_KEY "run.next"

enum tag {
    TAG_NUMBER = 1,
    TAG_RUN = 2,
    TAG_TOP_FOLDER = 3,
    TAG_FOLDER = 4,
    TAG_PATHS = 5,
    TAG_SOURCE = 6,
    TAG_MBOX = 7,
    TAG_STARTED = 8,
    TAG_ENDED = 9,
    TAG_RESULT = 10,
    TAG_ERROR_CODE = 11,
    TAG_ERROR = 12,
    TAG_MACHINE = 13
};

void
av_run_row_destroy(av_run_row **self)
{
    av_run_row *r = *self;

    if (r == NULL)
        return;
    av_texts_release(&r->paths);
    free(r->top_folder);
    free(r->folder);
    free(r->error);
    free(r->machine);
    free(r);
    *self = NULL;
}

static bool
put_paths(const av_run_row *self, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    bool ok = true;
    size_t i;

    av_buf_init(&list, AV_ROW_MAX);
    for (i = 0; ok && i < self->paths.n; i++)
        ok = av_buf_put_u16(&list, (uint16_t)strlen(self->paths.v[i])) && av_buf_puts(&list, self->paths.v[i]);
    return ok && av_tlv_put(out, TAG_PATHS, av_buf_span(&list));
}

static bool
put_optional(av_buf *out, uint8_t tag, const char *text)
{
    return text == NULL || text[0] == '\0' || av_tlv_put(out, tag, av_span_str(text));
}

av_errc
av_run_row_encode(const av_run_row *self, av_buf *out, av_error *err)
{
    if (av_tlv_put_u64(out, TAG_NUMBER | AV_TLV_CRITICAL, self->number) &&
        av_tlv_put(out, TAG_RUN | AV_TLV_CRITICAL, av_span_of(self->run, sizeof self->run)) &&
        av_tlv_put(out, TAG_TOP_FOLDER | AV_TLV_CRITICAL, av_span_str(self->top_folder)) &&
        put_optional(out, TAG_FOLDER, self->folder) && put_paths(self, out) &&
        av_tlv_put_u32(out, TAG_SOURCE, self->source) && av_tlv_put_u32(out, TAG_MBOX, self->mbox) &&
        av_tlv_put_u64(out, TAG_STARTED, (uint64_t)self->started_ms) &&
        av_tlv_put_u64(out, TAG_ENDED, (uint64_t)self->ended_ms) && av_tlv_put_u32(out, TAG_RESULT, self->result) &&
        av_tlv_put_u32(out, TAG_ERROR_CODE, self->error_code) && put_optional(out, TAG_ERROR, self->error) &&
        put_optional(out, TAG_MACHINE, self->machine))
        return AV_OK;
    return av_error_set(err, AV_ERR_LIMIT, "the paths of an import have at most %u KB together", AV_ROW_MAX / 1024 - 2);
}

static bool
take_paths(av_span list, av_texts *ret)
{
    av_span text;
    uint16_t n;

    while (list.n > 0) {
        if (!av_span_get_u16(&list, &n) || !av_span_get_bytes(&list, n, &text) || !av_texts_add(ret, text))
            return false;
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

static bool
take_time(av_span value, int64_t *ret)
{
    uint64_t u;

    if (!av_tlv_u64(value, &u))
        return false;
    *ret = (int64_t)u;
    return true;
}

/* 1: taken, 0: malformed, -1: unknown. */
static int
take_field(const av_tlv_field *field, av_run_row *ret)
{
    switch (field->number) {
    case TAG_NUMBER:
        return av_tlv_u64(field->value, &ret->number);
    case TAG_RUN:
        if (field->value.n != sizeof ret->run)
            return 0;
        memcpy(ret->run, field->value.p, sizeof ret->run);
        return 1;
    case TAG_TOP_FOLDER:
        return take_string(field->value, &ret->top_folder);
    case TAG_FOLDER:
        return take_string(field->value, &ret->folder);
    case TAG_PATHS:
        return take_paths(field->value, &ret->paths);
    case TAG_SOURCE:
        return av_tlv_u32(field->value, &ret->source);
    case TAG_MBOX:
        return av_tlv_u32(field->value, &ret->mbox);
    case TAG_STARTED:
        return take_time(field->value, &ret->started_ms);
    case TAG_ENDED:
        return take_time(field->value, &ret->ended_ms);
    case TAG_RESULT:
        return av_tlv_u32(field->value, &ret->result);
    case TAG_ERROR_CODE:
        return av_tlv_u32(field->value, &ret->error_code);
    case TAG_ERROR:
        return take_string(field->value, &ret->error);
    case TAG_MACHINE:
        return take_string(field->value, &ret->machine);
    default:
        return -1;
    }
}

av_errc
av_run_row_decode(av_span row, av_run_row **ret, av_error *err)
{
    AV_CLEANUP(av_run_row_destroy) av_run_row *self = av_xcalloc(1, sizeof *self);
    av_tlv_reader reader = { row, 0 };
    av_tlv_field field;
    bool end = false;
    av_errc rc;
    int took;

    while ((rc = av_tlv_next(&reader, &field, &end, err)) == AV_OK && !end) {
        took = take_field(&field, self);
        if (took == 0)
            return av_error_set(err, AV_ERR_CORRUPT, "run row: field %u is malformed", field.number);
        if (took < 0 && field.critical)
            return av_error_set(err, AV_ERR_VERSION, "run row: field %u is of a newer version", field.number);
    }
    if (rc != AV_OK)
        return av_error_prefix(err, "run row");
    if (self->number == 0 || self->top_folder == NULL)
        return av_error_set(err, AV_ERR_CORRUPT, "run row: a field is missing");
    *ret = AV_TAKE(self);
    return AV_OK;
}

/* Big-endian, from the highest number down. */
static av_span
key_of(uint64_t number, uint8_t ret[sizeof PREFIX - 1 + 8])
{
    uint64_t turned = UINT64_MAX - number;
    size_t n = sizeof PREFIX - 1, i;

    memcpy(ret, PREFIX, n);
    for (i = 0; i < 8; i++)
        ret[n + i] = (uint8_t)(turned >> (56 - 8 * i));
    return av_span_of(ret, n + 8);
}

av_errc
av_run_row_put(av_accounts *accounts, const av_run_row *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint8_t key[sizeof PREFIX - 1 + 8];
    av_errc rc;

    av_buf_init(&row, AV_ROW_MAX);
    rc = av_run_row_encode(self, &row, err);
    return rc != AV_OK ? rc : av_accounts_setting_put(accounts, key_of(self->number, key), av_buf_span(&row), err);
}

av_errc
av_run_row_create(av_accounts *accounts, av_run_row *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf next = { 0 };
    av_span rest;
    uint64_t number = 1;
    av_errc rc;

    av_buf_init(&next, AV_ROW_MAX);
    rc = av_accounts_setting_get(av_accounts_writer(accounts), av_span_str(NEXT_KEY), &next, err);
    rest = av_buf_span(&next);
    if (rc == AV_OK && !av_span_get_u64(&rest, &number))
        rc = av_error_set(err, AV_ERR_CORRUPT, "setting %s is malformed", NEXT_KEY);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    self->number = number;
    av_buf_clear(&next);
    (void)av_buf_put_u64(&next, number + 1);
    rc = av_accounts_setting_put(accounts, av_span_str(NEXT_KEY), av_buf_span(&next), err);
    return rc != AV_OK ? rc : av_run_row_put(accounts, self, err);
}

av_errc
av_run_row_get(const av_meta_view *view, uint64_t number, av_run_row **ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint8_t key[sizeof PREFIX - 1 + 8];
    av_errc rc;

    av_buf_init(&row, AV_ROW_MAX);
    rc = av_accounts_setting_get(view, key_of(number, key), &row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "run %llu does not exist", (unsigned long long)number);
    return rc != AV_OK ? rc : av_run_row_decode(av_buf_span(&row), ret, err);
}

av_meta_iter *
av_run_rows(const av_meta_view *view)
{
    return av_accounts_settings(view, av_span_str(PREFIX));
}

av_errc
av_run_row_next(av_meta_iter *it, av_run_row **ret, av_error *err)
{
    av_span key, row;

    *ret = NULL;
    return av_accounts_next(it, &key, &row) ? av_run_row_decode(row, ret, err) : av_meta_iter_error(it, err);
}
