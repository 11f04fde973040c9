/*
 * test_index_settings.c - the configuration of search indexes, its text; what is asked of the indexer; saved searches
 */
#include "actors/instance/index_desk.h"
#include "actors/instance/index_purges.h"
#include "actors/instance/index_settings.h"
#include "actors/instance/saved_searches.h"
#include "actors/instance/users.h"
#include "proto/archive.pb-c.h"
#include "tests/actors/instance/rig.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

/* ---- normal form ---- */

static void
test_normal(void)
{
    static const struct {
        const char *extensions, *fields;
        av_errc rc;
        const char *normal_extensions, *normal_fields;
    } cases[] = {
        { NULL, NULL, AV_OK, NULL, NULL },
        { "", "", AV_OK, "", "" },
        { "pdf DOCX .doc pdf", "X-Spam list-id: LIST-ID", AV_OK, "doc docx pdf", "list-id x-spam" },
        { "  doc\tpdf\r\n", "\n", AV_OK, "doc pdf", "" },
        { "a/b", NULL, AV_ERR_INVALID, NULL, NULL },
        { NULL, "list:id", AV_ERR_INVALID, NULL, NULL },
        { NULL, ":", AV_ERR_INVALID, NULL, NULL },
        { NULL, "caf\xc3\xa9", AV_ERR_INVALID, NULL, NULL },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        Archivolt__IndexConfiguration given = ARCHIVOLT__INDEX_CONFIGURATION__INIT, *normal = NULL;

        av_check_row = (long)i;
        given.attachment_extensions = TEXT(cases[i].extensions);
        given.header_fields = TEXT(cases[i].fields);
        AV_CHECK_RC(av_index_settings_normal(&given, &normal, &err), cases[i].rc, &err);
        if (normal == NULL)
            continue;
        AV_CHECK((normal->attachment_extensions == NULL) == (cases[i].normal_extensions == NULL));
        if (normal->attachment_extensions != NULL)
            AV_CHECK_STR(normal->attachment_extensions, cases[i].normal_extensions);
        AV_CHECK((normal->header_fields == NULL) == (cases[i].normal_fields == NULL));
        if (normal->header_fields != NULL)
            AV_CHECK_STR(normal->header_fields, cases[i].normal_fields);
        archivolt__index_configuration__free_unpacked(normal, NULL);
    }
    av_check_row = -1;
}

static void
test_text(void)
{
    Archivolt__IndexConfiguration config = ARCHIVOLT__INDEX_CONFIGURATION__INIT;
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_extensions extensions;
    bool pdf_files = true;
    av_error err;

    av_buf_init(&text, AV_INDEX_SETTINGS_MAX);
    config.attachment_extensions = TEXT("doc pdf");
    config.header_fields = TEXT("list-id");
    AV_CHECK_RC(av_index_settings_text(&config, &text, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&text), "attachments: doc pdf\npdf-files: no\nheader: list-id\n");
    AV_CHECK_RC(av_index_settings_read(av_buf_span(&text), &extensions, &pdf_files, &err), AV_OK, &err);
    AV_CHECK_INT(extensions.count, 2);
    AV_CHECK(av_extensions_has(&extensions, "pdf") && !pdf_files);
    AV_CHECK_RC(
        av_index_settings_read(av_span_str("header: x\n"), &extensions, &pdf_files, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_RC(av_index_settings_read(av_span_str(""), &extensions, &pdf_files, &err), AV_ERR_CORRUPT, &err);
    /* Left out: all that can be read. */
    av_buf_clear(&text);
    config.attachment_extensions = config.header_fields = NULL;
    config.include_attachments_of_pdfs = true;
    AV_CHECK_RC(av_index_settings_text(&config, &text, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_settings_read(av_buf_span(&text), &extensions, &pdf_files, &err), AV_OK, &err);
    AV_CHECK(av_extensions_has(&extensions, "docx") && pdf_files);
    AV_CHECK(strstr(av_buf_cstr(&text), "header: list-id reply-to sender\n") != NULL);
}

/* ---- an archive: marks ---- */

static av_errc
set_config(rig *r, const char *extensions, av_error *err)
{
    Archivolt__SetIndexConfigurationRequest body = ARCHIVOLT__SET_INDEX_CONFIGURATION_REQUEST__INIT;
    Archivolt__IndexConfiguration config = ARCHIVOLT__INDEX_CONFIGURATION__INIT;
    av_ask ask = { .archive = r->archive, .body = &body.base, .caller = "cli/op" };
    av_errc rc;

    body.instance_id = TEXT("demo");
    body.config = &config;
    config.attachment_extensions = TEXT(extensions);
    config.include_attachments_of_pdfs = true;
    rc = av_ask_write(&ask, av_index_ask_set, &archivolt__empty__descriptor, NULL, err);
    av_ask_release(&ask);
    return rc == AV_OK ? av_stores_sync(r->archive->stores, err) : rc;
}

static uint8_t
mark_of(rig *r)
{
    av_store_info *info = NULL;
    av_error err = { 0 };
    uint8_t mark = 0xff;

    AV_CHECK_RC(av_stores_info(r->archive->stores, 1, &info, &err), AV_OK, &err);
    if (info != NULL)
        mark = info->row->index_mark;
    av_store_infos_free(info, info != NULL);
    return mark;
}

static bool
differs(rig *r)
{
    const av_open_store *open = NULL;
    av_index_state state = { 0 };
    av_error err = { 0 };

    AV_CHECK_RC(av_stores_use_id(r->archive->stores, 1, &open, &err), AV_OK, &err);
    if (open != NULL && open->index != NULL)
        av_index_get_state(open->index, &state);
    av_stores_done(r->archive->stores, &open);
    return state.settings_differ;
}

static void
test_marks(void)
{
    av_ask ask = { 0 };
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    AV_CHECK(!differs(&r) && mark_of(&r) == 0);
    AV_CHECK_RC(set_config(&r, "pdf", &err), AV_OK, &err);
    AV_CHECK(differs(&r) && mark_of(&r) == AV_INDEX_MARK_STALE);
    AV_CHECK_RC(set_config(&r, "/", &err), AV_ERR_INVALID, &err);
    AV_CHECK(differs(&r));
    /* It stands after a restart: the index is what it was made as. */
    rig_close(&r);
    rig_open(&r);
    AV_CHECK(differs(&r) && mark_of(&r) == AV_INDEX_MARK_STALE);
    /* Back to what it was: nothing differs any more. */
    AV_CHECK_RC(set_config(&r, NULL, &err), AV_OK, &err);
    AV_CHECK(!differs(&r) && mark_of(&r) == 0);
    ask.archive = r.archive;
    AV_CHECK_RC(av_ask_write(&ask, av_index_ask_select_all, &archivolt__empty__descriptor, NULL, &err), AV_OK, &err);
    av_ask_release(&ask);
    AV_CHECK_RC(av_stores_sync(r.archive->stores, &err), AV_OK, &err);
    AV_CHECK_INT(mark_of(&r), AV_INDEX_MARK_SELECTED);
    rig_end(&r);
}

/* ---- the desk ---- */

static void
count_wakes(void *ctx)
{
    (*(int *)ctx)++;
}

static void
test_desk(void)
{
    AV_CLEANUP(av_index_desk_destroy) av_index_desk *desk = av_index_desk_new();
    av_index_news news = { 0 };
    uint64_t problems;
    int wakes = 0;

    av_index_desk_set_wake(desk, count_wakes, &wakes);
    AV_CHECK(!av_index_desk_look(desk, 1, &news));
    av_index_desk_ask(desk, 1, AV_INDEX_REBUILD);
    av_index_desk_ask(desk, 1, AV_INDEX_PURGE);
    AV_CHECK_INT(wakes, 2);
    AV_CHECK(av_index_desk_look(desk, 1, &news) && news.tasks == (AV_INDEX_REBUILD | AV_INDEX_PURGE));
    /* News do not end a task. */
    news = (av_index_news){ .documents = 5, .unindexed = 2, .problem = "full" };
    av_index_desk_tell(desk, 1, &news);
    av_index_desk_end(desk, 1, AV_INDEX_REBUILD);
    AV_CHECK(av_index_desk_look(desk, 1, &news) && news.tasks == AV_INDEX_PURGE && news.documents == 5);
    news = (av_index_news){ .documents = 7, .at_end = true };
    av_index_desk_tell(desk, 2, &news);
    av_index_desk_sum(desk, &news, &problems);
    AV_CHECK(news.documents == 12 && news.unindexed == 2 && problems == 1 && !news.at_end);
    AV_CHECK_STR(news.problem, "full");
    av_index_desk_forget(desk, 1);
    av_index_desk_sum(desk, &news, &problems);
    AV_CHECK(news.documents == 7 && problems == 0 && news.tasks == 0);
    av_index_desk_forget(desk, 3);
}

/* What has to leave an index is asked for again after a restart, until it is done. */
static void
test_purges(void)
{
    av_index_news news = { 0 };
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    AV_CHECK_RC(av_index_purge_note(r.archive, 1, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_purge_note(r.archive, 1, &err), AV_OK, &err);
    rig_close(&r);
    rig_open(&r);
    AV_CHECK(av_index_desk_look(r.archive->desk, 1, &news) && news.tasks == AV_INDEX_PURGE);
    AV_CHECK_RC(av_index_purges_settle(r.archive, &err), AV_OK, &err);
    rig_close(&r);
    rig_open(&r);
    AV_CHECK(av_index_desk_look(r.archive->desk, 1, &news) && news.tasks == AV_INDEX_PURGE);
    av_index_desk_end(r.archive->desk, 1, AV_INDEX_PURGE);
    AV_CHECK_RC(av_index_purges_settle(r.archive, &err), AV_OK, &err);
    rig_close(&r);
    rig_open(&r);
    AV_CHECK(!av_index_desk_look(r.archive->desk, 1, &news) || news.tasks == 0);
    rig_end(&r);
}

/* ---- saved searches ---- */

static av_errc
save(rig *r, const char *user, const char *name, const char *query, av_error *err)
{
    Archivolt__SavedSearch body = ARCHIVOLT__SAVED_SEARCH__INIT;
    av_ask ask = { .archive = r->archive, .body = &body.base, .user = user, .caller = "x" };
    av_errc rc;

    body.name = TEXT(name);
    body.query = TEXT(query);
    rc = av_ask_write(&ask, av_saved_ask_save, &archivolt__empty__descriptor, NULL, err);
    av_ask_release(&ask);
    return rc;
}

static av_errc
forget(rig *r, const char *user, const char *name, av_error *err)
{
    Archivolt__SavedSearchRequest body = ARCHIVOLT__SAVED_SEARCH_REQUEST__INIT;
    av_ask ask = { .archive = r->archive, .body = &body.base, .user = user, .caller = "x" };
    av_errc rc;

    body.name = TEXT(name);
    rc = av_ask_write(&ask, av_saved_ask_delete, &archivolt__empty__descriptor, NULL, err);
    av_ask_release(&ask);
    return rc;
}

/* "name=query;name=query;" of a user's searches, in order. */
static void
list(rig *r, const char *user, char *ret, size_t size)
{
    av_ask ask = { .archive = r->archive, .user = user, .caller = "x" };
    const Archivolt__SavedSearchesReply *reply;
    av_error err = { 0 };
    size_t n = 0;

    ret[0] = '\0';
    AV_CHECK_RC(av_saved_ask_list(&ask, &err), AV_OK, &err);
    reply = (const void *)ask.reply;
    for (size_t i = 0; i < reply->n_searches; i++)
        n += (size_t)snprintf(ret + n, size - n, "%s=%s;", reply->searches[i]->name, reply->searches[i]->query);
    av_ask_release(&ask);
}

static void
test_saved(void)
{
    static const char *const bad_names[] = { "", " a", "a ", "a\nb", "\xff" };
    char text[1024], name[32];
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    AV_CHECK_RC(save(&r, "alice", "Bills", "invoice OR bill", &err), AV_OK, &err);
    AV_CHECK_RC(save(&r, "ALICE", "anna", "from:anna", &err), AV_OK, &err);
    AV_CHECK_RC(save(&r, "bob", "Bills", "rent", &err), AV_OK, &err);
    list(&r, "Alice", text, sizeof text);
    AV_CHECK_STR(text, "Bills=invoice OR bill;anna=from:anna;");
    /* The same name in other letters is the same search. */
    AV_CHECK_RC(save(&r, "alice", "BILLS", "invoice", &err), AV_OK, &err);
    list(&r, "alice", text, sizeof text);
    AV_CHECK_STR(text, "BILLS=invoice;anna=from:anna;");
    /* What is no query is not kept. */
    AV_CHECK_RC(save(&r, "alice", "broken", "(a OR", &err), AV_ERR_SYNTAX, &err);
    for (size_t i = 0; i < AV_COUNT(bad_names); i++) {
        av_check_row = (long)i;
        AV_CHECK_RC(save(&r, "alice", bad_names[i], "a", &err), AV_ERR_INVALID, &err);
    }
    av_check_row = -1;
    AV_CHECK_RC(forget(&r, "bob", "anna", &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(forget(&r, "alice", "ANNA", &err), AV_OK, &err);
    list(&r, "alice", text, sizeof text);
    AV_CHECK_STR(text, "BILLS=invoice;");
    /* They have a bound; replacing one needs no room. */
    r.archive->saved_searches = 3;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        AV_CHECK_RC(save(&r, "alice", name, "a", &err), AV_OK, &err);
    }
    AV_CHECK_RC(save(&r, "alice", "n2", "a", &err), AV_ERR_LIMIT, &err);
    AV_CHECK_RC(save(&r, "alice", "N1", "b", &err), AV_OK, &err);
    /* They go with their user, and under his new name. */
    av_accounts_begin(r.archive->accounts);
    AV_CHECK_RC(av_saved_rename(r.archive->accounts, "alice", "carol", &err), AV_OK, &err);
    AV_CHECK_RC(av_saved_rename(r.archive->accounts, "bob", "BOB", &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_commit(r.archive->accounts, &err), AV_OK, &err);
    list(&r, "alice", text, sizeof text);
    AV_CHECK_STR(text, "");
    list(&r, "carol", text, sizeof text);
    AV_CHECK_STR(text, "BILLS=invoice;N1=b;n0=a;");
    av_accounts_begin(r.archive->accounts);
    AV_CHECK_RC(av_saved_forget(r.archive->accounts, "carol", &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_commit(r.archive->accounts, &err), AV_OK, &err);
    list(&r, "carol", text, sizeof text);
    AV_CHECK_STR(text, "");
    list(&r, "bob", text, sizeof text);
    AV_CHECK_STR(text, "Bills=rent;");
    rig_end(&r);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_normal);
    AV_RUN(test_text);
    AV_RUN(test_marks);
    AV_RUN(test_desk);
    AV_RUN(test_purges);
    AV_RUN(test_saved);
    return av_check_done();
}
