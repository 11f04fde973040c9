/*
 * test_stores.c - the registry of stores: who holds what, and what a crash leaves
 */
#include "base/clock.h"
#include "tests/actors/instance/stores_rig.h"

enum { STORES = 14 };

static size_t
count_open(rig *r)
{
    size_t n = 0, open = 0;
    av_store_info *list = av_stores_list(r->archive->stores, &n);

    for (size_t i = 0; i < n; i++)
        open += list[i].is_open;
    av_store_infos_free(list, n);
    return open;
}

/* STORES stores with a message each, and one more that is current. */
static void
fill(rig *r)
{
    char name[32];

    for (unsigned i = 1; i <= STORES; i++) {
        put_message(r, i);
        (void)snprintf(name, sizeof name, "more %u", i);
        create(r, name);
    }
}

static void
test_many(void)
{
    rig r;

    rig_new(&r);
    fill(&r);
    read_all(&r, STORES);
    AV_CHECK(count_open(&r) <= AV_STORES_OPEN + AV_USES_MAX);
    av_stores_trim(r.archive->stores, true);
    AV_CHECK_INT(count_open(&r), 1); /* the current one */
    rig_close(&r);
    rig_open(&r);
    AV_CHECK_INT(count_open(&r), 1);
    read_all(&r, STORES);
    rig_end(&r);
}

/* Who reads a store keeps it, whatever is asked of it meanwhile. */
static void
test_held(void)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    const av_open_store *store = NULL, *again = NULL;
    av_placement p;
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    av_buf_init(&bytes, 4096);
    put_message(&r, 1);
    create(&r, "next");
    p = placement(&r, 1);
    AV_CHECK_RC(av_stores_use(r.archive->stores, p.store, &store, &err), AV_OK, &err);
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_DISABLED);
    AV_CHECK_INT(av_stores_use(r.archive->stores, p.store, &again, &err), AV_ERR_UNAVAILABLE);
    AV_CHECK_INT(av_stores_shut(r.archive->stores, 1, &err), AV_ERR_BUSY);
    AV_CHECK_RC(av_store_read_message(store->store, p.content_lsn, &bytes, &err), AV_OK, &err);
    av_stores_done(r.archive->stores, &store);
    AV_CHECK_INT(count_open(&r), 1);
    AV_CHECK_RC(av_stores_shut(r.archive->stores, 1, &err), AV_OK, &err);
    rig_end(&r);
}

/* Two verifications of one store would write into one scratch folder. */
static void
test_one_care_at_a_time(void)
{
    av_error err;
    rig r;

    rig_new(&r);
    AV_CHECK_RC(av_stores_care(r.archive->stores, 1, AV_CARE_VERIFY, &err), AV_OK, &err);
    AV_CHECK_INT(av_stores_care(r.archive->stores, 1, AV_CARE_VERIFY, &err), AV_ERR_BUSY);
    AV_CHECK_RC(av_stores_care(r.archive->stores, 1, AV_CARE_COMPACT, &err), AV_OK, &err);
    av_stores_cared(r.archive->stores, 1, AV_CARE_VERIFY);
    AV_CHECK_RC(av_stores_care(r.archive->stores, 1, AV_CARE_VERIFY, &err), AV_OK, &err);
    AV_CHECK_INT(av_stores_care(r.archive->stores, 2, AV_CARE_VERIFY, &err), AV_ERR_NOT_FOUND);
    rig_end(&r);
}

/* ---- readers while stores come and go ---- */

typedef struct crowd {
    rig *r;
    unsigned seed;
    atomic_bool *stop;
    unsigned long reads, unavailable, wrong;
} crowd;

static void *
read_for_ever(void *arg)
{
    crowd *self = arg;
    av_meta_view *view = av_catalog_snapshot(self->r->archive->catalog);
    av_mailbox mailbox;
    av_error err;

    if (av_catalog_mailbox_by_path(view, av_span_str("alice"), &mailbox, &err) != AV_OK)
        self->wrong++;
    while (!atomic_load(self->stop)) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        uint32_t uid = (uint32_t)rand_r(&self->seed) % STORES + 1;
        const av_open_store *store = NULL;
        av_placement p = { 0 };
        char text[64];
        av_errc rc;

        av_buf_init(&bytes, 4096);
        message_text(uid, text);
        rc = av_catalog_placement(view, mailbox.guid, uid, &p, &err);
        if (rc == AV_OK)
            rc = av_stores_use(self->r->archive->stores, p.store, &store, &err);
        if (rc == AV_ERR_UNAVAILABLE) {
            self->unavailable++;
            continue;
        }
        if (rc == AV_OK)
            rc = av_store_read_message(store->store, p.content_lsn, &bytes, &err);
        if (rc != AV_OK || strcmp(av_buf_cstr(&bytes), text) != 0)
            self->wrong++;
        self->reads++;
        av_stores_done(self->r->archive->stores, &store);
    }
    av_meta_view_destroy(&view);
    return NULL;
}

static void
test_crowd(void)
{
    enum { READERS = 3, MS = 3000 };
    crowd readers[READERS];
    pthread_t threads[READERS];
    atomic_bool stop = false;
    unsigned rounds = 0, seed = 7;
    int64_t until;
    rig r;

    rig_new(&r);
    fill(&r);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (crowd){ .r = &r, .seed = i + 1, .stop = &stop };
        AV_CHECK_INT(pthread_create(&threads[i], NULL, read_for_ever, &readers[i]), 0);
    }
    for (until = av_clock_mono_ms() + MS; av_clock_mono_ms() < until; rounds++) {
        uint64_t id = (uint64_t)rand_r(&seed) % STORES + 1;

        set_state(&r, id, ARCHIVOLT__STORE_STATE__STORE_STATE_DISABLED);
        av_stores_trim(r.archive->stores, rounds % 8 == 0);
        set_state(&r, id, ARCHIVOLT__STORE_STATE__STORE_STATE_NORMAL);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
        AV_CHECK_INT(readers[i].wrong, 0);
        AV_CHECK(readers[i].reads > 0);
        printf("  reader %u: %lu reads, %lu times unavailable, %u rounds\n", i, readers[i].reads,
            readers[i].unavailable, rounds);
    }
    read_all(&r, STORES);
    rig_end(&r);
}

/* ---- a crash while another store than the current one was written ---- */

static bool
is_dirty(rig *r, uint32_t id)
{
    av_store_info *info = NULL;
    av_error err;
    bool dirty = av_stores_info(r->archive->stores, id, &info, &err) == AV_OK && info->row->dirty;

    av_store_infos_free(info, info != NULL);
    return dirty;
}

static void
test_dirty(void)
{
    AV_CLEANUP(av_free) char *before = NULL;
    AV_CLEANUP(av_free) char *catalog = NULL;
    AV_CLEANUP(av_free) char *copy = NULL;
    av_mailbox mailbox;
    rig r;

    rig_new(&r);
    put_message(&r, 1);
    create(&r, "next");
    rig_close(&r);
    /* The catalog as it was on disk before: what a power cut leaves of it. */
    catalog = av_xasprintf("%s/catalog", r.dir);
    before = av_xasprintf("%s.before", r.dir);
    copy = av_xasprintf("cp -r %s %s", catalog, before);
    AV_CHECK_INT(system(copy), 0);
    rig_open(&r);
    AV_CHECK(!is_dirty(&r, 1));
    delete_uid(&r, 1);
    AV_CHECK(is_dirty(&r, 1));
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.messages, 0);
    r.archive->catalog_behind = true; /* as a failed commit leaves it: the marks stay */
    rig_close(&r);
    free(copy);
    copy = av_xasprintf("rm -r %s && mv %s %s", catalog, before, catalog);
    AV_CHECK_INT(system(copy), 0);
    rig_open(&r);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.messages, 0); /* the dirty store's log was read before anybody looked */
    rig_close(&r);
    rig_open(&r);
    AV_CHECK(!is_dirty(&r, 1));
    rig_end(&r);
}

/* ---- the first store ---- */

/* A crash between the files of the very first store and its row: the next start takes it. A store with mail in it is
 * not taken for that. */
static void
test_first_store_without_row(void)
{
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    rig_close(&r);
    lose(&r, "accounts");
    lose(&r, "catalog");
    rig_open(&r);
    put_message(&r, 1);
    read_all(&r, 1);
    rig_close(&r);
    lose(&r, "accounts");
    AV_CHECK_INT(rig_try_open(&r, &err), AV_ERR_EXISTS);
    rig_end(&r);
}

int
main(void)
{
    AV_RUN(test_many);
    AV_RUN(test_held);
    AV_RUN(test_one_care_at_a_time);
    AV_RUN(test_crowd);
    AV_RUN(test_dirty);
    AV_RUN(test_first_store_without_row);
    return av_check_done();
}
