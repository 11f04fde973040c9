/*
 * turns.h - who may do something costly now: a few at once, the others wait, and those who ask take turns
 *
 * A turn is embedded in its owner's struct. Lanes (a session) stand in a ring, so that one who asks often waits for himself
 * alone; turns of one lane are started in order. What is bounded is memory: a turn that waits should hold none to speak of.
 * Loop's thread.
 */
#ifndef AV_INSTANCE_TURNS_H
#define AV_INSTANCE_TURNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum av_turn_place { AV_TURN_NONE, AV_TURN_WAITS, AV_TURN_RUNS, AV_TURN_PASSED } av_turn_place;

typedef struct av_turns av_turns;
typedef struct av_turns_lane av_turns_lane;
typedef struct av_turn av_turn;
struct av_turn {
    void (*start)(av_turn *self); /* its turn has come; may leave at once */
    av_turn_place place;          /* from here on the turns'; zeroed by the owner */
    av_turns *turns;
    av_turns_lane *lane;
    av_turn *next;
};

/*
 * at_once   turns that run together, at least 1
 * per_lane  turns of one lane that wait or have passed
 * total     of all lanes
 */
av_turns *av_turns_new(unsigned at_once, size_t per_lane, size_t total);
/* No turn may be left in it. NULL and *NULL are no-ops. */
void av_turns_destroy(av_turns **self);
/* AV_ERR_BUSY with a sentence when the lane or all of them have too many; `what` is the plural of what waits. */
av_errc av_turns_admit(const av_turns *self, uint64_t lane, const char *what, av_error *err);
/* Behind av_turns_admit. start is called now or from a later av_turn_pass or av_turn_leave of another. */
void av_turns_enter(av_turns *self, av_turn *turn, uint64_t lane);
/* The costly part is over, the rest still counts against its lane. */
void av_turn_pass(av_turn *self);
/* Out of the queue, or done. Nothing to do for one that never entered or has left. */
void av_turn_leave(av_turn *self);
/* From now on nothing is started. */
void av_turns_close(av_turns *self);

#endif
