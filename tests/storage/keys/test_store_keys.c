/*
 * test_store_keys.c - a store's keys on disk: what is asked for comes back, what was erased does not, not even beside
 * older copies of single files; and no flipped byte gives a wrong key
 */
#include "storage/keys/store_keys.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/storage/keys/help.h"

static av_store_keys *
make(const char *dir)
{
    av_store_keys *keys = NULL;
    av_error err;

    AV_CHECK_RC(av_store_keys_create(dir, test_uuid, test_key, &keys, &err), AV_OK, &err);
    return keys;
}

static av_store_keys *
reopen(const char *dir)
{
    av_store_keys *keys = NULL;
    av_error err;

    AV_CHECK_RC(av_store_keys_open(dir, test_uuid, test_key, &keys, &err), AV_OK, &err);
    return keys;
}

static void
add(av_store_keys *keys, uint32_t container)
{
    av_error err;

    AV_CHECK_RC(av_store_keys_container_add(keys, container, &err), AV_OK, &err);
}

static void
erase_one(av_store_keys *keys, uint32_t container, uint32_t slot)
{
    av_key_slot one = { container, slot };
    av_error err;

    AV_CHECK_RC(av_store_keys_erase(keys, &one, 1, &err), AV_OK, &err);
}

static void
test_answers(void)
{
    test_dir d = dir_new();
    av_store_keys *keys = make(d.path), *again = NULL;
    uint8_t key[32], other[32], database[32];
    bool erased = true;
    av_error err;

    AV_CHECK(memcmp(av_store_keys_uuid(keys), test_uuid, 16) == 0);
    AV_CHECK(memcmp(av_store_keys_log(keys), av_store_keys_dedup(keys), 32) != 0);
    AV_CHECK_INT(key_of(keys, 1, 0, key), AV_ERR_NOT_FOUND);
    AV_CHECK(!av_store_keys_has_container(keys, 1));
    add(keys, 1);
    AV_CHECK(av_store_keys_has_container(keys, 1));
    AV_CHECK_RC(av_store_keys_container_add(keys, 1, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(av_store_keys_container_add(keys, 0, &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_store_keys_container_add(keys, 100000000, &err), AV_ERR_INVALID, &err);
    AV_CHECK_INT(key_of(keys, 1, AV_STORE_KEYS_SLOTS, key), AV_ERR_LIMIT);
    AV_CHECK_INT(key_of(keys, 1, 7, key), AV_OK);
    AV_CHECK_RC(av_store_keys_record(keys, 1, 7, (const uint8_t *)"another.", other, &err), AV_OK, &err);
    AV_CHECK(memcmp(key, other, 32) != 0); /* the salt counts */
    AV_CHECK_RC(av_store_keys_is_erased(keys, 1, 7, &erased, &err), AV_OK, &err);
    AV_CHECK(!erased);
    erase_one(keys, 1, 7);
    AV_CHECK_RC(av_store_keys_record(keys, 1, 7, test_salt, key, &err), AV_ERR_GONE, &err);
    check_says(&err, "erased");
    AV_CHECK_RC(av_store_keys_is_erased(keys, 1, 7, &erased, &err), AV_OK, &err);
    AV_CHECK(erased);
    av_store_keys_database(keys, database);
    AV_CHECK_RC(av_store_keys_create(d.path, test_uuid, test_key, &again, &err), AV_ERR_EXISTS, &err);
    av_store_keys_unref(&keys);
    keys = reopen(d.path);
    av_store_keys_database(keys, other);
    AV_CHECK(memcmp(database, other, 32) == 0);
    AV_CHECK_RC(av_store_keys_database_replace(keys, &err), AV_OK, &err);
    av_store_keys_unref(&keys);
    keys = reopen(d.path);
    av_store_keys_database(keys, other);
    AV_CHECK(memcmp(database, other, 32) != 0);
    AV_CHECK_INT(key_of(keys, 1, 7, key), AV_ERR_GONE);
    AV_CHECK_INT(key_of(keys, 1, 8, key), AV_OK);
    av_store_keys_unref(&keys);
    dir_remove(&d);
}

/* Values made by another program from docs/format-keys.md, 1. */
static void
test_derived(void)
{
    test_dir d = dir_new();
    uint8_t key[32];
    char hex[65];
    av_store_keys *keys = NULL;
    av_error err;

    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    AV_CHECK_RC(av_store_keys_create(d.path, test_uuid, key, &keys, &err), AV_OK, &err);
    av_hex_encode(av_span_of(av_store_keys_log(keys), 32), hex);
    AV_CHECK_STR(hex, "46a60d40e87b5aff3f1e2976401fbb3efb291a2470ad3475af69311dbf82a57e");
    av_hex_encode(av_span_of(av_store_keys_dedup(keys), 32), hex);
    AV_CHECK_STR(hex, "d105d832f66e97b0dba9f7634a150ca123371dd921ba0384f7816c79e223be46");
    av_store_keys_unref(&keys);
    dir_remove(&d);
}

static void
test_wrong_key(void)
{
    test_dir d = dir_new();
    av_store_keys *keys = make(d.path);
    uint8_t wrong[32] = { 9 }, uuid[16] = { 9 };
    av_error err;

    av_store_keys_unref(&keys);
    AV_CHECK_RC(av_store_keys_open(d.path, test_uuid, wrong, &keys, &err), AV_ERR_AUTH, &err);
    AV_CHECK_RC(av_store_keys_open(d.path, uuid, test_key, &keys, &err), AV_ERR_AUTH, &err);
    AV_CHECK_RC(av_store_keys_open(in_dir(d.path, "no"), uuid, test_key, &keys, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK(keys == NULL);
    dir_remove(&d);
}

/*
 * Last week: files copied. Today: slot 5 erased, the rest of the container's keys unchanged. Last week's tree beside
 * today's head opens not at all, and today's tree gives every key but the one.
 */
static void
test_last_week(void)
{
    test_dir d = dir_new();
    av_store_keys *keys = make(d.path);
    AV_CLEANUP(av_buf_release) av_buf old_tree = { 0 };
    AV_CLEANUP(av_buf_release) av_buf new_tree = { 0 };
    const char *tree = in_dir(d.path, "00000001.avk");
    uint8_t before[64][32], key[32];
    av_error err;

    add(keys, 1);
    for (uint32_t i = 0; i < 64; i++)
        AV_CHECK_INT(key_of(keys, 1, i, before[i]), AV_OK);
    read_file(tree, &old_tree);
    erase_one(keys, 1, 5);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 64; i++) {
            AV_CHECK_INT(key_of(keys, 1, i, key), i == 5 ? AV_ERR_GONE : AV_OK);
            AV_CHECK(i == 5 || memcmp(key, before[i], 32) == 0);
        }
        av_store_keys_unref(&keys);
        keys = reopen(d.path);
    }
    av_store_keys_unref(&keys);
    read_file(tree, &new_tree);
    write_file(tree, av_buf_span(&old_tree));
    keys = reopen(d.path);
    for (uint32_t i = 0; i < 64; i++) {
        AV_CHECK_RC(av_store_keys_record(keys, 1, i, test_salt, key, &err), AV_ERR_CORRUPT, &err);
        check_says(&err, "older copy");
    }
    write_file(tree, av_buf_span(&new_tree));
    AV_CHECK_INT(key_of(keys, 1, 4, key), AV_OK);
    AV_CHECK_INT(key_of(keys, 1, 5, key), AV_ERR_GONE);
    av_store_keys_unref(&keys);
    dir_remove(&d);
}

/* The old files' bytes are overwritten: a second name for them shows zeros. */
static void
test_overwritten(void)
{
    test_dir d = dir_new();
    av_store_keys *keys = make(d.path);
    AV_CLEANUP(av_buf_release) av_buf old = { 0 };
    size_t zeros = 0;
    const char *const names[] = { "00000001.avk", "store.avk" };

    add(keys, 1);
    for (size_t i = 0; i < 2; i++)
        AV_CHECK_INT(link(in_dir(d.path, names[i]), in_dir(d.path, i == 0 ? "old0" : "old1")), 0);
    erase_one(keys, 1, 5);
    for (size_t i = 0; i < 2; i++) {
        av_buf_release(&old);
        read_file(in_dir(d.path, i == 0 ? "old0" : "old1"), &old);
        zeros = 0;
        for (size_t b = 0; b < old.n; b++)
            zeros += old.p[b] == 0 ? 1 : 0;
        AV_CHECK(old.n > 100 && zeros == old.n);
    }
    AV_CHECK(!av_file_exists(in_dir(d.path, "00000001.avk.new")));
    av_store_keys_unref(&keys);
    dir_remove(&d);
}

/* More containers than are held in memory or erased at once, in any order, some unknown, some slots twice. */
static void
test_many(void)
{
    enum { CONTAINERS = 700 };
    test_dir d = dir_new();
    av_store_keys *keys = make(d.path);
    av_key_slot *list = calloc(CONTAINERS * 3, sizeof *list);
    uint8_t(*before)[32] = calloc(CONTAINERS + 1, 32), key[32];
    uint64_t random = seed_of_run();
    uint32_t seen = 0;
    av_error err;

    for (uint32_t c = 1; c <= CONTAINERS; c++) {
        add(keys, c);
        AV_CHECK_INT(key_of(keys, c, 100, before[c]), AV_OK);
        list[3 * c - 3] = (av_key_slot){ c, 7 };
        list[3 * c - 2] = (av_key_slot){ c, 7 };
        list[3 * c - 1] = (av_key_slot){ c + CONTAINERS, 3 };
    }
    for (size_t i = CONTAINERS * 3 - 1; i > 0; i--) {
        size_t j = roll(&random, i + 1);
        av_key_slot kept = list[i];

        list[i] = list[j];
        list[j] = kept;
    }
    AV_CHECK_RC(av_store_keys_erase(keys, list, CONTAINERS * 3, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_keys_erase(keys, list, CONTAINERS * 3, &err), AV_OK, &err); /* once more: no matter */
    for (int round = 0; round < 2; round++) {
        for (uint32_t c = 1; c <= CONTAINERS; c++) {
            AV_CHECK_INT(key_of(keys, c, 7, key), AV_ERR_GONE);
            AV_CHECK_INT(key_of(keys, c, 100, key), AV_OK);
            AV_CHECK(memcmp(key, before[c], 32) == 0);
        }
        av_store_keys_unref(&keys);
        keys = reopen(d.path);
    }
    for (uint32_t c = av_store_keys_container_next(keys, 1); c != 0; c = av_store_keys_container_next(keys, c + 1))
        seen++;
    AV_CHECK_INT(seen, CONTAINERS);
    list[0] = (av_key_slot){ 1, AV_STORE_KEYS_SLOTS };
    AV_CHECK_RC(av_store_keys_erase(keys, list, 1, &err), AV_ERR_LIMIT, &err);
    AV_CHECK_RC(av_store_keys_container_forget(keys, 350, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_keys_container_forget(keys, 350, &err), AV_OK, &err);
    AV_CHECK_INT(key_of(keys, 350, 100, key), AV_ERR_NOT_FOUND);
    AV_CHECK(!av_file_exists(in_dir(d.path, "00000350.avk")));
    add(keys, 350); /* another root */
    AV_CHECK_INT(key_of(keys, 350, 100, key), AV_OK);
    AV_CHECK(memcmp(key, before[350], 32) != 0);
    av_store_keys_unref(&keys);
    free(before);
    free(list);
    dir_remove(&d);
}

/* Each byte of each file, one bit of it flipped: a code and a sentence, or (nowhere) the right key. */
static void
test_flips(void)
{
    test_dir d = dir_new();
    av_store_keys *keys = make(d.path);
    static const char *const names[] = { "store.avk", "00000002.avk" };
    uint8_t want[32], key[32];
    av_error err;

    add(keys, 1);
    add(keys, 2);
    erase_one(keys, 2, 9);
    AV_CHECK_INT(key_of(keys, 2, 8, want), AV_OK);
    av_store_keys_unref(&keys);
    for (size_t f = 0; f < 2; f++) {
        AV_CLEANUP(av_buf_release) av_buf file = { 0 };
        const char *path = in_dir(d.path, names[f]);

        read_file(path, &file);
        for (size_t i = 0; i < file.n; i++) {
            av_errc rc;

            av_check_row = (long)i;
            file.p[i] ^= (uint8_t)(1U << i % 8);
            write_file(path, av_buf_span(&file));
            rc = av_store_keys_open(d.path, test_uuid, test_key, &keys, &err);
            AV_CHECK((rc != AV_OK) == (f == 0));
            if (rc == AV_OK)
                rc = av_store_keys_record(keys, 2, 8, test_salt, key, &err);
            AV_CHECK(rc == AV_ERR_CORRUPT || (rc == AV_ERR_VERSION && (i == 8 || i == 9)));
            av_store_keys_unref(&keys);
            file.p[i] ^= (uint8_t)(1U << i % 8);
        }
        for (size_t n = 0; n < file.n; n += 7) { /* and cut short */
            write_file(path, av_span_of(file.p, n));
            keys = NULL;
            AV_CHECK((av_store_keys_open(d.path, test_uuid, test_key, &keys, &err) != AV_OK) == (f == 0));
            AV_CHECK(keys == NULL || key_of(keys, 2, 8, key) == AV_ERR_CORRUPT);
            av_store_keys_unref(&keys);
        }
        write_file(path, av_buf_span(&file));
    }
    /* one container's tree in the place of another's */
    AV_CHECK_INT(rename(in_dir(d.path, "00000001.avk"), in_dir(d.path, "00000002.avk")), 0);
    keys = reopen(d.path);
    AV_CHECK_INT(key_of(keys, 2, 8, key), AV_ERR_CORRUPT);
    AV_CHECK_RC(av_store_keys_record(keys, 1, 8, test_salt, key, &err), AV_ERR_CORRUPT, &err);
    check_says(&err, "missing");
    av_store_keys_unref(&keys);
    dir_remove(&d);
}

static struct {
    av_store_keys *keys;
    atomic_bool stop;
    atomic_uint asked;
    uint8_t want[3][32];
} shared;

/* Slot 0 of each container stays: its key is the same at any moment. */
static void *
reader(void *unused)
{
    uint64_t random = 77;
    uint8_t key[32];

    (void)unused;
    while (!atomic_load(&shared.stop)) {
        uint32_t c = (uint32_t)roll(&random, 3);
        av_errc rc = key_of(shared.keys, c + 1, 0, key);

        if (rc != AV_OK || memcmp(key, shared.want[c], 32) != 0)
            abort();
        rc = key_of(shared.keys, c + 1, 1 + (uint32_t)roll(&random, 200), key);
        if (rc != AV_OK && rc != AV_ERR_GONE)
            abort();
        (void)atomic_fetch_add(&shared.asked, 1);
    }
    return NULL;
}

static void
test_threads(void)
{
    test_dir d = dir_new();
    pthread_t threads[3];
    uint8_t key[32];

    shared.keys = make(d.path);
    for (uint32_t c = 1; c <= 3; c++) {
        add(shared.keys, c);
        AV_CHECK_INT(key_of(shared.keys, c, 0, shared.want[c - 1]), AV_OK);
    }
    for (int i = 0; i < 3; i++)
        AV_CHECK_INT(pthread_create(&threads[i], NULL, reader, NULL), 0);
    for (uint32_t i = 1; i <= 150; i++) {
        erase_one(shared.keys, i % 3 + 1, i);
        AV_CHECK_INT(key_of(shared.keys, i % 3 + 1, i, key), AV_ERR_GONE); /* at once, for who erased it */
    }
    atomic_store(&shared.stop, true);
    for (int i = 0; i < 3; i++)
        (void)pthread_join(threads[i], NULL);
    printf("  %u looks beside 150 erasures\n", atomic_load(&shared.asked));
    av_store_keys_unref(&shared.keys);
    dir_remove(&d);
}

/* One container whose tree has no room keeps no other from being erased. */
static void
test_full_tree(void)
{
    enum { SLOTS = 1 << 21 };
    test_dir d = dir_new();
    av_store_keys *keys = make(d.path);
    av_key_slot *list = av_xcalloc(SLOTS + 1, sizeof *list);
    uint8_t key[32];
    av_error err;

    add(keys, 1);
    add(keys, 2);
    for (uint32_t i = 0; i < SLOTS; i++)
        list[i] = (av_key_slot){ 1, 8 * i };
    list[SLOTS] = (av_key_slot){ 2, 5 };
    AV_CHECK_RC(av_store_keys_erase(keys, list, SLOTS + 1, &err), AV_ERR_LIMIT, &err);
    AV_CHECK(strstr(err.msg, "compact") != NULL);
    AV_CHECK_INT(key_of(keys, 2, 5, key), AV_ERR_GONE);
    AV_CHECK_INT(key_of(keys, 2, 6, key), AV_OK);
    AV_CHECK_INT(key_of(keys, 1, 8, key), AV_OK);
    erase_one(keys, 1, 8); /* and less of it can be */
    AV_CHECK_INT(key_of(keys, 1, 8, key), AV_ERR_GONE);
    free(list);
    av_store_keys_unref(&keys);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_answers);
    AV_RUN(test_derived);
    AV_RUN(test_wrong_key);
    AV_RUN(test_last_week);
    AV_RUN(test_overwritten);
    AV_RUN(test_many);
    AV_RUN(test_full_tree);
    AV_RUN(test_flips);
    AV_RUN(test_threads);
    return av_check_done();
}
