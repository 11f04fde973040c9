/*
 * spare.c - one zstd state that readers hand on to each other
 */
#include "storage/store/store_priv.h"

store_spare *
store_spare_new(void)
{
    store_spare *self = av_xcalloc(1, sizeof *self);

    (void)pthread_mutex_init(&self->lock, NULL);
    return self;
}

void
store_spare_destroy(store_spare **self)
{
    if (*self == NULL)
        return;
    (void)ZSTD_freeDCtx((*self)->zstd);
    (void)pthread_mutex_destroy(&(*self)->lock);
    free(*self);
    *self = NULL;
}

void
store_spare_trim(store_spare *self)
{
    (void)pthread_mutex_lock(&self->lock);
    (void)ZSTD_freeDCtx(AV_TAKE(self->zstd));
    (void)pthread_mutex_unlock(&self->lock);
}

ZSTD_DCtx *
store_spare_take(store_spare *self)
{
    ZSTD_DCtx *zstd;

    (void)pthread_mutex_lock(&self->lock);
    zstd = AV_TAKE(self->zstd);
    (void)pthread_mutex_unlock(&self->lock);
    return zstd != NULL ? zstd : ZSTD_createDCtx();
}

void
store_spare_give(store_spare *self, ZSTD_DCtx *zstd)
{
    (void)pthread_mutex_lock(&self->lock);
    if (self->zstd == NULL)
        self->zstd = AV_TAKE(zstd);
    (void)pthread_mutex_unlock(&self->lock);
    (void)ZSTD_freeDCtx(zstd);
}
