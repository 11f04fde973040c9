/*
 * mailbox_search.c - Archive.SearchMailbox: the UIDs of one mailbox that match a query tree
 *
 * Sizes mean the CRLF view, as IMAP shows it. A message that cannot be read cannot be said to match: it is left out and
 * logged.
 */
#include "actors/instance/folders.h"
#include "actors/instance/instance_priv.h"
#include "actors/instance/probe.h"
#include "actors/instance/uid_set.h"
#include "storage/index/query_wire.h"

#define BLOCK_MESSAGES 32 /* in one step */

typedef struct search {
    av_job job;
    av_instance *in;
    av_request *request;
    const Archivolt__SearchMailboxRequest *body; /* lives until the request is answered */
    char *user;
    av_look look;
    av_mailbox mailbox;
    av_matcher *matcher;
    av_probe probe;
    av_uid_set uids;
    bool opened;
    atomic_bool gone;
    av_catalog_iter *it;
    Archivolt__SearchMailboxReply *reply;
    av_errc rc;
    av_error err;
} search;

static void
search_free(search *s)
{
    if (s->opened)
        av_probe_release(&s->probe);
    if (s->reply != NULL)
        protobuf_c_message_free_unpacked(&s->reply->base, NULL);
    av_catalog_iter_destroy(&s->it);
    av_matcher_destroy(&s->matcher);
    av_uid_set_release(&s->uids);
    av_look_release(&s->look);
    free(s->user);
    free(s);
}

static av_errc
open_search(search *s, av_error *err)
{
    av_query *tree = NULL;
    av_errc rc = av_query_decode(av_span_of(s->body->tree.data, s->body->tree.len), NULL, &tree, err);

    if (rc == AV_OK)
        rc = av_matcher_new(tree, &s->matcher, err);
    av_query_destroy(&tree);
    if (rc == AV_OK)
        rc = av_uid_set_init(&s->uids, s->body->uids, s->body->n_uids, err);
    if (rc == AV_OK)
        rc = av_look_init(&s->look, s->in->archive, s->user, err);
    if (rc == AV_OK)
        rc = av_look_mailbox(&s->look, av_span_of(s->body->mailbox.data, s->body->mailbox.len), &s->mailbox, err);
    if (rc != AV_OK)
        return rc;
    av_probe_init(&s->probe, s->in->archive, s->matcher);
    s->opened = true;
    s->reply = av_reply_new(&archivolt__search_mailbox_reply__descriptor);
    s->it = av_catalog_placements(s->look.catalog, s->mailbox.guid, 1, UINT32_MAX);
    return AV_OK;
}

static void
test_one(search *s, const av_placement *placement)
{
    av_probe_place place = { av_span_of(s->mailbox.path, s->mailbox.path_n), s->mailbox.uidnext - 1, true };

    switch (av_probe_test(&s->probe, s->look.catalog, placement, &place)) {
    case AV_PROBE_YES:
        av_uid_ranges_add(&s->reply->uids, &s->reply->n_uids, placement->uid);
        s->reply->count++;
        break;
    case AV_PROBE_UNREADABLE:
        atomic_fetch_add(&s->in->unreadable, 1);
        break;
    case AV_PROBE_NO:
        break;
    }
}

static av_step
on_step(av_job *job)
{
    search *s = AV_CONTAINER(job, search, job);
    av_placement placement;
    unsigned i;

    if (!s->opened)
        s->rc = open_search(s, &s->err);
    if (s->rc != AV_OK || atomic_load(&s->gone))
        return AV_STEP_DONE;
    for (i = 0; i < BLOCK_MESSAGES; i++) {
        if (!av_catalog_next_placement(s->it, &placement)) {
            s->rc = av_catalog_iter_error(s->it, &s->err);
            return AV_STEP_DONE;
        }
        if (s->body->n_uids == 0 || av_uid_set_has(&s->uids, placement.uid))
            test_one(s, &placement);
    }
    return AV_STEP_AGAIN;
}

static void
on_done(av_job *job)
{
    search *s = AV_CONTAINER(job, search, job);

    av_instance_touch(s->in);
    s->in->answered++;
    if (job->dropped)
        av_request_failf(s->request, AV_ERR_UNAVAILABLE, "the instance is stopping");
    else if (s->rc != AV_OK)
        av_request_fail(s->request, &s->err);
    else if (atomic_load(&s->gone))
        av_request_failf(s->request, AV_ERR_CANCELLED, "the caller has gone");
    else
        av_request_reply(s->request, &s->reply->base);
    search_free(s);
}

static void
on_gone(void *ctx, AV_UNUSED av_request *request)
{
    atomic_store(&((search *)ctx)->gone, true);
}

static void
on_search(void *self, av_request *request, const ProtobufCMessage *body)
{
    av_instance *in = self;
    search *s;

    if (!av_instance_admit(in, request, in->readers))
        return;
    s = av_xcalloc(1, sizeof *s);
    s->in = in;
    s->request = request;
    s->body = (const Archivolt__SearchMailboxRequest *)body;
    s->user = av_xstrdup(((const av_session *)av_request_session(request))->user);
    s->job.step = on_step;
    s->job.done = on_done;
    s->job.lane = av_instance_lane(request);
    av_request_on_gone(request, on_gone, s);
    av_pool_submit(in->readers, &s->job);
}

void
av_mailbox_search_serve(av_instance *self)
{
    static const av_handler handlers[] = { { "archivolt.Archive.SearchMailbox", on_search } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
