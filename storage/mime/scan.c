/*
 * scan.c - see scan.h
 *
 * Lines are found with memchr and looked at only when they start with "--" and a multipart is open. Counts of lines and
 * of bare LFs run along, so each part's counts are a difference and nothing is counted twice.
 */
#include "storage/mime/scan.h"

#include "storage/mime/header.h"
#include "storage/mime/part_fields.h"

enum { STRINGS_MAX_BYTES = 8 * 1024 * 1024 };

/* A place between two lines, with what was counted before it. */
typedef struct place {
    size_t at;
    uint64_t lines, bare;
} place;

/* A multipart that is open: its boundary lines are looked for. */
typedef struct frame {
    uint32_t part;
    uint32_t last_child;
    av_span boundary;
} frame;

typedef struct scanner {
    av_mime *mime;
    av_mime_limits limits;
    place here;                          /* start of the next line */
    place before_end;                    /* the last line without its line end */
    av_span line;                        /* the last line, without its line end */
    place starts[AV_MIME_DEPTH_MAX + 2]; /* where the bodies of the open parts begin, by depth */
    frame frames[AV_MIME_DEPTH_MAX + 1];
    uint32_t frame_count;
    uint32_t open; /* the innermost open part */
} scanner;

void
av_mime_init(av_mime *self)
{
    *self = (av_mime){ .parts = NULL };
    av_mime_pool_init(&self->pool, STRINGS_MAX_BYTES);
}

void
av_mime_release(av_mime *self)
{
    free(self->parts);
    free(self->params);
    av_mime_pool_release(&self->pool);
    *self = (av_mime){ .parts = NULL };
}

/* Take the next line; false at the end of the message. */
static bool
next_line(scanner *self)
{
    av_span rest = av_span_skip(self->mime->message, self->here.at);
    size_t n;

    if (rest.n == 0)
        return false;
    n = av_span_find(rest, '\n');
    self->before_end = self->here;
    self->before_end.at += n;
    self->line = av_span_slice(rest, 0, n);
    if (n == rest.n) {
        self->here.at += n;
        return true;
    }
    self->here.at += n + 1;
    self->here.lines++;
    if (n > 0 && rest.p[n - 1] == '\r') {
        self->before_end.at--;
        self->line.n--;
    } else {
        self->here.bare++;
    }
    return true;
}

/* All that is left, where no boundary line is looked for; in blocks of one size, which compilers make vectors of. */
static void
take_rest(scanner *self)
{
    av_span rest = av_span_skip(self->mime->message, self->here.at);
    uint64_t lines = 0, pairs = 0; /* LFs, CRLFs */
    size_t i = 1;

    if (rest.n == 0)
        return;
    lines = rest.p[0] == '\n';
    for (; rest.n - i >= 64; i += 64) {
        uint8_t block_lines = 0, block_pairs = 0;

        for (unsigned k = 0; k < 64; k++) {
            uint8_t is_end = rest.p[i + k] == '\n';

            block_lines = (uint8_t)(block_lines + is_end);
            block_pairs = (uint8_t)(block_pairs + (is_end & (rest.p[i + k - 1] == '\r')));
        }
        lines += block_lines;
        pairs += block_pairs;
    }
    for (; i < rest.n; i++) {
        lines += rest.p[i] == '\n';
        pairs += rest.p[i] == '\n' && rest.p[i - 1] == '\r';
    }
    self->here.at += rest.n;
    self->here.lines += lines;
    self->here.bare += lines - pairs;
}

/* The frame whose boundary line (RFC 2046, 5.1.1) line is, innermost first, or -1. */
static int
match_boundary(const scanner *self, av_span line, bool *ret_close)
{
    if (line.n < 3 || line.p[0] != '-' || line.p[1] != '-')
        return -1;
    line = av_span_skip(line, 2);
    while (line.n > 0 && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t' || line.p[line.n - 1] == '\r'))
        line.n--;
    for (uint32_t i = self->frame_count; i-- > 0;) {
        av_span boundary = self->frames[i].boundary;

        if (line.n < boundary.n || memcmp(line.p, boundary.p, boundary.n) != 0)
            continue;
        *ret_close = line.n == boundary.n + 2 && line.p[boundary.n] == '-' && line.p[boundary.n + 1] == '-';
        if (line.n == boundary.n || *ret_close)
            return (int)i;
    }
    return -1;
}

/* Close the open parts from the innermost up to, not including, part `until`; their bodies end at `end`. */
static void
close_parts(scanner *self, uint32_t until, place end)
{
    while (self->open != until) {
        av_mime_part *part = &self->mime->parts[self->open];
        const place *start = &self->starts[part->depth];

        if (end.at < start->at) /* an empty body: the line end before the boundary belongs to the header */
            end = *start;
        part->body_end = end.at;
        part->body_lines = end.lines - start->lines;
        part->body_crlf_bytes = end.at - start->at + (end.bare - start->bare);
        self->open = part->parent;
    }
}

static uint32_t
add_part(scanner *self, uint32_t parent)
{
    av_mime *mime = self->mime;
    av_mime_part *part;

    if (mime->count == mime->cap) {
        mime->cap = mime->cap == 0 ? 8 : AV_MIN(mime->cap * 2, self->limits.parts);
        mime->parts = av_xrealloc(mime->parts, mime->cap * sizeof *mime->parts);
    }
    part = &mime->parts[mime->count];
    *part = (av_mime_part){ .parent = parent, .first_child = AV_MIME_NONE, .next_sibling = AV_MIME_NONE };
    part->header_at = part->header_end = part->body_at = part->body_end = self->here.at;
    if (parent != AV_MIME_NONE) {
        part->depth = mime->parts[parent].depth + 1;
        part->number = ++mime->parts[parent].children;
        if (part->number == 1)
            mime->parts[parent].first_child = mime->count;
    }
    return mime->count++;
}

/* Move over the header block of a part; a boundary line ends it as well (it is read again as a boundary). */
static void
skip_header(scanner *self, av_mime_part *part)
{
    bool close;

    for (;;) {
        place start = self->here, before = self->before_end;

        part->header_end = part->body_at = start.at;
        if (!next_line(self))
            return;
        if (self->line.n == 0) {
            part->body_at = self->here.at;
            return;
        }
        if (match_boundary(self, self->line, &close) >= 0 ||
            (!((self->line.p[0] == ' ' || self->line.p[0] == '\t') && start.at > part->header_at) &&
                !av_header_is_field_line(self->line) && !av_header_is_mbox_from(self->line))) {
            self->here = start;
            self->before_end = before;
            return;
        }
    }
}

/* What the parent says about a part that declares no type: RFC 2046, 5.1.5. */
static bool
in_digest(const scanner *self, const av_mime_part *part)
{
    const av_mime_part *parent = part->parent == AV_MIME_NONE ? NULL : &self->mime->parts[part->parent];

    return parent != NULL && parent->is_multipart && av_span_eq_str(parent->subtype, "digest");
}

/* Open a part at here: read its header and, for a multipart, look for its boundary from now on. */
static void
open_part(scanner *self, uint32_t parent)
{
    uint32_t i = add_part(self, parent);
    av_mime_part *part = &self->mime->parts[i];
    size_t header_n;

    skip_header(self, part);
    self->starts[part->depth] = self->here;
    header_n = AV_MIN(part->header_end - part->header_at, self->limits.header_bytes);
    mime_part_fields(self->mime, part, av_span_slice(self->mime->message, part->header_at, part->header_at + header_n),
        in_digest(self, part));
    self->open = i;
    part->is_root = parent == AV_MIME_NONE || self->mime->parts[parent].is_message;
    if (av_span_eq_str(part->type, "multipart") && part->boundary.n > 0) {
        if (part->depth >= self->limits.depth)
            part->opaque = true;
        else
            self->frames[self->frame_count++] = (frame){ i, AV_MIME_NONE, part->boundary };
    }
}

static bool
is_plain_encoding(av_mime_encoding encoding)
{
    return encoding == AV_MIME_7BIT || encoding == AV_MIME_8BIT || encoding == AV_MIME_BINARY;
}

/* As long as the innermost part is a message, its root is opened inside it: a loop, not recursion. */
static void
open_nested(scanner *self)
{
    for (;;) {
        av_mime_part *part = &self->mime->parts[self->open];

        if (!av_span_eq_str(part->type, "message") || !is_plain_encoding(part->encoding) ||
            !(av_span_eq_str(part->subtype, "rfc822") || av_span_eq_str(part->subtype, "global")))
            return;
        if (part->depth >= self->limits.depth || self->mime->count >= self->limits.parts) {
            part->opaque = true;
            return;
        }
        part->is_message = true;
        open_part(self, self->open);
    }
}

static void
on_boundary(scanner *self, uint32_t level, bool close, place end)
{
    frame *top = &self->frames[level];
    uint32_t parent = top->part;

    if (!close && self->mime->count >= self->limits.parts) {
        self->mime->parts[self->open].opaque = true; /* no room for one more: the bytes stay in the part that is open */
        return;
    }
    close_parts(self, parent, end);
    self->frame_count = close ? level : level + 1;
    if (close)
        return;
    self->mime->parts[parent].is_multipart = true;
    if (top->last_child != AV_MIME_NONE)
        self->mime->parts[top->last_child].next_sibling = self->mime->count;
    top->last_child = self->mime->count;
    if (self->mime->count + 1 == self->limits.parts) {
        self->frame_count = 0; /* the last part there may be takes all that follows */
        open_part(self, parent);
        self->frame_count = 0;
        self->mime->parts[self->open].opaque = true;
        return;
    }
    open_part(self, parent);
    open_nested(self);
}

/* A byte order mark and an mbox From_ line are kept in the bytes but are no header (docs of scan.h). */
static void
skip_prefix(scanner *self)
{
    av_span message = self->mime->message;

    if (message.n >= 3 && memcmp(message.p, "\xEF\xBB\xBF", 3) == 0)
        self->here.at = 3;
    if (message.n - self->here.at >= 5 && memcmp(message.p + self->here.at, "From ", 5) == 0)
        (void)next_line(self);
    self->mime->prefix_bytes = self->here.at;
}

void
av_mime_scan(av_span message, const av_mime_limits *limits, av_mime *ret)
{
    static const av_mime_limits defaults = AV_MIME_LIMITS_DEFAULT;
    scanner self; /* not zeroed: the stacks are large */

    ret->message = message;
    ret->count = ret->param_count = 0;
    av_mime_pool_clear(&ret->pool);
    self.mime = ret;
    self.limits = limits != NULL ? *limits : defaults;
    self.limits.parts = AV_MAX(self.limits.parts, 1U);
    self.limits.depth = AV_MIN(self.limits.depth, (uint32_t)AV_MIME_DEPTH_MAX);
    self.here = self.before_end = (place){ 0, 0, 0 };
    self.line = (av_span){ NULL, 0 };
    self.frame_count = 0;
    skip_prefix(&self);
    open_part(&self, AV_MIME_NONE);
    open_nested(&self);
    for (place end = self.before_end; self.frame_count > 0 && next_line(&self); end = self.before_end) {
        bool close = false;
        int level = match_boundary(&self, self.line, &close);

        if (level >= 0)
            on_boundary(&self, (uint32_t)level, close, end);
    }
    take_rest(&self);
    close_parts(&self, AV_MIME_NONE, self.here);
    ret->crlf_bytes = message.n + self.here.bare;
}

av_span
av_mime_header(const av_mime *self, uint32_t i)
{
    return av_span_slice(self->message, self->parts[i].header_at, self->parts[i].header_end);
}

av_span
av_mime_body(const av_mime *self, uint32_t i)
{
    return av_span_slice(self->message, self->parts[i].body_at, self->parts[i].body_end);
}

bool
av_mime_is(const av_mime *self, uint32_t i, const char *type, const char *subtype)
{
    return av_span_eq_str(self->parts[i].type, type) &&
           (subtype == NULL || av_span_eq_str(self->parts[i].subtype, subtype));
}
