/*
 * xls.c - text of Excel workbooks, 5.0 to 2003 ([MS-XLS]; BIFF5 and BIFF8)
 *
 * Cells in their order, strings of the shared table where they stand, numbers as stored, results of formulas;
 * names of sheets, headers, text boxes and comments, texts of charts.
 */
#include "actors/extract/ole.h"

#include <stdio.h>

#include "actors/extract/package.h"
#include "actors/extract/xls_priv.h"

#define SHARED_BYTES ((size_t)64 << 20)

enum {
    FORMULA = 0x0006,
    HEADER = 0x0014,
    FOOTER = 0x0015,
    NOTE = 0x001C,
    FILE_PASS = 0x002F,
    CODE_PAGE = 0x0042,
    BOUND_SHEET = 0x0085,
    MUL_RK = 0x00BD,
    RICH_STRING = 0x00D6,
    SHARED_TABLE = 0x00FC,
    LABEL_SHARED = 0x00FD,
    TEXT_BOX = 0x01B6,
    NUMBER = 0x0203,
    LABEL = 0x0204,
    STRING = 0x0207,
    RK = 0x027E,
    BOF = 0x0809,
    SERIES_TEXT = 0x100D
};

/* A string by itself: a line, or a header with its codes. */
static void
put_string(xls_reader *self, uint32_t count, bool header)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, 256 * 1024);
    (void)xls_take_string(self, count, &text);
    if (header)
        av_package_sheet_header(self->job, av_buf_span(&text));
    else
        (void)av_job_utf8(self->job, av_buf_span(&text));
}

static void
put_number(av_job *job, double value)
{
    char text[40];

    (void)snprintf(text, sizeof text, "%.15g", value);
    (void)av_job_utf8(job, av_span_str(text));
}

/* 2.5.217: 30 bits of an integer or of the upper half of a double, perhaps a hundredth of it. */
static void
put_rk(av_job *job, uint32_t rk)
{
    uint64_t bits = (uint64_t)(rk & ~3U) << 32;
    double value;

    if ((rk & 2) != 0)
        value = (double)((int32_t)rk >> 2);
    else
        memcpy(&value, &bits, sizeof value);
    put_number(job, (rk & 1) != 0 ? value / 100 : value);
}

static void
put_double(xls_reader *self)
{
    uint64_t bits;
    double value;

    if (!av_span_get_u64(&self->body, &bits) || bits >> 48 == 0xFFFF) /* a formula's string follows in a record */
        return;
    memcpy(&value, &bits, sizeof value);
    put_number(self->job, value);
}

/* Row, column and format of a cell. */
static bool
begin_cell(xls_reader *self)
{
    uint16_t row, column, format;

    if (!av_span_get_u16(&self->body, &row) || !av_span_get_u16(&self->body, &column) ||
        !av_span_get_u16(&self->body, &format))
        return false;
    (void)(row != self->row ? av_job_line(self->job) : av_job_char(self->job, '\t'));
    self->row = row;
    return true;
}

static void
read_cell(xls_reader *self, uint16_t type)
{
    uint32_t value;
    uint16_t n;

    if (!begin_cell(self))
        return;
    switch (type) {
    case LABEL_SHARED:
        if (av_span_get_u32(&self->body, &value))
            xls_put_shared(self, value);
        break;
    case LABEL:
    case RICH_STRING:
        if (av_span_get_u16(&self->body, &n))
            put_string(self, n, false);
        break;
    case RK:
        if (av_span_get_u32(&self->body, &value))
            put_rk(self->job, value);
        break;
    default: /* NUMBER, FORMULA */
        put_double(self);
    }
}

/* 2.4.175: row, first column, (format, number)..., last column. */
static void
read_many(xls_reader *self)
{
    uint16_t row, column, format;
    uint32_t rk;

    if (!av_span_get_u16(&self->body, &row) || !av_span_get_u16(&self->body, &column))
        return;
    (void)(row != self->row ? av_job_line(self->job) : av_job_char(self->job, '\t'));
    self->row = row;
    while (self->body.n >= 8 && av_span_get_u16(&self->body, &format) && av_span_get_u32(&self->body, &rk)) {
        put_rk(self->job, rk);
        (void)av_job_char(self->job, '\t');
    }
}

/* 2.4.329: the text of a box or a comment stands in the record behind. */
static void
read_text_box(xls_reader *self)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    uint16_t count;
    uint8_t flags;

    if (self->body.n < 12)
        return;
    self->body = av_span_skip(self->body, 10);
    if (!av_span_get_u16(&self->body, &count) || count == 0 || !xls_go_on(self) || !av_span_get_u8(&self->body, &flags))
        return;
    av_buf_init(&text, 256 * 1024);
    (void)xls_take_chars(self, count, (flags & 1) != 0, &text);
    (void)av_job_line(self->job);
    (void)av_job_utf8(self->job, av_buf_span(&text));
    (void)av_job_line(self->job);
}

/* Strings whose count is one byte at a fixed place; or two, in headers of BIFF8. */
static void
read_named(xls_reader *self, uint16_t type)
{
    size_t before = type == BOUND_SHEET ? 6 : type == SERIES_TEXT ? 2 : 0;
    uint16_t n = 0;
    uint8_t short_n;

    if (self->body.n <= before)
        return;
    self->body = av_span_skip(self->body, before);
    if (self->biff8 && before == 0) {
        if (!av_span_get_u16(&self->body, &n))
            return;
    } else if (av_span_get_u8(&self->body, &short_n)) {
        n = short_n;
    }
    (void)av_job_line(self->job);
    put_string(self, n, before == 0);
    (void)av_job_line(self->job);
}

/* A comment of BIFF5: row, column, length, text. BIFF8 has them in text boxes. */
static void
read_note(xls_reader *self)
{
    if (self->biff8 || self->body.n < 6)
        return;
    self->body = av_span_skip(self->body, 6);
    (void)av_job_line(self->job);
    put_string(self, (uint32_t)self->body.n, false);
    (void)av_job_line(self->job);
}

static void
read_record(xls_reader *self, uint16_t type)
{
    uint16_t n;

    switch (type) {
    case BOF:
        if (av_span_get_u16(&self->body, &n))
            self->biff8 = n >= 0x0600;
        (void)av_job_line(self->job);
        self->row = UINT32_MAX;
        break;
    case CODE_PAGE:
        if (av_span_get_u16(&self->body, &n))
            (void)av_codepage_name(n, self->charset);
        break;
    case SHARED_TABLE:
        xls_read_shared(self);
        break;
    case LABEL_SHARED:
    case LABEL:
    case RICH_STRING:
    case RK:
    case NUMBER:
    case FORMULA:
        read_cell(self, type);
        break;
    case MUL_RK:
        read_many(self);
        break;
    case STRING:
        if (av_span_get_u16(&self->body, &n))
            put_string(self, n, false);
        break;
    case HEADER:
    case FOOTER:
    case BOUND_SHEET:
    case SERIES_TEXT:
        read_named(self, type);
        break;
    case TEXT_BOX:
        read_text_box(self);
        break;
    case NOTE:
        read_note(self);
        break;
    default:
        break;
    }
}

static av_errc
read_records(xls_reader *self, av_error *err)
{
    while (self->rest.n >= 4 && !self->job->out.full) {
        uint16_t type = 0;
        bool whole = xls_take_record(&self->rest, &type, &self->body);

        if (type == FILE_PASS)
            return av_error_set(err, AV_ERR_CORRUPT, "is encrypted");
        read_record(self, type);
        if (!whole)
            return av_error_set(err, AV_ERR_CORRUPT, "is cut short");
    }
    if (self->strings.full || self->ends.full)
        return av_error_set(err, AV_ERR_LIMIT, "has more than %zu MB of text in its cells", SHARED_BYTES >> 20);
    return av_job_done(self->job, err);
}

av_errc
av_xls_text(av_job *job, av_span book, av_error *err)
{
    xls_reader self = { .job = job, .rest = book, .biff8 = true, .row = UINT32_MAX, .charset = "windows-1252" };
    av_errc rc;

    av_buf_init(&self.strings, SHARED_BYTES);
    av_buf_init(&self.ends, SHARED_BYTES);
    rc = read_records(&self, err);
    av_buf_release(&self.strings);
    av_buf_release(&self.ends);
    return rc;
}
