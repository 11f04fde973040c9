/*
 * fuzz_msg_id.c - any bytes as a field of message ids, and as the three fields that name a thread
 */
#include "storage/mime/msg_id.h"
#include "storage/mime/thread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every id can be written down as it is read, quoted where it must be, and reads the same again. */
static void
check_again(const av_buf *id)
{
    AV_CLEANUP(av_buf_release) av_buf text = { .max = 4096 };
    AV_CLEANUP(av_buf_release) av_buf back = { .max = AV_MSG_ID_MAX };
    av_msg_ids ids;

    for (size_t i = 0; i < id->n; i++)
        if (id->p[i] <= ' ' || id->p[i] == 0x7F || strchr("<>()\"\\", id->p[i]) != NULL)
            return; /* only where quotes are: the spelling is not unique */
    (void)av_buf_printf(&text, " <%.*s>,", (int)id->n, (const char *)id->p);
    ids = (av_msg_ids){ .rest = av_buf_span(&text) };
    if (!av_msg_ids_next(&ids, &back) || !av_span_eq(av_buf_span(id), av_buf_span(&back)) || ids.words ||
        av_msg_ids_next(&ids, &back))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_span in = av_span_of(data, size), first, second;
    AV_CLEANUP(av_buf_release) av_buf id = { .max = AV_MSG_ID_MAX };
    AV_CLEANUP(av_buf_release) av_buf few = { .max = 5 };
    uint8_t key[AV_THREAD_KEY_SIZE], zero[AV_THREAD_KEY_SIZE] = { 0 };
    av_msg_ids ids = { .rest = in };
    size_t before = in.n + 1;

    while (av_msg_ids_next(&ids, &id)) {
        if (id.n == 0 || id.n > AV_MSG_ID_MAX || ids.rest.n >= before)
            abort();
        before = ids.rest.n;
        check_again(&id);
    }
    if (ids.rest.n != 0)
        abort();
    ids = (av_msg_ids){ .rest = in };
    while (av_msg_ids_next(&ids, &few))
        continue;
    if (av_msg_id_own(in, &id) && id.n == 0)
        abort();
    first = av_span_slice(in, 0, av_span_find(in, '\n'));
    in = av_span_skip(in, AV_MIN(first.n + 1, in.n));
    second = av_span_slice(in, 0, av_span_find(in, '\n'));
    in = av_span_skip(in, AV_MIN(second.n + 1, in.n));
    if (av_thread_key(first, second, in, key) == (memcmp(key, zero, sizeof key) == 0))
        abort();
    return 0;
}
