/*
 * fields.c - the well-known fields of a message header in one pass (mime_priv.h)
 */
#include "storage/mime/mime_priv.h"

#include "storage/mime/header.h"

static const char *const field_names[MIME_FIELD_COUNT] = {
    [MIME_DATE] = "date",
    [MIME_SUBJECT] = "subject",
    [MIME_FROM] = "from",
    [MIME_SENDER] = "sender",
    [MIME_REPLY_TO] = "reply-to",
    [MIME_TO] = "to",
    [MIME_CC] = "cc",
    [MIME_BCC] = "bcc",
    [MIME_IN_REPLY_TO] = "in-reply-to",
    [MIME_MESSAGE_ID] = "message-id",
    [MIME_REFERENCES] = "references",
};

void
mime_fields_collect(av_span header, av_span ret[MIME_FIELD_COUNT])
{
    bool seen[MIME_FIELD_COUNT] = { false };
    av_header_field field;

    memset(ret, 0, MIME_FIELD_COUNT * sizeof *ret);
    while (av_header_next(&header, &field)) {
        for (size_t i = 0; i < MIME_FIELD_COUNT; i++) {
            if (seen[i] || (field.name.p[0] | 0x20) != field_names[i][0] ||
                !av_span_ieq_str(field.name, field_names[i]))
                continue;
            seen[i] = true;
            ret[i] = av_span_trim(field.value);
        }
    }
}
