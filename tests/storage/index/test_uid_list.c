/*
 * test_uid_list.c - UIDs there and back, and casemap.h
 */
#include "storage/index/casemap.h"
#include "storage/index/uid_list.h"
#include "tests/check.h"

static void
test_order(void)
{
    const uint32_t in[] = { 5, 4, 6, 1, UINT32_MAX, 1, 0x80000001U, 1, 7 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_uid_list list = { 0 };
    uint32_t got, children;
    av_span rest;

    av_buf_init(&out, 200);
    for (size_t i = 0; i < AV_COUNT(in); i++)
        AV_CHECK(av_uid_list_put(&list, in[i], &out));
    rest = av_buf_span(&out);
    list = (av_uid_list){ 0 };
    for (size_t i = 0; i < AV_COUNT(in); i++)
        AV_CHECK(av_uid_list_take(&list, &rest, &got) && got == in[i]);
    AV_CHECK(!av_uid_list_take(&list, &rest, &got));
    av_buf_clear(&out);
    list = (av_uid_list){ 0 };
    for (size_t i = 0; i < AV_COUNT(in); i++)
        AV_CHECK(av_uid_list_put_node(&list, in[i], (uint32_t)i, &out));
    rest = av_buf_span(&out);
    list = (av_uid_list){ 0 };
    for (size_t i = 0; i < AV_COUNT(in); i++)
        AV_CHECK(av_uid_list_take_node(&list, &rest, &got, &children) && got == in[i] && children == i);
    AV_CHECK(!av_uid_list_take_node(&list, &rest, &got, &children) && rest.n == 0);
}

/* RFC 5051, 2 */
static void
test_casemap(void)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        { "", "" },
        { "abc XYZ _[9", "ABC XYZ _[9" },
        { "\xc3\xa4", "A\xcc\x88" },     /* a with diaeresis */
        { "\xc3\x84", "A\xcc\x88" },     /* the capital one */
        { "\xef\xac\x81", "fi" },        /* the ligature has no title case of one character */
        { "\xef\xbd\x81", "A" },         /* full width */
        { "\xc7\x86", "D\x7a\xcc\x8c" }, /* dz with caron: the title case is Dz */
        { "\xff", "\xef\xbf\xbd" },
        { "\xe6\x97\xa5", "\xe6\x97\xa5" },
    };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };

        av_check_row = (long)i;
        av_buf_init(&out, 100);
        AV_CHECK(av_casemap(av_span_str(rows[i].in), &out));
        AV_CHECK_STR(av_buf_cstr(&out), rows[i].want);
    }
}

int
main(void)
{
    AV_RUN(test_order);
    AV_RUN(test_casemap);
    return av_check_done();
}
