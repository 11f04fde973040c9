/*
 * tree.h - the key tree of one container: 2^24 record keys from one root, each of which can be taken out for good
 *
 * A GGM tree (Goldreich, Goldwasser, Micali 1986), punctured: docs/format-keys.md, 3. Pure computation, no I/O. Not
 * thread safe: looking up moves a cache. With it neighbouring slots cost about two hashes each, a far one at most 24.
 */
#ifndef AV_KEYS_TREE_H
#define AV_KEYS_TREE_H

#include "base/buf.h"
#include "base/error.h"

#define AV_KEY_TREE_DEPTH 24U
#define AV_KEY_TREE_SLOTS (1U << AV_KEY_TREE_DEPTH)
#define AV_KEY_TREE_NODES (1U << 20) /* most nodes of a tree */
#define AV_KEY_TREE_NODE  36U        /* bytes of a node on disk */

typedef struct av_key_tree av_key_tree;

/* A new tree with a random root. */
av_key_tree *av_key_tree_new(void);
/* NULL and *NULL are no-ops; wipes. */
void av_key_tree_destroy(av_key_tree **self);

/* Does the slot (below AV_KEY_TREE_SLOTS) have its key still? */
bool av_key_tree_has(const av_key_tree *self, uint32_t slot);
/* Key of the record with this salt at the slot; false when erased. The caller wipes ret. */
bool av_key_tree_record(av_key_tree *self, uint32_t slot, const uint8_t salt[8], uint8_t ret[32]);

/*
 * Take slots out: n of them, ascending, each once, below AV_KEY_TREE_SLOTS. ret_n: how many had a key until now.
 * AV_ERR_LIMIT when the tree would need more than AV_KEY_TREE_NODES; it stays as it was then.
 */
av_errc av_key_tree_puncture(av_key_tree *self, const uint32_t *slots, size_t n, size_t *ret_n, av_error *err);

size_t av_key_tree_nodes(const av_key_tree *self);
/* Bytes of memory it takes. */
size_t av_key_tree_bytes(const av_key_tree *self);

/* Appends the plain form; false when out is full. out is a secret. */
bool av_key_tree_encode(const av_key_tree *self, av_buf *out);
/* AV_ERR_CORRUPT for anything av_key_tree_encode would not write. */
av_errc av_key_tree_decode(av_span in, av_key_tree **ret, av_error *err);

#endif
