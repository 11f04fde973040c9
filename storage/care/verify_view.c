/*
 * verify_view.c - the view in use against one that is made anew from the log in a folder of its own
 */
#include "base/file.h"
#include "storage/care/replay.h"
#include "storage/care/verify_priv.h"
#include "storage/meta/store_view_check.h"

static av_errc
on_difference(void *ctx, uint64_t lsn, const char *sentence, av_error *err)
{
    return verify_fault(ctx, AV_FAULT_VIEW, lsn, lsn, NULL, sentence, err);
}

static av_errc
compare(verifier *self, av_store_view *made, uint64_t until_lsn, av_error *err)
{
    av_meta_view *snapshot;
    av_errc rc = av_care_replay(self->store, made, until_lsn, self->watch, err);

    if (rc != AV_OK)
        return rc;
    snapshot = av_store_view_snapshot(made);
    rc = av_store_view_compare(self->options->view, snapshot, on_difference, self, &self->result->rows, err);
    av_meta_view_destroy(&snapshot);
    return rc;
}

av_errc
verify_view(verifier *self, uint64_t until_lsn, av_error *err)
{
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/view", self->options->scratch_dir);
    av_store_view_config config = { .dir = dir, .keys = self->keys };
    av_store_view *made = NULL;
    av_error ignored;
    av_errc rc = av_dir_make(self->options->scratch_dir, err);

    if (rc == AV_OK)
        rc = av_dir_remove(dir, self->options->scratch_dir, err); /* of a run that was cut short */
    if (rc == AV_OK)
        rc = av_store_view_open(&config, &made, err);
    if (rc == AV_OK)
        rc = compare(self, made, until_lsn, err);
    /* A view that cannot be read through is a fault of the view. */
    if (rc == AV_ERR_CORRUPT)
        rc = verify_fault(self, AV_FAULT_VIEW, 0, 0, NULL, NULL, err);
    av_store_view_close(&made);
    (void)av_dir_remove(dir, self->options->scratch_dir, &ignored);
    (void)av_file_ops_get()->rmdir(self->options->scratch_dir);
    return rc;
}
