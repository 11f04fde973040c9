/*
 * instance_status.c - the counters of an instance: in its status, and for GetInstanceProcessLiveStatistics
 */
#include "actors/instance/freeze.h"
#include "actors/instance/heal.h"
#include "actors/instance/instance_priv.h"
#include "actors/instance/runs.h"
#include "actors/instance/statistics.h"
#include "base/clock.h"

/* ---- process statistics: answered here, they are the bus thread's own ---- */

static void
on_live_statistics(void *ctx, av_request *request, AV_UNUSED const ProtobufCMessage *body)
{
    Archivolt__LiveStatistics reply = ARCHIVOLT__LIVE_STATISTICS__INIT;
    av_instance *self = ctx;
    av_process_counters process;

    av_process_read(&process);
    self->answered++;
    reply.process_unique_id = self->process_id;
    reply.timestamp = av_clock_wall_ms();
    reply.total_processor_milliseconds = process.cpu_ms;
    reply.total_io_read_bytes = process.read_bytes;
    reply.total_io_write_bytes = process.written_bytes;
    reply.total_remote_procedure_calls = self->answered;
    reply.total_messages_archived = atomic_load(&self->archived);
    reply.total_messages_checked = atomic_load(&self->checked);
    reply.current_private_memory_bytes = process.private_bytes;
    av_request_reply(request, &reply.base);
}

/* ---- status ---- */

static void
add_counter(Archivolt__KeyValue *pair, const char *key, char text[32], uint64_t value)
{
    archivolt__key_value__init(pair);
    (void)snprintf(text, 32, "%llu", (unsigned long long)value);
    pair->key = (char *)(uintptr_t)key;
    pair->value = text;
}

/* As the registry knows it: an idle instance touches no database to say that it is idle. */
static void
count_messages(av_instance *self)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(self->archive->stores, &n);

    self->messages = self->message_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        self->messages += list[i].messages;
        self->message_bytes += list[i].bytes;
    }
    av_store_infos_free(list, n);
}

void
av_instance_on_status(void *ctx, Archivolt__Status *status, av_buf *scratch)
{
    enum { COUNTERS = 16 };
    struct counters {
        Archivolt__KeyValue *list[COUNTERS], pairs[COUNTERS];
        char texts[COUNTERS][32];
    } * c;
    av_instance *self = ctx;
    av_index_news index;
    uint64_t problems;
    size_t i;

    c = (void *)av_buf_reserve(scratch, sizeof *c);
    if (c == NULL)
        return;
    count_messages(self);
    scratch->n += sizeof *c;
    add_counter(&c->pairs[0], "messages", c->texts[0], self->messages);
    add_counter(&c->pairs[1], "message_bytes", c->texts[1], self->message_bytes);
    add_counter(&c->pairs[2], "archived", c->texts[2], atomic_load(&self->archived));
    add_counter(&c->pairs[3], "checked", c->texts[3], atomic_load(&self->checked));
    add_counter(&c->pairs[4], "sessions", c->texts[4], av_sessions_count(self->sessions));
    add_counter(&c->pairs[5], "runs", c->texts[5], av_runs_active(self->runs));
    add_counter(&c->pairs[6], "commits", c->texts[6], atomic_load(&self->archive->commits));
    add_counter(&c->pairs[7], "requests", c->texts[7], self->answered);
    add_counter(&c->pairs[8], "unreadable", c->texts[8], atomic_load(&self->unreadable));
    add_counter(&c->pairs[9], "truncated", c->texts[9], atomic_load(&self->archive->truncated));
    add_counter(&c->pairs[10], "frozen", c->texts[10], av_freeze_is_on(self->freeze));
    add_counter(&c->pairs[11], "failed", c->texts[11], av_heal_count(self->heal));
    av_index_desk_sum(self->archive->desk, &index, &problems);
    add_counter(&c->pairs[12], "indexed", c->texts[12], index.documents);
    add_counter(&c->pairs[13], "unindexed", c->texts[13], index.unindexed);
    add_counter(&c->pairs[14], "unread_attachments", c->texts[14], index.unread_attachments);
    add_counter(&c->pairs[15], "index_problems", c->texts[15], problems);
    for (i = 0; i < COUNTERS; i++)
        c->list[i] = &c->pairs[i];
    status->n_counters = COUNTERS;
    status->counters = c->list;
}

void
av_status_serve(av_instance *self)
{
    static const av_handler handlers[] = { { "archivolt.Instance.GetInstanceProcessLiveStatistics",
        on_live_statistics } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
