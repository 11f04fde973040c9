/*
 * test_mailbox.c - what a client is told when its mailbox changes
 */
#include "gateway/imap/mailbox.h"
#include "storage/container/tlv.h"
#include "tests/check.h"

typedef struct reply {
    Archivolt__SelectMailboxReply message;
    Archivolt__MailboxInfo info;
    uint8_t guid[AV_IMAP_GUID_SIZE], wire[64];
} reply;

/* ranges: pairs of UIDs, ended by 0. */
static const Archivolt__SelectMailboxReply *
make(reply *self, uint32_t uidvalidity, uint32_t from, const uint32_t *ranges)
{
    uint32_t before = 0;

    memset(self, 0, sizeof *self);
    archivolt__select_mailbox_reply__init(&self->message);
    archivolt__mailbox_info__init(&self->info);
    memset(self->guid, 7, sizeof self->guid);
    self->info.guid.data = self->guid;
    self->info.guid.len = sizeof self->guid;
    self->info.path = (char *)(uintptr_t) "a/b";
    self->info.uidvalidity = uidvalidity;
    self->message.mailbox = &self->info;
    self->message.uids_from = from;
    self->message.uids.data = self->wire;
    for (; *ranges != 0; before = ranges[1], ranges += 2) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };

        av_buf_init(&out, 20);
        (void)av_var_put(&out, ranges[0] - before - 1);
        (void)av_var_put(&out, ranges[1] - ranges[0]);
        memcpy(self->wire + self->message.uids.len, out.p, out.n);
        self->message.uids.len += out.n;
        self->info.uidnext = ranges[1] + 1;
    }
    return &self->message;
}

static const struct {
    uint32_t before[7], after[7], uidvalidity;
    av_errc want;
    const char *said, *vanished; /* without and with QRESYNC; NULL: the same */
} cases[] = {
    { { 1, 10, 0 }, { 1, 10, 0 }, 5, AV_OK, "", NULL },
    { { 1, 10, 0 }, { 1, 12, 0 }, 5, AV_OK, "* 12 EXISTS\r\n", NULL },
    { { 0 }, { 1, 2, 0 }, 5, AV_OK, "* 2 EXISTS\r\n", NULL },
    { { 1, 4, 8, 9, 0 }, { 1, 2, 4, 4, 8, 8, 0 }, 5, AV_OK, "* 6 EXPUNGE\r\n* 3 EXPUNGE\r\n", "* VANISHED 3,9\r\n" },
    { { 1, 3, 0 }, { 2, 3, 5, 5, 0 }, 5, AV_OK, "* 1 EXPUNGE\r\n* 3 EXISTS\r\n", "* VANISHED 1\r\n* 3 EXISTS\r\n" },
    { { 1, 3, 0 }, { 0 }, 5, AV_OK, "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n", "* VANISHED 1:3\r\n" },
    { { 1, 3, 0 }, { 1, 3, 0 }, 6, AV_ERR_CONFLICT, "", NULL },
    { { 1, 1, 9, 9, 0 }, { 1, 1, 5, 5, 9, 9, 0 }, 5, AV_ERR_CONFLICT, "", NULL }, /* came back in between */
    { { 1, 30000, 0 }, { 1, 1, 0 }, 5, AV_ERR_CONFLICT, "", "* VANISHED 2:30000\r\n" },
    { { 1, 3, 0 }, { 3, 2, 0 }, 5, AV_ERR_CORRUPT, "", NULL },
};

static void
test_update(size_t i, bool vanished)
{
    AV_CLEANUP(av_imap_mailbox_destroy) av_imap_mailbox *mailbox = NULL;
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    bool differs = vanished && cases[i].vanished != NULL;
    reply message;
    av_error err;
    av_errc want = differs ? AV_OK : cases[i].want;

    av_check_row = (long)i;
    av_buf_init(&out, 4096);
    AV_CHECK_RC(av_imap_mailbox_new(make(&message, 5, 1, cases[i].before), NULL, &mailbox, &err), AV_OK, &err);
    if (mailbox == NULL)
        return;
    AV_CHECK_RC(av_imap_mailbox_update(
                    mailbox, make(&message, cases[i].uidvalidity, 1, cases[i].after), mailbox, vanished, &out, &err),
        want, &err);
    AV_CHECK_STR(av_buf_cstr(&out), differs ? cases[i].vanished : cases[i].said);
}

static void
test_updates(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        test_update(i, false);
        test_update(i, true);
    }
}

/* An answer that leaves out what was known; sessions that know the same share it. */
static void
test_goes_on(void)
{
    static const uint32_t before[] = { 1, 4, 8, 9, 0 }, after[] = { 10, 11, 0 }, nothing[] = { 0 };
    AV_CLEANUP(av_imap_mailbox_destroy) av_imap_mailbox *mailbox = NULL, *other = NULL, *third = NULL;
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    reply message;
    av_error err;

    av_buf_init(&out, 4096);
    AV_CHECK_RC(av_imap_mailbox_new(make(&message, 5, 1, before), NULL, &mailbox, &err), AV_OK, &err);
    other = av_imap_mailbox_copy(mailbox);
    AV_CHECK(other->uids.runs == mailbox->uids.runs);
    AV_CHECK_RC(av_imap_mailbox_update(mailbox, make(&message, 5, 10, after), other, false, &out, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&out), "* 8 EXISTS\r\n");
    AV_CHECK_INT(other->uids.count, 6);
    av_buf_clear(&out);
    (void)make(&message, 5, 12, nothing);
    message.info.uidnext = 12;
    AV_CHECK_RC(av_imap_mailbox_update(other, &message.message, mailbox, false, &out, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&out), "* 8 EXISTS\r\n");
    AV_CHECK(other->uids.runs == mailbox->uids.runs);
    AV_CHECK_INT(other->uidnext, 12);
    AV_CHECK_RC(av_imap_mailbox_new(&message.message, NULL, &third, &err), AV_ERR_CORRUPT, &err); /* knew nothing */
}

static void
test_vanished(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_query_range ranges[3000];

    av_buf_init(&out, 1U << 20);
    av_imap_vanished_write(NULL, 0, true, &out);
    AV_CHECK_INT(out.n, 0);
    for (uint32_t i = 0; i < AV_COUNT(ranges); i++)
        ranges[i] = (av_query_range){ 100000 + 3 * i, 100000 + 3 * i + i % 2 };
    av_imap_vanished_write(ranges, 3, true, &out);
    AV_CHECK_STR(av_buf_cstr(&out), "* VANISHED (EARLIER) 100000,100003:100004,100006\r\n");
    av_buf_clear(&out);
    av_imap_vanished_write(ranges, AV_COUNT(ranges), false, &out);
    AV_CHECK(strstr(av_buf_cstr(&out), "\r\n* VANISHED 1") != NULL && strstr(av_buf_cstr(&out), ",\r") == NULL);
}

int
main(void)
{
    AV_RUN(test_updates);
    AV_RUN(test_goes_on);
    AV_RUN(test_vanished);
    return av_check_done();
}
