/*
 * checkpoint.c - MakeCheckpoint: the database as it stands now, as files, for `archivolt backup --management`
 *
 * In D/management/checkpoint, sealed as the database is, its files linked; who asked copies and removes them.
 */
#include "actors/management/management_priv.h"
#include "base/file.h"
#include "base/log.h"

static void
on_make(void *self, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;
    const av_management *m = self;
    AV_CLEANUP(av_free) char *dir = av_node_path(m->node, "management/checkpoint");
    av_error err = { 0 };

    if (av_dir_remove(dir, m->node->data_dir, &err) != AV_OK || av_meta_checkpoint(m->db, dir, &err) != AV_OK) {
        AV_LOG(AV_LOG_ERROR, "management.no_checkpoint", AV_ERRF(&err));
        av_request_fail(request, &err);
        return;
    }
    AV_LOG(AV_LOG_INFO, "management.checkpoint", AV_STR("caller", av_request_from(request)));
    av_request_reply(request, &reply.base);
}

void
av_checkpoint_serve(av_management *self)
{
    static const av_handler handlers[] = { { "archivolt.Management.MakeCheckpoint", on_make } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
