/*
 * fake_replies.h - answers of an instance that are made up: any message of a type, and rows that fit a Fetch request
 *
 * Most are what an instance could say (UIDs 1 to 90, counters that fit); some are not, since a gateway must
 * outlive those, too. All by one number that goes on: the same seed, the same answers.
 */
#ifndef AV_TESTS_GATEWAY_IMAP_FAKE_REPLIES_H
#define AV_TESTS_GATEWAY_IMAP_FAKE_REPLIES_H

#include "actors/bus/rows.h"
#include "proto/archive.pb-c.h"
#include "storage/index/uid_list.h"
#include "storage/index/uid_wire.h"

#define FAKE_UIDS 90

typedef struct fake {
    uint64_t state;
} fake;

static uint32_t
fake_below(fake *self, uint32_t n)
{
    self->state = self->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(self->state >> 33) % n;
}

static void *
fake_memory(size_t n)
{
    void *ret = calloc(1, n == 0 ? 1 : n); /* protobuf-c frees it */

    assert(ret != NULL);
    return ret;
}

static char *
fake_string(fake *self)
{
    static const char *const words[] = { "alice", "alice/Box", "alice/Box/2003", "INBOX", "", "\\Seen", "\\Flagged",
        "$Junk", "a b", "Entw\xc3\xbcrfe", "M0123456789abcdefghijklmn", "\xff\xfe", "\"quoted\\\"", "two\r\nlines",
        "alice/Sent",
        "sehr lang ---------------------------------------------------------------------------------------------" };
    const char *from = words[fake_below(self, AV_COUNT(words))];
    size_t n = strlen(from) + 1;
    char *ret = fake_memory(n);

    memcpy(ret, from, n);
    return ret;
}

/* A number that is likely of use: small, now and then a limit. */
static uint64_t
fake_number(fake *self, const char *name)
{
    if (strcmp(name, "uidvalidity") == 0)
        return 7;
    if (strcmp(name, "uidnext") == 0)
        return FAKE_UIDS + 1;
    if (strcmp(name, "uids_from") == 0 && fake_below(self, 4) != 0)
        return 1;
    if (fake_below(self, 40) == 0)
        return fake_below(self, 2) == 0 ? UINT32_MAX : (uint64_t)INT64_MAX;
    return fake_below(self, FAKE_UIDS + 1);
}

/* UIDs as runs, in any order, or as threads: by the field's name. */
static void
fake_uids(fake *self, const char *name, av_buf *out)
{
    uint32_t before = 0, n = fake_below(self, 12);
    av_uid_list list = { 0 };

    for (uint32_t i = 0; i < n; i++) {
        av_query_range run = { before + 1 + fake_below(self, 6), 0 };

        run.last = run.first + fake_below(self, 9);
        if (strcmp(name, "uids") == 0)
            (void)av_uid_wire_put(out, before, run);
        else if (strcmp(name, "sorted") == 0)
            (void)av_uid_list_put(&list, 1 + fake_below(self, FAKE_UIDS), out);
        else
            (void)av_uid_list_put_node(&list, fake_below(self, FAKE_UIDS), fake_below(self, 3), out);
        before = run.last + 1;
    }
}

static void
fake_bytes(fake *self, const char *name, ProtobufCBinaryData *ret)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { .max = 1 << 16 };

    if (strcmp(name, "uids") == 0 || strcmp(name, "sorted") == 0 || strcmp(name, "threads") == 0)
        fake_uids(self, name, &bytes);
    else
        (void)av_buf_puts(&bytes, "GGGGGGGGGGGGGGGG"); /* a mailbox's GUID, always the same */
    if (fake_below(self, 40) == 0)
        bytes.n -= fake_below(self, (uint32_t)bytes.n + 1);
    if (fake_below(self, 40) == 0)
        (void)av_buf_puts(&bytes, "\xff\xff\x01more");
    ret->len = bytes.n;
    ret->data = fake_memory(bytes.n);
    if (bytes.n > 0)
        memcpy(ret->data, bytes.p, bytes.n);
}

static ProtobufCMessage *fake_message(fake *self, const ProtobufCMessageDescriptor *type, unsigned depth);

static void
fake_value(fake *self, const ProtobufCFieldDescriptor *field, unsigned depth, void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        *(char **)at = fake_string(self);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        fake_bytes(self, field->name, at);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        *(ProtobufCMessage **)at = fake_message(self, field->descriptor, depth + 1);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)at = (protobuf_c_boolean)fake_below(self, 2);
        break;
    case PROTOBUF_C_TYPE_ENUM: {
        const ProtobufCEnumDescriptor *values = field->descriptor;

        *(int *)at = values->values[fake_below(self, values->n_values)].value;
        break;
    }
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        *(uint64_t *)at = fake_number(self, field->name);
        break;
    default:
        *(uint32_t *)at = (uint32_t)fake_number(self, field->name);
        break;
    }
}

static size_t
fake_value_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM:
        return sizeof(int);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    default:
        return sizeof(uint32_t);
    }
}

/* UIDs as an instance lists them: in order, not touching; now and then anything. */
static void
fake_order_uids(fake *self, Archivolt__UidRange **ranges, size_t n)
{
    uint32_t at = 0;

    if (fake_below(self, 30) == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        ranges[i]->first = at + 1 + fake_below(self, 8);
        ranges[i]->last = ranges[i]->first + fake_below(self, 10);
        at = ranges[i]->last + 1;
    }
}

static void
fake_field(fake *self, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, unsigned depth)
{
    char *base = (char *)message, *at = base + field->offset;
    size_t n = 1;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        n = depth > 3 ? 0 : fake_below(self, 6);
        *(size_t *)(base + field->quantifier_offset) = n;
        if (n == 0)
            return;
        *(void **)at = fake_memory(n * fake_value_size(field));
        at = *(void **)at;
    } else if (field->label != PROTOBUF_C_LABEL_REQUIRED) {
        if (fake_below(self, 3) == 0)
            return;
        if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
            *(protobuf_c_boolean *)(base + field->quantifier_offset) = true;
    }
    for (size_t i = 0; i < n; i++)
        fake_value(self, field, depth, at + i * fake_value_size(field));
    if (field->label == PROTOBUF_C_LABEL_REPEATED && field->descriptor == &archivolt__uid_range__descriptor)
        fake_order_uids(self, (Archivolt__UidRange **)(void *)at, n);
}

/* The caller frees it: protobuf_c_message_free_unpacked. */
static ProtobufCMessage *
fake_message(fake *self, const ProtobufCMessageDescriptor *type, unsigned depth)
{
    ProtobufCMessage *ret = fake_memory(type->sizeof_message);

    protobuf_c_message_init(type, ret);
    for (unsigned i = 0; i < type->n_fields; i++)
        fake_field(self, ret, &type->fields[i], depth);
    return ret;
}

/* ---- rows of Fetch ---- */

static void
fake_part(fake *self, unsigned item, uint32_t section, Archivolt__FetchRow *row, av_buf *raw)
{
    Archivolt__FetchPart *part = fake_memory(sizeof *part);
    uint32_t n = fake_below(self, 12) == 0 ? fake_below(self, 5000) : fake_below(self, 60);

    archivolt__fetch_part__init(part);
    part->item = (Archivolt__FetchItem)item;
    part->has_section = item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SECTION ||
                        item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY ||
                        item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY_SIZE;
    part->has_has_nul = part->has_nul = item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY && fake_below(self, 2) == 0;
    part->has_unknown_encoding = part->unknown_encoding = fake_below(self, 20) == 0;
    part->has_size = item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY_SIZE;
    part->size = n;
    part->section = fake_below(self, 200) == 0 ? section + 1 : section;
    part->has_nil = part->nil = fake_below(self, 20) == 0;
    part->length = part->nil || part->has_size || part->unknown_encoding ? 0 : n + 2;
    if (part->length > 0) { /* a list where one is due; bytes of a section are anything */
        bool list = !part->has_section;

        (void)av_buf_putc(raw, list ? '(' : 'a');
        for (uint32_t i = 0; i < n; i++)
            (void)av_buf_putc(raw, list ? 'x' : (uint8_t)fake_below(self, 256));
        (void)av_buf_putc(raw, list ? ')' : 'z');
    }
    row->parts[row->n_parts++] = part;
}

/* A row as it was asked for, with its bytes, behind each other in out. */
static void
fake_row(fake *self, const Archivolt__FetchRequest *request, uint32_t uid, av_buf *out)
{
    Archivolt__FetchRow *row = (Archivolt__FetchRow *)fake_message(self, &archivolt__fetch_row__descriptor, 0);
    AV_CLEANUP(av_buf_release) av_buf raw = { .max = 1 << 20 };

    row->uid = uid;
    for (size_t i = 0; i < row->n_parts; i++)
        protobuf_c_message_free_unpacked(&row->parts[i]->base, NULL);
    free(row->parts);
    row->n_parts = 0;
    row->parts = fake_memory((request->n_items + request->n_sections) * sizeof(void *));
    if (row->error != NULL && fake_below(self, 8) != 0) {
        free(row->error);
        row->error = NULL;
    }
    for (size_t i = 0; i < request->n_items && row->error == NULL; i++) {
        Archivolt__FetchItem item = request->items[i];

        if (item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_ENVELOPE || item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODY ||
            item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODYSTRUCTURE ||
            item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_PREVIEW)
            fake_part(self, item, 0, row, &raw);
    }
    for (uint32_t i = 0; i < request->n_sections && row->error == NULL; i++)
        fake_part(self,
            request->sections[i]->has_item ? request->sections[i]->item : ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SECTION, i,
            row, &raw);
    (void)av_rows_put(out, &row->base);
    (void)av_buf_append_span(out, av_buf_span(&raw));
    protobuf_c_message_free_unpacked(&row->base, NULL);
}

/* The stream of a call: rows of a Fetch, nothing for what has no rows we know. */
static void
fake_stream(fake *self, const ProtobufCMessage *request, av_buf *out)
{
    const Archivolt__FetchRequest *fetch = (const Archivolt__FetchRequest *)request;
    unsigned rows = 0;

    if (request->descriptor != &archivolt__fetch_request__descriptor)
        return;
    for (size_t i = 0; i < fetch->n_uids; i++) {
        for (uint32_t uid = fetch->uids[i]->first; uid <= fetch->uids[i]->last && rows < 20; uid++, rows++)
            fake_row(self, fetch, uid, out);
    }
    if (fake_below(self, 50) == 0) /* it breaks off, or is no rows at all */
        out->n -= fake_below(self, (uint32_t)out->n + 1);
    if (fake_below(self, 100) == 0)
        (void)av_buf_puts(out, "no row at all, which must not do any harm");
}

#endif
