/*
 * verify.h - is everything in a store what it was when it was written?
 *
 * Containers (framing, CRC, chain, tags), contents (each part and message opened, put together, digest compared),
 * events (each opens and is well formed; each placement names a message that is there, with its digest), keys (what is
 * not erased has its key, what is erased has none), and the store's view, row by row, against a replay. Goes on behind
 * damage at the next record whose header checks. Reads only; memory is bounded.
 */
#ifndef AV_CARE_VERIFY_H
#define AV_CARE_VERIFY_H

#include "storage/care/watch.h"
#include "storage/meta/store_view.h"

typedef enum av_fault_kind {
    AV_FAULT_CONTAINER = 1, /* framing, CRC, chain, commit */
    AV_FAULT_CONTENT = 2,   /* a message or part that does not open or is not what its digest says */
    AV_FAULT_EVENTS = 3,
    AV_FAULT_KEYS = 4,
    AV_FAULT_VIEW = 5
} av_fault_kind;
/* The word for logs and JSON: "container". Never NULL. */
const char *av_fault_kind_word(av_fault_kind kind);

/* One fault, valid for the call. A damaged part is told for itself, and once more for each message that uses it. */
typedef struct av_fault {
    av_fault_kind kind;
    uint64_t lsn;          /* of the record, or of the place where none could be read; 0: none */
    uint64_t message_lsn;  /* the message that is hit; 0: none, or not known */
    const uint8_t *digest; /* its SHA-256 (32 bytes) when known, else NULL */
    const char *sentence;
} av_fault;

typedef struct av_verify_options {
    /* LSN of a commit: what stood then is checked. 0: av_store_committed_lsn, for when nobody writes meanwhile. */
    uint64_t until_lsn;
    /* What somebody knows to have been acknowledged; a log that ends before is a fault. 0: nothing known. */
    uint64_t witnessed_lsn;
    bool contents; /* put each message together; else framing, chain, tags, keys and events alone */
    /* Compare the view with a replay: a snapshot (its LSN takes the place of until_lsn), and a folder that is made,
     * used and removed. NULL: not done. Nothing can be said when the log has faults; nor when it differs and something
     * was erased since the snapshot, for a replay cannot read that any more: hold erasures back meanwhile. */
    const av_meta_view *view;
    const char *scratch_dir;
    void *ctx;
    av_errc (*fault)(void *ctx, const av_fault *fault, av_error *err); /* anything but AV_OK ends the work */
} av_verify_options;

typedef struct av_verify_result {
    uint64_t containers, groups, records, messages, parts, events;
    uint64_t rows;  /* of the view, compared; 0: it was not, or nothing can be said */
    uint64_t bytes; /* of containers, read */
    uint64_t faults;
} av_verify_result;

/*
 * Any thread, beside the writer and beside a compaction. watch may be NULL. AV_OK with faults, too: ret tells.
 * AV_ERR_CANCELLED, AV_ERR_IO (a disk that cannot be read is no fault of the store), AV_ERR_NOMEM, what fault returned.
 */
av_errc av_care_verify(const av_store *store, const av_verify_options *options, const av_care_watch *watch,
    av_verify_result *ret, av_error *err);

#endif
