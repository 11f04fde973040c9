/*
 * stores_make.c - new stores: keys, an empty log, a row; the first one of an instance
 */
#include <sys/stat.h>

#include "actors/instance/stores_priv.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/container/container.h"

/*
 * The store's keys and its empty log; its row comes behind. A crash between leaves a folder and keys that nobody
 * knows: the folder has to be another then.
 */
av_errc
av_stores_make_files(av_stores *self, av_store_row *row, av_error *err)
{
    AV_CLEANUP(av_free) char *content = av_store_path_resolve(self->dir, row->content);
    AV_CLEANUP(av_free) char *index = av_store_path_resolve(self->dir, row->index);
    AV_CLEANUP(av_store_keys_unref) av_store_keys *keys = NULL;
    av_store_config config = { .dir = content, .max_message_bytes = self->max_message_bytes };
    av_error ignored;
    av_errc rc;

    av_random_bytes(row->uuid, sizeof row->uuid);
    row->created_ms = av_clock_wall_ms();
    rc = av_keyring_store_add(self->keyring, row->uuid, &keys, err);
    if (rc != AV_OK)
        return rc;
    config.keys = keys;
    rc = av_store_create(&config, err);
    if (rc == AV_OK)
        rc = av_dir_make(index, err);
    if (rc == AV_OK)
        return AV_OK;
    av_store_keys_unref(&keys);
    if (av_keyring_store_remove(self->keyring, row->uuid, &ignored) != AV_OK)
        AV_LOG(AV_LOG_WARN, "store.keys_left", AV_ERRF(&ignored));
    return rc;
}

av_errc
av_stores_make(av_stores *self, av_store_row *row, av_error *err)
{
    av_errc rc = av_stores_make_files(self, row, err);

    return rc == AV_OK ? av_stores_row_create(self, row, err) : rc;
}

/* An empty store of ours that has no row: a crash came between its files and its row. One with mail in it is another
 * matter: then it is the rows that were lost. */
static bool
is_left_over(const av_stores *self, const av_store_row *row, uint8_t ret_uuid[AV_STORE_UUID_SIZE])
{
    AV_CLEANUP(av_free) char *content = av_store_path_resolve(self->dir, row->content);
    AV_CLEANUP(av_free) char *first = av_container_path(content, 1, 0);
    AV_CLEANUP(av_free) char *second = av_container_path(content, 2, 0);
    struct stat st;
    av_error ignored;

    return stat(first, &st) == 0 && st.st_size == AV_CONTAINER_HEADER && !av_file_exists(second) &&
           av_store_identify(content, ret_uuid, &ignored) == AV_OK && av_keyring_has_store(self->keyring, ret_uuid);
}

av_errc
av_stores_make_first(av_stores *self, av_error *err)
{
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = av_xcalloc(1, sizeof *row);
    av_store_paths paths = { 0 };
    av_errc rc;

    row->name = av_xstrdup("store-1");
    row->state = AV_STORE_CURRENT;
    rc = av_store_paths_take(NULL, NULL, NULL, NULL, "~/stores/store-1", &paths, err);
    if (rc != AV_OK)
        return rc;
    av_store_row_take_paths(row, &paths);
    if (!is_left_over(self, row, row->uuid))
        return av_stores_make(self, row, err);
    row->created_ms = av_clock_wall_ms();
    return av_stores_row_create(self, row, err);
}
