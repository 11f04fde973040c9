/*
 * dictionary.c - zstd dictionaries by LSN: the built-in one and those that stand in the log
 *
 * A few are kept, the least recently used goes first; one in use stays until it is given back. Any thread.
 */
#include "base/secret.h"
#include "storage/store/store_priv.h"

#define KEPT 6U /* two pairs and the built-in one */

/* storage/store/dictionary.bin, made into C by the build. */
static const uint8_t built_in[] = {
#include "store_dictionary.inc"
};

struct store_dictionary {
    uint64_t lsn;
    unsigned refs; /* users, and one while it is in the list */
    uint64_t used;
    av_dictionary_use use;
    uint8_t *bytes; /* NULL: the built-in one's */
    size_t n;
    ZSTD_DDict *unpacker;
    ZSTD_CDict *packer; /* made when the writer wants it */
    store_dictionary *next;
};

struct store_dictionaries {
    pthread_mutex_t lock;
    store_dictionary *first;
    unsigned count;
    uint64_t clock;
};

store_dictionaries *
store_dictionaries_new(void)
{
    store_dictionaries *self = av_xcalloc(1, sizeof *self);

    (void)pthread_mutex_init(&self->lock, NULL);
    return self;
}

/* Locked, or nobody else knows it. */
static void
unref(store_dictionary *d)
{
    if (--d->refs > 0)
        return;
    (void)ZSTD_freeDDict(d->unpacker);
    (void)ZSTD_freeCDict(d->packer);
    free(d->bytes);
    free(d);
}

/* Locked. Those behind after_lsn leave the list; 0: all. */
static void
drop_behind(store_dictionaries *self, uint64_t after_lsn, bool all)
{
    for (store_dictionary **p = &self->first; *p != NULL;) {
        store_dictionary *d = *p;

        if (!all && d->lsn <= after_lsn) {
            p = &d->next;
            continue;
        }
        *p = d->next;
        self->count--;
        unref(d);
    }
}

void
store_dictionaries_trim(store_dictionaries *self)
{
    (void)pthread_mutex_lock(&self->lock);
    drop_behind(self, 0, true);
    (void)pthread_mutex_unlock(&self->lock);
}

void
store_dictionaries_forget(store_dictionaries *self, uint64_t after_lsn)
{
    (void)pthread_mutex_lock(&self->lock);
    drop_behind(self, after_lsn, false);
    (void)pthread_mutex_unlock(&self->lock);
}

void
store_dictionaries_destroy(store_dictionaries **self)
{
    if (*self == NULL)
        return;
    store_dictionaries_trim(*self);
    (void)pthread_mutex_destroy(&(*self)->lock);
    free(*self);
    *self = NULL;
}

/* Locked. A reference, or NULL. */
static store_dictionary *
find(store_dictionaries *self, uint64_t lsn)
{
    for (store_dictionary *d = self->first; d != NULL; d = d->next)
        if (d->lsn == lsn) {
            d->used = ++self->clock;
            d->refs++;
            return d;
        }
    return NULL;
}

/* Locked. */
static void
keep(store_dictionaries *self, store_dictionary *d)
{
    d->refs++;
    d->used = ++self->clock;
    d->next = self->first;
    self->first = d;
    if (++self->count <= KEPT)
        return;
    store_dictionary **oldest = &self->first;
    for (store_dictionary **p = &self->first; *p != NULL; p = &(*p)->next)
        if ((*p)->used < (*oldest)->used)
            oldest = p;
    d = *oldest;
    *oldest = d->next;
    self->count--;
    unref(d);
}

static av_errc
read_bytes(const av_store *store, uint64_t lsn, store_dictionary *d, av_error *err)
{
    size_t room = AV_RECORD_HEADER + AV_DICTIONARY_MAX + AV_SEAL_TAG, got = 0;
    AV_CLEANUP(av_free) uint8_t *record = av_xalloc(room);
    store_tools *tools = NULL;
    av_record_header h;
    uint8_t key[AV_SEAL_KEY];
    av_seal_place place;
    av_errc rc = store_log_record(store, lsn, &h, record, room, &got, err);

    if (rc == AV_OK &&
        (h.kind != AV_RECORD_DICTIONARY || h.length < AV_SEAL_TAG || got != AV_RECORD_HEADER + (size_t)h.length))
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "no dictionary stands there");
    if (rc == AV_OK)
        rc = store_spare_take(store->spare, &tools, err);
    if (rc == AV_OK)
        rc = store_record_key(store, &h, key, err);
    if (rc == AV_OK) {
        d->n = h.length - AV_SEAL_TAG;
        d->bytes = av_xalloc(d->n + 1);
        place = store_place(store, &h, 0, true);
        rc = av_seal_open(tools->seal, key, &place, av_span_of(NULL, 0),
            av_span_of(record + AV_RECORD_HEADER, h.length), d->bytes, err);
        av_secret_wipe(key, sizeof key);
    }
    store_spare_give(store->spare, tools);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "dictionary at LSN %llx", (unsigned long long)lsn);
}

av_dictionary_use
store_dictionary_use(av_span bytes)
{
    unsigned id = ZSTD_getDictID_fromDict(bytes.p, bytes.n);

    return id == AV_DICTIONARY_ID_SKELETONS ? AV_DICTIONARY_SKELETONS
           : id == AV_DICTIONARY_ID_PARTS   ? AV_DICTIONARY_PARTS
                                            : AV_DICTIONARY_ALL;
}

static av_errc
load(const av_store *store, uint64_t lsn, store_dictionary **ret, av_error *err)
{
    store_dictionary *d = av_xcalloc(1, sizeof *d);
    av_errc rc = AV_OK;

    d->lsn = lsn;
    d->refs = 1;
    if (lsn == 0)
        d->n = sizeof built_in;
    else
        rc = read_bytes(store, lsn, d, err);
    if (rc == AV_OK) {
        d->use = store_dictionary_use(av_span_of(lsn == 0 ? built_in : d->bytes, d->n));
        d->unpacker = ZSTD_createDDict(lsn == 0 ? built_in : d->bytes, d->n);
        if (d->unpacker == NULL)
            rc = av_error_set(err, lsn == 0 ? AV_ERR_NOMEM : AV_ERR_CORRUPT,
                "zstd does not take the dictionary at LSN %llx", (unsigned long long)lsn);
    }
    if (rc != AV_OK) {
        unref(d);
        return rc;
    }
    *ret = d;
    return AV_OK;
}

av_errc
store_dictionary_take(const av_store *store, uint64_t lsn, store_dictionary **ret, av_error *err)
{
    store_dictionaries *self = store->dictionaries;
    store_dictionary *d, *other;
    av_errc rc;

    (void)pthread_mutex_lock(&self->lock);
    d = find(self, lsn);
    (void)pthread_mutex_unlock(&self->lock);
    if (d == NULL) {
        rc = load(store, lsn, &d, err);
        if (rc != AV_OK)
            return rc;
        (void)pthread_mutex_lock(&self->lock);
        other = find(self, lsn); /* another thread was faster */
        if (other != NULL) {
            unref(d);
            d = other;
        } else {
            keep(self, d);
        }
        (void)pthread_mutex_unlock(&self->lock);
    }
    *ret = d;
    return AV_OK;
}

void
store_dictionary_give(const av_store *store, store_dictionary **self)
{
    if (*self == NULL)
        return;
    (void)pthread_mutex_lock(&store->dictionaries->lock);
    unref(*self);
    (void)pthread_mutex_unlock(&store->dictionaries->lock);
    *self = NULL;
}

const ZSTD_DDict *
store_dictionary_unpacker(store_dictionary *self)
{
    return self->unpacker;
}

const ZSTD_CDict *
store_dictionary_packer(const av_store *store, store_dictionary *self)
{
    if (self->packer == NULL) /* the writer alone comes here */
        self->packer = ZSTD_createCDict(self->bytes == NULL ? built_in : self->bytes, self->n, store->level);
    return self->packer;
}

/* --- of the writer ------------------------------------------------------------------------------------------------ */

av_errc
av_store_use_dictionary(av_store *self, uint64_t lsn, av_error *err)
{
    store_dictionary *d = NULL;
    av_errc rc = store_dictionary_take(self, lsn, &d, err);

    if (rc != AV_OK)
        return rc;
    if (d->use != AV_DICTIONARY_PARTS)
        self->dictionary[STORE_PACK_SKELETON] = lsn;
    if (d->use != AV_DICTIONARY_SKELETONS)
        self->dictionary[STORE_PACK_PART] = lsn;
    store_dictionary_give(self, &d);
    return AV_OK;
}

av_errc
av_store_put_dictionary(av_store *self, av_span dictionary, uint64_t *ret_lsn, av_error *err)
{
    av_store_content about = { .kind = AV_RECORD_DICTIONARY, .size = dictionary.n };
    uint64_t body = dictionary.n + AV_SEAL_TAG;
    uint8_t digest[AV_SHA256_SIZE];
    ZSTD_DDict *check;
    av_errc rc;

    if (dictionary.n < 256 || dictionary.n > AV_DICTIONARY_MAX)
        return av_error_set(
            err, AV_ERR_LIMIT, "a dictionary has 256 bytes to %u, not %zu", AV_DICTIONARY_MAX, dictionary.n);
    check = ZSTD_createDDict(dictionary.p, dictionary.n);
    (void)ZSTD_freeDDict(check);
    if (check == NULL)
        return av_error_set(err, AV_ERR_INVALID, "zstd does not take these %zu bytes as a dictionary", dictionary.n);
    rc = store_record_begin(self, AV_RECORD_DICTIONARY, 0, body, err);
    if (rc == AV_OK)
        rc = store_record_piece(self, 0, true, dictionary, err);
    if (rc == AV_OK)
        rc = store_record_end(self, ret_lsn, err);
    if (rc != AV_OK)
        return rc;
    about.lsn = *ret_lsn;
    about.use = store_dictionary_use(dictionary);
    about.stored = AV_RECORD_HEADER + body;
    av_sha256(dictionary, digest);
    av_store_dedup_of(self, digest, about.dedup);
    return store_wrote(self, &about, err);
}
