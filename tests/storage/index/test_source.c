/*
 * test_source.c - an index over a real store: its messages in log order, erased ones, damaged ones, later ones
 */
#include "storage/index/source.h"
#include "tests/storage/index/index_help.h"
#include "tests/storage/meta/rig.h"

static av_error err;

static uint32_t
count_term(av_index *index, const char *term)
{
    av_index_view *view = av_index_snapshot(index);
    roaring_bitmap_t *got = roaring_bitmap_create();
    const av_index_run *runs;
    size_t n = av_index_runs(view, &runs);
    uint32_t count;

    for (size_t i = 0; i < n; i++)
        AV_CHECK_RC(
            av_run_docs(runs[i].run, av_span_str(term), AV_FIELD_ALL, NULL, runs[i].first, got, &err), AV_OK, &err);
    count = (uint32_t)roaring_bitmap_get_cardinality(got);
    roaring_bitmap_free(got);
    av_index_view_release(&view);
    return count;
}

static void
follow(av_index *index, const av_index_source *source, uint32_t want)
{
    av_index_progress progress = { 0 };
    uint32_t taken = 0;

    while (!progress.at_end) {
        if (!AV_CHECK(av_index_follow(index, source, 3, false, &progress, &err) == AV_OK)) {
            printf("    %s\n", err.msg);
            return;
        }
        taken += progress.documents;
    }
    AV_CHECK_INT(taken, want);
}

static void
place(rig *r, uint64_t from, uint64_t to)
{
    rig_begin(r, 0);
    for (uint64_t seed = from; seed < to; seed++)
        (void)rig_place(r, 0, 5, seed, 0);
    rig_commit(r, 0);
}

/* An attachment's helper: knows nothing but that it was asked. */
static av_errc
attachment(void *ctx, av_span name, av_span type, av_span bytes, av_buf *out, av_error *e)
{
    (void)name;
    AV_CHECK(av_span_eq_str(type, "application/octet-stream"));
    AV_CHECK_INT(bytes.n, 6000);
    if ((*(unsigned *)ctx)++ % 3 == 2)
        return av_error_set(e, AV_ERR_INVALID, "this one cannot be read");
    (void)av_buf_puts(out, "helped");
    return AV_OK;
}

static void
test_store(void)
{
    test_dir d = dir_new();
    av_index_config config = index_config(d.path);
    av_index *index = NULL;
    av_store_source *source;
    av_index_source as_source;
    av_index_state s;
    unsigned asked = 0;
    rig r;

    rig_build(&r, 1);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 5, "m"), AV_OK, &rig_err);
    rig_commit(&r, 0);
    source = av_store_source_new(r.stores[0].view, r.stores[0].store, attachment, &asked);
    as_source = av_store_source_of(source);
    AV_CHECK_RC(av_index_open(&config, &index, &err), AV_OK, &err);
    follow(index, &as_source, 0);
    place(&r, 1, 11);
    follow(index, &as_source, 10); /* the snapshot is taken anew */
    AV_CHECK_INT(asked, 10);
    AV_CHECK_INT(count_term(index, "ftext"), 10);
    AV_CHECK_INT(count_term(index, "fhelped"), 7);
    place(&r, 5, 15); /* six of them are known */
    av_store_source_rest(source);
    follow(index, &as_source, 4);
    AV_CHECK_INT(count_term(index, "ftext"), 14);
    AV_CHECK_INT(count_term(index, "f11"), 1);
    av_index_get_state(index, &s);
    AV_CHECK(s.documents == 14 && s.partly_read == 4 && s.unreadable == 0);
    AV_CHECK(s.lsn > 0 && s.lsn <= av_store_committed_lsn(r.stores[0].store));
    av_store_source_destroy(&source);
    av_index_close(&index);
    rig_demolish(&r);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", getenv("AV_LOUD") != NULL ? AV_LOG_WARN : AV_LOG_ERROR + 1, false);
    AV_RUN(test_store);
    return av_check_done();
}
