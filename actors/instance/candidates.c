/*
 * candidates.c - the distinct messages a user may read
 */
#include "actors/instance/candidates.h"

static av_errc
add(av_candidates *self, const av_placement *p, av_error *err)
{
    if (self->n == AV_CANDIDATES_MAX)
        return av_error_set(
            err, AV_ERR_LIMIT, "a search without an index looks at %u messages at most", AV_CANDIDATES_MAX);
    if (self->n == self->cap) {
        self->cap = self->cap == 0 ? 1024 : self->cap * 2;
        self->rows = av_xrealloc(self->rows, self->cap * sizeof *self->rows);
    }
    self->rows[self->n++] = (av_candidate){ p->content_lsn, (uint32_t)(self->mailbox_count - 1), p->uid, p->store };
    return AV_OK;
}

static int
by_lsn(const void *a, const void *b)
{
    const av_candidate *x = a, *y = b;

    if (x->store != y->store)
        return x->store < y->store ? -1 : 1;
    if (x->lsn != y->lsn)
        return x->lsn < y->lsn ? -1 : 1;
    return x->mailbox < y->mailbox ? -1 : x->mailbox > y->mailbox;
}

static av_errc
add_mailbox(av_candidates *self, av_look *look, const av_mailbox *mailbox, av_error *err)
{
    av_catalog_iter *it = av_catalog_placements(look->catalog, mailbox->guid, 1, UINT32_MAX);
    av_placement placement;
    av_errc rc = AV_OK;

    self->mailboxes = av_xrealloc(self->mailboxes, (self->mailbox_count + 1) * sizeof *self->mailboxes);
    self->mailboxes[self->mailbox_count++] = *mailbox;
    while (rc == AV_OK && av_catalog_next_placement(it, &placement))
        rc = add(self, &placement, err);
    if (rc == AV_OK)
        rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc;
}

size_t
av_candidates_end(const av_candidates *self, size_t i)
{
    size_t end = i + 1;

    while (end < self->n && self->rows[end].lsn == self->rows[i].lsn && self->rows[end].store == self->rows[i].store)
        end++;
    return end;
}

av_errc
av_candidates_init(av_candidates *self, av_look *look, av_error *err)
{
    av_catalog_iter *it = av_catalog_mailboxes(look->catalog, (av_span){ NULL, 0 });
    av_mailbox mailbox;
    size_t i;
    av_errc rc = AV_OK;

    memset(self, 0, sizeof *self);
    while (rc == AV_OK && av_catalog_next_mailbox(it, &mailbox)) {
        if (av_rights_may_read(look->rights, av_span_of(mailbox.path, mailbox.path_n)))
            rc = add_mailbox(self, look, &mailbox, err);
    }
    if (rc == AV_OK)
        rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    if (rc != AV_OK || self->n == 0)
        return rc;
    qsort(self->rows, self->n, sizeof *self->rows, by_lsn);
    for (i = 0; i < self->n; i = av_candidates_end(self, i))
        self->distinct++;
    return AV_OK;
}

void
av_candidates_drop_rows(av_candidates *self)
{
    free(self->rows);
    self->rows = NULL;
    self->n = self->cap = 0;
}

void
av_candidates_release(av_candidates *self)
{
    free(self->rows);
    free(self->mailboxes);
    memset(self, 0, sizeof *self);
}
