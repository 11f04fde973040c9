/*
 * replay.c - the committed log in order
 */
#include "base/secret.h"
#include "storage/container/scan.h"
#include "storage/store/store_priv.h"

struct replay {
    av_store *store;
    av_scan *scan;
    av_seal *seal;
    av_buf plain;
    av_store_visit_fn *visit;
    void *ctx;
};

static av_errc
open_event(struct replay *self, const av_record_header *h, av_span body, av_error *err)
{
    av_seal_place place = {
        .store_uuid = self->store->uuid,
        .format = AV_FORMAT_NUMBER,
        .kind = h->kind,
        .last = true,
        .container = av_lsn_container(h->lsn),
        .lsn = h->lsn,
        .group = h->group,
    };
    uint8_t key[AV_SEAL_KEY], *to;
    av_errc rc;

    av_buf_clear(&self->plain);
    to = av_buf_reserve(&self->plain, body.n);
    if (to == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for an event");
    av_seal_record_key(self->store->key, h->salt, key);
    rc = av_seal_open(self->seal, key, &place, av_span_of(NULL, 0), body, to, err);
    av_secret_wipe(key, sizeof key);
    if (rc != AV_OK)
        return av_error_prefix(err, "event at LSN %llx", (unsigned long long)h->lsn);
    self->plain.n = body.n - AV_SEAL_TAG;
    return AV_OK;
}

static av_errc
visit_record(struct replay *self, const av_record_header *h, av_span body, av_error *err)
{
    av_span plain = { 0 };

    if (h->kind == AV_RECORD_SEGMENT)
        return AV_OK;
    if (h->kind == AV_RECORD_EVENT) {
        av_errc rc = open_event(self, h, body, err);

        if (rc != AV_OK)
            return rc;
        plain = av_buf_span(&self->plain);
    }
    return self->visit(self->ctx, h->lsn, (av_record_kind)h->kind, plain, err);
}

static av_errc
walk(struct replay *self, uint64_t after_lsn, av_error *err)
{
    uint64_t until = self->store->chain.commit_lsn;
    av_errc rc = after_lsn == 0 ? AV_OK : av_scan_from(self->scan, after_lsn, err);

    while (rc == AV_OK && av_scan_chain(self->scan)->commit_lsn < until) {
        av_record_header header;
        av_span body;
        bool end = false;

        rc = av_scan_next(self->scan, &header, &body, &end, err);
        if (rc == AV_OK && end)
            return av_error_set(err, AV_ERR_CORRUPT, "the log ends before its last commit");
        if (rc == AV_OK)
            rc = visit_record(self, &header, body, err);
    }
    return rc;
}

av_errc
av_store_replay(av_store *self, uint64_t after_lsn, av_store_visit_fn *visit, void *ctx, av_error *err)
{
    struct replay replay = { .store = self, .visit = visit, .ctx = ctx };
    av_errc rc;

    if (self->chain.commit_lsn <= after_lsn)
        return AV_OK;
    av_buf_init(&replay.plain, AV_STORE_EVENT_MAX + AV_SEAL_TAG);
    rc = av_scan_new(self->dir, self->uuid, self->key, self->container, &replay.scan, err);
    if (rc == AV_OK)
        rc = av_seal_new(&replay.seal, err);
    if (rc == AV_OK)
        rc = walk(&replay, after_lsn, err);
    av_scan_destroy(&replay.scan);
    av_seal_destroy(&replay.seal);
    av_buf_release(&replay.plain);
    return rc;
}
