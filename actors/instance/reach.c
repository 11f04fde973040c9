/*
 * reach.c - what one search may see
 */
#include "actors/instance/reach.h"

#include "actors/instance/doc_sets.h"
#include "base/log.h"

size_t
av_reach_slot(av_reach *self, uint32_t no)
{
    av_reach_store *store;
    av_error why;

    for (size_t i = 0; i < self->store_count; i++)
        if (self->stores[i].no == no)
            return i;
    self->stores = av_xrealloc(self->stores, (self->store_count + 1) * sizeof *self->stores);
    store = &self->stores[self->store_count];
    *store = (av_reach_store){ .no = no, .docs = roaring_bitmap_create() };
    if (av_stores_use(self->archive->stores, no, &store->open, &why) == AV_OK && store->open->index != NULL)
        store->index = av_index_snapshot(store->open->index);
    return self->store_count++;
}

static av_errc
read_mailboxes(av_reach *self, av_error *err)
{
    av_catalog_iter *it = av_catalog_mailboxes(self->look.catalog, (av_span){ NULL, 0 });
    av_mailbox mailbox;
    av_errc rc;

    while (av_catalog_next_mailbox(it, &mailbox)) {
        if (!av_rights_may_read(self->look.rights, av_span_of(mailbox.path, mailbox.path_n)))
            continue;
        self->mailboxes = av_xrealloc(self->mailboxes, (self->mailbox_count + 1) * sizeof *self->mailboxes);
        self->mailboxes[self->mailbox_count++] = mailbox;
    }
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc;
}

/* Room for the sets of each mailbox apart: all stores that are open to searches get their slot now. */
static void
make_standing(av_reach *self)
{
    size_t n;
    av_store_info *stores = av_stores_list(self->archive->stores, &n);

    for (size_t i = 0; i < n; i++)
        if (stores[i].no != 0)
            (void)av_reach_slot(self, stores[i].no);
    av_store_infos_free(stores, n);
    self->store_slots = self->store_count;
    self->standing = av_xcalloc(self->mailbox_count * self->store_slots + 1, sizeof(roaring_bitmap_t *));
}

/* Catalog and indexes as they are at one moment, as far as the sets are concerned. */
static av_errc
look(av_reach *self, const char *user, bool by_mailbox, av_error *err)
{
    av_errc rc = av_look_init(&self->look, self->archive, user, err);

    if (rc == AV_OK)
        rc = read_mailboxes(self, err);
    if (rc == AV_OK && by_mailbox)
        make_standing(self);
    for (size_t m = 0; rc == AV_OK && m < self->mailbox_count; m++)
        rc = av_doc_sets_add(self->archive->doc_sets, self, m, err);
    return rc;
}

av_errc
av_reach_init(av_reach *self, av_archive *archive, const char *user, bool by_mailbox, av_error *err)
{
    av_errc rc;

    memset(self, 0, sizeof *self);
    self->archive = archive;
    av_doc_sets_lock(archive->doc_sets);
    rc = look(self, user, by_mailbox, err);
    av_doc_sets_unlock(archive->doc_sets);
    return rc;
}

static av_errc
look_at_one(av_reach *self, const char *user, av_span guid, av_error *err)
{
    av_errc rc = av_look_init(&self->look, self->archive, user, err);

    self->mailboxes = av_xcalloc(1, sizeof *self->mailboxes);
    if (rc == AV_OK)
        rc = av_look_mailbox(&self->look, guid, self->mailboxes, err);
    if (rc != AV_OK)
        return rc;
    self->mailbox_count = 1;
    return av_doc_sets_places(self->archive->doc_sets, self, 0, err);
}

av_errc
av_reach_init_mailbox(av_reach *self, av_archive *archive, const char *user, av_span guid, av_error *err)
{
    av_errc rc;

    memset(self, 0, sizeof *self);
    self->archive = archive;
    av_doc_sets_lock(archive->doc_sets);
    rc = look_at_one(self, user, guid, err);
    av_doc_sets_unlock(archive->doc_sets);
    return rc;
}

void
av_reach_release(av_reach *self)
{
    for (size_t i = 0; i < self->mailbox_count * self->store_slots; i++)
        if (self->standing[i] != NULL)
            roaring_bitmap_free(self->standing[i]);
    free(self->standing);
    for (size_t i = 0; i < self->store_count; i++) {
        roaring_bitmap_free(self->stores[i].docs);
        free(self->stores[i].places);
        av_index_view_release(&self->stores[i].index);
        av_stores_done(self->archive->stores, &self->stores[i].open);
    }
    free(self->stores);
    free(self->mailboxes);
    av_candidates_release(&self->unindexed);
    av_look_release(&self->look);
    memset(self, 0, sizeof *self);
}

const roaring_bitmap_t *
av_reach_standing(const av_reach *self, size_t mailbox, size_t store)
{
    return store < self->store_slots ? self->standing[mailbox * self->store_slots + store] : NULL;
}

static bool
find_mailbox(const av_reach *self, const uint8_t guid[AV_GUID_SIZE], size_t *ret)
{
    for (size_t m = 0; m < self->mailbox_count; m++)
        if (memcmp(self->mailboxes[m].guid, guid, AV_GUID_SIZE) == 0) {
            *ret = m;
            return true;
        }
    return false;
}

av_errc
av_reach_places(av_reach *self, size_t store, uint64_t lsn, av_candidates *rows, av_error *err)
{
    av_reach_store *s = &self->stores[store];
    av_meta_view *view = av_store_view_snapshot(s->open->view);
    av_store_view_iter *it = av_store_view_placements_of(view, lsn);
    av_store_placement p;
    av_placement row;
    av_error ignored;
    size_t m, found = 0;
    av_errc rc = AV_OK;

    /* What the log says of a place counts when the catalog, as this search sees it, has it, too. */
    while (rc == AV_OK && av_store_view_next_placement(it, &p)) {
        if (p.removed || !find_mailbox(self, p.guid, &m) ||
            av_catalog_placement(self->look.catalog, p.guid, p.uid, &row, &ignored) != AV_OK || row.store != s->no ||
            row.content_lsn != lsn)
            continue;
        rc = av_candidates_add(rows, (av_candidate){ lsn, (uint32_t)m, p.uid, s->no }, err);
        found++;
    }
    if (rc == AV_OK)
        rc = av_store_view_iter_error(it, err);
    av_store_view_iter_destroy(&it);
    av_meta_view_destroy(&view);
    if (rc == AV_OK && found == 0)
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "the message has left its mailboxes");
    return rc;
}
