/*
 * uid_wire.h - runs of UIDs as few bytes, to send over the bus
 *
 * For each run two numbers (LEB128, shortest form): UIDs left out between the run before it (at first: 0) and this one,
 * and UIDs in it less one. A mailbox without gaps is one run, 100,000 gaps are some 250 KB.
 */
#ifndef AV_STORAGE_INDEX_UID_WIRE_H
#define AV_STORAGE_INDEX_UID_WIRE_H

#include "base/buf.h"
#include "storage/index/query.h"

/* Append a run behind the one that ended with UID `before` (0: it is the first). false: out is full. */
bool av_uid_wire_put(av_buf *out, uint32_t before, av_query_range run);
/* Take the next run off the front of in, or false: it was not one. UIDs end below UINT32_MAX. */
bool av_uid_wire_take(av_span *in, uint32_t before, av_query_range *ret);

#endif
