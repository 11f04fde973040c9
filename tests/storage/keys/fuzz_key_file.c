/*
 * fuzz_key_file.c - any bytes as a header, as what the sealed pieces hold, and as a key that somebody typed
 *
 * The first byte says as what. What decodes encodes to the same bytes again.
 */
#include <stdlib.h>

#include "storage/keys/head.h"
#include "storage/keys/key_text.h"
#include "storage/keys/keyring_priv.h"
#include "storage/keys/keys_priv.h"
#include "storage/keys/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same(av_buf *out, av_span in)
{
    if (!av_span_eq(av_buf_span(out), in))
        abort();
    av_buf_release(out);
}

static void
as_tree(av_span in)
{
    av_key_tree *tree = NULL;
    uint32_t slots[2] = { 5, 1 << 20 };
    uint8_t key[32], salt[8] = { 0 };
    size_t n = 0;
    av_buf out;
    av_error err;

    if (av_key_tree_decode(in, &tree, &err) != AV_OK)
        return;
    av_buf_init(&out, 1 << 20);
    if (!av_key_tree_encode(tree, &out))
        abort();
    same(&out, in);
    for (unsigned i = 0; i < 2; i++)
        if (av_key_tree_record(tree, slots[i], salt, key) != av_key_tree_has(tree, slots[i]))
            abort();
    if (av_key_tree_puncture(tree, slots, 2, &n, &err) != AV_OK || av_key_tree_has(tree, 5) ||
        av_key_tree_has(tree, 1 << 20))
        abort();
    av_key_tree_destroy(&tree);
}

static void
as_head(av_span in)
{
    av_key_head head = { 0 };
    av_buf out;
    av_error err;

    if (av_key_head_decode(in, &head, &err) != AV_OK)
        return;
    av_buf_init(&out, 1 << 20);
    if (!av_key_head_encode(&head, &out))
        abort();
    same(&out, in);
    if (av_key_head_find(&head, 7) != NULL)
        av_key_head_remove(&head, 7);
    else
        av_key_head_add(&head, 7, in.p);
    av_key_head_release(&head);
}

static void
as_ring(av_span in)
{
    keys_ring_body body = { 0 };
    av_buf out;
    av_error err;

    if (keys_ring_decode(in, &body, &err) != AV_OK)
        return;
    av_buf_init(&out, 1 << 20);
    if (!keys_ring_encode(&body, &out))
        abort();
    same(&out, in);
    keys_ring_release(&body);
}

static void
as_file(av_span in, keys_file_kind kind)
{
    static const uint8_t key[32] = { 0x42, 0x43 };
    keys_header header;
    uint8_t got[32];
    av_buf out;
    av_error err;

    av_buf_init(&out, 1 << 20);
    (void)keys_file_decode(in, kind, key, &header, &out, &err);
    av_buf_release(&out);
    if ((kind == KEYS_RING || kind == KEYS_LOCK) && keys_header_decode(in, kind, &header, &err) == AV_OK)
        (void)keys_box_open(&header, key, got, &err);
}

static void
as_text(av_span in)
{
    av_key key, again;
    char text[AV_KEY_TEXT];
    av_error err;

    if (av_key_parse(in, &key, &err) != AV_OK)
        return;
    av_key_format(&key, text);
    if (av_key_parse(av_span_str(text), &again, &err) != AV_OK || again.kind != key.kind ||
        memcmp(again.bytes, key.bytes, 32) != 0)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_span in = av_span_of(data, size);

    if (size == 0)
        return 0;
    in = av_span_skip(in, 1);
    switch (data[0]) {
    case 't':
        as_tree(in);
        break;
    case 'h':
        as_head(in);
        break;
    case 'r':
        as_ring(in);
        break;
    case 'k':
        as_text(in);
        break;
    default:
        as_file(in, (keys_file_kind)(data[0] % 4));
    }
    return 0;
}
