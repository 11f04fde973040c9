/*
 * replay.c - the committed log in order
 */
#include "base/secret.h"
#include "storage/container/scan.h"
#include "storage/container/tlv.h"
#include "storage/store/inspect.h"
#include "storage/store/store_priv.h"

struct av_store_inspector {
    const av_store *store;
    store_tools *tools;
    av_buf plain, list; /* of an events record: opened, unpacked */
    av_buf lsns;
    const av_store_visitor *visitor;
};

static av_errc
open_events(av_store_inspector *self, const av_record_header *h, av_span body, av_span *ret_list, av_error *err)
{
    av_seal_place place = store_place(self->store, h, 0, true);
    uint8_t key[AV_SEAL_KEY], *to;
    unsigned long long size;
    av_span packed;
    av_errc rc;

    av_buf_clear(&self->plain);
    av_buf_clear(&self->list);
    to = av_buf_reserve(&self->plain, body.n);
    if (to == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for events");
    rc = store_record_key(self->store, h, key, err);
    if (rc == AV_OK)
        rc = av_seal_open(self->tools->seal, key, &place, av_span_of(NULL, 0), body, to, err);
    av_secret_wipe(key, sizeof key);
    if (rc != AV_OK)
        return rc;
    if (body.n < AV_SEAL_TAG + 1)
        return av_error_set(err, AV_ERR_CORRUPT, "an events record without events");
    packed = av_span_of(to + 1, body.n - AV_SEAL_TAG - 1);
    *ret_list = packed;
    if (to[0] == AV_CODEC_RAW)
        return AV_OK;
    size = ZSTD_getFrameContentSize(packed.p, packed.n);
    if (to[0] != AV_CODEC_ZSTD || size == 0 || size > AV_EVENTS_LIST_MAX) /* zstd's two errors are huge */
        return av_error_set(err, AV_ERR_CORRUPT, "the list of events is packed in an unknown way");
    to = av_buf_reserve(&self->list, (size_t)size);
    if (to == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for events");
    *ret_list = av_span_of(to, (size_t)size);
    return store_unpack(self->store, self->tools, AV_CODEC_ZSTD, 0, packed, to, (size_t)size, err);
}

static av_errc
visit_events(av_store_inspector *self, const av_record_header *h, av_span body, av_error *err)
{
    av_span list = { 0 }, event;
    av_errc rc = open_events(self, h, body, &list, err);

    if (rc != AV_OK)
        return av_error_prefix(err, "events at LSN %llx", (unsigned long long)h->lsn);
    while (rc == AV_OK && list.n > 0) {
        uint32_t n = 0;

        if (!av_varint_get(&list, &n) || n == 0 || !av_span_get_bytes(&list, n, &event))
            return av_error_set(
                err, AV_ERR_CORRUPT, "the list of events at LSN %llx is malformed", (unsigned long long)h->lsn);
        rc = self->visitor->event(self->visitor->ctx, h->lsn, event, err);
    }
    return rc;
}

static av_errc
describe_content(
    av_store_inspector *self, const av_record_header *h, av_span body, av_store_content *content, av_error *err)
{
    AV_CLEANUP(store_source_close) store_source source = { 0 };
    av_errc rc = store_source_table(self->store, self->tools, h, body, &source, err);

    content->stored = source.stored;
    content->erased = rc == AV_ERR_GONE;
    if (content->erased)
        return AV_OK;
    if (rc != AV_OK)
        return av_error_prefix(err, "content at LSN %llx", (unsigned long long)h->lsn);
    content->dictionary = source.table.dictionary;
    if (h->kind == AV_RECORD_PART) {
        content->size = source.table.size;
        memcpy(content->dedup, source.table.digest, AV_STORE_DEDUP_SIZE);
        return AV_OK;
    }
    content->size = source.table.output;
    av_store_dedup_of(self->store, source.table.digest, content->dedup);
    av_buf_clear(&self->lsns);
    if (!store_recipe_lsns(source.table.recipe, h->lsn, &self->lsns))
        return av_error_set(err, AV_ERR_CORRUPT, "the message at LSN %llx has more parts than any may have",
            (unsigned long long)h->lsn);
    content->parts = (const uint64_t *)(const void *)self->lsns.p;
    content->part_count = (uint32_t)(self->lsns.n / sizeof(uint64_t));
    return AV_OK;
}

static av_errc
describe_dictionary(
    av_store_inspector *self, const av_record_header *h, av_span body, av_store_content *content, av_error *err)
{
    av_seal_place place = store_place(self->store, h, 0, true);
    uint8_t key[AV_SEAL_KEY], digest[AV_SHA256_SIZE], *to;
    av_errc rc;

    av_buf_clear(&self->plain);
    to = av_buf_reserve(&self->plain, body.n);
    if (to == NULL || body.n < AV_SEAL_TAG)
        return av_error_set(err, AV_ERR_CORRUPT, "a dictionary of %zu bytes", body.n);
    rc = store_record_key(self->store, h, key, err);
    if (rc == AV_OK)
        rc = av_seal_open(self->tools->seal, key, &place, av_span_of(NULL, 0), body, to, err);
    av_secret_wipe(key, sizeof key);
    if (rc != AV_OK)
        return av_error_prefix(err, "dictionary at LSN %llx", (unsigned long long)h->lsn);
    content->size = body.n - AV_SEAL_TAG;
    content->stored = AV_RECORD_HEADER + (uint64_t)h->length;
    content->use = store_dictionary_use(av_span_of(to, body.n - AV_SEAL_TAG));
    av_sha256(av_span_of(to, body.n - AV_SEAL_TAG), digest);
    av_store_dedup_of(self->store, digest, content->dedup);
    return AV_OK;
}

static av_errc
visit_content(av_store_inspector *self, const av_record_header *h, av_span body, av_error *err)
{
    av_store_content content = { .lsn = h->lsn, .kind = (av_record_kind)h->kind };
    av_errc rc = h->kind == AV_RECORD_DICTIONARY ? describe_dictionary(self, h, body, &content, err)
                                                 : describe_content(self, h, body, &content, err);

    return rc == AV_OK ? self->visitor->content(self->visitor->ctx, &content, err) : rc;
}

static av_errc
visit_record(av_store_inspector *self, const av_record_header *h, av_span body, av_error *err)
{
    const av_store_visitor *v = self->visitor;

    switch ((av_record_kind)h->kind) {
    case AV_RECORD_MESSAGE:
    case AV_RECORD_PART:
    case AV_RECORD_DICTIONARY:
        return v->content == NULL ? AV_OK : visit_content(self, h, body, err);
    case AV_RECORD_EVENTS:
        return v->event == NULL ? AV_OK : visit_events(self, h, body, err);
    case AV_RECORD_COMMIT:
        return v->commit == NULL ? AV_OK : v->commit(v->ctx, h->lsn, err);
    case AV_RECORD_SEGMENT:
    case AV_RECORD_DROPPED:
    case AV_RECORD_MAP:
        break;
    }
    return AV_OK;
}

av_errc
av_store_inspector_new(const av_store *store, av_store_inspector **ret, av_error *err)
{
    av_store_inspector *self = av_xcalloc(1, sizeof *self);
    av_errc rc = store_spare_take(store->spare, &self->tools, err);

    self->store = store;
    av_buf_init(&self->plain, AV_EVENTS_BODY_MAX);
    av_buf_init(&self->list, AV_EVENTS_LIST_MAX);
    av_buf_init(&self->lsns, AV_CONTENT_TABLE_MAX);
    if (rc == AV_OK)
        *ret = self;
    else
        av_store_inspector_destroy(&self);
    return rc;
}

void
av_store_inspector_destroy(av_store_inspector **self)
{
    av_store_inspector *s = *self;

    if (s == NULL)
        return;
    store_spare_give(s->store->spare, s->tools);
    av_buf_release(&s->plain);
    av_buf_release(&s->list);
    av_buf_release(&s->lsns);
    free(s);
    *self = NULL;
}

av_errc
av_store_inspect(av_store_inspector *self, const av_record_header *header, av_span body,
    const av_store_visitor *visitor, av_error *err)
{
    self->visitor = visitor;
    return visit_record(self, header, body, err);
}

static av_errc
walk(av_store_inspector *self, av_scan *scan, uint64_t after_lsn, uint64_t until, av_error *err)
{
    av_errc rc = after_lsn == 0 ? AV_OK : av_scan_from(scan, after_lsn, err);

    while (rc == AV_OK && av_scan_chain(scan)->commit_lsn < until) {
        av_record_header header;
        av_span body;
        bool end = false;

        rc = av_scan_next(scan, &header, &body, &end, err);
        if (rc == AV_OK && end)
            return av_error_set(err, AV_ERR_CORRUPT, "the log ends before its last commit");
        if (rc == AV_OK)
            rc = visit_record(self, &header, body, err);
    }
    return rc;
}

av_errc
av_store_replay(av_store *self, uint64_t after_lsn, const av_store_visitor *visitor, av_error *err)
{
    AV_CLEANUP(av_store_inspector_destroy) av_store_inspector *inspector = NULL;
    AV_CLEANUP(av_scan_destroy) av_scan *scan = NULL;
    av_errc rc;

    if (self->chain.commit_lsn <= after_lsn)
        return AV_OK;
    rc = av_store_inspector_new(self, &inspector, err);
    if (rc == AV_OK)
        rc = av_scan_new(self->files, av_store_keys_log(self->keys), &scan, err);
    if (rc != AV_OK)
        return rc;
    inspector->visitor = visitor;
    return walk(inspector, scan, after_lsn, self->chain.commit_lsn, err);
}
