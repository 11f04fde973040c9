/*
 * reading.c - GetMessage: a message by its id, byte for byte as it arrived
 *
 * An id that is unknown, malformed, or stands only in mailboxes the user may not read gives one and the same answer.
 */
#include "actors/instance/folders.h"
#include "actors/instance/instance_priv.h"

typedef struct message {
    av_instance *in;
    char *user;
    const Archivolt__GetMessageRequest *body; /* lives until the request is answered */
    const av_open_store *store;               /* of the reader; held */
    av_store_reader *reader;
    uint64_t at, size;
    Archivolt__GetMessageReply reply;
} message;

static av_errc
no_message(av_error *err)
{
    return av_error_set(err, AV_ERR_NOT_FOUND, "there is no such message");
}

static av_errc
find(message *m, av_placement *ret, av_error *err)
{
    AV_CLEANUP(av_look_release) av_look look = { 0 };
    AV_CLEANUP(av_catalog_iter_destroy) av_catalog_iter *it = NULL;
    uint8_t id[AV_MESSAGE_ID_BYTES];
    av_errc rc = av_look_init(&look, m->in->archive, m->user, err);

    if (rc != AV_OK)
        return rc;
    if (!av_message_id_parse(av_span_str(m->body->id), id))
        return no_message(err);
    it = av_catalog_by_id(m->in->archive->catalog, look.catalog, id);
    while (av_catalog_next_placement(it, ret)) {
        if (av_rights_may_read_guid(look.rights, look.catalog, ret->guid)) {
            av_catalog_iter_destroy(&it);
            return AV_OK;
        }
    }
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it); /* before the view it walks in */
    return rc != AV_OK ? rc : no_message(err);
}

static av_errc
open_message(message *m, av_error *err)
{
    av_placement placement = { 0 };
    av_errc rc = find(m, &placement, err);

    if (rc != AV_OK)
        return rc;
    rc = av_stores_use(m->in->archive->stores, placement.store, &m->store, err);
    if (rc == AV_OK)
        rc = av_store_reader_open(m->store->store, placement.content_lsn, &m->reader, err);
    if (rc != AV_OK) {
        atomic_fetch_add(&m->in->unreadable, 1);
        return rc;
    }
    m->size = av_store_reader_size(m->reader);
    m->reply.size = m->size;
    m->reply.sha256.data = (uint8_t *)(uintptr_t)av_store_reader_digest(m->reader);
    m->reply.sha256.len = AV_SHA256_SIZE;
    return AV_OK;
}

static av_errc
make(void *ctx, av_buf *out, bool *more, av_error *err)
{
    message *m = ctx;
    size_t n, got = 0;
    uint8_t *room;
    av_errc rc = m->reader == NULL ? open_message(m, err) : AV_OK;

    if (rc != AV_OK)
        return rc;
    n = (size_t)AV_MIN((uint64_t)out->max, m->size - m->at);
    room = av_buf_reserve(out, n);
    assert(room != NULL);
    rc = n == 0 ? AV_OK : av_store_reader_read(m->reader, m->at, room, n, &got, err);
    if (rc == AV_OK && got < n)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the message is shorter than its record says");
    out->n = got;
    m->at += got;
    *more = m->at < m->size;
    return rc;
}

static const ProtobufCMessage *
reply(void *ctx)
{
    return &((message *)ctx)->reply.base;
}

static void
release(void *ctx)
{
    message *m = ctx;

    av_store_reader_close(&m->reader);
    av_stores_done(m->in->archive->stores, &m->store);
    free(m->user);
    free(m);
}

static const av_feed_ops ops = { make, reply, release };

static void
on_get_message(void *self, av_request *request, const ProtobufCMessage *body)
{
    av_instance *in = self;
    message *m;

    if (!av_instance_admit(in, request, in->readers))
        return;
    m = av_xcalloc(1, sizeof *m);
    m->in = in;
    m->user = av_xstrdup(((const av_session *)av_request_session(request))->user);
    m->body = (const Archivolt__GetMessageRequest *)body;
    archivolt__get_message_reply__init(&m->reply);
    av_feed_run(av_feed_new(in, request, &ops, m));
}

void
av_reading_serve(av_instance *self)
{
    static const av_handler handlers[] = { { "archivolt.Archive.GetMessage", on_get_message } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
    av_fetch_serve(self);
}
