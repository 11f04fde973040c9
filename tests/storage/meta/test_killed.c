/*
 * test_killed.c - log, store view and catalog together, the process killed at random moments, between the three as
 * well: the views come back to exactly what the log alone gives
 *
 * AV_ROUNDS=n for a soak.
 */
#include <signal.h>
#include <sys/wait.h>

#include "tests/storage/meta/rig.h"

static const uint8_t box_id = 5;

static void
box_of(rig *r, av_mailbox *ret)
{
    uint8_t guid[16];

    memset(guid, box_id, 16);
    AV_CHECK_RC(av_catalog_mailbox_by_guid(av_catalog_writer(r->catalog), guid, ret, &rig_err), AV_OK, &rig_err);
}

/* Some come, some go, and what has gone is erased; a commit may end at each of its three steps. */
static void
write_group(rig *r, uint32_t round)
{
    rig_store *s = &r->stores[0];
    uint64_t lsn = 0;
    av_mailbox box;

    rig_begin(r, 0);
    for (uint32_t n = round % 9 + 1; n > 0; n--)
        (void)rig_place(r, 0, box_id, av_random_u64() % 500, 0);
    box_of(r, &box);
    if (round % 3 == 0) /* often of one that is gone already */
        (void)rig_remove(r, 0, box.guid, (uint32_t)(1 + av_random_u64() % (box.uidnext - 1)), 1000 + round);
    if (round % 4 != 0) {
        rig_commit(r, 0);
        return;
    }
    /* The same by hand, slowly, so that the kill finds its way between. */
    AV_CHECK_RC(av_store_commit(s->store, &lsn, &rig_err), AV_OK, &rig_err);
    (void)usleep(500);
    AV_CHECK_RC(av_store_view_group_end(s->view, lsn, &rig_err), AV_OK, &rig_err);
    AV_CHECK_RC(av_store_view_commit(s->view, &rig_err), AV_OK, &rig_err);
    (void)usleep(500);
    AV_CHECK_RC(av_catalog_commit(r->catalog, s->no, lsn, &rig_err), AV_OK, &rig_err);
}

/* Tells the next UID after each acknowledged group. */
static void
write_until_killed(rig *r, int to)
{
    av_mailbox box;

    rig_open(r);
    for (uint32_t round = 1;; round++) {
        write_group(r, round);
        if (round % 5 == 0)
            (void)rig_erase_next(r, 0, INT64_MAX);
        if (round % 7 == 0)
            AV_CHECK_RC(av_catalog_trim(r->catalog, &rig_err), AV_OK, &rig_err);
        box_of(r, &box);
        if (av_check_failed > 0 || write(to, &box.uidnext, sizeof box.uidnext) != (ssize_t)sizeof box.uidnext)
            _exit(4);
    }
}

static void
check_all(rig *r, uint32_t acked_uidnext)
{
    char *catalog, *view, *catalog_again, *view_again;
    av_store_counters counted;
    bool right = false;
    av_mailbox box;

    rig_open(r);
    AV_CHECK(av_store_problem(r->stores[0].store) == NULL);
    box_of(r, &box);
    AV_CHECK(box.uidnext >= acked_uidnext);
    AV_CHECK_RC(av_catalog_recount(r->catalog, &right, &rig_err), AV_OK, &rig_err);
    AV_CHECK(right);
    AV_CHECK_RC(
        av_store_view_recount(av_store_view_writer(r->stores[0].view), &counted, &right, &rig_err), AV_OK, &rig_err);
    AV_CHECK(right && counted.placements == box.messages);
    catalog = rig_dump(av_catalog_writer(r->catalog));
    view = rig_dump(av_store_view_writer(r->stores[0].view));
    rig_close(r);
    rig_lose(r, r->catalog_dir);
    rig_lose(r, r->stores[0].database);
    rig_open(r);
    catalog_again = rig_dump(av_catalog_writer(r->catalog));
    view_again = rig_dump(av_store_view_writer(r->stores[0].view));
    AV_CHECK(rig_same(catalog, catalog_again, "catalog"));
    AV_CHECK(rig_same(view, view_again, "store view"));
    free(catalog);
    free(view);
    free(catalog_again);
    free(view_again);
    rig_close(r);
}

static void
test_killed(void)
{
    const char *wanted = getenv("AV_ROUNDS");
    unsigned long rounds = wanted != NULL ? strtoul(wanted, NULL, 10) : 20;
    uint32_t acked = 1;
    rig r;

    rig_build(&r, 1);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, box_id, "m"), AV_OK, &rig_err);
    rig_commit(&r, 0);
    rig_close(&r);
    for (unsigned long i = 0; i < rounds && av_check_failed == 0; i++) {
        int ends[2], status = 0;
        pid_t pid;

        if (pipe(ends) != 0)
            exit(1);
        av_store_keys_unref(&r.stores[0].keys); /* one object a folder: the child's */
        pid = fork();
        if (pid == 0) {
            rig_open_keys(&r.stores[0]);
            write_until_killed(&r, ends[1]);
        }
        (void)close(ends[1]);
        (void)usleep((useconds_t)(30000 + av_random_u64() % 200000)); /* into its opening, too */
        (void)kill(pid, SIGKILL);
        while (read(ends[0], &acked, sizeof acked) == (ssize_t)sizeof acked)
            ;
        (void)close(ends[0]);
        AV_CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        rig_open_keys(&r.stores[0]);
        check_all(&r, acked);
    }
    printf("    %lu kills, %u messages\n", rounds, acked - 1);
    rig_demolish(&r);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    use_memory_folder();
    AV_RUN(test_killed);
    return av_check_done();
}
