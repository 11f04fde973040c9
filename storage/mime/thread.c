/*
 * thread.c - see thread.h
 */
#include "storage/mime/thread.h"

#include "base/encode.h"

#define PREFIX "archivolt thread\n" /* no digest of an id alone, which others might keep, too */

static bool
answered(av_span in_reply_to, av_buf *root)
{
    AV_CLEANUP(av_buf_release) av_buf later = { 0 };
    av_msg_ids ids = { .rest = in_reply_to };

    if (!av_msg_ids_next(&ids, root))
        return false;
    if (!ids.words)
        return true;
    av_buf_init(&later, AV_MSG_ID_MAX);
    while (av_msg_ids_next(&ids, &later)) {
        av_buf_clear(root);
        (void)av_buf_append_span(root, av_buf_span(&later));
    }
    return true;
}

bool
av_thread_root(av_span references, av_span in_reply_to, av_span message_id, av_buf *root)
{
    av_msg_ids ids = { .rest = references };

    return av_msg_ids_next(&ids, root) || answered(in_reply_to, root) || av_msg_id_own(message_id, root);
}

bool
av_thread_key(av_span references, av_span in_reply_to, av_span message_id, uint8_t ret[AV_THREAD_KEY_SIZE])
{
    AV_CLEANUP(av_buf_release) av_buf root = { 0 };
    AV_CLEANUP(av_buf_release) av_buf named = { 0 };
    uint8_t digest[AV_SHA256_SIZE];

    memset(ret, 0, AV_THREAD_KEY_SIZE);
    av_buf_init(&root, AV_MSG_ID_MAX);
    if (!av_thread_root(references, in_reply_to, message_id, &root))
        return false;
    av_buf_init(&named, sizeof PREFIX + AV_MSG_ID_MAX);
    (void)av_buf_puts(&named, PREFIX);
    (void)av_buf_append_span(&named, av_buf_span(&root));
    av_sha256(av_buf_span(&named), digest);
    memcpy(ret, digest, AV_THREAD_KEY_SIZE);
    return true;
}

static bool
put_hash(av_span id, av_buf *out)
{
    uint8_t digest[AV_SHA256_SIZE];

    if (av_span_find(id, '@') == id.n)
        return false;
    av_sha256(id, digest);
    return out->max - out->n >= AV_THREAD_HASH_SIZE && av_buf_append(out, digest, AV_THREAD_HASH_SIZE);
}

void
av_thread_ids(av_span references, av_span in_reply_to, av_span message_id, av_buf *out)
{
    static const uint8_t none[AV_THREAD_HASH_SIZE];
    AV_CLEANUP(av_buf_release) av_buf id = { 0 };
    av_msg_ids ids = { .rest = references };
    bool any = false;

    av_buf_init(&id, AV_MSG_ID_MAX);
    if (!av_msg_id_own(message_id, &id) || !put_hash(av_buf_span(&id), out))
        (void)av_buf_append(out, none, sizeof none);
    while (av_msg_ids_next(&ids, &id))
        any = put_hash(av_buf_span(&id), out) || any;
    ids = (av_msg_ids){ .rest = in_reply_to };
    while (!any && av_msg_ids_next(&ids, &id))
        any = put_hash(av_buf_span(&id), out);
}
