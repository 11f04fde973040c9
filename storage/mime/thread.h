/*
 * thread.h - the thread a message belongs to, from its own header alone
 *
 * Pure. A thread is named by its root, the message id that began it:
 *
 *   1. the first id of References (RFC 5322, 3.6.4: ancestors, the oldest first), else
 *   2. of In-Reply-To the first id or, when words stand before that, the last one ("Message from <a@b> of ... <id>":
 *      addresses come first), else
 *   3. its own Message-ID.
 *
 * Nothing else is looked at: not other messages, not the order they came in, not the clock. So the thread of a message
 * is the same in every store and after every rebuild, and it never changes (RFC 8621, 3; RFC 8474, 5.3). The price: an
 * answer whose mailer wrote no References (or cut the front off) begins a thread of its own at the message it answers;
 * RFC 8621 allows that. The subject is not part of it: a patch series and an answer with a better subject stay
 * together.
 */
#ifndef AV_STORAGE_MIME_THREAD_H
#define AV_STORAGE_MIME_THREAD_H

#include "storage/mime/msg_id.h"

#define AV_THREAD_KEY_SIZE 16

/* Raw field values, empty where there is none. false: no id anywhere; else root is replaced with the root's id. */
bool av_thread_root(av_span references, av_span in_reply_to, av_span message_id, av_buf *root);
/* First 16 bytes of SHA-256 of the root's id behind a prefix of our own; all zeros (and false) when there is none. */
bool av_thread_key(av_span references, av_span in_reply_to, av_span message_id, uint8_t ret[AV_THREAD_KEY_SIZE]);

/* Bytes of an id in av_thread_ids. */
#define AV_THREAD_HASH_SIZE 8

/*
 * What threading by references (RFC 5256, 3, THREAD=REFERENCES) knows of a message: first its own id, then its references,
 * the oldest first: those of References, or when that has none the first of In-Reply-To. An id is AV_THREAD_HASH_SIZE bytes
 * of SHA-256 of it; zeros: the message has none of its own. An id without '@' is none here. Appends to out, as many as find
 * room.
 */
void av_thread_ids(av_span references, av_span in_reply_to, av_span message_id, av_buf *out);

#endif
