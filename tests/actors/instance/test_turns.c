/*
 * test_turns.c - turns: a few at once, lanes that take turns, a bound for each lane, those that leave
 */
#include "actors/instance/turns.h"

#include "base/map.h"
#include "base/util.h"
#include "tests/check.h"

enum { LANE_A = 1, LANE_B = 2 };

static char order[64];

typedef struct asker {
    av_turn turn;
    char name;
    bool leaves; /* as soon as it is started */
} asker;

static void
on_start(av_turn *turn)
{
    asker *self = AV_CONTAINER(turn, asker, turn);
    size_t n = strlen(order);

    order[n] = self->name;
    order[n + 1] = '\0';
    if (self->leaves)
        av_turn_leave(turn);
}

static void
enter(av_turns *turns, asker *a, char name, uint64_t lane)
{
    *a = (asker){ .turn = { .start = on_start }, .name = name, .leaves = a->leaves };
    av_turns_enter(turns, &a->turn, lane);
}

static void
test_order(void)
{
    av_turns *turns = av_turns_new(2, 8, 100);
    asker a[5] = { 0 }, b[2] = { 0 };
    size_t i;

    order[0] = '\0';
    for (i = 0; i < AV_COUNT(a); i++)
        enter(turns, &a[i], (char)('a' + (char)i), LANE_A);
    enter(turns, &b[0], 'X', LANE_B);
    enter(turns, &b[1], 'Y', LANE_B);
    AV_CHECK_STR(order, "ab");
    av_turn_leave(&a[0].turn);
    av_turn_leave(&a[1].turn);
    AV_CHECK_STR(order, "abcX"); /* the one who asked often does not keep the other waiting */
    av_turn_leave(&a[3].turn);   /* d goes while it waits: never started */
    av_turn_leave(&a[3].turn);
    av_turn_leave(&a[2].turn);
    AV_CHECK_STR(order, "abcXe");
    av_turn_pass(&a[4].turn);
    AV_CHECK_STR(order, "abcXeY");
    av_turn_leave(&a[4].turn);
    av_turn_leave(&b[0].turn);
    av_turn_leave(&b[1].turn);
    av_turns_destroy(&turns);
}

static void
test_bounds(void)
{
    av_turns *turns = av_turns_new(1, 2, 3);
    asker a[4] = { 0 }, b[1] = { 0 };
    av_error err = { 0 };
    size_t i;

    order[0] = '\0';
    for (i = 0; i < 3; i++) { /* one runs, two wait */
        AV_CHECK_RC(av_turns_admit(turns, LANE_A, "searches", &err), AV_OK, &err);
        enter(turns, &a[i], 'a', LANE_A);
    }
    AV_CHECK_RC(av_turns_admit(turns, LANE_A, "searches", &err), AV_ERR_BUSY, &err);
    AV_CHECK_STR(err.msg, "this session has 2 searches waiting: try again when one of them is answered");
    AV_CHECK_RC(av_turns_admit(turns, LANE_B, "searches", &err), AV_OK, &err);
    enter(turns, &b[0], 'b', LANE_B);
    AV_CHECK_RC(av_turns_admit(turns, 3, "searches", &err), AV_ERR_BUSY, &err);
    av_turn_pass(&a[0].turn); /* what has passed still counts */
    AV_CHECK_RC(av_turns_admit(turns, LANE_A, "searches", &err), AV_ERR_BUSY, &err);
    av_turn_leave(&a[0].turn);
    AV_CHECK_RC(av_turns_admit(turns, LANE_A, "searches", &err), AV_OK, &err);
    for (i = 0; i < 3; i++)
        av_turn_leave(&a[i].turn);
    av_turn_leave(&b[0].turn);
    av_turns_destroy(&turns);
}

/* Those that leave at once, and the end. */
static void
test_leaving(void)
{
    av_turns *turns = av_turns_new(1, 100, 100);
    asker a[20] = { 0 }, last = { 0 };
    size_t i;

    order[0] = '\0';
    for (i = 0; i < AV_COUNT(a); i++) {
        a[i].leaves = i > 0;
        enter(turns, &a[i], '.', i % 3);
    }
    AV_CHECK_STR(order, ".");
    av_turn_leave(&a[0].turn);
    AV_CHECK_INT(strlen(order), AV_COUNT(a));
    av_turns_close(turns);
    enter(turns, &last, 'z', LANE_A);
    AV_CHECK_INT(strlen(order), AV_COUNT(a));
    av_turn_leave(&last.turn);
    av_turns_destroy(&turns);
}

int
main(void)
{
    AV_RUN(test_order);
    AV_RUN(test_bounds);
    AV_RUN(test_leaving);
    return av_check_done();
}
