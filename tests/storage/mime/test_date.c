/* test_date.c - dates as mail has them */
#include "storage/mime/date.h"

#include "tests/check.h"

static const struct {
    const char *in;
    bool ok;
    int64_t unix_s;
    int zone;
} cases[] = {
    { "Mon, 2 Jan 2006 15:04:05 -0700", true, 1136239445, -420 },
    { "2 Jan 2006 22:04:05 +0000 (UTC)", true, 1136239445, 0 },
    { "Mon, 02 Jan 2006 22:04 GMT", true, 1136239440, 0 },
    { "Mon, 2 Jan 06 22:04:05 UT", true, 1136239445, 0 }, /* RFC 5322, 4.3 */
    { "Mon, 2 Jan 106 22:04:05 +0000", true, 1136239445, 0 },
    { "Thu, 22 Aug 0102 12:07:35 +0800", true, 1029989255, 480 },
    { "Mon, 2 Jan 2006 17:04:05 EST", true, 1136239445, -300 },
    { "Mon Jan  2 22:04:05 2006", true, 1136239445, 0 }, /* asctime */
    { "Mon Jan  2 15:04:05 MST 2006", true, 1136239445, -420 },
    { "2006-01-02 15:04:05 -0700", true, 1136239445, -420 },
    { "2006-01-02T22:04:05.123Z", true, 1136239445, 0 },
    { "2006-01-03T00:04:05+02:00", true, 1136239445, 120 },
    { "Monday, January 2, 2006 10:04:05 PM", true, 1136239445, 0 },
    { "02-Jan-2006 22:04:05", true, 1136239445, 0 },
    { "Mon, 2 Jan 2006 22.04.05 +0000", true, 1136239445, 0 },
    { "Tue, 3 Jan 2006 00:04:05 GMT+0200", true, 1136239445, 120 },
    { "Mon, 2 Jan 2006 22:04:05 +0000-62495-238", true, 1136239445, 0 },
    { "Mon, 2 Jan 2006 22:04:05 01:02:03 +0000", true, 1136239445, 0 },
    { "(c) Mon, (d) 2 Jan 2006 22:04:05 +0000", true, 1136239445, 0 },
    { "2006/01/02 Mon 22:04:05 GMT", true, 1136239445, 0 },
    { "1 Jan 1970 00:00:00 +0000", true, 0, 0 },
    { "31 Dec 1969 23:59:59 +0000", true, -1, 0 },
    { "29 Feb 2000 12:00:00 +0000", true, 951825600, 0 },
    { "31 Dec 2016 23:59:60 +0000", true, 1483228799, 0 }, /* a leap second */
    { "3 Jan 2006", true, 1136246400, 0 },
    { "", false, 0, 0 },
    { "yesterday", false, 0, 0 },
    { "Mon, 99 Jan 2006 22:04:05 +0000", false, 0, 0 },
    { "2 Jan 2006 25:00:00 +0000", false, 0, 0 },
    { "99999999999999999999999", false, 0, 0 },
};

static void
test_table(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_mime_date got = { 0, 0 };

        av_check_row = (long)i;
        AV_CHECK(av_mime_date_parse(av_span_str(cases[i].in), &got) == cases[i].ok);
        AV_CHECK_INT(got.unix_s, cases[i].unix_s);
        AV_CHECK_INT(got.zone_minutes, cases[i].zone);
    }
}

int
main(void)
{
    AV_RUN(test_table);
    return av_check_done();
}
