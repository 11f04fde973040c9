/*
 * sheets.c - the cells of an Office Open XML spreadsheet (ECMA-376, part 1, 18)
 *
 * A cell's string mostly stands in xl/sharedStrings.xml, once for all cells that have it; read first, it is put
 * where each cell stands. Numbers and dates are put as they are stored; formulas are not, their last results are.
 */
#include "actors/extract/package.h"

#define STRINGS_BYTES ((size_t)64 << 20)

typedef enum cell_type { CELL_NUMBER, CELL_SHARED, CELL_TEXT } cell_type;

typedef struct sheets {
    av_job *job;
    av_buf strings; /* all shared strings, one behind the other */
    av_buf ends;    /* uint32_t: where each ends */
    av_buf value;   /* of the cell at hand */
    cell_type type;
    bool in_value, in_shared, phonetic, in_header;
} sheets;

static void
on_shared_start(void *ctx, const char *name, const char **attributes)
{
    sheets *self = ctx;

    (void)attributes;
    if (strcmp(name, "t") == 0)
        self->in_shared = true;
    else if (strcmp(name, "rPh") == 0)
        self->phonetic = true;
}

static void
on_shared_end(void *ctx, const char *name)
{
    sheets *self = ctx;

    if (strcmp(name, "t") == 0)
        self->in_shared = false;
    else if (strcmp(name, "rPh") == 0)
        self->phonetic = false;
    else if (strcmp(name, "si") == 0)
        (void)av_buf_put_u32(&self->ends, (uint32_t)self->strings.n);
}

static void
on_shared_data(void *ctx, av_span text)
{
    sheets *self = ctx;

    if (self->in_shared && !self->phonetic)
        (void)av_buf_append_span(&self->strings, text);
}

static void
on_cell_start(void *ctx, const char *name, const char **attributes)
{
    sheets *self = ctx;

    if (strcmp(name, "c") == 0) {
        const char *type = av_xml_attribute(attributes, "t");

        self->type = type == NULL || strcmp(type, "n") == 0 ? CELL_NUMBER
                     : strcmp(type, "s") == 0               ? CELL_SHARED
                                                            : CELL_TEXT;
        av_buf_clear(&self->value);
    } else if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
        self->in_value = true;
    } else if (strcmp(name, "oddHeader") == 0 || strcmp(name, "oddFooter") == 0) {
        self->in_header = true;
        av_buf_clear(&self->value);
    }
}

/* Number `at` of the shared strings; empty: there is none. */
static av_span
shared_string(const sheets *self, av_span at)
{
    av_span ends = av_buf_span(&self->ends);
    uint64_t i;
    uint32_t from = 0, to;

    if (!av_span_u64(at, UINT32_MAX, &i) || i >= ends.n / 4)
        return (av_span){ 0 };
    if (i > 0) {
        av_span before = av_span_skip(ends, (size_t)(i - 1) * 4);

        (void)av_span_get_u32(&before, &from);
    }
    ends = av_span_skip(ends, (size_t)i * 4);
    (void)av_span_get_u32(&ends, &to);
    return av_span_slice(av_buf_span(&self->strings), from, to);
}

static void
on_cell_end(void *ctx, const char *name)
{
    sheets *self = ctx;

    if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
        self->in_value = false;
    } else if (strcmp(name, "c") == 0 && self->value.n > 0) {
        av_span value = av_buf_span(&self->value);

        (void)av_job_utf8(self->job, self->type == CELL_SHARED ? shared_string(self, av_span_trim(value)) : value);
        (void)av_job_char(self->job, '\t');
    } else if (strcmp(name, "row") == 0) {
        (void)av_job_line(self->job);
    } else if (strcmp(name, "oddHeader") == 0 || strcmp(name, "oddFooter") == 0) {
        self->in_header = false;
        av_package_sheet_header(self->job, av_buf_span(&self->value));
    }
}

static void
on_cell_data(void *ctx, av_span text)
{
    sheets *self = ctx;

    if (self->in_value || self->in_header)
        (void)av_buf_append_span(&self->value, text);
}

static void
on_sheet_start(void *ctx, const char *name, const char **attributes)
{
    sheets *self = ctx;
    const char *title = strcmp(name, "sheet") == 0 ? av_xml_attribute(attributes, "name") : NULL;

    if (title == NULL)
        return;
    (void)av_job_utf8(self->job, av_span_str(title));
    (void)av_job_line(self->job);
}

static av_errc
read_part(sheets *self, const av_zip *zip, const av_zip_entry *entry, const av_xml_handler *handler, av_error *err)
{
    AV_CLEANUP(av_xml_destroy) av_xml *xml = av_xml_new_handler(self->job, handler, self);
    av_errc rc = av_zip_read(zip, entry, self->job, av_xml_feed, xml, err);

    return rc != AV_OK ? rc : av_xml_finish(xml, err);
}

static av_errc
read_all(sheets *self, const av_zip *zip, const av_zip_entry **parts, av_error *err)
{
    static const av_xml_handler shared = { on_shared_start, on_shared_end, on_shared_data };
    static const av_xml_handler cells = { on_cell_start, on_cell_end, on_cell_data };
    static const av_xml_handler titles = { on_sheet_start, NULL, NULL };
    static const char *const folders[] = { "xl/worksheets/", "xl/chartsheets/", "xl/macrosheets/", "xl/dialogsheets/" };
    const av_zip_entry *entry = av_zip_find(zip, "xl/sharedStrings.xml");
    av_errc rc = AV_OK, now;
    av_error now_err;

    if (entry != NULL)
        rc = read_part(self, zip, entry, &shared, err);
    if (self->strings.full || self->ends.full)
        rc = av_error_set(err, AV_ERR_LIMIT, "has more than %zu MB of text in its cells", STRINGS_BYTES >> 20);
    entry = av_zip_find(zip, "xl/workbook.xml");
    if (entry != NULL && (now = read_part(self, zip, entry, &titles, &now_err)) != AV_OK && rc == AV_OK) {
        *err = now_err;
        rc = now;
    }
    for (size_t folder = 0; folder < AV_COUNT(folders); folder++) {
        size_t n = av_package_parts(zip, folders[folder], ".xml", parts);

        for (size_t i = 0; i < n && !self->job->out.full; i++) {
            now = read_part(self, zip, parts[i], &cells, &now_err);
            (void)av_job_line(self->job);
            av_job_flush(self->job);
            if (now != AV_OK && rc == AV_OK) {
                *err = now_err;
                rc = now;
            }
        }
    }
    return rc;
}

void
av_package_sheet_header(av_job *job, av_span s)
{
    (void)av_job_line(job);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '&' || i + 1 == s.n) {
            size_t n = av_span_find(av_span_skip(s, i), '&');

            (void)av_job_utf8(job, av_span_slice(s, i, i + AV_MAX(n, (size_t)1)));
            i += AV_MAX(n, (size_t)1) - 1;
            continue;
        }
        i++;
        if (s.p[i] == '"') /* a font's name */
            i += 1 + av_span_find(av_span_skip(s, i + 1), '"');
        while (i + 1 < s.n && s.p[i] >= '0' && s.p[i] <= '9' && s.p[i + 1] >= '0' && s.p[i + 1] <= '9')
            i++;
        (void)av_job_char(job, ' ');
    }
    (void)av_job_line(job);
}

av_errc
av_package_sheets(av_job *job, const av_zip *zip, av_error *err)
{
    const av_zip_entry **parts = av_xalloc(AV_PACKAGE_PARTS * sizeof *parts);
    sheets self = { .job = job };
    av_errc rc;

    av_buf_init(&self.strings, STRINGS_BYTES);
    av_buf_init(&self.ends, STRINGS_BYTES);
    av_buf_init(&self.value, 64 * 1024);
    rc = read_all(&self, zip, parts, err);
    av_buf_release(&self.strings);
    av_buf_release(&self.ends);
    av_buf_release(&self.value);
    free(parts);
    return rc;
}
