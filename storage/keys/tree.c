/*
 * tree.c - see tree.h
 *
 * Hashing is OpenSSL's plain SHA-256: one block costs 98 ns where libsodium takes 377, OpenSSL's one-shot SHA256() 618
 * and a reused EVP context 130 (which would also tie a tree to a context).
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init and its kin: for their speed, see above */
#include "storage/keys/tree.h"

#include <openssl/sha.h>

#include "base/secret.h"

#define BLOCK_DEPTH 16U  /* nodes of this depth are kept in a small table: */
#define BLOCKS      512U /* 512 of them stand for 131,072 slots */

typedef struct node {
    uint32_t first; /* slot; ascending, nodes do not overlap */
    uint8_t depth;
    uint8_t value[32];
} node;

typedef struct block {
    bool used;
    uint32_t tag; /* slot >> (24 - BLOCK_DEPTH) */
    uint8_t value[32];
} block;

struct av_key_tree {
    node *nodes;
    size_t n;
    /* The way down to the last slot asked for, from its node: path[d] is valid for from <= d <= 24. */
    bool have_path;
    uint32_t path_slot;
    unsigned path_from;
    uint8_t path[AV_KEY_TREE_DEPTH + 1][32];
    block blocks[BLOCKS];
};

typedef struct node_list {
    node *nodes;
    size_t n, cap;
} node_list;

static uint32_t
span_of(unsigned depth)
{
    return 1U << (AV_KEY_TREE_DEPTH - depth);
}

static void
hash_child(SHA256_CTX *ctx, const uint8_t parent[32], uint8_t which, uint8_t ret[32])
{
    (void)SHA256_Init(ctx);
    (void)SHA256_Update(ctx, parent, 32);
    (void)SHA256_Update(ctx, "AVLT tree", 9);
    (void)SHA256_Update(ctx, &which, 1);
    (void)SHA256_Final(ret, ctx);
}

static av_key_tree *
tree_of(node *nodes, size_t n)
{
    av_key_tree *self = av_xcalloc(1, sizeof *self);

    self->nodes = nodes;
    self->n = n;
    return self;
}

av_key_tree *
av_key_tree_new(void)
{
    node *root = av_xcalloc(1, sizeof *root);

    av_random_bytes(root->value, sizeof root->value);
    return tree_of(root, 1);
}

static void
free_nodes(node *nodes, size_t n)
{
    if (nodes != NULL)
        av_secret_wipe(nodes, n * sizeof *nodes);
    free(nodes);
}

void
av_key_tree_destroy(av_key_tree **self)
{
    if (self == NULL || *self == NULL)
        return;
    free_nodes((*self)->nodes, (*self)->n);
    av_secret_wipe(*self, sizeof **self);
    free(*self);
    *self = NULL;
}

/* The node above the slot, or NULL. */
static const node *
find_node(const av_key_tree *self, uint32_t slot)
{
    size_t lo = 0, hi = self->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (self->nodes[mid].first <= slot)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0 || slot - self->nodes[lo - 1].first >= span_of(self->nodes[lo - 1].depth))
        return NULL;
    return &self->nodes[lo - 1];
}

bool
av_key_tree_has(const av_key_tree *self, uint32_t slot)
{
    assert(slot < AV_KEY_TREE_SLOTS);
    return find_node(self, slot) != NULL;
}

/* The deepest depth from which the way to slot is known; path holds that node. */
static unsigned
start_of_path(av_key_tree *self, const node *above, uint32_t slot)
{
    const block *b = &self->blocks[(slot >> (AV_KEY_TREE_DEPTH - BLOCK_DEPTH)) % BLOCKS];
    unsigned common = 0;

    if (self->have_path) {
        uint32_t differ = slot ^ self->path_slot;

        common = differ == 0 ? AV_KEY_TREE_DEPTH : (unsigned)__builtin_clz(differ) - (32 - AV_KEY_TREE_DEPTH);
        if (common >= self->path_from && common >= above->depth) {
            if (common >= BLOCK_DEPTH || !b->used || b->tag != slot >> (AV_KEY_TREE_DEPTH - BLOCK_DEPTH))
                return common;
        }
    }
    self->path_from = above->depth; /* what lies above the start is of another way, see below */
    if (b->used && b->tag == slot >> (AV_KEY_TREE_DEPTH - BLOCK_DEPTH) && above->depth <= BLOCK_DEPTH) {
        memcpy(self->path[BLOCK_DEPTH], b->value, 32);
        self->path_from = BLOCK_DEPTH;
        return BLOCK_DEPTH;
    }
    memcpy(self->path[above->depth], above->value, 32);
    return above->depth;
}

bool
av_key_tree_record(av_key_tree *self, uint32_t slot, const uint8_t salt[8], uint8_t ret[32])
{
    const node *above;
    SHA256_CTX ctx;

    assert(slot < AV_KEY_TREE_SLOTS);
    above = find_node(self, slot);
    if (above == NULL)
        return false;
    for (unsigned d = start_of_path(self, above, slot); d < AV_KEY_TREE_DEPTH; d++) {
        hash_child(&ctx, self->path[d], (uint8_t)(slot >> (AV_KEY_TREE_DEPTH - 1 - d) & 1), self->path[d + 1]);
        if (d + 1 == BLOCK_DEPTH) {
            block *b = &self->blocks[(slot >> (AV_KEY_TREE_DEPTH - BLOCK_DEPTH)) % BLOCKS];

            b->used = true;
            b->tag = slot >> (AV_KEY_TREE_DEPTH - BLOCK_DEPTH);
            memcpy(b->value, self->path[d + 1], 32);
        }
    }
    self->have_path = true;
    self->path_slot = slot;
    (void)SHA256_Init(&ctx);
    (void)SHA256_Update(&ctx, self->path[AV_KEY_TREE_DEPTH], 32);
    (void)SHA256_Update(&ctx, "AVLT record", 11);
    (void)SHA256_Update(&ctx, salt, 8);
    (void)SHA256_Final(ret, &ctx);
    av_secret_wipe(&ctx, sizeof ctx);
    return true;
}

/* realloc would leave a copy of the old nodes behind */
static node *
list_add(node_list *list)
{
    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 64 : list->cap * 2;
        node *more = av_xalloc(cap * sizeof *more);

        if (list->n > 0)
            memcpy(more, list->nodes, list->n * sizeof *more);
        free_nodes(list->nodes, list->n);
        list->nodes = more;
        list->cap = cap;
    }
    return &list->nodes[list->n++];
}

/* The index of the first slot >= bound in slots[lo, hi). */
static size_t
first_from(const uint32_t *slots, size_t lo, size_t hi, uint64_t bound)
{
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (slots[mid] < bound)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* What stays of one node without slots[lo, hi), all of which it stands for, appended in order. */
static bool
puncture_node(const node *top, const uint32_t *slots, size_t lo, size_t hi, node_list *out)
{
    struct {
        node at;
        size_t lo, hi;
    } stack[AV_KEY_TREE_DEPTH + 2]; /* on the way down one sibling of each depth waits */
    unsigned n = 0;
    SHA256_CTX ctx;
    bool fits = true;

    stack[n].at = *top;
    stack[n].lo = lo;
    stack[n++].hi = hi;
    while (n > 0 && fits) {
        node at = stack[--n].at;
        size_t from = stack[n].lo, to = stack[n].hi, middle;
        uint32_t half = span_of(at.depth) / 2;

        if (from == to) {
            fits = out->n < AV_KEY_TREE_NODES;
            if (fits)
                *list_add(out) = at;
        } else if (to - from < span_of(at.depth)) { /* else nothing of it stays */
            middle = first_from(slots, from, to, (uint64_t)at.first + half);
            stack[n].at = (node){ .first = at.first + half, .depth = (uint8_t)(at.depth + 1) };
            hash_child(&ctx, at.value, 1, stack[n].at.value);
            stack[n].lo = middle;
            stack[n++].hi = to;
            stack[n].at = (node){ .first = at.first, .depth = (uint8_t)(at.depth + 1) };
            hash_child(&ctx, at.value, 0, stack[n].at.value);
            stack[n].lo = from;
            stack[n++].hi = middle;
        }
        av_secret_wipe(&at, sizeof at);
    }
    av_secret_wipe(stack, sizeof stack);
    av_secret_wipe(&ctx, sizeof ctx);
    return fits;
}

av_errc
av_key_tree_puncture(av_key_tree *self, const uint32_t *slots, size_t n, size_t *ret_n, av_error *err)
{
    node_list out = { 0 };
    size_t lo = 0, erased = 0;

    for (size_t i = 0; i < self->n; i++) {
        const node *top = &self->nodes[i];
        size_t from = first_from(slots, lo, n, top->first);
        size_t to = first_from(slots, from, n, (uint64_t)top->first + span_of(top->depth));

        if (!puncture_node(top, slots, from, to, &out)) {
            free_nodes(out.nodes, out.n);
            return av_error_set(err, AV_ERR_LIMIT,
                "so many records apart from each other cannot be erased in one container (its key tree would need more "
                "than %u nodes): compact the store first",
                AV_KEY_TREE_NODES);
        }
        erased += to - from;
        lo = to;
    }
    free_nodes(self->nodes, self->n);
    self->nodes = out.nodes;
    self->n = out.n;
    self->have_path = false;
    av_secret_wipe(self->path, sizeof self->path);
    av_secret_wipe(self->blocks, sizeof self->blocks);
    *ret_n = erased;
    return AV_OK;
}

size_t
av_key_tree_nodes(const av_key_tree *self)
{
    return self->n;
}

size_t
av_key_tree_bytes(const av_key_tree *self)
{
    return sizeof *self + self->n * sizeof *self->nodes;
}

bool
av_key_tree_encode(const av_key_tree *self, av_buf *out)
{
    (void)av_buf_put_u32(out, (uint32_t)self->n);
    for (size_t i = 0; i < self->n; i++) {
        const node *at = &self->nodes[i];
        uint32_t index = at->depth == 0 ? 0 : at->first >> (AV_KEY_TREE_DEPTH - at->depth);

        (void)av_buf_put_u32(out, index << 8 | at->depth); /* depth, then the index in three bytes */
        (void)av_buf_append(out, at->value, sizeof at->value);
    }
    return !out->full;
}

av_errc
av_key_tree_decode(av_span in, av_key_tree **ret, av_error *err)
{
    uint32_t n = 0, word = 0;
    uint64_t next = 0; /* first slot nobody stands for yet */
    node *nodes;

    if (!av_span_get_u32(&in, &n) || n > AV_KEY_TREE_NODES || in.n != (size_t)n * AV_KEY_TREE_NODE)
        return av_error_set(err, AV_ERR_CORRUPT, "a key tree of %u nodes in %zu bytes", n, in.n);
    nodes = av_xcalloc(n == 0 ? 1 : n, sizeof *nodes);
    for (uint32_t i = 0; i < n; i++) {
        av_span value;
        uint32_t depth, index;

        (void)av_span_get_u32(&in, &word);
        (void)av_span_get_bytes(&in, 32, &value);
        depth = word & 0xff;
        index = word >> 8;
        if (depth > AV_KEY_TREE_DEPTH || index >> depth != 0 || (uint64_t)index * span_of(depth) < next) {
            free_nodes(nodes, n);
            return av_error_set(err, AV_ERR_CORRUPT, "node %u of a key tree is not in its place", i);
        }
        nodes[i].first = index * span_of(depth);
        nodes[i].depth = (uint8_t)depth;
        memcpy(nodes[i].value, value.p, 32);
        next = (uint64_t)nodes[i].first + span_of(depth);
    }
    *ret = tree_of(nodes, n);
    return AV_OK;
}
