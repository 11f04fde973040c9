/*
 * extractor.c - see extractor.h
 */
#include "storage/extract/extractor.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/unicode.h"
#include "storage/extract/helper.h"

struct av_extractor {
    char *program;
    av_extensions extensions;
    av_extract_limits limits;
    bool skip_pdf_files;
    av_helper helper;
    bool told; /* that the helper program cannot be started: logged once until it can */
    av_extractor_stats stats;
};

av_extractor *
av_extractor_new(const char *program, const av_extensions *extensions, const av_extract_limits *limits)
{
    av_extractor *self = av_xcalloc(1, sizeof *self);

    self->program = program == NULL ? NULL : av_xstrdup(program);
    self->extensions = *extensions;
    self->limits = *limits;
    self->helper = AV_HELPER_NONE;
    return self;
}

void
av_extractor_set_pdf_files(av_extractor *self, bool wanted)
{
    self->skip_pdf_files = !wanted;
}

void
av_extractor_destroy(av_extractor **self)
{
    if (self == NULL || *self == NULL)
        return;
    av_helper_stop(&(*self)->helper);
    free((*self)->program);
    free(*self);
    *self = NULL;
}

void
av_extractor_trim(av_extractor *self)
{
    av_helper_stop(&self->helper);
}

void
av_extractor_get_stats(const av_extractor *self, av_extractor_stats *ret)
{
    *ret = self->stats;
}

/* What the helper wrote, checked: the longest valid UTF-8 beginning without NUL that fits out. */
static av_errc
take_text(const av_extractor *self, int fd, av_buf *out, uint64_t *ret_bytes, av_error *err)
{
    uint64_t size = 0, most = self->limits.text_mb << 20;
    size_t room = out->full ? 0 : out->max - out->n, keep;
    uint8_t *to;
    av_errc rc = av_file_size(fd, &size, err);

    *ret_bytes = 0;
    if (rc != AV_OK || size == 0)
        return rc;
    keep = (size_t)AV_MIN(AV_MIN(size, most), (uint64_t)room);
    to = keep == 0 ? NULL : av_buf_reserve(out, keep);
    if (to == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "has more text than there is room for");
    rc = av_file_read_at(fd, to, keep, 0, err);
    if (rc != AV_OK)
        return rc;
    for (av_span left = av_span_of(to, keep); left.n > 0;) { /* cut inside a character, or where the helper lied */
        av_span before = left;
        uint32_t c = av_utf8_next(&left);

        if (c == 0 || (c == 0xFFFD && before.n - left.n == 1)) {
            *ret_bytes = (uint64_t)(before.p - to);
            out->n += (size_t)*ret_bytes;
            return size > keep || before.n < 4 ? av_error_set(err, AV_ERR_LIMIT, "has more text than there is room for")
                                               : av_error_set(err, AV_ERR_CORRUPT, "gave text that is no UTF-8");
        }
    }
    out->n += keep;
    *ret_bytes = keep;
    return size > keep ? av_error_set(err, AV_ERR_LIMIT, "has more text than there is room for") : AV_OK;
}

/* Only what may stand in a log line: the sentence came through a process that read a stranger's document. */
static void
clean(char *message)
{
    for (; *message != '\0'; message++)
        if ((uint8_t)*message < 0x20 || (uint8_t)*message >= 0x7F)
            *message = '?';
}

static av_errc
ask(av_extractor *self, const av_extract_request *request, int in_fd, int out_fd, av_extract_answer *ret, av_error *err)
{
    av_errc rc = AV_OK;

    for (int tries = 0; tries < 2; tries++) {
        if (tries > 0 && (ftruncate(out_fd, 0) != 0 || lseek(out_fd, 0, SEEK_SET) != 0)) /* what the dead one wrote */
            return av_error_errno(err, "a memory file for the text");
        if (self->helper.pid == 0)
            rc = av_helper_start(&self->helper, self->program, err);
        if (rc == AV_OK)
            rc = av_helper_ask(&self->helper, request, in_fd, out_fd, ret, err);
        if (rc == AV_OK) {
            self->told = false;
            clean(ret->message);
            return AV_OK;
        }
        av_helper_stop(&self->helper);
        if (rc != AV_ERR_UNAVAILABLE)
            break;
        rc = AV_OK;
    }
    if (err->code == AV_ERR_UNAVAILABLE && !self->told)
        AV_LOG(AV_LOG_ERROR, "extract.no_helper", AV_ERRF(err));
    self->told = self->told || err->code == AV_ERR_UNAVAILABLE;
    return err->code;
}

static void
count(av_extractor *self, av_errc rc, uint64_t text_bytes, const av_extract_answer *answer)
{
    av_extractor_stats *stats = &self->stats;

    if (rc == AV_OK)
        stats->read++;
    else if (rc == AV_ERR_UNSUPPORTED)
        stats->unsupported++;
    else if (text_bytes > 0)
        stats->partly++;
    else
        stats->unreadable++;
    stats->text_bytes += text_bytes;
    stats->cpu_us += answer->cpu_us;
    stats->peak_bytes = AV_MAX(stats->peak_bytes, answer->peak_bytes);
    stats->helper_died += answer->died != 0;
}

static av_errc
read_text(av_extractor *self, const av_extract_request *request, av_span bytes, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_fd_close) int in_fd = -1;
    AV_CLEANUP(av_fd_close) int out_fd = memfd_create("text", MFD_CLOEXEC);
    av_extract_answer answer = { 0 };
    av_error text_err;
    uint64_t text_bytes = 0;
    av_errc rc, text_rc;

    if (out_fd < 0)
        return av_error_errno(err, "a memory file for the text");
    rc = av_helper_input(bytes, &in_fd, err);
    if (rc == AV_OK)
        rc = ask(self, request, in_fd, out_fd, &answer, err);
    if (rc != AV_OK)
        return rc;
    text_rc = take_text(self, out_fd, out, &text_bytes, &text_err);
    if (answer.code != AV_OK)
        rc = av_error_set(
            err, answer.code < AV_ERRC_COUNT ? (av_errc)answer.code : AV_ERR_CORRUPT, "%s", answer.message);
    else if (text_rc != AV_OK)
        rc = av_error_set(err, text_rc, "%s", text_err.msg);
    count(self, rc, text_bytes, &answer);
    return rc;
}

av_errc
av_extractor_text(av_extractor *self, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err)
{
    const av_extract_limits *limits = &self->limits;
    av_extract_request request = { .magic = AV_EXTRACT_MAGIC,
        .input_bytes = bytes.n,
        .text_bytes = limits->text_mb << 20,
        .unpacked_bytes = limits->unpacked_mb << 20,
        .memory_bytes = limits->memory_mb << 20,
        .cpu_s = (uint32_t)limits->cpu_s,
        .wall_s = (uint32_t)limits->wall_s,
        .depth = (uint32_t)limits->depth,
        .skip_pdf_files = self->skip_pdf_files };
    av_kind kind;

    if (!av_extensions_want(&self->extensions, name, type, bytes, &kind)) {
        self->stats.unsupported++;
        return av_error_set(err, AV_ERR_UNSUPPORTED, "is not of a kind that is indexed");
    }
    if (bytes.n > limits->input_mb << 20) {
        self->stats.unreadable++;
        return av_error_set(
            err, AV_ERR_LIMIT, "is larger than %llu MB (attachment_input_mb)", (unsigned long long)limits->input_mb);
    }
    if (bytes.n == 0)
        return AV_OK;
    request.kind = (uint32_t)kind;
    self->stats.input_bytes += bytes.n;
    return read_text(self, &request, bytes, out, err);
}

av_errc
av_extractor_attachment(void *self, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err)
{
    return av_extractor_text(self, name, type, bytes, out, err);
}
