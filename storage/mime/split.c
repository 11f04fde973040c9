/*
 * split.c - see split.h
 *
 * A window of bytes goes through the layers of split_priv.h. What they leave of it, the beginning of a line, is carried
 * over into the front of the next window; in av_splitter_message the one window is the message itself.
 */
#include "storage/mime/split_priv.h"

struct av_splitter {
    split_out out;
    split_lines lines;
    split_body body;
    size_t carry_n;
    uint8_t carry[SPLIT_CARRY_MAX];
};

/* The pool of strings holds one Content-Type at a time, its words twice at most. */
enum { STRINGS_MAX_BYTES = 2 * SPLIT_TYPE_MAX };

_Static_assert(sizeof(struct av_splitter) + 2 * STRINGS_MAX_BYTES <= AV_SPLITTER_MAX_BYTES, "docs of split.h");

static const av_split_options defaults = AV_SPLIT_OPTIONS_DEFAULT;

av_splitter *
av_splitter_new(void)
{
    av_splitter *self = av_xcalloc(1, sizeof *self);

    av_mime_pool_init(&self->lines.fields.pool, STRINGS_MAX_BYTES);
    self->lines.out = self->body.out = &self->out;
    self->lines.body = &self->body;
    self->lines.place = SPLIT_DONE;
    return self;
}

void
av_splitter_destroy(av_splitter **self)
{
    if (*self == NULL)
        return;
    av_mime_pool_release(&(*self)->lines.fields.pool);
    free(*self);
    *self = NULL;
}

void
av_splitter_begin(av_splitter *self, const av_split_options *options, const av_split_sink *sink)
{
    split_out_begin(&self->out, options != NULL ? options : &defaults, sink);
    split_lines_begin(&self->lines);
    self->carry_n = 0;
}

/* Work on a window; of what the sink was to get nothing stays in it. */
static size_t
work(av_splitter *self, av_span window, bool final)
{
    size_t used = split_lines_work(&self->lines, window, final);

    split_out_flush(&self->out);
    return used;
}

/* The beginning of a line was carried over: put the first of bytes behind it. Returns the bytes of bytes taken. */
static size_t
work_on_carry(av_splitter *self, av_span bytes)
{
    size_t carried = self->carry_n, take = AV_MIN(bytes.n, SPLIT_CARRY_MAX - carried), used;

    memcpy(self->carry + carried, bytes.p, take);
    used = work(self, av_span_of(self->carry, carried + take), false);
    if (used >= carried) {
        self->carry_n = 0;
        return used - carried;
    }
    self->carry_n = carried + take - used;
    memmove(self->carry, self->carry + used, self->carry_n);
    return take;
}

av_errc
av_splitter_feed(av_splitter *self, av_span bytes, av_error *err)
{
    self->out.err = err;
    while (bytes.n > 0 && self->out.rc == AV_OK) {
        size_t used;

        if (self->carry_n > 0) {
            bytes = av_span_skip(bytes, work_on_carry(self, bytes));
            continue;
        }
        used = work(self, bytes, false);
        bytes = av_span_skip(bytes, used);
        if (self->out.rc != AV_OK)
            break;
        assert(bytes.n < SPLIT_CARRY_MAX);
        memcpy(self->carry, bytes.p, bytes.n);
        self->carry_n = bytes.n;
        break;
    }
    return self->out.rc;
}

/* The last window of a message, or its only one. */
static av_errc
finish(av_splitter *self, av_span window, av_error *err)
{
    self->out.err = err;
    (void)work(self, window, true);
    split_lines_end(&self->lines);
    split_out_end(&self->out);
    return self->out.rc;
}

av_errc
av_splitter_end(av_splitter *self, av_error *err)
{
    return finish(self, av_span_of(self->carry, self->carry_n), err);
}

av_errc
av_splitter_message(
    av_splitter *self, av_span message, const av_split_options *options, const av_split_sink *sink, av_error *err)
{
    av_splitter_begin(self, options, sink);
    return finish(self, message, err);
}
