/*
 * admins.c - see admins.h
 */
#include "actors/management/admins.h"

#include "actors/management/db.h"
#include "base/map.h"
#include "base/unicode.h"

#define PASSWORD_MAX 1024
#define TEXT_MAX     1024

struct av_admins {
    av_meta *db;
    av_map *by_name; /* folded name -> av_admin */
};

static void
admin_free(void *admin)
{
    av_admin *a = admin;

    archivolt__system_administrator__free_unpacked(a->config, NULL);
    av_secret_wipe(a->hash, sizeof a->hash);
    free(a);
}

av_errc
av_admin_fold(const char *name, av_buf *out, av_error *err)
{
    av_span s = av_span_str(name);

    av_buf_clear(out);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == '/' || s.p[i] == ':')
            s.n = 0;
    if (s.n == 0 || s.n > AV_ADMIN_NAME_MAX || !av_unicode_fold(s, out) || out->n > 2 * AV_ADMIN_NAME_MAX)
        return av_error_set(err, AV_ERR_INVALID,
            "a user name has 1 to %d bytes of UTF-8, without '/', ':' and control characters", AV_ADMIN_NAME_MAX);
    return AV_OK;
}

av_errc
av_password_check(const char *password, av_error *err)
{
    size_t n = strlen(password);

    if (n < AV_PASSWORD_MIN)
        return av_error_set(err, AV_ERR_INVALID, "the password must have at least %d characters", AV_PASSWORD_MIN);
    if (n > PASSWORD_MAX)
        return av_error_set(err, AV_ERR_INVALID, "the password must have at most %d bytes", PASSWORD_MAX);
    return AV_OK;
}

/* ---- rows: password hash, packed SystemAdministrator ---- */

static av_errc
parse_row(av_span key, av_span row, av_admin **ret, av_error *err)
{
    av_admin *admin = av_xcalloc(1, sizeof *admin);
    ProtobufCMessage *config = NULL;
    av_span hash;

    if (!av_db_get_blob(&row, &hash) || hash.n >= sizeof admin->hash ||
        !av_db_get_message(&row, &archivolt__system_administrator__descriptor, &config)) {
        free(admin);
        return av_error_set(err, AV_ERR_CORRUPT, "the record of administrator \"%.*s\" cannot be read",
            (int)AV_MIN(key.n, 80), (const char *)key.p);
    }
    memcpy(admin->hash, hash.p, hash.n);
    admin->config = (void *)config;
    *ret = admin;
    return AV_OK;
}

static av_errc
load_row(void *ctx, av_span key, av_span row, av_error *err)
{
    av_admins *self = ctx;
    av_admin *admin = NULL;
    av_errc rc = parse_row(key, row, &admin, err);

    if (rc == AV_OK)
        (void)av_map_put(self->by_name, key, admin);
    return rc;
}

static void
put_row(av_admins *self, av_span key, const av_admin *admin)
{
    AV_CLEANUP(av_buf_release_secret) av_buf row = { 0 };

    av_buf_init(&row, AV_DB_ROW_MAX);
    (void)av_db_put_blob(&row, av_span_str(admin->hash));
    (void)av_db_put_message(&row, &admin->config->base);
    av_db_put(self->db, AV_DB_ADMIN, key, av_buf_span(&row));
}

av_errc
av_admins_open(av_meta *db, av_admins **ret, av_error *err)
{
    av_admins *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->db = db;
    self->by_name = av_map_new();
    rc = av_db_each(db, AV_DB_ADMIN, load_row, self, err);
    if (rc != AV_OK)
        av_admins_destroy(&self);
    else
        *ret = self;
    return rc;
}

void
av_admins_destroy(av_admins **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->by_name, admin_free);
    free(*self);
    *self = NULL;
}

/* ---- reading ---- */

static av_admin *
find(const av_admins *self, const char *name, av_buf *folded, av_error *err)
{
    av_admin *found;

    if (av_admin_fold(name, folded, err) != AV_OK)
        return NULL;
    found = av_map_get(self->by_name, av_buf_span(folded));
    if (found == NULL)
        (void)av_error_set(err, AV_ERR_NOT_FOUND, "there is no administrator \"%.80s\"", name);
    return found;
}

const av_admin *
av_admins_find(const av_admins *self, const char *name)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    av_error err;

    av_buf_init(&folded, TEXT_MAX);
    return find(self, name, &folded, &err);
}

size_t
av_admins_count(const av_admins *self)
{
    return av_map_count(self->by_name);
}

struct named {
    av_span key;
    const av_admin *admin;
};

static int
by_key(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = memcmp(x->key.p, y->key.p, AV_MIN(x->key.n, y->key.n));

    return order != 0 ? order : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

const av_admin **
av_admins_list(const av_admins *self)
{
    size_t count = av_map_count(self->by_name), at = 0, n = 0;
    AV_CLEANUP(av_free) struct named *rows = av_xcalloc(count, sizeof *rows);
    const av_admin **list = av_xcalloc(count, sizeof *list);
    av_span key;
    void *value;

    while (av_map_next(self->by_name, &at, &key, &value))
        rows[n++] = (struct named){ key, value };
    if (n > 1)
        qsort(rows, n, sizeof *rows, by_key);
    for (size_t i = 0; i < n; i++)
        list[i] = rows[i].admin;
    return list;
}

/* ---- changing ---- */

static av_errc
check_texts(const Archivolt__SystemAdministrator *config, av_error *err)
{
    const char *mail = config->email_address;

    if (mail != NULL && mail[0] != '\0' && (strchr(mail, '@') == NULL || strpbrk(mail, " \r\n\t<>,") != NULL))
        return av_error_set(err, AV_ERR_INVALID, "\"%.80s\" is not an e-mail address", mail);
    return AV_OK;
}

av_errc
av_admins_create(av_admins *self, const Archivolt__SystemAdministrator *config, const char *hash, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    av_admin *admin;
    av_errc rc;

    av_buf_init(&folded, TEXT_MAX);
    rc = av_admin_fold(config->user_name, &folded, err);
    if (rc == AV_OK)
        rc = check_texts(config, err);
    if (rc != AV_OK)
        return rc;
    if (av_map_get(self->by_name, av_buf_span(&folded)) != NULL)
        return av_error_set(err, AV_ERR_EXISTS, "there is an administrator \"%.80s\" already", config->user_name);
    if (av_map_count(self->by_name) >= AV_ADMINS_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "there are %d administrators already", AV_ADMINS_MAX);
    admin = av_xcalloc(1, sizeof *admin);
    admin->config = (void *)av_message_clone(&config->base);
    (void)snprintf(admin->hash, sizeof admin->hash, "%s", hash);
    put_row(self, av_buf_span(&folded), admin);
    (void)av_map_put(self->by_name, av_buf_span(&folded), admin);
    return AV_OK;
}

av_errc
av_admins_configure(av_admins *self, const Archivolt__SystemAdministrator *config, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    av_admin *admin;
    char *name;

    av_buf_init(&folded, TEXT_MAX);
    admin = find(self, config->user_name, &folded, err);
    if (admin == NULL || check_texts(config, err) != AV_OK)
        return err->code;
    name = av_xstrdup(admin->config->user_name); /* its spelling stays */
    archivolt__system_administrator__free_unpacked(admin->config, NULL);
    admin->config = (void *)av_message_clone(&config->base);
    free(admin->config->user_name);
    admin->config->user_name = name;
    put_row(self, av_buf_span(&folded), admin);
    return AV_OK;
}

av_errc
av_admins_set_hash(av_admins *self, const char *name, const char *hash, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    av_admin *admin;

    av_buf_init(&folded, TEXT_MAX);
    admin = find(self, name, &folded, err);
    if (admin == NULL)
        return err->code;
    (void)snprintf(admin->hash, sizeof admin->hash, "%s", hash);
    put_row(self, av_buf_span(&folded), admin);
    return AV_OK;
}

av_errc
av_admins_delete(av_admins *self, const char *name, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    av_admin *admin;

    av_buf_init(&folded, TEXT_MAX);
    admin = find(self, name, &folded, err);
    if (admin == NULL)
        return err->code;
    if (av_map_count(self->by_name) == 1)
        return av_error_set(err, AV_ERR_INVALID, "\"%.80s\" is the last administrator and cannot be deleted", name);
    av_db_delete(self->db, AV_DB_ADMIN, av_buf_span(&folded));
    (void)av_map_remove(self->by_name, av_buf_span(&folded));
    admin_free(admin);
    return AV_OK;
}

void
av_admins_reload(av_admins *self, const char *name)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    AV_CLEANUP(av_buf_release_secret) av_buf row = { 0 };
    av_admin *admin;
    av_error err;

    av_buf_init(&folded, TEXT_MAX);
    av_buf_init(&row, AV_DB_ROW_MAX);
    if (av_admin_fold(name, &folded, &err) != AV_OK)
        return;
    admin = av_map_remove(self->by_name, av_buf_span(&folded));
    if (admin != NULL)
        admin_free(admin);
    if (av_db_get(self->db, AV_DB_ADMIN, av_buf_span(&folded), &row, &err) == AV_OK)
        (void)load_row(self, av_buf_span(&folded), av_buf_span(&row), &err);
}
