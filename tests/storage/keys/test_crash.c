/*
 * test_crash.c - the process dies or the power goes at any call, again and again, and each call fails in turn: a key
 * that was not to be erased is never lost, one whose erasure was acknowledged is never had again
 */
#include "tests/storage/keys/disk.h"

#define CONTAINERS 3U
#define SLOTS      24U

typedef enum state { NO, YES, MAYBE } state; /* of a container: is it there; of a slot: is it erased */

typedef struct world {
    test_dir dir;
    av_store_keys *keys;
    bool adding[CONTAINERS + 1]; /* it may or may not be there, and its keys are not known */
    state there[CONTAINERS + 1], erased[CONTAINERS + 1][SLOTS];
    uint8_t want[CONTAINERS + 1][SLOTS][32], database[32];
    state database_changes; /* MAYBE: a replacement was under way */
    uint64_t random;
    unsigned long cuts, deaths, acked;
} world;

/* The disk holds still for it. */
static void
learn_container(world *w, uint32_t c)
{
    long calls = disk.calls, cut_at = disk.cut_at;

    disk.cut_at = -1;
    for (uint32_t s = 0; s < SLOTS; s++) {
        w->erased[c][s] = NO;
        AV_CHECK_INT(key_of(w->keys, c, s, w->want[c][s]), AV_OK);
    }
    w->adding[c] = false;
    disk.calls = calls;
    disk.cut_at = cut_at;
}

/* Everything the model knows holds; what it does not know is learned. */
static void
check_world(world *w)
{
    uint8_t key[32];

    for (uint32_t c = 1; c <= CONTAINERS; c++) {
        bool has = av_store_keys_has_container(w->keys, c);

        AV_CHECK(w->there[c] == MAYBE || has == (w->there[c] == YES));
        w->there[c] = has ? YES : NO;
        if (has && w->adding[c])
            learn_container(w, c);
        w->adding[c] = false;
        for (uint32_t s = 0; has && s < SLOTS; s++) {
            av_errc rc = key_of(w->keys, c, s, key);

            AV_CHECK(rc == AV_OK || rc == AV_ERR_GONE);
            AV_CHECK(rc != AV_OK || memcmp(key, w->want[c][s], 32) == 0);
            AV_CHECK(w->erased[c][s] == MAYBE || rc == (w->erased[c][s] == YES ? AV_ERR_GONE : AV_OK));
            w->erased[c][s] = rc == AV_OK ? NO : YES;
        }
    }
    av_store_keys_database(w->keys, key);
    AV_CHECK(w->database_changes == MAYBE || memcmp(key, w->database, 32) == 0);
    w->database_changes = NO;
    memcpy(w->database, key, 32);
}

static void
open_world(world *w)
{
    av_error err;

    av_store_keys_unref(&w->keys);
    AV_CHECK_RC(av_store_keys_open(w->dir.path, test_uuid, test_key, &w->keys, &err), AV_OK, &err);
}

static av_errc
step_add_or_forget(world *w, uint32_t c, av_error *err)
{
    av_errc rc;

    if (w->there[c] == NO) {
        w->there[c] = MAYBE;
        w->adding[c] = true;
        rc = av_store_keys_container_add(w->keys, c, err);
        if (rc != AV_OK)
            return rc;
        w->there[c] = YES;
        learn_container(w, c);
        return AV_OK;
    }
    if (roll(&w->random, 4) != 0)
        return AV_OK;
    w->there[c] = MAYBE;
    rc = av_store_keys_container_forget(w->keys, c, err);
    if (rc == AV_OK)
        w->there[c] = NO;
    return rc;
}

static av_errc
step_erase(world *w, av_error *err)
{
    av_key_slot list[12];
    size_t n = 1 + roll(&w->random, 12);
    av_errc rc;

    for (size_t i = 0; i < n; i++) {
        list[i] = (av_key_slot){ 1 + (uint32_t)roll(&w->random, CONTAINERS), (uint32_t)roll(&w->random, SLOTS) };
        if (w->there[list[i].container] == YES && w->erased[list[i].container][list[i].slot] == NO)
            w->erased[list[i].container][list[i].slot] = MAYBE;
    }
    rc = av_store_keys_erase(w->keys, list, n, err);
    for (size_t i = 0; rc == AV_OK && i < n; i++)
        if (w->there[list[i].container] == YES)
            w->erased[list[i].container][list[i].slot] = YES;
    return rc;
}

static av_errc
step(world *w, av_error *err)
{
    switch (roll(&w->random, 6)) {
    case 0:
    case 1:
        return step_add_or_forget(w, 1 + (uint32_t)roll(&w->random, CONTAINERS), err);
    case 2:
        w->database_changes = MAYBE;
        return av_store_keys_database_replace(w->keys, err);
    default:
        return step_erase(w, err);
    }
}

/* One life: steps until a call fails, then death or power cut, then everything is looked at. */
static void
life(world *w)
{
    av_error err;

    disk.calls = 0;
    disk.cut_at = (long)roll(&w->random, 120);
    for (int i = 0; i < 40 && disk.calls < disk.cut_at; i++) {
        if (step(w, &err) != AV_OK) /* AV_ERR_IO; later calls are refused */
            break;
        w->acked++;
    }
    if (roll(&w->random, 2)) {
        disk_power_cut();
        w->cuts++;
    } else {
        w->deaths++;
    }
    disk.cut_at = -1;
    open_world(w);
    check_world(w);
}

static void
start_world(world *w)
{
    av_error err;

    *w = (world){ .dir = dir_new(), .random = seed_of_run() };
    AV_CHECK_RC(av_store_keys_create(w->dir.path, test_uuid, test_key, &w->keys, &err), AV_OK, &err);
    av_store_keys_database(w->keys, w->database);
    disk_install(w->random);
    open_world(w);
    check_world(w);
}

static void
test_lives(void)
{
    unsigned long rounds = rounds_of_run(1500);
    static world w;

    start_world(&w);
    for (unsigned long i = 0; i < rounds && av_check_failed == 0; i++) {
        av_check_row = (long)i;
        life(&w);
        if (disk.n_inodes > DISK_INODES / 2)
            disk_power_cut();
        if (i % 50 == 49) { /* with an emptier model: the next containers are fresh */
            av_error err;

            open_world(&w);
            for (uint32_t c = 1; c <= CONTAINERS; c++) {
                AV_CHECK_RC(av_store_keys_container_forget(w.keys, c, &err), AV_OK, &err);
                w.there[c] = NO;
            }
        }
    }
    printf("  %lu lives: %lu power cuts, %lu deaths, %lu acknowledged changes\n", rounds, w.cuts, w.deaths, w.acked);
    av_file_ops_set(NULL);
    av_store_keys_unref(&w.keys);
    dir_remove(&w.dir);
}

/* Each call of an erasure of two containers fails alone, with each error; the object goes on and so does a new one. */
static void
test_faults(void)
{
    static const int errors[] = { EIO, ENOSPC };
    static const av_key_slot list[] = { { 1, 3 }, { 2, 4 }, { 1, 5 } };
    unsigned failed = 0;

    for (size_t e = 0; e < AV_COUNT(errors); e++)
        for (long at = 0, calls = 1; at < calls; at++) { /* calls: beyond the fault's place while there is one */
            static world w;
            av_error err;
            uint8_t key[32];
            av_errc rc;

            av_check_row = at;
            start_world(&w);
            for (uint32_t c = 1; c <= 2; c++) {
                AV_CHECK_RC(av_store_keys_container_add(w.keys, c, &err), AV_OK, &err);
                w.there[c] = YES;
                learn_container(&w, c);
            }
            disk.calls = 0;
            disk.once = true;
            disk.error = errors[e];
            disk.cut_at = at;
            for (size_t i = 0; i < AV_COUNT(list); i++)
                w.erased[list[i].container][list[i].slot] = MAYBE;
            rc = av_store_keys_erase(w.keys, list, AV_COUNT(list), &err);
            calls = disk.calls > at ? at + 2 : 0;
            disk.cut_at = -1;
            failed += rc == AV_OK ? 0 : 1;
            AV_CHECK(rc == AV_OK || rc == (errors[e] == EIO ? AV_ERR_IO : AV_ERR_NOSPACE));
            if (rc == AV_OK) /* what failed was overwriting the old bytes: best effort */
                for (size_t i = 0; i < AV_COUNT(list); i++)
                    w.erased[list[i].container][list[i].slot] = YES;
            check_world(&w);
            if (rc != AV_OK) { /* again: done now, or refused until opened again, never half */
                rc = av_store_keys_erase(w.keys, list, AV_COUNT(list), &err);
                AV_CHECK(rc == AV_OK || rc == AV_ERR_READONLY);
            }
            disk_power_cut();
            if (rc != AV_OK)
                for (size_t i = 0; i < AV_COUNT(list); i++)
                    w.erased[list[i].container][list[i].slot] = MAYBE;
            else
                for (size_t i = 0; i < AV_COUNT(list); i++)
                    w.erased[list[i].container][list[i].slot] = YES;
            open_world(&w);
            check_world(&w);
            AV_CHECK_RC(av_store_keys_erase(w.keys, list, AV_COUNT(list), &err), AV_OK, &err);
            AV_CHECK_INT(key_of(w.keys, 1, 3, key), AV_ERR_GONE);
            disk.once = false;
            av_file_ops_set(NULL);
            av_store_keys_unref(&w.keys);
            dir_remove(&w.dir);
        }
    printf("  %u calls failed an erasure\n", failed);
    AV_CHECK(failed > 20);
}

static const uint8_t ring_key[32] = { 3 };

/* The keyring: stores added and removed while the power goes; a store that was acknowledged opens. */
static void
test_ring(void)
{
    unsigned long rounds = rounds_of_run(400), acked = 0;
    test_dir d = dir_new();
    uint64_t random = seed_of_run();
    state there[4] = { NO, NO, NO, NO };
    av_keyring *ring = NULL;
    av_key recovery;
    uint8_t public_half[32];
    av_error err;

    av_key_generate(AV_KEY_RECOVERY, &recovery);
    av_key_recovery_public(&recovery, public_half);
    AV_CHECK_RC(av_keyring_create(d.path, test_uuid, ring_key, public_half, &ring, &err), AV_OK, &err);
    disk_install(random);
    for (unsigned long i = 0; i < rounds && av_check_failed == 0; i++) {
        av_check_row = (long)i;
        disk.calls = 0;
        disk.cut_at = (long)roll(&random, 90);
        for (int s = 0; s < 10; s++) {
            uint8_t uuid[16] = { (uint8_t)roll(&random, 4) };
            av_store_keys *keys = NULL;
            av_errc rc;

            if (there[uuid[0]] == MAYBE)
                break;
            if (there[uuid[0]] == NO) {
                there[uuid[0]] = MAYBE;
                rc = av_keyring_store_add(ring, uuid, &keys, &err);
                if (rc == AV_OK)
                    there[uuid[0]] = YES;
            } else {
                there[uuid[0]] = MAYBE;
                rc = av_keyring_store_remove(ring, uuid, &err);
                if (rc == AV_OK)
                    there[uuid[0]] = NO;
            }
            av_store_keys_unref(&keys);
            acked += rc == AV_OK ? 1 : 0;
        }
        if (roll(&random, 2))
            disk_power_cut();
        disk.cut_at = -1;
        av_keyring_destroy(&ring);
        if (!AV_CHECK(av_keyring_open(d.path, ring_key, &ring, &err) == AV_OK)) {
            printf("    %s\n", err.msg);
            break;
        }
        for (uint8_t u = 0; u < 4; u++) {
            uint8_t uuid[16] = { u };
            bool has = av_keyring_has_store(ring, uuid);
            av_store_keys *keys = NULL;

            AV_CHECK(there[u] == MAYBE || has == (there[u] == YES));
            there[u] = has ? YES : NO;
            if (has)
                AV_CHECK_RC(av_keyring_store_open(ring, uuid, &keys, &err), AV_OK, &err);
            av_store_keys_unref(&keys);
        }
        if (disk.n_inodes > DISK_INODES / 2)
            disk_power_cut();
    }
    printf("  %lu lives, %lu acknowledged changes\n", rounds, acked);
    av_file_ops_set(NULL);
    av_keyring_destroy(&ring);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_lives);
    AV_RUN(test_faults);
    AV_RUN(test_ring);
    return av_check_done();
}
