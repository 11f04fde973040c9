/*
 * fuzz_imap_answer.c - any bytes as an instance's answer to a search: it is refused, or told whole and bounded
 *
 * First byte: kind, UIDs or numbers, RETURN options; the rest is the packed answer.
 */
#include "gateway/imap/search_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define OUT_MAX (1U << 20)

static void
tell(av_imap_answer *answer, size_t most)
{
    AV_CLEANUP(av_free) av_query_range *saved = NULL;
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    size_t count = 0;

    av_buf_init(&out, OUT_MAX);
    av_imap_answer_saved(answer, &saved, &count);
    for (size_t i = 0; i < count; i++)
        assert(saved[i].first <= saved[i].last && (i == 0 || saved[i].first > saved[i - 1].last));
    while (!av_imap_answer_write(answer, &out, most)) {
        if (out.n > OUT_MAX / 2) /* a range of many millions, one by one: seen enough */
            return;
    }
    assert(out.n == 0 || (out.n > 2 && out.p[out.n - 1] == '\n'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const av_query_range there[] = { { 1, 70 }, { 90, 91 }, { 1000, 5000 } };
    Archivolt__SearchMailboxReply reply = ARCHIVOLT__SEARCH_MAILBOX_REPLY__INIT;
    av_imap_uids uids = { 0 };
    av_imap_answer answer = { .tag = "a", .uids = &uids };
    ProtobufCBinaryData bytes;
    av_error err;

    if (n < 3 || n > 4096)
        return 0;
    assert(av_imap_uids_set(&uids, there, AV_COUNT(there)));
    answer.kind = (av_imap_answer_kind)(data[0] % 3);
    answer.by_uid = (data[0] & 4) != 0;
    answer.tell_modseq = (data[0] & 8) != 0;
    answer.returns = (av_imap_return){ .given = (data[0] & 16) != 0, .options = data[1] % 64U, .first = 2, .last = 5 };
    answer.returns.from_end = (data[0] & 32) != 0;
    answer.extended = answer.returns.given && answer.kind != AV_IMAP_ANSWER_THREAD;
    bytes = (ProtobufCBinaryData){ n - 3, (uint8_t *)(uintptr_t)(data + 3) };
    reply.uids = reply.sorted = reply.threads = bytes;
    reply.count = data[2];
    if (av_imap_answer_take(&answer, &reply, &err) == AV_OK)
        tell(&answer, 1 + data[1]);
    av_imap_answer_release(&answer);
    av_imap_uids_release(&uids);
    return 0;
}
