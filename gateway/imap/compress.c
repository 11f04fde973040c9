/*
 * compress.c - COMPRESS DEFLATE (RFC 4978): a session's bytes packed between it and its connection, below them TLS
 *
 *   connection -> packed -> (16 KB at a time) -> in -> framer         out -> deflate -> connection
 *
 * What a client sends meets the same ceilings unpacked as in clear; a turn unpacks 1 MB at most, then the others have theirs.
 * Memory of the compressor is freed in sessions that have said nothing for some seconds, IDLE among them.
 */
#include <malloc.h>

#include "gateway/imap/session_priv.h"

#define PIECE             16384
#define PACKED_MAX        65536 /* not read while so much waits */
#define UNPACKED_PER_TURN (1024U * 1024U)
#define REST_EVERY_MS     5000

/* ---- in ---- */

bool
av_imap_compress_take(av_imap_session *self, av_span bytes)
{
    if (self->packed_at > 0 && self->packed_at == self->packed.n) {
        av_buf_release(&self->packed);
        av_buf_init(&self->packed, PACKED_MAX + PIECE);
        self->packed_at = 0;
    }
    return av_buf_append_span(&self->packed, bytes);
}

bool
av_imap_compress_waits(const av_imap_session *self)
{
    return self->deflate != NULL && (self->packed_at < self->packed.n || self->more_packed);
}

static void
on_more(void *ctx)
{
    av_imap_session *self = ctx;

    self->unpack_more = NULL;
    self->unpacked = 0;
    av_imap_session_turn(self);
}

/* Enough for one turn: the others, then we again. */
static bool
is_long_turn(av_imap_session *self)
{
    if (self->unpacked < UNPACKED_PER_TURN)
        return false;
    if (self->unpack_more == NULL)
        self->unpack_more = av_loop_add_timer(av_gateway_loop(self->imap->gateway), 0, 0, on_more, self);
    return true;
}

bool
av_imap_compress_unpack(av_imap_session *self)
{
    av_span left;
    uint8_t *to;
    size_t n;
    av_error err;

    if (!av_imap_compress_waits(self)) {
        self->unpacked = 0;
        return false;
    }
    if (is_long_turn(self))
        return false;
    assert(self->in.n == 0);
    left = av_span_skip(av_buf_span(&self->packed), self->packed_at);
    to = av_buf_reserve(&self->in, PIECE);
    assert(to != NULL);
    if (av_deflate_unpack(self->deflate, &left, to, PIECE, &n, &err) != AV_OK) {
        self->packed_at = self->packed.n;
        self->more_packed = false;
        av_imap_session_bye(self, "%s", err.msg);
        return false;
    }
    self->packed_at = self->packed.n - left.n;
    self->in.n = n;
    self->unpacked += n;
    self->more_packed = n == PIECE;
    return true;
}

/* ---- out ---- */

static bool
send_piece(av_imap_session *self, bool sync)
{
    uint8_t bytes[PIECE];
    size_t room = AV_MIN(av_conn_room(self->conn), sizeof bytes), n;
    av_span in = av_span_skip(av_buf_span(&self->out), self->out_at);

    if (self->clear_left > 0) { /* the answer to COMPRESS itself, and what stood before it */
        n = AV_MIN(self->clear_left, room);
        (void)av_conn_write(self->conn, av_span_slice(in, 0, n));
        self->out_at += n;
        self->clear_left -= n;
        return n > 0;
    }
    if (room == 0 || (in.n == 0 && !(sync && av_deflate_owes(self->deflate))))
        return false;
    n = av_deflate_pack(self->deflate, &in, sync, bytes, room);
    self->out_at = self->out.n - in.n;
    self->packed_lately = true;
    if (n > 0)
        (void)av_conn_write(self->conn, av_span_of(bytes, n));
    return true;
}

void
av_imap_compress_send(av_imap_session *self, bool sync)
{
    while (send_piece(self, sync))
        continue;
}

/* ---- begin, rest, end ---- */

static void
on_rest_time(void *ctx)
{
    av_imap *imap = ctx;
    bool any = false, freed = false;

    for (av_imap_session *s = imap->sessions; s != NULL; s = s->next) {
        if (s->deflate == NULL)
            continue;
        any = true;
        if (!s->packed_lately && !av_deflate_owes(s->deflate))
            freed = av_deflate_rest(s->deflate) || freed;
        s->packed_lately = false;
    }
    if (freed)
        (void)malloc_trim(0); /* what lies between windows that are kept would stay ours */
    if (!any)
        av_loop_remove_timer(&imap->rest);
}

static void
begin(av_imap_session *self)
{
    const av_gateway_settings *settings = av_gateway_get_settings(self->imap->gateway);
    const av_deflate_options options = {
        .window_bits = (int)settings->imap_compress_window_bits,
        .memory_level = (int)settings->imap_compress_memory_level,
        .level = (int)settings->imap_compress_level,
    };

    self->deflate = av_deflate_new(&options);
    av_buf_init(&self->packed, PACKED_MAX + PIECE);
    /* A client that did not wait for our answer has sent packed bytes behind the command. They came through TLS. */
    (void)av_imap_compress_take(self, av_span_skip(av_buf_span(&self->in), self->in_at));
    self->in_at = self->in.n;
    self->clear_left = self->out.n - self->out_at;
    if (self->imap->rest == NULL)
        self->imap->rest = av_loop_add_timer(
            av_gateway_loop(self->imap->gateway), REST_EVERY_MS, REST_EVERY_MS, on_rest_time, self->imap);
}

void
av_imap_compress_release(av_imap_session *self)
{
    if (self->unpack_more != NULL)
        av_loop_remove_timer(&self->unpack_more);
    av_deflate_destroy(&self->deflate);
    av_buf_release_secret(&self->packed);
}

void
av_imap_cmd_compress(av_imap_session *self, const av_imap_command *command)
{
    if (self->deflate != NULL) {
        av_imap_session_done(self, "NO", "COMPRESSIONACTIVE", "the session is compressed already");
    } else if (!av_span_ieq_str(command->args[0], "DEFLATE")) {
        av_imap_session_done(self, "NO", "CANNOT", "the only algorithm is DEFLATE");
    } else if (!av_gateway_get_settings(self->imap->gateway)->imap_compress) {
        av_imap_session_done(self, "NO", "CANNOT", "compression is switched off here");
    } else {
        av_imap_session_done(self, "OK", NULL, "all that follows is compressed");
        begin(self);
    }
}
