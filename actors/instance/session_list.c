/*
 * session_list.c - GetActiveSessions: who is logged in, through which gateway or CLI, and what he did last
 *
 * The instance issues all sessions, whichever gateway asks for them: its list is whole. Names and addresses only.
 */
#include "actors/instance/instance_priv.h"
#include "base/clock.h"

#define MOST 10000 /* in one reply, some 3 MB */

static char *
date_of(int64_t mono_ms)
{
    return av_reply_date(av_clock_wall_ms() - (av_clock_mono_ms() - mono_ms));
}

/* "imap 192.0.2.1"; without an address the CLI's own user is meant. */
static void
put_client(Archivolt__ActiveSession *row, const char *client)
{
    const char *blank = strchr(client, ' ');

    if (client[0] == '\0')
        row->door = av_xstrdup("cli");
    else
        row->door = av_span_dup(av_span_of(client, blank == NULL ? strlen(client) : (size_t)(blank - client)));
    if (blank != NULL && blank[1] != '\0')
        row->address = av_xstrdup(blank + 1);
}

static void
on_list(void *self, av_request *request, AV_UNUSED const ProtobufCMessage *body)
{
    Archivolt__GetActiveSessionsReply *reply = av_reply_new(&archivolt__get_active_sessions_reply__descriptor);
    av_instance *in = self;
    AV_CLEANUP(av_free) av_session **all = NULL;
    size_t n;

    in->answered++;
    all = av_sessions_all(in->sessions, &n);
    for (size_t i = 0; i < n && i < MOST; i++) {
        Archivolt__ActiveSession *row = av_reply_new(&archivolt__active_session__descriptor);

        row->user_name = av_xstrdup(all[i]->user);
        row->from = av_xstrdup(all[i]->from);
        row->since = date_of(all[i]->began_mono_ms);
        row->last_used = date_of(all[i]->used_mono_ms);
        row->last_function = all[i]->last_function == NULL ? NULL : av_xstrdup(all[i]->last_function);
        row->mailbox = all[i]->mailbox == NULL ? NULL : av_xstrdup(all[i]->mailbox);
        put_client(row, all[i]->client);
        av_reply_push(&reply->sessions, &reply->n_sessions, row);
    }
    av_request_reply(request, &reply->base);
    protobuf_c_message_free_unpacked(&reply->base, NULL);
}

void
av_session_list_serve(av_instance *self)
{
    static const av_handler handlers[] = { { "archivolt.Instance.GetActiveSessions", on_list } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
