/*
 * candidates.c - the distinct messages a user may read
 */
#include "actors/instance/candidates.h"

av_errc
av_candidates_add(av_candidates *self, av_candidate row, av_error *err)
{
    if (self->n == AV_CANDIDATES_MAX)
        return av_error_set(
            err, AV_ERR_LIMIT, "a search without an index looks at %u messages at most", AV_CANDIDATES_MAX);
    if (self->n == self->cap) {
        self->cap = self->cap == 0 ? 1024 : self->cap * 2;
        self->rows = av_xrealloc(self->rows, self->cap * sizeof *self->rows);
    }
    self->rows[self->n++] = row;
    return AV_OK;
}

size_t
av_candidates_end(const av_candidates *self, size_t i)
{
    size_t end = i + 1;

    while (end < self->n && self->rows[end].lsn == self->rows[i].lsn && self->rows[end].store == self->rows[i].store)
        end++;
    return end;
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
    memset(self, 0, sizeof *self);
}
