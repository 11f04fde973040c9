/*
 * thread_id.c - see thread_id.h
 */
#include "storage/meta/thread_id.h"

#include "base/encode.h"

void
av_thread_id_format(const uint8_t thread[AV_THREAD_ID_BYTES], char ret[AV_THREAD_ID_TEXT + 1])
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, AV_THREAD_ID_TEXT + 2); /* the encoder makes room for padding */
    (void)av_buf_putc(&text, 'T');
    (void)av_base64url_encode(av_span_of(thread, AV_THREAD_ID_BYTES), &text);
    assert(text.n == AV_THREAD_ID_TEXT);
    memcpy(ret, av_buf_cstr(&text), AV_THREAD_ID_TEXT + 1);
}

bool
av_thread_id_parse(av_span text, uint8_t ret[AV_THREAD_ID_BYTES])
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    char again[AV_THREAD_ID_TEXT + 1];

    av_buf_init(&bytes, AV_THREAD_ID_BYTES + 2);
    if (text.n != AV_THREAD_ID_TEXT || text.p[0] != 'T' || !av_base64url_decode(av_span_skip(text, 1), &bytes) ||
        bytes.n != AV_THREAD_ID_BYTES)
        return false;
    av_thread_id_format(bytes.p, again); /* one id, one spelling */
    if (!av_span_eq_str(text, again))
        return false;
    memcpy(ret, bytes.p, AV_THREAD_ID_BYTES);
    return true;
}
