/*
 * object_id.c - see object_id.h
 */
#include "gateway/imap/object_id.h"

#include "base/encode.h"

#define GUID_BYTES 16

av_imap_mailbox_id
av_imap_mailbox_id_of(const uint8_t *guid)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_imap_mailbox_id ret = { 0 };

    av_buf_init(&out, 64);
    (void)av_buf_putc(&out, 'F');
    (void)av_base64url_encode(av_span_of(guid, GUID_BYTES), &out);
    assert(out.n == AV_IMAP_MAILBOX_ID_TEXT);
    memcpy(ret.text, out.p, out.n);
    return ret;
}
