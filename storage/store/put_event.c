/*
 * put_event.c - events, gathered into one record
 */
#include "storage/container/tlv.h"
#include "storage/store/store_priv.h"

#define GATHER (256U * 1024)

av_errc
store_flush_events(av_store *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf plain = { 0 };
    uint64_t lsn = 0;
    uint8_t codec = AV_CODEC_RAW;
    uint32_t count = self->event_count;
    av_span list = av_buf_span(&self->events), packed;
    av_errc rc;

    if (list.n == 0)
        return AV_OK;
    av_buf_init(&plain, AV_EVENTS_LIST_MAX + 1);
    rc = store_pack(self, list, STORE_PACK_PLAIN, &packed, &codec, err);
    if (rc == AV_OK && (!av_buf_put_u8(&plain, codec) || !av_buf_append_span(&plain, packed)))
        rc = av_error_set(err, AV_ERR_NOMEM, "no memory for events");
    if (rc == AV_OK)
        rc = store_record_begin(self, AV_RECORD_EVENTS, 0, plain.n + AV_SEAL_TAG, err);
    if (rc == AV_OK)
        rc = store_record_piece(self, 0, true, av_buf_span(&plain), err);
    if (rc == AV_OK)
        rc = store_record_end(self, &lsn, err);
    if (rc != AV_OK)
        return rc;
    self->group.events += count;
    self->event_count = 0;
    av_buf_clear(&self->events);
    return AV_OK;
}

av_errc
av_store_put_event(av_store *self, av_span body, av_error *err)
{
    av_errc rc = store_writable(self, err);

    if (rc != AV_OK)
        return rc;
    if (body.n == 0 || body.n > AV_STORE_EVENT_MAX - 64)
        return av_error_set(
            err, AV_ERR_LIMIT, "an event of %zu bytes is more than %u", body.n, AV_STORE_EVENT_MAX - 64);
    if (self->at + STORE_GROUP_ROOM > UINT32_MAX && self->events.n + body.n + 5 > AV_EVENTS_LIST_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "the group is too large for one container: commit it first");
    if (self->events.n + body.n + 5 > AV_EVENTS_LIST_MAX ||
        (self->events.n >= GATHER && self->at + STORE_GROUP_ROOM <= UINT32_MAX))
        rc = store_flush_events(self, err);
    if (rc != AV_OK)
        return rc;
    if (!av_varint_put(&self->events, (uint32_t)body.n) || !av_buf_append_span(&self->events, body)) {
        self->group.spoiled = true;
        return av_error_set(err, AV_ERR_NOMEM, "no memory for events");
    }
    self->event_count++;
    return AV_OK;
}
