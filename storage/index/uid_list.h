/*
 * uid_list.h - UIDs as bytes, in any order and as threads: what answers of a mailbox search are made of (sets: uid_wire.h)
 *
 * Pure. Numbers are varints (storage/container/tlv.h); a difference is taken modulo 2^32 and its sign put last (zigzag), so
 * that neighbours cost one byte. A reader is given the bytes that are left and takes one element off their front.
 */
#ifndef AV_STORAGE_INDEX_UID_LIST_H
#define AV_STORAGE_INDEX_UID_LIST_H

#include "base/buf.h"

/* Writer and reader alike: the UID of the last element. Starts zeroed. */
typedef struct av_uid_list {
    uint32_t last;
} av_uid_list;

/* UIDs in any order: the difference to the one before. */
bool av_uid_list_put(av_uid_list *self, uint32_t uid, av_buf *out);
bool av_uid_list_take(av_uid_list *self, av_span *in, uint32_t *ret);

/* Threads, each message before its answers: its UID (0: a place without a message) and the number of its answers. */
bool av_uid_list_put_node(av_uid_list *self, uint32_t uid, uint32_t children, av_buf *out);
bool av_uid_list_take_node(av_uid_list *self, av_span *in, uint32_t *ret_uid, uint32_t *ret_children);

#endif
