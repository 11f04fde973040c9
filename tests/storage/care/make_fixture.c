/*
 * make_fixture.c - writes tests/fixtures/store-N: make_store_fixture FOLDER (which must not be there)
 *
 * Run once for a format, by a person; its output is committed and never made again.
 */
#include "tests/storage/care/fixture.h"

#define MAIL(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static const struct {
    const char *p;
    size_t n;
} odd_mail[] = {
    MAIL(""),
    MAIL("\r\n"),
    MAIL("no header, no end of line"),
    MAIL("From writer@example.org Mon Nov 23 10:00:00 2026\nFrom: writer@example.org\nSubject: from an mbox "
         "file\n\nText.\n"),
    MAIL("From: writer@example.org\nSubject: line feeds alone\n\nOne line.\nAnother.\n"),
    MAIL("From: writer@example.org\r\nSubject: both\r\n\r\nOne kind of line.\r\nThe other.\nA bare \r in between.\r\n"),
    MAIL("From: \xC3\x9C"
         "ber <writer@example.org>\r\nSubject: =?utf-8?B?w4TDlsOc?=\r\n\r\n8 bit: \xE4\xF6\xFC \x00 and on\r\n"),
    MAIL("Subject: nested\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\npreamble\r\n--a\r\n"
         "Content-Type: multipart/alternative; boundary=\"b c\"\r\n\r\n--b c\r\nContent-Type: "
         "text/plain\r\n\r\nplain\r\n"
         "--b c\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--b c--\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n"
         "Subject: inside\r\n\r\nThe message inside.\r\n--a--\r\nepilogue"),
    MAIL("Subject: not canonical\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
         "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\r\n"
         "ODkrL0FCQ0RFRkdI SUpLTE1OT1BRUlNUVVZXWFlaYWJjZGVmZ2hpamtsbW5v\r\ncA==\r\n"),
};

static uint64_t
place(care_store *s, unsigned mailbox, uint32_t uid, av_span mail, uint64_t lsn)
{
    AV_CLEANUP(av_buf_release) av_buf words = { 0 };
    av_event event = { .kind = AV_EVENT_PLACEMENT_ADDED };

    if (lsn == 0)
        AV_CHECK_RC(av_store_put_message(s->store, mail, NULL, &lsn, &err), AV_OK, &err);
    av_buf_init(&words, 1024);
    guid_of(event.placement.guid, mailbox);
    event.placement.uid = uid;
    event.placement.modseq = 1000 + uid;
    event.placement.flags = uid % 32;
    if (uid % 4 == 1) {
        (void)av_event_list_put_text(&words, av_span_str("$Forwarded"));
        (void)av_event_list_put_text(&words, av_span_str("project"));
        event.placement.keywords = av_buf_span(&words);
    }
    event.placement.content_lsn = lsn;
    av_sha256(mail, event.placement.digest);
    event.placement.raw_size = event.placement.crlf_size = mail.n;
    for (size_t i = 0; i < mail.n; i++)
        event.placement.crlf_size += mail.p[i] == '\n' && (i == 0 || mail.p[i - 1] != '\r');
    event.placement.received_at_ms = 1763900000000 + (int64_t)uid * 1000;
    event.placement.archived_at_ms = 1763990000000 + (int64_t)uid * 1000;
    event.placement.source = av_span_str("fixture");
    event.placement.has_instance = true;
    memcpy(event.placement.instance, fixture_instance, sizeof fixture_instance);
    AV_CHECK_RC(care_event(s, &event), AV_OK, &err);
    return lsn;
}

static uint64_t
place_made(care_store *s, unsigned mailbox, unsigned i, unsigned attachment, size_t bytes)
{
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };

    av_buf_init(&mail, 8U << 20);
    mail_make(&mail, i, attachment, bytes);
    return place(s, mailbox, i, av_buf_span(&mail), 0);
}

/* More than is held in memory: its text goes to the log in segments. It packs well, so that the fixture stays small. */
static void
place_large(care_store *s, uint32_t uid)
{
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    av_store_put *p = NULL;
    uint64_t lsn = 0;

    av_buf_init(&mail, 8U << 20);
    (void)av_buf_puts(&mail, "Subject: large\r\nContent-Type: text/csv\r\n\r\n");
    for (unsigned i = 0; i < 12000; i++)
        (void)av_buf_printf(&mail, "%u;the same in every line but for its number;%u\r\n", i, i / 100);
    AV_CHECK_RC(av_store_put_begin(s->store, mail.n, &p, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_write(p, av_buf_span(&mail), &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_finish(&p, &lsn, NULL, &err), AV_OK, &err);
    (void)place(s, 2, uid, av_buf_span(&mail), lsn);
}

static void
hold(care_store *s, av_event_kind kind, const char *id, const char *name, unsigned mailbox)
{
    av_event event = { .kind = kind };

    (void)snprintf((char *)event.hold.hold, sizeof event.hold.hold, "%s", id);
    event.hold.name = av_span_str(name);
    event.hold.who = av_span_str("auditor");
    event.hold.time_ms = 1763995000000;
    event.hold.has_mailbox = mailbox != 0;
    guid_of(event.hold.mailbox, mailbox);
    AV_CHECK_RC(care_event(s, &event), AV_OK, &err);
}

static void
use_dictionary(care_store *s)
{
    AV_CLEANUP(av_buf_release) av_buf dictionary = { 0 };
    uint64_t lsn = 0;

    av_buf_init(&dictionary, 4096);
    mail_make(&dictionary, 1, 0, 0);
    (void)av_buf_puts(&dictionary, "Content-Type: multipart/mixed; boundary=\"care\"\r\n\r\n--care\r\n");
    AV_CHECK_RC(av_store_put_dictionary(s->store, av_buf_span(&dictionary), &lsn, &err), AV_OK, &err);
    care_commit(s);
    AV_CHECK_RC(av_store_use_dictionary(s->store, lsn, &err), AV_OK, &err);
}

static void
fill(care_store *s)
{
    av_care_compact_result compacted;
    uint64_t erased, shared, again;

    AV_CHECK_RC(care_mailbox(s, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    AV_CHECK_RC(care_mailbox(s, 2, AV_EVENT_MAILBOX_CREATED, "Work/Reports", 2), AV_OK, &err);
    AV_CHECK_RC(care_mailbox(s, 3, AV_EVENT_MAILBOX_CREATED, "Work/\xC3\x84rger", 3), AV_OK, &err);
    shared = place_made(s, 1, 1, 7, 3000);
    erased = place_made(s, 1, 2, 8, 5000);
    (void)place_made(s, 2, 3, 7, 3000); /* the same attachment */
    care_commit(s);
    use_dictionary(s);
    for (unsigned i = 4; i < 12; i++)
        (void)place_made(s, 1 + i % 2, i, 0, 0);
    care_commit(s);
    AV_CHECK_RC(av_store_roll(s->store, &err), AV_OK, &err);
    for (unsigned i = 0; i < AV_COUNT(odd_mail); i++) {
        (void)place(s, 3, 20 + i, av_span_of((const uint8_t *)odd_mail[i].p, odd_mail[i].n), 0);
    }
    hold(s, AV_EVENT_HOLD_SET, "hold one", "tax audit", 2);
    hold(s, AV_EVENT_HOLD_SET, "hold two", "lawsuit", 0);
    care_commit(s);
    place_large(s, 50);
    AV_CHECK_RC(care_mailbox(s, 2, AV_EVENT_MAILBOX_RENAMED, "Work/Reports 2026", 4), AV_OK, &err);
    hold(s, AV_EVENT_HOLD_LIFTED, "hold two", "", 0);
    AV_CHECK_RC(care_remove(s, 1, 2), AV_OK, &err);
    AV_CHECK_RC(care_remove(s, 1, 4), AV_OK, &err);
    AV_CHECK_RC(care_remove(s, 1, 1), AV_OK, &err);
    care_commit(s);
    AV_CHECK_RC(care_erase(s, erased), AV_OK, &err);
    AV_CHECK_RC(care_compact(s, 2, &compacted), AV_OK, &err);
    AV_CHECK_INT(compacted.containers, 1);
    AV_CHECK_RC(av_store_roll(s->store, &err), AV_OK, &err);
    again = place_made(s, 2, 60, 9, 2000);
    AV_CHECK(again > shared);
    care_commit(s);
}

int
main(int argc, char **argv)
{
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    AV_CLEANUP(av_free) char *expected = NULL;
    fault_log log = { .loud = true };
    av_keyring *keyring = NULL;
    av_key recovery;
    uint8_t public_half[32];
    care_store s;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: make_store_fixture FOLDER\n");
        return 2;
    }
    AV_CHECK_RC(av_dir_make(argv[1], &err), AV_OK, &err);
    fixture_paths(&s, argv[1]);
    av_key_generate(AV_KEY_RECOVERY, &recovery);
    av_key_recovery_public(&recovery, public_half);
    AV_CHECK_RC(av_keyring_create(s.keys_dir, fixture_instance, fixture_instance_key, public_half, &keyring, &err),
        AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_add(keyring, fixture_store, &s.keys, &err), AV_OK, &err);
    s.config.keys = s.keys;
    AV_CHECK_RC(av_store_create(&s.config, &err), AV_OK, &err);
    care_open(&s);
    fill(&s);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    fixture_list(&s, &list);
    expected = av_xasprintf("%s/expected.txt", argv[1]);
    AV_CHECK_RC(av_file_replace(expected, av_buf_span(&list), 0644, &err), AV_OK, &err);
    care_close(&s);
    av_store_keys_unref(&s.keys);
    av_keyring_destroy(&keyring);
    AV_CHECK_RC(av_dir_remove(s.database, argv[1], &err), AV_OK, &err);
    return av_check_done();
}
