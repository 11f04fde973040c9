/*
 * commit.c - the end of a group: on disk and acknowledged, or gone
 */
#include "storage/store/store_priv.h"

static void
forget_group(av_store *self)
{
    av_sha256_stream_destroy(&self->group.digest);
    self->group = (store_group){ .start = self->at, .start_slot = self->next_slot };
}

static av_errc
put_commit_record(av_store *self, av_commit_body *body, uint64_t *ret_lsn, av_error *err)
{
    uint8_t clear[AV_COMMIT_CLEAR], tag[AV_SEAL_TAG];
    av_errc rc = store_record_begin(self, AV_RECORD_COMMIT, 0, AV_COMMIT_BODY, err);

    if (rc != AV_OK)
        return rc;
    body->first_lsn = self->group.first_lsn;
    body->count = self->group.count;
    body->next_slot = self->next_slot;
    av_sha256_stream_finish(&self->group.digest, body->digest);
    av_commit_body_encode(body, clear);
    rc = store_record_tag(self, av_span_of(clear, sizeof clear), tag, err);
    if (rc == AV_OK)
        rc = store_record_clear(self, av_span_of(clear, sizeof clear), err);
    if (rc == AV_OK)
        rc = store_record_clear(self, av_span_of(tag, sizeof tag), err);
    if (rc == AV_OK)
        rc = store_record_end(self, ret_lsn, err);
    if (rc == AV_OK)
        rc = store_flush(self, err);
    if (rc != AV_OK)
        self->group.spoiled = true; /* its digest is used up */
    return rc;
}

static void
count_group(av_store *self)
{
    const store_group *group = &self->group;

    self->stats.messages += group->messages;
    self->stats.raw_bytes += group->raw_bytes;
    self->stats.parts += group->parts;
    self->stats.known_parts += group->known_parts;
    self->stats.events += group->events;
    self->stats.commits++;
}

static av_errc
commit_group(av_store *self, av_error *err)
{
    av_commit_body body = { 0 };
    av_error ignored;
    uint64_t lsn = 0;
    av_errc rc = put_commit_record(self, &body, &lsn, err);

    if (rc != AV_OK)
        return rc;
    rc = av_file_datasync(self->fd, err);
    if (rc != AV_OK) {
        /* The kernel may call these pages clean now although no disk has them: they must not be found again. */
        err->code = AV_ERR_IO;
        (void)av_file_truncate(self->fd, self->group.start, &ignored);
        self->group.spoiled = true;
        (void)av_error_prefix(err, "%08u.avc", self->container);
        return store_fail(self, err);
    }
    self->chain.commit_lsn = lsn;
    self->chain.group++;
    memcpy(self->chain.digest, body.digest, sizeof body.digest);
    count_group(self);
    forget_group(self);
    return AV_OK;
}

av_errc
av_store_commit(av_store *self, uint64_t *ret_committed_lsn, av_error *err)
{
    av_errc rc = store_writable(self, err);

    if (rc == AV_OK)
        rc = store_flush_events(self, err);
    if (rc == AV_OK && self->group.count > 0)
        rc = commit_group(self, err);
    if (rc == AV_OK)
        *ret_committed_lsn = self->chain.commit_lsn;
    return rc;
}

/* Readers find nothing behind the group's start any more. */
static void
drop_tail(av_store *self)
{
    (void)pthread_mutex_lock(&self->tail->lock);
    self->tail->at = self->group.start;
    self->tail->whole = 0;
    av_buf_clear(&self->tail->out);
    (void)pthread_mutex_unlock(&self->tail->lock);
}

av_errc
av_store_rollback(av_store *self, av_error *err)
{
    bool empty = self->group.digest == NULL && !self->group.spoiled && self->events.n == 0;
    av_errc rc;

    if (self->fd < 0 || (empty && self->problem != NULL))
        return av_error_set(err, AV_ERR_READONLY, "%s", self->problem);
    if (empty)
        return AV_OK;
    av_buf_clear(&self->events);
    self->event_count = 0;
    store_puts_rolled_back(self);
    store_dictionaries_forget(self->dictionaries, self->chain.commit_lsn);
    for (size_t i = 0; i < STORE_PACKS; i++)
        if (self->dictionary[i] > self->chain.commit_lsn)
            self->dictionary[i] = 0;
    drop_tail(self);
    rc = av_file_truncate(self->fd, self->group.start, err);
    self->at = self->group.start;
    self->next_slot = self->group.start_slot;
    av_sha256_stream_destroy(&self->record.digest);
    forget_group(self);
    if (rc != AV_OK) {
        (void)av_error_prefix(err, "drop the tail of %08u.avc", self->container);
        return store_fail(self, err);
    }
    return self->problem == NULL ? AV_OK : av_error_set(err, AV_ERR_READONLY, "%s", self->problem);
}

av_errc
av_store_roll(av_store *self, av_error *err)
{
    av_errc rc = store_writable(self, err);

    if (rc != AV_OK || (self->at == AV_CONTAINER_HEADER && self->group.digest == NULL))
        return rc;
    if (self->group.digest == NULL)
        return store_roll_now(self, err);
    self->roll = true;
    return AV_OK;
}
