/*
 * message_id.c - see message_id.h
 */
#include "storage/meta/message_id.h"

#include "base/encode.h"

void
av_message_id_format(const uint8_t *digest, char ret[AV_MESSAGE_ID_TEXT + 1])
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, AV_MESSAGE_ID_TEXT);
    (void)av_buf_putc(&text, 'M');
    (void)av_base64url_encode(av_span_of(digest, AV_MESSAGE_ID_BYTES), &text);
    assert(text.n == AV_MESSAGE_ID_TEXT);
    memcpy(ret, av_buf_cstr(&text), AV_MESSAGE_ID_TEXT + 1);
}

bool
av_message_id_parse(av_span text, uint8_t ret[AV_MESSAGE_ID_BYTES])
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    char again[AV_MESSAGE_ID_TEXT + 1];

    av_buf_init(&bytes, AV_MESSAGE_ID_BYTES + 2);
    if (text.n != AV_MESSAGE_ID_TEXT || text.p[0] != 'M' || !av_base64url_decode(av_span_skip(text, 1), &bytes) ||
        bytes.n != AV_MESSAGE_ID_BYTES)
        return false;
    av_message_id_format(bytes.p, again); /* one id, one spelling: the decoder takes other alphabets, too */
    if (!av_span_eq_str(text, again))
        return false;
    memcpy(ret, bytes.p, AV_MESSAGE_ID_BYTES);
    return true;
}
