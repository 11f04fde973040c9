/*
 * stores_rules.c - what is asked of stores before they change: names, folders, one current
 */
#include "actors/instance/stores_rules.h"

#include "actors/instance/floors.h"
#include "base/unicode.h"

bool
av_stores_has_name(av_stores *self, const char *name, uint32_t except)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    size_t n = 0;
    av_store_info *list = av_stores_list(self, &n);
    bool found = false;

    av_buf_init(&folded, 4096);
    (void)av_unicode_fold(av_span_str(name), &folded);
    for (size_t i = 0; i < n && !found; i++) {
        AV_CLEANUP(av_buf_release) av_buf other = { 0 };

        av_buf_init(&other, 4096);
        (void)av_unicode_fold(av_span_str(list[i].row->name), &other);
        found = list[i].row->id != except && av_span_eq(av_buf_span(&folded), av_buf_span(&other));
    }
    av_store_infos_free(list, n);
    return found;
}

av_errc
av_stores_check_name(av_stores *self, const char *name, uint32_t except, av_error *err)
{
    av_errc rc = av_store_name_check(name, err);

    if (rc == AV_OK && av_stores_has_name(self, name, except))
        return av_error_set(err, AV_ERR_EXISTS, "there is an archive store with the name \"%.200s\" already", name);
    return rc;
}

static bool
overlaps(const char *base_dir, const char *a, const char *b)
{
    AV_CLEANUP(av_free) char *x = av_store_path_resolve(base_dir, a);
    AV_CLEANUP(av_free) char *y = av_store_path_resolve(base_dir, b);

    return av_store_path_overlaps(x, y);
}

static av_errc
check_own(const char *base_dir, const char *path, av_error *err)
{
    static const char *const own[] = { "~/keyring", "~/accounts", "~/catalog", "~/instance.lock" };

    for (size_t i = 0; i < AV_COUNT(own); i++)
        if (overlaps(base_dir, path, own[i]))
            return av_error_set(err, AV_ERR_INVALID, "%.200s is the instance's own folder", path);
    return AV_OK;
}

av_errc
av_stores_check_paths(
    av_stores *self, const char *base_dir, const av_store_paths *paths, uint32_t except, av_error *err)
{
    const char *const mine[] = { paths->content, paths->database, paths->index };
    size_t n = 0;
    av_store_info *list = av_stores_list(self, &n);
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(mine); i++)
        rc = check_own(base_dir, mine[i], err);
    for (size_t i = 0; rc == AV_OK && i < n; i++) {
        const av_store_row *row = list[i].row;
        const char *const theirs[] = { row->content, row->database, row->index };

        for (size_t k = 0; rc == AV_OK && row->id != except && k < 9; k++)
            if (overlaps(base_dir, mine[k / 3], theirs[k % 3]))
                rc = av_error_set(
                    err, AV_ERR_EXISTS, "the folder %.150s is used by archive store %.80s", mine[k / 3], row->name);
    }
    av_store_infos_free(list, n);
    return rc;
}

av_errc
av_stores_row_copy(av_stores *self, uint64_t id, av_store_row **ret, av_error *err)
{
    av_store_info *info = NULL;
    av_errc rc = id > UINT32_MAX
                     ? av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %llu", (unsigned long long)id)
                     : av_stores_info(self, (uint32_t)id, &info, err);

    if (rc == AV_OK) {
        assert(info != NULL && info->row != NULL);
        *ret = AV_TAKE(info->row);
    }
    av_store_infos_free(info, info != NULL);
    return rc;
}

av_errc
av_store_rows_demote(av_accounts *accounts, uint32_t except, av_error *err)
{
    av_meta_iter *it = av_store_rows(av_accounts_writer(accounts));
    av_store_row *current[AV_STORES_MAX], *row;
    size_t n = 0;
    av_errc rc;

    /* Gathered first: an iterator of the writer is not valid past a change. */
    while ((rc = av_store_row_next(it, &row, err)) == AV_OK && row != NULL) {
        if (row->state == AV_STORE_CURRENT && row->id != except && n < AV_STORES_MAX)
            current[n++] = row;
        else
            av_store_row_destroy(&row);
    }
    av_meta_iter_destroy(&it);
    for (size_t i = 0; i < n; i++) {
        current[i]->state = AV_STORE_NORMAL;
        current[i]->dirty = true; /* it was written without marks */
        if (rc == AV_OK)
            rc = av_store_row_put(accounts, current[i], err);
        av_store_row_destroy(&current[i]);
    }
    return rc;
}

av_errc
av_stores_note_floors(av_archive *archive, const av_store_info *info, av_error *err)
{
    if (info->unread)
        return av_floors_note_jump(archive->accounts, archive->catalog, err);
    return av_floors_note(archive->accounts, archive->catalog, av_catalog_writer(archive->catalog), info->no, err);
}
