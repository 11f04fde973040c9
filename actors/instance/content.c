/*
 * content.c - a message's bytes in memory, within bounds
 */
#include "actors/instance/content.h"

static void
init(av_content *self, av_uses *uses, uint64_t limit, uint64_t head)
{
    assert(head <= limit);
    memset(self, 0, sizeof *self);
    self->archive = uses->archive;
    self->uses = uses;
    self->limit = limit;
    self->head = head;
    av_buf_init(&self->bytes, (size_t)limit);
}

void
av_content_init(av_content *self, av_uses *uses)
{
    init(self, uses, AV_SCAN_MAX, AV_CONTENT_HEAD);
}

void
av_content_init_search(av_content *self, av_uses *uses)
{
    init(self, uses, uses->archive->search_bytes, uses->archive->search_bytes);
}

void
av_content_drop(av_content *self)
{
    if (!self->leased)
        return;
    av_buf_release(&self->bytes);
    av_buf_init(&self->bytes, (size_t)self->limit);
    self->leased = false;
    pthread_mutex_unlock(&self->archive->large);
}

void
av_content_release(av_content *self)
{
    if (self->archive != NULL)
        av_content_drop(self);
    av_buf_release(&self->bytes);
}

av_errc
av_content_load(av_content *self, uint32_t store, uint64_t lsn, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    av_store *open = NULL;
    uint64_t size;
    size_t n, got = 0;
    uint8_t *room;
    av_errc rc;

    av_content_drop(self);
    av_buf_clear(&self->bytes);
    rc = av_uses_store(self->uses, store, &open, err);
    if (rc == AV_OK)
        rc = av_store_reader_open(open, lsn, &reader, err);
    if (rc != AV_OK)
        return rc;
    size = av_store_reader_size(reader);
    self->whole = size <= self->limit;
    n = (size_t)(self->whole ? size : self->head);
    if (n > AV_CONTENT_FREE) {
        pthread_mutex_lock(&self->archive->large);
        self->leased = true;
    }
    room = av_buf_reserve(&self->bytes, n);
    assert(room != NULL);
    rc = av_store_reader_read(reader, 0, room, n, &got, err);
    self->bytes.n = rc == AV_OK ? got : 0;
    return rc;
}
