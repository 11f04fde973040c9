/*
 * turns.c - turns in lanes
 *
 * A lane lives as long as a turn is in it; it stands in the ring while one of its turns waits.
 */
#include "actors/instance/turns.h"

#include "base/map.h"
#include "base/util.h"

struct av_turns_lane {
    uint64_t id;
    size_t n;    /* turns in it */
    size_t held; /* those that wait or have passed */
    av_turn *first, *last;
    av_turns_lane *next;
};

struct av_turns {
    size_t at_once, per_lane, total;
    size_t running, held;
    bool closed;
    av_map *lanes;               /* id -> lane */
    av_turns_lane *first, *last; /* with turns that wait */
};

av_turns *
av_turns_new(unsigned at_once, size_t per_lane, size_t total)
{
    av_turns *self = av_xcalloc(1, sizeof *self);

    assert(at_once > 0);
    self->at_once = at_once;
    self->per_lane = per_lane;
    self->total = total;
    self->lanes = av_map_new();
    return self;
}

void
av_turns_destroy(av_turns **self)
{
    if (*self == NULL)
        return;
    assert((*self)->held == 0 && (*self)->running == 0);
    av_map_destroy(&(*self)->lanes, NULL);
    free(*self);
    *self = NULL;
}

av_errc
av_turns_admit(const av_turns *self, uint64_t lane, const char *what, av_error *err)
{
    const av_turns_lane *l = av_map_get(self->lanes, av_map_key_u64(&lane));

    if (l != NULL && l->held >= self->per_lane)
        return av_error_set(
            err, AV_ERR_BUSY, "this session has %zu %s waiting: try again when one of them is answered", l->held, what);
    if (self->held >= self->total)
        return av_error_set(err, AV_ERR_BUSY, "%zu %s are waiting: try again", self->held, what);
    return AV_OK;
}

static void
push_lane(av_turns *self, av_turns_lane *l)
{
    l->next = NULL;
    if (self->last != NULL)
        self->last->next = l;
    else
        self->first = l;
    self->last = l;
}

static void
drop_lane(av_turns *self, av_turns_lane *l)
{
    av_turns_lane *before = NULL, *at;

    for (at = self->first; at != l; at = at->next) {
        assert(at != NULL);
        before = at;
    }
    if (before != NULL)
        before->next = l->next;
    else
        self->first = l->next;
    if (self->last == l)
        self->last = before;
}

/* Out of its lane's queue; an emptied lane leaves the ring. */
static void
take(av_turns *self, av_turn *turn)
{
    av_turns_lane *l = turn->lane;
    av_turn *before = NULL, *at;

    for (at = l->first; at != turn; at = at->next) {
        assert(at != NULL);
        before = at;
    }
    if (before != NULL)
        before->next = turn->next;
    else
        l->first = turn->next;
    if (l->last == turn)
        l->last = before;
    turn->next = NULL;
    if (l->first == NULL)
        drop_lane(self, l);
}

static void
hold(av_turn *turn, av_turn_place place)
{
    turn->place = place;
    turn->lane->held++;
    turn->turns->held++;
}

static void
unhold(av_turn *turn)
{
    turn->lane->held--;
    turn->turns->held--;
}

static void
start_next(av_turns *self)
{
    av_turns_lane *l;
    av_turn *turn;

    while (!self->closed && self->running < self->at_once && (l = self->first) != NULL) {
        turn = l->first;
        assert(turn != NULL); /* a lane in the ring has one that waits */
        take(self, turn);
        if (l->first != NULL) { /* behind the others */
            drop_lane(self, l);
            push_lane(self, l);
        }
        unhold(turn);
        turn->place = AV_TURN_RUNS;
        self->running++;
        turn->start(turn);
    }
}

void
av_turns_enter(av_turns *self, av_turn *turn, uint64_t lane)
{
    av_turns_lane *l = av_map_get(self->lanes, av_map_key_u64(&lane));

    assert(turn->place == AV_TURN_NONE);
    if (l == NULL) {
        l = av_xcalloc(1, sizeof *l);
        l->id = lane;
        (void)av_map_put(self->lanes, av_map_key_u64(&l->id), l);
    }
    l->n++;
    turn->turns = self;
    turn->lane = l;
    turn->next = NULL;
    hold(turn, AV_TURN_WAITS);
    if (l->last != NULL)
        l->last->next = turn;
    else
        l->first = turn;
    l->last = turn;
    if (l->first == turn)
        push_lane(self, l);
    start_next(self);
}

void
av_turn_pass(av_turn *self)
{
    assert(self->place == AV_TURN_RUNS);
    self->turns->running--;
    hold(self, AV_TURN_PASSED);
    start_next(self->turns);
}

void
av_turn_leave(av_turn *self)
{
    av_turns_lane *l = self->lane;

    if (self->place == AV_TURN_NONE)
        return;
    if (self->place == AV_TURN_WAITS)
        take(self->turns, self);
    if (self->place == AV_TURN_RUNS)
        self->turns->running--;
    else
        unhold(self);
    self->place = AV_TURN_NONE;
    self->lane = NULL;
    if (--l->n == 0) {
        (void)av_map_remove(self->turns->lanes, av_map_key_u64(&l->id));
        free(l);
    }
    start_next(self->turns);
}

void
av_turns_close(av_turns *self)
{
    self->closed = true;
}
