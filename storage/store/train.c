/*
 * train.c - see train.h
 */
#include "storage/store/train.h"

#define ZDICT_STATIC_LINKING_ONLY /* fastCover: the parameters are ours, nothing is searched for */
#include <zdict.h>

#include "storage/store/store_priv.h"

#define SAMPLE_LEAST  64U
#define SKELETON_MOST (8U * 1024) /* of one record: what comes later in it finds its like in the record itself */
#define PART_MOST     (4U * 1024)
#define SAMPLES_LEAST 64U

struct samples {
    const av_store *store;
    store_tools *tools;
    av_dictionary_use use;
    av_buf bytes;
    av_buf sizes; /* size_t each */
};

/* The beginning of what is small enough to be packed with a dictionary. */
static bool
add(struct samples *self, store_source *source, av_error *err)
{
    const uint8_t *p = NULL;
    uint64_t most = source->table.is_part ? PART_MOST : SKELETON_MOST;
    size_t n = (size_t)AV_MIN(source->table.size, most);

    if (source->table.codec != AV_CODEC_ZSTD_DICTIONARY || source->table.form != AV_CONTENT_ONE_PIECE ||
        n < SAMPLE_LEAST)
        return true;
    if (store_source_look(self->store, self->tools, source, 0, n, &p, err) != AV_OK)
        return true;
    if (n > self->bytes.max - self->bytes.n)
        return false;
    return av_buf_append(&self->bytes, p, n) && av_buf_append(&self->sizes, &n, sizeof n);
}

static av_errc
add_message(struct samples *self, uint64_t lsn, bool *ret_full, av_error *err)
{
    AV_CLEANUP(store_source_close) store_source message = { 0 };
    AV_CLEANUP(av_buf_release) av_buf lsns = { 0 };
    av_errc rc = store_source_open(self->store, self->tools, lsn, AV_RECORD_MESSAGE, &message, err);

    if (rc == AV_ERR_NOT_FOUND || rc == AV_ERR_GONE)
        return AV_OK;
    if (rc != AV_OK)
        return rc;
    av_buf_init(&lsns, AV_CONTENT_TABLE_MAX);
    *ret_full = self->use != AV_DICTIONARY_PARTS && !add(self, &message, err);
    if (self->use == AV_DICTIONARY_SKELETONS || *ret_full)
        return AV_OK;
    *ret_full = !store_recipe_lsns(message.table.recipe, lsn, &lsns);
    for (size_t at = 0; !*ret_full && at < lsns.n; at += sizeof(uint64_t)) {
        AV_CLEANUP(store_source_close) store_source part = { 0 };
        uint64_t part_lsn;

        memcpy(&part_lsn, lsns.p + at, sizeof part_lsn);
        rc = store_source_open(self->store, self->tools, part_lsn, AV_RECORD_PART, &part, err);
        if (rc == AV_ERR_NOT_FOUND || rc == AV_ERR_GONE)
            continue;
        if (rc != AV_OK)
            return rc;
        *ret_full = !add(self, &part, err);
    }
    return AV_OK;
}

static av_errc
learn(const struct samples *samples, av_buf *out, av_error *err)
{
    ZDICT_fastCover_params_t params = { .k = 1024,
        .d = 8,
        .f = 20,
        .steps = 1,
        .nbThreads = 1,
        .splitPoint = 1.0,
        .accel = 2,
        .zParams = { .compressionLevel = 3,
            .dictID = samples->use == AV_DICTIONARY_SKELETONS ? AV_DICTIONARY_ID_SKELETONS
                      : samples->use == AV_DICTIONARY_PARTS   ? AV_DICTIONARY_ID_PARTS
                                                              : 0 } };
    uint8_t *to = av_buf_reserve(out, AV_TRAIN_DICTIONARY);
    size_t count = samples->sizes.n / sizeof(size_t), n;

    if (to == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "a dictionary takes %u bytes", AV_TRAIN_DICTIONARY);
    if (count < SAMPLES_LEAST)
        return av_error_set(err, AV_ERR_INVALID, "%zu pieces of mail are too few to learn from", count);
    n = ZDICT_trainFromBuffer_fastCover(to, AV_TRAIN_DICTIONARY, samples->bytes.p,
        (const size_t *)(const void *)samples->sizes.p, (unsigned)count, params);
    if (ZDICT_isError(n))
        return av_error_set(err, AV_ERR_INVALID, "nothing to learn from this mail: %s", ZDICT_getErrorName(n));
    out->n += n;
    return AV_OK;
}

av_errc
av_store_train(const av_store *store, const uint64_t *lsns, size_t n, av_dictionary_use use, av_buf *out, av_error *err)
{
    struct samples samples = { .store = store, .use = use };
    size_t step = n / AV_TRAIN_MESSAGES + 1;
    bool full = false;
    av_errc rc = store_spare_take(store->spare, &samples.tools, err);

    av_buf_init(&samples.bytes, AV_TRAIN_SAMPLES);
    av_buf_init(&samples.sizes, AV_TRAIN_SAMPLES / SAMPLE_LEAST * sizeof(size_t));
    for (size_t i = 0; rc == AV_OK && !full && i < n; i += step)
        rc = add_message(&samples, lsns[i], &full, err);
    if (rc == AV_OK)
        rc = learn(&samples, out, err);
    store_spare_give(store->spare, samples.tools);
    av_buf_release(&samples.bytes);
    av_buf_release(&samples.sizes);
    return rc;
}
