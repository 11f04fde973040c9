/*
 * outbox.c - replies of the broker over 64 KB: sent as chunks under the caller's credit, then closed by the reply
 *
 * Only a snapshot or a list of peers of a large node gets here. A handful at once; each holds its packed bytes until
 * the caller has taken them, has cancelled, is gone, or made no progress for 30 s.
 */
#include "actors/bus/envelope.h"
#include "base/clock.h"
#include "base/encode.h"
#include "broker/router_priv.h"

#define PARCELS     8
#define PROGRESS_MS 30000

struct parcel {
    bool used;
    uint32_t to; /* connection number */
    char name[AV_ACTOR_NAME_MAX + 1];
    uint64_t correlation, credit, sent;
    av_buf bytes;
    int64_t progress_ms;
};

struct av_outbox {
    struct parcel parcels[PARCELS];
};

av_outbox *
av_outbox_new(void)
{
    return av_xcalloc(1, sizeof(av_outbox));
}

static void
clear(struct parcel *parcel)
{
    av_buf_release(&parcel->bytes);
    *parcel = (struct parcel){ .used = false };
}

void
av_outbox_destroy(av_outbox **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < PARCELS; i++)
        clear(&(*self)->parcels[i]);
    free(*self);
    *self = NULL;
}

static bool
send_envelope(av_router *router, av_peer *to, const Archivolt__Envelope *envelope, av_span blob)
{
    av_buf packed;
    bool sent;

    av_buf_init(&packed, AV_FRAMES_ENVELOPE_MAX);
    sent = av_envelope_pack(envelope, &packed) && av_forward_has_room(router, to, blob.n) &&
           av_forward_send_bytes(router, to, av_buf_span(&packed), blob) == AV_SEND_OK;
    av_buf_release(&packed);
    return sent;
}

static bool
send_end(av_router *router, av_peer *to, const struct parcel *parcel)
{
    Archivolt__StreamEnd end = ARCHIVOLT__STREAM_END__INIT;
    Archivolt__Envelope envelope;
    uint8_t digest[AV_SHA256_SIZE];

    av_sha256(av_buf_span(&parcel->bytes), digest);
    end.bytes = parcel->bytes.n;
    end.sha256.data = digest;
    end.sha256.len = sizeof digest;
    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_REPLY, parcel->correlation);
    envelope.has_body_in_stream = true;
    envelope.body_in_stream = true;
    envelope.end = &end;
    return send_envelope(router, to, &envelope, av_span_str(""));
}

/* Send what credit and room allow; clears the parcel when it is done or its receiver is gone. */
static void
pump(av_router *router, struct parcel *parcel)
{
    av_peer *to = av_peers_by_connection(router->peers, parcel->to, av_span_str(parcel->name));
    Archivolt__Envelope envelope;
    size_t n;

    while (to != NULL && parcel->sent < parcel->bytes.n) {
        n = AV_MIN(parcel->bytes.n - parcel->sent, AV_FRAMES_BLOB_MAX);
        if (parcel->credit < parcel->sent + n)
            n = parcel->credit <= parcel->sent ? 0 : parcel->credit - parcel->sent;
        if (n == 0)
            return;
        av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_CHUNK, parcel->correlation);
        envelope.has_from_caller = true;
        envelope.from_caller = false;
        envelope.has_offset = true;
        envelope.offset = parcel->sent;
        if (!send_envelope(router, to, &envelope, av_span_of(parcel->bytes.p + parcel->sent, n)))
            return;
        parcel->sent += n;
        parcel->progress_ms = av_clock_mono_ms();
    }
    if (to == NULL || send_end(router, to, parcel))
        clear(parcel);
}

bool
av_outbox_add(av_router *router, const av_peer *to, uint64_t correlation, uint64_t credit, av_buf *bytes_take)
{
    for (size_t i = 0; i < PARCELS; i++) {
        struct parcel *parcel = &router->outbox->parcels[i];

        if (parcel->used)
            continue;
        parcel->used = true;
        parcel->to = to->id;
        (void)snprintf(parcel->name, sizeof parcel->name, "%.*s", (int)to->name_n, to->stamp);
        parcel->correlation = correlation;
        parcel->credit = credit;
        parcel->bytes = *bytes_take;
        av_buf_init(bytes_take, 0);
        parcel->progress_ms = av_clock_mono_ms();
        pump(router, parcel);
        return true;
    }
    return false;
}

static struct parcel *
find(av_outbox *self, const av_peer *from, uint64_t correlation)
{
    for (size_t i = 0; i < PARCELS; i++)
        if (self->parcels[i].used && self->parcels[i].to == from->id && self->parcels[i].correlation == correlation)
            return &self->parcels[i];
    return NULL;
}

void
av_outbox_credit(av_router *router, const av_peer *from, uint64_t correlation, uint64_t credit)
{
    struct parcel *parcel = find(router->outbox, from, correlation);

    if (parcel == NULL || credit <= parcel->credit)
        return;
    parcel->credit = credit;
    pump(router, parcel);
}

void
av_outbox_cancel(av_router *router, const av_peer *from, uint64_t correlation)
{
    struct parcel *parcel = find(router->outbox, from, correlation);

    if (parcel != NULL)
        clear(parcel);
}

void
av_outbox_tick(av_router *router, int64_t now_ms)
{
    for (size_t i = 0; i < PARCELS; i++) {
        struct parcel *parcel = &router->outbox->parcels[i];

        if (!parcel->used)
            continue;
        pump(router, parcel);
        if (parcel->used && now_ms - parcel->progress_ms > PROGRESS_MS)
            clear(parcel);
    }
}
