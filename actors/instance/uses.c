/*
 * uses.c - the stores one reader has in use
 */
#include "actors/instance/uses.h"

void
av_uses_init(av_uses *self, av_archive *archive)
{
    memset(self, 0, sizeof *self);
    self->archive = archive;
}

static void
let_go(av_uses *self, size_t i)
{
    av_meta_view_destroy(&self->v[i].view);
    av_stores_done(self->archive->stores, &self->v[i].open);
}

void
av_uses_release(av_uses *self)
{
    for (size_t i = 0; i < self->n; i++)
        let_go(self, i);
    self->n = 0;
}

static av_errc
find(av_uses *self, uint32_t no, size_t *ret, av_error *err)
{
    const av_open_store *open = NULL;
    av_errc rc;

    for (size_t i = 0; i < self->n; i++)
        if (self->v[i].no == no) {
            *ret = i;
            return AV_OK;
        }
    rc = av_stores_use(self->archive->stores, no, &open, err);
    if (rc != AV_OK)
        return rc;
    if (self->n == AV_USES_MAX) { /* the first that was asked for goes */
        let_go(self, 0);
        memmove(&self->v[0], &self->v[1], (AV_USES_MAX - 1) * sizeof self->v[0]);
        self->n--;
    }
    self->v[self->n].no = no;
    self->v[self->n].open = open;
    self->v[self->n].view = NULL;
    *ret = self->n++;
    return AV_OK;
}

av_errc
av_uses_store(av_uses *self, uint32_t no, av_store **ret, av_error *err)
{
    size_t i = 0;
    av_errc rc = find(self, no, &i, err);

    if (rc == AV_OK)
        *ret = self->v[i].open->store;
    return rc;
}

av_errc
av_uses_attributes(av_uses *self, uint32_t no, uint64_t lsn, av_buf *out, av_error *err)
{
    size_t i = 0;
    av_errc rc = find(self, no, &i, err);

    if (rc != AV_OK)
        return rc;
    if (self->v[i].view == NULL)
        self->v[i].view = av_store_view_snapshot(self->v[i].open->view);
    return av_store_view_attributes(self->v[i].view, lsn, out, err);
}
