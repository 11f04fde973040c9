/*
 * source_mbox.c - the messages of one mailbox file
 *
 * Each message is gone over twice: once to find its end, its exact size and its flags, so that a run knows these before
 * the first byte; once to deliver it without the quotes. The second time it comes from the page cache. Memory: one
 * window and one header, whatever the file's size. Rules of the lines: mbox_split.h.
 *
 * Content-Length is believed only if the end of the file, or an empty line and a From_ line, stand where it points.
 * A message in which the file ends is delivered with a note: its bytes are mail that exists nowhere else.
 *
 * Kind, when it is to be guessed: a first message with a Content-Length that holds makes it mboxcl (bodies have
 * ">From " and no "From " lines) or mboxcl2; anything else is read as mboxrd, which differs from mboxo only for lines
 * that begin with two or more ">" and "From ".
 */
#include "actors/worker/source_priv.h"

#include "actors/worker/mbox_split.h"
#include "base/file.h"
#include "storage/mime/header.h"

enum {
    WINDOW_BYTES = 256 * 1024,
    HEADER_BYTES = 256 * 1024, /* of a header that are looked at for flags and Content-Length */
    GUESS_BYTES = 8 << 20      /* of the file that are looked at for its kind */
};

/* A place in the file that pieces are read from. */
typedef struct reader {
    int fd;
    uint64_t end; /* where to stop: the end of the file, or of one message */
    uint64_t at;  /* file offset of window[from] */
    uint8_t *window;
    size_t from, to;
    av_mbox_split split;
} reader;

typedef struct mailbox {
    av_source_walk walk;
    reader in;
    uint64_t file_bytes;
    int64_t mtime_unix_s;
    uint64_t max_message_bytes;
    av_mbox_kind kind;
    bool guessed;
    uint64_t next_at; /* where the next message's separator, or the file's first byte, is */
    uint64_t number;
    av_source_folder folder;
    char *path;
    /* The current message. */
    uint64_t begin, raw_end, held, left; /* left: bytes _read still owes */
    av_span rest;                        /* of a piece that did not fit the last _read */
    av_buf header, shown, reason, note;
} mailbox;

/* Go to file offset `at`; within the window no byte is read again. */
static void
seek(reader *r, uint64_t at, uint64_t end, av_mbox_kind kind, bool separators)
{
    uint64_t base = r->at - r->from;

    if (at >= base && at <= base + r->to)
        r->from = (size_t)(at - base);
    else
        r->from = r->to = 0;
    r->at = at;
    r->end = end;
    av_mbox_split_init(&r->split, kind, separators);
}

/* Fill the window behind what is left in it. The file ending early moves r->end. */
static av_errc
fill(reader *r, av_error *err)
{
    size_t kept = r->to - r->from, want = WINDOW_BYTES - kept, got = 0;
    uint64_t left = r->end - r->at - kept;
    av_errc rc;

    memmove(r->window, r->window + r->from, kept);
    r->from = 0;
    r->to = kept;
    if (want > left)
        want = (size_t)left;
    rc = av_file_read_some(r->fd, r->window + kept, want, r->at + kept, &got, err);
    if (rc != AV_OK)
        return rc;
    r->to += got;
    if (got < want)
        r->end = r->at + r->to;
    return AV_OK;
}

/* The next piece; ret_more false at r->end. Its bytes hold until the next call. */
static av_errc
next_piece(reader *r, av_mbox_piece *ret, bool *ret_more, av_error *err)
{
    for (;;) {
        size_t before = (size_t)AV_MIN((uint64_t)(r->to - r->from), r->end - r->at); /* the window may know more */
        av_span in = av_span_of(r->window + r->from, before);
        bool eof = r->at + before == r->end;
        av_errc rc;

        if (av_mbox_split_next(&r->split, &in, eof, ret) == AV_PARSE_OK) {
            r->from += before - in.n;
            r->at += before - in.n;
            *ret_more = true;
            return AV_OK;
        }
        if (eof) {
            *ret_more = false;
            return AV_OK;
        }
        rc = fill(r, err);
        if (rc != AV_OK)
            return rc;
    }
}

/* At file offset `at` the format allows a message to end. */
static bool
can_end_at(const mailbox *m, uint64_t at)
{
    uint8_t room[16];
    size_t got = 0, i = 0;
    av_error err;

    if (at > m->file_bytes || av_file_read_some(m->in.fd, room, sizeof room, at, &got, &err) != AV_OK)
        return false;
    for (int lines = 0; lines < 2 && i < got; lines++) {
        i += room[i] == '\r' && i + 1 < got && room[i + 1] == '\n';
        i += i < got && room[i] == '\n';
    }
    return i == got || (got - i >= 5 && memcmp(room + i, "From ", 5) == 0);
}

static bool
has_lengths(av_mbox_kind kind)
{
    return kind == AV_MBOX_CL || kind == AV_MBOX_CL2;
}

/* What a scan learns of one message. */
typedef struct found {
    uint64_t size, raw_end; /* without quotes; raw_end: before the empty line that belongs to the format */
    uint64_t next_at;
    uint64_t held;   /* Content-Length that held, 0 otherwise */
    bool short_body; /* Content-Length points behind the end of the file */
    bool some;       /* more than empty lines */
    bool ended;      /* by the end of the file */
    bool cut;        /* no line end there */
} found;

/* The empty line behind the header was taken: hold the body if its length is told and true. */
static void
hold_body(mailbox *m, found *f)
{
    uint64_t length;

    if (!has_lengths(m->in.split.kind) ||
        !av_span_u64(av_header_value(av_buf_span(&m->header), "Content-Length"), INT64_MAX / 2, &length))
        return;
    f->short_body = length > m->file_bytes - m->in.at;
    if (length > 0 && can_end_at(m, m->in.at + length)) {
        f->held = length;
        av_mbox_split_hold(&m->in.split, length);
    }
}

/* From m->in, right behind a separator (or the file's beginning), to the next separator or the end. */
static av_errc
scan(mailbox *m, found *ret, av_error *err)
{
    size_t empty = 0; /* bytes of an empty line that is not yet known to belong to the message */
    bool in_header = true, more;
    uint8_t last = '\n';

    *ret = (found){ .raw_end = m->in.at };
    av_buf_clear(&m->header);
    for (;;) {
        av_mbox_piece piece;
        av_errc rc = next_piece(&m->in, &piece, &more, err);

        if (rc != AV_OK)
            return rc;
        if (!more || piece.kind == AV_MBOX_SEPARATOR) {
            ret->ended = !more;
            ret->next_at = more ? m->in.at - piece.bytes.n : m->in.end;
            ret->cut = !more && last != '\n';
            return AV_OK;
        }
        ret->size += empty;
        empty = 0;
        if (piece.kind == AV_MBOX_EMPTY)
            empty = piece.bytes.n;
        else if (piece.kind == AV_MBOX_DATA)
            ret->size += piece.bytes.n;
        ret->some |= piece.kind != AV_MBOX_EMPTY;
        ret->raw_end = m->in.at - empty;
        last = piece.bytes.p[piece.bytes.n - 1];
        if (in_header && piece.kind == AV_MBOX_EMPTY) {
            in_header = false;
            hold_body(m, ret);
        } else if (in_header) {
            (void)av_buf_append_span(&m->header, piece.bytes);
        }
    }
}

/* Over bodies with a true Content-Length: do lines in them begin with "From ", or with ">From "? */
static av_errc
look_into_bodies(mailbox *m, bool *ret_plain, bool *ret_quoted, av_error *err)
{
    bool in_header = true, more = true;
    found f;

    seek(&m->in, 0, m->file_bytes, AV_MBOX_CL, true);
    av_buf_clear(&m->header);
    while (m->in.at < GUESS_BYTES && !*ret_plain) {
        bool at_line = !m->in.split.in_line, held = m->in.split.held > 0;
        av_mbox_piece piece;
        av_errc rc = next_piece(&m->in, &piece, &more, err);

        if (rc != AV_OK || !more)
            return rc;
        if (piece.kind == AV_MBOX_SEPARATOR) {
            in_header = true;
            av_buf_clear(&m->header);
        } else if (piece.kind == AV_MBOX_EMPTY && in_header) {
            in_header = false;
            hold_body(m, &f);
        } else if (in_header) {
            (void)av_buf_append_span(&m->header, piece.bytes);
        } else if (held && piece.kind == AV_MBOX_QUOTE) {
            *ret_quoted = true;
        } else if (held && at_line && piece.bytes.n >= 5 && memcmp(piece.bytes.p, "From ", 5) == 0) {
            *ret_plain = true;
        }
    }
    return AV_OK;
}

static av_errc
guess_kind(mailbox *m, av_error *err)
{
    bool plain = false, quoted = false, more;
    av_mbox_piece piece;
    found f = { 0 };
    av_errc rc;

    m->guessed = true;
    if (m->kind != AV_MBOX_GUESS)
        return AV_OK;
    m->kind = AV_MBOX_RD;
    seek(&m->in, 0, m->file_bytes, AV_MBOX_CL, true);
    rc = next_piece(&m->in, &piece, &more, err);
    if (rc != AV_OK || !more || piece.kind != AV_MBOX_SEPARATOR)
        return rc;
    rc = scan(m, &f, err);
    if (rc != AV_OK || f.held == 0)
        return rc;
    rc = look_into_bodies(m, &plain, &quoted, err);
    m->kind = quoted && !plain ? AV_MBOX_CL : AV_MBOX_CL2;
    return rc;
}

static av_source_item
item_of(mailbox *m, int64_t received_unix_s)
{
    av_buf_clear(&m->shown);
    av_source_show(m->path, &m->shown);
    (void)av_buf_printf(&m->shown, ", message %llu", (unsigned long long)++m->number);
    return (av_source_item){ .path = av_buf_cstr(&m->shown),
        .folder = (const char *const *)m->folder.names,
        .folder_depth = m->folder.depth,
        .received_unix_s = received_unix_s };
}

/* The file stops being readable: one refused item that says from where, and the walk is over. */
static void
give_up(mailbox *m, const av_error *err, av_source_item *ret)
{
    *ret = item_of(m, m->mtime_unix_s);
    av_buf_clear(&m->reason);
    (void)av_buf_printf(&m->reason, "the mailbox file can not be read on, what follows in it is missing: %s", err->msg);
    ret->refused = av_buf_cstr(&m->reason);
    m->next_at = m->file_bytes;
}

/* Why the message that was found is not delivered, or what should be known of it. */
static void
judge(mailbox *m, const found *f, bool separated, av_source_item *ret)
{
    av_buf_clear(&m->reason);
    av_buf_clear(&m->note);
    if (!av_source_is_mail(av_buf_span(&m->header)))
        (void)av_buf_printf(&m->reason,
            separated ? "not a mail: it has no header" : "these %llu bytes before the first From_ line are no mail",
            (unsigned long long)f->size);
    else if (f->size > m->max_message_bytes)
        (void)av_buf_printf(&m->reason, "larger than %llu bytes, the largest message that is taken",
            (unsigned long long)m->max_message_bytes);
    else if (f->ended && f->short_body)
        (void)av_buf_puts(&m->note, "the file ends before this message is as long as its Content-Length says");
    else if (f->cut)
        (void)av_buf_puts(&m->note, "the file ends inside a line of this message, which may be cut short");
    else if (!separated)
        (void)av_buf_puts(&m->note, "it stands before the first From_ line of the mailbox file");
    ret->refused = m->reason.n > 0 ? av_buf_cstr(&m->reason) : NULL;
    ret->note = m->note.n > 0 ? av_buf_cstr(&m->note) : NULL;
    ret->size_bytes = ret->refused != NULL ? 0 : f->size;
    m->left = ret->size_bytes;
}

/* Step over the separator at next_at. ret_separated false: there is none (the file does not begin with one). */
static av_errc
step_over(mailbox *m, bool *ret_separated, int64_t *ret_received, av_error *err)
{
    static const char bom[3] = { (char)0xEF, (char)0xBB, (char)0xBF };
    av_mbox_piece piece;
    uint8_t room[3];
    size_t got = 0;
    bool more;
    av_errc rc = AV_OK;

    if (m->next_at == 0) {
        rc = av_file_read_some(m->in.fd, room, sizeof room, 0, &got, err);
        if (rc == AV_OK && got == 3 && memcmp(room, bom, 3) == 0)
            m->next_at = 3; /* a byte order mark in front of a From_ line belongs to nobody */
    }
    seek(&m->in, m->next_at, m->file_bytes, m->kind, true);
    if (rc == AV_OK)
        rc = next_piece(&m->in, &piece, &more, err);
    if (rc != AV_OK)
        return rc;
    *ret_separated = more && piece.kind == AV_MBOX_SEPARATOR;
    if (!*ret_separated)
        seek(&m->in, m->next_at, m->file_bytes, m->kind, true);
    else if (!av_mbox_line_date(av_span_trim(piece.bytes), ret_received))
        *ret_received = m->mtime_unix_s;
    return AV_OK;
}

static av_errc
mailbox_next(av_source_walk *walk, av_source_item *ret_item, bool *ret_more, uint64_t *ret_bytes, av_error *err)
{
    mailbox *m = AV_CONTAINER(walk, mailbox, walk);
    int64_t received = m->mtime_unix_s;
    uint64_t from = m->next_at;
    bool separated = false;
    av_errc rc = m->guessed ? AV_OK : guess_kind(m, err);
    found f;

    do {
        *ret_more = m->next_at < m->file_bytes;
        if (!*ret_more)
            return AV_OK;
        if (rc == AV_OK)
            rc = step_over(m, &separated, &received, err);
        m->begin = m->in.at;
        if (rc == AV_OK)
            rc = scan(m, &f, err);
        if (rc != AV_OK) {
            give_up(m, err, ret_item);
            *ret_bytes = m->file_bytes - from;
            return AV_OK;
        }
        m->next_at = f.next_at;
    } while (!separated && !f.some); /* empty lines in front of the first separator */
    if (!separated && f.ended) {     /* a file without any separator: no format's empty line to take off */
        f.size += m->file_bytes - f.raw_end;
        f.raw_end = m->file_bytes;
    }
    *ret_item = item_of(m, received);
    m->raw_end = f.raw_end;
    m->held = f.held;
    judge(m, &f, separated, ret_item);
    ret_item->flags = av_source_header_flags(av_buf_span(&m->header));
    *ret_bytes = m->next_at - from;
    seek(&m->in, m->begin, m->raw_end, m->kind, false);
    m->rest = av_span_of(NULL, 0);
    return AV_OK;
}

/* Pieces of the current message, quotes left out. */
static av_errc
mailbox_read(av_source_walk *walk, void *p, size_t n, size_t *ret_n, av_error *err)
{
    mailbox *m = AV_CONTAINER(walk, mailbox, walk);
    size_t done = 0;

    while (done < n && m->left > 0) {
        size_t part;

        while (m->rest.n == 0) {
            bool was_header = !m->in.split.in_body, more;
            av_mbox_piece piece;
            av_errc rc = next_piece(&m->in, &piece, &more, err);

            if (rc != AV_OK)
                return rc;
            if (!more)
                return av_error_set(err, AV_ERR_IO, "%s became shorter while it was read", av_buf_cstr(&m->shown));
            if (was_header && m->in.split.in_body && m->held > 0)
                av_mbox_split_hold(&m->in.split, m->held); /* lines are told apart as in the scan */
            if (piece.kind != AV_MBOX_QUOTE)
                m->rest = piece.bytes;
        }
        part = AV_MIN(m->rest.n, n - done);
        part = (size_t)AV_MIN((uint64_t)part, m->left);
        memcpy((uint8_t *)p + done, m->rest.p, part);
        m->rest = av_span_skip(m->rest, part);
        m->left -= part;
        done += part;
    }
    *ret_n = done;
    return AV_OK;
}

static void
mailbox_destroy(av_source_walk *walk)
{
    mailbox *m = AV_CONTAINER(walk, mailbox, walk);

    av_file_close(&m->in.fd);
    free(m->in.window);
    av_source_folder_cut(&m->folder, 0);
    free(m->path);
    av_buf_release(&m->header);
    av_buf_release(&m->shown);
    av_buf_release(&m->reason);
    av_buf_release(&m->note);
    free(m);
}

static const av_source_class mailbox_class = { mailbox_next, mailbox_read, mailbox_destroy };

av_source_walk *
av_source_mbox_new(
    int fd, const char *path, const av_source_folder *folder, int64_t mtime_unix_s, const av_source_options *options)
{
    mailbox *m = av_xcalloc(1, sizeof *m);
    struct stat st;

    m->walk.class = &mailbox_class;
    m->in.fd = fd;
    m->in.window = av_xalloc(WINDOW_BYTES);
    m->file_bytes = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    m->mtime_unix_s = mtime_unix_s;
    m->max_message_bytes = options->max_message_bytes;
    m->kind = options->mbox;
    m->path = av_xstrdup(path);
    av_source_folder_copy(folder, &m->folder);
    av_buf_init(&m->header, HEADER_BYTES);
    av_buf_init(&m->shown, 16384);
    av_buf_init(&m->reason, 1024);
    av_buf_init(&m->note, 1024);
    return &m->walk;
}

bool
av_source_mbox_seen(int fd)
{
    AV_CLEANUP(av_free) uint8_t *window = av_xalloc(WINDOW_BYTES);
    reader r = { .fd = fd, .window = window };
    bool more = true, first = true;
    av_mbox_piece piece;
    struct stat st;
    av_error err;

    if (fstat(fd, &st) != 0)
        return false;
    seek(&r, 0, (uint64_t)st.st_size, AV_MBOX_RD, true);
    while (next_piece(&r, &piece, &more, &err) == AV_OK && more) {
        if (first && !(piece.kind == AV_MBOX_SEPARATOR && piece.dated))
            return false;
        if (!first && piece.kind == AV_MBOX_SEPARATOR && piece.dated && piece.headed)
            return true;
        first = false;
    }
    return false;
}
