/*
 * test_recover.c - a new sound store out of a damaged one: what can be read comes over as it was, what is lost is told
 */
#include <errno.h>

#include "tests/storage/care/help.h"
#include "tests/storage/fault_ops.h"

#define MESSAGES 80U
#define BYTES    2000U

static uint64_t lsns[MESSAGES];

static unsigned
attachment_of(unsigned i)
{
    return i % 4 == 0 ? 1 : i % 4 == 1 ? 100 + i : 0;
}

static void
make(care_store *s, const char *root)
{
    av_event hold = { .kind = AV_EVENT_HOLD_SET };

    memcpy(care_uuid, "the damaged one ", sizeof care_uuid);
    care_new(s, root);
    AV_CHECK_RC(care_mailbox(s, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    AV_CHECK_RC(care_mailbox(s, 2, AV_EVENT_MAILBOX_CREATED, "Reports", 2), AV_OK, &err);
    for (unsigned i = 0; i < MESSAGES; i++) {
        lsns[i] = care_put(s, i, attachment_of(i), BYTES + i % 3 * 900, 1 + i % 2);
        if (i % 9 == 8)
            care_commit(s);
        if (i == 40)
            AV_CHECK_RC(care_mailbox(s, 2, AV_EVENT_MAILBOX_RENAMED, "Reports/2026", 3), AV_OK, &err);
    }
    hold.hold.name = av_span_str("audit");
    hold.hold.has_mailbox = true;
    guid_of(hold.hold.mailbox, 1);
    AV_CHECK_RC(care_event(s, &hold), AV_OK, &err);
    for (unsigned i = 1; i < MESSAGES; i += 10)
        AV_CHECK_RC(care_remove(s, 1 + i % 2, i + 1), AV_OK, &err);
    care_commit(s);
    AV_CHECK_RC(care_erase(s, lsns[21]), AV_OK, &err);
}

/* --- what a store says ------------------------------------------------------------------------------------------- */

typedef struct listing {
    const care_store *s;
    av_buf text;
} listing;

static void
list_placement(listing *self, const av_event_placement *p, const char *what)
{
    char guid[2 * AV_GUID_SIZE + 1], digest[2 * AV_SHA256_SIZE + 1] = "-", read[2 * AV_SHA256_SIZE + 1] = "-";
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    uint8_t sum[AV_SHA256_SIZE];

    av_hex_encode(av_span_of(p->guid, AV_GUID_SIZE), guid);
    if (p->content_lsn != 0) {
        av_hex_encode(av_span_of(p->digest, AV_SHA256_SIZE), digest);
        av_buf_init(&mail, 16U << 20);
        if (av_store_read_message(self->s->store, p->content_lsn, &mail, &err) == AV_OK) {
            av_sha256(av_buf_span(&mail), sum);
            av_hex_encode(av_span_of(sum, sizeof sum), read);
        } else {
            return; /* erased */
        }
    }
    (void)av_buf_printf(&self->text, "%s %s %u %" PRIu64 " %u %s %s %" PRIu64 " %" PRId64 " %" PRId64 " %.*s\n", what,
        guid, p->uid, p->modseq, p->flags, digest, read, p->raw_size, p->received_at_ms, p->archived_at_ms,
        (int)p->who.n, (const char *)p->who.p);
}

static av_errc
list_event(void *ctx, uint64_t lsn, av_span body, av_error *why)
{
    listing *self = ctx;
    av_event e;
    char guid[2 * AV_GUID_SIZE + 1];
    av_store_placement have;
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_errc rc = av_event_decode(body, &e, why);

    (void)lsn;
    if (rc != AV_OK)
        return rc;
    av_buf_init(&row, 1U << 20);
    switch (e.kind) {
    case AV_EVENT_MAILBOX_CREATED:
    case AV_EVENT_MAILBOX_RENAMED:
        av_hex_encode(av_span_of(e.mailbox.guid, AV_GUID_SIZE), guid);
        (void)av_buf_printf(&self->text, "mailbox %x %s %.*s %u %" PRIu64 "\n", e.kind, guid, (int)e.mailbox.path.n,
            (const char *)e.mailbox.path.p, e.kind == AV_EVENT_MAILBOX_CREATED ? e.mailbox.uidvalidity : 0,
            e.mailbox.sequence);
        break;
    case AV_EVENT_PLACEMENT_ADDED:
        list_placement(self, &e.placement, "added");
        break;
    case AV_EVENT_PLACEMENT_REMOVED: /* only of what is there still */
        if (av_store_view_placement(
                av_store_view_writer(self->s->view), e.placement.guid, e.placement.uid, &row, &have, why) == AV_OK)
            list_placement(self, &e.placement, "removed");
        break;
    case AV_EVENT_HOLD_SET:
        (void)av_buf_printf(&self->text, "hold %.*s\n", (int)e.hold.name.n, (const char *)e.hold.name.p);
        break;
    default:
        break;
    }
    return AV_OK;
}

/* In the order of the log, without LSNs. */
static void
list_store(care_store *s, listing *ret)
{
    const av_store_visitor visitor = { .ctx = ret, .event = list_event };

    ret->s = s;
    av_buf_init(&ret->text, 16U << 20);
    AV_CHECK_RC(av_store_replay(s->store, 0, &visitor, &err), AV_OK, &err);
}

static bool
same_listing(care_store *a, care_store *b)
{
    listing x, y;
    bool same;

    list_store(a, &x);
    list_store(b, &y);
    same = av_span_eq(av_buf_span(&x.text), av_buf_span(&y.text));
    if (!same)
        printf("--- one\n%.*s--- other\n%.*s", (int)AV_MIN(x.text.n, 3000), av_buf_cstr(&x.text),
            (int)AV_MIN(y.text.n, 3000), av_buf_cstr(&y.text));
    av_buf_release(&x.text);
    av_buf_release(&y.text);
    return same;
}

/* --- recovering -------------------------------------------------------------------------------------------------- */

typedef struct losses {
    uint64_t lost[MESSAGES];
    size_t n;
    uint64_t go_on; /* calls until it is cancelled; 0: never */
    const uint8_t *last;
} losses;

static av_errc
on_lost(void *ctx, uint64_t lsn, const uint8_t digest[AV_SHA256_SIZE], const char *sentence, av_error *why)
{
    losses *self = ctx;

    (void)digest;
    (void)sentence;
    (void)why;
    if (self->n < MESSAGES)
        self->lost[self->n++] = lsn;
    return AV_OK;
}

static bool
was_told(const losses *self, uint64_t lsn)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->lost[i] == lsn)
            return true;
    return false;
}

static bool
on_go_on(void *ctx, uint64_t done, uint64_t total)
{
    losses *self = ctx;

    (void)done;
    (void)total;
    return self->go_on == 0 || --self->go_on > 0;
}

static void
on_say(void *ctx, av_log_level level, uint64_t lsn, const char *sentence)
{
    (void)ctx;
    (void)level;
    if (getenv("AV_LOUD") != NULL)
        printf("    %" PRIx64 ": %s\n", lsn, sentence);
}

static av_errc
recover(const care_store *from, care_store *to, bool with_deleted, losses *told, av_recover_result *ret)
{
    char work[200];
    const av_care_watch watch = { .ctx = told, .go_on = on_go_on, .say = on_say };
    av_recover_job job = { .source_dir = from->content,
        .source_keys = from->keys,
        .work_dir = work,
        .target = to->store,
        .target_view = to->view,
        .with_deleted = with_deleted,
        .ctx = told,
        .lost = on_lost };

    (void)snprintf(work, sizeof work, "%s/work", from->root);
    return av_care_recover(&job, &watch, ret, &err);
}

static void
target_new(care_store *to, const care_store *from)
{
    char root[200];

    (void)snprintf(root, sizeof root, "%s.new", from->root);
    memcpy(care_uuid, "the sound one!!!", sizeof care_uuid);
    care_new(to, root);
}

static void
drop(care_store *s, care_store *to)
{
    care_done(s);
    folder_remove(s->root);
    if (to != NULL) {
        care_done(to);
        folder_remove(to->root);
    }
}

static void
test_sound_source(void)
{
    char root[160];
    care_store s, to;
    losses told = { 0 };
    fault_log log = { .loud = true };
    av_recover_result result;
    uint64_t end;

    make(&s, folder_new(root));
    target_new(&to, &s);
    AV_CHECK_RC(recover(&s, &to, false, &told, &result), AV_OK, &err);
    AV_CHECK_INT(result.messages, MESSAGES - 1);
    AV_CHECK(result.lost_messages == 0 && result.lost_records == 0 && told.n == 0);
    AV_CHECK(same_listing(&s, &to));
    AV_CHECK_INT(care_verify(&to, true, true, &log), 0);
    end = av_store_committed_lsn(to.store);
    AV_CHECK_RC(recover(&s, &to, false, &told, &result), AV_OK, &err);
    AV_CHECK(end == av_store_committed_lsn(to.store));
    drop(&s, &to);
}

/* The database folder is gone: the view is made again and says the same. */
static void
test_database_lost(void)
{
    char root[160];
    care_store s;
    listing before, after;
    av_store_counters kept, made;
    fault_log log = { .loud = true };

    make(&s, folder_new(root));
    list_store(&s, &before);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(s.view), &kept, &err), AV_OK, &err);
    care_close(&s);
    AV_CHECK_RC(av_dir_remove(s.database, s.root, &err), AV_OK, &err);
    care_open(&s);
    list_store(&s, &after);
    AV_CHECK_MEM(after.text.p, after.text.n, before.text.p, before.text.n);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(s.view), &made, &err), AV_OK, &err);
    AV_CHECK(memcmp(&kept, &made, sizeof kept) == 0);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    av_buf_release(&before.text);
    av_buf_release(&after.text);
    drop(&s, NULL);
}

static void
flip(care_store *s, uint32_t container, uint32_t generation, long at)
{
    AV_CLEANUP(av_free) char *path = av_container_path(s->content, container, generation);
    uint64_t size = 0;
    uint8_t byte = 0;
    int fd = -1;

    AV_CHECK_RC(av_file_open(path, O_RDWR, 0, &fd, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_size(fd, &size, &err), AV_OK, &err);
    at = at < 0 ? (long)size + at : at;
    AV_CHECK_RC(av_file_read_at(fd, &byte, 1, (uint64_t)at, &err), AV_OK, &err);
    byte ^= 0x20;
    AV_CHECK_RC(av_file_write_at(fd, &byte, 1, (uint64_t)at, &err), AV_OK, &err);
    av_file_close(&fd);
}

static void
flip_record(care_store *s, unsigned i, long at)
{
    flip(s, av_lsn_container(lsns[i]), 0, (long)av_lsn_offset(lsns[i]) + at);
}

/* Every message that is not lost stands in the target, and the lost ones are those of `lost`. */
static void
check_lost(care_store *to, const losses *told, bool (*lost)(unsigned i))
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
        uint8_t digest[AV_SHA256_SIZE];
        uint64_t lsn = 0;
        av_errc rc;

        av_check_row = (long)i;
        av_buf_init(&mail, 1U << 20);
        mail_make(&mail, i, attachment_of(i), BYTES + i % 3 * 900);
        av_sha256(av_buf_span(&mail), digest);
        rc = av_store_view_find_message(to->view, av_store_view_writer(to->view), digest, &lsn, &err);
        AV_CHECK_INT(rc, lost(i) || i == 21 ? AV_ERR_NOT_FOUND : AV_OK);
        AV_CHECK_INT(was_told(told, lsns[i]), lost(i) && i != 21);
        if (rc == AV_OK)
            AV_CHECK_INT(care_look(to->store, lsn, i, attachment_of(i), BYTES + i % 3 * 900), 1);
    }
    av_check_row = -1;
}

static bool
lost_5_30_31(unsigned i)
{
    return i == 5 || i == 30 || i == 31;
}

/* A body, a header, two neighbours, the header of a container, the marker; the last commit. */
static void
test_damaged(void)
{
    AV_CLEANUP(av_free) char *marker = NULL;
    char root[160];
    care_store s, to;
    losses told = { 0 };
    fault_log log = { .loud = true };
    av_recover_result result;

    make(&s, folder_new(root));
    care_close(&s);
    flip_record(&s, 5, AV_RECORD_HEADER + 30);
    flip_record(&s, 30, 5);
    flip_record(&s, 31, 30);
    flip(&s, 1, 0, 40);
    flip(&s, 2, 0, 3);
    marker = av_xasprintf("%s/store.avs", s.content);
    AV_CHECK(unlink(marker) == 0);
    target_new(&to, &s);
    AV_CHECK_RC(recover(&s, &to, false, &told, &result), AV_OK, &err);
    AV_CHECK(result.lost_records >= 4);
    AV_CHECK_INT(result.lost_messages, 3);
    check_lost(&to, &told, lost_5_30_31);
    AV_CHECK_INT(care_verify(&to, true, true, &log), 0);
    drop(&s, &to);
}

/* The end of the log, which nobody else knows of: a record of the last group, and its commit. */
static void
test_damaged_end(void)
{
    char root[160];
    care_store s, to;
    losses told = { 0 };
    fault_log log = { .loud = true };
    av_recover_result result;
    uint64_t end, last;

    make(&s, folder_new(root));
    last = care_put(&s, 900, 0, 0, 1);
    lsns[MESSAGES - 1] = care_put(&s, 901, 0, 0, 1);
    care_commit(&s);
    end = av_store_committed_lsn(s.store);
    AV_CHECK(last < lsns[MESSAGES - 1]);
    care_close(&s);
    flip_record(&s, MESSAGES - 1, AV_RECORD_HEADER + 9);
    flip(&s, av_lsn_container(end), 0, (long)av_lsn_offset(end) + 50);
    target_new(&to, &s);
    AV_CHECK_RC(recover(&s, &to, false, &told, &result), AV_OK, &err);
    AV_CHECK_INT(result.messages, MESSAGES - 1 + 1); /* one erased, one more; the lost one is more than these */
    AV_CHECK_INT(told.n, 1);
    AV_CHECK(was_told(&told, lsns[MESSAGES - 1]));
    AV_CHECK_INT(care_verify(&to, true, true, &log), 0);
    drop(&s, &to);
}

static bool
lost_with_part_1(unsigned i)
{
    return i % 4 == 0 && i % 3 == 0;
}

static void
test_damaged_shared_part(void)
{
    AV_CLEANUP(av_buf_release) av_buf parts = { 0 };
    av_content_row row;
    char root[160];
    care_store s, to;
    losses told = { 0 };
    av_recover_result result;
    uint64_t part;

    make(&s, folder_new(root));
    av_buf_init(&parts, 4096);
    AV_CHECK_RC(av_store_view_get(av_store_view_writer(s.view), lsns[0], &row, &parts, &err), AV_OK, &err);
    memcpy(&part, parts.p, sizeof part);
    care_close(&s);
    flip(&s, av_lsn_container(part), 0, (long)av_lsn_offset(part) + 200);
    target_new(&to, &s);
    AV_CHECK_RC(recover(&s, &to, false, &told, &result), AV_OK, &err);
    check_lost(&to, &told, lost_with_part_1);
    drop(&s, &to);
}

static bool
lost_1(unsigned i)
{
    return i == 1;
}

/* The map of a compacted container, and a record in it. */
static void
test_damaged_compacted(void)
{
    char root[160];
    care_store s, to;
    losses told = { 0 };
    av_recover_result result;
    av_care_compact_result compacted;
    uint32_t container;

    make(&s, folder_new(root));
    container = av_lsn_container(lsns[21]);
    AV_CHECK_RC(av_store_roll(s.store, &err), AV_OK, &err);
    AV_CHECK_RC(care_mailbox(&s, 3, AV_EVENT_MAILBOX_CREATED, "New", 9), AV_OK, &err);
    care_commit(&s);
    AV_CHECK_RC(care_compact(&s, 0, &compacted), AV_OK, &err);
    AV_CHECK(compacted.containers > 0);
    care_close(&s);
    flip(&s, container, 1, -3);
    flip(&s, container, 1, -30);
    AV_CHECK_INT(container, av_lsn_container(lsns[1]));
    flip(&s, container, 1, (long)av_lsn_offset(lsns[1]) + 60); /* before anything that was dropped */
    target_new(&to, &s);
    AV_CHECK_RC(recover(&s, &to, false, &told, &result), AV_OK, &err);
    check_lost(&to, &told, lost_1);
    drop(&s, &to);
}

static bool
lost_first_container(unsigned i)
{
    return av_lsn_container(lsns[i]) == 1;
}

/* A container is missing: mailboxes that were made in it have placements in others. */
static void
test_container_missing(void)
{
    AV_CLEANUP(av_free) char *path = NULL;
    char root[160];
    care_store s, to;
    losses told = { 0 };
    fault_log log = { .loud = true };
    av_recover_result result;

    make(&s, folder_new(root));
    care_close(&s);
    path = av_container_path(s.content, 1, 0);
    AV_CHECK(unlink(path) == 0);
    target_new(&to, &s);
    AV_CHECK_RC(recover(&s, &to, false, &told, &result), AV_OK, &err);
    for (unsigned i = 0; i < MESSAGES; i++)
        AV_CHECK(lost_first_container(i) || i % 4 == 0 || !was_told(&told, lsns[i]));
    AV_CHECK(result.placements > 10);
    AV_CHECK_INT(care_verify(&to, true, true, &log), 0);
    drop(&s, &to);
}

static void
test_with_deleted(void)
{
    av_store_counters counters;
    char root[160];
    care_store s, to;
    losses told = { 0 };
    fault_log log = { .loud = true };
    av_recover_result result;

    make(&s, folder_new(root));
    target_new(&to, &s);
    AV_CHECK_RC(recover(&s, &to, true, &told, &result), AV_OK, &err);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(to.view), &counters, &err), AV_OK, &err);
    AV_CHECK_INT(counters.placements, MESSAGES - 1);
    AV_CHECK_INT(counters.removed, 0);
    AV_CHECK_INT(care_verify(&to, true, true, &log), 0);
    drop(&s, &to);
}

/* --- events from elsewhere --------------------------------------------------------------------------------------- */

typedef struct elsewhere {
    const av_store_view *view; /* as it was before the damage */
    unsigned asked;
} elsewhere;

static av_errc
give_mailbox(void *ctx, const uint8_t guid[AV_GUID_SIZE], av_event *ret, av_error *why)
{
    ((elsewhere *)ctx)->asked++;
    (void)why;
    *ret = (av_event){ .kind = AV_EVENT_MAILBOX_CREATED };
    memcpy(ret->mailbox.guid, guid, AV_GUID_SIZE);
    ret->mailbox.path = av_span_str("As the catalog knows it");
    ret->mailbox.uidvalidity = 7001;
    ret->mailbox.sequence = 1;
    return AV_OK;
}

static av_errc
give_placements(void *ctx, av_errc (*put)(void *put_ctx, const av_event_placement *placement, av_error *err),
    void *put_ctx, av_error *why)
{
    av_errc rc = AV_OK;

    (void)ctx;
    for (unsigned i = 0; rc == AV_OK && i < MESSAGES; i++) {
        AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
        av_event_placement p = { .uid = i + 1, .modseq = 101 + i, .content_lsn = lsns[i] };

        if (i % 10 == 1)
            continue;
        guid_of(p.guid, 1 + i % 2);
        av_buf_init(&mail, 1U << 20);
        mail_make(&mail, i, attachment_of(i), BYTES + i % 3 * 900);
        av_sha256(av_buf_span(&mail), p.digest);
        p.raw_size = p.crlf_size = mail.n;
        rc = put(put_ctx, &p, why);
    }
    return rc;
}

static av_errc
flip_events(void *ctx, uint64_t lsn, av_span body, av_error *why)
{
    uint64_t *first = ctx;

    (void)body;
    (void)why;
    *first = *first == 0 ? lsn : *first;
    return AV_OK;
}

/* The first record of events is gone: both mailboxes and the placements of the first messages. */
static void
test_events_from_elsewhere(void)
{
    char root[160], work[200];
    care_store s, to;
    elsewhere known = { 0 };
    uint64_t first = 0;
    const av_store_visitor visitor = { .ctx = &first, .event = flip_events };
    av_store_counters before, after;
    av_recover_result result;
    av_recover_job job = { .ctx = &known, .mailbox = give_mailbox, .placements = give_placements };

    make(&s, folder_new(root));
    AV_CHECK_RC(av_store_replay(s.store, 0, &visitor, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(s.view), &before, &err), AV_OK, &err);
    care_close(&s);
    flip(&s, av_lsn_container(first), 0, (long)av_lsn_offset(first) + 50);
    target_new(&to, &s);
    (void)snprintf(work, sizeof work, "%s/work", root);
    job.source_dir = s.content;
    job.source_keys = s.keys;
    job.work_dir = work;
    job.target = to.store;
    job.target_view = to.view;
    AV_CHECK_RC(av_care_recover(&job, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(to.view), &after, &err), AV_OK, &err);
    AV_CHECK_INT(after.messages, before.messages);
    AV_CHECK_INT(after.placements, before.placements);
    AV_CHECK_INT(known.asked, 2);
    drop(&s, &to);
}

/* --- cut short --------------------------------------------------------------------------------------------------- */

/* Cancelled again and again, it comes to the same end. */
static void
test_cancelled(void)
{
    char root[160];
    care_store s, to;
    losses told = { 0 };
    av_recover_result result;
    av_errc rc = AV_ERR_CANCELLED;
    unsigned runs = 0;

    make(&s, folder_new(root));
    target_new(&to, &s);
    for (; rc == AV_ERR_CANCELLED && runs < 100; runs++) {
        told.go_on = 1 + runs;
        rc = recover(&s, &to, false, &told, &result);
    }
    AV_CHECK_RC(rc, AV_OK, &err);
    AV_CHECK(runs > 1);
    AV_CHECK(same_listing(&s, &to));
    drop(&s, &to);
}

/* The process dies at one call after another. */
static void
test_death(void)
{
    char root[160], target[200], kept[200];
    const char *rounds = getenv("AV_ROUNDS");
    long step = rounds != NULL ? 1 : 3, tried = 0;
    care_store s, to;
    fault_log log = { .loud = true };

    make(&s, folder_new(root));
    care_close(&s);
    flip_record(&s, 5, AV_RECORD_HEADER + 30);
    flip(&s, 1, 0, 40);
    target_new(&to, &s);
    care_done(&to);
    (void)snprintf(target, sizeof target, "%s", to.root);
    (void)snprintf(kept, sizeof kept, "%s.kept", to.root);
    AV_CHECK(rename(to.root, kept) == 0);
    for (long at = 0;; at += step, tried++) {
        losses told = { 0 };
        av_recover_result result;
        bool failed;
        av_errc rc;

        av_check_row = at;
        folder_copy(kept, to.root);
        care_init(&to, target);
        care_open(&to);
        fault_ops_begin(&(fault_plan){ .fail_at = at, .error = at % 2 == 0 ? EIO : ENOSPC, .stay = true });
        rc = recover(&s, &to, false, &told, &result);
        failed = fault_ops_end();
        AV_CHECK(failed || rc == AV_OK);
        care_done(&to);
        care_init(&to, target);
        care_open(&to);
        AV_CHECK(!av_store_is_corrupt(to.store));
        told.n = 0;
        AV_CHECK_RC(recover(&s, &to, false, &told, &result), AV_OK, &err);
        AV_CHECK_INT(result.messages, MESSAGES - 2);
        AV_CHECK(!failed || rc == AV_OK || (told.n == 1 && told.lost[0] == lsns[5]));
        AV_CHECK_INT(care_verify(&to, true, true, &log), 0);
        care_done(&to);
        folder_remove(to.root);
        if (!failed)
            break;
    }
    av_check_row = -1;
    printf("  %ld deaths tried\n", tried);
    folder_remove(kept);
    care_done(&s);
    folder_remove(root);
}

int
main(void)
{
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_sound_source);
    AV_RUN(test_database_lost);
    AV_RUN(test_damaged);
    AV_RUN(test_damaged_end);
    AV_RUN(test_damaged_shared_part);
    AV_RUN(test_damaged_compacted);
    AV_RUN(test_container_missing);
    AV_RUN(test_with_deleted);
    AV_RUN(test_events_from_elsewhere);
    AV_RUN(test_cancelled);
    AV_RUN(test_death);
    return av_check_done();
}
