/*
 * test_mailbox.c - what a client is told when its mailbox changes
 */
#include "gateway/imap/mailbox.h"
#include "tests/check.h"

typedef struct reply {
    Archivolt__SelectMailboxReply message;
    Archivolt__MailboxInfo info;
    Archivolt__UidRange ranges[4], *list[4];
    uint8_t guid[AV_IMAP_GUID_SIZE];
} reply;

/* ranges: pairs of UIDs, ended by 0. */
static const Archivolt__SelectMailboxReply *
make(reply *self, uint32_t uidvalidity, const uint32_t *ranges)
{
    archivolt__select_mailbox_reply__init(&self->message);
    archivolt__mailbox_info__init(&self->info);
    memset(self->guid, 7, sizeof self->guid);
    self->info.guid.data = self->guid;
    self->info.guid.len = sizeof self->guid;
    self->info.path = (char *)(uintptr_t) "a/b";
    self->info.uidvalidity = uidvalidity;
    self->message.mailbox = &self->info;
    self->message.uids = self->list;
    for (; *ranges != 0; ranges += 2) {
        Archivolt__UidRange *range = &self->ranges[self->message.n_uids];

        archivolt__uid_range__init(range);
        range->first = ranges[0];
        range->last = ranges[1];
        self->list[self->message.n_uids++] = range;
    }
    return &self->message;
}

static const struct {
    uint32_t before[7], after[7], uidvalidity;
    av_errc want;
    const char *said;
} cases[] = {
    { { 1, 10, 0 }, { 1, 10, 0 }, 5, AV_OK, "" },
    { { 1, 10, 0 }, { 1, 12, 0 }, 5, AV_OK, "* 12 EXISTS\r\n" },
    { { 0 }, { 1, 2, 0 }, 5, AV_OK, "* 2 EXISTS\r\n" },
    { { 1, 4, 8, 9, 0 }, { 1, 2, 4, 4, 8, 8, 0 }, 5, AV_OK, "* 6 EXPUNGE\r\n* 3 EXPUNGE\r\n" },
    { { 1, 3, 0 }, { 2, 3, 5, 5, 0 }, 5, AV_OK, "* 1 EXPUNGE\r\n* 3 EXISTS\r\n" },
    { { 1, 3, 0 }, { 0 }, 5, AV_OK, "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n" },
    { { 1, 3, 0 }, { 1, 3, 0 }, 6, AV_ERR_CONFLICT, "" },
    { { 1, 3000, 0 }, { 1, 1, 0 }, 5, AV_ERR_CONFLICT, "" },
    { { 1, 3, 0 }, { 3, 2, 0 }, 5, AV_ERR_CORRUPT, "" },
};

static void
test_updates(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_imap_mailbox_destroy) av_imap_mailbox *mailbox = NULL;
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        reply message = { 0 };
        av_error err;

        av_check_row = (long)i;
        av_buf_init(&out, 4096);
        AV_CHECK_RC(av_imap_mailbox_new(make(&message, 5, cases[i].before), &mailbox, &err), AV_OK, &err);
        if (mailbox == NULL)
            continue;
        AV_CHECK_RC(av_imap_mailbox_update(mailbox, make(&message, cases[i].uidvalidity, cases[i].after), &out, &err),
            cases[i].want, &err);
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].said);
    }
}

int
main(void)
{
    AV_RUN(test_updates);
    return av_check_done();
}
