/*
 * fetch_row.c - one row of Archive.Fetch as `* n FETCH (...)`
 *
 * Written as it comes: the row announces the length of each part, so a literal's head stands before its bytes and no
 * message is ever held. Source: RFC 3501, 7.4.2; RFC 3516, 4.3; RFC 7162, 3.1.4.2; RFC 8474, 5; RFC 8514, 4.2; RFC 8970, 4.
 */
#include <ctype.h>
#include <time.h>

#include "gateway/imap/fetch_priv.h"
#include "gateway/imap/grammar.h"

bool
av_imap_internaldate(int64_t unix_s, char *ret)
{
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
        "Dec" };
    time_t at = (time_t)unix_s;
    struct tm t;

    if (gmtime_r(&at, &t) == NULL || t.tm_year < 0 || t.tm_year > 9999 - 1900)
        return false;
    (void)snprintf(ret, AV_IMAP_DATE_SIZE, "%2d-%s-%04d %02d:%02d:%02d +0000", t.tm_mday, months[t.tm_mon],
        t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    return true;
}

static void
write_name(av_imap_fetch_row *self, const char *name)
{
    av_imap_session_printf(self->session, "%s%s ", self->gap, name);
    self->gap = " ";
}

static void
write_flags(av_imap_fetch_row *self, const Archivolt__FetchRow *row)
{
    const char *gap = "";

    write_name(self, "FLAGS");
    av_imap_session_write(self->session, av_span_str("("));
    for (size_t i = 0; i < row->n_flags; i++) {
        av_span flag = av_span_str(row->flags[i]), bare = flag, atom;

        (void)av_imap_take_char(&bare, '\\');
        if (flag.n > 255 || !av_imap_take_atom(&bare, &atom) || bare.n > 0)
            continue;
        av_imap_session_printf(self->session, "%s%s", gap, row->flags[i]);
        gap = " ";
    }
    av_imap_session_write(self->session, av_span_str(")"));
}

static void
write_date(av_imap_fetch_row *self, const char *name, int64_t unix_s)
{
    char date[AV_IMAP_DATE_SIZE];

    if (!av_imap_internaldate(unix_s, date))
        (void)av_imap_internaldate(0, date);
    write_name(self, name);
    av_imap_session_printf(self->session, "\"%s\"", date);
}

/* objectid (RFC 8474, 4): at most 255 letters, digits, `_` and `-`. */
static void
write_id(av_imap_fetch_row *self, const char *name, const char *id)
{
    if (id[0] == '\0' || strlen(id) > 255)
        return;
    for (const char *c = id; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return;
    }
    write_name(self, name);
    av_imap_session_printf(self->session, "(%s)", id);
}

static void
write_fixed(av_imap_fetch_row *self, const Archivolt__FetchRow *row)
{
    if (self->with_uid) {
        write_name(self, "UID");
        av_imap_session_printf(self->session, "%u", row->uid);
    }
    if (self->items->flags)
        write_flags(self, row);
    if (self->items->internaldate && row->has_internaldate_unix_s)
        write_date(self, "INTERNALDATE", row->internaldate_unix_s);
    if (self->items->savedate && row->has_savedate_unix_s)
        write_date(self, "SAVEDATE", row->savedate_unix_s);
    if (self->items->size && row->has_rfc822_size) {
        write_name(self, "RFC822.SIZE");
        av_imap_session_printf(self->session, "%llu", (unsigned long long)row->rfc822_size);
    }
    if (self->items->modseq && row->has_modseq) {
        write_name(self, "MODSEQ");
        av_imap_session_printf(self->session, "(%llu)", (unsigned long long)AV_MAX(row->modseq, 1U));
    }
    if (self->items->emailid && row->emailid != NULL)
        write_id(self, "EMAILID", row->emailid);
    if (self->items->threadid && row->threadid != NULL)
        write_id(self, "THREADID", row->threadid);
}

/* ---- parts ---- */

static bool
is_binary(Archivolt__FetchItem item)
{
    return item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY || item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY_SIZE;
}

/* RFC 8970, 6: nstring. The text is UTF-8, which a literal takes in any session. */
static void
write_preview_head(av_imap_fetch_row *self, const av_imap_fetch_part *part)
{
    write_name(self, "PREVIEW");
    if (part->nil)
        av_imap_session_write(self->session, av_span_str("NIL"));
    else if (part->length == 0)
        av_imap_session_write(self->session, av_span_str("\"\""));
    else
        av_imap_session_printf(self->session, "{%llu}\r\n", (unsigned long long)part->length);
}

static void
write_section_head(av_imap_fetch_row *self, const av_imap_fetch_part *part)
{
    static const char *const labels[] = { [AV_IMAP_LABEL_RFC822] = "RFC822",
        [AV_IMAP_LABEL_RFC822_HEADER] = "RFC822.HEADER",
        [AV_IMAP_LABEL_RFC822_TEXT] = "RFC822.TEXT",
        [AV_IMAP_LABEL_BODY] = "BODY[",
        [AV_IMAP_LABEL_BINARY] = "BINARY[",
        [AV_IMAP_LABEL_BINARY_SIZE] = "BINARY.SIZE[" };
    const av_imap_fetch_section *section = &self->items->sections[part->section];

    av_imap_session_write(self->session, av_span_str(self->gap));
    self->gap = " ";
    av_imap_session_write(self->session, av_span_str(labels[section->label]));
    if (section->label == AV_IMAP_LABEL_BODY || is_binary(part->item)) {
        av_imap_session_write(self->session, av_span_str(av_imap_fetch_items_section(self->items, part->section)));
        av_imap_session_write(self->session, av_span_str("]"));
        if (section->partial)
            av_imap_session_printf(self->session, "<%llu>", (unsigned long long)section->offset);
    }
    if (part->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY_SIZE)
        av_imap_session_printf(self->session, " %llu", (unsigned long long)part->size);
    else if (part->nil)
        av_imap_session_write(self->session, av_span_str(" NIL"));
    else /* literal8 where a literal may not be (RFC 3516, 4.2) */
        av_imap_session_printf(
            self->session, " %s{%llu}\r\n", part->has_nul ? "~" : "", (unsigned long long)part->length);
}

/* What stands before the bytes of a part; the bytes of an envelope or a structure are IMAP already. */
static void
write_part_head(av_imap_fetch_row *self)
{
    const av_imap_fetch_part *part = &self->parts[self->part];

    self->part_left = part->length;
    if (part->unknown_encoding) {
        self->unknown_encoding = true;
        return;
    }
    switch (part->item) {
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_ENVELOPE:
        write_name(self, "ENVELOPE");
        break;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODYSTRUCTURE:
        write_name(self, "BODYSTRUCTURE");
        break;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODY:
        write_name(self, "BODY");
        break;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_PREVIEW:
        write_preview_head(self, part);
        return;
    default:
        write_section_head(self, part);
        return;
    }
    if (part->nil)
        av_imap_session_write(self->session, av_span_str("NIL"));
}

/* Go on to the next part that has bytes to come. */
static void
next_parts(av_imap_fetch_row *self)
{
    while (self->part_left == 0 && self->part < self->part_count) {
        self->part++;
        if (self->part < self->part_count)
            write_part_head(self);
    }
}

static av_errc
take_parts(av_imap_fetch_row *self, const Archivolt__FetchRow *row, av_error *err)
{
    if (row->n_parts > AV_IMAP_PARTS_MAX)
        return av_error_set(err, AV_ERR_INTERNAL, "the instance sent more parts than were asked for");
    self->part_count = row->n_parts;
    self->raw_left = 0;
    for (size_t i = 0; i < row->n_parts; i++) {
        const Archivolt__FetchPart *from = row->parts[i];
        bool is_section = from->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SECTION || is_binary(from->item);
        bool unknown = from->has_unknown_encoding && from->unknown_encoding;
        bool is_known = is_section || from->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_ENVELOPE ||
                        from->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODY ||
                        from->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_PREVIEW ||
                        from->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODYSTRUCTURE;
        bool nil = from->has_nil && from->nil;

        if (!is_known || (is_section && (!from->has_section || from->section >= self->items->section_count)) ||
            ((nil || unknown) && from->length > 0) || from->length > INT64_MAX - self->raw_left)
            return av_error_set(err, AV_ERR_INTERNAL, "the instance sent a part that was not asked for");
        self->with_uid = self->with_uid || unknown; /* something has to stand in the row */
        self->parts[i] = (av_imap_fetch_part){ .item = from->item,
            .section = from->section,
            .length = from->length,
            .nil = nil,
            .has_nul = from->has_has_nul && from->has_nul,
            .unknown_encoding = unknown,
            .size = from->size };
        self->raw_left += from->length;
    }
    return AV_OK;
}

/* ---- the row ---- */

static void
note_unreadable(av_imap_fetch_row *self, const Archivolt__FetchRow *row)
{
    if (self->unreadable++ == 0)
        (void)snprintf(self->why, sizeof self->why, "%s", row->error);
}

uint64_t
av_imap_fetch_row_begin(void *ctx, const ProtobufCMessage *message, av_error *err)
{
    av_imap_fetch_row *self = ctx;
    const Archivolt__FetchRow *row = (const Archivolt__FetchRow *)message;
    uint32_t seq = av_imap_uids_seq(&self->session->mailbox->uids, row->uid);

    if (take_parts(self, row, err) != AV_OK)
        return 0;
    if (row->error != NULL)
        note_unreadable(self, row);
    self->skipped = row->error != NULL || seq == 0;
    self->open = !self->skipped;
    if (self->skipped)
        return self->raw_left;
    av_imap_session_printf(self->session, "* %u FETCH (", seq);
    self->gap = "";
    write_fixed(self, row);
    self->part = 0;
    self->part_left = 0;
    if (self->part_count > 0) {
        write_part_head(self);
        next_parts(self);
    }
    return self->raw_left;
}

void
av_imap_fetch_row_bytes(void *ctx, av_span bytes, av_error *err AV_UNUSED)
{
    av_imap_fetch_row *self = ctx;

    self->raw_left -= bytes.n;
    if (self->skipped)
        return;
    while (bytes.n > 0) {
        size_t n = (size_t)AV_MIN((uint64_t)bytes.n, self->part_left);

        assert(n > 0); /* the parts' lengths add up to what the row announced */
        av_imap_session_write(self->session, av_span_slice(bytes, 0, n));
        self->part_left -= n;
        bytes = av_span_skip(bytes, n);
        next_parts(self);
    }
}

void
av_imap_fetch_row_end(void *ctx, av_error *err AV_UNUSED)
{
    av_imap_fetch_row *self = ctx;

    if (self->open)
        av_imap_session_write(self->session, av_span_str(")\r\n"));
    self->open = false;
}
