/*
 * test_changes.c - what is known of mailboxes that changed, against a plain list
 */
#include "actors/instance/changes.h"
#include "tests/check.h"

#define MAILBOXES 600
#define GROUPS    4000

static uint32_t seed = 7;

static uint32_t
roll(uint32_t below)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % below;
}

static void
guid_of(uint32_t number, uint8_t ret[AV_CHANGES_GUID])
{
    memset(ret, 0, AV_CHANGES_GUID);
    memcpy(ret, &number, sizeof number);
}

static void
count(void *ctx)
{
    (*(int *)ctx)++;
}

/* Every mailbox that changed behind `since` is told, or all. */
static void
check_since(av_changes *changes, const uint64_t *changed, uint64_t since)
{
    uint8_t got[AV_CHANGES_MOST][AV_CHANGES_GUID], guid[AV_CHANGES_GUID];
    uint64_t number;
    size_t n, want = 0;

    if (!av_changes_since(changes, since, got, &n, &number))
        return;
    for (uint32_t i = 0; i < MAILBOXES; i++) {
        bool found = false;

        guid_of(i, guid);
        for (size_t k = 0; k < n; k++)
            found = found || memcmp(got[k], guid, sizeof guid) == 0;
        AV_CHECK(found == (changed[i] > since));
        want += changed[i] > since;
    }
    AV_CHECK_INT(n, want);
}

static void
test_random(void)
{
    static uint64_t changed[MAILBOXES];
    av_changes *changes = av_changes_new();
    uint8_t got[AV_CHANGES_MOST][AV_CHANGES_GUID];
    uint64_t number = 0, now, back;
    size_t n;
    int woken = 0, known = 0;

    av_changes_set_wake(changes, count, &woken);
    for (int group = 0; group < GROUPS; group++) {
        uint32_t most = roll(50) == 0 ? 80 : 1 + roll(3), used[80];

        for (uint32_t i = 0; i < most; i++) {
            uint8_t guid[AV_CHANGES_GUID];

            used[i] = roll(group % 1000 < 900 ? 40 : MAILBOXES);
            guid_of(used[i], guid);
            av_changes_note(changes, guid);
        }
        if (roll(10) == 0) {
            av_changes_rollback(changes);
            continue;
        }
        av_changes_commit(changes);
        number++;
        for (uint32_t i = 0; i < most; i++)
            changed[used[i]] = number;
        AV_CHECK_INT(av_changes_number(changes), number);
        back = roll(20);
        check_since(changes, changed, number - AV_MIN(number, back));
        known += av_changes_since(changes, number - 1, got, &n, &now);
    }
    AV_CHECK_INT(woken, number);
    AV_CHECK(known > GROUPS / 2);                           /* mostly something is known */
    AV_CHECK(!av_changes_since(changes, 0, got, &n, &now)); /* long ago: nothing */
    AV_CHECK(!av_changes_since(changes, number + 1, got, &n, &now));
    AV_CHECK(av_changes_since(changes, number, got, &n, &now) && n == 0 && now == number);
    av_changes_all(changes);
    AV_CHECK(!av_changes_since(changes, number, got, &n, &now));
    AV_CHECK(av_changes_since(changes, now, got, &n, &now) && n == 0);
    av_changes_commit(changes); /* of nothing */
    AV_CHECK_INT(av_changes_number(changes), number + 1);
    av_changes_destroy(&changes);
}

int
main(void)
{
    AV_RUN(test_random);
    return av_check_done();
}
