/*
 * fixture.h - the store that every later version must read: tests/fixtures/store-1
 *
 * Written once by make_fixture.c with format 1, from messages of our own; opened, verified, listed by test_fixture.c.
 * Its keys are published here and protect nothing.
 */
#ifndef AV_TESTS_CARE_FIXTURE_H
#define AV_TESTS_CARE_FIXTURE_H

#include "storage/keys/keyring.h"
#include "tests/storage/care/help.h"

#define FIXTURE_LIST_MAX (1U << 20)

static const uint8_t fixture_instance[16] = "fixture instance", fixture_store[16] = "fixture store 1.";
static const uint8_t fixture_instance_key[32] = "published: the fixture's key 001";

/* Paths of a fixture in root: content, keyring. */
__attribute__((unused)) static void
fixture_paths(care_store *s, const char *root)
{
    *s = (care_store){ 0 };
    (void)snprintf(s->root, sizeof s->root, "%s", root);
    (void)snprintf(s->content, sizeof s->content, "%s/content", root);
    (void)snprintf(s->database, sizeof s->database, "%s/database", root);
    (void)snprintf(s->keys_dir, sizeof s->keys_dir, "%s/keyring", root);
    s->config = (av_store_config){ .dir = s->content, .max_container_bytes = 64 * 1024, .spool_bytes = 64 * 1024 };
}

typedef struct fixture_lister {
    care_store *s;
    av_buf *out;
} fixture_lister;

__attribute__((unused)) static void
fixture_placement(fixture_lister *self, const av_event_placement *p)
{
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    char guid[2 * AV_GUID_SIZE + 1], digest[2 * AV_SHA256_SIZE + 1], read[2 * AV_SHA256_SIZE + 1] = "unreadable";
    uint8_t sum[AV_SHA256_SIZE];
    av_store_placement have = { 0 };
    av_span keywords = p->keywords, word;
    const char *state = "gone";

    av_buf_init(&mail, 8U << 20);
    av_buf_init(&row, 1U << 20);
    av_hex_encode(av_span_of(p->guid, AV_GUID_SIZE), guid);
    av_hex_encode(av_span_of(p->digest, AV_SHA256_SIZE), digest);
    if (av_store_read_message(self->s->store, p->content_lsn, &mail, &err) == AV_OK) {
        av_sha256(av_buf_span(&mail), sum);
        av_hex_encode(av_span_of(sum, sizeof sum), read);
    }
    if (av_store_view_placement(av_store_view_writer(self->s->view), p->guid, p->uid, &row, &have, &err) == AV_OK)
        state = have.removed ? "removed" : "stands";
    (void)av_buf_printf(self->out,
        "placement %s uid %u modseq %" PRIu64 " flags %u lsn %" PRIx64 " digest %s read %s size %" PRIu64
        " crlf %" PRIu64 " received %" PRId64 " archived %" PRId64 " %s",
        guid, p->uid, p->modseq, p->flags, p->content_lsn, digest, read, p->raw_size, p->crlf_size, p->received_at_ms,
        p->archived_at_ms, state);
    while (av_event_list_next_text(&keywords, &word))
        (void)av_buf_printf(self->out, " %.*s", (int)word.n, (const char *)word.p);
    (void)av_buf_puts(self->out, "\n");
}

__attribute__((unused)) static av_errc
fixture_event(void *ctx, uint64_t lsn, av_span body, av_error *why)
{
    fixture_lister *self = ctx;
    char guid[2 * AV_GUID_SIZE + 1];
    av_event e;
    uint64_t erased = 0;
    av_errc rc = av_event_decode(body, &e, why);

    if (rc != AV_OK)
        return rc;
    switch (e.kind) {
    case AV_EVENT_MAILBOX_CREATED:
    case AV_EVENT_MAILBOX_RENAMED:
    case AV_EVENT_MAILBOX_REMOVED:
        av_hex_encode(av_span_of(e.mailbox.guid, AV_GUID_SIZE), guid);
        (void)av_buf_printf(self->out, "mailbox %04x %s uidvalidity %u sequence %" PRIu64 " %.*s\n", e.kind, guid,
            e.mailbox.uidvalidity, e.mailbox.sequence, (int)e.mailbox.path.n, (const char *)e.mailbox.path.p);
        break;
    case AV_EVENT_PLACEMENT_ADDED:
        fixture_placement(self, &e.placement);
        break;
    case AV_EVENT_HOLD_SET:
    case AV_EVENT_HOLD_LIFTED:
        av_hex_encode(av_span_of(e.hold.hold, AV_GUID_SIZE), guid);
        (void)av_buf_printf(
            self->out, "hold %04x %s %.*s\n", e.kind, guid, (int)e.hold.name.n, (const char *)e.hold.name.p);
        break;
    case AV_EVENT_CONTENT_ERASED:
        (void)av_buf_puts(self->out, "erased");
        while (av_event_list_next_item(&e.erased.lsns, &erased))
            (void)av_buf_printf(self->out, " %" PRIx64, erased);
        (void)av_buf_puts(self->out, "\n");
        break;
    default:
        (void)av_buf_printf(self->out, "event %04x at %" PRIx64 "\n", e.kind, lsn);
        break;
    }
    return AV_OK;
}

/* All that the store says, in the order of its log, as text. */
__attribute__((unused)) static void
fixture_list(care_store *s, av_buf *out)
{
    fixture_lister lister = { s, out };
    const av_store_visitor visitor = { .ctx = &lister, .event = fixture_event };
    av_store_counters n = { 0 };

    av_buf_init(out, FIXTURE_LIST_MAX);
    AV_CHECK_RC(av_store_replay(s->store, 0, &visitor, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(s->view), &n, &err), AV_OK, &err);
    (void)av_buf_printf(out,
        "counters: %" PRIu64 " placements, %" PRIu64 " removed, %" PRIu64 " messages of %" PRIu64 " bytes, %" PRIu64
        " parts of %" PRIu64 " bytes, %" PRIu64 " holds\ncommitted %" PRIx64 "\n",
        n.placements, n.removed, n.messages, n.message_bytes, n.parts, n.part_bytes, n.holds,
        av_store_committed_lsn(s->store));
}

#endif
