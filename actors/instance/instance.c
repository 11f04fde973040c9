/*
 * instance.c - start, housekeeping, status, sleep and end of an instance
 */
#include "actors/instance/instance.h"

#include <unistd.h>

#include "actors/instance/instance_priv.h"
#include "actors/instance/freeze.h"
#include "actors/instance/heal.h"
#include "actors/instance/rest.h"
#include "actors/instance/runs.h"
#include "actors/instance/statistics.h"
#include "actors/instance/store_ops.h"
#include "actors/instance/trouble.h"
#include "actors/instance/watch.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"

#define TICK_MS   1000
#define BUDGET    (8U * 1024 * 1024) /* of all incoming streams */
#define KEY_SIZE  32U

#define MEMBER(m) offsetof(av_instance_settings, m)

static const av_setting settings[] = {
    { "max_message_mb", AV_SETTING_U64, MEMBER(max_message_mb), "512", 1, 1023,
        "largest message archived, in MB; larger ones are refused by an import" },
    { "session_idle_s", AV_SETTING_U64, MEMBER(session_idle_s), "1800", 60, 86400,
        "a user's session ends after this time without use" },
    { "sessions_per_user", AV_SETTING_U64, MEMBER(sessions_per_user), "200", 1, 10000,
        "sessions of one user; a further one ends the one not used for the longest" },
    { "sessions_total", AV_SETTING_U64, MEMBER(sessions_total), "10000", 1, 1000000, "sessions of all users" },
    { "worker_patience_s", AV_SETTING_U64, MEMBER(worker_patience_s), "30", 1, 86400,
        "a run whose worker is not heard of for this time gets a new one" },
    { "remember_login_s", AV_SETTING_U64, MEMBER(remember_login_s), "600", 0, 86400,
        "time for which a right password is not hashed again; 0: always hash" },
    { "login_free_tries", AV_SETTING_U64, MEMBER(login_free_tries), "5", 1, 1000000,
        "failed logins of a user that cost no waiting, and twice as many of an address (IPv6: one /64); each further "
        "one doubles the time" },
    { "login_user_wait_s", AV_SETTING_U64, MEMBER(login_user_wait_s), "5", 1, 86400,
        "longest time a user waits after failed logins; short, for nobody may lock another out" },
    { "login_address_wait_s", AV_SETTING_U64, MEMBER(login_address_wait_s), "300", 1, 86400,
        "longest time an address waits after failed logins" },
    { "scram_iterations", AV_SETTING_U64, MEMBER(scram_iterations), "0", 0, 10000000,
        "keep what SCRAM-SHA-256 needs of passwords set from now on, with so many rounds (600000 is sound, 4096 the "
        "least); 0: keep their Argon2id hash alone" },
    { "searches_at_once", AV_SETTING_U64, MEMBER(searches_at_once), "2", 1, 64,
        "searches that work at the same time, each with up to 192 MB (24 bytes a message); the others wait" },
    { "search_unindexed", AV_SETTING_U64, MEMBER(search_unindexed), "20000", 0, 8000000,
        "messages without an index that a search looks at itself; when there are more they are counted as not "
        "covered" },
    { "search_index", AV_SETTING_BOOL, MEMBER(search_index), "yes", 0, 0,
        "keep search indexes and ask them; no: searches look at up to search_unindexed messages themselves" },
    { "saved_searches", AV_SETTING_U64, MEMBER(saved_searches), "200", 1, 10000, "saved searches of one user" },
    { "search_message_mb", AV_SETTING_U64, MEMBER(search_message_mb), "64", 1, 1023,
        "a search looks at the first MB of a message up to this many, one large message at a time, in a few times "
        "as much memory" },
    { "open_stores", AV_SETTING_U64, MEMBER(open_stores), "8", 1, 1000,
        "archive stores held open at once, the current one among them; more are closed when nobody uses them" },
    { "database_cache_mb", AV_SETTING_U64, MEMBER(database_cache_mb), "8", 1, 1024,
        "block cache of the catalog and of each open store's database, given back after rest_after_s; more speeds up "
        "imports into stores of many millions of messages" },
    { "freeze_seconds", AV_SETTING_U64, MEMBER(freeze_seconds), "60", 1, 3600,
        "a frozen instance thaws by itself after this time" },
    { "rest_after_s", AV_SETTING_U64, MEMBER(rest_after_s), "5", 1, 86400,
        "after this time without work memory goes back to the system, and more of it after three times as long" },
    { "grace_days", AV_SETTING_U64, MEMBER(grace_days), "30", 0, 36500,
        "days for which a deleted message can be restored; after them its keys are destroyed" },
    { "heal_free_mb", AV_SETTING_U64, MEMBER(heal_free_mb), "64", 1, 1048576,
        "after a failed write the instance starts again by itself once its disks have this many MB free" },
    { "heal_pause_s", AV_SETTING_U64, MEMBER(heal_pause_s), "60", 1, 86400, "and at most once in this time" },
    { NULL, AV_SETTING_U64, 0, NULL, 0, 0, NULL },
};

void
av_instance_touch(av_instance *self)
{
    self->active_mono_ms = av_clock_mono_ms();
}

bool
av_instance_admit(av_instance *self, av_request *request, const av_pool *pool)
{
    av_session *session = av_request_session(request);

    av_instance_touch(self);
    if (session != NULL)
        session->last_function = av_request_method(request)->method;
    if (self->stopping)
        av_request_failf(request, AV_ERR_UNAVAILABLE, "the instance is stopping");
    else if (av_freeze_is_on(self->freeze) && pool == self->writer)
        av_request_failf(request, AV_ERR_BUSY, "the instance is frozen for a backup: try again");
    else if (av_pool_load(pool) >= AV_PENDING_MAX)
        av_request_failf(request, AV_ERR_BUSY, "the instance has %d requests in work: try again", AV_PENDING_MAX);
    else
        return true;
    return false;
}

uint64_t
av_instance_lane(const av_request *request)
{
    const av_session *session = av_request_session(request);

    return session != NULL ? session->lane : av_lane_of(av_span_str(av_request_from(request)));
}

static void *
check_session(void *ctx, const char *from, av_span session)
{
    av_instance *self = ctx;

    return av_sessions_check(self->sessions, from, session, av_clock_mono_ms());
}

/* ---- housekeeping ---- */

static bool
is_idle(const av_instance *self)
{
    return av_pool_load(self->readers) == 0 && av_pool_load(self->writer) == 0 && self->feeds == NULL &&
           !av_indexer_is_busy(self->indexer) && av_runs_active(self->runs) == 0 &&
           av_store_ops_active(self->store_ops) == 0 && !av_freeze_is_on(self->freeze) &&
           av_heal_problem(self->heal) == NULL;
}

static void
set_state(av_instance *self)
{
    const char *heals = av_heal_problem(self->heal);
    char problem[sizeof self->problem] = "";

    if (heals != NULL)
        (void)snprintf(problem, sizeof problem, "%s", heals);
    else
        (void)av_stores_problem(self->archive->stores, problem, sizeof problem);
    if (strcmp(problem, self->problem) == 0)
        return;
    memcpy(self->problem, problem, sizeof problem);
    if (problem[0] == '\0') {
        av_actor_set_state(self->actor, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY, NULL);
        return;
    }
    if (heals == NULL)
        AV_LOG(AV_LOG_ERROR, "store.write_protected", AV_STR("detail", problem));
    av_actor_set_state(self->actor, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_DEGRADED, problem);
}

static void
on_tick(void *ctx)
{
    av_instance *self = ctx;
    int64_t now = av_clock_mono_ms();

    (void)av_sessions_expire(self->sessions, now);
    av_login_forget(self, NULL);
    if (!av_freeze_is_on(self->freeze))
        av_runs_tick(self->runs, now);
    av_store_ops_tick(self->store_ops, now);
    av_heal_tick(self->heal, now);
    av_watch_tick(self->watch, now);
    if (self->stopping)
        return;
    set_state(self);
    if (!is_idle(self))
        return;
    av_rest_tick(self, now);
    /* Open sessions keep it awake: they live in memory alone. */
    if (self->sleep_after_ms > 0 && now - self->active_mono_ms >= (int64_t)self->sleep_after_ms &&
        av_sessions_count(self->sessions) == 0) {
        AV_LOG(AV_LOG_INFO, "instance.sleeps");
        av_actor_stop(self->actor, AV_EXIT_ASLEEP);
    }
}

/* ---- start ---- */

static av_errc
read_key(const char *descriptor, uint8_t ret[KEY_SIZE], av_error *err)
{
    uint64_t number;
    size_t n = 0;
    ssize_t got;
    int fd;

    if (descriptor == NULL || !av_span_u64(av_span_str(descriptor), 65535, &number))
        return av_error_set(err, AV_ERR_INVALID, "--arg instance_key_fd=N is missing: the host hands the key over");
    fd = (int)number;
    while (n < KEY_SIZE && (got = read(fd, ret + n, KEY_SIZE - n)) > 0)
        n += (size_t)got;
    (void)close(fd);
    if (n < KEY_SIZE)
        return av_error_set(
            err, AV_ERR_INVALID, "descriptor %d gives %zu bytes of the instance key instead of %u", fd, n, KEY_SIZE);
    return AV_OK;
}

static av_errc
open_archive(av_instance *self, av_error *err)
{
    av_archive_config config = { .dir = av_actor_arg(self->actor, "dir"),
        .max_message_bytes = self->settings.max_message_mb * 1024 * 1024,
        .search_bytes = self->settings.search_message_mb * 1024 * 1024,
        .cache_bytes = self->settings.database_cache_mb * 1024 * 1024,
        .no_index = !self->settings.search_index,
        .saved_searches = (size_t)self->settings.saved_searches,
        .open_stores = (unsigned)self->settings.open_stores,
        .grace_ms = (int64_t)self->settings.grace_days * AV_DAY_MS };
    const char *recovery = av_actor_arg(self->actor, "recovery_public");
    av_errc rc;

    if (config.dir == NULL || config.dir[0] != '/')
        return av_error_set(err, AV_ERR_INVALID, "--arg dir=<base directory of the instance> is missing");
    if (recovery != NULL &&
        !av_hex_decode(av_span_str(recovery), config.recovery_public, sizeof config.recovery_public))
        return av_error_set(err, AV_ERR_INVALID, "--arg recovery_public is %u bytes in hex", KEY_SIZE);
    rc = read_key(av_actor_arg(self->actor, "instance_key_fd"), config.instance_key, err);
    if (rc == AV_OK)
        rc = av_archive_open(&config, &self->archive, err);
    if (rc != AV_OK)
        rc = av_trouble_explain_dir(config.dir, err);
    av_secret_wipe(config.instance_key, sizeof config.instance_key);
    return rc;
}

static av_errc
take_sleep(av_instance *self, av_error *err)
{
    const char *text = av_actor_arg(self->actor, "sleep_after_s");
    uint64_t seconds;

    if (text == NULL)
        return AV_OK;
    if (!av_span_u64(av_span_str(text), 30ULL * 86400, &seconds))
        return av_error_set(err, AV_ERR_INVALID, "--arg sleep_after_s: \"%.50s\" is not a number of seconds", text);
    self->sleep_after_ms = seconds * 1000;
    return AV_OK;
}

/* Handlers before the first message can come, and the runs the last process left. */
static av_errc
serve(av_instance *self, av_error *err)
{
    av_bus_set_session_check(self->bus, check_session, self);
    av_status_serve(self);
    av_login_serve(self);
    av_session_list_serve(self);
    av_work_serve(self);
    av_reading_serve(self);
    av_finding_serve(self);
    self->watch = av_watch_new(self);
    self->freeze = av_freeze_new(self);
    self->heal = av_heal_new(self);
    self->operations = av_operations_new(self->bus, NULL, NULL);
    if (av_store_ops_new(self, &self->store_ops, err) != AV_OK)
        return err->code;
    return av_runs_new(self, &self->runs, err);
}

static av_errc
on_start(void *ctx, av_actor *actor, av_error *err)
{
    av_instance *self = ctx;
    uint8_t id[16];
    av_errc rc;

    self->actor = actor;
    self->bus = av_actor_bus(actor);
    self->loop = av_actor_loop(actor);
    av_rest_init(self);
    av_random_bytes(id, sizeof id);
    av_hex_encode(av_span_of(id, sizeof id), self->process_id);
    av_random_bytes(self->boot_key, sizeof self->boot_key);
    self->by_user =
        av_throttle_new((unsigned)self->settings.login_free_tries, (uint32_t)self->settings.login_user_wait_s);
    self->by_address =
        av_throttle_new((unsigned)self->settings.login_free_tries * 2, (uint32_t)self->settings.login_address_wait_s);
    self->remembered = av_map_new();
    self->sessions = av_sessions_new((int64_t)self->settings.session_idle_s * 1000,
        (size_t)self->settings.sessions_per_user, (size_t)self->settings.sessions_total);
    rc = take_sleep(self, err);
    if (rc == AV_OK)
        rc = open_archive(self, err);
    if (rc != AV_OK)
        return rc;
    self->group = av_group_new(self->archive);
    self->searches = av_turns_new((unsigned)self->settings.searches_at_once, AV_SEARCHES_OF_SESSION, AV_PENDING_MAX);
    rc = av_pool_new(self->loop, "reader", AV_READERS, &self->readers, err);
    if (rc == AV_OK)
        rc = av_pool_new(self->loop, "writer", 1, &self->writer, err);
    if (rc == AV_OK)
        rc = av_indexer_new(self->loop, self->archive, &self->settings.attachments, &self->indexer, err);
    if (rc == AV_OK)
        rc = serve(self, err);
    return rc;
}

static void
on_ready(void *ctx, av_actor *actor)
{
    av_instance *self = ctx;

    av_instance_touch(self);
    self->housekeeping = av_loop_add_timer(self->loop, TICK_MS, TICK_MS, on_tick, self);
    av_actor_set_state(actor, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY, NULL);
    set_state(self);
    av_store_ops_resume(self->store_ops);
    av_indexer_wake(self->indexer);
    AV_LOG(AV_LOG_INFO, "instance.ready", AV_STR("dir", self->archive->dir));
}

/* ---- end ---- */

static void
on_stop(void *ctx, av_actor *actor)
{
    av_instance *self = ctx;
    av_error err;

    self->stopping = true;
    av_freeze_stop(self->freeze);
    av_turns_close(self->searches);
    av_loop_remove_timer(&self->housekeeping);
    av_indexer_stop(self->indexer);
    av_pool_stop(self->readers);
    av_pool_stop(self->writer);
    av_store_ops_stop(self->store_ops);
    av_watch_stop(self->watch);
    av_feeds_stop(self);
    if (self->runs != NULL)
        av_runs_stop(self->runs);
    if (av_group_commit(self->group, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "instance.last_group", AV_ERRF(&err));
    av_actor_stopped(actor);
}

static void
on_end(void *ctx)
{
    av_instance *self = ctx;

    av_indexer_destroy(&self->indexer);
    av_pool_destroy(&self->readers);
    av_pool_destroy(&self->writer);
    av_turns_destroy(&self->searches);
    av_runs_destroy(&self->runs);
    av_operations_destroy(&self->operations);
    av_store_ops_destroy(&self->store_ops);
    av_watch_destroy(&self->watch);
    av_freeze_destroy(&self->freeze);
    av_heal_destroy(&self->heal);
    av_group_destroy(&self->group);
    av_archive_close(&self->archive);
    av_sessions_destroy(&self->sessions);
    av_throttle_destroy(&self->by_user);
    av_throttle_destroy(&self->by_address);
    av_login_destroy(self);
    free(self->work_handlers);
}

/* Own rows, then those of reading attachments, which land in our struct. */
static void
gather_settings(av_setting *ret, size_t most)
{
    size_t n = 0;

    for (const av_setting *row = settings; row->key != NULL && n + 1 < most; row++)
        ret[n++] = *row;
    for (const av_setting *row = av_extract_settings; row->key != NULL; row++) {
        assert(n + 1 < most);
        ret[n] = *row;
        ret[n++].offset += MEMBER(attachments);
    }
    ret[n] = (av_setting){ 0 };
}

int
av_instance_main(int argc, char **argv)
{
    av_setting all[64];
    av_instance self = { 0 };
    av_actor_config config = {
        .program = "archivolt-instance",
        .help =
            "Owns one customer's archive: takes mail in, keeps it, finds it and gives it back. Started by "
            "archivolt-host with --name instance/<id> --arg dir=DIR --arg instance_key_fd=N --arg recovery_public=HEX.",
        .settings = all,
        .settings_into = &self.settings,
        .receive_budget_bytes = BUDGET,
        .on_start = on_start,
        .on_ready = on_ready,
        .on_stop = on_stop,
        .on_end = on_end,
        .on_status = av_instance_on_status,
        .self = &self,
    };

    gather_settings(all, AV_COUNT(all));
    return av_actor_main(&config, argc, argv);
}
