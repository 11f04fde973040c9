/*
 * uses.c - the stores one reader has in use
 */
#include "actors/instance/uses.h"

#define STEPS        16 /* rows passed over before a look-up is cheaper */
#define PATIENCE     3
#define PATIENCE_MAX 4096

void
av_uses_init(av_uses *self, av_archive *archive)
{
    memset(self, 0, sizeof *self);
    self->archive = archive;
}

static void
let_go(av_uses *self, size_t i)
{
    av_store_view_iter_destroy(&self->v[i].walk.it);
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
    self->v[self->n].walk = (av_uses_walk){ .patience = PATIENCE };
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

/* Go on to the row of lsn; false: it is not near. A walk that leads nowhere ends, and the next begins later. */
static bool
walk_to(av_uses_walk *walk, uint64_t lsn)
{
    unsigned steps = 0;

    if (walk->it == NULL)
        return false;
    while (walk->lsn < lsn && steps++ < STEPS && av_store_view_next_attributes(walk->it, &walk->lsn, &walk->row))
        continue;
    if (walk->lsn == lsn) {
        walk->patience = PATIENCE;
        return true;
    }
    if (walk->lsn > lsn && walk->last < lsn) /* it has no row: the walk goes on behind it */
        return false;
    av_store_view_iter_destroy(&walk->it);
    walk->forward = 0;
    walk->patience = AV_MIN(walk->patience * 2, (unsigned)PATIENCE_MAX);
    return false;
}

static void
begin_walk(av_uses_walk *walk, const av_meta_view *view, uint64_t lsn)
{
    walk->forward = lsn > walk->last ? walk->forward + 1 : 0;
    if (walk->it != NULL || walk->forward < walk->patience)
        return;
    walk->it = av_store_view_all_attributes(view, lsn + 1);
    walk->lsn = lsn;
    walk->row = av_span_of(NULL, 0);
}

av_errc
av_uses_attributes(av_uses *self, uint32_t no, uint64_t lsn, av_buf *out, av_error *err)
{
    av_uses_walk *walk;
    size_t i = 0;
    av_errc rc = find(self, no, &i, err);

    if (rc != AV_OK)
        return rc;
    if (self->v[i].view == NULL)
        self->v[i].view = av_store_view_snapshot(self->v[i].open->view);
    walk = &self->v[i].walk;
    if (walk_to(walk, lsn) && walk->row.p != NULL) {
        av_buf_clear(out);
        if (!av_buf_append_span(out, walk->row))
            rc = av_error_set(err, AV_ERR_CORRUPT, "the attributes of a message are longer than they may be");
    } else {
        begin_walk(walk, self->v[i].view, lsn);
        rc = av_store_view_attributes(self->v[i].view, lsn, out, err);
    }
    walk->last = lsn;
    return rc;
}
