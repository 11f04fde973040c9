/*
 * fetch_row.c - one row of Archive.Fetch as `* n FETCH (...)`
 *
 * Written as it comes: the row announces the length of each part, so a literal's head stands before its bytes and no
 * message is ever held. Source: RFC 3501, 7.4.2.
 */
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
write_fixed(av_imap_fetch_row *self, const Archivolt__FetchRow *row)
{
    char date[AV_IMAP_DATE_SIZE];

    if (self->with_uid) {
        write_name(self, "UID");
        av_imap_session_printf(self->session, "%u", row->uid);
    }
    if (self->items->flags)
        write_flags(self, row);
    if (self->items->internaldate && row->has_internaldate_unix_s) {
        if (!av_imap_internaldate(row->internaldate_unix_s, date))
            (void)av_imap_internaldate(0, date);
        write_name(self, "INTERNALDATE");
        av_imap_session_printf(self->session, "\"%s\"", date);
    }
    if (self->items->size && row->has_rfc822_size) {
        write_name(self, "RFC822.SIZE");
        av_imap_session_printf(self->session, "%llu", (unsigned long long)row->rfc822_size);
    }
}

/* ---- parts ---- */

static void
write_section_head(av_imap_fetch_row *self, const av_imap_fetch_part *part)
{
    static const char *const labels[] = { [AV_IMAP_LABEL_RFC822] = "RFC822",
        [AV_IMAP_LABEL_RFC822_HEADER] = "RFC822.HEADER",
        [AV_IMAP_LABEL_RFC822_TEXT] = "RFC822.TEXT" };
    const av_imap_fetch_section *section = &self->items->sections[part->section];

    av_imap_session_write(self->session, av_span_str(self->gap));
    self->gap = " ";
    if (section->label == AV_IMAP_LABEL_BODY) {
        av_imap_session_write(self->session, av_span_str("BODY["));
        av_imap_session_write(self->session, av_span_str(av_imap_fetch_items_section(self->items, part->section)));
        av_imap_session_write(self->session, av_span_str("]"));
        if (section->partial)
            av_imap_session_printf(self->session, "<%llu>", (unsigned long long)section->offset);
    } else {
        av_imap_session_write(self->session, av_span_str(labels[section->label]));
    }
    if (part->nil)
        av_imap_session_write(self->session, av_span_str(" NIL"));
    else
        av_imap_session_printf(self->session, " {%llu}\r\n", (unsigned long long)part->length);
}

/* What stands before the bytes of a part; the bytes of an envelope or a structure are IMAP already. */
static void
write_part_head(av_imap_fetch_row *self)
{
    const av_imap_fetch_part *part = &self->parts[self->part];

    self->part_left = part->length;
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
        bool is_section = from->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SECTION;
        bool is_known = is_section || from->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_ENVELOPE ||
                        from->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODY ||
                        from->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODYSTRUCTURE;
        bool nil = from->has_nil && from->nil;

        if (!is_known || (is_section && (!from->has_section || from->section >= self->items->section_count)) ||
            (nil && from->length > 0) || from->length > INT64_MAX - self->raw_left)
            return av_error_set(err, AV_ERR_INTERNAL, "the instance sent a part that was not asked for");
        self->parts[i] = (av_imap_fetch_part){ from->item, from->section, from->length, nil };
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
