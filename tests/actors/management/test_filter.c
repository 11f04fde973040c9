/*
 * test_filter.c - the instance filter language
 */
#include "actors/management/filter.h"

#include "base/buf.h"
#include "tests/check.h"

static const struct {
    const char *id, *alias, *host;
    Archivolt__InstanceState state;
} instances[] = {
    { "a", "alpha", "h1", ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_RUNNING },
    { "b", NULL, "h2", ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STOPPED },
    { "c", "gamma", "h1", ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_FAILED },
    { "d", NULL, "h2", ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_ASLEEP },
    { "e", NULL, "h3", ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_UNREACHABLE },
};

static void
test_matches(void)
{
    static const struct {
        const char *filter, *want;
    } rows[] = { { "*", "abcde" }, { "a b", "ab" }, { " a\tc ", "ac" }, { "ALPHA", "a" }, { "*h1", "ac" },
        { "*h1 *h2", "abcd" }, { "*H1 b", "abc" }, { "* .running", "a" }, { ".running", "a" }, { ".stopped", "b" },
        { ".error", "ce" }, { "*h1 .error", "c" }, { ".running .stopped", "ab" }, { ".asleep", "d" }, { "x", "" },
        { "a .stopped", "" }, { "*h9", "" } };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        char got[8] = "";
        size_t n = 0;
        av_filter filter;
        av_error err;

        av_check_row = (long)i;
        AV_CHECK_RC(av_filter_parse(av_span_str(rows[i].filter), &filter, &err), AV_OK, &err);
        for (size_t k = 0; k < AV_COUNT(instances); k++)
            if (av_filter_names(&filter, instances[k].id, instances[k].alias, instances[k].host) &&
                av_filter_wants_state(&filter, instances[k].state))
                got[n++] = instances[k].id[0];
        AV_CHECK_STR(got, rows[i].want);
        av_filter_release(&filter);
    }
}

static void
test_refused(void)
{
    static const char *const bad[] = { "", " ", "\r\n", ".", ".walking", "* .Runningx", "a ..error" };
    av_filter filter;
    av_error err;
    av_buf many;

    for (size_t i = 0; i < AV_COUNT(bad); i++) {
        av_check_row = (long)i;
        AV_CHECK_RC(av_filter_parse(av_span_str(bad[i]), &filter, &err), AV_ERR_INVALID, &err);
    }
    av_check_row = -1;
    av_buf_init(&many, 100000);
    for (int i = 0; i <= AV_FILTER_WORDS_MAX; i++)
        (void)av_buf_puts(&many, "a ");
    AV_CHECK_RC(av_filter_parse(av_buf_span(&many), &filter, &err), AV_ERR_LIMIT, &err);
    av_buf_release(&many);
}

int
main(void)
{
    AV_RUN(test_matches);
    AV_RUN(test_refused);
    return av_check_done();
}
