/*
 * finding_facets.c - what was found has most of: senders, years, folders, kinds of attachments
 */
#include "actors/instance/finding_priv.h"
#include "storage/index/facets.h"

typedef struct folder { /* of the answer */
    size_t mailbox;
    uint64_t count;
} folder;

static void
add_facet(Archivolt__SearchReply *reply, Archivolt__FacetKind kind, av_span value, uint64_t count)
{
    Archivolt__Facet *facet = av_reply_new(&archivolt__facet__descriptor);

    facet->kind = kind;
    facet->value = av_span_dup(value);
    facet->count = count;
    av_reply_push(&reply->facets, &reply->n_facets, facet);
}

static void
on_top(void *ctx, av_facet_kind kind, av_span value, uint64_t count)
{
    static const Archivolt__FacetKind kinds[AV_FACET_KINDS] = {
        [AV_FACET_SENDER] = ARCHIVOLT__FACET_KIND__FACET_KIND_SENDER,
        [AV_FACET_YEAR] = ARCHIVOLT__FACET_KIND__FACET_KIND_YEAR,
        [AV_FACET_ATTACHMENT] = ARCHIVOLT__FACET_KIND__FACET_KIND_ATTACHMENT,
    };

    add_facet(ctx, kinds[kind], value, count);
}

/* The documents of a store that match: those the index was sure of, and candidates of it. */
static roaring_bitmap_t *
found_in(const finding *f, size_t store)
{
    const av_reach_store *s = &f->scan.reach.stores[store];
    roaring_bitmap_t *docs = roaring_bitmap_copy(f->scan.sure[store]);
    roaring_uint32_iterator_t it;
    uint32_t doc;
    av_error ignored;

    for (roaring_init_iterator(f->parts[0].scan.matched, &it); it.has_value;
         (void)roaring_advance_uint32_iterator(&it)) {
        const av_candidate *row = &f->scan.candidates.rows[it.current_value];

        if (row->store == s->no && av_index_doc_of(s->index, row->lsn, &doc, &ignored) == AV_OK)
            roaring_bitmap_add(docs, doc);
    }
    return docs;
}

static void
count_folders(const finding *f, size_t store, const roaring_bitmap_t *docs, folder *folders)
{
    for (size_t m = 0; m < f->scan.reach.mailbox_count; m++) {
        const roaring_bitmap_t *standing = av_reach_standing(&f->scan.reach, m, store);

        folders[m].mailbox = m;
        if (standing != NULL)
            folders[m].count += roaring_bitmap_and_cardinality(docs, standing);
    }
}

static int
most_first(const void *a, const void *b)
{
    const folder *x = a, *y = b;

    return x->count != y->count ? (x->count > y->count ? -1 : 1) : x->mailbox < y->mailbox ? -1 : 1;
}

av_errc
av_finding_count(finding *self, av_error *err)
{
    const av_reach *reach = &self->scan.reach;
    AV_CLEANUP(av_free) folder *folders = av_xcalloc(reach->mailbox_count + 1, sizeof *folders);
    av_facets *facets = av_facets_new();
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < reach->store_count; i++) {
        roaring_bitmap_t *docs;

        if (self->scan.sure[i] == NULL)
            continue;
        docs = found_in(self, i);
        rc = av_facets_add(facets, reach->stores[i].index, docs, err);
        count_folders(self, i, docs, folders);
        roaring_bitmap_free(docs);
    }
    for (unsigned kind = 0; rc == AV_OK && kind < AV_FACET_KINDS; kind++)
        av_facets_top(facets, (av_facet_kind)kind, on_top, self->reply);
    av_facets_destroy(&facets);
    if (rc != AV_OK || reach->mailbox_count == 0)
        return rc;
    qsort(folders, reach->mailbox_count, sizeof *folders, most_first);
    for (size_t i = 0; i < reach->mailbox_count && i < AV_FACETS_TOP && folders[i].count > 0; i++) {
        const av_mailbox *mailbox = &reach->mailboxes[folders[i].mailbox];

        add_facet(self->reply, ARCHIVOLT__FACET_KIND__FACET_KIND_FOLDER, av_span_of(mailbox->path, mailbox->path_n),
            folders[i].count);
    }
    return AV_OK;
}
