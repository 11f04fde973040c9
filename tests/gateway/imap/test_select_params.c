/*
 * test_select_params.c - what SELECT may say behind the name, and what has gone for a client that knows a state
 */
#include "gateway/imap/select_params.h"
#include "base/buf.h"
#include "tests/check.h"

static const struct {
    const char *in;
    bool ok, condstore, qresync;
    uint32_t uidvalidity;
    uint64_t modseq;
} cases[] = {
    { "(CONDSTORE)", true, true, false, 0, 0 },
    { "(condstore qresync (5 6))", true, true, true, 5, 6 },
    { "(QRESYNC (67890007 20050715194045000 41,43:211,214:541))", true, false, true, 67890007, 20050715194045000 },
    { "(QRESYNC (67890007 90060115194045000 41:211,214:541 (1,3,5 2,4,9)))", true, false, true, 67890007,
        90060115194045000 },
    { "(QRESYNC (1 2 (1:3 1:3)) CONDSTORE)", true, true, true, 1, 2 },
    { "(QRESYNC (1 9223372036854775807))", true, false, true, 1, 9223372036854775807 },
    { "", false, false, false, 0, 0 },
    { "()", false, false, false, 0, 0 },
    { "CONDSTORE", false, false, false, 0, 0 },
    { "(CONDSTORE", false, false, false, 0, 0 },
    { "(CONDSTORE) ", false, false, false, 0, 0 },
    { "(CONDSTOREX)", false, false, false, 0, 0 },
    { "(QRESYNC)", false, false, false, 0, 0 },
    { "(QRESYNC ())", false, false, false, 0, 0 },
    { "(QRESYNC (1))", false, false, false, 0, 0 },
    { "(QRESYNC (0 1))", false, false, false, 0, 0 },
    { "(QRESYNC (1 0))", false, false, false, 0, 0 },
    { "(QRESYNC (4294967296 1))", false, false, false, 0, 0 },
    { "(QRESYNC (1 9223372036854775808))", false, false, false, 0, 0 },
    { "(QRESYNC (1 2 *))", false, false, false, 0, 0 },
    { "(QRESYNC (1 2 1:*))", false, false, false, 0, 0 },
    { "(QRESYNC (1 2 3 4))", false, false, false, 0, 0 },
    { "(QRESYNC (1 2 3 (1)))", false, false, false, 0, 0 },
    { "(QRESYNC (1 2 3 (1 2))", false, false, false, 0, 0 },
    { "(QRESYNC (1 2) QRESYNC (1 2))", false, false, false, 0, 0 },
    { "(QRESYNC (1 2 (1 2) 3))", false, false, false, 0, 0 },
};

static void
test_parse(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_imap_select_params p;
        av_error err;
        av_errc rc = av_imap_select_params_parse(av_span_str(cases[i].in), &p, &err);

        av_check_row = (long)i;
        AV_CHECK_RC(rc, cases[i].ok ? AV_OK : AV_ERR_SYNTAX, &err);
        if (rc == AV_OK) {
            AV_CHECK(p.condstore == cases[i].condstore && p.qresync == cases[i].qresync);
            AV_CHECK_INT(p.uidvalidity, cases[i].uidvalidity);
            AV_CHECK(p.modseq == cases[i].modseq);
        }
        av_imap_select_params_release(&p);
    }
}

/* There are UIDs 1 to 5, 8, 10 to 12 below 15. */
static const struct {
    const char *in, *want;
} gone[] = {
    { "(QRESYNC (1 2))", "6:7,9:9,13:14," }, { "(QRESYNC (1 2 1:5))", "" }, { "(QRESYNC (1 2 4:9))", "6:7,9:9," },
    { "(QRESYNC (1 2 9,6,7,20:30,14))", "6:6,7:7,9:9,14:14," }, { "(QRESYNC (1 2 10:1000))", "13:14," },
    { "(QRESYNC (1 2 1:20 (1:5 1:5)))", "6:7,9:9,13:14," }, /* right up to 5 */
    { "(QRESYNC (1 2 1:20 (5,6 5,8)))", "9:9,13:14," },     /* the sixth is 8 */
    { "(QRESYNC (1 2 1:20 (5,6,9 5,7,12)))", "13:14," },    /* a wrong one in between */
    { "(QRESYNC (1 2 (9 12)))", "13:14," },                 /* without known UIDs */
    { "(QRESYNC (1 2 1:20 (1:1000000 1:1000000)))", "6:7,9:9,13:14," },
    { "(QRESYNC (1 2 1:20 (6:8 6:8)))", "6:7,9:9,13:14," }, /* none is right */
};

static void
test_vanished(void)
{
    static const av_query_range there[] = { { 1, 5 }, { 8, 8 }, { 10, 12 } };
    av_imap_uids uids = { 0 };

    AV_CHECK(av_imap_uids_set(&uids, there, AV_COUNT(there)));
    for (size_t i = 0; i < AV_COUNT(gone); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        av_imap_select_params p;
        av_query_range *ranges = NULL;
        av_error err;
        size_t n;

        av_check_row = (long)i;
        av_buf_init(&out, 1000);
        AV_CHECK_RC(av_imap_select_params_parse(av_span_str(gone[i].in), &p, &err), AV_OK, &err);
        av_imap_select_params_vanished(&p, &uids, 15, &ranges, &n);
        for (size_t k = 0; k < n; k++)
            (void)av_buf_printf(&out, "%u:%u,", ranges[k].first, ranges[k].last);
        AV_CHECK_STR(av_buf_cstr(&out), gone[i].want);
        free(ranges);
        av_imap_select_params_release(&p);
    }
    av_imap_uids_release(&uids);
}

/* A mailbox that never had a message. */
static void
test_empty(void)
{
    av_imap_select_params p;
    av_imap_uids uids = { 0 };
    av_query_range *ranges = NULL;
    av_error err;
    size_t n = 9;

    AV_CHECK_RC(av_imap_select_params_parse(av_span_str("(QRESYNC (1 2))"), &p, &err), AV_OK, &err);
    av_imap_select_params_vanished(&p, &uids, 1, &ranges, &n);
    AV_CHECK_INT(n, 0);
    free(ranges);
    av_imap_select_params_release(&p);
}

int
main(void)
{
    AV_RUN(test_parse);
    AV_RUN(test_vanished);
    AV_RUN(test_empty);
    return av_check_done();
}
