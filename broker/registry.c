/*
 * registry.c - see registry.h; the file is a packed RegistryFile (proto/broker.proto)
 *
 * An update is staged beside the entries in force, written with them to a new file, and only then put in their place:
 * what a reader of memory sees is on disk. The whole file is rewritten each time: a node holds some thousand entries
 * of 250 bytes.
 */
#include "broker/registry.h"

#include "base/file.h"

#define FILE_MAX_BYTES (64U * 1024 * 1024)

struct av_registry {
    char *path; /* NULL: memory alone */
    uint8_t public_key[AV_SIGN_PUBLIC];
    av_map *by_key;  /* 32 bytes -> av_registry_entry, owned */
    av_map *by_name; /* name -> the newest entry not revoked, borrowed */
    uint64_t serial, floor;
    bool paired;
};

static void
free_entry(void *p)
{
    av_registry_entry *entry = p;

    free(entry->name);
    free(entry->node);
    free(entry->host);
    free((void *)(uintptr_t)entry->entry.p);
    free(entry);
}

/* An entry of its own from its two forms. */
static av_registry_entry *
new_entry(const Archivolt__RegistryEntry *open, const Archivolt__SignedEntry *sealed)
{
    av_registry_entry *entry = av_xcalloc(1, sizeof *entry);
    uint8_t *bytes = av_xalloc(sealed->entry.len + sealed->signature.len);

    memcpy(bytes, sealed->entry.data, sealed->entry.len);
    memcpy(bytes + sealed->entry.len, sealed->signature.data, sealed->signature.len);
    entry->entry = av_span_of(bytes, sealed->entry.len);
    entry->signature = av_span_of(bytes + sealed->entry.len, sealed->signature.len);
    entry->serial = open->serial;
    entry->name = av_xstrdup(open->name);
    entry->node = av_xstrdup(open->node);
    entry->host = open->host == NULL || open->host[0] == '\0' ? NULL : av_xstrdup(open->host);
    entry->revoked = open->has_revoked && open->revoked;
    memcpy(entry->key, open->public_key.data, AV_KEY_SIZE);
    return entry;
}

static av_registry *
new_registry(const char *path, const uint8_t public_key[AV_SIGN_PUBLIC])
{
    av_registry *self = av_xcalloc(1, sizeof *self);

    self->path = path == NULL ? NULL : av_xstrdup(path);
    memcpy(self->public_key, public_key, AV_SIGN_PUBLIC);
    self->by_key = av_map_new();
    self->by_name = av_map_new();
    return self;
}

void
av_registry_destroy(av_registry **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->by_name, NULL);
    av_map_destroy(&(*self)->by_key, free_entry);
    free((*self)->path);
    free(*self);
    *self = NULL;
}

static void
destroy_staged(av_map **staged)
{
    av_map_destroy(staged, free_entry);
}

/* Put one signed entry among the staged, if it is news. */
static av_errc
stage(const av_registry *self, const Archivolt__SignedEntry *sealed, av_map *staged, av_error *err)
{
    Archivolt__RegistryEntry *open = NULL;
    const av_registry_entry *held;
    av_registry_entry *old;
    av_span key;
    av_errc rc = av_registry_entry_open(sealed, self->public_key, &open, err);

    if (rc != AV_OK)
        return rc;
    key = av_span_of(open->public_key.data, open->public_key.len);
    held = av_map_get(staged, key);
    if (held == NULL)
        held = av_map_get(self->by_key, key);
    if (held == NULL && open->serial <= self->floor) {
        if (!open->has_revoked || !open->revoked)
            rc = av_error_set(err, AV_ERR_CONFLICT,
                "entry of %s has serial %llu, revocations up to %llu are forgotten: "
                "sign it again with a new serial",
                open->name, (unsigned long long)open->serial, (unsigned long long)self->floor);
    } else if (held == NULL || open->serial > held->serial) {
        old = av_map_put(staged, key, new_entry(open, sealed));
        if (old != NULL)
            free_entry(old);
    }
    archivolt__registry_entry__free_unpacked(open, NULL);
    return rc;
}

static int
by_serial(const void *a, const void *b)
{
    const av_registry_entry *x = *(av_registry_entry *const *)a, *y = *(av_registry_entry *const *)b;

    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

/* All entries as they will be, oldest first, without the revoked ones to forget; the floor that follows. */
static av_registry_entry **
merge(const av_registry *self, const av_map *staged, size_t *ret_count, uint64_t *ret_floor)
{
    av_registry_entry **all =
        av_xcalloc(av_map_count(self->by_key) + av_map_count(staged) + 1, sizeof(av_registry_entry *));
    size_t count = 0, revoked = 0, kept = 0, at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->by_key, &at, &key, &value))
        if (av_map_get(staged, key) == NULL)
            all[count++] = value;
    for (at = 0; av_map_next(staged, &at, &key, &value);)
        all[count++] = value;
    qsort(all, count, sizeof *all, by_serial);
    for (size_t i = 0; i < count; i++)
        revoked += all[i]->revoked;
    *ret_floor = self->floor;
    for (size_t i = 0; i < count; i++) {
        if (all[i]->revoked && revoked > AV_REGISTRY_REVOKED_MAX) {
            revoked--;
            *ret_floor = AV_MAX(*ret_floor, all[i]->serial);
        } else {
            all[kept++] = all[i];
        }
    }
    *ret_count = kept;
    return all;
}

/* The file's new contents on disk. */
static av_errc
save(const av_registry *self, av_registry_entry *const *all, size_t count, uint64_t floor, av_error *err)
{
    Archivolt__RegistryFile file = ARCHIVOLT__REGISTRY_FILE__INIT;
    Archivolt__SignedEntry *rows = av_xcalloc(count + 1, sizeof *rows);
    Archivolt__SignedEntry **pointers = av_xcalloc(count + 1, sizeof(Archivolt__SignedEntry *));
    uint8_t *bytes;
    size_t n;
    av_errc rc;

    for (size_t i = 0; i < count; i++) {
        archivolt__signed_entry__init(&rows[i]);
        rows[i].entry.data = (uint8_t *)(uintptr_t)all[i]->entry.p;
        rows[i].entry.len = all[i]->entry.n;
        rows[i].signature.data = (uint8_t *)(uintptr_t)all[i]->signature.p;
        rows[i].signature.len = all[i]->signature.n;
        pointers[i] = &rows[i];
    }
    file.n_entries = count;
    file.entries = pointers;
    file.has_floor = floor > 0;
    file.floor = floor;
    n = archivolt__registry_file__get_packed_size(&file);
    bytes = av_xalloc(n + 1);
    (void)archivolt__registry_file__pack(&file, bytes);
    rc = av_file_replace(self->path, av_span_of(bytes, n), 0600, err);
    free(bytes);
    free(pointers);
    free(rows);
    return rc;
}

/* Exchange the entries in force for all[]; what is not in it any more is freed. */
static void
put_in_force(av_registry *self, av_registry_entry *const *all, size_t count, av_map **staged)
{
    av_map *by_key = av_map_new();
    av_span key;
    void *value;
    size_t at = 0;

    av_map_destroy(&self->by_name, NULL);
    self->by_name = av_map_new();
    for (size_t i = 0; i < count; i++) {
        (void)av_map_put(by_key, av_span_of(all[i]->key, AV_KEY_SIZE), all[i]);
        self->serial = AV_MAX(self->serial, all[i]->serial);
        if (!all[i]->revoked) /* oldest first: the newest stays */
            (void)av_map_put_str(self->by_name, all[i]->name, all[i]);
    }
    while (av_map_next(self->by_key, &at, &key, &value))
        if (av_map_get(by_key, key) != value)
            free_entry(value);
    for (at = 0; av_map_next(*staged, &at, &key, &value);)
        if (av_map_get(by_key, key) != value)
            free_entry(value);
    av_map_destroy(&self->by_key, NULL);
    av_map_destroy(staged, NULL);
    self->by_key = by_key;
    self->paired = true;
}

/* Staged entries to disk (when `persist`) and into force. */
static av_errc
commit(av_registry *self, av_map **staged, bool persist, av_registry_changed_fn *changed, void *ctx, av_error *err)
{
    AV_CLEANUP(av_free) av_registry_entry **all = NULL;
    AV_CLEANUP(av_free) av_registry_entry **news = NULL;
    size_t count, news_count = 0, at = 0;
    uint64_t floor;
    av_span key;
    void *value;
    av_errc rc;

    all = merge(self, *staged, &count, &floor);
    if (count > AV_REGISTRY_ENTRIES_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "the registry would hold %zu entries, at most %d are kept", count,
            AV_REGISTRY_ENTRIES_MAX);
    if (persist && self->path != NULL) {
        rc = save(self, all, count, floor, err);
        if (rc != AV_OK)
            return av_error_prefix(err, "registry");
    }
    /* Told before anything is freed: a revocation that is forgotten at once must still cut its connections. */
    news = av_xcalloc(av_map_count(*staged) + 1, sizeof(av_registry_entry *));
    while (av_map_next(*staged, &at, &key, &value))
        news[news_count++] = value;
    qsort(news, news_count, sizeof *news, by_serial);
    for (size_t i = 0; changed != NULL && i < news_count; i++)
        changed(ctx, news[i]);
    put_in_force(self, all, count, staged);
    self->floor = floor;
    return AV_OK;
}

av_errc
av_registry_update(av_registry *self, Archivolt__SignedEntry *const *entries, size_t count,
    av_registry_changed_fn *changed, void *ctx, av_error *err)
{
    AV_CLEANUP(destroy_staged) av_map *staged = av_map_new();

    for (size_t i = 0; i < count; i++)
        if (stage(self, entries[i], staged, err) != AV_OK)
            return av_error_prefix(err, "registry entry %zu of %zu", i + 1, count);
    if (av_map_count(staged) == 0 && self->paired)
        return AV_OK;
    return commit(self, &staged, true, changed, ctx, err);
}

/* Take over a file's bytes. */
static av_errc
take_file(av_registry *self, av_span bytes, av_registry_changed_fn *changed, void *ctx, av_error *err)
{
    AV_CLEANUP(destroy_staged) av_map *staged = av_map_new();
    Archivolt__RegistryFile *file = archivolt__registry_file__unpack(NULL, bytes.n, bytes.p);
    uint64_t floor;
    av_errc rc = AV_OK;

    if (file == NULL)
        return av_error_set(err, AV_ERR_CORRUPT, "not a registry file");
    if (file->n_entries > AV_REGISTRY_ENTRIES_MAX)
        rc = av_error_set(
            err, AV_ERR_CORRUPT, "%zu entries, at most %d can be", file->n_entries, AV_REGISTRY_ENTRIES_MAX);
    for (size_t i = 0; rc == AV_OK && i < file->n_entries; i++) {
        rc = stage(self, file->entries[i], staged, err);
        if (rc != AV_OK) {
            err->code = rc = AV_ERR_CORRUPT;
            (void)av_error_prefix(err, "entry %zu", i + 1);
        }
    }
    floor = file->has_floor ? file->floor : 0;
    archivolt__registry_file__free_unpacked(file, NULL);
    if (rc == AV_OK)
        rc = commit(self, &staged, false, changed, ctx, err);
    if (rc == AV_OK)
        self->floor = AV_MAX(self->floor, floor);
    return rc;
}

av_errc
av_registry_reload(av_registry *self, av_registry_changed_fn *changed, void *ctx, av_error *err)
{
    av_buf bytes;
    av_errc rc;

    av_buf_init(&bytes, FILE_MAX_BYTES);
    rc = av_file_read_all(self->path, &bytes, err);
    if (rc == AV_OK)
        rc = take_file(self, av_buf_span(&bytes), changed, ctx, err);
    if (rc != AV_OK)
        (void)av_error_prefix(err, "%s", self->path);
    av_buf_release(&bytes);
    return rc;
}

av_errc
av_registry_open(const char *path, const uint8_t public_key[AV_SIGN_PUBLIC], av_registry **ret, av_error *err)
{
    av_registry *self = new_registry(path, public_key);
    av_errc rc = av_registry_reload(self, NULL, NULL, err);

    if (rc == AV_ERR_NOT_FOUND)
        rc = AV_OK; /* never paired */
    if (rc == AV_OK)
        *ret = AV_TAKE(self);
    av_registry_destroy(&self);
    return rc;
}

av_errc
av_registry_parse(av_span file, const uint8_t public_key[AV_SIGN_PUBLIC], av_registry **ret, av_error *err)
{
    av_registry *self = new_registry(NULL, public_key);
    av_errc rc = take_file(self, file, NULL, NULL, err);

    if (rc == AV_OK)
        *ret = AV_TAKE(self);
    av_registry_destroy(&self);
    return rc;
}

bool
av_registry_paired(const av_registry *self)
{
    return self->paired;
}

uint64_t
av_registry_serial(const av_registry *self)
{
    return self->serial;
}

uint64_t
av_registry_floor(const av_registry *self)
{
    return self->floor;
}

size_t
av_registry_count(const av_registry *self)
{
    return av_map_count(self->by_key);
}

const av_registry_entry *
av_registry_by_key(const av_registry *self, const uint8_t key[AV_KEY_SIZE])
{
    return av_map_get(self->by_key, av_span_of(key, AV_KEY_SIZE));
}

const av_registry_entry *
av_registry_by_name(const av_registry *self, av_span name)
{
    return av_map_get(self->by_name, name);
}
