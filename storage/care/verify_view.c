/*
 * verify_view.c - the view in use against one that is made anew from the log in a folder of its own
 */
#include "base/file.h"
#include "storage/care/replay.h"
#include "storage/care/verify_priv.h"
#include "storage/meta/store_view_check.h"

#define KEPT_MAX 1000U /* differences told by themselves */

typedef struct difference {
    uint64_t lsn;
    char sentence[160];
} difference;

typedef struct differences {
    av_buf list; /* difference */
    uint64_t n;
} differences;

static av_errc
on_difference(void *ctx, uint64_t lsn, const char *sentence, AV_UNUSED av_error *err)
{
    differences *self = ctx;
    difference d = { .lsn = lsn };

    (void)snprintf(d.sentence, sizeof d.sentence, "%s", sentence);
    if (self->n++ < KEPT_MAX)
        (void)av_buf_append(&self->list, &d, sizeof d);
    return AV_OK;
}

static av_errc
tell(verifier *self, const differences *found, av_error *err)
{
    av_span list = av_buf_span(&found->list);
    char sentence[96];
    av_errc rc = AV_OK;

    while (rc == AV_OK && list.n > 0) {
        difference d;

        memcpy(&d, list.p, sizeof d);
        list = av_span_skip(list, sizeof d);
        rc = verify_fault(self, AV_FAULT_VIEW, d.lsn, d.lsn, NULL, d.sentence, err);
    }
    (void)snprintf(sentence, sizeof sentence, "the view differs from its log in %llu more rows",
        (unsigned long long)(found->n - KEPT_MAX));
    return rc == AV_OK && found->n > KEPT_MAX ? verify_fault(self, AV_FAULT_VIEW, 0, 0, NULL, sentence, err) : rc;
}

/* The key of what was erased since the snapshot is gone, so a replay does not say what the snapshot says. */
static av_errc
judge(verifier *self, const differences *found, uint64_t until_lsn, av_error *err)
{
    size_t before = self->told.n;
    av_errc rc = found->n == 0 ? AV_OK : verify_read_on(self, until_lsn, err);

    if (rc != AV_OK || found->n == 0)
        return rc;
    if (self->told.n == before)
        return tell(self, found, err);
    self->result->rows = 0;
    av_care_say(self->watch, AV_LOG_WARN, 0, "the view could not be compared, as messages were erased meanwhile");
    return AV_OK;
}

static av_errc
compare(verifier *self, av_store_view *made, uint64_t until_lsn, av_error *err)
{
    differences found = { 0 };
    av_meta_view *snapshot;
    av_errc rc = av_care_replay(self->store, made, until_lsn, self->watch, err);

    if (rc != AV_OK)
        return rc;
    av_buf_init(&found.list, KEPT_MAX * sizeof(difference));
    snapshot = av_store_view_snapshot(made);
    rc = av_store_view_compare(self->options->view, snapshot, on_difference, &found, &self->result->rows, err);
    av_meta_view_destroy(&snapshot);
    if (rc == AV_OK)
        rc = judge(self, &found, until_lsn, err);
    av_buf_release(&found.list);
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
