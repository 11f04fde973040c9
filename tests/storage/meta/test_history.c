/*
 * test_history.c - random histories over three stores: views replayed from the logs alone, store after store in every
 * order, have exactly the rows that the live ones have
 *
 * AV_ROUNDS=n for a soak, ARCHIVOLT_SEED for one history.
 */
#include "tests/storage/meta/rig.h"

#define BOXES 12

static uint64_t random_state;
static unsigned long sum_placements, sum_erased, sum_refused,
    sum_provisional; /* that the histories have something in them */

static unsigned
dice(unsigned sides)
{
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)((random_state >> 33) % sides);
}

struct history {
    rig rig;
    int64_t clock_ms;
    uint8_t made; /* mailboxes created so far, ids 1 to made */
    unsigned refused, erased;
};

static bool
box_of(struct history *h, uint8_t id, av_mailbox *ret)
{
    uint8_t guid[16];

    memset(guid, id, 16);
    return av_catalog_mailbox_by_guid(av_catalog_writer(h->rig.catalog), guid, ret, &rig_err) == AV_OK;
}

/* Few names, so that they are taken, given up and taken again. */
static const char *
some_path(void)
{
    static const char *const paths[] = { "a", "a/x", "a/y", "b", "b/x", "c", "c/x/y", "d" };

    return paths[dice(AV_COUNT(paths))];
}

static void
do_mailbox(struct history *h, unsigned store)
{
    unsigned what = dice(4);
    uint8_t id = (uint8_t)(1 + dice(BOXES));
    av_mailbox box;
    av_errc rc = AV_OK;

    if (what < 2 && h->made < BOXES) {
        rc = rig_mailbox(&h->rig, store, AV_EVENT_MAILBOX_CREATED, (uint8_t)(h->made + 1), some_path());
        h->made = (uint8_t)(h->made + (rc == AV_OK ? 1 : 0));
    } else if (what == 2) {
        rc = rig_mailbox(&h->rig, store, AV_EVENT_MAILBOX_RENAMED, id, some_path());
    } else if (box_of(h, id, &box) && dice(3) == 0) {
        rc = rig_mailbox(&h->rig, store, AV_EVENT_MAILBOX_REMOVED, id, "");
    }
    AV_CHECK(rc == AV_OK || rc == AV_ERR_EXISTS || rc == AV_ERR_NOT_FOUND || rc == AV_ERR_CONFLICT);
    h->refused += rc != AV_OK ? 1U : 0U;
}

static void
do_place(struct history *h, unsigned store)
{
    uint8_t id = (uint8_t)(1 + dice(BOXES));
    av_mailbox box;

    if (box_of(h, id, &box))
        (void)rig_place(&h->rig, store, id, 1 + dice(40), dice(2) == 0 ? AV_FLAG_SEEN : 0);
}

static void
do_remove(struct history *h, unsigned store)
{
    uint8_t id = (uint8_t)(1 + dice(BOXES));
    av_placement row;
    av_mailbox box;
    bool found = false;
    av_catalog_iter *it;

    if (!box_of(h, id, &box))
        return;
    it = av_catalog_placements(av_catalog_writer(h->rig.catalog), box.guid, dice(box.uidnext), UINT32_MAX);
    while (!found && av_catalog_next_placement(it, &row))
        found = row.store == h->rig.stores[store].no;
    av_catalog_iter_destroy(&it);
    if (found)
        AV_CHECK_RC(rig_remove(&h->rig, store, box.guid, row.uid, dice(4) == 0 ? 0 : h->clock_ms), AV_OK, &rig_err);
}

static void
do_hold(struct history *h, unsigned store)
{
    uint8_t guid[16], digest[32], id = (uint8_t)(1 + dice(5));
    av_span m = rig_message(1 + dice(40));
    unsigned what = dice(5);

    av_sha256(m, digest);
    message_free(m);
    memset(guid, (int)(1 + dice(BOXES)), 16);
    if (what < 2)
        AV_CHECK_RC(rig_hold(&h->rig, store, AV_EVENT_HOLD_LIFTED, id, NULL, NULL), AV_OK, &rig_err);
    else
        AV_CHECK_RC(rig_hold(&h->rig, store, AV_EVENT_HOLD_SET, id, what == 2 || what == 4 ? guid : NULL,
                        what == 3 || what == 4 ? digest : NULL),
            AV_OK, &rig_err);
}

static void
do_run(struct history *h, unsigned store)
{
    AV_CLEANUP(av_buf_release) av_buf refused = { 0 };
    av_event e = { .kind = AV_EVENT_RUN_PROGRESS };

    av_buf_init(&refused, 200);
    (void)av_event_list_put_refused(&refused, dice(20), av_span_str("p"), av_span_str(dice(2) == 0 ? "empty" : "bad"));
    e.run.state = AV_RUN_RUNNING;
    memset(e.run.run, (int)(1 + dice(3)), 16);
    e.run.last_item = dice(100);
    e.run.refused_items = av_buf_span(&refused);
    AV_CHECK_RC(rig_tell(&h->rig, store, &e), AV_OK, &rig_err);
}

static void
do_one(struct history *h, unsigned store)
{
    unsigned what = dice(20);

    h->clock_ms += dice(1000);
    if (what < 3)
        do_mailbox(h, store);
    else if (what < 11)
        do_place(h, store);
    else if (what < 17)
        do_remove(h, store);
    else if (what == 17)
        do_hold(h, store);
    else if (what == 18)
        do_run(h, store);
}

/* A group; now and then given up, or the views do not follow the log and are caught up. */
static void
do_group(struct history *h)
{
    unsigned store = dice(h->rig.count), end = dice(12);
    uint64_t lsn = 0;
    uint8_t made = h->made;

    if (dice(4) == 0) {
        h->erased += rig_erase_next(&h->rig, store, h->clock_ms - 3000) ? 1U : 0U;
        return;
    }
    rig_begin(&h->rig, store);
    for (unsigned n = dice(8); n > 0; n--)
        do_one(h, store);
    if (end == 0) {
        AV_CHECK_RC(av_views_rollback(h->rig.catalog, h->rig.stores[store].no, &rig_err), AV_OK, &rig_err);
        h->made = made;
    } else if (end < 3) {
        AV_CHECK_RC(av_store_commit(h->rig.stores[store].store, &lsn, &rig_err), AV_OK, &rig_err);
        if (end == 2) { /* the catalog alone stays behind */
            AV_CHECK_RC(av_store_view_group_end(h->rig.stores[store].view, lsn, &rig_err), AV_OK, &rig_err);
            AV_CHECK_RC(av_store_view_commit(h->rig.stores[store].view, &rig_err), AV_OK, &rig_err);
        }
        av_store_view_rollback(h->rig.stores[store].view);
        av_catalog_rollback(h->rig.catalog);
        rig_catch_up(&h->rig, store);
    } else {
        rig_commit(&h->rig, store);
    }
}

struct dumps {
    char *catalog, *views[RIG_STORES];
};

static struct dumps
dump_all(rig *r)
{
    struct dumps d = { .catalog = rig_dump(av_catalog_writer(r->catalog)) };

    for (unsigned i = 0; i < r->count; i++)
        d.views[i] = rig_dump(av_store_view_writer(r->stores[i].view));
    return d;
}

static void
free_dumps(struct dumps *d)
{
    free(d->catalog);
    for (unsigned i = 0; i < RIG_STORES; i++)
        free(d->views[i]);
}

static void
check_same(rig *r, const struct dumps *live, const char *what)
{
    struct dumps now = dump_all(r);

    AV_CHECK(rig_same(live->catalog, now.catalog, what));
    for (unsigned i = 0; i < r->count; i++)
        AV_CHECK(rig_same(live->views[i], now.views[i], r->stores[i].database));
    free_dumps(&now);
}

static void
check_counters(rig *r)
{
    av_store_counters counted;
    bool right = false;

    AV_CHECK_RC(av_catalog_recount(r->catalog, &right, &rig_err), AV_OK, &rig_err);
    AV_CHECK(right);
    for (unsigned i = 0; i < r->count; i++) {
        right = false;
        AV_CHECK_RC(av_store_view_recount(av_store_view_writer(r->stores[i].view), &counted, &right, &rig_err), AV_OK,
            &rig_err);
        AV_CHECK(right);
    }
}

static unsigned
count_provisional(rig *r)
{
    av_catalog_iter *it = av_catalog_mailboxes(av_catalog_writer(r->catalog), av_span_str(NULL));
    unsigned n = 0;
    av_mailbox box;

    while (av_catalog_next_mailbox(it, &box))
        n += box.provisional ? 1U : 0U;
    av_catalog_iter_destroy(&it);
    return n;
}

static void
replay_all_orders(struct history *h, const struct dumps *live)
{
    static const unsigned orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 },
        { 2, 1, 0 } };

    for (size_t i = 0; i < AV_COUNT(orders) && av_check_failed == 0; i++) {
        char what[40];

        (void)snprintf(what, sizeof what, "order %u %u %u", orders[i][0], orders[i][1], orders[i][2]);
        rig_close(&h->rig);
        rig_lose(&h->rig, h->rig.catalog_dir);
        if (i % 3 == 0)
            rig_lose(&h->rig, h->rig.stores[dice(3)].database);
        rig_open_in(&h->rig, orders[i]);
        check_same(&h->rig, live, what);
    }
}

/* A store is missing, so names may be claimed twice: still the same in every order, and right when it comes. */
static void
replay_without_one(struct history *h, const struct dumps *live)
{
    static const unsigned there[] = { 0, 1, 2 }, back[] = { 1, 0, 2 };
    char *first;

    rig_close(&h->rig);
    rig_lose(&h->rig, h->rig.catalog_dir);
    h->rig.count = 2;
    rig_open_in(&h->rig, there);
    first = rig_dump(av_catalog_writer(h->rig.catalog));
    sum_provisional += count_provisional(&h->rig) > 0 ? 1U : 0U;
    check_counters(&h->rig);
    rig_close(&h->rig);
    rig_lose(&h->rig, h->rig.catalog_dir);
    rig_open_in(&h->rig, back);
    {
        char *second = rig_dump(av_catalog_writer(h->rig.catalog));

        AV_CHECK(rig_same(first, second, "without the third store"));
        free(second);
    }
    free(first);
    rig_close(&h->rig);
    h->rig.count = 3;
    rig_open(&h->rig);
    check_same(&h->rig, live, "the third store comes");
}

static void
run_history(uint64_t seed)
{
    struct history h = { .clock_ms = 100000 };
    struct dumps live;

    random_state = seed;
    rig_build(&h.rig, 3);
    for (unsigned groups = 30 + dice(60); groups > 0 && av_check_failed == 0; groups--)
        do_group(&h);
    check_counters(&h.rig);
    for (unsigned i = 0; i < 3; i++) {
        av_store_counters n = { 0 };

        (void)av_store_view_counters(av_store_view_writer(h.rig.stores[i].view), &n, &rig_err);
        sum_placements += n.placements;
    }
    sum_erased += h.erased;
    sum_refused += h.refused;
    live = dump_all(&h.rig);
    for (unsigned i = 0; i < 3; i++) {
        rig_close(&h.rig);
        rig_lose(&h.rig, h.rig.stores[i].database);
        rig_open(&h.rig);
        check_same(&h.rig, &live, "view alone lost");
    }
    replay_all_orders(&h, &live);
    replay_without_one(&h, &live);
    check_counters(&h.rig);
    if (av_check_failed > 0)
        printf("    ARCHIVOLT_SEED=%llu\n", (unsigned long long)seed);
    free_dumps(&live);
    rig_demolish(&h.rig);
}

static void
test_histories(void)
{
    const char *wanted = getenv("AV_ROUNDS"), *seed = getenv("ARCHIVOLT_SEED");
    unsigned long rounds = wanted != NULL ? strtoul(wanted, NULL, 10) : 12;

    if (seed != NULL) {
        run_history(strtoull(seed, NULL, 10));
        return;
    }
    for (unsigned long i = 0; i < rounds && av_check_failed == 0; i++)
        run_history(av_random_u64());
    printf("    %lu histories: %lu messages, %lu erased, %lu names refused, %lu with provisional names\n", rounds,
        sum_placements, sum_erased, sum_refused, sum_provisional);
}

/* --- names alone, from logs that contradict one another --------------------------------------------------------- */

#define CLAIMANTS 6

struct claims {
    uint64_t sequence[CLAIMANTS + 1];
    const char *path[CLAIMANTS + 1];
    bool created[CLAIMANTS + 1], removed[CLAIMANTS + 1];
};

/* The last is what the first mailbox goes by when it has lost "a". */
static const char *const claimed[] = { "a", "a/b", "c", "a (01010101010101010101010101010101)" };

static void
log_claims(rig *r, struct claims *model)
{
    for (uint64_t sequence = 1; sequence <= 24; sequence++) {
        AV_CLEANUP(av_buf_release) av_buf body = { 0 };
        av_store *store = r->stores[dice(3)].store;
        uint8_t id = (uint8_t)(1 + dice(CLAIMANTS));
        av_event e = { .kind = AV_EVENT_MAILBOX_CREATED };
        uint64_t lsn = 0;

        av_buf_init(&body, 1000);
        memset(e.mailbox.guid, id, 16);
        e.mailbox.uidvalidity = id;
        e.mailbox.sequence = sequence;
        if (dice(3) == 0)
            e.kind = AV_EVENT_MAILBOX_RENAMED;
        if (dice(12) == 0) {
            e.kind = AV_EVENT_MAILBOX_REMOVED;
            model->removed[id] = true;
        } else {
            model->path[id] = claimed[dice(AV_COUNT(claimed))];
            model->sequence[id] = sequence;
            model->created[id] = model->created[id] || e.kind == AV_EVENT_MAILBOX_CREATED;
            e.mailbox.path = av_span_str(model->path[id]);
        }
        AV_CHECK_RC(av_event_encode(&e, &body, &rig_err), AV_OK, &rig_err);
        AV_CHECK_RC(av_store_put_event(store, av_buf_span(&body), &rig_err), AV_OK, &rig_err);
        AV_CHECK_RC(av_store_commit(store, &lsn, &rig_err), AV_OK, &rig_err);
    }
}

static void
check_claims(rig *r, const struct claims *model)
{
    for (uint8_t id = 1; id <= CLAIMANTS; id++) {
        bool there = model->created[id] && !model->removed[id], newest = true;
        av_mailbox box, by_path;
        uint8_t guid[16];

        memset(guid, id, 16);
        AV_CHECK_RC(av_catalog_mailbox_by_guid(av_catalog_writer(r->catalog), guid, &box, &rig_err),
            there ? AV_OK : AV_ERR_NOT_FOUND, &rig_err);
        if (!there)
            continue;
        for (uint8_t other = 1; other <= CLAIMANTS; other++)
            newest = newest && (model->removed[other] || model->sequence[other] <= model->sequence[id] ||
                                   model->path[other] != model->path[id]);
        AV_CHECK(box.provisional == !newest && box.sequence == model->sequence[id]);
        sum_provisional += newest ? 0U : 1U;
        AV_CHECK(strncmp(box.path, model->path[id], strlen(model->path[id])) == 0);
        AV_CHECK(newest == (strcmp(box.path, model->path[id]) == 0));
        if (newest) {
            AV_CHECK_RC(av_catalog_mailbox_by_path(
                            av_catalog_writer(r->catalog), av_span_str(model->path[id]), &by_path, &rig_err),
                AV_OK, &rig_err);
            AV_CHECK_MEM(by_path.guid, 16, guid, 16);
        }
    }
}

static void
test_claims(void)
{
    static const unsigned orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 }, { 1, 0, 2 }, { 2, 0, 1 },
        { 0, 2, 1 } };
    unsigned rounds = getenv("AV_ROUNDS") != NULL ? (unsigned)strtoul(getenv("AV_ROUNDS"), NULL, 10) : 12;

    random_state = av_random_u64();
    sum_provisional = 0;
    for (unsigned round = 0; round < rounds && av_check_failed == 0; round++) {
        uint64_t seed = random_state;
        struct claims model = { 0 };
        char *first = NULL;
        rig r;

        rig_build(&r, 3);
        log_claims(&r, &model);
        for (size_t i = 0; i < AV_COUNT(orders) && av_check_failed == 0; i++) {
            char *now;

            rig_close(&r);
            rig_lose(&r, r.catalog_dir);
            rig_open_in(&r, orders[i]);
            check_claims(&r, &model);
            now = rig_dump(av_catalog_writer(r.catalog));
            AV_CHECK(first == NULL || rig_same(first, now, "claims in another order"));
            free(first);
            first = now;
        }
        if (av_check_failed > 0)
            printf("    state %llu\n", (unsigned long long)seed);
        free(first);
        rig_demolish(&r);
    }
    printf("    %u rounds, %lu provisional names\n", rounds, sum_provisional);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    use_memory_folder();
    AV_RUN(test_histories);
    AV_RUN(test_claims);
    return av_check_done();
}
