/*
 * assets.c - keys and folder of an instance
 *
 * The store key lies outside the base directory (decisions.md 4) and is kept as long as the files it opens: an instance
 * that was removed with its files left opens them again when it is made anew under the same id.
 */
#include "actors/host/host_priv.h"

#include <unistd.h>

#include "actors/host/base_dir.h"
#include "base/file.h"
#include "base/secret.h"

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

static av_errc
get_store_key(const av_host *self, const char *id, bool make, uint8_t ret[AV_KEY_SIZE], av_error *err)
{
    AV_CLEANUP(av_free) char *path = key_path(self, id, "store");
    AV_CLEANUP(av_buf_release_secret) av_buf text = { 0 };
    av_errc rc;

    av_buf_init(&text, AV_KEY_SIZE);
    rc = av_file_read_all(path, &text, err);
    if (rc == AV_OK && text.n != AV_KEY_SIZE)
        return av_error_set(err, AV_ERR_CORRUPT, "%s does not hold %d bytes", path, AV_KEY_SIZE);
    if (rc == AV_OK)
        memcpy(ret, text.p, AV_KEY_SIZE);
    if (rc != AV_ERR_NOT_FOUND || !make)
        return rc;
    av_random_bytes(ret, AV_KEY_SIZE);
    return av_file_replace(path, av_span_of(ret, AV_KEY_SIZE), 0600, err);
}

av_errc
av_assets_get(const av_host *self, const char *id, bool make, av_assets *ret, av_error *err)
{
    av_errc rc = get_keys(self, id, make, &ret->keys, err);

    if (rc == AV_OK)
        rc = get_store_key(self, id, make, ret->store_key, err);
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
    av_secret_wipe(self->store_key, sizeof self->store_key);
}

void
av_assets_forget(const av_host *self, const char *id, bool store_key_too)
{
    AV_CLEANUP(av_free) char *keys = key_path(self, id, "key");
    AV_CLEANUP(av_free) char *store = key_path(self, id, "store");

    (void)av_file_ops_get()->unlink(keys);
    if (store_key_too)
        (void)av_file_ops_get()->unlink(store);
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
