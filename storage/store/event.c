/*
 * event.c - see event.h
 *
 * Each kind is a table of its fields: number, type, place in the struct. Encoder and decoder walk the same table, so
 * they cannot disagree.
 */
#include "storage/store/event.h"

#include "storage/container/tlv.h"

#define NO_FLAG SIZE_MAX

typedef enum field_type {
    FIELD_U8, /* av_run_state */
    FIELD_U32,
    FIELD_U64, /* also int64_t */
    FIELD_ID16,
    FIELD_ID32,
    FIELD_TEXT,
    FIELD_TEXTS,
    FIELD_REFUSED,
    FIELD_ITEMS
} field_type;

typedef struct event_field {
    uint8_t number;
    bool required; /* and critical */
    field_type type;
    size_t offset;
    size_t present; /* offset of the bool that says it is there, or NO_FLAG */
} event_field;

#define AT(member) offsetof(av_event, member)

static const event_field mailbox_fields[] = {
    { 1, true, FIELD_ID16, AT(mailbox.guid), NO_FLAG },
    { 2, true, FIELD_TEXT, AT(mailbox.path), NO_FLAG },
    { 3, true, FIELD_U32, AT(mailbox.uidvalidity), NO_FLAG },
    { 4, true, FIELD_U64, AT(mailbox.sequence), NO_FLAG },
    { 5, false, FIELD_ID16, AT(mailbox.instance), AT(mailbox.has_instance) },
    { 0 },
};

static const event_field rename_fields[] = {
    { 1, true, FIELD_ID16, AT(mailbox.guid), NO_FLAG },
    { 2, true, FIELD_TEXT, AT(mailbox.path), NO_FLAG },
    { 3, true, FIELD_U64, AT(mailbox.sequence), NO_FLAG },
    { 4, false, FIELD_ID16, AT(mailbox.instance), AT(mailbox.has_instance) },
    { 0 },
};

static const event_field mailbox_removed_fields[] = {
    { 1, true, FIELD_ID16, AT(mailbox.guid), NO_FLAG },
    { 2, false, FIELD_U64, AT(mailbox.time_ms), NO_FLAG },
    { 3, false, FIELD_ID16, AT(mailbox.instance), AT(mailbox.has_instance) },
    { 0 },
};

static const event_field added_fields[] = {
    { 1, true, FIELD_ID16, AT(placement.guid), NO_FLAG },
    { 2, true, FIELD_U32, AT(placement.uid), NO_FLAG },
    { 3, true, FIELD_U64, AT(placement.modseq), NO_FLAG },
    { 4, true, FIELD_U32, AT(placement.flags), NO_FLAG },
    { 5, false, FIELD_TEXTS, AT(placement.keywords), NO_FLAG },
    { 6, true, FIELD_U64, AT(placement.content_lsn), NO_FLAG },
    { 7, true, FIELD_ID32, AT(placement.digest), NO_FLAG },
    { 8, true, FIELD_U64, AT(placement.raw_size), NO_FLAG },
    { 9, true, FIELD_U64, AT(placement.crlf_size), NO_FLAG },
    { 10, true, FIELD_U64, AT(placement.received_at_ms), NO_FLAG },
    { 11, true, FIELD_U64, AT(placement.archived_at_ms), NO_FLAG },
    { 12, false, FIELD_TEXT, AT(placement.source), NO_FLAG },
    { 13, false, FIELD_ID16, AT(placement.run), AT(placement.has_run) },
    { 14, false, FIELD_U64, AT(placement.item), AT(placement.has_run) },
    { 15, false, FIELD_ID16, AT(placement.instance), AT(placement.has_instance) },
    { 0 },
};

static const event_field removed_fields[] = {
    { 1, true, FIELD_ID16, AT(placement.guid), NO_FLAG },
    { 2, true, FIELD_U32, AT(placement.uid), NO_FLAG },
    { 3, true, FIELD_U64, AT(placement.modseq), NO_FLAG },
    { 4, false, FIELD_U64, AT(placement.removed_at_ms), NO_FLAG },
    { 5, false, FIELD_TEXT, AT(placement.who), NO_FLAG },
    { 6, false, FIELD_TEXT, AT(placement.reason), NO_FLAG },
    { 0 },
};

static const event_field run_fields[] = {
    { 1, true, FIELD_ID16, AT(run.run), NO_FLAG },
    { 2, true, FIELD_U8, AT(run.state), NO_FLAG },
    { 3, true, FIELD_U64, AT(run.last_item), NO_FLAG },
    { 4, true, FIELD_U64, AT(run.stored), NO_FLAG },
    { 5, true, FIELD_U64, AT(run.duplicate), NO_FLAG },
    { 6, true, FIELD_U64, AT(run.refused), NO_FLAG },
    { 7, false, FIELD_REFUSED, AT(run.refused_items), NO_FLAG },
    { 8, false, FIELD_ITEMS, AT(run.duplicate_items), NO_FLAG },
    { 0 },
};

static const event_field hold_set_fields[] = {
    { 1, true, FIELD_ID16, AT(hold.hold), NO_FLAG },
    { 2, true, FIELD_TEXT, AT(hold.name), NO_FLAG },
    { 3, false, FIELD_ID16, AT(hold.mailbox), AT(hold.has_mailbox) },
    { 4, false, FIELD_ID32, AT(hold.digest), AT(hold.has_digest) },
    { 5, false, FIELD_U64, AT(hold.time_ms), NO_FLAG },
    { 6, false, FIELD_TEXT, AT(hold.who), NO_FLAG },
    { 0 },
};

static const event_field hold_lifted_fields[] = {
    { 1, true, FIELD_ID16, AT(hold.hold), NO_FLAG },
    { 2, false, FIELD_U64, AT(hold.time_ms), NO_FLAG },
    { 3, false, FIELD_TEXT, AT(hold.who), NO_FLAG },
    { 0 },
};

static const event_field erased_fields[] = {
    { 1, true, FIELD_ITEMS, AT(erased.lsns), NO_FLAG },
    { 2, false, FIELD_U64, AT(erased.time_ms), NO_FLAG },
    { 3, false, FIELD_TEXT, AT(erased.who), NO_FLAG },
    { 0 },
};

static const struct event_row {
    av_event_kind kind;
    const char *name;
    const event_field *fields;
} event_rows[] = {
    { AV_EVENT_MAILBOX_CREATED, "mailbox created", mailbox_fields },
    { AV_EVENT_MAILBOX_RENAMED, "mailbox renamed", rename_fields },
    { AV_EVENT_PLACEMENT_ADDED, "placement added", added_fields },
    { AV_EVENT_PLACEMENT_REMOVED, "placement removed", removed_fields },
    { AV_EVENT_RUN_PROGRESS, "run progress", run_fields },
    { AV_EVENT_HOLD_SET, "hold set", hold_set_fields },
    { AV_EVENT_HOLD_LIFTED, "hold lifted", hold_lifted_fields },
    { AV_EVENT_MAILBOX_REMOVED, "mailbox removed", mailbox_removed_fields },
    { AV_EVENT_CONTENT_ERASED, "content erased", erased_fields },
};

static const struct event_row *
find_row(unsigned kind)
{
    for (size_t i = 0; i < AV_COUNT(event_rows); i++)
        if ((unsigned)event_rows[i].kind == kind)
            return &event_rows[i];
    return NULL;
}

/* --- fields that are lists ------------------------------------------------------------------------------------ */

static bool
keywords_sound(av_span list)
{
    size_t count = 0;
    av_span word;

    while (av_event_list_next_text(&list, &word)) {
        count++;
        if (word.n == 0 || word.n > 64 || count > AV_EVENT_KEYWORDS_MAX)
            return false;
    }
    return list.n == 0;
}

static bool
refused_sound(av_span list)
{
    uint64_t item;
    av_span path, reason;

    while (av_event_list_next_refused(&list, &item, &path, &reason))
        if (path.n > AV_EVENT_ITEM_TEXT || reason.n > AV_EVENT_ITEM_TEXT)
            return false;
    return list.n == 0;
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

static bool
take_value(const event_field *f, av_span value, void *to)
{
    uint8_t state = 0;

    switch (f->type) {
    case FIELD_U8:
        if (!av_tlv_u8(value, &state) || state < AV_RUN_RUNNING || state > AV_RUN_FAILED)
            return false;
        *(av_run_state *)to = (av_run_state)state;
        return true;
    case FIELD_U32:
        return av_tlv_u32(value, to);
    case FIELD_U64:
        return av_tlv_u64(value, to);
    case FIELD_ID16:
    case FIELD_ID32:
        if (value.n != (f->type == FIELD_ID16 ? 16 : 32))
            return false;
        memcpy(to, value.p, value.n);
        return true;
    case FIELD_TEXT:
    case FIELD_TEXTS:
    case FIELD_REFUSED:
    case FIELD_ITEMS:
        *(av_span *)to = value;
        return f->type == FIELD_TEXT      ? true
               : f->type == FIELD_TEXTS   ? keywords_sound(value)
               : f->type == FIELD_REFUSED ? refused_sound(value)
                                          : value.n % 8 == 0;
    }
    return false;
}

static bool
put_value(const event_field *f, const void *from, av_buf *out)
{
    uint8_t tag = (uint8_t)(f->number | (f->required ? AV_TLV_CRITICAL : 0));

    switch (f->type) {
    case FIELD_U8:
        return av_tlv_put_u8(out, tag, (uint8_t) * (const av_run_state *)from);
    case FIELD_U32:
        return av_tlv_put_u32(out, tag, *(const uint32_t *)from);
    case FIELD_U64:
        return av_tlv_put_u64(out, tag, *(const uint64_t *)from);
    case FIELD_ID16:
        return av_tlv_put(out, tag, av_span_of(from, 16));
    case FIELD_ID32:
        return av_tlv_put(out, tag, av_span_of(from, 32));
    case FIELD_TEXT:
    case FIELD_TEXTS:
    case FIELD_REFUSED:
    case FIELD_ITEMS:
        return av_tlv_put(out, tag, *(const av_span *)from);
    }
    return false;
}

static bool
is_span(field_type type)
{
    return type >= FIELD_TEXT;
}

static bool
is_present(const event_field *f, const av_event *event)
{
    const char *base = (const char *)event;

    if (f->present != NO_FLAG)
        return *(const bool *)(base + f->present);
    return f->required || !is_span(f->type) || ((const av_span *)(const void *)(base + f->offset))->n > 0;
}

/* What the types cannot say. */
static av_errc
check_values(const av_event *event, av_error *err)
{
    bool mailbox = event->kind == AV_EVENT_MAILBOX_CREATED || event->kind == AV_EVENT_MAILBOX_RENAMED;
    bool placement = event->kind == AV_EVENT_PLACEMENT_ADDED || event->kind == AV_EVENT_PLACEMENT_REMOVED;

    if (mailbox && event->mailbox.path.n == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "a mailbox event without a path");
    if (event->kind == AV_EVENT_MAILBOX_CREATED && event->mailbox.uidvalidity == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "a mailbox event with UIDVALIDITY 0");
    if (placement && event->placement.uid == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "a placement event with UID 0");
    if (event->kind == AV_EVENT_HOLD_SET && event->hold.name.n == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "a hold without a name");
    if (event->kind == AV_EVENT_CONTENT_ERASED && event->erased.lsns.n == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "an erasure of nothing");
    return AV_OK;
}

av_errc
av_event_encode(const av_event *self, av_buf *out, av_error *err)
{
    const struct event_row *row = find_row((unsigned)self->kind);
    size_t before = out->n;
    av_event check;
    bool ok;

    if (row == NULL)
        return av_error_set(err, AV_ERR_INVALID, "event kind %u cannot be written", (unsigned)self->kind);
    ok = av_buf_put_u16(out, (uint16_t)self->kind);
    for (const event_field *f = row->fields; f->number != 0; f++)
        if (is_present(f, self))
            ok = ok && put_value(f, (const char *)self + f->offset, out);
    if (!ok)
        return av_error_set(err, AV_ERR_LIMIT, "a %s event is larger than %zu bytes", row->name, out->max);
    if (av_event_decode(av_span_skip(av_buf_span(out), before), &check, err) != AV_OK) {
        out->n = before;
        err->code = AV_ERR_INVALID; /* what we would refuse to read is not written */
        return err->code;
    }
    return AV_OK;
}

static const event_field *
find_field(const event_field *fields, uint8_t number)
{
    for (; fields->number != 0; fields++)
        if (fields->number == number)
            return fields;
    return NULL;
}

static av_errc
take_field(const struct event_row *row, const av_tlv_field *field, av_event *event, uint32_t *seen, av_error *err)
{
    const event_field *f = find_field(row->fields, field->number);

    if (f == NULL && field->critical)
        return av_error_set(err, AV_ERR_VERSION, "%s event: field %u is of a newer version", row->name, field->number);
    if (f == NULL)
        return AV_OK;
    if (!take_value(f, field->value, (char *)event + f->offset))
        return av_error_set(err, AV_ERR_CORRUPT, "%s event: field %u has a bad value", row->name, f->number);
    if (f->present != NO_FLAG)
        *(bool *)((char *)event + f->present) = true;
    *seen |= 1U << f->number;
    return AV_OK;
}

static av_errc
check_complete(const struct event_row *row, uint32_t seen, av_error *err)
{
    for (const event_field *f = row->fields; f->number != 0; f++)
        if (f->required && (seen & 1U << f->number) == 0)
            return av_error_set(err, AV_ERR_CORRUPT, "%s event: field %u is missing", row->name, f->number);
    /* A run and the item in it come together. */
    if (row->kind == AV_EVENT_PLACEMENT_ADDED && ((seen >> 13) & 1) != ((seen >> 14) & 1))
        return av_error_set(err, AV_ERR_CORRUPT, "%s event: run without item or item without run", row->name);
    return AV_OK;
}

av_errc
av_event_decode(av_span body, av_event *ret, av_error *err)
{
    av_event event = { 0 };
    const struct event_row *row;
    av_tlv_reader reader;
    uint32_t seen = 0;
    uint16_t kind = 0;
    av_errc rc = AV_OK;

    if (!av_span_get_u16(&body, &kind))
        return av_error_set(err, AV_ERR_CORRUPT, "an event of %zu bytes", body.n);
    row = find_row(kind);
    if (row == NULL && (kind & 0x8000U) != 0)
        return av_error_set(err, AV_ERR_VERSION, "events of kind 0x%04x are of a newer version", kind);
    event.kind = row == NULL ? AV_EVENT_UNKNOWN : row->kind;
    reader = (av_tlv_reader){ .rest = body };
    while (row != NULL && rc == AV_OK) {
        av_tlv_field field;
        bool end = false;

        rc = av_tlv_next(&reader, &field, &end, err);
        if (rc != AV_OK)
            return av_error_prefix(err, "%s event", row->name);
        if (end)
            break;
        rc = take_field(row, &field, &event, &seen, err);
    }
    if (rc == AV_OK && row != NULL)
        rc = check_complete(row, seen, err);
    if (rc == AV_OK)
        rc = check_values(&event, err);
    if (rc == AV_OK)
        *ret = event;
    return rc;
}
