/*
 * scan.c - a search over the distinct messages a user may read
 */
#include "actors/instance/scan.h"

#define BLOCK_MESSAGES 16

av_errc
av_scan_init(av_scan *self, av_archive *archive, const char *user, av_span query, size_t wanted, av_error *err)
{
    av_query *tree = NULL;
    av_errc rc;

    memset(self, 0, sizeof *self);
    self->archive = archive;
    self->wanted = wanted;
    atomic_init(&self->cursor, 0);
    rc = av_query_parse(query, NULL, &tree, err);
    if (rc == AV_OK)
        rc = av_matcher_new(tree, &self->matcher, err);
    av_query_destroy(&tree);
    if (rc == AV_OK)
        rc = av_look_init(&self->look, archive, user, err);
    if (rc == AV_OK)
        rc = av_candidates_init(&self->candidates, &self->look, err);
    return rc;
}

void
av_scan_release(av_scan *self)
{
    av_candidates_release(&self->candidates);
    av_look_release(&self->look);
    av_matcher_destroy(&self->matcher);
}

void
av_scan_part_init(av_scan_part *self, av_scan *scan)
{
    memset(self, 0, sizeof *self);
    self->scan = scan;
    av_probe_init(&self->probe, scan->archive, scan->matcher);
}

void
av_scan_part_release(av_scan_part *self)
{
    if (self->scan != NULL)
        av_probe_release(&self->probe);
    free(self->heap);
    memset(self, 0, sizeof *self);
}

/* a is older than b. */
static bool
is_older(const av_hit *a, const av_hit *b)
{
    return a->date_unix_s != b->date_unix_s ? a->date_unix_s < b->date_unix_s : a->candidate < b->candidate;
}

static void
swap(av_hit *a, av_hit *b)
{
    av_hit t = *a;

    *a = *b;
    *b = t;
}

static void
sift_down(av_hit *heap, size_t n, size_t i)
{
    size_t child;

    while ((child = 2 * i + 1) < n) {
        if (child + 1 < n && is_older(&heap[child + 1], &heap[child]))
            child++;
        if (!is_older(&heap[child], &heap[i]))
            return;
        swap(&heap[child], &heap[i]);
        i = child;
    }
}

/* Keep the `wanted` newest: the oldest of them is on top and leaves when a newer one comes. */
static void
keep(av_scan_part *self, av_hit hit)
{
    size_t i;

    if (self->scan->wanted == 0)
        return;
    if (self->n == self->scan->wanted) {
        if (is_older(&hit, &self->heap[0]))
            return;
        self->heap[0] = hit;
        sift_down(self->heap, self->n, 0);
        return;
    }
    if (self->n == self->cap) {
        self->cap = self->cap == 0 ? 64 : self->cap * 2;
        self->heap = av_xrealloc(self->heap, self->cap * sizeof *self->heap);
    }
    self->heap[self->n] = hit;
    for (i = self->n++; i > 0 && is_older(&self->heap[i], &self->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&self->heap[i], &self->heap[(i - 1) / 2]);
}

static int64_t
date_of(av_scan_part *self, const av_placement *placement)
{
    av_probe *probe = &self->probe;
    av_summary summary;
    av_error ignored;

    if (av_uses_attributes(&probe->uses, placement->store, placement->content_lsn, &probe->row, &ignored) == AV_OK &&
        probe->row.n > 0 && av_summary_row_decode(av_buf_span(&probe->row), &summary, &ignored) == AV_OK &&
        summary.has_date)
        return summary.date_unix_s;
    return placement->received_at_ms / 1000;
}

/* One message with its places [at, end): it matches when it does in one of them. */
static void
test_one(av_scan_part *self, size_t at, size_t end)
{
    const av_candidates *c = &self->scan->candidates;
    av_probe_answer answer = AV_PROBE_NO;
    av_placement placement = { 0 };
    av_probe_place place = { 0 };
    const av_mailbox *mailbox;
    av_error ignored;
    bool by_place = (self->probe.needs & AV_MATCH_NEED_META) != 0, truncated = false;
    size_t i;

    for (i = at; i < end; i++) {
        mailbox = &c->mailboxes[c->rows[i].mailbox];
        if (av_catalog_placement(self->scan->look.catalog, mailbox->guid, c->rows[i].uid, &placement, &ignored) !=
            AV_OK)
            answer = AV_PROBE_UNREADABLE;
        else {
            place.path = av_span_of(mailbox->path, mailbox->path_n);
            place.last_uid = mailbox->uidnext - 1;
            answer = av_probe_test(&self->probe, self->scan->look.catalog, &placement, &place);
            truncated = truncated || self->probe.truncated;
        }
        if (answer == AV_PROBE_YES || !by_place)
            break;
    }
    if (answer == AV_PROBE_UNREADABLE)
        self->unreadable++;
    self->truncated += truncated;
    if (answer == AV_PROBE_YES) {
        self->total++;
        keep(self, (av_hit){ date_of(self, &placement), i });
    }
}

/* Claim the next messages: a block never begins inside the places of one. */
static bool
claim(av_scan *scan, size_t *ret_at, size_t *ret_end)
{
    size_t at = atomic_load(&scan->cursor), end, i;

    do {
        if (at >= scan->candidates.n)
            return false;
        for (end = at, i = 0; i < BLOCK_MESSAGES && end < scan->candidates.n; i++)
            end = av_candidates_end(&scan->candidates, end);
    } while (!atomic_compare_exchange_weak(&scan->cursor, &at, end));
    *ret_at = at;
    *ret_end = end;
    return true;
}

bool
av_scan_part_step(av_scan_part *self)
{
    size_t at, end, next;

    if (!claim(self->scan, &at, &end))
        return false;
    for (; at < end; at = next) {
        next = av_candidates_end(&self->scan->candidates, at);
        test_one(self, at, next);
    }
    return true;
}

void
av_scan_part_merge(av_scan_part *self, const av_scan_part *other)
{
    size_t i;

    for (i = 0; i < other->n; i++)
        keep(self, other->heap[i]);
    self->total += other->total;
    self->unreadable += other->unreadable;
    self->truncated += other->truncated;
}

static int
newest_first(const void *a, const void *b)
{
    return is_older(a, b) ? 1 : is_older(b, a) ? -1 : 0;
}

void
av_scan_part_sort(av_scan_part *self)
{
    if (self->n > 0)
        qsort(self->heap, self->n, sizeof *self->heap, newest_first);
}

double
av_scan_coverage(const av_scan *self, const av_scan_part *merged)
{
    if (self->candidates.distinct == 0)
        return 1.0;
    return (double)(self->candidates.distinct - merged->unreadable) / (double)self->candidates.distinct;
}
