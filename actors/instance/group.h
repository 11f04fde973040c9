/*
 * group.h - the one open group of the writer: many items, one fdatasync, shared by all runs (decisions.md 1)
 *
 * Members put records into the open group of store and catalog; a commit makes them durable together, a rollback drops them
 * together. Writer thread.
 */
#ifndef AV_INSTANCE_GROUP_H
#define AV_INSTANCE_GROUP_H

#include "actors/instance/archive.h"

#define AV_GROUP_ITEMS_MAX 512
#define AV_GROUP_BYTES_MAX (16ULL * 1024 * 1024)

typedef struct av_group av_group;
typedef struct av_group_member av_group_member;
struct av_group_member {
    /* Last records into the group (a run's progress). A failure rolls the group back. */
    av_errc (*closing)(av_group_member *self, av_error *err);
    void (*committed)(av_group_member *self);
    void (*rolled_back)(av_group_member *self, const av_error *why);
    bool joined; /* the group's */
    av_group_member *next;
};

av_group *av_group_new(av_archive *archive);
/* Rolls back what is open. */
void av_group_destroy(av_group **self);
/* Open the group when it is not, and take part in it. Fails when the catalog is behind its log and cannot catch up. */
av_errc av_group_join(av_group *self, av_group_member *member, av_error *err);
void av_group_count(av_group *self, uint64_t bytes);
/* Bytes of an item that is not whole yet: the group may be full, and be committed, in the middle of it. */
void av_group_count_part(av_group *self, uint64_t bytes);
bool av_group_is_full(const av_group *self);
bool av_group_is_open(const av_group *self);
/* Nothing to do when it is not open. On failure it is rolled back. */
av_errc av_group_commit(av_group *self, av_error *err);
/* The store is rolled back in any case: nothing that was written outside a group stays to spoil the next one. */
void av_group_rollback(av_group *self, const av_error *why);

#endif
