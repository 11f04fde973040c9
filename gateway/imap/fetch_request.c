/*
 * fetch_request.c - items of a FETCH and ranges of UIDs as a request to the instance
 */
#include "gateway/imap/fetch_priv.h"

static size_t
fill_items(const av_imap_fetch_items *items, Archivolt__FetchItem *ret)
{
    const struct {
        bool wanted;
        Archivolt__FetchItem item;
    } rows[] = {
        { true, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_UID },
        { items->flags, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_FLAGS },
        { items->internaldate, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_INTERNALDATE },
        { items->size, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_RFC822_SIZE },
        { items->envelope, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_ENVELOPE },
        { items->body, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODY },
        { items->bodystructure, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODYSTRUCTURE },
        { items->modseq, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_MODSEQ },
        { items->emailid, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_EMAILID },
        { items->threadid, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_THREADID },
        { items->savedate, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SAVEDATE },
        { items->preview, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_PREVIEW },
        { items->section_count > 0, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SECTION },
    };
    size_t n = 0;

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        if (rows[i].wanted)
            ret[n++] = rows[i].item;
    }
    return n;
}

static void
fill_sections(const av_imap_fetch_items *items, Archivolt__FetchSection *sections, Archivolt__FetchSection **list)
{
    for (size_t i = 0; i < items->section_count; i++) {
        archivolt__fetch_section__init(&sections[i]);
        sections[i].section = (char *)(uintptr_t)av_imap_fetch_items_section(items, i);
        sections[i].has_partial_offset = sections[i].has_partial_length = items->sections[i].partial;
        sections[i].partial_offset = items->sections[i].offset;
        sections[i].partial_length = items->sections[i].length;
        sections[i].has_item = 1;
        sections[i].item = items->sections[i].label == AV_IMAP_LABEL_BINARY ? ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY
                           : items->sections[i].label == AV_IMAP_LABEL_BINARY_SIZE
                               ? ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY_SIZE
                               : ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SECTION;
        list[i] = &sections[i];
    }
}

void
av_imap_fetch_request_make(av_imap_fetch_request *self, const uint8_t guid[AV_IMAP_GUID_SIZE],
    const av_imap_fetch_items *items, const av_query_range *uids, size_t n)
{
    archivolt__fetch_request__init(&self->body);
    self->ranges = av_xcalloc(n, sizeof *self->ranges);
    self->range_list = av_xcalloc(n, sizeof *self->range_list);
    for (size_t i = 0; i < n; i++) {
        archivolt__uid_range__init(&self->ranges[i]);
        self->ranges[i].first = uids[i].first;
        self->ranges[i].last = uids[i].last;
        self->range_list[i] = &self->ranges[i];
    }
    fill_sections(items, self->sections, self->section_list);
    self->body.mailbox.data = (uint8_t *)(uintptr_t)guid;
    self->body.mailbox.len = AV_IMAP_GUID_SIZE;
    self->body.uids = self->range_list;
    self->body.n_uids = n;
    self->body.items = self->items;
    self->body.n_items = fill_items(items, self->items);
    self->body.sections = self->section_list;
    self->body.n_sections = items->section_count;
    self->body.has_changed_since = items->has_changed_since;
    self->body.changed_since = items->changed_since;
    if (items->has_page && items->has_changed_since) { /* else the page was cut out of the UIDs */
        self->body.has_page_first = self->body.has_page_last = self->body.has_page_from_end = 1;
        self->body.page_first = items->page.first;
        self->body.page_last = items->page.last;
        self->body.page_from_end = items->page.from_end;
    }
}

void
av_imap_fetch_request_release(av_imap_fetch_request *self)
{
    free(self->ranges);
    free(self->range_list);
}
