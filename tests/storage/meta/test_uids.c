/*
 * test_uids.c - the UIDs of a mailbox in runs, against a plain list: dense, with gaps, with very many gaps
 */
#include "storage/meta/catalog_priv.h"
#include "tests/storage/meta/rig.h"

#define MOST   40000U
#define GROUPS 60

static uint8_t guid[AV_GUID_SIZE] = { 5 }, other[AV_GUID_SIZE] = { 6 };
static bool there[MOST];
static uint64_t modseqs[MOST];
static uint32_t seed = 3;

static uint32_t
roll(uint32_t below)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % below;
}

static void
check_from(const av_catalog *catalog, uint32_t from)
{
    const av_meta_view *view = av_meta_writer(catalog->meta);
    av_catalog_iter *it = av_catalog_uid_runs(view, guid, from, 0);
    uint32_t uid = from;
    av_uid_run run;
    bool right = true;

    while (av_catalog_next_uid_run(it, &run)) {
        for (; uid < run.first; uid++)
            right = right && !there[uid];
        for (; uid <= run.last; uid++)
            right = right && there[uid];
        right = right && (uid == MOST || !there[uid]); /* as long as it can be */
    }
    for (; uid < MOST; uid++)
        right = right && !there[uid];
    AV_CHECK(right);
    AV_CHECK_RC(av_catalog_iter_error(it, &rig_err), AV_OK, &rig_err);
    av_catalog_iter_destroy(&it);
}

/* All that changed is in what is left; what is left out did not. */
static void
check_since(const av_catalog *catalog, uint64_t since, size_t *looked)
{
    const av_meta_view *view = av_meta_writer(catalog->meta);
    av_catalog_iter *it = av_catalog_uid_runs(view, guid, 1, since);
    uint32_t uid = 1;
    av_uid_run run;
    bool right = true;

    while (av_catalog_next_uid_run(it, &run)) {
        for (; uid < run.first; uid++)
            right = right && (!there[uid] || modseqs[uid] <= since);
        *looked += run.last - run.first + 1;
        uid = run.last + 1;
    }
    for (; uid < MOST; uid++)
        right = right && (!there[uid] || modseqs[uid] <= since);
    AV_CHECK(right);
    av_catalog_iter_destroy(&it);
}

static void
change(av_catalog *catalog, uint32_t uid, bool put, uint64_t modseq)
{
    av_errc rc =
        put ? catalog_uid_put(catalog, guid, uid, modseq, &rig_err) : catalog_uid_take(catalog, guid, uid, &rig_err);

    AV_CHECK_RC(rc, AV_OK, &rig_err);
    there[uid] = put;
    modseqs[uid] = put ? modseq : modseqs[uid];
}

static void
commit_rows(av_catalog *catalog)
{
    AV_CHECK_RC(av_meta_commit(catalog->meta, false, &rig_err), AV_OK, &rig_err);
}

static void
test_runs(void)
{
    uint64_t modseq = 1, back;
    uint32_t next = 1;
    size_t looked = 0;
    rig r;

    rig_build(&r, 1);
    av_meta_begin(r.catalog->meta);
    AV_CHECK_RC(catalog_uid_put(r.catalog, other, 77, 1, &rig_err), AV_OK, &rig_err); /* is none of ours */
    commit_rows(r.catalog);
    check_from(r.catalog, 1);
    for (int group = 0; group < GROUPS; group++) {
        av_check_row = group;
        av_meta_begin(r.catalog->meta);
        for (uint32_t n = roll(900); n > 0 && next < MOST; n--)
            change(r.catalog, next++, true, ++modseq);
        for (uint32_t n = group % 3 == 0 ? roll(600) : 0; n > 0; n--)
            change(r.catalog, 1 + roll(next), false, 0);
        check_from(r.catalog, 1); /* the writer sees its open group */
        commit_rows(r.catalog);
        check_from(r.catalog, 1 + roll(MOST - 1));
        looked = 0;
        back = roll(3000);
        check_since(r.catalog, modseq - AV_MIN(modseq, back), &looked);
    }
    AV_CHECK(looked <= 3 * 8192);
    av_meta_begin(r.catalog->meta);
    for (uint32_t uid = 1; uid < MOST; uid += 2) /* as many gaps as there can be */
        change(r.catalog, uid, uid % 4 == 1, ++modseq);
    commit_rows(r.catalog);
    check_from(r.catalog, 1);
    rig_demolish(&r);
}

/* A row that is no row of UIDs. */
static void
test_damaged(void)
{
    static const uint8_t short_row[] = { 1, 0, 0, 0 }, back[] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 8, 0 },
                         wide[] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32 }, form[] = { 1, 0, 0, 0, 0, 0, 0, 0, 2 };
    const av_span rows[] = { av_span_of(short_row, sizeof short_row), av_span_of(back, sizeof back),
        av_span_of(wide, sizeof wide), av_span_of(form, sizeof form) };
    rig r;

    rig_build(&r, 1);
    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_catalog_iter *it;
        av_meta_key key;
        av_uid_run run;

        av_check_row = (long)i;
        av_meta_key_init(&key, 'U');
        av_meta_key_bytes(&key, av_span_of(guid, AV_GUID_SIZE));
        av_meta_key_u32(&key, 0);
        av_meta_begin(r.catalog->meta);
        av_meta_put(r.catalog->meta, av_meta_key_span(&key), rows[i]);
        it = av_catalog_uid_runs(av_meta_writer(r.catalog->meta), guid, 1, 0);
        AV_CHECK(!av_catalog_next_uid_run(it, &run));
        AV_CHECK_RC(av_catalog_iter_error(it, &rig_err), AV_ERR_CORRUPT, &rig_err);
        av_catalog_iter_destroy(&it);
        AV_CHECK_RC(catalog_uid_put(r.catalog, guid, 3, 1, &rig_err), AV_ERR_CORRUPT, &rig_err);
        av_meta_rollback(r.catalog->meta);
    }
    rig_demolish(&r);
}

int
main(void)
{
    AV_RUN(test_runs);
    AV_RUN(test_damaged);
    return av_check_done();
}
