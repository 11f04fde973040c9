/*
 * spare.c - what reading a message takes, handed on from reader to reader
 *
 * Making a cipher and an unpacking state costs more than reading a small message. A few sets are kept, more are made
 * when more readers read at once.
 */
#include "storage/store/store_priv.h"

#define KEPT 4U

struct store_spare {
    pthread_mutex_t lock;
    store_tools *first;
    unsigned count;
};

store_spare *
store_spare_new(void)
{
    store_spare *self = av_xcalloc(1, sizeof *self);

    (void)pthread_mutex_init(&self->lock, NULL);
    return self;
}

static void
destroy_tools(store_tools *tools)
{
    if (tools == NULL)
        return;
    av_seal_destroy(&tools->seal);
    (void)ZSTD_freeDCtx(tools->zstd);
    free(tools->stored);
    free(tools->opened);
    free(tools);
}

void
store_spare_trim(store_spare *self)
{
    store_tools *all, *next;

    (void)pthread_mutex_lock(&self->lock);
    all = AV_TAKE(self->first);
    self->count = 0;
    (void)pthread_mutex_unlock(&self->lock);
    for (; all != NULL; all = next) {
        next = all->next;
        destroy_tools(all);
    }
}

void
store_spare_destroy(store_spare **self)
{
    if (*self == NULL)
        return;
    store_spare_trim(*self);
    (void)pthread_mutex_destroy(&(*self)->lock);
    free(*self);
    *self = NULL;
}

static av_errc
make_tools(store_tools **ret, av_error *err)
{
    store_tools *tools = av_xcalloc(1, sizeof *tools);
    av_errc rc = av_seal_new(&tools->seal, err);

    tools->zstd = ZSTD_createDCtx();
    if (rc == AV_OK && tools->zstd == NULL)
        rc = av_error_set(err, AV_ERR_NOMEM, "no memory for zstd");
    if (rc != AV_OK) {
        destroy_tools(tools);
        return rc;
    }
    *ret = tools;
    return AV_OK;
}

av_errc
store_spare_take(store_spare *self, store_tools **ret, av_error *err)
{
    store_tools *tools;

    (void)pthread_mutex_lock(&self->lock);
    tools = self->first;
    if (tools != NULL) {
        self->first = tools->next;
        self->count--;
    }
    (void)pthread_mutex_unlock(&self->lock);
    if (tools == NULL)
        return make_tools(ret, err);
    *ret = tools;
    return AV_OK;
}

void
store_spare_give(store_spare *self, store_tools *tools)
{
    if (tools == NULL)
        return;
    (void)pthread_mutex_lock(&self->lock);
    if (self->count < KEPT) {
        tools->next = self->first;
        self->first = AV_TAKE(tools);
        self->count++;
    }
    (void)pthread_mutex_unlock(&self->lock);
    destroy_tools(tools);
}

void
store_tools_buffers(store_tools *self, size_t room)
{
    if (self->room >= room)
        return;
    free(self->stored);
    free(self->opened);
    self->stored = av_xalloc(room);
    self->opened = av_xalloc(room);
    self->room = room;
}
