/*
 * registrar.c - see registrar.h; pushing to the broker is in registrar_push.c
 */
#include "actors/management/registrar_priv.h"

#include "actors/bus/names.h"
#include "actors/management/db.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#define WORKER_KEEP_MS INT64_C(86400000)
#define SERIAL_KEY     "serial"

static void
entry_free(void *entry)
{
    av_reg_entry *e = entry;

    if (e == NULL)
        return;
    archivolt__registry_entry__free_unpacked(e->fields, NULL);
    free(e->packed);
    free(e);
}

static int
by_serial(const void *a, const void *b)
{
    const av_reg_entry *x = *(av_reg_entry *const *)a, *y = *(av_reg_entry *const *)b;

    return x->fields->serial < y->fields->serial ? -1 : x->fields->serial > y->fields->serial;
}

static av_span
key_of(const av_reg_entry *e)
{
    return av_span_of(e->fields->public_key.data, e->fields->public_key.len);
}

/* Take it into memory in place of the older entry of its key. e becomes ours. */
static void
remember(av_registrar *self, av_reg_entry *e)
{
    av_reg_entry *before;

    assert(e != NULL);
    before = av_map_put(self->by_key, key_of(e), e);
    if (before != NULL) {
        for (size_t i = 0; i < self->count; i++)
            if (self->ordered[i] == before) {
                memmove(&self->ordered[i], &self->ordered[i + 1], (self->count - i - 1) * sizeof *self->ordered);
                self->count--;
                break;
            }
        if (av_map_get_str(self->by_name, before->fields->name) == before)
            (void)av_map_remove_str(self->by_name, before->fields->name);
        entry_free(before);
    }
    self->ordered = av_xrealloc(self->ordered, (self->count + 1) * sizeof *self->ordered);
    self->ordered[self->count++] = e;
    if (!e->fields->revoked)
        (void)av_map_put_str(self->by_name, e->fields->name, e);
    self->serial = AV_MAX(self->serial, e->fields->serial);
}

/* Our own entry from its packed SignedEntry. */
static av_errc
open_entry(const av_registrar *self, av_span packed, int64_t at_ms, av_reg_entry **ret, av_error *err)
{
    Archivolt__SignedEntry *wrapped = archivolt__signed_entry__unpack(NULL, packed.n, packed.p);
    Archivolt__RegistryEntry *fields = NULL;
    av_reg_entry *e;
    av_errc rc;

    if (wrapped == NULL)
        return av_error_set(err, AV_ERR_CORRUPT, "a registry entry cannot be read");
    rc = av_registry_entry_open(wrapped, self->public_key, &fields, err);
    archivolt__signed_entry__free_unpacked(wrapped, NULL);
    if (rc != AV_OK)
        return av_error_set(err, AV_ERR_CORRUPT, "a registry entry is not signed by this Management Server's key");
    e = av_xcalloc(1, sizeof *e);
    e->fields = fields;
    e->at_ms = at_ms;
    e->packed = av_xalloc(packed.n);
    memcpy(e->packed, packed.p, packed.n);
    e->packed_n = packed.n;
    *ret = e;
    return AV_OK;
}

static void
put_row(av_registrar *self, const av_reg_entry *e)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_buf_init(&row, AV_DB_ROW_MAX);
    (void)av_buf_put_u64(&row, (uint64_t)e->at_ms);
    (void)av_db_put_blob(&row, av_span_of(e->packed, e->packed_n));
    assert(!row.full);
    av_db_put(self->db, AV_DB_ENTRY, key_of(e), av_buf_span(&row));
}

static void
put_serial(av_registrar *self, uint64_t serial)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_buf_init(&row, 16);
    (void)av_buf_put_u64(&row, serial);
    av_db_put(self->db, AV_DB_VALUE, av_span_str(SERIAL_KEY), av_buf_span(&row));
}

/* ---- opening ---- */

static av_errc
load_row(void *ctx, av_span key AV_UNUSED, av_span row, av_error *err)
{
    av_registrar *self = ctx;
    av_reg_entry *e = NULL;
    uint64_t at_ms = 0;
    av_span packed;
    av_errc rc;

    if (!av_span_get_u64(&row, &at_ms) || !av_db_get_blob(&row, &packed))
        return av_error_set(err, AV_ERR_CORRUPT, "a registry row cannot be read");
    rc = open_entry(self, packed, (int64_t)at_ms, &e, err);
    if (rc == AV_OK)
        remember(self, e);
    return rc;
}

static av_errc
load_serial(av_registrar *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint64_t serial = 0;
    av_span rest;
    av_errc rc;

    av_buf_init(&row, 64);
    rc = av_db_get(self->db, AV_DB_VALUE, av_span_str(SERIAL_KEY), &row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK;
    rest = av_buf_span(&row);
    if (rc == AV_OK && !av_span_get_u64(&rest, &serial))
        return av_error_set(err, AV_ERR_CORRUPT, "the registry serial cannot be read");
    self->serial = AV_MAX(self->serial, serial);
    return rc;
}

av_errc
av_registrar_open(av_meta *db, const uint8_t secret[AV_SIGN_SECRET], av_registrar **ret, av_error *err)
{
    av_registrar *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->db = db;
    memcpy(self->secret, secret, AV_SIGN_SECRET);
    memcpy(self->public_key, secret + AV_SIGN_SECRET - AV_SIGN_PUBLIC,
        AV_SIGN_PUBLIC); /* libsodium: seed, then public key */
    self->by_key = av_map_new();
    self->by_name = av_map_new();
    rc = av_db_each(db, AV_DB_ENTRY, load_row, self, err);
    if (rc == AV_OK)
        rc = load_serial(self, err);
    if (rc != AV_OK) {
        av_registrar_destroy(&self);
        return rc;
    }
    if (self->count > 1)
        qsort(self->ordered, self->count, sizeof *self->ordered, by_serial);
    *ret = self;
    return AV_OK;
}

void
av_registrar_destroy(av_registrar **self)
{
    av_registrar *s = *self;

    if (s == NULL)
        return;
    av_registrar_push_end(s);
    av_map_destroy(&s->by_name, NULL);
    av_map_destroy(&s->by_key, entry_free);
    av_secret_wipe(s->secret, sizeof s->secret);
    free(s->ordered);
    free(s);
    *self = NULL;
}

/* Entries in one synced group, then in memory. All become ours. */
static av_errc
commit(av_registrar *self, av_reg_entry **entries, size_t count, av_error *err)
{
    uint64_t serial = self->serial;
    av_errc rc;

    assert(!av_meta_in_group(self->db));
    av_meta_begin(self->db);
    for (size_t i = 0; i < count; i++) {
        assert(entries[i] != NULL);
        put_row(self, entries[i]);
        serial = AV_MAX(serial, entries[i]->fields->serial);
    }
    put_serial(self, serial);
    rc = av_meta_commit(self->db, true, err);
    for (size_t i = 0; i < count; i++) {
        if (rc == AV_OK)
            remember(self, entries[i]);
        else
            entry_free(entries[i]);
    }
    return rc;
}

av_errc
av_registrar_import(av_registrar *self, av_span file, av_error *err)
{
    Archivolt__RegistryFile *all = archivolt__registry_file__unpack(NULL, file.n, file.p);
    AV_CLEANUP(av_free) av_reg_entry **entries = NULL;
    size_t count = 0;
    av_errc rc = AV_OK;

    if (all == NULL)
        return av_error_set(err, AV_ERR_CORRUPT, "the broker's registry file cannot be read");
    entries = av_xcalloc(all->n_entries, sizeof *entries);
    for (size_t i = 0; rc == AV_OK && i < all->n_entries; i++) {
        AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
        av_reg_entry *e = NULL;

        av_buf_init(&packed, AV_DB_ROW_MAX);
        if (!av_db_put_message(&packed, &all->entries[i]->base))
            rc = av_error_set(err, AV_ERR_LIMIT, "a registry entry is too large");
        else
            rc = open_entry(self, av_span_skip(av_buf_span(&packed), 4), av_clock_wall_ms(), &e, err);
        if (rc != AV_OK)
            break;
        assert(e != NULL);
        if (av_map_get(self->by_key, key_of(e)) == NULL)
            entries[count++] = e;
        else
            entry_free(e);
    }
    archivolt__registry_file__free_unpacked(all, NULL);
    if (rc == AV_OK && count > 0) {
        rc = commit(self, entries, count, err);
        if (rc == AV_OK)
            qsort(self->ordered, self->count, sizeof *self->ordered, by_serial);
        return rc;
    }
    for (size_t i = 0; i < count; i++)
        entry_free(entries[i]);
    return rc;
}

/* ---- changes ---- */

uint64_t
av_registrar_serial(const av_registrar *self)
{
    return self->serial;
}

const uint8_t *
av_registrar_key(const av_registrar *self, const char *name)
{
    const av_reg_entry *e = av_map_get_str(self->by_name, name);

    return e == NULL ? NULL : e->fields->public_key.data;
}

static av_errc
sign(const av_registrar *self, const Archivolt__RegistryEntry *fields, av_reg_entry **ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };

    av_buf_init(&packed, AV_DB_ROW_MAX);
    if (!av_registry_entry_sign(fields, self->secret, &packed))
        return av_error_set(err, AV_ERR_LIMIT, "the registry entry of %s is too large", fields->name);
    return open_entry(self, av_buf_span(&packed), av_clock_wall_ms(), ret, err);
}

static bool
same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* Whether the key may stand for that name; *ret_same when nothing is to be done. */
static av_errc
check_key(
    const av_reg_entry *known, const char *name, const char *node, const char *host, bool *ret_same, av_error *err)
{
    *ret_same = false;
    if (known == NULL)
        return AV_OK;
    if (strcmp(known->fields->name, name) != 0)
        return av_error_set(err, AV_ERR_EXISTS, "the key given for %s is that of %s", name, known->fields->name);
    if (known->fields->revoked)
        return av_error_set(err, AV_ERR_CONFLICT, "the key given for %s was revoked; make a new one", name);
    *ret_same = same_text(known->fields->node, node) && same_text(known->fields->host, host);
    return AV_OK;
}

static av_errc
check_name(const char *name, const char *node, av_error *err)
{
    av_span in_name;

    if (!av_actor_name_valid(av_span_str(name)))
        return av_error_set(err, AV_ERR_INVALID, "\"%.100s\" is not the name of an actor", name);
    in_name = av_actor_name_node(av_span_str(name));
    if (!av_node_name_valid(av_span_str(node)) || (in_name.n > 0 && !av_span_eq_str(in_name, node)))
        return av_error_set(err, AV_ERR_INVALID, "%s cannot stand on node \"%.63s\"", name, node);
    return AV_OK;
}

/* The revocation of an entry, with this serial. */
static av_errc
sign_revocation(const av_registrar *self, const av_reg_entry *e, uint64_t serial, av_reg_entry **ret, av_error *err)
{
    Archivolt__RegistryEntry fields = *e->fields;

    fields.serial = serial;
    fields.has_revoked = true;
    fields.revoked = true;
    return sign(self, &fields, ret, err);
}

av_errc
av_registrar_register(av_registrar *self, const char *name, const char *node, const char *host,
    const uint8_t key[AV_KEY_SIZE], uint64_t *ret_serial, av_error *err)
{
    const av_reg_entry *known = av_map_get(self->by_key, av_span_of(key, AV_KEY_SIZE));
    const av_reg_entry *before = av_map_get_str(self->by_name, name);
    Archivolt__RegistryEntry fields = ARCHIVOLT__REGISTRY_ENTRY__INIT;
    uint64_t serial = self->serial;
    av_reg_entry *made[2] = { NULL, NULL };
    size_t count = 0;
    bool same;
    av_errc rc = check_name(name, node, err);

    if (rc == AV_OK)
        rc = check_key(known, name, node, host, &same, err);
    if (rc != AV_OK)
        return rc;
    if (same) {
        *ret_serial = known->fields->serial;
        return AV_OK;
    }
    if (before != NULL && before != known)
        rc = sign_revocation(self, before, ++serial, &made[count++], err);
    if (rc != AV_OK)
        return rc;
    fields.serial = ++serial;
    fields.name = (char *)(uintptr_t)name;
    fields.node = (char *)(uintptr_t)node;
    fields.host = (char *)(uintptr_t)host;
    fields.public_key = (ProtobufCBinaryData){ AV_KEY_SIZE, (uint8_t *)(uintptr_t)key };
    rc = sign(self, &fields, &made[count], err);
    if (rc != AV_OK) {
        if (count > 0)
            entry_free(made[0]);
        return rc;
    }
    rc = commit(self, made, count + 1, err);
    if (rc != AV_OK)
        return rc;
    AV_LOG(AV_LOG_INFO, "registry.registered", AV_STR("name", name), AV_U64("serial", serial));
    *ret_serial = serial;
    av_registrar_pump(self);
    return AV_OK;
}

av_errc
av_registrar_revoke(av_registrar *self, const char *name, uint64_t *ret_serial, av_error *err)
{
    const av_reg_entry *e = av_map_get_str(self->by_name, name);
    av_reg_entry *made = NULL;
    av_errc rc;

    if (e == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "no key of %.100s is in force", name);
    rc = sign_revocation(self, e, self->serial + 1, &made, err);
    if (rc == AV_OK)
        rc = commit(self, &made, 1, err);
    if (rc != AV_OK)
        return rc;
    AV_LOG(AV_LOG_INFO, "registry.revoked", AV_STR("name", name), AV_U64("serial", self->serial));
    *ret_serial = self->serial;
    av_registrar_pump(self);
    return AV_OK;
}

av_errc
av_registrar_raise(av_registrar *self, uint64_t serial, av_error *err)
{
    av_errc rc;

    if (serial <= self->serial)
        return AV_OK;
    av_meta_begin(self->db);
    put_serial(self, serial);
    rc = av_meta_commit(self->db, true, err);
    if (rc == AV_OK)
        self->serial = serial;
    return rc;
}

/* ---- pruning ---- */

static bool
is_stale(const av_registrar *self, const av_reg_entry *e, int64_t now)
{
    return e->fields->revoked && e->fields->serial <= self->held && strncmp(e->fields->name, "worker/", 7) == 0 &&
           now - e->at_ms > WORKER_KEEP_MS;
}

av_errc
av_registrar_prune(av_registrar *self, int64_t now_unix_ms, av_error *err)
{
    size_t kept = 0;
    av_errc rc;

    av_meta_begin(self->db);
    for (size_t i = 0; i < self->count; i++)
        if (is_stale(self, self->ordered[i], now_unix_ms))
            av_db_delete(self->db, AV_DB_ENTRY, key_of(self->ordered[i]));
    rc = av_meta_commit(self->db, true, err);
    if (rc != AV_OK)
        return rc;
    for (size_t i = 0; i < self->count; i++) {
        av_reg_entry *e = self->ordered[i];

        if (!is_stale(self, e, now_unix_ms)) {
            self->ordered[kept++] = e;
            continue;
        }
        (void)av_map_remove(self->by_key, key_of(e));
        entry_free(e);
    }
    self->count = kept;
    return AV_OK;
}
