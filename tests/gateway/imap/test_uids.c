/*
 * test_uids.c - UIDs and sequence numbers, against a plain list
 */
#include "gateway/imap/uids.h"
#include "tests/check.h"

#define MOST 64

static void
fill(av_imap_uids *self, const bool *there)
{
    av_query_range ranges[MOST];
    size_t n = 0;

    for (uint32_t uid = 1; uid < MOST; uid++) {
        if (there[uid])
            ranges[n++] = (av_query_range){ uid, uid };
    }
    AV_CHECK(av_imap_uids_set(self, ranges, n));
}

static void
check_numbers(const av_imap_uids *self, const bool *there)
{
    uint32_t seq = 0;

    for (uint32_t uid = 1; uid < MOST; uid++) {
        if (there[uid])
            seq++;
        AV_CHECK_INT(av_imap_uids_seq(self, uid), there[uid] ? seq : 0);
        if (there[uid])
            AV_CHECK_INT(av_imap_uids_uid(self, seq), uid);
    }
    AV_CHECK_INT(self->count, seq);
    AV_CHECK_INT(av_imap_uids_uid(self, seq + 1), 0);
    AV_CHECK_INT(av_imap_uids_uid(self, 0), 0);
}

/* Every pair of ends, by number and by UID: exactly the messages between them. */
static void
check_resolve(const av_imap_uids *self, const bool *there, bool by_uid)
{
    for (uint32_t a = 1; a < MOST; a += 3) {
        for (uint32_t b = a; b < MOST; b += 5) {
            const av_query_range set[2] = { { b, b }, { a, b } };
            av_query_range *got;
            bool in[MOST] = { false };
            size_t n;

            av_imap_uids_resolve(self, set, 2, by_uid, &got, &n);
            for (size_t i = 0; i < n; i++) {
                AV_CHECK(there[got[i].first] && there[got[i].last] && (i == 0 || got[i].first > got[i - 1].last));
                for (uint32_t uid = got[i].first; uid <= got[i].last; uid++)
                    in[uid] = there[uid];
            }
            for (uint32_t uid = 1; uid < MOST; uid++) {
                uint32_t number = by_uid ? uid : av_imap_uids_seq(self, uid);

                AV_CHECK(in[uid] == (there[uid] && number >= a && number <= b));
            }
            free(got);
        }
    }
}

static void
check_gone(const av_imap_uids *self, const bool *there, const av_imap_uids *now, const bool *there_now)
{
    bool gone[MOST] = { false };
    av_query_range *got;
    size_t n;

    av_imap_uids_gone(self, now, &got, &n);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t uid = got[i].first; uid <= got[i].last; uid++)
            gone[uid] = true;
    }
    for (uint32_t uid = 1; uid < MOST; uid++)
        AV_CHECK(gone[uid] == (there[uid] && !there_now[uid]));
    free(got);
}

static void
test_against_list(void)
{
    unsigned random = 1;
    av_imap_uids before = { 0 }, now = { 0 };
    bool was[MOST] = { false }, is[MOST];

    for (long round = 0; round < 40; round++) {
        av_check_row = round;
        for (uint32_t uid = 1; uid < MOST; uid++) {
            random = random * 1103515245 + 12345;
            is[uid] = (random >> 16) % 4 < (unsigned)(round % 5);
        }
        is[0] = false;
        fill(&now, is);
        check_numbers(&now, is);
        check_resolve(&now, is, true);
        check_resolve(&now, is, false);
        check_gone(&before, was, &now, is);
        fill(&before, is);
        memcpy(was, is, sizeof was);
    }
    av_imap_uids_release(&before);
    av_imap_uids_release(&now);
}

static void
test_star(void)
{
    const av_query_range ranges[] = { { 5, 9 }, { 20, 30 } };
    const av_query_range star = { UINT32_MAX, UINT32_MAX }, high = { 100, UINT32_MAX };
    av_imap_uids uids = { 0 };
    av_query_range *got;
    size_t n;

    av_imap_uids_resolve(&uids, &star, 1, true, &got, &n);
    AV_CHECK_INT(n, 0); /* an empty mailbox has no last message */
    free(got);
    AV_CHECK(av_imap_uids_set(&uids, ranges, 2));
    av_imap_uids_resolve(&uids, &star, 1, false, &got, &n);
    AV_CHECK(n == 1 && got[0].first == 30 && got[0].last == 30);
    free(got);
    av_imap_uids_resolve(&uids, &high, 1, true, &got, &n); /* RFC 3501, 6.4.8: 100:* holds the last UID */
    AV_CHECK(n == 1 && got[0].first == 30 && got[0].last == 30);
    free(got);
    av_imap_uids_release(&uids);
}

/* RFC 9394, 3.4: pages of what a set names, against a plain list. */
static void
test_page(void)
{
    const av_query_range there[] = { { 2, 4 }, { 8, 8 }, { 10, 19 }, { 30, 30 } };
    static const uint32_t uids_of[] = { 2, 3, 4, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 30 };
    const uint32_t total = AV_COUNT(uids_of);
    const av_query_range set[] = { { 1, 9 }, { 11, 11 }, { 13, 100 } };
    av_imap_uids uids = { 0 };

    AV_CHECK(av_imap_uids_set(&uids, there, AV_COUNT(there)));
    for (uint32_t a = 1; a < 20; a++) {
        for (uint32_t b = a; b < 20; b += 2) {
            for (int from_end = 0; from_end < 2; from_end++) {
                uint32_t wanted[20], n_wanted = 0, at = 0;
                av_query_range *got;
                size_t n;

                for (uint32_t i = 0; i < total; i++) {
                    if (uids_of[i] != 10 && uids_of[i] != 12)
                        wanted[n_wanted++] = uids_of[i];
                }
                av_imap_uids_resolve(&uids, set, AV_COUNT(set), true, &got, &n);
                av_imap_uids_page(&uids, from_end, a, b, got, &n);
                for (uint32_t i = 1; i <= n_wanted; i++) {
                    uint32_t number = from_end ? n_wanted - i + 1 : i;
                    bool in = false;

                    for (size_t k = 0; k < n; k++)
                        in = in || (wanted[i - 1] >= got[k].first && wanted[i - 1] <= got[k].last);
                    AV_CHECK(in == (number >= a && number <= b));
                    at += in;
                }
                AV_CHECK(at <= b - a + 1);
                free(got);
            }
        }
    }
    av_imap_uids_release(&uids);
}

static void
test_refused(void)
{
    static const av_query_range bad[][2] = { { { 0, 3 }, { 5, 6 } }, { { 3, 2 }, { 5, 6 } }, { { 1, 5 }, { 5, 6 } },
        { { 7, 8 }, { 1, 2 } }, { { 1, 2 }, { 3, UINT32_MAX } } };
    av_imap_uids uids = { 0 };

    for (size_t i = 0; i < AV_COUNT(bad); i++)
        AV_CHECK(!av_imap_uids_set(&uids, bad[i], 2));
    AV_CHECK(uids.runs == NULL);
}

int
main(void)
{
    AV_RUN(test_against_list);
    AV_RUN(test_star);
    AV_RUN(test_page);
    AV_RUN(test_refused);
    return av_check_done();
}
