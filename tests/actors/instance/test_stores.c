/*
 * test_stores.c - rows and folders of stores, the registry: who holds what, what a crash leaves, adoption
 */
#include <errno.h>

#include "actors/instance/adopt.h"
#include "actors/instance/auto_create.h"
#include "actors/instance/deletion.h"
#include "actors/instance/erase.h"
#include "actors/instance/floors.h"
#include "actors/instance/holds.h"
#include "actors/instance/stores_change.h"
#include "actors/instance/summary_row.h"
#include "actors/instance/uses.h"
#include "base/clock.h"
#include "base/encode.h"
#include "storage/backup/backup.h"
#include "tests/actors/instance/rig.h"

/* ---- folders ---- */

static void
test_normalize(void)
{
    static const struct {
        const char *given, *kept; /* NULL: refused */
    } cases[] = {
        { "/a/b", "/a/b" },
        { "/a//b/", "/a/b" },
        { "~/x", "~/x" },
        { "~\\Messages-2013-10", "~/Messages-2013-10" },
        { "~\\a\\b/", "~/a/b" },
        { "/a\\b", "/a\\b" },
        { "a/b", NULL },
        { "", NULL },
        { "/", NULL },
        { "~", NULL },
        { "~/", NULL },
        { "~x/y", NULL },
        { "/a/../b", NULL },
        { "~/./b", NULL },
        { "/a\nb", NULL },
        { "/a\xff", NULL },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_free) char *kept = NULL;
        av_errc rc = av_store_path_normalize(cases[i].given, &kept, &err);

        AV_CHECK_INT(rc, cases[i].kept == NULL ? AV_ERR_INVALID : AV_OK);
        if (cases[i].kept != NULL && rc == AV_OK)
            AV_CHECK_STR(kept, cases[i].kept);
    }
}

static void
test_take(void)
{
    static const struct {
        const char *path, *database, *content, *index, *fallback;
        const char *ret_content, *ret_database, *ret_index; /* NULL: refused */
    } cases[] = {
        { "/s", NULL, NULL, NULL, NULL, "/s/content", "/s/database", "/s/index" },
        { NULL, "/s", NULL, NULL, NULL, "/s/content", "/s/database", "/s/index" },
        { NULL, NULL, NULL, NULL, "~/stores/x", "~/stores/x/content", "~/stores/x/database", "~/stores/x/index" },
        { "/s", "/fast/db", NULL, "/fast/ix", NULL, "/s/content", "/fast/db", "/fast/ix" },
        { NULL, "/d", "/c", "/i", NULL, "/c", "/d", "/i" },
        { NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
        { NULL, NULL, "/c", NULL, NULL, NULL, NULL, NULL },
        { NULL, "/s", "/s", "/i", NULL, NULL, NULL, NULL },
        { NULL, "/s/a", "/s", "/i", NULL, NULL, NULL, NULL },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_store_paths_release) av_store_paths paths = { 0 };
        av_errc rc = av_store_paths_take(
            cases[i].path, cases[i].database, cases[i].content, cases[i].index, cases[i].fallback, &paths, &err);

        AV_CHECK_INT(rc, cases[i].ret_content == NULL ? AV_ERR_INVALID : AV_OK);
        if (rc != AV_OK || cases[i].ret_content == NULL)
            continue;
        AV_CHECK_STR(paths.content, cases[i].ret_content);
        AV_CHECK_STR(paths.database, cases[i].ret_database);
        AV_CHECK_STR(paths.index, cases[i].ret_index);
    }
    AV_CHECK(av_store_path_overlaps("/a/b", "/a/b"));
    AV_CHECK(av_store_path_overlaps("/a", "/a/b"));
    AV_CHECK(!av_store_path_overlaps("/a/b", "/a/bc"));
    {
        AV_CLEANUP(av_free) char *hidden = av_store_path_propose("~/stores", "../x y");

        AV_CHECK_STR(hidden, "~/stores/store-..-x-y");
    }
    AV_CHECK_INT(av_store_name_check("2026-11", &err), AV_OK);
    AV_CHECK_INT(av_store_name_check("", &err), AV_ERR_INVALID);
    AV_CHECK_INT(av_store_name_check(" x", &err), AV_ERR_INVALID);
}

/* ---- rows ---- */

static void
test_row(void)
{
    av_store_row row = { .id = 7,
        .name = (char *)(uintptr_t) "n",
        .content = (char *)(uintptr_t) "~/c",
        .database = (char *)(uintptr_t) "/d",
        .index = (char *)(uintptr_t) "/i",
        .state = AV_STORE_WRITE_PROTECTED,
        .task = AV_STORE_TASK_ADOPT,
        .locked = true,
        .created_ms = 1234567 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    AV_CLEANUP(av_store_row_destroy) av_store_row *got = NULL;
    av_error err;

    memset(row.uuid, 5, sizeof row.uuid);
    av_buf_init(&out, 4096);
    AV_CHECK_RC(av_store_row_encode(&row, &out, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_row_decode(av_buf_span(&out), &got, &err), AV_OK, &err);
    if (got == NULL)
        return;
    AV_CHECK(got->id == 7 && got->state == AV_STORE_WRITE_PROTECTED && got->task == AV_STORE_TASK_ADOPT);
    AV_CHECK(got->locked && !got->dirty && got->created_ms == 1234567 && memcmp(got->uuid, row.uuid, 16) == 0);
    AV_CHECK_STR(got->content, "~/c");
    for (size_t n = 0; n < out.n; n++) { /* no beginning of it is a row, and none breaks the reader */
        AV_CLEANUP(av_store_row_destroy) av_store_row *part = NULL;

        if (av_store_row_decode(av_span_of(out.p, n), &part, &err) == AV_OK)
            AV_CHECK(part != NULL && n > out.n - 40); /* only what is optional may be missing */
    }
}

static void
test_due(void)
{
    const int64_t nov = 1793500000000, dec = nov + 35LL * 24 * 3600 * 1000; /* 2026-11-01, 2026-12-06 */
    Archivolt__StoreAutoCreateConfiguration config = ARCHIVOLT__STORE_AUTO_CREATE_CONFIGURATION__INIT;
    av_store_row row = { .created_ms = nov };
    av_store_info info = { .row = &row, .messages = 10, .stored = 500 };

    AV_CHECK(!av_auto_create_is_due(&config, &info, dec)); /* not enabled */
    config.enabled = true;
    config.has_messages = config.has_size_bytes = config.has_period = true;
    config.period = ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_NEVER;
    AV_CHECK(!av_auto_create_is_due(&config, &info, dec)); /* no limit */
    config.messages = 11;
    AV_CHECK(!av_auto_create_is_due(&config, &info, dec));
    config.messages = 10;
    AV_CHECK(av_auto_create_is_due(&config, &info, dec));
    config.messages = 0;
    config.size_bytes = 500;
    AV_CHECK(av_auto_create_is_due(&config, &info, dec));
    config.size_bytes = 0;
    config.period = ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_MONTH;
    AV_CHECK(av_auto_create_is_due(&config, &info, dec));
    AV_CHECK(!av_auto_create_is_due(&config, &info, nov + 1000));
    config.period = ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_QUARTER;
    AV_CHECK(!av_auto_create_is_due(&config, &info, dec));
    info.messages = 0;
    config.period = ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_MONTH;
    AV_CHECK(!av_auto_create_is_due(&config, &info, dec)); /* an empty one serves as well */
    {
        AV_CLEANUP(av_free) char *name = av_auto_create_name(&config, dec);

        AV_CHECK_STR(name, "2026-12");
    }
}

/* ---- the registry ---- */

static uint8_t run_number;

/* One message of its own into the current store. */
static void
put_message(rig *r, const char *text)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    av_intake *intake = rig_intake(r, ++run_number);
    rig_item item = { .number = 1, .bytes = av_span_str(text) };
    av_error err = { 0 };

    av_buf_init(&stream, 1 << 20);
    rig_put(&stream, &item);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    av_intake_destroy(&intake);
}

static av_errc
change(rig *r, av_ask_fn *fn, const ProtobufCMessage *body, av_error *err)
{
    av_ask ask = { .archive = r->archive, .body = body, .caller = "test" };
    av_errc rc = av_ask_write(&ask, fn, NULL, NULL, err);
    av_error why;

    AV_CHECK_RC(av_stores_sync(r->archive->stores, &why), AV_OK, &why);
    av_ask_release(&ask);
    return rc;
}

static void
create(rig *r, const char *name)
{
    Archivolt__CreateStoreRequest body = ARCHIVOLT__CREATE_STORE_REQUEST__INIT;
    av_error err = { 0 };

    body.name = (char *)(uintptr_t)name;
    AV_CHECK_RC(change(r, av_stores_ask_create, &body.base, &err), AV_OK, &err);
}

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

/* Every message of alice's, by UID: its text holds the UID. */
static void
read_all(rig *r, uint32_t count)
{
    av_meta_view *view = av_catalog_snapshot(r->archive->catalog);
    av_uses uses;
    av_mailbox mailbox;
    av_error err = { 0 };

    av_uses_init(&uses, r->archive);
    AV_CHECK_INT(rig_mailbox(r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.messages, count);
    for (uint32_t uid = 1; uid <= count; uid++) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        AV_CLEANUP(av_buf_release) av_buf row = { 0 };
        av_placement p = { 0 };
        av_store *store = NULL;
        char text[64];

        av_buf_init(&bytes, 4096);
        av_buf_init(&row, AV_SUMMARY_ROW_MAX);
        (void)snprintf(text, sizeof text, "Subject: %u\n\nmessage\n", uid);
        AV_CHECK_RC(av_catalog_placement(view, mailbox.guid, uid, &p, &err), AV_OK, &err);
        AV_CHECK_RC(av_uses_store(&uses, p.store, &store, &err), AV_OK, &err);
        if (store != NULL)
            AV_CHECK_RC(av_store_read_message(store, p.content_lsn, &bytes, &err), AV_OK, &err);
        AV_CHECK_STR(av_buf_cstr(&bytes), text);
        AV_CHECK_RC(av_uses_attributes(&uses, p.store, p.content_lsn, &row, &err), AV_OK, &err);
        AV_CHECK(row.n > 0);
    }
    av_uses_release(&uses);
    av_meta_view_destroy(&view);
}

enum { STORES = 14 };

static void
test_many(void)
{
    char text[64], name[32];
    rig r;

    rig_new(&r);
    for (unsigned i = 1; i <= STORES; i++) {
        (void)snprintf(text, sizeof text, "Subject: %u\n\nmessage\n", i);
        put_message(&r, text);
        (void)snprintf(name, sizeof name, "more %u", i);
        create(&r, name);
    }
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
    Archivolt__SetStoreRequestedStateRequest body = ARCHIVOLT__SET_STORE_REQUESTED_STATE_REQUEST__INIT;
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    const av_open_store *store = NULL, *again = NULL;
    av_mailbox mailbox;
    av_placement p;
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    av_buf_init(&bytes, 4096);
    put_message(&r, "Subject: 1\n\nmessage\n");
    create(&r, "next");
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_RC(av_catalog_placement(av_catalog_writer(r.archive->catalog), mailbox.guid, 1, &p, &err), AV_OK, &err);
    AV_CHECK_RC(av_stores_use(r.archive->stores, p.store, &store, &err), AV_OK, &err);
    body.id = 1;
    body.requested_state = ARCHIVOLT__STORE_STATE__STORE_STATE_DISABLED;
    AV_CHECK_RC(change(&r, av_stores_ask_set_state, &body.base, &err), AV_OK, &err);
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
        (void)snprintf(text, sizeof text, "Subject: %u\n\nmessage\n", uid);
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
set_state(rig *r, uint64_t id, Archivolt__StoreState state)
{
    Archivolt__SetStoreRequestedStateRequest body = ARCHIVOLT__SET_STORE_REQUESTED_STATE_REQUEST__INIT;
    av_error err = { 0 };

    body.id = id;
    body.requested_state = state;
    AV_CHECK_RC(change(r, av_stores_ask_set_state, &body.base, &err), AV_OK, &err);
}

static void
test_crowd(void)
{
    enum { READERS = 3, MS = 3000 };
    crowd readers[READERS];
    pthread_t threads[READERS];
    atomic_bool stop = false;
    unsigned rounds = 0, seed = 7;
    char text[64], name[32];
    int64_t until;
    rig r;

    rig_new(&r);
    for (unsigned i = 1; i <= STORES; i++) {
        (void)snprintf(text, sizeof text, "Subject: %u\n\nmessage\n", i);
        put_message(&r, text);
        (void)snprintf(name, sizeof name, "more %u", i);
        create(&r, name);
    }
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
delete_uid(rig *r, uint32_t uid)
{
    Archivolt__DeleteMessageRequest body = ARCHIVOLT__DELETE_MESSAGE_REQUEST__INIT;
    av_ask ask = { .archive = r->archive, .body = &body.base, .caller = "test" };
    char id[AV_MESSAGE_ID_TEXT + 1];
    av_mailbox mailbox;
    av_placement p;
    av_error err = { 0 };

    AV_CHECK_INT(rig_mailbox(r, "alice", &mailbox), AV_OK);
    AV_CHECK_RC(av_catalog_placement(av_catalog_writer(r->archive->catalog), mailbox.guid, uid, &p, &err), AV_OK, &err);
    av_message_id_format(p.digest, id);
    body.id = id;
    body.reason = (char *)(uintptr_t) "test";
    AV_CHECK_RC(av_ask_do(&ask, av_deletion_ask_delete, NULL, NULL, &err), AV_OK, &err);
    av_ask_release(&ask);
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
    put_message(&r, "Subject: 1\n\nmessage\n");
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

static void
lose(rig *r, const char *name)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", r->dir, name);
    av_error err;

    AV_CHECK_RC(av_dir_remove(path, r->dir, &err), AV_OK, &err);
}

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
    put_message(&r, "Subject: 1\n\nmessage\n");
    read_all(&r, 1);
    rig_close(&r);
    lose(&r, "accounts");
    AV_CHECK_INT(rig_try_open(&r, &err), AV_ERR_EXISTS);
    rig_end(&r);
}

/* ---- UIDs ---- */

/* The catalog is lost while the store that has the newest UIDs is disabled: they are not given again. */
static void
test_uids_of_a_disabled_store(void)
{
    AV_CLEANUP(av_free) char *catalog = NULL;
    av_mailbox before, mailbox;
    av_error err;
    rig r;

    rig_new(&r);
    put_message(&r, "Subject: 1\n\nmessage\n");
    create(&r, "next");
    put_message(&r, "Subject: 2\n\nmessage\n");
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_CURRENT);
    put_message(&r, "Subject: 3\n\nmessage\n");
    put_message(&r, "Subject: 4\n\nmessage\n");
    set_state(&r, 2, ARCHIVOLT__STORE_STATE__STORE_STATE_CURRENT);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &before), AV_OK);
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_DISABLED);
    catalog = av_xasprintf("%s/catalog", r.dir);
    rig_close(&r);
    AV_CHECK_RC(av_dir_remove(catalog, r.dir, &err), AV_OK, &err);
    rig_open(&r);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.messages, 1);
    AV_CHECK_INT(mailbox.uidnext, 5);
    AV_CHECK_INT(mailbox.uidvalidity, before.uidvalidity);
    AV_CHECK(mailbox.highestmodseq >= before.highestmodseq);
    put_message(&r, "Subject: 5\n\nmessage\n");
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_NORMAL);
    read_all(&r, 5);
    rig_end(&r);
}

/* Restored from a backup, which the file says: the original may have given 3 and 4 since. */
static void
test_uids_of_a_restored_instance(void)
{
    AV_CLEANUP(av_free) char *file = NULL;
    AV_CLEANUP(av_free) char *from = NULL;
    AV_CLEANUP(av_free) char *to = NULL;
    AV_CLEANUP(av_free) char *catalog = NULL;
    char hex[33];
    av_mailbox before, mailbox;
    av_store_info *info = NULL;
    uint32_t validity = 0;
    av_error err;
    rig r;

    rig_new(&r);
    put_message(&r, "Subject: 1\n\nmessage\n");
    put_message(&r, "Subject: 2\n\nmessage\n");
    AV_CHECK_INT(rig_mailbox(&r, "alice", &before), AV_OK);
    AV_CHECK_RC(av_stores_info(r.archive->stores, 1, &info, &err), AV_OK, &err);
    av_hex_encode(av_span_of(info->row->uuid, 16), hex);
    av_store_infos_free(info, info != NULL);
    rig_close(&r);
    from = av_xasprintf("%s/stores/store-1", r.dir);
    to = av_xasprintf("%s/stores/%s", r.dir, hex);
    file = av_xasprintf("%s/" AV_RESTORED, r.dir);
    catalog = av_xasprintf("%s/catalog", r.dir);
    AV_CHECK_INT(rename(from, to), 0);
    AV_CHECK_RC(av_dir_remove(catalog, r.dir, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_replace(file, av_span_str("restored\n"), 0600, &err), AV_OK, &err);
    rig_open(&r);
    AV_CHECK(!av_file_exists(file));
    put_message(&r, "Subject: 5\n\nmessage\n");
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.messages, 3);
    AV_CHECK_INT(mailbox.uidvalidity, before.uidvalidity);
    AV_CHECK_INT(mailbox.uidnext, before.uidnext + AV_FLOOR_JUMP_UID + 1);
    AV_CHECK(mailbox.highestmodseq > before.highestmodseq + AV_FLOOR_JUMP_MODSEQ);
    AV_CHECK_RC(av_archive_new_uidvalidity(r.archive, &validity, &err), AV_OK, &err);
    AV_CHECK(validity > before.uidvalidity + AV_FLOOR_JUMP_UIDVALIDITY);
    rig_close(&r);
    AV_CHECK_RC(av_dir_remove(catalog, r.dir, &err), AV_OK, &err); /* and it stays so */
    rig_open(&r);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.uidnext, before.uidnext + AV_FLOOR_JUMP_UID + 1);
    rig_end(&r);
}

/* The catalog is lost while a store's disk is away: what that store gave is not known, so nothing is given. */
static void
test_uids_of_a_store_that_is_away(void)
{
    AV_CLEANUP(av_free) char *catalog = NULL;
    AV_CLEANUP(av_free) char *here = NULL;
    AV_CLEANUP(av_free) char *away = NULL;
    char problem[320];
    av_mailbox mailbox;
    av_intake *intake;
    av_error err;
    rig r;

    rig_new(&r);
    put_message(&r, "Subject: 1\n\nmessage\n");
    create(&r, "next");
    put_message(&r, "Subject: 2\n\nmessage\n");
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_CURRENT);
    put_message(&r, "Subject: 3\n\nmessage\n");
    set_state(&r, 2, ARCHIVOLT__STORE_STATE__STORE_STATE_CURRENT);
    here = av_xasprintf("%s/stores/store-1/content", r.dir);
    away = av_xasprintf("%s/away", r.dir);
    catalog = av_xasprintf("%s/catalog", r.dir);
    rig_close(&r);
    AV_CHECK_RC(av_dir_remove(catalog, r.dir, &err), AV_OK, &err);
    AV_CHECK_INT(rename(here, away), 0);
    rig_open(&r);
    AV_CHECK(av_stores_problem(r.archive->stores, problem, sizeof problem));
    intake = rig_intake(&r, 99);
    AV_CHECK_INT(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_ERR_UNAVAILABLE);
    AV_CHECK(strstr(err.msg, "store-1") != NULL);
    av_intake_destroy(&intake);
    rig_close(&r);
    AV_CHECK_INT(rename(away, here), 0);
    rig_open(&r);
    put_message(&r, "Subject: 4\n\nmessage\n");
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.uidnext, 5);
    rig_close(&r); /* once more, and it never comes back: disabling it is the way out */
    AV_CHECK_RC(av_dir_remove(catalog, r.dir, &err), AV_OK, &err);
    AV_CHECK_INT(rename(here, away), 0);
    rig_open(&r);
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_DISABLED);
    put_message(&r, "Subject: 5\n\nmessage\n");
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK(mailbox.uidnext > AV_FLOOR_JUMP_UID);
    rig_end(&r);
}

/* ---- erasing ---- */

static int
no_new_keys(const char *from, const char *to)
{
    if (strstr(to, ".avk") == NULL)
        return rename(from, to);
    errno = ENOSPC;
    return -1;
}

static av_errc
erase_lsn(rig *r, uint64_t lsn, av_error *err)
{
    av_erased erased = { 0 };

    return av_erase_contents(r->archive, 1, av_span_of(&lsn, sizeof lsn), true, "test", &erased, err);
}

/* The event is in the log, and the keys could not be destroyed: the next erasure destroys them, too. */
static void
test_erase_unfinished(void)
{
    av_file_ops failing = *av_file_ops_get();
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    uint64_t lsns[2];
    av_mailbox mailbox;
    av_placement p;
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    av_buf_init(&bytes, 4096);
    put_message(&r, "Subject: 1\n\nmessage\n");
    put_message(&r, "Subject: 2\n\nmessage\n");
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    for (uint32_t uid = 1; uid <= 2; uid++) {
        AV_CHECK_RC(
            av_catalog_placement(av_catalog_writer(r.archive->catalog), mailbox.guid, uid, &p, &err), AV_OK, &err);
        lsns[uid - 1] = p.content_lsn;
        delete_uid(&r, uid);
    }
    failing.rename = no_new_keys;
    av_file_ops_set(&failing);
    AV_CHECK(erase_lsn(&r, lsns[0], &err) != AV_OK);
    av_file_ops_set(NULL);
    AV_CHECK_RC(av_store_read_message(rig_store(&r), lsns[0], &bytes, &err), AV_OK, &err); /* its key is there */
    AV_CHECK_RC(erase_lsn(&r, lsns[1], &err), AV_OK, &err);
    for (int opened = 0; opened < 2; opened++) {
        for (size_t i = 0; i < 2; i++)
            AV_CHECK_INT(av_store_read_message(rig_store(&r), lsns[i], &bytes, &err), AV_ERR_NOT_FOUND);
        rig_close(&r);
        rig_open(&r);
    }
    rig_end(&r);
}

/* More parts than one note holds: all of them go, and what stands behind it in the line is not kept from going. */
static void
test_erase_many_parts(void)
{
    enum { PARTS = 9000 };
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    av_intake *intake;
    av_store_counters counters;
    const av_open_store *current = NULL;
    av_mailbox mailbox;
    av_placement p = { 0 };
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    av_buf_init(&mail, 8U << 20);
    av_buf_init(&stream, 9U << 20);
    (void)av_buf_puts(&mail, "Subject: 1\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (unsigned i = 0; i < PARTS; i++) {
        (void)av_buf_puts(&mail, "--b\r\n\r\n");
        for (unsigned k = 0; k < 20; k++)
            (void)av_buf_printf(&mail, "part %05u, line %02u of its words\r\n", i, k);
    }
    (void)av_buf_puts(&mail, "--b--\r\n");
    rig_put(&stream, &(rig_item){ .number = 1, .bytes = av_buf_span(&mail) });
    intake = rig_intake(&r, ++run_number);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    av_intake_destroy(&intake);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_RC(av_catalog_placement(av_catalog_writer(r.archive->catalog), mailbox.guid, 1, &p, &err), AV_OK, &err);
    AV_CHECK_RC(av_stores_current(r.archive->stores, &current, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(current->view), &counters, &err), AV_OK, &err);
    AV_CHECK(counters.parts > 8100);
    delete_uid(&r, 1);
    AV_CHECK_RC(erase_lsn(&r, p.content_lsn, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(current->view), &counters, &err), AV_OK, &err);
    AV_CHECK_INT(counters.parts, 0);
    AV_CHECK_INT(counters.waiting, 0);
    rig_end(&r);
}

/* A held message in front: what waits behind it goes all the same. */
static void
test_erase_behind_a_hold(void)
{
    Archivolt__SetHoldRequest hold = ARCHIVOLT__SET_HOLD_REQUEST__INIT;
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    char id[AV_MESSAGE_ID_TEXT + 1];
    av_waiting cursor = { 0 };
    av_erased erased = { 0 };
    bool more = true;
    uint64_t lsns[2];
    av_mailbox mailbox;
    av_placement p = { 0 };
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    av_buf_init(&bytes, 4096);
    put_message(&r, "Subject: 1\n\nmessage\n");
    put_message(&r, "Subject: 2\n\nmessage\n");
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    for (uint32_t uid = 1; uid <= 2; uid++) {
        AV_CHECK_RC(
            av_catalog_placement(av_catalog_writer(r.archive->catalog), mailbox.guid, uid, &p, &err), AV_OK, &err);
        lsns[uid - 1] = p.content_lsn;
        if (uid == 1) {
            av_message_id_format(p.digest, id);
            hold.name = (char *)(uintptr_t) "first";
            hold.message = id;
            AV_CHECK_RC(change(&r, av_holds_ask_set, &hold.base, &err), AV_OK, &err);
        }
        delete_uid(&r, uid);
    }
    while (more)
        AV_CHECK_RC(av_erase_expired(r.archive, 1, INT64_MAX, 1, &cursor, &erased, &more, &err), AV_OK, &err);
    AV_CHECK_INT(erased.messages, 1);
    AV_CHECK_RC(av_store_read_message(rig_store(&r), lsns[0], &bytes, &err), AV_OK, &err);
    AV_CHECK_INT(av_store_read_message(rig_store(&r), lsns[1], &bytes, &err), AV_ERR_NOT_FOUND);
    rig_end(&r);
}

int
main(void)
{
    AV_RUN(test_normalize);
    AV_RUN(test_take);
    AV_RUN(test_row);
    AV_RUN(test_due);
    AV_RUN(test_many);
    AV_RUN(test_held);
    AV_RUN(test_one_care_at_a_time);
    AV_RUN(test_crowd);
    AV_RUN(test_dirty);
    AV_RUN(test_first_store_without_row);
    AV_RUN(test_uids_of_a_disabled_store);
    AV_RUN(test_uids_of_a_restored_instance);
    AV_RUN(test_uids_of_a_store_that_is_away);
    AV_RUN(test_erase_unfinished);
    AV_RUN(test_erase_many_parts);
    AV_RUN(test_erase_behind_a_hold);
    return av_check_done();
}
