/*
 * test_types.c - kinds of attachments by name and media type
 */
#include "storage/index/types.h"

#include "tests/check.h"

static const struct {
    const char *name, *media;
    av_type want;
} rows[] = {
    { "report.PDF", "application/octet-stream", AV_TYPE_PDF },
    { "", "application/pdf", AV_TYPE_PDF },
    { "a.b.docx", "", AV_TYPE_WORD },
    { "x", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", AV_TYPE_SHEET },
    { "list.csv", "text/plain", AV_TYPE_SHEET },
    { "0001-fix.patch", "text/x-diff", AV_TYPE_TEXT },
    { "", "image/png", AV_TYPE_IMAGE },
    { "", "message/rfc822", AV_TYPE_MAIL },
    { "", "text/html", AV_TYPE_HTML },
    { "", "text/x-anything", AV_TYPE_TEXT },
    { "", "application/pdfx", AV_TYPE_OTHER },
    { ".", "", AV_TYPE_OTHER },
    { "pdf", "", AV_TYPE_OTHER },
    { "backup.tar.gz", "", AV_TYPE_ARCHIVE },
    { "m.ics", "", AV_TYPE_CALENDAR },
    { "card.vcf", "", AV_TYPE_CONTACT },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(av_type_of(av_span_str(rows[i].name), av_span_str(rows[i].media)), rows[i].want);
    }
}

static void
test_words(void)
{
    av_type type;

    for (unsigned i = 0; i < AV_TYPES; i++)
        AV_CHECK(av_type_find(av_span_str(av_type_word((av_type)i)), &type) && type == (av_type)i);
    AV_CHECK(!av_type_find(av_span_str("nothing"), &type));
}

int
main(void)
{
    AV_RUN(test_rows);
    AV_RUN(test_words);
    return av_check_done();
}
