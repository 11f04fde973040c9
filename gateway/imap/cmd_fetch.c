/*
 * cmd_fetch.c - FETCH and UID FETCH: the stream of Archive.Fetch into the connection, with back-pressure both ways
 *
 * Bytes of the stream that the connection has no room for are held (at most the window of the stream) and told as consumed
 * only when they are written: a slow client slows the instance down and costs nothing else. A set with very many ranges is
 * asked for in several calls. \Seen is never set. Source: RFC 3501, 6.4.5, 6.4.8; RFC 7162, 3.1.4.1 and 3.2.6.
 */
#include "base/clock.h"
#include "gateway/imap/capabilities.h"
#include "gateway/imap/fetch_priv.h"

#define RANGES_PER_CALL 2000 /* a request is one frame of 64 KB */
#define HELD_MAX        (4U * AV_BUS_WINDOW)
#define ROW_MAX         65536
#define HEAD_SLICE      64 /* bytes of the stream looked at together while rows begin: bounds what they write */
#define HEAD_GROWTH     16 /* what they write is less than so many times as much, and what the names of sections add */
#define HEAD_SLICE_WIDE 8  /* the same when section names make each row's text long */
#define RAW_SLICE       32768 /* bytes of a message copied together */
#define WIDE_NAMES      512
#define STALL_CHECK_MS  10000
#define STALL_MS        60000  /* nothing comes though all is consumed */
#define CALL_TIMEOUT_MS 900000 /* the bus's own: a slow client must be able to take one window in it */

typedef struct fetch {
    av_imap_session *session;
    av_imap_fetch_items items;
    av_imap_fetch_row row;
    av_query_range *uids; /* wanted, from uid_at on not yet asked for */
    size_t uid_count, uid_at;
    const char *code, *text; /* of the end when all is well */
    av_rows_reader *rows;
    av_call *call;
    av_stream *stream;
    av_buf held;
    size_t held_at;
    bool answered; /* the call in work is over, with `end` */
    av_error end;  /* code AV_OK: well */
    int64_t moved_ms;
    av_loop_timer *stall;
} fetch;

static void
fetch_free(void *work)
{
    fetch *self = work;

    av_call_cancel(&self->call);
    if (self->stall != NULL)
        av_loop_remove_timer(&self->stall);
    av_rows_reader_destroy(&self->rows);
    av_imap_fetch_items_release(&self->items);
    av_buf_release(&self->held);
    free(self->uids);
    free(self);
}

/* ---- the end ---- */

static void
finish(fetch *self)
{
    av_imap_session *session = self->session;
    av_error err = self->end;

    if (err.code != AV_OK && self->row.open) { /* inside a response, perhaps inside a literal: nothing can be said */
        session->ending = true;
        av_conn_finish(session->conn);
        return;
    }
    if (err.code == AV_OK && self->row.unreadable > 0)
        (void)av_error_set(&err, AV_ERR_UNAVAILABLE, "%llu of the messages could not be read: %s",
            (unsigned long long)self->row.unreadable, self->row.why);
    if (err.code != AV_OK)
        av_imap_session_fail(session, &err);
    else if (self->row.unknown_encoding)
        av_imap_session_done(session, "NO", "UNKNOWN-CTE", "a part has a transfer encoding of no known name");
    else
        av_imap_session_done(session, "OK", self->code, "%s", self->text);
}

static void
fail(fetch *self, const av_error *err)
{
    av_call_cancel(&self->call);
    self->stream = NULL;
    self->answered = true;
    self->end = *err;
    self->uid_at = self->uid_count;
    self->held_at = self->held.n;
}

/* ---- bytes ---- */

/*
 * How much may be looked at: raw bytes as there is room for them, the beginnings of rows in steps that leave room for what
 * they write, which is more than they are.
 */
static size_t
slice_size(const fetch *self, size_t held)
{
    size_t room = av_conn_room(self->session->conn);

    if (self->row.raw_left > 0)
        return (size_t)AV_MIN(self->row.raw_left, (uint64_t)AV_MIN(AV_MIN(held, room), (size_t)RAW_SLICE));
    if (self->items.text.n > WIDE_NAMES)
        return AV_MIN(held, (size_t)HEAD_SLICE_WIDE);
    return AV_MIN(held, AV_MAX((size_t)HEAD_SLICE, room / (HEAD_GROWTH + self->items.text.n / 8)));
}

/* Bytes of the stream into the connection, as far as it takes them; how many it took. */
static size_t
take(fetch *self, av_span bytes)
{
    size_t at = 0;
    av_error err;

    while (at < bytes.n && av_imap_session_flush(self->session) && av_conn_room(self->session->conn) > 0) {
        size_t n = slice_size(self, bytes.n - at);

        if (av_rows_reader_feed(self->rows, av_span_slice(bytes, at, at + n), &err) != AV_OK) {
            fail(self, &err);
            return bytes.n;
        }
        at += n;
    }
    (void)av_imap_session_flush(self->session);
    if (at == 0)
        return 0;
    self->moved_ms = av_clock_mono_ms();
    if (self->stream != NULL)
        av_stream_consumed(self->stream, at);
    return at;
}

static void
pump(fetch *self)
{
    size_t n = take(self, av_span_skip(av_buf_span(&self->held), self->held_at));

    self->held_at = AV_MIN(self->held_at + n, self->held.n);
    if (self->held_at == self->held.n) {
        av_buf_clear(&self->held);
        self->held_at = 0;
    }
}

static void ask(fetch *self);

/* Bytes, then the end of a call, then the next call or the end of all. */
static void
go_on(av_imap_session *session)
{
    fetch *self = session->work;

    pump(self);
    if (!self->answered || self->held_at < self->held.n)
        return;
    if (self->end.code == AV_OK)
        (void)av_rows_reader_finish(self->rows, &self->end);
    if (self->end.code == AV_OK && self->uid_at < self->uid_count)
        ask(self);
    else
        finish(self);
}

static void
on_data(void *ctx, av_stream *stream AV_UNUSED, av_span bytes)
{
    fetch *self = ctx;
    av_error err;

    if (self->held_at == self->held.n) /* nothing stands before them: without a copy */
        bytes = av_span_skip(bytes, take(self, bytes));
    if (self->held_at > self->held.n / 2) {
        av_buf_consume(&self->held, self->held_at);
        self->held_at = 0;
    }
    if (!av_buf_append_span(&self->held, bytes)) {
        (void)av_error_set(&err, AV_ERR_INTERNAL, "the instance sent more than it was allowed to");
        fail(self, &err);
    }
    av_imap_session_turn(self->session);
}

static void
on_done(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply AV_UNUSED, const av_error *err)
{
    fetch *self = ctx;

    self->call = NULL;
    self->stream = NULL;
    self->answered = true;
    if (err != NULL) {
        self->end = *err;
        self->held_at = self->held.n; /* its end cannot come any more */
    }
    av_imap_session_turn(self->session);
}

static void
on_stall_time(void *ctx)
{
    fetch *self = ctx;
    av_error err;

    if (self->held_at < self->held.n || !av_imap_session_drained(self->session)) /* the client's time, not ours */
        self->moved_ms = av_clock_mono_ms();
    if (av_clock_mono_ms() - self->moved_ms < STALL_MS)
        return;
    (void)av_error_set(&err, AV_ERR_TIMEOUT, "the instance does not go on sending");
    fail(self, &err);
    av_imap_session_turn(self->session);
}

/* ---- asking ---- */

static const av_stream_events stream_events = { .on_data = on_data };
static const av_rows_events row_events = { av_imap_fetch_row_begin, av_imap_fetch_row_bytes, av_imap_fetch_row_end };

static void
send_request(fetch *self, const Archivolt__FetchRequest *body)
{
    av_imap_session *session = self->session;
    av_call_spec spec = {
        .to = session->instance,
        .method = "archivolt.Archive.Fetch",
        .body = &body->base,
        .timeout_ms = CALL_TIMEOUT_MS,
        .session = av_span_of(session->token, session->token_n),
        .trace = av_span_of(session->trace, sizeof session->trace),
        .done = on_done,
        .downstream = &stream_events,
        .ctx = self,
    };

    self->call = av_bus_call(av_gateway_bus(session->imap->gateway), &spec);
    self->stream = av_call_downstream(self->call);
}

/* The next ranges of UIDs. */
static void
ask(fetch *self)
{
    size_t n = AV_MIN(self->uid_count - self->uid_at, (size_t)RANGES_PER_CALL);
    av_imap_fetch_request request;

    av_imap_fetch_request_make(&request, self->session->mailbox->guid, &self->items, self->uids + self->uid_at, n);
    self->uid_at += n;
    av_rows_reader_destroy(&self->rows);
    self->rows = av_rows_reader_new(&archivolt__fetch_row__descriptor, ROW_MAX, &row_events, &self->row);
    self->answered = false;
    self->moved_ms = av_clock_mono_ms();
    send_request(self, &request.body);
    av_imap_fetch_request_release(&request);
}

void
av_imap_fetch_start(av_imap_session *session, av_imap_fetch_spec *spec)
{
    fetch *self = av_xcalloc(1, sizeof *self);

    assert(session->work == NULL);
    session->work = self;
    session->free_work = fetch_free;
    self->session = session;
    self->items = spec->items;
    self->uids = AV_TAKE(spec->uids);
    self->uid_count = spec->uid_count;
    self->code = spec->code;
    self->text = spec->text;
    memset(&spec->items, 0, sizeof spec->items);
    if (self->uid_count == 0) {
        finish(self);
        return;
    }
    self->row.session = session;
    self->row.items = &self->items;
    self->row.with_uid = self->items.uid;
    av_buf_init(&self->held, HELD_MAX);
    self->stall =
        av_loop_add_timer(av_gateway_loop(session->imap->gateway), STALL_CHECK_MS, STALL_CHECK_MS, on_stall_time, self);
    session->on_room = go_on;
    ask(self);
}

/* `1:*` of an empty mailbox is asked by many clients. */
static bool
names_star(const av_imap_command *command)
{
    for (size_t i = 0; i < command->set_count; i++) {
        if (command->set[i].last == UINT32_MAX || command->set[i].last == 0) /* an empty `$` is no error, either */
            return true;
    }
    return false;
}

/* RFC 7162, 3.2.6: of the UIDs that were named, those that are not there. */
static void
write_vanished(av_imap_session *session, const av_imap_command *command)
{
    const av_imap_mailbox *mailbox = session->mailbox;
    AV_CLEANUP(av_free) av_query_range *gone = NULL;
    size_t n;

    av_imap_uids_missing(&mailbox->uids, command->set, command->set_count, mailbox->uidnext, &gone, &n);
    av_imap_vanished_write(gone, n, true, &session->out);
}

static void
start(av_imap_session *session, const av_imap_command *command, bool by_uid, av_imap_fetch_spec *spec)
{
    if (spec->items.vanished && (!by_uid || (session->enabled & AV_IMAP_ENABLED_QRESYNC) == 0)) {
        av_imap_session_done(session, "BAD", NULL, "VANISHED is for UID FETCH once QRESYNC is enabled");
        return;
    }
    if (spec->items.has_page && !by_uid) { /* RFC 9394, 3.4 */
        av_imap_session_done(session, "BAD", NULL, "PARTIAL is for UID FETCH");
        return;
    }
    if (spec->items.modseq) /* RFC 7162, 3.1 */
        session->enabled |= AV_IMAP_ENABLED_CONDSTORE;
    spec->items.uid = spec->items.uid || by_uid;
    av_imap_uids_resolve(
        &session->mailbox->uids, command->set, command->set_count, by_uid, &spec->uids, &spec->uid_count);
    /* RFC 3501, 6.4.8: a UID that is not there is no error. */
    if (spec->uid_count == 0 && !by_uid && !names_star(command)) {
        av_imap_session_done(session, "BAD", NULL, "FETCH: the mailbox has %u messages", session->mailbox->uids.count);
        return;
    }
    if (spec->items.has_page && !spec->items.has_changed_since) {
        av_imap_uids_page(&session->mailbox->uids, spec->items.page.from_end, spec->items.page.first,
            spec->items.page.last, spec->uids, &spec->uid_count);
    } else if (spec->items.has_page && spec->uid_count > RANGES_PER_CALL) { /* one question has to see them all */
        av_imap_session_done(
            session, "NO", "LIMIT", "PARTIAL with CHANGEDSINCE takes %d ranges at most", RANGES_PER_CALL);
        return;
    }
    if (spec->items.vanished)
        write_vanished(session, command);
    spec->text = spec->uid_count == 0 ? "no such messages" : "done";
    av_imap_fetch_start(session, spec);
}

static void
run(av_imap_session *session, const av_imap_command *command, bool by_uid)
{
    av_imap_fetch_spec spec = { .uids = NULL };
    av_error err;
    av_errc rc = av_imap_fetch_items_parse(command->args[0], &spec.items, &err);

    if (rc == AV_ERR_SYNTAX)
        av_imap_session_done(session, "BAD", NULL, "%s", err.msg);
    else if (rc != AV_OK)
        av_imap_session_fail(session, &err);
    else
        start(session, command, by_uid, &spec);
    free(spec.uids);
    av_imap_fetch_items_release(&spec.items);
}

void
av_imap_cmd_fetch(av_imap_session *session, const av_imap_command *command)
{
    run(session, command, false);
}

void
av_imap_cmd_uid_fetch(av_imap_session *session, const av_imap_command *command)
{
    run(session, command, true);
}
