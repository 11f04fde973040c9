/*
 * package.c - see package.h; ZIP files
 *
 * Parts are taken by their usual names, not by following relations: a package that points elsewhere, or whose
 * relations are broken, gives its text all the same.
 */
#include "actors/extract/package.h"

#include "actors/extract/readers.h"

/* ECMA-376: paragraphs and runs of WordprocessingML and DrawingML have the same local names. */
static const av_xml_rule office_rules[] = { { "t", AV_XML_TEXT }, { "p", AV_XML_LINE }, { "tab", AV_XML_TAB },
    { "br", AV_XML_LINE }, { "cr", AV_XML_LINE }, { "tc", AV_XML_TAB }, { "instrText", AV_XML_TEXT | AV_XML_SPACE },
    { "text", AV_XML_TEXT | AV_XML_LINE }, { "Fallback", AV_XML_SKIP }, { "oddHeader", AV_XML_TEXT | AV_XML_LINE },
    { "oddFooter", AV_XML_TEXT | AV_XML_LINE }, { "si", AV_XML_LINE }, { "rPh", AV_XML_SKIP },
    { "v", AV_XML_TEXT | AV_XML_SPACE }, { "chart", AV_XML_LINE }, { NULL, 0 } };
static const av_xml_rule property_rules[] = { { "title", AV_XML_TEXT | AV_XML_LINE },
    { "subject", AV_XML_TEXT | AV_XML_LINE }, { "creator", AV_XML_TEXT | AV_XML_LINE },
    { "initial-creator", AV_XML_TEXT | AV_XML_LINE }, { "keywords", AV_XML_TEXT | AV_XML_LINE },
    { "keyword", AV_XML_TEXT | AV_XML_LINE }, { "description", AV_XML_TEXT | AV_XML_LINE },
    { "user-defined", AV_XML_TEXT | AV_XML_LINE }, { "lpwstr", AV_XML_TEXT | AV_XML_LINE },
    { "Company", AV_XML_TEXT | AV_XML_LINE }, { NULL, 0 } };
/* OpenDocument 1.3, 5 and 6: text stands in paragraphs and headings alone. */
static const av_xml_rule odf_rules[] = { { "p", AV_XML_TEXT | AV_XML_LINE }, { "h", AV_XML_TEXT | AV_XML_LINE },
    { "tab", AV_XML_TAB }, { "s", AV_XML_SPACE }, { "line-break", AV_XML_LINE }, { "table-cell", AV_XML_TAB },
    { "table-row", AV_XML_LINE }, { "tracked-changes", AV_XML_SKIP },
    { "title", AV_XML_TEXT | AV_XML_LINE | AV_XML_APART }, { "desc", AV_XML_TEXT | AV_XML_LINE | AV_XML_APART },
    { "annotation", AV_XML_APART }, { "creator", AV_XML_TEXT | AV_XML_LINE }, { "binary-data", AV_XML_SKIP },
    { NULL, 0 } };

/* What of each sort of package is read, in this order. */
static const struct part_row {
    const char *prefix, *suffix;
} office_parts[] = { { "word/document", ".xml" }, { "word/header", ".xml" }, { "word/footer", ".xml" },
    { "word/footnotes", ".xml" }, { "word/endnotes", ".xml" }, { "word/comments", ".xml" },
    { "word/charts/chart", ".xml" }, { "word/diagrams/data", ".xml" }, { "word/glossary/document", ".xml" },
    { "ppt/slides/slide", ".xml" }, { "ppt/notesslides/notesslide", ".xml" }, { "ppt/comments/", ".xml" },
    { "ppt/slidemasters/slidemaster", ".xml" }, { "ppt/charts/chart", ".xml" }, { "ppt/diagrams/data", ".xml" },
    { "xl/comments", ".xml" }, { "xl/threadedcomments/", ".xml" }, { "xl/drawings/drawing", ".xml" },
    { "xl/charts/chart", ".xml" }, { "xl/diagrams/data", ".xml" } };
static const char *const embedded[] = { "word/embeddings/", "ppt/embeddings/", "xl/embeddings/" };

/* The number in a name, so that slide10 comes behind slide9; 0: none. */
static uint32_t
number_in(av_span name)
{
    uint32_t value = 0;

    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] >= '0' && name.p[i] <= '9' && value < 100000)
            value = value * 10 + (uint32_t)(name.p[i] - '0');
    return value;
}

static bool
matches(av_span name, const char *prefix, const char *suffix)
{
    size_t before = strlen(prefix), after = strlen(suffix);

    if (name.n > 0 && name.p[0] == '/')
        name = av_span_skip(name, 1);
    return name.n >= before + after && av_zip_name_is(av_span_slice(name, 0, before), prefix) &&
           av_zip_name_is(av_span_slice(name, name.n - after, name.n), suffix);
}

static int
by_number(const void *a, const void *b)
{
    const av_zip_entry *x = *(const av_zip_entry *const *)a, *y = *(const av_zip_entry *const *)b;
    uint32_t m = number_in(x->name), n = number_in(y->name);

    return m != n ? (m < n ? -1 : 1) : (x < y ? -1 : x > y);
}

size_t
av_package_parts(const av_zip *zip, const char *prefix, const char *suffix, const av_zip_entry *ret[AV_PACKAGE_PARTS])
{
    size_t n = 0;

    for (size_t i = 0; i < zip->count && n < AV_PACKAGE_PARTS; i++)
        if (matches(zip->entries[i].name, prefix, suffix))
            ret[n++] = &zip->entries[i];
    qsort(ret, n, sizeof ret[0], by_number);
    return n;
}

/* The first of two errors, so that a broken part does not hide that an earlier one was broken, too. */
static av_errc
first_of(av_errc before, av_errc now, const av_error *what, av_error *err)
{
    if (before != AV_OK || now == AV_OK)
        return before;
    *err = *what;
    return now;
}

av_errc
av_package_xml(av_job *job, const av_zip *zip, const av_zip_entry *entry, const av_xml_rule *rules, bool all_text,
    av_errc rc, av_error *err)
{
    AV_CLEANUP(av_xml_destroy) av_xml *xml = av_xml_new(job, rules, all_text);
    av_error now_err = { .code = AV_OK };
    av_errc now = av_zip_read(zip, entry, job, av_xml_feed, xml, &now_err);

    if (now == AV_OK)
        now = av_xml_finish(xml, &now_err);
    (void)av_job_line(job);
    return first_of(rc, now, &now_err, err);
}

av_errc
av_package_nested(av_job *job, const av_zip *zip, const av_zip_entry *entry, av_errc rc, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    av_error now_err = { .code = AV_OK };
    av_errc now;

    av_buf_init(&bytes, (size_t)AV_MIN(job->unpacked_left, (uint64_t)SIZE_MAX / 2));
    now = av_zip_read(zip, entry, job, av_sink_buf, &bytes, &now_err);
    if (bytes.full)
        now = av_error_set(&now_err, AV_ERR_LIMIT, "unpacks to more than there is memory for (attachment_memory_mb)");
    if (now != AV_OK)
        av_buf_clear(&bytes); /* its name is said all the same */
    (void)av_job_nested(job, entry->name, (av_span){ 0 }, av_buf_span(&bytes));
    return first_of(rc, now, &now_err, err);
}

static av_errc
read_properties(av_job *job, const av_zip *zip, av_errc rc, av_error *err)
{
    static const char *const names[] = { "docProps/core.xml", "docProps/custom.xml", "docProps/app.xml", "meta.xml" };

    for (size_t i = 0; i < AV_COUNT(names); i++) {
        const av_zip_entry *entry = av_zip_find(zip, names[i]);

        if (entry != NULL)
            rc = av_package_xml(job, zip, entry, property_rules, false, rc, err);
    }
    return rc;
}

av_errc
av_package_ooxml(av_job *job, const av_zip *zip, av_error *err)
{
    const av_zip_entry **parts = av_xalloc(AV_PACKAGE_PARTS * sizeof *parts);
    av_errc rc = av_package_sheets(job, zip, err);

    for (size_t row = 0; row < AV_COUNT(office_parts); row++) {
        size_t n = av_package_parts(zip, office_parts[row].prefix, office_parts[row].suffix, parts);

        for (size_t i = 0; i < n && !job->out.full; i++) {
            rc = av_package_xml(job, zip, parts[i], office_rules, false, rc, err);
            av_job_flush(job);
        }
    }
    rc = read_properties(job, zip, rc, err);
    for (size_t row = 0; row < AV_COUNT(embedded); row++) {
        size_t n = av_package_parts(zip, embedded[row], "", parts);

        for (size_t i = 0; i < n && !job->out.full; i++)
            rc = av_package_nested(job, zip, parts[i], rc, err);
    }
    free(parts);
    return rc != AV_OK ? rc : av_job_done(job, err);
}

av_errc
av_package_odf(av_job *job, const av_zip *zip, av_error *err)
{
    static const char *const names[] = { "content.xml", "styles.xml" };
    const av_zip_entry *manifest = av_zip_find(zip, "META-INF/manifest.xml");
    av_errc rc = AV_OK;

    if (manifest != NULL) { /* OpenDocument 1.3, part 2, 4: an encrypted file says so there, and has garbage inside */
        AV_CLEANUP(av_buf_release) av_buf text = { 0 };

        av_buf_init(&text, 1 << 20);
        if (av_zip_read(zip, manifest, job, av_sink_buf, &text, err) == AV_OK && text.n > 0 &&
            memmem(text.p, text.n, "encryption-data", 15) != NULL)
            return av_error_set(err, AV_ERR_CORRUPT, "is encrypted");
    }
    for (size_t i = 0; i < AV_COUNT(names); i++) {
        const av_zip_entry *entry = av_zip_find(zip, names[i]);

        if (entry != NULL)
            rc = av_package_xml(job, zip, entry, odf_rules, false, rc, err);
        av_job_flush(job);
    }
    for (size_t i = 0; i < zip->count && !job->out.full; i++) /* charts, formulas and tables as objects of their own */
        if (matches(zip->entries[i].name, "object", "/content.xml"))
            rc = av_package_xml(job, zip, &zip->entries[i], odf_rules, false, rc, err);
    rc = read_properties(job, zip, rc, err);
    return rc != AV_OK ? rc : av_job_done(job, err);
}

av_errc
av_package_epub(av_job *job, const av_zip *zip, av_error *err)
{
    av_errc rc = AV_OK;

    for (size_t i = 0; i < zip->count && !job->out.full; i++) {
        char extension[AV_EXTENSION_MAX + 1];

        av_kind_extension(zip->entries[i].name, extension);
        if (av_kind_of_extension(extension) == AV_KIND_HTML)
            rc = av_package_nested(job, zip, &zip->entries[i], rc, err);
        else if (strcmp(extension, "opf") == 0)
            rc = av_package_xml(job, zip, &zip->entries[i], property_rules, false, rc, err);
    }
    return rc != AV_OK ? rc : av_job_done(job, err);
}

/* Not worth unpacking: of no kind that has text. */
static bool
has_no_reader(av_span name)
{
    static const char *const none[] = { "jpg", "jpeg", "png", "gif", "tif", "tiff", "bmp", "webp", "heic", "svg", "ico",
        "mp3", "mp4", "mov", "avi", "wav", "mkv", "exe", "dll", "so", "o", "class", "bin", "ttf", "woff", "woff2" };
    char extension[AV_EXTENSION_MAX + 1];

    av_kind_extension(name, extension);
    for (size_t i = 0; i < AV_COUNT(none); i++)
        if (strcmp(extension, none[i]) == 0)
            return true;
    return name.n > 0 && name.p[name.n - 1] == '/';
}

av_errc
av_package_files(av_job *job, const av_zip *zip, av_error *err)
{
    av_errc rc = AV_OK;

    for (size_t i = 0; i < zip->count && !job->out.full && job->items_left > 0; i++) {
        if (has_no_reader(zip->entries[i].name))
            (void)av_job_nested(job, zip->entries[i].name, (av_span){ 0 }, (av_span){ 0 });
        else
            rc = av_package_nested(job, zip, &zip->entries[i], rc, err);
    }
    if (rc == AV_OK && job->items_left == 0 && job->inner.code == AV_OK)
        return av_error_set(err, AV_ERR_LIMIT, "has more than %d documents inside", AV_JOB_ITEMS);
    return rc != AV_OK ? rc : av_job_done(job, err);
}

/* What the package is, by the parts that only such a one has. */
static av_errc
read_package(av_job *job, const av_zip *zip, av_error *err)
{
    const av_zip_entry *type;

    if (av_zip_find(zip, "[Content_Types].xml") != NULL && av_zip_find(zip, "_rels/.rels") != NULL)
        for (size_t i = 0; i < zip->count; i++)
            if (matches(zip->entries[i].name, "word/", "") || matches(zip->entries[i].name, "xl/", "") ||
                matches(zip->entries[i].name, "ppt/", ""))
                return av_package_ooxml(job, zip, err);
    if (av_zip_find(zip, "META-INF/container.xml") != NULL && av_zip_find(zip, "content.xml") == NULL)
        return av_package_epub(job, zip, err);
    type = av_zip_find(zip, "mimetype");
    if (av_zip_find(zip, "content.xml") != NULL && (type != NULL || av_zip_find(zip, "META-INF/manifest.xml") != NULL))
        return av_package_odf(job, zip, err);
    return av_package_files(job, zip, err);
}

av_errc
av_read_zip(av_job *job, av_span bytes, av_error *err)
{
    AV_CLEANUP(av_zip_release) av_zip zip = { 0 };
    av_errc rc = av_zip_open(bytes, &zip, err);

    if (rc == AV_OK)
        rc = read_package(job, &zip, err);
    if (rc == AV_OK && zip.cut)
        return av_error_set(err, AV_ERR_LIMIT, "has more than %d files", AV_ZIP_ENTRIES_MAX);
    return rc;
}
