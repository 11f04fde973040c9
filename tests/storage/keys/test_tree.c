/*
 * test_tree.c - the key tree against a naive one that hashes each key from the root, with random sets of erased slots
 */
#include "storage/keys/tree.h"

#include "tests/storage/keys/help.h"

#define ROUND_SLOTS 4096U /* of a round; spread over the tree by a shift */

static const uint8_t root[32] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
    24, 25, 26, 27, 28, 29, 30, 31 };

static av_key_tree *
tree_of_root(void)
{
    uint8_t plain[4 + AV_KEY_TREE_NODE] = { 1 };
    av_key_tree *tree = NULL;
    av_error err;

    memcpy(plain + 8, root, 32);
    AV_CHECK_RC(av_key_tree_decode(av_span_of(plain, sizeof plain), &tree, &err), AV_OK, &err);
    return tree;
}

/* Nodes of the way from the root to the slot's leaf. */
static void
naive_path(uint32_t slot, uint8_t path[25][32])
{
    uint8_t in[42];

    memcpy(path[0], root, 32);
    for (unsigned d = 0; d < 24; d++) {
        memcpy(in, path[d], 32);
        memcpy(in + 32, "AVLT tree", 9);
        in[41] = (uint8_t)(slot >> (23 - d) & 1);
        av_sha256(av_span_of(in, sizeof in), path[d + 1]);
    }
}

static void
naive_key(uint32_t slot, const uint8_t salt[8], uint8_t ret[32])
{
    uint8_t path[25][32], in[51];

    naive_path(slot, path);
    memcpy(in, path[24], 32);
    memcpy(in + 32, "AVLT record", 11);
    memcpy(in + 43, salt, 8);
    av_sha256(av_span_of(in, sizeof in), ret);
}

/* Values made by another program from docs/format-keys.md, 3. */
static void
test_known(void)
{
    static const struct {
        uint32_t slot;
        const char *key;
    } rows[] = {
        { 0, "1dffa647aa85ba9101ad219d9a5859dbdf61a0e9f1628439550de5d3315dda97" },
        { 1, "aad0457b2efcd6b13e22ddfde0bc2e90c6f68060be3e2755db33c33f419a1387" },
        { 0x123456, "24618bc81bbe64ed19d01494de9b02ba114b51d123b0aab4e83d189149b49c07" },
        { 0xffffff, "b78269687704c6f4079110117817071de28679dc30fda5c800606fde59b13c47" },
    };
    static const uint8_t salt[8] = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7 };
    av_key_tree *tree = tree_of_root();
    uint8_t key[32];
    char hex[65];

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        AV_CHECK(av_key_tree_record(tree, rows[i].slot, salt, key));
        av_hex_encode(av_span_of(key, 32), hex);
        AV_CHECK_STR(hex, rows[i].key);
    }
    av_key_tree_destroy(&tree);
}

/* Any order of asking gives the naive keys: the caches tell no lies. */
static void
test_order(void)
{
    av_key_tree *tree = tree_of_root();
    uint64_t random = seed_of_run();
    uint32_t slot = 0;
    uint8_t key[32], want[32];

    for (int i = 0; i < 20000; i++) {
        switch (roll(&random, 4)) {
        case 0:
            slot = (uint32_t)roll(&random, AV_KEY_TREE_SLOTS);
            break;
        case 1:
            slot = (slot + 1) % AV_KEY_TREE_SLOTS;
            break;
        case 2:
            slot = (slot + 131072 * (uint32_t)roll(&random, 3)) %
                   AV_KEY_TREE_SLOTS; /* the same place of the block table */
            break;
        default:
            slot ^= (uint32_t)1 << roll(&random, 24);
        }
        naive_key(slot, test_salt, want);
        if (!AV_CHECK(av_key_tree_record(tree, slot, test_salt, key) && memcmp(key, want, 32) == 0))
            break;
    }
    av_key_tree_destroy(&tree);
}

/* Encode and decode; what comes back replaces the tree. */
static void
through_bytes(av_key_tree **tree)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_key_tree *again = NULL;
    av_error err;

    av_buf_init(&out, FILE_CEILING);
    AV_CHECK(av_key_tree_encode(*tree, &out));
    AV_CHECK_INT(out.n, 4 + av_key_tree_nodes(*tree) * AV_KEY_TREE_NODE);
    AV_CHECK_RC(av_key_tree_decode(av_buf_span(&out), &again, &err), AV_OK, &err);
    AV_CHECK_INT(av_key_tree_nodes(again), av_key_tree_nodes(*tree));
    av_key_tree_destroy(tree);
    *tree = again;
}

static void
check_all(av_key_tree *tree, const bool *erased, unsigned shift)
{
    uint8_t key[32], want[32];

    for (uint32_t i = 0; i < ROUND_SLOTS; i++) {
        bool has = av_key_tree_has(tree, i << shift);

        if (!AV_CHECK(has == !erased[i]))
            return;
        if (i % 7 != 0) /* the naive keys take their time */
            continue;
        if (!AV_CHECK(av_key_tree_record(tree, i << shift, test_salt, key) == !erased[i]))
            return;
        naive_key(i << shift, test_salt, want);
        if (!AV_CHECK(erased[i] || memcmp(key, want, 32) == 0))
            return;
    }
}

/* One round: some erasures of runs and of single slots, each followed by a look at all. */
static void
random_round(uint64_t *random)
{
    static bool erased[ROUND_SLOTS];
    static uint32_t slots[ROUND_SLOTS];
    unsigned shift = (unsigned)roll(random, 13);
    av_key_tree *tree = tree_of_root();
    av_error err;

    memset(erased, 0, sizeof erased);
    for (int step = 0; step < 4; step++) {
        static bool wanted[ROUND_SLOTS];
        size_t n = 0, fresh = 0, ret = 0;

        memset(wanted, 0, sizeof wanted);
        for (uint64_t run = roll(random, 12); run > 0; run--) {
            uint64_t from = roll(random, ROUND_SLOTS), length = roll(random, 2) ? 1 : roll(random, 600);

            for (uint64_t i = from; i < AV_MIN(from + length, (uint64_t)ROUND_SLOTS); i++)
                wanted[i] = true;
        }
        for (uint32_t i = 0; i < ROUND_SLOTS; i++)
            if (wanted[i]) {
                slots[n++] = i << shift;
                fresh += erased[i] ? 0 : 1;
                erased[i] = true;
            }
        AV_CHECK_RC(av_key_tree_puncture(tree, slots, n, &ret, &err), AV_OK, &err);
        AV_CHECK_INT(ret, fresh);
        if (step % 2 == 0)
            through_bytes(&tree);
        check_all(tree, erased, shift);
    }
    av_key_tree_destroy(&tree);
}

static void
test_random(void)
{
    unsigned long rounds = rounds_of_run(25);
    uint64_t random = seed_of_run();

    for (unsigned long i = 0; i < rounds && av_check_failed == 0; i++) {
        av_check_row = (long)i;
        random_round(&random);
    }
    printf("  %lu rounds\n", rounds);
}

static bool
holds(av_span in, const uint8_t *value)
{
    for (size_t i = 0; i + 32 <= in.n; i++)
        if (memcmp(in.p + i, value, 32) == 0)
            return true;
    return false;
}

/* Of the way to an erased slot nothing is left, not its leaf and nothing it can be computed from. */
static void
test_nothing_left(void)
{
    static const uint32_t slots[] = { 0, 5, 6, 7, 4096, 0x7fffff, 0x800000, 0xffffff };
    av_key_tree *tree = tree_of_root();
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    uint8_t path[25][32];
    size_t n = 0;
    av_error err;

    AV_CHECK_RC(av_key_tree_puncture(tree, slots, AV_COUNT(slots), &n, &err), AV_OK, &err);
    AV_CHECK_INT(n, AV_COUNT(slots));
    av_buf_init(&out, FILE_CEILING);
    AV_CHECK(av_key_tree_encode(tree, &out));
    for (size_t i = 0; i < AV_COUNT(slots); i++) {
        av_check_row = (long)i;
        naive_path(slots[i], path);
        for (unsigned d = 0; d <= 24; d++)
            AV_CHECK(!holds(av_buf_span(&out), path[d]));
    }
    naive_path(4, path); /* the test can see what is there */
    AV_CHECK(holds(av_buf_span(&out), path[24]));
    av_key_tree_destroy(&tree);
}

static void
test_sizes(void)
{
    av_key_tree *tree = tree_of_root();
    uint32_t *slots = calloc(1U << 22, sizeof *slots);
    size_t n = 0;
    av_error err;

    slots[0] = 12345;
    AV_CHECK_RC(av_key_tree_puncture(tree, slots, 1, &n, &err), AV_OK, &err);
    AV_CHECK_INT(av_key_tree_nodes(tree), 24);
    for (uint32_t i = 0; i < 1U << 20; i++) /* an aligned run goes whole */
        slots[i] = i;
    AV_CHECK_RC(av_key_tree_puncture(tree, slots, 1U << 20, &n, &err), AV_OK, &err);
    AV_CHECK_INT(n, (1U << 20) - 1);
    AV_CHECK_INT(av_key_tree_nodes(tree), 4);
    for (uint32_t i = 0; i < 1U << 21; i++) /* every second: too many nodes */
        slots[i] = (1U << 23) + 2 * i;
    AV_CHECK_RC(av_key_tree_puncture(tree, slots, 1U << 21, &n, &err), AV_ERR_LIMIT, &err);
    check_says(&err, "compact");
    AV_CHECK_INT(av_key_tree_nodes(tree), 4);
    AV_CHECK(av_key_tree_has(tree, 1U << 23));
    av_key_tree_destroy(&tree);
    free(slots);
}

static void
test_damaged(void)
{
    uint8_t plain[4 + 2 * AV_KEY_TREE_NODE] = { 2 };
    static const struct {
        uint32_t first, second; /* depth and index << 8 of both nodes */
        av_errc want;
    } rows[] = {
        { 1, 1 | 1 << 8, AV_OK },
        { 1 | 1 << 8, 1, AV_ERR_CORRUPT },  /* order */
        { 1, 1, AV_ERR_CORRUPT },           /* twice */
        { 0, 1 | 1 << 8, AV_ERR_CORRUPT },  /* inside */
        { 25, 1 | 1 << 8, AV_ERR_CORRUPT }, /* too deep */
        { 2, 1 | 2 << 8, AV_ERR_CORRUPT },  /* no such index */
        { 24, 24 | 0xffffffU << 8, AV_OK },
    };
    av_key_tree *tree = NULL;
    av_error err;

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        for (unsigned b = 0; b < 4; b++) {
            plain[4 + b] = (uint8_t)(rows[i].first >> 8 * b);
            plain[4 + AV_KEY_TREE_NODE + b] = (uint8_t)(rows[i].second >> 8 * b);
        }
        AV_CHECK_RC(av_key_tree_decode(av_span_of(plain, sizeof plain), &tree, &err), rows[i].want, &err);
        av_key_tree_destroy(&tree);
        for (size_t n = 0; n < sizeof plain; n++)
            AV_CHECK_RC(av_key_tree_decode(av_span_of(plain, n), &tree, &err), AV_ERR_CORRUPT, &err);
    }
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_known);
    AV_RUN(test_order);
    AV_RUN(test_random);
    AV_RUN(test_nothing_left);
    AV_RUN(test_sizes);
    AV_RUN(test_damaged);
    return av_check_done();
}
