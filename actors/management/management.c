/*
 * management.c - the Management Server: its database, first start, start and stop (see management.h)
 */
#include "actors/management/management_priv.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"

#define BOOTSTRAP_KEY  "bootstrap"
#define HOURLY_MS      3600000
#define RETRY_MS       30000
#define REGISTRY_MAX   (64U << 20)
#define SMALL_FILE_MAX 65536U

const av_setting av_management_settings_table[] = {
    { "licensee_name", AV_SETTING_STRING, offsetof(av_management_settings, licensee_name), "Archivolt", 0, 200,
        "operator's name, shown by GetEnvironmentInfo" },
    { "name_reuse_days", AV_SETTING_U64, offsetof(av_management_settings, name_reuse_days), "30", 0, 3650,
        "days for which the id and alias of a deleted instance are not given out again" },
    { "low_space_mb", AV_SETTING_U64, offsetof(av_management_settings, low_space_mb), "2048", 0, 1U << 30,
        "free MB on a host below which GetServiceStatus warns" },
    { 0 },
};

/* ---- files of the first start ---- */

static av_errc
load_secret(av_management *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_node_path(self->node, "management/registry.key");
    AV_CLEANUP(av_buf_release_secret) av_buf text = { 0 };
    struct stat st;
    av_errc rc;

    av_buf_init(&text, 1024);
    rc = av_file_read_all(path, &text, err);
    if (rc != AV_OK)
        return rc;
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return av_error_set(err, AV_ERR_DENIED, "%s can be read by others: make it mode 0600", path);
    if (!av_hex_decode(av_span_trim(av_buf_span(&text)), self->secret, AV_SIGN_SECRET))
        return av_error_set(err, AV_ERR_CORRUPT, "%s does not hold %d hex digits", path, 2 * AV_SIGN_SECRET);
    return AV_OK;
}

static av_errc
import_registry(av_management *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_node_path(self->node, "broker/registry.bin");
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    av_errc rc;

    if (av_registrar_serial(self->registrar) > 0)
        return AV_OK;
    av_buf_init(&file, REGISTRY_MAX);
    rc = av_file_read_all(path, &file, err);
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK;
    return rc == AV_OK ? av_registrar_import(self->registrar, av_buf_span(&file), err) : rc;
}

static av_errc
apply_bootstrap(av_management *self, const av_bootstrap *b, av_error *err)
{
    Archivolt__SystemAdministrator admin = ARCHIVOLT__SYSTEM_ADMINISTRATOR__INIT;

    av_nodes_put(self->nodes, b->node, b->full_host_name, b->roles);
    if (b->admin_name[0] == '\0')
        return AV_OK;
    admin.user_name = b->admin_name;
    admin.full_name = b->admin_full_name[0] == '\0' ? NULL : b->admin_full_name;
    admin.email_address = b->admin_email[0] == '\0' ? NULL : b->admin_email;
    if (av_admins_find(self->admins, b->admin_name) == NULL)
        return av_admins_create(self->admins, &admin, b->admin_password_hash, err);
    return av_admins_set_hash(self->admins, b->admin_name, b->admin_password_hash, err);
}

/* In one group with the file's digest, so that a crash before the removal does not take it in twice. */
static av_errc
take_in(av_management *self, av_span text, av_span digest, av_error *err)
{
    AV_CLEANUP(av_bootstrap_release) av_bootstrap b = { 0 };
    av_errc rc = av_bootstrap_parse(text, &b, err);

    if (rc != AV_OK)
        return rc;
    av_meta_begin(self->db);
    rc = apply_bootstrap(self, &b, err);
    if (rc != AV_OK) {
        av_meta_rollback(self->db);
        return rc;
    }
    av_db_put(self->db, AV_DB_VALUE, av_span_str(BOOTSTRAP_KEY), digest);
    return av_meta_commit(self->db, true, err);
}

static av_errc
load_bootstrap(av_management *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_node_path(self->node, "management/bootstrap");
    AV_CLEANUP(av_buf_release_secret) av_buf text = { 0 };
    AV_CLEANUP(av_buf_release) av_buf known = { 0 };
    uint8_t digest[AV_SHA256_SIZE];
    av_error none;
    av_errc rc;

    av_buf_init(&text, SMALL_FILE_MAX);
    av_buf_init(&known, SMALL_FILE_MAX);
    rc = av_file_read_all(path, &text, err);
    if (rc != AV_OK)
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    av_sha256(av_buf_span(&text), digest);
    if (av_db_get(self->db, AV_DB_VALUE, av_span_str(BOOTSTRAP_KEY), &known, &none) != AV_OK ||
        !av_span_eq(av_buf_span(&known), av_span_of(digest, sizeof digest))) {
        rc = take_in(self, av_buf_span(&text), av_span_of(digest, sizeof digest), err);
        if (rc != AV_OK)
            return av_error_prefix(err, "%s", path);
        AV_LOG(AV_LOG_INFO, "management.bootstrapped", AV_STR("path", path));
    }
    if (av_file_ops_get()->unlink(path) != 0)
        return av_error_errno(err, "remove %s", path);
    return AV_OK;
}

/* A node that was set up without the bootstrap file still knows itself. */
static av_errc
know_own_node(av_management *self, av_error *err)
{
    unsigned roles = (self->node->role_management ? AV_ROLE_MANAGEMENT : 0U) |
                     (self->node->role_host ? AV_ROLE_HOST : 0U) | (self->node->role_access ? AV_ROLE_ACCESS : 0U);
    const av_node_record *known = av_nodes_find(self->nodes, self->node->node);

    if (known != NULL && known->roles == roles)
        return AV_OK;
    av_meta_begin(self->db);
    av_nodes_put(self->nodes, self->node->node, self->node->full_host_name, roles);
    return av_meta_commit(self->db, true, err);
}

/* SHA-256 of the first certificate of D/tls/cert.pem; none when it cannot be read. */
static void
load_thumbprint(av_management *self)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    AV_CLEANUP(av_free) char *path = av_node_path(self->node, "tls/cert.pem");
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    AV_CLEANUP(av_buf_release) av_buf flat = { 0 };
    AV_CLEANUP(av_buf_release) av_buf der = { 0 };
    uint8_t digest[AV_SHA256_SIZE];
    const char *from, *to;
    av_error err;

    av_buf_init(&text, SMALL_FILE_MAX);
    av_buf_init(&flat, SMALL_FILE_MAX);
    av_buf_init(&der, SMALL_FILE_MAX);
    if (av_file_read_all(path, &text, &err) != AV_OK)
        return;
    from = strstr(av_buf_cstr(&text), begin);
    to = from == NULL ? NULL : strstr(from, end);
    if (to == NULL)
        return;
    for (from += sizeof begin - 1; from < to; from++)
        if (*from != '\n' && *from != '\r')
            (void)av_buf_putc(&flat, (uint8_t)*from);
    if (!av_base64_decode(av_buf_span(&flat), &der))
        return;
    av_sha256(av_buf_span(&der), digest);
    av_hex_encode(av_span_of(digest, sizeof digest), self->thumbprint);
}

/* ---- life ---- */

/* A key that is the same at each start and known to nobody else: derived from the signing key. */
static void
derive(const uint8_t secret[64], const char *label, uint8_t ret[32])
{
    (void)crypto_generichash(ret, 32, (const uint8_t *)label, strlen(label), secret, 64);
}

static av_errc
open_database(av_management *self, av_error *err)
{
    AV_CLEANUP(av_free) char *dir = av_node_path(self->node, "management/db");
    uint8_t hash_key[32], database_key[32];
    const av_meta_options options = { .key = database_key };
    av_errc rc;

    derive(self->secret, "archivolt management database", database_key);
    rc = av_meta_open(dir, &options, &self->db, err);
    av_secret_wipe(database_key, sizeof database_key);
    if (rc == AV_OK)
        rc = av_registrar_open(self->db, self->secret, &self->registrar, err);
    if (rc == AV_OK)
        rc = av_nodes_open(self->db, &self->nodes, err);
    if (rc == AV_OK)
        rc = av_admins_open(self->db, &self->admins, err);
    if (rc == AV_OK)
        rc = av_instances_open(self->db, &self->instances, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "management database");
    derive(self->secret, "archivolt tasks", hash_key);
    self->tasks = av_tasks_new(self->db, hash_key);
    av_secret_wipe(hash_key, sizeof hash_key);
    return AV_OK;
}

static void
on_end(void *ctx)
{
    av_management *self = ctx;

    av_loop_remove_timer(&self->hourly);
    av_loop_remove_timer(&self->retry);
    av_hasher_destroy(&self->hasher);
    av_jobs_end(self);
    av_login_destroy(&self->login);
    av_tasks_destroy(&self->tasks);
    av_instances_destroy(&self->instances);
    av_admins_destroy(&self->admins);
    av_nodes_destroy(&self->nodes);
    av_registrar_destroy(&self->registrar);
    av_meta_close(&self->db);
    av_machine_release(&self->machine);
    av_secret_wipe(self->secret, sizeof self->secret);
}

static av_errc
start(av_management *self, av_error *err)
{
    av_errc rc = load_secret(self, err);

    if (rc == AV_OK)
        rc = open_database(self, err);
    if (rc == AV_OK)
        rc = import_registry(self, err);
    if (rc == AV_OK)
        rc = load_bootstrap(self, err);
    if (rc == AV_OK)
        rc = know_own_node(self, err);
    if (rc == AV_OK)
        rc = av_hasher_new(self->loop, &self->hasher, err);
    if (rc == AV_OK)
        rc = av_login_new(self->admins, self->hasher, self->secret, &self->login, err);
    if (rc != AV_OK)
        return rc;
    load_thumbprint(self);
    av_machine_read(&self->machine);
    av_registrar_attach(self->registrar, self->bus);
    av_environment_serve(self);
    av_list_serve(self);
    av_actors_serve(self);
    av_checkpoint_serve(self);
    av_jobs_serve(self);
    return av_jobs_load(self, err);
}

static av_errc
on_start(void *ctx, av_actor *actor, av_error *err)
{
    av_management *self = ctx;
    av_errc rc;

    self->actor = actor;
    self->bus = av_actor_bus(actor);
    self->loop = av_actor_loop(actor);
    self->node = av_actor_node(actor);
    rc = start(self, err);
    if (rc != AV_OK)
        on_end(self); /* is called only for an actor that has started */
    return rc;
}

static void
on_retry(void *ctx)
{
    av_create_retry(ctx);
    av_remove_retry(ctx);
}

static void
on_hourly(void *ctx)
{
    av_management *self = ctx;
    av_error err;

    if (av_tasks_expire(self->tasks, av_clock_wall_ms(), &err) != AV_OK ||
        av_registrar_prune(self->registrar, av_clock_wall_ms(), &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "management.not_pruned", AV_ERRF(&err));
}

static void
on_ready(void *ctx, av_actor *actor)
{
    av_management *self = ctx;

    av_registrar_connected(self->registrar);
    self->hourly = av_loop_add_timer(self->loop, HOURLY_MS, HOURLY_MS, on_hourly, self);
    self->retry = av_loop_add_timer(self->loop, RETRY_MS, RETRY_MS, on_retry, self);
    on_retry(self);
    av_jobs_resume(self);
    av_actor_set_state(actor, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY, NULL);
}

static void
on_reconnect(void *ctx, av_actor *actor AV_UNUSED)
{
    av_registrar_connected(((av_management *)ctx)->registrar);
}

static void
on_stop(void *ctx, av_actor *actor)
{
    ((av_management *)ctx)->stopping = true;
    av_actor_stopped(actor);
}

static const char *const counter_names[AV_MANAGEMENT_COUNTERS] = { "instances", "administrators", "registry_serial" };

static void
on_status(void *ctx, Archivolt__Status *status, av_buf *scratch AV_UNUSED)
{
    av_management *self = ctx;
    uint64_t values[AV_MANAGEMENT_COUNTERS] = { av_instances_count(self->instances), av_admins_count(self->admins),
        av_registrar_serial(self->registrar) };

    for (size_t i = 0; i < AV_MANAGEMENT_COUNTERS; i++) {
        (void)snprintf(self->counter_text[i], sizeof self->counter_text[i], "%llu", (unsigned long long)values[i]);
        archivolt__key_value__init(&self->counters[i]);
        self->counters[i].key = (char *)(uintptr_t)counter_names[i];
        self->counters[i].value = self->counter_text[i];
        self->counter_list[i] = &self->counters[i];
    }
    status->counters = self->counter_list;
    status->n_counters = AV_MANAGEMENT_COUNTERS;
}

int
av_management_main(int argc, char **argv)
{
    av_management self = { 0 };
    av_actor_config config = { .program = "archivolt-management",
        .help = "Keeps nodes, instances, administrators and the signed registry of the system.",
        .name = "management",
        .settings = av_management_settings_table,
        .settings_into = &self.settings,
        .on_start = on_start,
        .on_ready = on_ready,
        .on_reconnect = on_reconnect,
        .on_stop = on_stop,
        .on_end = on_end,
        .on_status = on_status,
        .self = &self };

    return av_actor_main(&config, argc, argv);
}
