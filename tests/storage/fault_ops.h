/*
 * fault_ops.h - a disk that fails at one call: EIO, ENOSPC, half a write, once or from then on
 *
 * Stands behind av_file_ops, so it reaches the store, the keys and RocksDB's files alike. Thread safe. Link av_test_disk.
 *
 *   for (long i = 0;; i++) {
 *       fault_ops_begin(&(fault_plan){ .fail_at = i, .error = EIO });
 *       ... a session ...
 *       if (!fault_ops_end())
 *           break;                   // it has fewer calls than i: all were tried
 *       ... what must hold now ...
 *   }
 */
#ifndef AV_TESTS_FAULT_OPS_H
#define AV_TESTS_FAULT_OPS_H

#include <stdbool.h>

typedef struct fault_plan {
    long fail_at;     /* number of the call that fails, from 0; -1: none, they are only counted */
    int error;        /* its errno */
    bool stay;        /* every later one fails, too */
    bool half;        /* a failing write leaves half its bytes (of one inside a sector that was there: none) */
    bool reads;       /* reads count and fail, too */
    const char *only; /* NULL, or the one kind of call that counts: "fdatasync" */
} fault_plan;

/* From now on; the ops in force are those behind it. */
void fault_ops_begin(const fault_plan *plan);
/* The real calls again. Did one fail? */
bool fault_ops_end(void);
/* Of the last session: calls that counted; the first one that failed ("pwrite"; "" for none). */
long fault_ops_calls(void);
const char *fault_ops_what(void);

#endif
