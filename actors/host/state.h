/*
 * state.h - what the host must remember: D/host/state
 *
 *   archivolt-host-state 1
 *   boot 6f7c...                                             the machine's boot in which it was written
 *   instance demo automatic sleep running /var/lib/archivolt/instances/demo
 *   worker 0123456789abcdef0123456789abcdef demo
 *
 * start mode: automatic, manual, disabled; sleep or awake: whether it may sleep; wanted: running, stopped, asleep,
 * deleting (its files are being deleted: it may never be started again).
 * The base directory is the rest of the line. Anything else is refused: a damaged state must not make the host forget
 * an instance.
 */
#ifndef AV_ACTORS_HOST_STATE_H
#define AV_ACTORS_HOST_STATE_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/host.pb-c.h"

#define AV_HOST_STATE_MAX    (16U * 1024 * 1024) /* bytes of the file */
#define AV_HOST_INSTANCE_MAX 63                  /* bytes of an instance id */
#define AV_HOST_RUN_HEX      32
#define AV_HOST_PATH_MAX     4096

typedef enum av_wanted { AV_WANTED_STOPPED, AV_WANTED_RUNNING, AV_WANTED_ASLEEP, AV_WANTED_DELETING } av_wanted;

typedef struct av_state_instance {
    char id[AV_HOST_INSTANCE_MAX + 1];
    Archivolt__StartMode mode;
    bool sleep_allowed;
    av_wanted wanted;
    const char *base_dir; /* in what is parsed: owned by the av_state */
} av_state_instance;

typedef struct av_state_worker {
    char run[AV_HOST_RUN_HEX + 1];
    char instance[AV_HOST_INSTANCE_MAX + 1];
} av_state_worker;

typedef struct av_state {
    char boot[64];
    av_state_instance *instances;
    size_t instance_count;
    av_state_worker *workers;
    size_t worker_count;
} av_state;

/* Pure. AV_ERR_CORRUPT names the line; ret is then empty. End with av_state_release. */
av_errc av_state_parse(av_span text, av_state *ret, av_error *err);
void av_state_release(av_state *self);

/* The other way, line by line. */
void av_state_write_head(av_buf *out, const char *boot);
void av_state_write_instance(av_buf *out, const av_state_instance *instance);
void av_state_write_worker(av_buf *out, const av_state_worker *worker);

/* [a-z0-9][a-z0-9._-]{0,62} (decisions.md 12) */
bool av_instance_id_valid(av_span id);
/* Absolute, at most AV_HOST_PATH_MAX bytes, no control characters, no "." or ".." or empty component, not "/". */
bool av_base_dir_valid(av_span path);

/* This boot of the machine, 36 characters; "unknown" where the kernel does not say. */
void av_state_boot(char ret[64]);

#endif
