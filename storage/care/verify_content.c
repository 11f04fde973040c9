/*
 * verify_content.c - each message and part: key, seal, table, parts, digest
 */
#include "storage/care/verify_priv.h"

static av_errc
take_content(void *ctx, const av_store_content *content, AV_UNUSED av_error *err)
{
    ((verifier *)ctx)->content = *content;
    return AV_OK;
}

static void
remember(verifier *self)
{
    verify_seen *seen = &self->seen[verify_seen_row(self->content.lsn)];

    seen->lsn = self->content.lsn;
    memcpy(seen->dedup, self->content.dedup, sizeof seen->dedup);
}

static av_errc
note_gone(verifier *self, uint64_t lsn, av_error *err)
{
    return verify_note(&self->gone, lsn, err);
}

/* Without putting it together: is a part of it in what is damaged? */
static av_errc
check_parts(verifier *self, av_error *err)
{
    for (uint32_t i = 0; i < self->content.part_count; i++) {
        uint64_t part = self->content.parts[i];

        if (av_care_ranges_hit(&self->damaged, part))
            return av_error_set(err, AV_ERR_CORRUPT, "the message at LSN %llx uses the damaged part at LSN %llx",
                (unsigned long long)self->content.lsn, (unsigned long long)part);
    }
    return AV_OK;
}

/* Put together, or at least all there. ret_reader: of the message, when it opens. */
static av_errc
read_message(verifier *self, av_store_reader **ret_reader, av_error *err)
{
    av_error hidden;
    av_errc rc = check_parts(self, err);

    if (rc == AV_OK && !self->options->contents)
        return AV_OK;
    if (rc != AV_OK) { /* for its digest */
        (void)av_store_reader_open(self->store, self->content.lsn, ret_reader, &hidden);
        return rc;
    }
    rc = av_store_reader_open(self->store, self->content.lsn, ret_reader, err);
    return rc == AV_OK ? av_store_reader_verify(*ret_reader, err) : rc;
}

static av_errc
check_message(verifier *self, const av_record_header *h, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    av_error ignored;
    bool erased = false;
    av_errc rc = read_message(self, &reader, err);

    if (!verify_is_fault(rc))
        return rc;
    /* Erased just now, and perhaps dropped already: no fault, as its event tells. */
    if (av_store_keys_is_erased(self->keys, av_lsn_container(h->lsn), h->slot, &erased, &ignored) == AV_OK && erased)
        return note_gone(self, h->lsn, err);
    return verify_fault(
        self, AV_FAULT_CONTENT, h->lsn, h->lsn, reader == NULL ? NULL : av_store_reader_digest(reader), NULL, err);
}

static av_errc
check_part(verifier *self, av_error *err)
{
    uint64_t lsn = self->content.lsn;
    av_errc rc = self->options->contents ? av_store_check_part(self->store, lsn, err) : AV_OK;

    if (rc == AV_ERR_GONE || rc == AV_ERR_NOT_FOUND)
        return note_gone(self, lsn, err);
    if (!verify_is_fault(rc))
        return rc;
    rc = verify_fault(self, AV_FAULT_CONTENT, lsn, 0, NULL, NULL, err);
    return rc == AV_OK ? av_care_ranges_add(&self->damaged, lsn, lsn + 1, err) : rc;
}

/* Its key or its table cannot be had: then it is damaged for all who use it. */
static av_errc
unreadable(verifier *self, av_fault_kind kind, const av_record_header *h, av_error *err)
{
    av_errc rc = verify_fault(self, kind, h->lsn, h->kind == AV_RECORD_MESSAGE ? h->lsn : 0, NULL, NULL, err);

    return rc == AV_OK ? av_care_ranges_add(&self->damaged, h->lsn, h->lsn + 1, err) : rc;
}

av_errc
verify_content(verifier *self, const av_record_header *h, av_span body, av_error *err)
{
    const av_store_visitor visitor = { .ctx = self, .content = take_content };
    bool erased = false;
    av_errc rc = AV_OK;

    if (av_record_has_slot(h->kind))
        rc = av_store_keys_is_erased(self->keys, av_lsn_container(h->lsn), h->slot, &erased, err);
    if (verify_is_fault(rc))
        return unreadable(self, AV_FAULT_KEYS, h, err);
    if (rc != AV_OK)
        return rc;
    if (erased)
        return note_gone(self, h->lsn, err);
    rc = av_store_inspect(self->inspector, h, body, &visitor, err);
    if (verify_is_fault(rc))
        return unreadable(self, AV_FAULT_CONTENT, h, err);
    if (rc != AV_OK)
        return rc;
    if (self->content.erased)
        return note_gone(self, h->lsn, err);
    if (h->kind == AV_RECORD_PART) {
        self->result->parts++;
        return check_part(self, err);
    }
    if (h->kind != AV_RECORD_MESSAGE)
        return AV_OK;
    self->result->messages++;
    remember(self);
    return check_message(self, h, err);
}
