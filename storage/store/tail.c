/*
 * tail.c - the end of the log that is not in the file yet, and reading any record wherever it stands
 *
 * Records are sealed into one buffer and go to the file a MB at a time. A whole record stands either in the file or in
 * the buffer, never in both: so a reader asks the buffer first, under the lock that the writer takes to change it.
 */
#include "storage/store/store_priv.h"

#define OUT_MAX (4U * 1024 * 1024) /* a MB before it is written, and the largest single piece on top */

store_tail *
store_tail_new(void)
{
    store_tail *self = av_xcalloc(1, sizeof *self);

    (void)pthread_mutex_init(&self->lock, NULL);
    av_buf_init(&self->out, OUT_MAX);
    return self;
}

void
store_tail_destroy(store_tail **self)
{
    if (*self == NULL)
        return;
    (void)pthread_mutex_destroy(&(*self)->lock);
    av_buf_release(&(*self)->out);
    free(*self);
    *self = NULL;
}

void
store_tail_trim(store_tail *self)
{
    (void)pthread_mutex_lock(&self->lock);
    assert(self->out.n == 0);
    av_buf_release(&self->out);
    av_buf_init(&self->out, OUT_MAX);
    (void)pthread_mutex_unlock(&self->lock);
}

/* Locked: the bytes of the whole records from lsn on that stand in memory; false when lsn is in a file. */
static bool
in_memory(const store_tail *tail, uint64_t lsn, av_span *ret)
{
    uint64_t offset = av_lsn_offset(lsn);

    if (av_lsn_container(lsn) != tail->container || offset < tail->at)
        return false;
    offset -= tail->at;
    *ret = offset >= tail->whole ? av_span_of(NULL, 0) : av_span_of(tail->out.p + offset, tail->whole - offset);
    return true;
}

static av_errc
copy_record(const av_store *self, uint64_t lsn, av_span from, av_record_header *ret, void *p, size_t n, size_t *ret_n,
    av_error *err)
{
    av_errc rc;

    if (from.n < AV_RECORD_HEADER)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the log has no record at LSN %llx", (unsigned long long)lsn);
    rc = av_record_header_decode(from.p, self->uuid, lsn, ret, err);
    if (rc != AV_OK)
        return av_error_set(err, AV_ERR_NOT_FOUND, "no record begins at LSN %llx", (unsigned long long)lsn);
    *ret_n = (size_t)AV_MIN((uint64_t)n, AV_RECORD_HEADER + (uint64_t)ret->length);
    memcpy(p, from.p, *ret_n);
    return AV_OK;
}

av_errc
store_log_record(
    const av_store *self, uint64_t lsn, av_record_header *ret, void *p, size_t n, size_t *ret_n, av_error *err)
{
    av_span bytes;
    bool held;
    av_errc rc = AV_OK;

    (void)pthread_mutex_lock(&self->tail->lock);
    held = in_memory(self->tail, lsn, &bytes);
    if (held)
        rc = copy_record(self, lsn, bytes, ret, p, n, ret_n, err);
    (void)pthread_mutex_unlock(&self->tail->lock);
    return held ? rc : av_container_files_record(self->files, lsn, ret, p, n, ret_n, err);
}

av_errc
store_log_read(const av_store *self, uint64_t lsn, uint64_t at, void *p, size_t n, av_error *err)
{
    av_span bytes;
    bool held, there = false;

    (void)pthread_mutex_lock(&self->tail->lock);
    held = in_memory(self->tail, lsn, &bytes);
    if (held) {
        there = bytes.n >= n && at <= bytes.n - n;
        if (there && n > 0)
            memcpy(p, bytes.p + at, n);
    }
    (void)pthread_mutex_unlock(&self->tail->lock);
    if (held && !there)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the log has no record at LSN %llx", (unsigned long long)lsn);
    return held ? AV_OK : av_container_files_read(self->files, lsn, at, p, n, err);
}
