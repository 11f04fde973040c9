/*
 * test_keyring.c - the keyring: which key opens what, stores that come and go with their keys, and every flipped byte
 * told
 */
#include "storage/keys/keyring.h"

#include "tests/storage/keys/help.h"

static const uint8_t instance[16] = { 0x11, 0x22 };

typedef struct world {
    test_dir dir;
    char ring[200];
    av_key key, recovery;
    uint8_t recovery_public[32];
    av_keyring *keyring;
} world;

static world
world_new(void)
{
    world w = { .dir = dir_new() };
    av_error err;

    (void)snprintf(w.ring, sizeof w.ring, "%s/keyring", w.dir.path);
    av_key_generate(AV_KEY_INSTANCE, &w.key);
    av_key_generate(AV_KEY_RECOVERY, &w.recovery);
    av_key_recovery_public(&w.recovery, w.recovery_public);
    AV_CHECK_RC(av_keyring_create(w.ring, instance, w.key.bytes, w.recovery_public, &w.keyring, &err), AV_OK, &err);
    return w;
}

static void
world_end(world *w)
{
    av_keyring_destroy(&w->keyring);
    dir_remove(&w->dir);
}

static void
reopen(world *w)
{
    av_error err;

    av_keyring_destroy(&w->keyring);
    AV_CHECK_RC(av_keyring_open(w->ring, w->key.bytes, &w->keyring, &err), AV_OK, &err);
}

/* A store with one container, slot 3 of it erased; ret_key is slot 2's. */
static void
add_store(world *w, const uint8_t uuid[16], uint8_t ret_key[32])
{
    av_store_keys *keys = NULL;
    av_key_slot slot = { 1, 3 };
    av_error err;

    AV_CHECK_RC(av_keyring_store_add(w->keyring, uuid, &keys, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_keys_container_add(keys, 1, &err), AV_OK, &err);
    AV_CHECK_INT(key_of(keys, 1, 2, ret_key), AV_OK);
    AV_CHECK_RC(av_store_keys_erase(keys, &slot, 1, &err), AV_OK, &err);
    av_store_keys_unref(&keys);
}

static void
check_store(world *w, const uint8_t uuid[16], const uint8_t want[32])
{
    av_store_keys *keys = NULL;
    uint8_t key[32];
    av_error err;

    if (!AV_CHECK(av_keyring_has_store(w->keyring, uuid)))
        return;
    AV_CHECK_RC(av_keyring_store_open(w->keyring, uuid, &keys, &err), AV_OK, &err);
    AV_CHECK_INT(key_of(keys, 1, 2, key), AV_OK);
    AV_CHECK(memcmp(key, want, 32) == 0);
    AV_CHECK_INT(key_of(keys, 1, 3, key), AV_ERR_GONE);
    av_store_keys_unref(&keys);
}

static void
test_open(void)
{
    world w = world_new();
    uint8_t catalog[32], wrong[32] = { 1 }, key[32];
    av_keyring *other = NULL;
    av_keyring_info info, again;
    char id[AV_KEY_ID_TEXT];
    av_error err;

    memcpy(catalog, av_keyring_catalog_key(w.keyring), 32);
    AV_CHECK(memcmp(catalog, av_keyring_accounts_key(w.keyring), 32) != 0);
    add_store(&w, test_uuid, key);
    AV_CHECK_RC(av_keyring_open(w.ring, w.key.bytes, &other, &err), AV_ERR_BUSY, &err);
    AV_CHECK_RC(av_keyring_peek(w.ring, &info, &err), AV_OK, &err);
    av_keyring_info_get(w.keyring, &again);
    AV_CHECK_INT(info.version, again.version);
    AV_CHECK(memcmp(info.instance_uuid, instance, 16) == 0);
    av_key_id(&w.key, id);
    AV_CHECK_STR(info.instance_key_id, id);
    reopen(&w);
    AV_CHECK(memcmp(catalog, av_keyring_catalog_key(w.keyring), 32) == 0);
    check_store(&w, test_uuid, key);
    av_keyring_destroy(&w.keyring);
    AV_CHECK_RC(av_keyring_open(w.ring, wrong, &w.keyring, &err), AV_ERR_AUTH, &err);
    check_says(&err, id);
    av_key_id(&w.recovery, id);
    check_says(&err, id);
    AV_CHECK_STR(info.recovery_key_id, id);
    AV_CHECK_RC(av_keyring_create(w.ring, instance, wrong, w.recovery_public, &w.keyring, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(av_keyring_open(in_dir(w.dir.path, "no"), wrong, &w.keyring, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK(!av_file_exists(in_dir(w.dir.path, "no")));
    world_end(&w);
}

static void
test_recover_and_rekey(void)
{
    world w = world_new();
    uint8_t got[32], want[32];
    av_key new_key, new_recovery;
    uint8_t new_public[32];
    char id[AV_KEY_ID_TEXT];
    av_error err;

    add_store(&w, test_uuid, want);
    AV_CHECK_RC(av_keyring_recover(w.ring, w.recovery.bytes, got, &err), AV_OK, &err);
    AV_CHECK(memcmp(got, w.key.bytes, 32) == 0);
    AV_CHECK_RC(av_keyring_recover(w.ring, w.key.bytes, got, &err), AV_ERR_AUTH, &err);
    av_key_id(&w.recovery, id);
    check_says(&err, id);

    av_key_generate(AV_KEY_INSTANCE, &new_key);
    av_key_generate(AV_KEY_RECOVERY, &new_recovery);
    av_key_recovery_public(&new_recovery, new_public);
    AV_CHECK_RC(av_keyring_rekey(w.keyring, NULL, new_public, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_recover(w.ring, w.recovery.bytes, got, &err), AV_ERR_AUTH, &err);
    AV_CHECK_RC(av_keyring_recover(w.ring, new_recovery.bytes, got, &err), AV_OK, &err);
    AV_CHECK(memcmp(got, w.key.bytes, 32) == 0);
    AV_CHECK_RC(av_keyring_rekey(w.keyring, new_key.bytes, NULL, &err), AV_OK, &err);
    check_store(&w, test_uuid, want);
    av_keyring_destroy(&w.keyring);
    AV_CHECK_RC(av_keyring_open(w.ring, w.key.bytes, &w.keyring, &err), AV_ERR_AUTH, &err);
    w.key = new_key;
    reopen(&w);
    check_store(&w, test_uuid, want);
    AV_CHECK_RC(av_keyring_recover(w.ring, new_recovery.bytes, got, &err), AV_OK, &err);
    AV_CHECK(memcmp(got, new_key.bytes, 32) == 0);
    world_end(&w);
}

static void
test_stores(void)
{
    world w = world_new();
    uint8_t uuid[16] = { 0 }, at[16], key[20][32];
    av_store_keys *a = NULL, *b = NULL;
    av_error err;

    for (unsigned i = 0; i < 20; i++) {
        uuid[0] = (uint8_t)(i * 37 % 20);
        add_store(&w, uuid, key[uuid[0]]);
        AV_CHECK_RC(av_keyring_store_add(w.keyring, uuid, &a, &err), AV_ERR_EXISTS, &err);
    }
    for (int round = 0; round < 2; round++) {
        AV_CHECK_INT(av_keyring_store_count(w.keyring), 20);
        for (unsigned i = 0; i < 20; i++) {
            AV_CHECK(av_keyring_store_at(w.keyring, i, at));
            AV_CHECK_INT(at[0], i);
            check_store(&w, at, key[i]);
        }
        AV_CHECK(!av_keyring_store_at(w.keyring, 20, at));
        reopen(&w);
    }
    uuid[0] = 5;
    AV_CHECK_RC(av_keyring_store_open(w.keyring, uuid, &a, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_open(w.keyring, uuid, &b, &err), AV_OK, &err);
    AV_CHECK(a == b); /* one object for one folder */
    AV_CHECK_RC(av_keyring_store_remove(w.keyring, uuid, &err), AV_ERR_BUSY, &err);
    av_store_keys_unref(&a);
    av_store_keys_unref(&b);
    AV_CHECK_RC(av_keyring_store_remove(w.keyring, uuid, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_remove(w.keyring, uuid, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_open(w.keyring, uuid, &a, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK(!av_file_exists(in_dir(w.ring, "05000000000000000000000000000000")));
    reopen(&w);
    AV_CHECK_INT(av_keyring_store_count(w.keyring), 19);
    uuid[0] = 6;
    check_store(&w, uuid, key[6]);
    world_end(&w);
}

/* A store is detached here and attached there. */
static void
test_travel(void)
{
    world here = world_new(), there = world_new();
    uint8_t want[32], uuid[16];
    char store[200], id[AV_KEY_ID_TEXT];
    av_keyring_export_info info;
    av_store_keys *keys = NULL;
    av_error err;

    (void)snprintf(store, sizeof store, "%s/store", here.dir.path);
    AV_CHECK_RC(av_dir_make(store, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_export(here.keyring, test_uuid, store, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_keyring_store_import(here.keyring, store, NULL, uuid, &err), AV_ERR_NOT_FOUND, &err);
    add_store(&here, test_uuid, want);
    for (int round = 0; round < 4; round++) {
        av_check_row = round;
        AV_CHECK_RC(av_keyring_store_export(here.keyring, test_uuid, store, &err), AV_OK, &err);
        AV_CHECK_RC(av_keyring_store_export(here.keyring, test_uuid, store, &err), AV_OK, &err); /* again: replaced */
        AV_CHECK_RC(av_keyring_store_remove(here.keyring, test_uuid, &err), AV_OK, &err);
        AV_CHECK_RC(av_keyring_export_peek(store, &info, &err), AV_OK, &err);
        AV_CHECK(memcmp(info.store_uuid, test_uuid, 16) == 0);
        AV_CHECK_RC(av_keyring_store_import(there.keyring, store, NULL, uuid, &err), AV_ERR_AUTH, &err);
        av_key_id(&here.recovery, id);
        check_says(&err, id);
        av_key_id(&here.key, id);
        check_says(&err, id);
        check_says(&err, "is locked");
        AV_CHECK_RC(av_keyring_store_import(there.keyring, store, &there.recovery, uuid, &err), AV_ERR_AUTH, &err);
        if (round == 0) { /* back to where it came from: its own key is enough */
            AV_CHECK_RC(av_keyring_store_import(here.keyring, store, NULL, uuid, &err), AV_OK, &err);
            check_store(&here, test_uuid, want);
        } else {
            AV_CHECK_RC(
                av_keyring_store_import(there.keyring, store, round == 1 ? &here.recovery : &here.key, uuid, &err),
                AV_OK, &err);
            AV_CHECK(memcmp(uuid, test_uuid, 16) == 0);
            check_store(&there, test_uuid, want);
            reopen(&there);
            check_store(&there, test_uuid, want);
            AV_CHECK_RC(av_keyring_store_export(there.keyring, test_uuid, store, &err), AV_OK, &err);
            AV_CHECK_RC(av_keyring_store_remove(there.keyring, test_uuid, &err), AV_OK, &err);
            AV_CHECK_RC(av_keyring_store_import(here.keyring, store, &there.recovery, uuid, &err), AV_OK, &err);
        }
        AV_CHECK(!av_file_exists(in_dir(store, "store.keys")));
    }
    /* A crash between taking over and wiping: the same keys come once more, then older ones than the keyring's */
    AV_CHECK_RC(av_keyring_store_export(here.keyring, test_uuid, store, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_import(here.keyring, store, NULL, uuid, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_export(here.keyring, test_uuid, store, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_open(here.keyring, test_uuid, &keys, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_keys_container_add(keys, 2, &err), AV_OK, &err);
    av_store_keys_unref(&keys);
    AV_CHECK_RC(av_keyring_store_import(here.keyring, store, NULL, uuid, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_open(here.keyring, test_uuid, &keys, &err), AV_OK, &err);
    AV_CHECK(av_store_keys_has_container(keys, 2));
    /* newer ones: not taken silently, and left where they are */
    AV_CHECK_RC(av_keyring_store_export(here.keyring, test_uuid, store, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_import(there.keyring, store, &here.key, uuid, &err), AV_OK, &err);
    av_store_keys_unref(&keys);
    AV_CHECK_RC(av_keyring_store_open(there.keyring, test_uuid, &keys, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_keys_container_add(keys, 3, &err), AV_OK, &err);
    av_store_keys_unref(&keys);
    AV_CHECK_RC(av_keyring_store_export(there.keyring, test_uuid, store, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_import(here.keyring, store, &there.key, uuid, &err), AV_ERR_EXISTS, &err);
    AV_CHECK(av_file_exists(in_dir(store, "store.keys")));
    AV_CHECK_RC(av_keyring_export_drop(store, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_export_drop(store, &err), AV_OK, &err);
    AV_CHECK(!av_file_exists(in_dir(store, "store.keys")));
    world_end(&here);
    world_end(&there);
}

static void
test_flips(void)
{
    world w = world_new();
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    const char *path = in_dir(w.ring, "keyring.avk");
    uint8_t key[32];
    av_error err;

    add_store(&w, test_uuid, key);
    av_keyring_destroy(&w.keyring);
    read_file(path, &file);
    for (size_t i = 0; i < file.n; i++) {
        av_errc rc;

        av_check_row = (long)i;
        file.p[i] ^= (uint8_t)(1U << i % 8);
        write_file(path, av_buf_span(&file));
        rc = av_keyring_open(w.ring, w.key.bytes, &w.keyring, &err);
        AV_CHECK(rc == AV_ERR_CORRUPT || (rc == AV_ERR_VERSION && (i == 8 || i == 9)));
        rc = av_keyring_recover(w.ring, w.recovery.bytes, key, &err);
        AV_CHECK(rc == AV_ERR_CORRUPT || (rc == AV_ERR_VERSION && (i == 8 || i == 9)));
        file.p[i] ^= (uint8_t)(1U << i % 8);
    }
    write_file(path, av_buf_span(&file));
    reopen(&w);
    world_end(&w);
}

static void
test_flips_of_lock(void)
{
    world w = world_new();
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    const char *path = in_dir(w.dir.path, "store.keys/locked.avk");
    uint8_t key[32], uuid[16];
    av_error err;

    add_store(&w, test_uuid, key);
    AV_CHECK_RC(av_keyring_store_export(w.keyring, test_uuid, w.dir.path, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_remove(w.keyring, test_uuid, &err), AV_OK, &err);
    read_file(path, &file);
    for (size_t i = 0; i < file.n; i++) {
        av_errc rc;

        av_check_row = (long)i;
        file.p[i] ^= (uint8_t)(1U << i % 8);
        write_file(path, av_buf_span(&file));
        rc = av_keyring_store_import(w.keyring, w.dir.path, NULL, uuid, &err);
        AV_CHECK(rc == AV_ERR_CORRUPT || (rc == AV_ERR_VERSION && (i == 8 || i == 9)));
        file.p[i] ^= (uint8_t)(1U << i % 8);
    }
    write_file(path, av_buf_span(&file));
    AV_CHECK_RC(av_keyring_store_import(w.keyring, w.dir.path, NULL, uuid, &err), AV_OK, &err);
    check_store(&w, test_uuid, key);
    world_end(&w);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_open);
    AV_RUN(test_recover_and_rekey);
    AV_RUN(test_stores);
    AV_RUN(test_travel);
    AV_RUN(test_flips);
    AV_RUN(test_flips_of_lock);
    return av_check_done();
}
