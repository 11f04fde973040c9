/*
 * test_event.c - events: round trips, final bytes, and what a decoder must refuse
 */
#include "storage/store/event.h"

#include "base/encode.h"
#include "storage/store/store.h"
#include "tests/check.h"

static av_buf out;
static av_error err;

static av_event
placement(void)
{
    av_event e = { .kind = AV_EVENT_PLACEMENT_ADDED };

    e.placement = (av_event_placement){ .uid = 7,
        .modseq = 9,
        .flags = AV_FLAG_SEEN,
        .content_lsn = 0x100000080,
        .raw_size = 10,
        .crlf_size = 12,
        .received_at_ms = -5,
        .archived_at_ms = 1700000000000,
        .source = av_span_str("INBOX/1.eml"),
        .has_run = true,
        .item = 3 };
    memset(e.placement.guid, 1, 16);
    memset(e.placement.digest, 2, 32);
    memset(e.placement.run, 3, 16);
    return e;
}

static void
test_placement(void)
{
    av_event e = placement(), back;
    av_buf words;
    av_span list, word;

    av_buf_init(&words, 100);
    (void)av_event_list_put_text(&words, av_span_str("$Important"));
    (void)av_event_list_put_text(&words, av_span_str("work"));
    e.placement.keywords = av_buf_span(&words);
    av_buf_clear(&out);
    AV_CHECK_RC(av_event_encode(&e, &out, &err), AV_OK, &err);
    AV_CHECK_RC(av_event_decode(av_buf_span(&out), &back, &err), AV_OK, &err);
    AV_CHECK(back.kind == e.kind && back.placement.uid == 7 && back.placement.modseq == 9);
    AV_CHECK(back.placement.received_at_ms == -5 && back.placement.archived_at_ms == 1700000000000);
    AV_CHECK(back.placement.content_lsn == 0x100000080 && back.placement.crlf_size == 12);
    AV_CHECK(back.placement.has_run && back.placement.item == 3 && !back.placement.has_instance);
    AV_CHECK(av_span_eq_str(back.placement.source, "INBOX/1.eml"));
    list = back.placement.keywords;
    AV_CHECK(av_event_list_next_text(&list, &word) && av_span_eq_str(word, "$Important"));
    AV_CHECK(av_event_list_next_text(&list, &word) && av_span_eq_str(word, "work"));
    AV_CHECK(!av_event_list_next_text(&list, &word));
    av_buf_release(&words);
}

/* The encoding is final: these bytes must be read for ever. */
static void
test_final_bytes(void)
{
    av_event e = { .kind = AV_EVENT_MAILBOX_CREATED };
    char hex[200];

    memset(e.mailbox.guid, 0xAB, 16);
    e.mailbox.path = av_span_str("a/b");
    e.mailbox.uidvalidity = 258;
    e.mailbox.sequence = 7;
    av_buf_clear(&out);
    AV_CHECK_RC(av_event_encode(&e, &out, &err), AV_OK, &err);
    av_hex_encode(av_buf_span(&out), hex);
    AV_CHECK_STR(hex, "01808110abababababababababababababababab8203612f6283040201000084080700000000000000");
}

/* Each kind once, with all it can hold: the same bytes come back out of what was read. */
static void
test_every_kind(void)
{
    static const av_event_kind kinds[] = { AV_EVENT_MAILBOX_CREATED, AV_EVENT_MAILBOX_RENAMED, AV_EVENT_MAILBOX_REMOVED,
        AV_EVENT_PLACEMENT_ADDED, AV_EVENT_PLACEMENT_REMOVED, AV_EVENT_HOLD_SET, AV_EVENT_HOLD_LIFTED,
        AV_EVENT_CONTENT_ERASED };
    av_buf lsns, first;

    av_buf_init(&lsns, 100);
    av_buf_init(&first, 1000);
    (void)av_event_list_put_item(&lsns, 0x100000080);
    for (size_t i = 0; i < AV_COUNT(kinds); i++) {
        av_event e = placement(), back;

        av_check_row = (long)i;
        if (kinds[i] == AV_EVENT_HOLD_SET || kinds[i] == AV_EVENT_HOLD_LIFTED)
            e.hold = (av_event_hold){ .hold = { 1 },
                .name = av_span_str("case 7"),
                .has_mailbox = true,
                .mailbox = { 2 },
                .has_digest = true,
                .digest = { 3 },
                .time_ms = -1,
                .who = av_span_str("anna") };
        else if (kinds[i] == AV_EVENT_CONTENT_ERASED)
            e.erased = (av_event_erased){ .lsns = av_buf_span(&lsns), .time_ms = 5, .who = av_span_str("retention") };
        else if (kinds[i] != AV_EVENT_PLACEMENT_ADDED && kinds[i] != AV_EVENT_PLACEMENT_REMOVED)
            e.mailbox = (av_event_mailbox){ .guid = { 4 },
                .path = av_span_str("a/b"),
                .uidvalidity = 9,
                .sequence = 77,
                .time_ms = 8,
                .has_instance = true,
                .instance = { 5 } };
        e.kind = kinds[i];
        if (kinds[i] == AV_EVENT_PLACEMENT_REMOVED) {
            e.placement.removed_at_ms = 6;
            e.placement.who = av_span_str("anna");
            e.placement.reason = av_span_str("asked for");
        }
        av_buf_clear(&first);
        av_buf_clear(&out);
        AV_CHECK_RC(av_event_encode(&e, &first, &err), AV_OK, &err);
        AV_CHECK_RC(av_event_decode(av_buf_span(&first), &back, &err), AV_OK, &err);
        AV_CHECK_INT(back.kind, kinds[i]);
        AV_CHECK_RC(av_event_encode(&back, &out, &err), AV_OK, &err);
        AV_CHECK_MEM(out.p, out.n, first.p, first.n);
        if (kinds[i] == AV_EVENT_HOLD_SET)
            AV_CHECK(back.hold.has_mailbox && back.hold.has_digest && back.hold.time_ms == -1 &&
                     av_span_eq_str(back.hold.name, "case 7"));
        if (kinds[i] == AV_EVENT_PLACEMENT_REMOVED)
            AV_CHECK(back.placement.removed_at_ms == 6 && av_span_eq_str(back.placement.reason, "asked for"));
        if (kinds[i] == AV_EVENT_MAILBOX_RENAMED)
            AV_CHECK(back.mailbox.sequence == 77);
        e.erased = (av_event_erased){ 0 };
        if (kinds[i] == AV_EVENT_CONTENT_ERASED)
            AV_CHECK_RC(av_event_encode(&e, &out, &err), AV_ERR_INVALID, &err);
    }
    av_check_row = -1;
    av_buf_release(&lsns);
    av_buf_release(&first);
}

static void
test_run(void)
{
    av_event e = { .kind = AV_EVENT_RUN_PROGRESS }, back;
    av_buf refused, duplicates;
    av_span list, path, reason;
    uint64_t item = 0;

    av_buf_init(&refused, 1000);
    av_buf_init(&duplicates, 100);
    AV_CHECK(av_event_list_put_refused(&refused, 4, av_span_str("x/4.eml"), av_span_str("no headers")));
    AV_CHECK(av_event_list_put_item(&duplicates, 5) && av_event_list_put_item(&duplicates, 6));
    e.run = (av_event_run){ .state = AV_RUN_RUNNING,
        .last_item = 6,
        .stored = 3,
        .duplicate = 2,
        .refused = 1,
        .refused_items = av_buf_span(&refused),
        .duplicate_items = av_buf_span(&duplicates) };
    av_buf_clear(&out);
    AV_CHECK_RC(av_event_encode(&e, &out, &err), AV_OK, &err);
    AV_CHECK_RC(av_event_decode(av_buf_span(&out), &back, &err), AV_OK, &err);
    AV_CHECK(back.run.last_item == 6 && back.run.stored == 3 && back.run.duplicate == 2 && back.run.refused == 1);
    list = back.run.refused_items;
    AV_CHECK(av_event_list_next_refused(&list, &item, &path, &reason) && item == 4);
    AV_CHECK(av_span_eq_str(path, "x/4.eml") && av_span_eq_str(reason, "no headers"));
    AV_CHECK(!av_event_list_next_refused(&list, &item, &path, &reason));
    list = back.run.duplicate_items;
    AV_CHECK(av_event_list_next_item(&list, &item) && item == 5);
    AV_CHECK(av_event_list_next_item(&list, &item) && item == 6);
    AV_CHECK(!av_event_list_next_item(&list, &item));
    e.run.state = (av_run_state)9;
    av_buf_clear(&out);
    AV_CHECK_RC(av_event_encode(&e, &out, &err), AV_ERR_INVALID, &err);
    AV_CHECK_INT(out.n, 0);
    av_buf_release(&refused);
    av_buf_release(&duplicates);
}

static void
test_refused(void)
{
    static const struct {
        const char *hex;
        av_errc want;
    } cases[] = {
        { "", AV_ERR_CORRUPT }, { "01", AV_ERR_CORRUPT }, { "0180", AV_ERR_CORRUPT }, /* no fields */
        { "0d00", AV_OK },                                                            /* unknown, may be skipped */
        { "0d80", AV_ERR_VERSION },                                                   /* unknown, critical */
        { "01808110abababababababababababababababab8203612f6283040201000084080700000000000000", AV_OK },
        { "01808110abababababababababababababababab8203612f628304020100008408070000000000000005",
            AV_ERR_CORRUPT }, /* trailing byte */
        { "01808110abababababababababababababababab8203612f6283040201000084080700000000000000640178",
            AV_OK }, /* unknown field 100 */
        { "01808110abababababababababababababababab8203612f6283040201000084080700000000000000e40178",
            AV_ERR_VERSION }, /* the same, critical */
        { "01808110abababababababababababababababab8203612f6283040000000084080700000000000000",
            AV_ERR_CORRUPT }, /* UIDVALIDITY 0 */
        { "01808110abababababababababababababababab820083040201000084080700000000000000",
            AV_ERR_CORRUPT }, /* no path */
        { "01808110abababababababababababababababab83040201000084080700000000000000",
            AV_ERR_CORRUPT }, /* field missing */
        { "0180810fababababababababababababababab8203612f6283040201000084080700000000000000",
            AV_ERR_CORRUPT }, /* short GUID */
    };
    av_event e;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        uint8_t bytes[128];
        size_t n = strlen(cases[i].hex) / 2;

        av_check_row = (long)i;
        AV_CHECK(av_hex_decode(av_span_str(cases[i].hex), bytes, n));
        AV_CHECK_RC(av_event_decode(av_span_of(bytes, n), &e, &err), cases[i].want, &err);
    }
    av_check_row = -1;
}

static void
test_every_cut(void)
{
    av_event e = placement(), back;

    av_buf_clear(&out);
    AV_CHECK_RC(av_event_encode(&e, &out, &err), AV_OK, &err);
    for (size_t n = 0; n < out.n; n++) {
        av_errc rc = av_event_decode(av_span_of(out.p, n), &back, &err);

        av_check_row = (long)n;
        /* Without the optional fields at its end it is a whole event again. */
        AV_CHECK(rc == AV_ERR_CORRUPT || (rc == AV_OK && !back.placement.has_run));
    }
    av_check_row = -1;
}

static void
test_limit(void)
{
    av_event e = placement();
    av_buf small;

    av_buf_init(&small, 50);
    AV_CHECK_RC(av_event_encode(&e, &small, &err), AV_ERR_LIMIT, &err);
    av_buf_release(&small);
    e.placement.uid = 0;
    av_buf_clear(&out);
    AV_CHECK_RC(av_event_encode(&e, &out, &err), AV_ERR_INVALID, &err);
}

int
main(void)
{
    av_buf_init(&out, AV_STORE_EVENT_MAX);
    AV_RUN(test_placement);
    AV_RUN(test_final_bytes);
    AV_RUN(test_every_kind);
    AV_RUN(test_run);
    AV_RUN(test_refused);
    AV_RUN(test_every_cut);
    AV_RUN(test_limit);
    av_buf_release(&out);
    return av_check_done();
}
