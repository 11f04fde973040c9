/*
 * instances.c - see instances.h
 */
#include "actors/management/instances.h"

#include "actors/management/db.h"
#include "base/clock.h"
#include "base/map.h"

#define DISPLAY_MAX 255
#define BASE_MAX    4096
#define ROW_VERSION 1

struct av_instances {
    av_meta *db;
    av_map *by_id;   /* owns */
    av_map *by_name; /* ids and aliases */
};

static void
instance_free(void *instance)
{
    av_instance *i = instance;

    archivolt__instance_config__free_unpacked(i->config, NULL);
    free(i);
}

/* ---- configurations ---- */

static bool
is_name(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++) {
        bool alnum = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');

        if (!alnum && (i == 0 || strchr("._-", s[i]) == NULL))
            return false;
    }
    return n > 0 && n <= AV_INSTANCE_ID_MAX;
}

static void
lower(char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
}

/* An empty optional text is the same as none. */
static void
drop_empty(char **s)
{
    if (*s != NULL && **s == '\0') {
        free(*s);
        *s = NULL;
    }
}

static av_errc
check_display(const char *text, av_error *err)
{
    if (text == NULL)
        return AV_OK;
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return av_error_set(err, AV_ERR_INVALID, "displayName must not hold control characters");
    if (strlen(text) > DISPLAY_MAX)
        return av_error_set(err, AV_ERR_INVALID, "displayName has at most %d bytes", DISPLAY_MAX);
    return AV_OK;
}

static av_errc
check_config(const Archivolt__InstanceConfig *c, av_error *err)
{
    if (!is_name(c->instance_id))
        return av_error_set(err, AV_ERR_INVALID,
            "instanceID must be 1 to %d letters, digits, '.', '_' or '-', beginning with a letter or digit",
            AV_INSTANCE_ID_MAX);
    if (c->alias != NULL && !is_name(c->alias))
        return av_error_set(err, AV_ERR_INVALID, "alias must follow the same rules as instanceID");
    if (c->alias != NULL && strcmp(c->alias, c->instance_id) == 0)
        return av_error_set(err, AV_ERR_INVALID, "alias must differ from instanceID");
    if (c->base_directory != NULL && (c->base_directory[0] != '/' || strlen(c->base_directory) > BASE_MAX))
        return av_error_set(err, AV_ERR_INVALID, "baseDirectory must be an absolute path");
    return check_display(c->display_name, err);
}

av_errc
av_instance_config_normalise(const Archivolt__InstanceConfig *config, Archivolt__InstanceConfig **ret, av_error *err)
{
    Archivolt__InstanceConfig *c = (void *)av_message_clone(&config->base);
    av_errc rc;

    lower(c->instance_id);
    drop_empty(&c->alias);
    drop_empty(&c->display_name);
    drop_empty(&c->instance_host);
    drop_empty(&c->base_directory);
    lower(c->alias);
    if (!c->has_start_mode)
        c->start_mode = ARCHIVOLT__START_MODE__START_MODE_AUTOMATIC;
    if (!c->has_sleep_allowed)
        c->sleep_allowed = true;
    c->has_start_mode = c->has_sleep_allowed = true;
    c->has_debug_log_enabled = c->has_imap_server_connection_log_enabled = true;
    rc = check_config(c, err);
    if (rc != AV_OK)
        archivolt__instance_config__free_unpacked(c, NULL);
    else
        *ret = c;
    return rc;
}

/* ---- memory ---- */

static void
remember(av_instances *self, av_instance *i)
{
    (void)av_map_put_str(self->by_id, i->config->instance_id, i);
    (void)av_map_put_str(self->by_name, i->config->instance_id, i);
    if (i->config->alias != NULL)
        (void)av_map_put_str(self->by_name, i->config->alias, i);
}

static void
forget(av_instances *self, av_instance *i)
{
    (void)av_map_remove_str(self->by_id, i->config->instance_id);
    (void)av_map_remove_str(self->by_name, i->config->instance_id);
    if (i->config->alias != NULL)
        (void)av_map_remove_str(self->by_name, i->config->alias);
}

/* Rows: version, stage, keep_files, created, task key, task digest, packed InstanceConfig. */
static av_errc
parse_row(av_span key, av_span row, av_instance **ret, av_error *err)
{
    av_instance *i = av_xcalloc(1, sizeof *i);
    uint8_t version = 0, stage = 0, keep = 0;
    uint64_t created = 0;
    ProtobufCMessage *config = NULL;
    av_span task_key, digest;
    bool ok = av_span_get_u8(&row, &version) && version == ROW_VERSION && av_span_get_u8(&row, &stage) &&
              av_span_get_u8(&row, &keep) && av_span_get_u64(&row, &created) && av_db_get_blob(&row, &task_key) &&
              task_key.n <= sizeof i->task_key && av_db_get_blob(&row, &digest) && digest.n == sizeof i->task_digest &&
              stage >= AV_STAGE_CREATING && stage <= AV_STAGE_UNDOING &&
              av_db_get_message(&row, &archivolt__instance_config__descriptor, &config);

    if (!ok) {
        free(i);
        return av_error_set(err, AV_ERR_CORRUPT, "the record of instance \"%.*s\" cannot be read",
            (int)AV_MIN(key.n, 63), (const char *)key.p);
    }
    i->config = (void *)config;
    i->stage = (av_stage)stage;
    i->keep_files = keep != 0;
    i->created_ms = (int64_t)created;
    memcpy(i->task_key, task_key.p, task_key.n);
    i->task_key_n = task_key.n;
    memcpy(i->task_digest, digest.p, digest.n);
    *ret = i;
    return AV_OK;
}

static av_errc
load_row(void *ctx, av_span key, av_span row, av_error *err)
{
    av_instance *i = NULL;
    av_errc rc = parse_row(key, row, &i, err);

    if (rc != AV_OK)
        return rc;
    assert(i != NULL);
    remember(ctx, i);
    return AV_OK;
}

av_errc
av_instances_open(av_meta *db, av_instances **ret, av_error *err)
{
    av_instances *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->db = db;
    self->by_id = av_map_new();
    self->by_name = av_map_new();
    rc = av_db_each(db, AV_DB_INSTANCE, load_row, self, err);
    if (rc != AV_OK)
        av_instances_destroy(&self);
    else
        *ret = self;
    return rc;
}

void
av_instances_destroy(av_instances **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->by_name, NULL);
    av_map_destroy(&(*self)->by_id, instance_free);
    free(*self);
    *self = NULL;
}

size_t
av_instances_count(const av_instances *self)
{
    return av_map_count(self->by_id);
}

av_instance *
av_instances_find(const av_instances *self, const char *name)
{
    char folded[AV_INSTANCE_ID_MAX + 1];

    if (strlen(name) > AV_INSTANCE_ID_MAX)
        return NULL;
    (void)snprintf(folded, sizeof folded, "%s", name);
    lower(folded);
    return av_map_get_str(self->by_name, folded);
}

static int
by_id(const void *a, const void *b)
{
    return strcmp((*(av_instance *const *)a)->config->instance_id, (*(av_instance *const *)b)->config->instance_id);
}

av_instance **
av_instances_list(const av_instances *self, size_t *ret_count)
{
    av_instance **list = av_xcalloc(av_map_count(self->by_id), sizeof *list);
    size_t at = 0, n = 0;
    av_span key;
    void *value;

    while (av_map_next(self->by_id, &at, &key, &value))
        list[n++] = value;
    if (n > 1)
        qsort(list, n, sizeof(*list), by_id);
    *ret_count = n;
    return list;
}

/* ---- names ---- */

static void
put_tombstone(av_instances *self, const char *name, int64_t until_ms, const char *owner)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_buf_init(&row, 256);
    (void)av_buf_put_u64(&row, (uint64_t)until_ms);
    (void)av_db_put_blob(&row, av_span_str(owner));
    av_db_put(self->db, AV_DB_TOMBSTONE, av_span_str(name), av_buf_span(&row));
}

static av_errc
name_free(av_instances *self, const char *name, const av_instance *except, av_error *err)
{
    const av_instance *holder = av_map_get_str(self->by_name, name);
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint64_t until = 0;
    av_span rest, owner;
    char day[32];
    av_errc rc;

    if (holder != NULL && holder != except)
        return av_error_set(
            err, AV_ERR_EXISTS, "the name \"%s\" is that of instance %s", name, holder->config->instance_id);
    av_buf_init(&row, 256);
    rc = av_db_get(self->db, AV_DB_TOMBSTONE, av_span_str(name), &row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK;
    if (rc != AV_OK)
        return rc;
    rest = av_buf_span(&row);
    if (!av_span_get_u64(&rest, &until) || !av_db_get_blob(&rest, &owner) || (int64_t)until <= av_clock_wall_ms())
        return AV_OK;
    if (except != NULL && av_span_eq_str(owner, except->config->instance_id))
        return AV_OK;
    return av_error_set(err, AV_ERR_EXISTS, "the name \"%s\" was that of a deleted instance and is free again on %.10s",
        name, av_clock_format((int64_t)until, day));
}

av_errc
av_instances_names_free(
    av_instances *self, const Archivolt__InstanceConfig *config, const av_instance *except, av_error *err)
{
    av_errc rc = name_free(self, config->instance_id, except, err);

    if (rc == AV_OK && config->alias != NULL)
        rc = name_free(self, config->alias, except, err);
    return rc;
}

/* ---- changes ---- */

void
av_instances_put(av_instances *self, const av_instance *i)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_buf_init(&row, AV_DB_ROW_MAX);
    (void)av_buf_put_u8(&row, ROW_VERSION);
    (void)av_buf_put_u8(&row, (uint8_t)i->stage);
    (void)av_buf_put_u8(&row, i->keep_files);
    (void)av_buf_put_u64(&row, (uint64_t)i->created_ms);
    (void)av_db_put_blob(&row, av_span_of(i->task_key, i->task_key_n));
    (void)av_db_put_blob(&row, av_span_of(i->task_digest, sizeof i->task_digest));
    (void)av_db_put_message(&row, &i->config->base);
    assert(!row.full); /* each text has its own bound */
    av_db_put(self->db, AV_DB_INSTANCE, av_span_str(i->config->instance_id), av_buf_span(&row));
}

av_errc
av_instances_save(av_instances *self, const av_instance *instance, av_error *err)
{
    av_meta_begin(self->db);
    av_instances_put(self, instance);
    return av_meta_commit(self->db, true, err);
}

av_errc
av_instances_add_take(av_instances *self, Archivolt__InstanceConfig **config, av_span task_key, av_span task_digest,
    av_instance **ret, av_error *err)
{
    av_instance *i;
    av_errc rc;

    if (av_map_count(self->by_id) >= AV_INSTANCES_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "there are %d instances already", AV_INSTANCES_MAX);
    assert(task_key.n <= AV_INSTANCE_KEY_MAX && (task_digest.n == 0 || task_digest.n == sizeof i->task_digest));
    i = av_xcalloc(1, sizeof *i);
    i->config = *config;
    i->stage = AV_STAGE_CREATING;
    i->created_ms = av_clock_wall_ms();
    if (task_key.n > 0) {
        memcpy(i->task_key, task_key.p, task_key.n);
        i->task_key_n = task_key.n;
        memcpy(i->task_digest, task_digest.p, task_digest.n);
    }
    rc = av_instances_save(self, i, err);
    if (rc != AV_OK) {
        free(i);
        return rc;
    }
    *config = NULL;
    remember(self, i);
    *ret = i;
    return AV_OK;
}

void
av_instances_configure_take(av_instances *self, av_instance *i, Archivolt__InstanceConfig **config, int64_t reuse_ms)
{
    const char *old = i->config->alias, *new = (*config)->alias;

    if (old != NULL && (new == NULL || strcmp(old, new) != 0))
        put_tombstone(self, old, av_clock_wall_ms() + reuse_ms, i->config->instance_id);
    forget(self, i);
    archivolt__instance_config__free_unpacked(i->config, NULL);
    i->config = AV_TAKE(*config);
    remember(self, i);
    av_instances_put(self, i);
}

void
av_instances_reload(av_instances *self, const char *id)
{
    av_instance *i = av_map_get_str(self->by_id, id), *fresh = NULL;
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_error err;

    av_buf_init(&row, AV_DB_ROW_MAX);
    if (i == NULL || av_db_get(self->db, AV_DB_INSTANCE, av_span_str(id), &row, &err) != AV_OK ||
        parse_row(av_span_str(id), av_buf_span(&row), &fresh, &err) != AV_OK)
        return;
    assert(fresh != NULL);
    forget(self, i);
    archivolt__instance_config__free_unpacked(i->config, NULL); /* i stays: others hold it */
    i->config = AV_TAKE(fresh->config);
    i->stage = fresh->stage;
    i->keep_files = fresh->keep_files;
    free(fresh);
    remember(self, i);
}

av_errc
av_instances_remove(av_instances *self, av_instance *i, int64_t reuse_ms, av_error *err)
{
    int64_t until = av_clock_wall_ms() + reuse_ms;
    av_errc rc;

    av_meta_begin(self->db);
    av_db_delete(self->db, AV_DB_INSTANCE, av_span_str(i->config->instance_id));
    if (reuse_ms > 0) {
        put_tombstone(self, i->config->instance_id, until, i->config->instance_id);
        if (i->config->alias != NULL)
            put_tombstone(self, i->config->alias, until, i->config->instance_id);
    }
    rc = av_meta_commit(self->db, true, err);
    if (rc != AV_OK)
        return rc;
    forget(self, i);
    instance_free(i);
    return AV_OK;
}
