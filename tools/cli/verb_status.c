/*
 * verb_status.c - archivolt status: last status of each actor, and the instances
 */
#include "tools/cli/cli.h"

#include <poll.h>

#include "base/clock.h"
#include "proto/broker.pb-c.h"
#include "proto/management.pb-c.h"

#define SILENT_MS 20000 /* four statuses not come: the actor hangs or is gone */

/* Actors whose readiness makes the node ready. Instances are judged by their host's word, workers come and go. */
static bool
matters(const char *actor)
{
    return strcmp(actor, "management") == 0 || strncmp(actor, "host/", 5) == 0 || strncmp(actor, "gateway@", 8) == 0 ||
           strncmp(actor, "broker@", 7) == 0;
}

static bool
instances_ready(const json_t *instances)
{
    static const char *const settled[] = { "running", "stopped", "asleep" };
    size_t i;
    json_t *row;

    json_array_foreach(instances, i, row)
    {
        const char *status = json_string_value(json_object_get(row, "status"));
        bool ok = false;

        for (size_t k = 0; k < AV_COUNT(settled); k++)
            ok = ok || strcmp(status, settled[k]) == 0;
        if (!ok)
            return false;
    }
    return true;
}

static json_t *
actor_rows(const Archivolt__SnapshotReply *snapshot, bool *all_ready)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < snapshot->n_topics; i++) {
        Archivolt__Status *s =
            archivolt__status__unpack(NULL, snapshot->topics[i]->value.len, snapshot->topics[i]->value.data);
        int64_t silent_ms = av_clock_wall_ms() - snapshot->topics[i]->at_unix_ms;
        json_t *row;

        if (s == NULL)
            continue;
        row = av_json_from_message(&s->base);
        json_object_set_new(row, "secondsAgo", json_integer(silent_ms / 1000));
        json_array_append_new(rows, row);
        if (matters(s->actor) && (s->state != ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY || silent_ms > SILENT_MS))
            *all_ready = false;
        archivolt__status__free_unpacked(s, NULL);
    }
    return rows;
}

static bool
has_actor(const json_t *rows, const char *prefix)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i,
        row) if (strncmp(json_string_value(json_object_get(row, "actor")), prefix, strlen(prefix)) == 0) return true;
    return false;
}

/* The state of an instance in the table of instances; NULL: it is in none. */
static const char *
instance_status(const json_t *instances, const char *id)
{
    size_t i;
    json_t *row;

    json_array_foreach(instances, i, row)
    {
        const char *have = json_string_value(json_object_get(row, "instanceID"));

        if (have != NULL && strcmp(have, id) == 0)
            return json_string_value(json_object_get(row, "status"));
    }
    return NULL;
}

/* The last status an instance published outlives its process: the table of instances knows better. */
static void
drop_gone(json_t *actors, const json_t *instances)
{
    for (size_t i = json_array_size(actors); i > 0; i--) {
        const char *actor = json_string_value(json_object_get(json_array_get(actors, i - 1), "actor"));
        const char *status;

        if (actor == NULL || strncmp(actor, "instance/", 9) != 0)
            continue;
        status = instance_status(instances, actor + 9);
        if (status == NULL || strcmp(status, "running") != 0)
            json_array_remove(actors, i - 1);
    }
}

/* One look. Sets rows (owned by the caller), or leaves them NULL with *err set. */
static av_errc
look(cli *self, json_t **ret_actors, json_t **ret_instances, bool *ret_ready, av_error *err)
{
    Archivolt__SnapshotRequest snapshot = ARCHIVOLT__SNAPSHOT_REQUEST__INIT;
    Archivolt__InstanceFilterRequest filter = ARCHIVOLT__INSTANCE_FILTER_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    bool ready = true;
    av_errc rc =
        cli_try(self, "broker", "archivolt.Broker.Snapshot", &snapshot.base, av_span_of(NULL, 0), 5000, &reply, err);

    if (rc != AV_OK)
        return rc;
    *ret_actors = actor_rows((Archivolt__SnapshotReply *)reply, &ready);
    protobuf_c_message_free_unpacked(reply, NULL);
    reply = NULL;
    if ((self->node.role_management && !has_actor(*ret_actors, "management")) ||
        (self->node.role_host && !has_actor(*ret_actors, "host/")) ||
        (self->node.role_access && !has_actor(*ret_actors, "gateway@")))
        ready = false;
    filter.instance_filter = (char *)"*";
    if (cli_try(self, "management", "archivolt.Management.GetInstances", &filter.base, av_span_of(NULL, 0), 5000,
            &reply, err) == AV_OK) {
        *ret_instances = av_json_from_field(reply, "instances");
        ready = ready && instances_ready(*ret_instances);
        cli_forget_dead_pids(*ret_instances);
        drop_gone(*ret_actors, *ret_instances);
        protobuf_c_message_free_unpacked(reply, NULL);
    } else {
        *ret_instances = json_array();
        ready = false;
    }
    *ret_ready = ready;
    return AV_OK;
}

static void
print(const cli *self, json_t *actors, json_t *instances, bool ready)
{
    static const cli_column actor_columns[] = { { "actor", "ACTOR" }, { "state", "STATE" }, { "pid", "PID" },
        { "version", "VERSION" }, { "secondsAgo", "SECONDS AGO" }, { "detail", "DETAIL" } };
    static const cli_column instance_columns[] = { { "instanceID", "INSTANCE" }, { "status", "STATUS" },
        { "displayName", "NAME" }, { "startStopError", "ERROR" } };

    if (self->json) {
        cli_print_json(self, json_pack("{s:b,s:o,s:o}", "ready", ready, "actors", actors, "instances", instances));
        return;
    }
    cli_print_table(actor_columns, AV_COUNT(actor_columns), actors);
    if (json_array_size(instances) > 0) {
        (void)putchar('\n');
        cli_print_table(instance_columns, AV_COUNT(instance_columns), instances);
    }
    json_decref(actors);
    json_decref(instances);
}

/* Connect again and again until the node is there or the time is up; only the last failure is told. */
static int
connect_within(cli *self, int64_t until)
{
    av_error err;

    while (cli_try_connect(self, &err) != AV_OK) {
        if (av_clock_mono_ms() >= until)
            return cli_fail(self, &err);
        cli_close(self);
        (void)poll(NULL, 0, 200);
    }
    return 0;
}

int
verb_status(cli *self, int argc, char **argv)
{
    uint64_t wait_s = 0;
    const cli_option options[] = { { "--wait", NULL, &wait_s, NULL, "SECONDS", "wait until everything is ready" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    json_t *actors = NULL, *instances = NULL;
    bool ready = false;
    int64_t until;
    av_error err;
    int status;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    until = av_clock_mono_ms() + (int64_t)wait_s * 1000;
    status = connect_within(self, until);
    if (status != 0)
        return status;
    for (;;) {
        av_errc rc = look(self, &actors, &instances, &ready, &err);

        if (rc == AV_OK && (ready || av_clock_mono_ms() >= until))
            break;
        if (rc != AV_OK && av_clock_mono_ms() >= until)
            return cli_fail(self, &err);
        json_decref(actors);
        json_decref(instances);
        actors = instances = NULL;
        av_loop_turn(self->loop, 100);
    }
    print(self, actors, instances, ready);
    return ready ? CLI_OK : CLI_INCOMPLETE;
}
