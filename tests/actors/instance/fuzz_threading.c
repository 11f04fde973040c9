/*
 * fuzz_threading.c - any bytes as messages that refer to each other: each is in the threads once; and as an ENVELOPE
 */
#include "actors/instance/envelope_read.h"
#include "actors/instance/threading.h"
#include "storage/index/uid_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 200, REFS = 8 };

static void
check(const av_threading_input *in, av_span threads)
{
    bool seen[MOST + 1] = { false };
    av_uid_list list = { 0 };
    uint32_t uid, children;
    uint64_t open = 0;
    size_t count = 0;

    while (av_uid_list_take_node(&list, &threads, &uid, &children)) {
        assert(uid <= in->n && !(uid != 0 && seen[uid]) && (uid != 0 || (open == 0 && children > 1)));
        seen[uid] = true;
        count += uid != 0;
        open = open == 0 ? children : open - 1 + children;
    }
    assert(threads.n == 0 && open == 0 && count == in->n);
}

static void
as_messages(av_span data)
{
    av_threading_message messages[MOST];
    uint64_t ids[MOST * REFS];
    av_threading_input in = { .messages = messages, .ids = ids };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    size_t id_count = 0;
    av_error err;

    while (data.n >= 3 && in.n < MOST) { /* own id, subject and date, number of references; then these */
        av_threading_message *m = &messages[in.n++];
        size_t refs = AV_MIN((size_t)(data.p[2] % REFS), data.n - 3);

        *m = (av_threading_message){ .uid = (uint32_t)in.n,
            .own = data.p[0],
            .subject = data.p[1] % 8 == 0 ? AV_THREADING_NO_SUBJECT : data.p[1] % 8,
            .date_unix_s = data.p[1] / 8,
            .is_reply = data.p[2] >= 128,
            .ids = id_count,
            .id_count = (uint32_t)refs };
        for (size_t i = 0; i < refs; i++)
            ids[id_count++] = 1U + data.p[3 + i];
        data = av_span_skip(data, 3 + refs);
    }
    av_buf_init(&out, 1 << 16);
    assert(av_threading_references(&in, &out, &err) == AV_OK);
    check(&in, av_buf_span(&out));
    av_buf_clear(&out);
    assert(av_threading_subjects(&in, &out, &err) == AV_OK);
    check(&in, av_buf_span(&out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const av_envelope_field fields[] = { AV_ENVELOPE_FROM, AV_ENVELOPE_TO, AV_ENVELOPE_CC };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_span in = av_span_of(data, size);

    av_buf_init(&out, 512);
    for (size_t i = 0; i < AV_COUNT(fields) * 2; i++) {
        av_buf_clear(&out);
        av_envelope_sort_text(in, fields[i / 2], i % 2 != 0, &out);
    }
    as_messages(in);
    return 0;
}
