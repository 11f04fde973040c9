/*
 * test_messages.c - GetMessages: the messages of one folder, page by page, with their checksums
 */
#include "actors/instance/messages.h"
#include "base/encode.h"
#include "proto/instance.pb-c.h"
#include "tests/actors/instance/rig.h"

#define MESSAGES 120

static av_span
body_of(unsigned i, av_buf *buf)
{
    av_buf_clear(buf);
    (void)av_buf_printf(buf, "From: a@example.org\nSubject: secret %u\n\nbody %u\n", i, i);
    return av_buf_span(buf);
}

static void
fill(rig *r)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };
    av_intake *intake = rig_intake(r, 1);
    av_error err = { 0 };
    unsigned i;

    av_buf_init(&stream, 1 << 20);
    av_buf_init(&body, 4096);
    for (i = 1; i <= MESSAGES; i++)
        rig_put(&stream, &(rig_item){ .number = i,
                             .folder = i % 3 == 0 ? "In" : NULL,
                             .bytes = body_of(i, &body),
                             .received_ms = 1600000000000 });
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    av_intake_destroy(&intake);
}

/* The reply is in ret; release it. */
static av_errc
list(rig *r, const char *folder, uint32_t after, uint32_t limit, av_ask *ret, av_error *err)
{
    Archivolt__GetMessagesRequest body = ARCHIVOLT__GET_MESSAGES_REQUEST__INIT;
    av_errc rc;

    body.instance_id = (char *)(uintptr_t) "demo";
    body.folder = (char *)(uintptr_t)folder;
    body.has_after_uid = after != 0;
    body.after_uid = after;
    body.has_limit = limit != 0;
    body.limit = limit;
    *ret = (av_ask){ .archive = r->archive, .body = &body.base, .caller = "cli/op" };
    rc = av_messages_list(ret, err);
    ret->body = NULL;
    return rc;
}

static void
check_row(const Archivolt__MessageIdentity *row, unsigned number, uint32_t uid)
{
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };
    uint8_t digest[32];
    char hex[65], id[AV_MESSAGE_ID_TEXT + 1];

    av_buf_init(&body, 4096);
    av_sha256(body_of(number, &body), digest);
    av_hex_encode(av_span_of(digest, sizeof digest), hex);
    av_message_id_format(digest, id);
    AV_CHECK_STR(row->sha256, hex);
    AV_CHECK_STR(row->id, id);
    AV_CHECK_INT(row->size, body.n);
    AV_CHECK_INT(row->uid, uid);
    AV_CHECK_STR(row->folder, "alice/In");
    AV_CHECK_STR(row->received, "2020-09-13T12:26:40");
}

static void
test_pages(void)
{
    const Archivolt__GetMessagesReply *reply;
    uint32_t after = 0, n = 0;
    bool more = true;
    av_ask ask;
    av_error err = { 0 };
    size_t i;
    rig r;

    rig_new(&r);
    fill(&r);
    while (more) {
        AV_CHECK_RC(list(&r, "alice/In", after, 7, &ask, &err), AV_OK, &err);
        reply = (const Archivolt__GetMessagesReply *)ask.reply;
        AV_CHECK(reply->n_messages <= 7);
        for (i = 0; i < reply->n_messages; i++, n++)
            check_row(reply->messages[i], 3 * (n + 1), n + 1);
        more = reply->n_messages > 0;
        if (more)
            after = reply->messages[reply->n_messages - 1]->uid;
        av_ask_release(&ask);
    }
    AV_CHECK_INT(n, MESSAGES / 3);
    AV_CHECK_RC(list(&r, "alice", 0, 0, &ask, &err), AV_OK, &err);
    AV_CHECK_INT(((const Archivolt__GetMessagesReply *)ask.reply)->n_messages, MESSAGES - MESSAGES / 3);
    av_ask_release(&ask);
    AV_CHECK_RC(list(&r, "alice", UINT32_MAX, 0, &ask, &err), AV_OK, &err);
    AV_CHECK_INT(((const Archivolt__GetMessagesReply *)ask.reply)->n_messages, 0);
    av_ask_release(&ask);
    rig_end(&r);
}

static void
test_refused(void)
{
    av_ask ask;
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    fill(&r);
    AV_CHECK_INT(list(&r, "alice/in", 0, 0, &ask, &err), AV_ERR_NOT_FOUND); /* exactly */
    av_ask_release(&ask);
    AV_CHECK_INT(list(&r, "", 0, 0, &ask, &err), AV_ERR_NOT_FOUND);
    av_ask_release(&ask);
    AV_CHECK_INT(list(&r, "alice/In", 0, AV_MESSAGES_LIMIT_MAX + 1, &ask, &err), AV_ERR_LIMIT);
    av_ask_release(&ask);
    rig_end(&r);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_pages);
    AV_RUN(test_refused);
    return av_check_done();
}
