/*
 * registrar_priv.h - shared by registrar.c (entries) and registrar_push.c (broker)
 */
#ifndef AV_ACTORS_MANAGEMENT_REGISTRAR_PRIV_H
#define AV_ACTORS_MANAGEMENT_REGISTRAR_PRIV_H

#include "actors/management/registrar.h"
#include "base/map.h"
#include "proto/broker.pb-c.h"

typedef struct av_reg_entry {
    Archivolt__RegistryEntry *fields;
    uint8_t *packed; /* SignedEntry */
    size_t packed_n;
    int64_t at_ms; /* when it was signed or taken over */
} av_reg_entry;

struct av_registrar {
    av_meta *db;
    uint8_t secret[AV_SIGN_SECRET], public_key[AV_SIGN_PUBLIC];
    av_map *by_key;         /* all; owns them */
    av_map *by_name;        /* those in force */
    av_reg_entry **ordered; /* all, by serial */
    size_t count;
    uint64_t serial; /* highest given out */
    /* the broker */
    av_bus *bus;
    uint64_t held; /* the broker has all up to this one on disk */
    bool asked;    /* since the last connection the broker has told what it holds */
    av_call *call; /* one at a time */
    av_loop_timer *retry;
    struct av_reg_waiter *waiters;
};

/* Send what the broker lacks, unless a call is under way or it is not connected. */
void av_registrar_pump(av_registrar *self);
void av_registrar_push_end(av_registrar *self);
/* The broker holds a higher serial than we ever gave out: go on above it. */
av_errc av_registrar_raise(av_registrar *self, uint64_t serial, av_error *err);

#endif
