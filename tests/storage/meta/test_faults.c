/*
 * test_faults.c - system calls of a session over log, store view and catalog fail in turn: what was acknowledged is in all
 * three after the next opening, and the views are those of the log
 *
 * AV_ROUNDS=n: every n-th call (13; 1 tries them all).
 */
#include <errno.h>

#include "tests/storage/fault_ops.h"
#include "tests/storage/meta/rig.h"

#define GROUPS 5

static uint64_t acked; /* messages */

/* As rig_place, but whatever fails is an answer. */
static av_errc
place(rig *r, uint64_t seed, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    rig_store *s = &r->stores[0];
    av_event e = { .kind = AV_EVENT_PLACEMENT_ADDED };
    av_span m = rig_message(seed);
    av_mailbox box;
    av_errc rc;

    memset(e.placement.guid, 1, 16);
    av_sha256(m, e.placement.digest);
    e.placement.raw_size = e.placement.crlf_size = m.n;
    rc = av_catalog_mailbox_by_guid(av_catalog_writer(r->catalog), e.placement.guid, &box, err);
    if (rc == AV_OK)
        rc = av_store_put_message(s->store, m, e.placement.digest, &e.placement.content_lsn, err);
    message_free(m);
    if (rc != AV_OK)
        return rc;
    e.placement.uid = box.uidnext;
    e.placement.modseq = box.highestmodseq + 1;
    av_buf_init(&row, 100);
    rig_row(&e.placement, &row);
    return av_views_put_event(r->catalog, s->no, &e, av_buf_span(&row), err);
}

/* true: go on with the next group. */
static bool
run_group(rig *r, uint64_t group)
{
    uint32_t no = r->stores[0].no;
    av_error err = { 0 };
    bool behind = false;
    av_errc rc = AV_OK;

    av_views_begin(r->catalog, no);
    for (uint64_t i = 0; rc == AV_OK && i < 3; i++)
        rc = place(r, 3 * group + i, &err);
    if (rc != AV_OK) {
        AV_CHECK(err.msg[0] != '\0');
        return av_views_rollback(r->catalog, no, &err) == AV_OK;
    }
    rc = av_views_commit(r->catalog, no, &behind, &err);
    if (rc != AV_OK)
        return false;
    acked += 3;
    if (behind && av_catalog_catch_up(r->catalog, no, rig_summarize, r, NULL, &err) != AV_OK)
        return false;
    if (group % 2 == 1) /* tables are written, too */
        return av_catalog_trim(r->catalog, &err) == AV_OK && av_store_view_trim(r->stores[0].view, &err) == AV_OK;
    return true;
}

static void
check_rows(rig *r, const char *what)
{
    av_store_counters counted;
    char *catalog, *view, *again;
    bool right = false;
    av_mailbox box;
    uint8_t guid[16];

    memset(guid, 1, 16);
    rig_open(r);
    AV_CHECK_RC(av_catalog_mailbox_by_guid(av_catalog_writer(r->catalog), guid, &box, &rig_err), AV_OK, &rig_err);
    if (!AV_CHECK(box.messages >= acked))
        printf("    after %s\n", what);
    AV_CHECK_RC(
        av_store_view_recount(av_store_view_writer(r->stores[0].view), &counted, &right, &rig_err), AV_OK, &rig_err);
    AV_CHECK(right && counted.placements == box.messages);
    catalog = rig_dump(av_catalog_writer(r->catalog));
    rig_close(r);
    rig_lose(r, r->catalog_dir);
    rig_lose(r, r->stores[0].database);
    rig_open(r);
    again = rig_dump(av_catalog_writer(r->catalog));
    AV_CHECK(rig_same(catalog, again, what));
    view = rig_dump(av_store_view_writer(r->stores[0].view));
    AV_CHECK(view[0] != '\0');
    free(catalog);
    free(again);
    free(view);
    acked = box.messages;
    rig_close(r);
}

static void
fail_each(const fault_plan *like, unsigned long step)
{
    unsigned long tried = 0;
    rig r;

    rig_build(&r, 1);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 1, "m"), AV_OK, &rig_err);
    rig_commit(&r, 0);
    acked = 0;
    rig_close(&r);
    for (long i = (long)(av_random_u64() % step); av_check_failed == 0; i += (long)step) {
        fault_plan plan = *like;
        bool failed;

        plan.fail_at = i;
        rig_open(&r);
        fault_ops_begin(&plan);
        for (uint64_t group = 0; group < GROUPS && run_group(&r, group + 1000 * (uint64_t)i); group++)
            ;
        failed = fault_ops_end();
        rig_close(&r);
        check_rows(&r, fault_ops_what());
        tried++;
        if (!failed)
            break;
    }
    printf("    %lu calls, %s%s\n", tried, strerror(like->error), like->stay ? " from then on" : "");
    rig_demolish(&r);
}

static void
test_faults(void)
{
    const char *wanted = getenv("AV_ROUNDS");
    unsigned long step = wanted != NULL ? strtoul(wanted, NULL, 10) : 13;

    fail_each(&(fault_plan){ .error = EIO }, AV_MAX(step, 1UL));
    fail_each(&(fault_plan){ .error = ENOSPC, .half = true }, AV_MAX(step, 1UL));
    fail_each(&(fault_plan){ .error = EIO, .stay = true }, AV_MAX(step, 1UL));
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    use_memory_folder();
    AV_RUN(test_faults);
    return av_check_done();
}
