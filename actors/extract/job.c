/*
 * job.c - see job.h
 */
#include "actors/extract/job.h"

#include <errno.h>
#include <unistd.h>

#include "actors/extract/readers.h"
#include "base/unicode.h"
#include "storage/mime/charset.h"

#define FLUSH_BYTES (256 * 1024)

void
av_job_init(av_job *self, size_t text_bytes, uint64_t unpacked_bytes, uint32_t depth, int out_fd)
{
    *self =
        (av_job){ .out_fd = out_fd, .unpacked_left = unpacked_bytes, .depth_left = depth, .items_left = AV_JOB_ITEMS };
    av_buf_init(&self->out, text_bytes);
}

void
av_job_release(av_job *self)
{
    av_buf_release(&self->out);
}

void
av_job_flush(av_job *self)
{
    size_t at = 0;
    bool full = self->out.full;

    if (self->out_fd < 0)
        return;
    while (at < self->out.n) {
        ssize_t n = write(self->out_fd, self->out.p + at, self->out.n - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* the file-size limit, which is above the text's: nobody can be told but by what is missing */
        at += (size_t)n;
    }
    self->out.max -= self->out.n;
    av_buf_clear(&self->out);
    self->out.full = full || self->out.max == 0;
}

static bool
put(av_job *self, bool done)
{
    if (self->out.n >= FLUSH_BYTES)
        av_job_flush(self);
    return done && !self->out.full;
}

bool
av_job_charset(av_job *self, const char *charset, av_span text)
{
    return put(self, av_charset_to_utf8(av_span_str(charset), text, &self->out));
}

bool
av_job_utf8(av_job *self, av_span text)
{
    return av_job_charset(self, "utf-8", text);
}

bool
av_job_char(av_job *self, uint32_t c)
{
    if (c == 0 || c == 0xFFFE || c == 0xFFFF || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return !self->out.full;
    if (c == '\r')
        c = '\n';
    if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0))
        c = ' ';
    return put(self, av_utf8_put(&self->out, c));
}

static bool
utf16(av_job *self, av_span text, unsigned low)
{
    uint32_t high = 0; /* a first half that waits for its second */

    for (size_t i = 0; i + 1 < text.n; i += 2) {
        uint32_t c = (uint32_t)text.p[i + low] | (uint32_t)text.p[i + 1 - low] << 8;

        if (c >= 0xD800 && c <= 0xDBFF) {
            high = c;
            continue;
        }
        if (c >= 0xDC00 && c <= 0xDFFF && high != 0)
            c = 0x10000 + ((high - 0xD800) << 10) + (c - 0xDC00);
        high = 0;
        if (!av_job_char(self, c))
            return false;
    }
    return true;
}

bool
av_job_utf16le(av_job *self, av_span text)
{
    return utf16(self, text, 0);
}

bool
av_job_utf16be(av_job *self, av_span text)
{
    return utf16(self, text, 1);
}

bool
av_job_line(av_job *self)
{
    if (self->out.n == 0 || self->out.p[self->out.n - 1] == '\n')
        return !self->out.full;
    return av_job_char(self, '\n');
}

av_errc
av_job_unpacked(av_job *self, uint64_t n, av_error *err)
{
    if (n > self->unpacked_left) {
        self->unpacked_left = 0;
        return av_error_set(err, AV_ERR_LIMIT, "unpacks to more than the limit (attachment_unpacked_mb)");
    }
    self->unpacked_left -= n;
    return AV_OK;
}

av_errc
av_job_done(const av_job *self, av_error *err)
{
    if (self->out.full)
        return av_error_set(err, AV_ERR_LIMIT, "has more text than the limit (attachment_text_mb)");
    return AV_OK;
}

bool
av_job_nested(av_job *self, av_span name, av_span type, av_span bytes)
{
    char extension[AV_EXTENSION_MAX + 1];
    av_error err = { .code = AV_OK };
    av_kind kind;
    av_errc rc;

    av_kind_extension(name, extension);
    kind = av_kind_of_bytes(bytes);
    if (kind != AV_KIND_NONE || av_kind_of_extension(extension) != AV_KIND_NONE || extension[0] == '\0')
        kind = av_kind_of(extension, type, bytes); /* else it is a program, a picture: not even text */
    if (!av_job_line(self) || !av_job_charset(self, "", name) || !av_job_line(self))
        return false;
    if (kind == AV_KIND_NONE || bytes.n == 0)
        return true;
    if (self->depth_left == 0 || self->items_left == 0) {
        rc = av_error_set(&err, AV_ERR_LIMIT, "documents inside documents beyond the limit (attachment_depth)");
    } else {
        self->depth_left--;
        self->items_left--;
        rc = av_job_read(self, kind, bytes, &err);
        self->depth_left++;
    }
    av_job_flush(self);
    if (rc != AV_OK && rc != AV_ERR_UNSUPPORTED && self->inner.code == AV_OK) {
        self->inner = err;
        (void)av_error_prefix(
            &self->inner, "inside it, \"%.*s\"", (int)AV_MIN(name.n, (size_t)60), (const char *)name.p);
    }
    return !self->out.full && self->items_left > 0 && self->unpacked_left > 0;
}
