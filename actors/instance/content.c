/*
 * content.c - a message's bytes in memory, within bounds
 */
#include "actors/instance/content.h"

static void
init(av_content *self, av_archive *archive, uint64_t limit, uint64_t head)
{
    assert(head <= limit);
    memset(self, 0, sizeof *self);
    self->archive = archive;
    self->limit = limit;
    self->head = head;
    av_buf_init(&self->bytes, (size_t)limit);
}

void
av_content_init(av_content *self, av_archive *archive)
{
    init(self, archive, AV_SCAN_MAX, AV_CONTENT_HEAD);
}

void
av_content_init_search(av_content *self, av_archive *archive)
{
    init(self, archive, archive->search_bytes, archive->search_bytes);
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
av_content_load(av_content *self, uint64_t lsn, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    uint64_t size;
    size_t n, got = 0;
    uint8_t *room;
    av_errc rc;

    av_content_drop(self);
    av_buf_clear(&self->bytes);
    rc = av_store_reader_open(self->archive->store, lsn, &reader, err);
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
