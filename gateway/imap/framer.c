/*
 * framer.c - see framer.h
 */
#include "gateway/imap/framer.h"

#include "base/secret.h"
#include "gateway/imap/grammar.h"

#define KEEP_BYTES 4096 /* memory kept from one command to the next */

void
av_imap_framer_init(av_imap_framer *self, size_t line_max, size_t literal_max)
{
    *self = (av_imap_framer){ 0 };
    av_imap_framer_set_limits(self, line_max, literal_max);
}

void
av_imap_framer_release(av_imap_framer *self)
{
    av_buf_release_secret(&self->command);
}

void
av_imap_framer_set_limits(av_imap_framer *self, size_t line_max, size_t literal_max)
{
    assert(self->command.n == 0);
    av_buf_release_secret(&self->command);
    self->line_max = line_max;
    self->literal_max = literal_max;
    av_buf_init(&self->command, line_max + literal_max + 1);
}

void
av_imap_framer_plain_line(av_imap_framer *self)
{
    self->plain_line = true;
}

av_span
av_imap_framer_command(const av_imap_framer *self)
{
    return av_buf_span(&self->command);
}

void
av_imap_framer_next(av_imap_framer *self)
{
    if (self->command.cap > KEEP_BYTES) {
        size_t max = self->command.max;

        av_buf_release_secret(&self->command);
        av_buf_init(&self->command, max);
    } else if (self->command.n > 0) {
        av_secret_wipe(self->command.p, self->command.n);
    }
    av_buf_clear(&self->command);
    self->line_bytes = self->literal_bytes = self->line_at = self->tail_n = 0;
    self->literal_left = 0;
    self->plain_line = self->skipping = self->asked = self->done = false;
}

void
av_imap_framer_accept(av_imap_framer *self)
{
    assert(self->asked);
    self->asked = false;
}

void
av_imap_framer_refuse(av_imap_framer *self)
{
    assert(self->asked);
    av_imap_framer_next(self);
}

static void
keep_tail(av_imap_framer *self, av_span bytes)
{
    for (size_t i = bytes.n > sizeof self->tail ? bytes.n - sizeof self->tail : 0; i < bytes.n; i++) {
        if (self->tail_n == sizeof self->tail)
            memmove(self->tail, self->tail + 1, --self->tail_n);
        self->tail[self->tail_n++] = bytes.p[i];
    }
}

static void
take_line_bytes(av_imap_framer *self, av_span bytes)
{
    size_t n = self->skipping ? 0 : AV_MIN(bytes.n, self->line_max - self->line_bytes);

    self->line_bytes += n;
    (void)av_buf_append(&self->command, bytes.p, n);
    if (n == bytes.n)
        return;
    if (!self->skipping) {
        self->skipping = true;
        self->tail_n = 0;
        keep_tail(self, av_span_skip(av_buf_span(&self->command), self->line_at));
    }
    keep_tail(self, av_span_skip(bytes, n));
}

/* The line without its end: LF, or CR LF. */
static av_span
line_text(const av_imap_framer *self)
{
    av_span line = self->skipping ? av_span_of(self->tail, self->tail_n)
                                  : av_span_skip(av_buf_span(&self->command), self->line_at);

    if (line.n > 0)
        line.n--;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* A literal that is within the ceilings is kept; of one that is not, a synchronizing one is never sent. */
static av_imap_frame
begin_literal(av_imap_framer *self, uint64_t n, bool sync)
{
    bool fits = !self->skipping && n <= self->literal_max - self->literal_bytes && (sync || n <= AV_IMAP_NONSYNC_MAX);

    if (!fits && (sync || n > AV_IMAP_SKIP_MAX)) {
        self->done = true;
        return sync ? AV_IMAP_FRAME_TOO_BIG : AV_IMAP_FRAME_HOPELESS;
    }
    if (!fits)
        self->skipping = true;
    else
        self->literal_bytes += (size_t)n;
    self->literal_left = n;
    self->tail_n = 0;
    self->line_at = self->command.n + (fits ? (size_t)n : 0);
    self->asked = sync;
    return sync ? AV_IMAP_FRAME_LITERAL : AV_IMAP_FRAME_MORE;
}

static av_imap_frame
end_line(av_imap_framer *self)
{
    av_span line = line_text(self);
    uint64_t n;
    bool sync;

    if (!self->plain_line && av_imap_literal_announced(line, &n, &sync))
        return begin_literal(self, n, sync);
    if (!self->skipping)
        self->command.n = self->line_at + line.n;
    self->done = true;
    return self->skipping ? AV_IMAP_FRAME_TOO_BIG : AV_IMAP_FRAME_COMMAND;
}

static void
take_literal_bytes(av_imap_framer *self, av_span *in)
{
    size_t n = (size_t)AV_MIN((uint64_t)in->n, self->literal_left);

    if (!self->skipping)
        (void)av_buf_append(&self->command, in->p, n);
    self->literal_left -= n;
    *in = av_span_skip(*in, n);
}

av_imap_frame
av_imap_framer_feed(av_imap_framer *self, av_span *in)
{
    assert(!self->asked && !self->done);
    while (in->n > 0) {
        size_t end;
        av_imap_frame frame;

        if (self->literal_left > 0) {
            take_literal_bytes(self, in);
            continue;
        }
        end = av_span_find(*in, '\n');
        take_line_bytes(self, av_span_slice(*in, 0, AV_MIN(end + 1, in->n)));
        if (end == in->n) {
            *in = av_span_skip(*in, in->n);
            break;
        }
        *in = av_span_skip(*in, end + 1);
        frame = end_line(self);
        if (frame != AV_IMAP_FRAME_MORE)
            return frame;
    }
    return AV_IMAP_FRAME_MORE;
}
