/*
 * assets.c - keys and folder of an instance
 *
 * The instance key lies outside the base directory (decisions.md 4), sealed by the node key, and is kept as long as the
 * files it opens: an instance that was removed with its files left opens them again when it is made anew under the same
 * id. The node key is a file of the host's alone (keys/node.seal): a copy of single key files, or of the instances'
 * folders, opens nothing.
 */
#include "actors/host/host_priv.h"

#include <dirent.h>
#include <sodium.h>
#include <unistd.h>

#include "actors/host/base_dir.h"
#include "base/file.h"
#include "base/secret.h"
#include "storage/keys/key_text.h"

static char *
key_path(const av_host *self, const char *id, const char *what)
{
    return av_host_path(self, "keys/instance_%s.%s", id, what);
}

static av_errc
get_keys(const av_host *self, const char *id, bool make, av_keypair *ret, av_error *err)
{
    AV_CLEANUP(av_free) char *path = key_path(self, id, "key");
    char name[AV_ACTOR_NAME_MAX + 1];
    av_errc rc = av_keypair_load(path, ret, err);

    if (rc != AV_ERR_NOT_FOUND || !make)
        return rc;
    (void)snprintf(name, sizeof name, "instance/%s", id);
    av_keypair_generate(name, ret);
    return av_keypair_save(ret, path, err);
}

/* A file of exactly n bytes. */
static av_errc
read_exactly(const char *path, uint8_t *ret, size_t n, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf text = { 0 };
    av_errc rc;

    av_buf_init(&text, n + 1);
    rc = av_file_read_all(path, &text, err);
    if (rc != AV_OK)
        return rc;
    if (text.n != n)
        return av_error_set(err, AV_ERR_CORRUPT, "%s does not hold %zu bytes", path, n);
    memcpy(ret, text.p, n);
    return AV_OK;
}

static av_errc
get_node_key(const av_host *self, uint8_t ret[crypto_secretbox_KEYBYTES], av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_host_path(self, "keys/node.seal");
    av_errc rc = read_exactly(path, ret, crypto_secretbox_KEYBYTES, err);

    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    av_random_bytes(ret, crypto_secretbox_KEYBYTES);
    return av_file_replace(path, av_span_of(ret, crypto_secretbox_KEYBYTES), 0600, err);
}

/* What the file holds: nonce, then the instance key in a secretbox of the node key. */
#define SEALED_SIZE (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + AV_KEY_SIZE)

static av_errc
get_instance_key(const av_host *self, const char *id, bool make, uint8_t ret[AV_KEY_SIZE], av_error *err)
{
    AV_CLEANUP(av_free) char *path = key_path(self, id, "sealed");
    AV_CLEANUP(av_free) char *old = key_path(self, id, "store");
    uint8_t node_key[crypto_secretbox_KEYBYTES], file[SEALED_SIZE];
    uint8_t *sealed = file + crypto_secretbox_NONCEBYTES;
    av_errc rc = get_node_key(self, node_key, err);

    if (rc != AV_OK)
        return rc;
    rc = read_exactly(path, file, sizeof file, err);
    if (rc == AV_OK &&
        crypto_secretbox_open_easy(ret, sealed, sizeof file - crypto_secretbox_NONCEBYTES, file, node_key) != 0) {
        rc = av_error_set(err, AV_ERR_AUTH, "%s was sealed with another node key than this node's", path);
    } else if (rc == AV_ERR_NOT_FOUND && av_file_exists(old)) {
        rc = av_error_set(err, AV_ERR_VERSION,
            "it was made by an experimental version, whose stores this one does not read: make a new instance and "
            "import its mail again");
    } else if (rc == AV_ERR_NOT_FOUND && make) {
        av_random_bytes(ret, AV_KEY_SIZE);
        av_random_bytes(file, crypto_secretbox_NONCEBYTES);
        (void)crypto_secretbox_easy(sealed, ret, AV_KEY_SIZE, file, node_key);
        rc = av_file_replace(path, av_span_of(file, sizeof file), 0600, err);
    }
    av_secret_wipe(node_key, sizeof node_key);
    return rc;
}

av_errc
av_assets_known_key(const av_host *self, const char *key_id, uint8_t ret[AV_KEY_SIZE], av_error *err)
{
    AV_CLEANUP(av_free) char *dir = av_host_path(self, "keys");
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    char id[AV_KEY_ID_TEXT];
    bool found = false;
    av_error other;

    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        AV_CLEANUP(av_free) char *name = NULL;
        size_t n = strlen(entry->d_name);

        if (n < 17 || strncmp(entry->d_name, "instance_", 9) != 0 || strcmp(entry->d_name + n - 7, ".sealed") != 0)
            continue;
        name = av_span_dup(av_span_of(entry->d_name + 9, n - 16));
        if (get_instance_key(self, name, false, ret, &other) != AV_OK)
            continue;
        av_key_id_of_instance_key(ret, id);
        found = strcmp(id, key_id) == 0;
    }
    if (folder != NULL)
        (void)closedir(folder);
    if (found)
        return AV_OK;
    av_secret_wipe(ret, AV_KEY_SIZE);
    return av_error_set(err, AV_ERR_NOT_FOUND, "this host has no instance key %s", key_id);
}

av_errc
av_assets_keep_key(const av_host *self, const char *id, const uint8_t key[AV_KEY_SIZE], av_error *err)
{
    AV_CLEANUP(av_free) char *path = key_path(self, id, "sealed");
    uint8_t node_key[crypto_secretbox_KEYBYTES], file[SEALED_SIZE], there[AV_KEY_SIZE];
    av_errc rc = get_instance_key(self, id, false, there, err);
    bool same = rc == AV_OK && av_secret_eq(there, key, AV_KEY_SIZE);

    av_secret_wipe(there, sizeof there);
    if (same)
        return AV_OK;
    if (rc == AV_OK)
        return av_error_set(err, AV_ERR_CONFLICT,
            "this host keeps another key under the id %s, for files that instance left: choose another id", id);
    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    rc = get_node_key(self, node_key, err);
    if (rc != AV_OK)
        return rc;
    av_random_bytes(file, crypto_secretbox_NONCEBYTES);
    (void)crypto_secretbox_easy(file + crypto_secretbox_NONCEBYTES, key, AV_KEY_SIZE, file, node_key);
    av_secret_wipe(node_key, sizeof node_key);
    return av_file_replace(path, av_span_of(file, sizeof file), 0600, err);
}

/* An instance made before there were keyrings has none; its first start refuses the folder with a sentence. */
static av_errc
get_recovery(const av_host *self, const char *id, uint8_t ret[AV_KEY_SIZE], av_error *err)
{
    AV_CLEANUP(av_free) char *path = key_path(self, id, "recovery");
    av_errc rc = read_exactly(path, ret, AV_KEY_SIZE, err);

    if (rc == AV_ERR_NOT_FOUND)
        memset(ret, 0, AV_KEY_SIZE);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

av_errc
av_assets_set_recovery(const av_host *self, const char *id, const uint8_t key[AV_KEY_SIZE], av_error *err)
{
    AV_CLEANUP(av_free) char *path = key_path(self, id, "recovery");

    return av_file_replace(path, av_span_of(key, AV_KEY_SIZE), 0600, err);
}

av_errc
av_assets_get(const av_host *self, const char *id, bool make, av_assets *ret, av_error *err)
{
    av_errc rc = get_keys(self, id, make, &ret->keys, err);

    if (rc == AV_OK)
        rc = get_instance_key(self, id, make, ret->instance_key, err);
    if (rc == AV_OK)
        rc = get_recovery(self, id, ret->recovery_public, err);
    if (rc != AV_OK) {
        av_assets_wipe(ret);
        return av_error_prefix(err, "keys of instance %s", id);
    }
    return AV_OK;
}

void
av_assets_wipe(av_assets *self)
{
    av_keypair_wipe(&self->keys);
    av_secret_wipe(self->instance_key, sizeof self->instance_key);
}

void
av_assets_forget(const av_host *self, const char *id, bool instance_key_too)
{
    AV_CLEANUP(av_free) char *keys = key_path(self, id, "key");
    AV_CLEANUP(av_free) char *sealed = key_path(self, id, "sealed");
    AV_CLEANUP(av_free) char *recovery = key_path(self, id, "recovery");

    (void)av_file_ops_get()->unlink(keys);
    if (!instance_key_too)
        return;
    (void)av_file_ops_get()->unlink(sealed);
    (void)av_file_ops_get()->unlink(recovery);
}

/* rmdir tells whether a folder is empty without reading it; it is made again by the caller. */
static bool
is_empty_or_missing(const char *dir)
{
    return rmdir(dir) == 0 || !av_file_exists(dir);
}

av_errc
av_assets_make_dir(const char *base_dir, const char *id, av_error *err)
{
    AV_CLEANUP(av_free) char *mark = av_xasprintf("%s/" AV_BASE_DIR_MARK, base_dir);
    AV_CLEANUP(av_free) char *line = av_xasprintf("%s\n", id);
    av_errc rc = av_base_dir_check_mark(base_dir, id, err);

    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    if (!is_empty_or_missing(base_dir))
        return av_error_set(err, AV_ERR_INVALID,
            "the folder %s is not empty and does not belong to instance %s: choose another base directory", base_dir,
            id);
    rc = av_dir_make(base_dir, err);
    if (rc == AV_OK)
        rc = av_file_replace(mark, av_span_str(line), 0600, err);
    return rc;
}

void
av_assets_remove_empty_dir(const char *base_dir)
{
    AV_CLEANUP(av_free) char *mark = av_xasprintf("%s/" AV_BASE_DIR_MARK, base_dir);
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_error err;

    /* The mark goes only when it is alone: unlink, try rmdir, and put it back when there was more. */
    av_buf_init(&text, 128);
    if (av_file_read_all(mark, &text, &err) != AV_OK || av_file_ops_get()->unlink(mark) != 0)
        return;
    if (rmdir(base_dir) != 0)
        (void)av_file_replace(mark, av_buf_span(&text), 0600, &err);
}
