/*
 * test_kind.c - kinds by name, type and bytes; the list of extensions
 */
#include "storage/extract/extensions.h"
#include "tests/check.h"

#define PDF "%PDF-1.4\n"
#define ZIP "PK\3\4........"
#define OLE "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1...."

static void
test_kind(void)
{
    static const struct row {
        const char *name, *type, *bytes;
        av_kind want;
    } rows[] = {
        { "a.pdf", "", PDF, AV_KIND_PDF },
        { "a.doc", "", PDF, AV_KIND_PDF }, /* the bytes win */
        { "a.doc", "", "{\\rtf1 x}", AV_KIND_RTF },
        { "a.doc", "", "  <html>", AV_KIND_HTML },
        { "a.doc", "", "\xEF\xBB\xBF<!DOCTYPE HTML>", AV_KIND_HTML },
        { "a.doc", "", OLE, AV_KIND_OLE },
        { "a.doc", "", ZIP, AV_KIND_ZIP },
        { "a.xhtml", "", "<?xml version='1.0'?>", AV_KIND_HTML },
        { "a.txt", "", "how a file begins: %PDF-1.4", AV_KIND_TEXT },
        { "a.bin", "", "junk" PDF, AV_KIND_PDF },
        { "a.csv", "", "a;b", AV_KIND_TEXT },
        { "", "application/msword", OLE, AV_KIND_OLE },
        { "", "text/plain", "hello", AV_KIND_TEXT },
        { "", "", "hello", AV_KIND_NONE },
        { "a.unknown", "", "hello", AV_KIND_TEXT },
        { "a.mht", "", "MIME-Version: 1.0\n", AV_KIND_MAIL },
        { "winmail.dat", "", "\x78\x9F\x3E\x22..", AV_KIND_TNEF },
        { "a.tgz", "", "\x1F\x8B\x08..", AV_KIND_GZIP },
    };

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rows); av_check_row++) {
        char extension[AV_EXTENSION_MAX + 1];

        av_kind_extension(av_span_str(rows[av_check_row].name), extension);
        AV_CHECK_INT(av_kind_of(extension, av_span_str(rows[av_check_row].type), av_span_str(rows[av_check_row].bytes)),
            rows[av_check_row].want);
    }
    av_check_row = -1;
}

static void
test_extension(void)
{
    static const struct row {
        const char *name, *want;
    } rows[] = { { "a.PDF", "pdf" }, { "a.tar.gz", "gz" }, { "a", "" }, { "a.", "" }, { ".profile", "profile" },
        { "", "" }, { "a.b c", "" }, { "a.doc ", "doc" }, { "a.12345678901234567", "" },
        { "a.1234567890123456", "1234567890123456" } };

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rows); av_check_row++) {
        char extension[AV_EXTENSION_MAX + 1];

        av_kind_extension(av_span_str(rows[av_check_row].name), extension);
        AV_CHECK_STR(extension, rows[av_check_row].want);
    }
    av_check_row = -1;
}

static void
test_list(void)
{
    static const struct row {
        const char *text, *want; /* NULL: refused */
    } rows[] = { { "pdf doc", "doc pdf" }, { " .PDF\t*.Doc\r\npdf ", "doc pdf" }, { "", "" },
        { "c++ 7z x_1", "7z c++ x_1" }, { "pdf,doc", NULL }, { "../x", NULL }, { ".", NULL }, { "a.b", NULL },
        { "12345678901234567", NULL }, { "p\xC3\xA4", NULL } };

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rows); av_check_row++) {
        AV_CLEANUP(av_buf_release) av_buf text = { 0 };
        av_extensions list;
        av_error err;
        av_errc rc = av_extensions_parse(av_span_str(rows[av_check_row].text), &list, &err);

        AV_CHECK_RC(rc, rows[av_check_row].want == NULL ? AV_ERR_INVALID : AV_OK, &err);
        if (rc != AV_OK)
            continue;
        av_buf_init(&text, 4096);
        AV_CHECK(av_extensions_text(&list, &text));
        AV_CHECK_STR(av_buf_cstr(&text), rows[av_check_row].want);
    }
    av_check_row = -1;
}

static void
test_list_limit(void)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_extensions list;
    av_error err;

    av_buf_init(&text, 65536);
    for (int i = 0; i <= AV_EXTENSIONS_MAX; i++)
        (void)av_buf_printf(&text, "x%d ", i);
    AV_CHECK_RC(av_extensions_parse(av_buf_span(&text), &list, &err), AV_ERR_LIMIT, &err);
    AV_CHECK_RC(av_extensions_parse(av_span_str(av_extensions_default()), &list, &err), AV_OK, &err);
    av_buf_clear(&text);
    AV_CHECK(av_extensions_text(&list, &text));
    AV_CHECK_STR(av_buf_cstr(&text), av_extensions_default()); /* sorted as it stands */
    for (size_t i = 0; i < list.count; i++)
        if (!AV_CHECK(av_kind_of_extension(list.names[i]) != AV_KIND_NONE))
            printf("    %s has no reader\n", list.names[i]);
}

static void
test_want(void)
{
    static const struct row {
        const char *list, *name, *type, *bytes;
        bool want;
    } rows[] = {
        { "pdf", "a.pdf", "", PDF, true },
        { "pdf", "a.PDF", "", "broken", true },
        { "pdf", "scan.dat", "", PDF, true },
        { "pdf", "", "application/pdf", "broken", true },
        { "pdf", "a.doc", "application/pdf", OLE, false },
        { "doc", "a.pdf", "", PDF, false },
        { "doc", "a.doc", "", PDF, true },
        { "zip", "a.jar", "", ZIP, false }, /* a package of another sort */
        { "zip", "a.zip", "", ZIP, true },
        { "zip", "", "", ZIP, true },
        { "docx", "a.zip", "", ZIP, false },
        { "tnef", "winmail.dat", "", "\x78\x9F\x3E\x22..", true },
        { "log", "a.log", "", "text", true },
        { "special", "a.special", "", "text", true },
        { "", "a.pdf", "", PDF, false },
        { "pdf", "a.png", "image/png", "\x89PNG", false },
    };

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rows); av_check_row++) {
        const struct row *row = &rows[av_check_row];
        av_extensions list;
        av_error err;
        av_kind kind;

        AV_CHECK_RC(av_extensions_parse(av_span_str(row->list), &list, &err), AV_OK, &err);
        AV_CHECK(av_extensions_want(&list, av_span_str(row->name), av_span_str(row->type), av_span_str(row->bytes),
                     &kind) == row->want);
    }
    av_check_row = -1;
}

int
main(void)
{
    AV_RUN(test_kind);
    AV_RUN(test_extension);
    AV_RUN(test_list);
    AV_RUN(test_list_limit);
    AV_RUN(test_want);
    return av_check_done();
}
