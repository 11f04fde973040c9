/*
 * verify_events.c - each event: is it well formed, does it name what is there?
 */
#include "storage/care/verify_priv.h"

typedef struct events {
    verifier *verifier;
    bool erasures_alone;
} events;

/* Is what an event calls erased without its key? Dropped by compaction is, too. */
static av_errc
check_erased(verifier *self, uint64_t event_lsn, uint64_t lsn, av_error *err)
{
    uint8_t front[AV_RECORD_HEADER];
    av_record_header h;
    size_t n = 0;
    bool erased = false;
    char why[128];
    av_errc rc = av_container_files_record(av_store_files(self->store), lsn, &h, front, sizeof front, &n, err);

    if (rc != AV_OK) /* dropped; or damaged, which the walk tells */
        return verify_is_fault(rc) ? AV_OK : rc;
    if (!av_record_has_slot(h.kind))
        return AV_OK;
    rc = av_store_keys_is_erased(self->keys, av_lsn_container(lsn), h.slot, &erased, err);
    if (rc != AV_OK || erased)
        return verify_is_fault(rc) ? AV_OK : rc;
    (void)snprintf(
        why, sizeof why, "the content at LSN %llx was erased, but its key is still there", (unsigned long long)lsn);
    return verify_fault(self, AV_FAULT_KEYS, event_lsn, h.kind == AV_RECORD_MESSAGE ? lsn : 0, NULL, why, err);
}

static av_errc
on_erased(events *self, uint64_t event_lsn, const av_event_erased *event, av_error *err)
{
    av_span list = event->lsns;
    uint64_t lsn = 0;
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_event_list_next_item(&list, &lsn)) {
        rc = verify_note(&self->verifier->told, lsn, err);
        if (rc == AV_OK && !self->erasures_alone)
            rc = check_erased(self->verifier, event_lsn, lsn, err);
    }
    return rc;
}

static av_errc
bad_placement(verifier *self, uint64_t event_lsn, const av_event_placement *p, const char *what, av_error *err)
{
    char why[300];

    (void)snprintf(why, sizeof why, "the placement with UID %u names the message at LSN %llx: %s", p->uid,
        (unsigned long long)p->content_lsn, what);
    return verify_fault(self, AV_FAULT_EVENTS, event_lsn, p->content_lsn, p->digest, why, err);
}

/* The message was not seen lately: open it. */
static av_errc
look_up(verifier *self, uint64_t event_lsn, const av_event_placement *p, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    av_errc rc = av_store_reader_open(self->store, p->content_lsn, &reader, err);

    if (rc == AV_ERR_NOT_FOUND) /* erased, if an event says so */
        return verify_note(&self->gone, p->content_lsn, err);
    if (verify_is_fault(rc))
        return bad_placement(self, event_lsn, p, err->msg, err);
    if (rc == AV_OK && memcmp(av_store_reader_digest(reader), p->digest, sizeof p->digest) != 0)
        return bad_placement(self, event_lsn, p, "it has another digest", err);
    return rc;
}

static av_errc
on_placement(verifier *self, uint64_t event_lsn, const av_event_placement *p, av_error *err)
{
    const verify_seen *seen = &self->seen[verify_seen_row(p->content_lsn)];
    uint8_t dedup[AV_STORE_DEDUP_SIZE];

    if (av_care_ranges_hit(&self->damaged, p->content_lsn))
        return bad_placement(self, event_lsn, p, "it is damaged", err);
    if (seen->lsn != p->content_lsn || p->content_lsn == 0)
        return look_up(self, event_lsn, p, err);
    av_store_dedup_of(self->store, p->digest, dedup);
    return memcmp(dedup, seen->dedup, sizeof dedup) == 0
               ? AV_OK
               : bad_placement(self, event_lsn, p, "it has another digest", err);
}

static av_errc
on_event(void *ctx, uint64_t lsn, av_span body, av_error *err)
{
    events *self = ctx;
    av_event event;
    av_errc rc = av_event_decode(body, &event, err);

    if (rc == AV_OK && event.kind == AV_EVENT_CONTENT_ERASED)
        return on_erased(self, lsn, &event.erased, err);
    if (self->erasures_alone)
        return AV_OK;
    self->verifier->result->events++;
    if (rc != AV_OK)
        return verify_is_fault(rc) ? verify_fault(self->verifier, AV_FAULT_EVENTS, lsn, 0, NULL, NULL, err) : rc;
    return event.kind == AV_EVENT_PLACEMENT_ADDED ? on_placement(self->verifier, lsn, &event.placement, err) : AV_OK;
}

static av_errc
inspect(verifier *self, const av_record_header *h, av_span body, bool erasures_alone, av_error *err)
{
    events work = { .verifier = self, .erasures_alone = erasures_alone };
    const av_store_visitor visitor = { .ctx = &work, .event = on_event };

    return av_store_inspect(self->inspector, h, body, &visitor, err);
}

av_errc
verify_events(verifier *self, const av_record_header *h, av_span body, av_error *err)
{
    uint64_t before = self->result->faults;
    av_errc rc = inspect(self, h, body, false, err);

    /* What opens and is told from within has its faults already. */
    if (verify_is_fault(rc) && self->result->faults == before)
        return verify_fault(self, AV_FAULT_EVENTS, h->lsn, 0, NULL, NULL, err);
    return verify_is_fault(rc) ? AV_OK : rc;
}

av_errc
verify_erasures(verifier *self, const av_record_header *h, av_span body, av_error *err)
{
    av_errc rc = inspect(self, h, body, true, err);

    return verify_is_fault(rc) ? AV_OK : rc;
}
