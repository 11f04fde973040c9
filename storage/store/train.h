/*
 * train.h - zstd dictionaries out of a store's own mail
 *
 * Small content packs better with a dictionary made of mail like it than with the built-in one, and headers and texts
 * better with one of their own each. The bytes are read with
 * readers alone, so a thread beside the writer may do it; putting it into the log and into force is the writer's
 * (av_store_put_dictionary, av_store_use_dictionary).
 */
#ifndef AV_STORE_TRAIN_H
#define AV_STORE_TRAIN_H

#include "storage/store/store.h"

#define AV_TRAIN_FIRST      1000U         /* messages: with so many, a first one is better than the built-in one */
#define AV_TRAIN_MESSAGES   5000U         /* a good number of messages to train on: recent ones of all kinds */
#define AV_TRAIN_SAMPLES    (10U << 20)   /* bytes that are learned from for each dictionary, at most */
#define AV_TRAIN_DICTIONARY (110U * 1024) /* bytes of the dictionary, at most */

/*
 * Learn from the skeletons or the small text parts of these messages (LSNs as put gave them): of every n-th when they
 * are more than AV_TRAIN_MESSAGES, up to AV_TRAIN_SAMPLES bytes. Messages that are not there any more are passed over.
 * use: skeletons, parts, or all of them. out: the dictionary, which says what it is for; give it a ceiling of
 * AV_TRAIN_DICTIONARY at least. Takes half a second of one CPU and 30 MB.
 * AV_ERR_INVALID: too little or too uniform mail to learn from. AV_ERR_CORRUPT, AV_ERR_IO, AV_ERR_LIMIT (out too
 * small).
 */
av_errc av_store_train(
    const av_store *store, const uint64_t *lsns, size_t n, av_dictionary_use use, av_buf *out, av_error *err);

#endif
