/*
 * state.c - what a store tells of itself, and that it takes no writes
 */
#include "storage/store/store_priv.h"

av_errc
store_fail(av_store *self, av_error *err)
{
    if (self->problem == NULL)
        self->problem = av_xasprintf("the store takes no writes until it is opened again: %s", err->msg);
    return err->code;
}

void
store_mark_corrupt(av_store *self, const char *sentence)
{
    free(self->problem);
    self->problem = av_xasprintf("the store is write protected, acknowledged records are damaged: %s", sentence);
    self->corrupt = true;
}

const uint8_t *
av_store_uuid(const av_store *self)
{
    return self->uuid;
}

uint64_t
av_store_committed_lsn(const av_store *self)
{
    return self->chain.commit_lsn;
}

const char *
av_store_problem(const av_store *self)
{
    return self->problem;
}

bool
av_store_is_corrupt(const av_store *self)
{
    return self->corrupt;
}

void
av_store_dedup_of(const av_store *self, const uint8_t digest[AV_SHA256_SIZE], uint8_t ret[AV_STORE_DEDUP_SIZE])
{
    uint8_t mac[32];

    av_seal_hmac(av_store_keys_dedup(self->keys), av_span_of(digest, AV_SHA256_SIZE), mac);
    memcpy(ret, mac, AV_STORE_DEDUP_SIZE);
}

void
av_store_set_watch(av_store *self, const av_store_watch *watch)
{
    self->watch = *watch;
}

void
av_store_get_stats(const av_store *self, av_store_stats *ret)
{
    av_error ignored;
    uint64_t bytes = 0;

    *ret = self->stats;
    ret->containers = self->container;
    if (self->files != NULL && av_container_files_bytes(self->files, &bytes, &ignored) == AV_OK)
        ret->bytes = bytes + self->tail->out.n;
}

void
av_store_trim(av_store *self)
{
    store_spare_trim(self->spare);
    store_dictionaries_trim(self->dictionaries);
    if (self->files != NULL)
        av_container_files_trim(self->files);
    av_seal_destroy(&self->seal);
    av_splitter_destroy(&self->splitter);
    (void)ZSTD_freeCCtx(AV_TAKE(self->zstd));
    av_buf_release(&self->packed);
    av_buf_release(&self->plain);
    av_buf_init(&self->packed, AV_EVENTS_LIST_MAX);
    av_buf_init(&self->plain, AV_ONE_PIECE_BODY_MAX);
    if (self->events.n == 0) {
        av_buf_release(&self->events);
        av_buf_init(&self->events, AV_EVENTS_LIST_MAX);
    }
    if (self->tail->out.n == 0 && self->group.digest == NULL)
        store_tail_trim(self->tail);
}
