/*
 * threading.h - messages to threads: REFERENCES and ORDEREDSUBJECT of RFC 5256, 3
 *
 * Pure. Nothing recurses on what messages say; each message is looked at a bounded number of times, but for chains of
 * references that are built to be walked: whoever calls may cancel.
 */
#ifndef AV_INSTANCE_THREADING_H
#define AV_INSTANCE_THREADING_H

#include "base/buf.h"
#include "base/error.h"

#define AV_THREADING_NO_SUBJECT UINT32_MAX

typedef struct av_threading_message {
    uint32_t uid;
    uint32_t subject; /* number of its base subject: the same text, the same number; or AV_THREADING_NO_SUBJECT */
    int64_t date_unix_s;
    bool is_reply;     /* or forward (RFC 5256, 2.1) */
    uint32_t id_count; /* of references */
    uint64_t own;      /* its message id; 0: none */
    size_t ids;        /* index of its first reference */
} av_threading_message;

typedef struct av_threading_input {
    const av_threading_message *messages; /* by UID */
    size_t n;
    const uint64_t *ids; /* references of all */
    bool (*cancel)(void *ctx);
    void *cancel_ctx;
} av_threading_input;

/* Threads onto out (storage/index/uid_list.h). AV_ERR_LIMIT: out is full. AV_ERR_CANCELLED. */
av_errc av_threading_references(const av_threading_input *in, av_buf *out, av_error *err);
av_errc av_threading_subjects(const av_threading_input *in, av_buf *out, av_error *err);

#endif
