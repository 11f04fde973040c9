/*
 * test_scan_places.c - searches over messages with several places, in several stores, indexed or not: totals, orders
 * and pages are what a look at every place of every message gives
 *
 * A message matches when one of its places has all that is asked. The same questions are asked without an index, with
 * some messages in it, with all, after deletions and erasures, and after the indexes were lost.
 */
#include "actors/instance/deletion.h"
#include "actors/instance/erase.h"
#include "actors/instance/scan.h"
#include "storage/index/sort_key.h"
#include "storage/index/source.h"
#include "tests/actors/instance/stores_rig.h"

enum { HITS_MAX = 2000, KEY_BYTES = 300 };

static const char *const words[] = { "invoice", "Müller", "paper", "alpha", "beta, gamma", "beta gamma", "日本語",
    "c++", "x@y.example", "10:30", "running", "runs" };

static const char *const queries[] = { "*", "invoice", "-invoice", "muller", "\"beta, gamma\"", "\"c++\"",
    "subject:alpha", "folder:A", "-folder:A", "folder:A folder:B", "folder:A -folder:B", "-folder:A -folder:B",
    "folder:A OR folder:B", "-(folder:A folder:B)", "folder:A/C invoice", "folder:alice", "folder:bob",
    "folder:nowhere", "-folder:nowhere", "folder:A \"beta; gamma\"", "-folder:A \"beta, gamma\"", "received:2021",
    "-received:2021", "received:2021 folder:B", "received:2021 -folder:A",
    "(folder:A received:2021) OR (folder:B received:2022)", "date:2015", "date:2021", "-date:2015 -folder:B",
    "date:2021 OR folder:A/C", "size:>300", "has:attachment", "~run", "NEAR(alpha invoice, 5)", "inv?ice folder:B",
    "from:s1", "\"alpha paper\"*", "header:x-test:alpha -folder:A" };

static uint64_t random_state = 1;

static size_t
below(size_t n)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (size_t)((random_state >> 33) % n);
}

/* ---- messages ---- */

static void
make_message(unsigned n, av_buf *out)
{
    av_buf_clear(out);
    (void)av_buf_printf(
        out, "From: Sender <s%u@example.org>\nSubject: Re: %s %u\n", n % 5, words[n % AV_COUNT(words)], n % 7);
    if (n % 6 != 0)
        (void)av_buf_printf(out, "Date: %u Mar 2015 10:%02u:00 +0%u00\n", 1 + n % 28, n % 60, n % 10);
    if (n % 4 == 0)
        (void)av_buf_printf(out, "X-Test: %s\n", words[n / 4 % AV_COUNT(words)]);
    (void)av_buf_printf(out, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nX-Number: %u\n\n", n);
    for (size_t i = 1 + n % 13; i > 0; i--)
        (void)av_buf_printf(out, "%s%s", words[(n * 7 + i * i) % AV_COUNT(words)], i % 3 == 0 ? "; " : " ");
    (void)av_buf_putc(out, '\n');
}

static void
put_all(rig *r, const char *user, unsigned from, unsigned to)
{
    static const char *const folders[] = { NULL, "A", "B", "C" };
    static uint8_t run_number;
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    AV_CLEANUP(av_buf_release) av_buf message = { 0 };
    av_intake_config config = { r->archive, r->group, { 0 }, user, NULL };
    av_intake *intake = NULL;
    av_error err = { 0 };
    uint64_t number = 0;

    memset(config.run, ++run_number, sizeof config.run);
    AV_CHECK_RC(av_intake_new(&config, &intake, &err), AV_OK, &err);
    av_buf_init(&stream, 1 << 20);
    av_buf_init(&message, 1 << 16);
    for (unsigned n = from; n < to; n++) {
        make_message(n, &message);
        for (size_t places = n % 6 == 0 ? 1 : 1 + below(3); places > 0; places--) {
            rig_item item = { .number = ++number,
                .folder = folders[below(AV_COUNT(folders))],
                .bytes = av_buf_span(&message),
                .received_ms = below(2) == 0 ? 1610000000000 + n * 1000 : 1650000000000 + n * 1000 };

            rig_put(&stream, &item);
            AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
            av_buf_clear(&stream);
        }
    }
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    AV_CHECK_INT(av_intake_durable(intake)->refused, 0);
    av_intake_destroy(&intake);
}

/* ---- what a look at every place gives ---- */

typedef struct row {
    uint32_t store;
    uint64_t lsn, size;
    int64_t date;
    char from[KEY_BYTES], subject[KEY_BYTES];
} row;

typedef struct rows {
    row all[HITS_MAX];
    size_t n;
} rows;

static row *
row_of(rows *self, const av_placement *p)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->all[i].store == p->store && self->all[i].lsn == p->content_lsn)
            return &self->all[i];
    return NULL;
}

static void
key_of(av_span text, void (*make)(av_span, av_buf *), char ret[KEY_BYTES])
{
    AV_CLEANUP(av_buf_release) av_buf key = { 0 };

    av_buf_init(&key, AV_SORT_KEY_MAX);
    make(text, &key);
    (void)snprintf(ret, KEY_BYTES, "%.*s", (int)key.n, (const char *)key.p);
}

static void
look_at(const av_matcher *matcher, av_document *reader, av_uses *uses, const av_mailbox *mailbox, const av_placement *p,
    rows *found)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    char id[AV_MESSAGE_ID_TEXT + 1];
    av_match_doc doc = { .folder = av_span_of(mailbox->path, mailbox->path_n) };
    av_store *store = NULL;
    av_error err = { 0 };
    row *to;

    av_buf_init(&bytes, 1 << 20);
    AV_CHECK_RC(av_uses_store(uses, p->store, &store, &err), AV_OK, &err);
    if (store == NULL || row_of(found, p) != NULL)
        return;
    AV_CHECK_RC(av_store_read_message(store, p->content_lsn, &bytes, &err), AV_OK, &err);
    av_message_id_format(p->digest, id);
    doc.id = av_span_str(id);
    doc.received_unix_s = p->received_at_ms / 1000;
    (void)av_document_read(reader, av_buf_span(&bytes), UINT32_MAX, &doc);
    if (!av_matcher_test(matcher, &doc) || !AV_CHECK(found->n < HITS_MAX))
        return;
    to = &found->all[found->n++];
    *to = (row){ .store = p->store, .lsn = p->content_lsn, .size = bytes.n };
    to->date = doc.has_date ? doc.date_unix_s : doc.received_unix_s;
    key_of(doc.from, av_sort_sender, to->from);
    key_of(doc.subject, av_sort_subject, to->subject);
}

static void
expected(rig *r, const char *user, const char *text, rows *found)
{
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    AV_CLEANUP(av_matcher_destroy) av_matcher *matcher = NULL;
    AV_CLEANUP(av_document_destroy) av_document *reader = av_document_new(0);
    av_catalog_iter *boxes, *places;
    av_mailbox mailbox;
    av_placement p;
    av_look look = { NULL };
    av_uses uses;
    av_error err = { 0 };

    found->n = 0;
    AV_CHECK_RC(av_query_parse(av_span_str(text), NULL, &query, &err), AV_OK, &err);
    AV_CHECK_RC(av_matcher_new(query, &matcher, &err), AV_OK, &err);
    AV_CHECK_RC(av_look_init(&look, r->archive, user, &err), AV_OK, &err);
    av_uses_init(&uses, r->archive);
    boxes = av_catalog_mailboxes(look.catalog, (av_span){ NULL, 0 });
    while (av_catalog_next_mailbox(boxes, &mailbox)) {
        if (!av_rights_may_read(look.rights, av_span_of(mailbox.path, mailbox.path_n)))
            continue;
        places = av_catalog_placements(look.catalog, mailbox.guid, 1, UINT32_MAX);
        while (av_catalog_next_placement(places, &p))
            look_at(matcher, reader, &uses, &mailbox, &p, found);
        av_catalog_iter_destroy(&places);
    }
    av_catalog_iter_destroy(&boxes);
    av_uses_release(&uses);
    av_look_release(&look);
}

/* ---- what a search gives ---- */

typedef struct answer {
    av_hit hits[HITS_MAX]; /* text owned */
    size_t n, total;
    uint64_t distinct;
} answer;

static void
answer_clear(answer *self)
{
    for (size_t i = 0; i < self->n; i++)
        free(self->hits[i].text);
    self->n = 0;
}

/* One page, appended. */
static size_t
search(rig *r, const char *user, const char *query, av_order order, size_t wanted, const char *cursor, answer *to)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_scan_wish wish = { .query = av_span_str(query), .order = order, .wanted = wanted, .unindexed_max = HITS_MAX };
    av_scan_part a, b;
    av_scan scan;
    av_hit after;
    av_error err = { 0 };
    bool more = true;
    size_t n;

    av_buf_init(&text, 1024);
    if (cursor != NULL) {
        AV_CHECK_RC(av_hit_of_cursor(order, av_span_str(cursor), &text, &after, &err), AV_OK, &err);
        wish.after = &after;
    }
    AV_CHECK_RC(av_scan_init(&scan, r->archive, user, &wish, &err), AV_OK, &err);
    av_scan_part_init(&a, &scan);
    av_scan_part_init(&b, &scan);
    while (more) {
        more = av_scan_part_step(&a);
        more = av_scan_part_step(&b) || more;
    }
    av_scan_part_merge(&a, &b);
    AV_CHECK_RC(av_scan_finish(&scan, &a, &err), AV_OK, &err);
    AV_CHECK(av_scan_coverage(&scan, &a) > 0.9999);
    to->total = a.total;
    to->distinct = scan.distinct;
    n = a.hits.n;
    for (size_t i = 0; i < n && AV_CHECK(to->n < HITS_MAX); i++) {
        av_candidate place;

        AV_CHECK_RC(av_scan_place_of(&scan, &a.hits.heap[i], &place, &err), AV_OK, &err);
        AV_CHECK(place.lsn == a.hits.heap[i].lsn && place.store == a.hits.heap[i].store);
        to->hits[to->n++] = a.hits.heap[i];
        a.hits.heap[i].text = NULL;
    }
    av_scan_part_release(&b);
    av_scan_part_release(&a);
    av_scan_release(&scan);
    return n;
}

/* ---- both ---- */

static av_hit
as_hit(const row *from, av_order order)
{
    return (av_hit){ .date_unix_s = from->date,
        .size = from->size,
        .lsn = from->lsn,
        .store = from->store,
        .text = order == AV_ORDER_FROM      ? (char *)(uintptr_t)from->from
                : order == AV_ORDER_SUBJECT ? (char *)(uintptr_t)from->subject
                                            : NULL };
}

static void
sort_rows(rows *self, av_order order)
{
    for (size_t i = 1; i < self->n; i++)
        for (size_t k = i; k > 0; k--) {
            av_hit a = as_hit(&self->all[k - 1], order), b = as_hit(&self->all[k], order);
            row t = self->all[k];

            if (!av_hit_is_before(order, &b, &a))
                break;
            self->all[k] = self->all[k - 1];
            self->all[k - 1] = t;
        }
}

static void
check_query(rig *r, const char *user, const char *query)
{
    static rows want;
    static answer got;
    av_order order = (av_order)below(AV_ORDER_SUBJECT + 1);
    size_t wanted = below(2) == 0 ? HITS_MAX - 1 : 1 + below(9);
    AV_CLEANUP(av_free) char *cursor = NULL;
    bool good = true;

    got.n = 0;
    expected(r, user, query, &want);
    sort_rows(&want, order);
    while (search(r, user, query, order, wanted, cursor, &got) == wanted) {
        free(cursor);
        cursor = av_hit_cursor(order, &got.hits[got.n - 1]);
        AV_CHECK_INT(got.total, want.n);
    }
    AV_CHECK_INT(got.total, want.n);
    AV_CHECK_INT(got.n, want.n);
    good = got.n == want.n && got.total == want.n;
    for (size_t i = 0; good && i < want.n; i++)
        good = AV_CHECK(got.hits[i].store == want.all[i].store && got.hits[i].lsn == want.all[i].lsn);
    if (!good)
        printf("    %s: %s, order %d, pages of %zu\n", user, query, (int)order, wanted);
    answer_clear(&got);
}

static void
check_all(rig *r, const char *when)
{
    unsigned long before = av_check_failed;

    for (size_t i = 0; i < AV_COUNT(queries) && av_check_failed < before + 5; i++) {
        av_check_row = (long)i;
        check_query(r, "alice", queries[i]);
        if (i % 3 == 0)
            check_query(r, "bob", queries[i]);
    }
    av_check_row = -1;
    printf("    %s: %s\n", when, av_check_failed == before ? "good" : "WRONG");
}

/* ---- the indexer's work ---- */

static void
index_stores(rig *r, uint32_t most)
{
    size_t n;
    av_store_info *stores = av_stores_list(r->archive->stores, &n);
    av_error err = { 0 };

    for (size_t i = 0; i < n; i++) {
        const av_open_store *open = NULL;
        av_index_progress progress = { 0 };

        AV_CHECK_RC(av_stores_use(r->archive->stores, stores[i].no, &open, &err), AV_OK, &err);
        if (open != NULL && AV_CHECK(open->index != NULL)) {
            av_store_source *source = av_store_source_new(open->view, open->store, NULL, NULL);
            av_index_source messages = av_store_source_of(source);

            for (uint32_t left = most; left > 0 && !progress.at_end; left -= AV_MIN(left, 7U))
                AV_CHECK_RC(
                    av_index_follow(open->index, &messages, AV_MIN(left, 7U), false, &progress, &err), AV_OK, &err);
            av_store_source_destroy(&source);
        }
        av_stores_done(r->archive->stores, &open);
    }
    av_store_infos_free(stores, n);
}

static uint64_t
documents(rig *r)
{
    size_t n;
    av_store_info *stores = av_stores_list(r->archive->stores, &n);
    uint64_t sum = 0;
    av_error err = { 0 };

    for (size_t i = 0; i < n; i++) {
        const av_open_store *open = NULL;
        av_index_state state;

        AV_CHECK_RC(av_stores_use(r->archive->stores, stores[i].no, &open, &err), AV_OK, &err);
        if (open != NULL && AV_CHECK(open->index != NULL)) {
            av_index_get_state(open->index, &state);
            sum += state.documents;
        }
        av_stores_done(r->archive->stores, &open);
    }
    av_store_infos_free(stores, n);
    return sum;
}

static void
lose_indexes(rig *r)
{
    AV_CLEANUP(av_free) char *line = av_xasprintf("find '%s' -type d -name index -prune -exec rm -rf {} +", r->dir);

    rig_close(r);
    AV_CHECK_INT(system(line), 0);
    rig_open(r);
    AV_CHECK_INT(documents(r), 0);
}

static void
erase_uid(rig *r, uint32_t uid)
{
    av_placement p = placement(r, uid);
    av_erased erased = { 0 };
    av_error err = { 0 };

    delete_uid(r, uid);
    AV_CHECK_RC(av_erase_contents(
                    r->archive, p.store, av_span_of(&p.content_lsn, sizeof p.content_lsn), true, "test", &erased, &err),
        AV_OK, &err);
}

/* How many stores hold messages that alice may read. */
static size_t
stores_in_use(rig *r)
{
    static rows all;
    uint32_t seen[8];
    size_t n = 0, k;

    expected(r, "alice", "*", &all);
    for (size_t i = 0; i < all.n; i++) {
        for (k = 0; k < n && seen[k] != all.all[i].store; k++)
            continue;
        if (k == n && AV_CHECK(n < AV_COUNT(seen)))
            seen[n++] = all.all[i].store;
    }
    return n;
}

static void
test_places(void)
{
    rig r;

    rig_new(&r);
    rig_user(&r, "alice");
    rig_user(&r, "bob");
    put_all(&r, "alice", 0, 40);
    put_all(&r, "bob", 30, 50);
    check_all(&r, "no index");
    index_stores(&r, 21);
    check_all(&r, "some indexed");
    create(&r, "two");
    put_all(&r, "alice", 35, 80);
    AV_CHECK_INT(stores_in_use(&r), 2);
    check_all(&r, "a second store");
    index_stores(&r, 1000);
    check_all(&r, "all indexed");
    delete_uid(&r, 2);
    erase_uid(&r, 5);
    check_all(&r, "some deleted and erased");
    put_all(&r, "alice", 80, 95);
    check_all(&r, "new messages");
    rig_close(&r);
    rig_open(&r);
    check_all(&r, "opened again");
    lose_indexes(&r);
    check_all(&r, "indexes lost");
    index_stores(&r, 1000);
    check_all(&r, "indexed again");
    rig_end(&r);
}

/* Pages go on behind the last row, whatever came in between. */
static void
test_arrivals(void)
{
    static answer first, later;
    AV_CLEANUP(av_free) char *cursor = NULL;
    rig r;

    rig_new(&r);
    rig_user(&r, "alice");
    put_all(&r, "alice", 0, 40);
    index_stores(&r, 30);
    for (int order = AV_ORDER_NEWEST; order <= AV_ORDER_SUBJECT; order++) {
        first.n = later.n = 0;
        av_check_row = order;
        (void)search(&r, "alice", "*", (av_order)order, HITS_MAX - 1, NULL, &first);
        (void)search(&r, "alice", "*", (av_order)order, 10, NULL, &later);
        put_all(&r, "alice", 40 + (unsigned)order * 10, 50 + (unsigned)order * 10);
        if (order % 2 == 0)
            index_stores(&r, 1000);
        do {
            free(cursor);
            cursor = av_hit_cursor((av_order)order, &later.hits[later.n - 1]);
        } while (search(&r, "alice", "*", (av_order)order, 10, cursor, &later) == 10);
        for (size_t i = 0, k = 0; i < first.n; i++, k++) { /* the old ones are there, once and in order */
            while (
                k < later.n && (later.hits[k].lsn != first.hits[i].lsn || later.hits[k].store != first.hits[i].store))
                k++;
            AV_CHECK(k < later.n);
        }
        for (size_t k = 1; k < later.n; k++)
            AV_CHECK(av_hit_is_before((av_order)order, &later.hits[k - 1], &later.hits[k]));
        answer_clear(&first);
        answer_clear(&later);
    }
    rig_end(&r);
}

static void
shell(const char *format, const char *dir)
{
    char line[400];

    (void)snprintf(line, sizeof line, format, dir, dir, dir);
    AV_CHECK_INT(system(line), 0);
}

/* A backup of yesterday comes back beside the index of today, and other messages take the places of those since. */
static void
test_older_log(void)
{
    rig r;

    rig_new(&r);
    rig_user(&r, "alice");
    rig_user(&r, "bob");
    put_all(&r, "alice", 0, 30);
    rig_close(&r);
    shell("cp -a %s %s-older && find %s-older -name words -prune -exec rm -r {} +", r.dir);
    rig_open(&r);
    put_all(&r, "alice", 30, 60);
    index_stores(&r, 1000);
    check_all(&r, "indexed");
    rig_close(&r);
    shell("cd %s && find . -path '*/words*' -prune -o -type f -print0 | xargs -0 rm && cp -a %s-older/. . && rm -r "
          "%s-older",
        r.dir);
    rig_open(&r);
    put_all(&r, "alice", 60, 95);
    check_all(&r, "an older log, other messages");
    index_stores(&r, 1000);
    check_all(&r, "indexed again");
    rig_end(&r);
}

int
main(void)
{
    const char *seed = getenv("ARCHIVOLT_SEED");

    av_secret_init();
    random_state = seed == NULL ? 1 : strtoull(seed, NULL, 10);
    AV_RUN(test_places);
    AV_RUN(test_arrivals);
    AV_RUN(test_older_log);
    return av_check_done();
}
