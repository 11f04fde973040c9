/*
 * store_ops_train.c - dictionaries of the store's own mail, once there is enough of it
 *
 * Nobody asks for it: small content packs better with it, from then on. The writer says which messages there are, a
 * thread beside it learns, the writer puts the dictionaries (for skeletons, for parts) into the log and into force. The
 * first ones come early and out of little mail; they are followed by better ones, once.
 */
#include "actors/instance/store_ops_priv.h"

#include "storage/store/train.h"

typedef struct training {
    av_archive *archive;
    const av_open_store *store; /* held */
    av_buf lsns;                /* uint64_t */
    av_buf dictionaries[2];     /* empty: nothing to learn from */
} training;

static void
training_free(void *state)
{
    training *self = state;

    av_stores_done(self->archive->stores, &self->store);
    av_buf_release(&self->lsns);
    for (size_t i = 0; i < AV_COUNT(self->dictionaries); i++)
        av_buf_release(&self->dictionaries[i]);
    free(self);
}

static training *
training_of(store_op *op)
{
    training *self = av_xcalloc(1, sizeof *self);

    self->archive = op->archive;
    av_buf_init(&self->lsns, AV_TRAIN_MESSAGES * sizeof(uint64_t));
    for (size_t i = 0; i < AV_COUNT(self->dictionaries); i++)
        av_buf_init(&self->dictionaries[i], AV_TRAIN_DICTIONARY);
    op->state = self;
    op->state_free = training_free;
    return self;
}

/* Every n-th message, as many as are good to learn from. */
static av_errc
choose(training *self, uint64_t messages, av_error *err)
{
    av_meta_view *view = av_store_view_snapshot(self->store->view);
    av_store_view_iter *it = av_store_view_all_attributes(view, 0);
    uint64_t lsn, i, every = messages / AV_TRAIN_MESSAGES + 1;
    av_span ignored;
    av_errc rc;

    for (i = 0; av_store_view_next_attributes(it, &lsn, &ignored) && !self->lsns.full; i++)
        if (i % every == 0)
            (void)av_buf_append(&self->lsns, &lsn, sizeof lsn);
    rc = av_store_view_iter_error(it, err);
    av_store_view_iter_destroy(&it);
    av_meta_view_destroy(&view);
    return rc;
}

static av_errc
train_beside(store_op *op, av_error *err)
{
    static const av_dictionary_use uses[] = { AV_DICTIONARY_SKELETONS, AV_DICTIONARY_PARTS };
    training *self = op->state;
    size_t n = self->lsns.n / sizeof(uint64_t);
    uint64_t *lsns = av_xalloc(self->lsns.n + 1);
    av_errc rc = AV_OK;

    memcpy(lsns, self->lsns.p, self->lsns.n);
    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(uses); i++) {
        rc = av_store_train(self->store->store, lsns, n, uses[i], &self->dictionaries[i], err);
        if (rc == AV_ERR_INVALID) /* mail without such parts is no reason to go without the other one */
            rc = AV_OK;
    }
    free(lsns);
    op->again = true;
    return rc;
}

/* Was the dictionary at this LSN learned from less mail than is good to learn from? */
static av_errc
is_early(const av_open_store *store, uint64_t dictionary, bool *ret, av_error *err)
{
    av_store_view_iter *it = av_store_view_all_attributes(av_store_view_writer(store->view), 0);
    uint64_t lsn = 0, before = 0;
    av_span ignored;
    av_errc rc;

    while (before < AV_TRAIN_MESSAGES / 2 && av_store_view_next_attributes(it, &lsn, &ignored) && lsn < dictionary)
        before++;
    *ret = before < AV_TRAIN_MESSAGES / 2;
    rc = av_store_view_iter_error(it, err);
    av_store_view_iter_destroy(&it);
    return rc;
}

/* Is there mail enough for first dictionaries, or for better ones than the first? */
static av_errc
is_due(const av_open_store *store, bool *ret, av_error *err)
{
    uint64_t newest[2] = { 0 };
    av_store_counters counters;
    av_errc rc = av_store_view_dictionaries(av_store_view_writer(store->view), newest, err);

    *ret = false;
    if (rc == AV_OK)
        rc = av_store_view_counters(av_store_view_writer(store->view), &counters, err);
    if (rc != AV_OK)
        return rc;
    *ret = counters.messages >= (newest[1] == 0 ? AV_TRAIN_FIRST : AV_TRAIN_MESSAGES);
    return *ret && newest[1] != 0 ? is_early(store, newest[1], ret, err) : AV_OK;
}

/* What there is to learn from; *ret_due false: it has good dictionaries, or there is too little yet. */
static av_errc
begin(store_op *op, bool *ret_due, av_error *err)
{
    training *self = training_of(op);
    const av_open_store *current = NULL;
    av_store_counters counters;
    bool due = false;
    av_errc rc = av_stores_current(op->archive->stores, &current, err);

    *ret_due = false;
    if (rc == AV_OK)
        rc = is_due(current, &due, err);
    if (rc == AV_OK)
        rc = av_store_view_counters(av_store_view_writer(current->view), &counters, err);
    if (rc != AV_OK || !due)
        return rc;
    op->store_id = current->id;
    rc = av_stores_use_id(op->archive->stores, current->id, &self->store, err);
    if (rc == AV_OK)
        rc = choose(self, counters.messages, err);
    *ret_due = rc == AV_OK && self->lsns.n > 0;
    if (!*ret_due)
        av_stores_done(op->archive->stores, &self->store);
    return rc;
}

static av_errc
put(store_op *op, const training *self, av_error *err)
{
    const av_open_store *store = NULL;
    uint64_t lsns[AV_COUNT(self->dictionaries)] = { 0 };
    av_errc rc = av_stores_write(op->archive->stores, op->store_id, true, &store, err);

    if (rc == AV_OK)
        rc = av_archive_begin(op->archive, store, err);
    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(lsns); i++)
        if (self->dictionaries[i].n > 0)
            rc = av_store_put_dictionary(store->store, av_buf_span(&self->dictionaries[i]), &lsns[i], err);
    if (rc == AV_OK)
        rc = av_archive_commit(op->archive, err);
    else
        av_archive_rollback(op->archive);
    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(lsns); i++)
        if (lsns[i] != 0)
            rc = av_store_use_dictionary(store->store, lsns[i], err);
    av_stores_written(op->archive->stores, &store);
    return rc;
}

av_errc
store_op_train(store_op *op, bool *ret_done, av_error *err)
{
    training *self = op->state;
    bool due = false;
    av_errc rc;

    *ret_done = true;
    if (self == NULL) {
        rc = begin(op, &due, err);
        if (due)
            op->beside = train_beside;
        return rc;
    }
    av_stores_done(op->archive->stores, &self->store);
    return self->dictionaries[0].n + self->dictionaries[1].n == 0 ? AV_OK : put(op, self, err);
}
