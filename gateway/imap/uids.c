/*
 * uids.c - see uids.h
 */
#include "gateway/imap/uids.h"

#include "storage/index/uid_wire.h"

struct av_imap_uid_list {
    size_t refs;
    av_imap_uid_run v[];
};

/* A list being made: ranges come in order, each apart from the one before or next to it. */
typedef struct maker {
    struct av_imap_uid_list *list;
    size_t n, max;
    uint64_t count;
} maker;

static bool
add(maker *m, av_query_range range)
{
    av_imap_uid_run *last = m->n > 0 ? &m->list->v[m->n - 1] : NULL;

    if (range.first == 0 || range.last < range.first || range.last == UINT32_MAX ||
        (last != NULL && range.first <= last->last))
        return false;
    if (last != NULL && last->last + 1 == range.first) {
        last->last = range.last;
    } else {
        if (m->n == m->max) {
            m->max = m->max == 0 ? 4 : 2 * m->max;
            m->list = av_xrealloc(m->list, sizeof *m->list + m->max * sizeof *m->list->v);
        }
        m->list->v[m->n++] = (av_imap_uid_run){ range.first, range.last, (uint32_t)(m->count + 1) };
    }
    m->count += (uint64_t)range.last - range.first + 1; /* below 2^32: distinct UIDs */
    return true;
}

/* The list goes, what was saved stays. */
static void
drop_list(av_imap_uids *self)
{
    if (self->list != NULL && --self->list->refs == 0)
        free(self->list);
    self->list = NULL;
    self->runs = NULL;
    self->n = 0;
    self->count = 0;
}

static void
finish(av_imap_uids *self, maker *m)
{
    drop_list(self);
    if (m->n == 0) {
        free(m->list);
        return;
    }
    m->list = av_xrealloc(m->list, sizeof *m->list + m->n * sizeof *m->list->v);
    m->list->refs = 1;
    self->list = m->list;
    self->runs = m->list->v;
    self->n = m->n;
    self->count = (uint32_t)m->count;
}

bool
av_imap_uids_set(av_imap_uids *self, const av_query_range *ranges, size_t n)
{
    maker m = { .max = 0 };

    for (size_t i = 0; i < n; i++) {
        if (!add(&m, ranges[i])) {
            free(m.list);
            return false;
        }
    }
    finish(self, &m);
    return true;
}

void
av_imap_uids_release(av_imap_uids *self)
{
    drop_list(self);
    free(self->saved);
    *self = (av_imap_uids){ 0 };
}

void
av_imap_uids_share(av_imap_uids *self, const av_imap_uids *from)
{
    if (from->list != NULL)
        from->list->refs++;
    drop_list(self);
    self->list = from->list;
    self->runs = from->runs;
    self->n = from->n;
    self->count = from->count;
}

bool
av_imap_uids_decode(av_imap_uids *self, const av_imap_uids *base, uint32_t from, av_span wire)
{
    maker m = { .max = 0 };
    uint32_t before = 0;
    bool ok = true;

    if (wire.n == 0 && av_imap_uids_last(base) < from) {
        av_imap_uids_share(self, base);
        return true;
    }
    for (size_t i = 0; i < base->n && base->runs[i].first < from; i++)
        ok = ok && add(&m, (av_query_range){ base->runs[i].first, AV_MIN(base->runs[i].last, from - 1) });
    while (ok && wire.n > 0) {
        av_query_range run;

        ok = av_uid_wire_take(&wire, before, &run) && run.first >= from && add(&m, run);
        before = ok ? run.last : before;
    }
    if (ok)
        finish(self, &m);
    else
        free(m.list);
    return ok;
}

void
av_imap_uids_save(av_imap_uids *self, const av_query_range *ranges, size_t n)
{
    free(self->saved);
    self->saved = av_xcalloc(n + 1, sizeof *self->saved);
    if (n > 0)
        memcpy(self->saved, ranges, n * sizeof *ranges);
    self->saved_n = n;
}

static uint32_t
last_seq(const av_imap_uid_run *run)
{
    return run->seq + (run->last - run->first);
}

/* Index of the first run that does not end before this UID, or this sequence number. */
static size_t
find_run(const av_imap_uids *self, uint32_t number, bool by_uid)
{
    size_t low = 0, high = self->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if ((by_uid ? self->runs[mid].last : last_seq(&self->runs[mid])) < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint32_t
av_imap_uids_seq(const av_imap_uids *self, uint32_t uid)
{
    size_t at = find_run(self, uid, true);

    return at == self->n || uid < self->runs[at].first ? 0 : self->runs[at].seq + (uid - self->runs[at].first);
}

uint32_t
av_imap_uids_uid(const av_imap_uids *self, uint32_t seq)
{
    size_t at = find_run(self, seq, false);

    return at == self->n || seq == 0 ? 0 : self->runs[at].first + (seq - self->runs[at].seq);
}

uint32_t
av_imap_uids_last(const av_imap_uids *self)
{
    return self->n == 0 ? 0 : self->runs[self->n - 1].last;
}

/* What of [uid, last] self does not have, behind out. Ends what is put out: at most a range for each run in it, and one. */
static void
subtract(const av_imap_uids *self, uint32_t uid, uint32_t last, av_query_range *out, size_t *n)
{
    for (size_t at = find_run(self, uid, true); uid <= last; at++) {
        if (at == self->n || self->runs[at].first > last) {
            out[(*n)++] = (av_query_range){ uid, last };
            return;
        }
        if (self->runs[at].first > uid)
            out[(*n)++] = (av_query_range){ uid, self->runs[at].first - 1 };
        uid = self->runs[at].last + 1;
    }
}

void
av_imap_uids_gone(const av_imap_uids *self, const av_imap_uids *now, av_query_range **ret, size_t *ret_n)
{
    av_query_range *out = av_xcalloc(self->n + now->n + 1, sizeof *out); /* each run of either ends one at most */

    *ret_n = 0;
    for (size_t i = 0; i < self->n; i++)
        subtract(now, self->runs[i].first, self->runs[i].last, out, ret_n);
    *ret = out;
}

static int
by_first(const void *a, const void *b)
{
    uint32_t x = ((const av_query_range *)a)->first, y = ((const av_query_range *)b)->first;

    return x < y ? -1 : x > y;
}

/* `*` put in, in order, overlaps joined. Returns how many are left. */
static size_t
normalize(av_query_range *set, size_t n, uint32_t star)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t a = set[i].first == UINT32_MAX ? star : set[i].first;
        uint32_t b = set[i].last == UINT32_MAX ? star : set[i].last;

        set[i] = (av_query_range){ AV_MIN(a, b), AV_MAX(a, b) };
    }
    qsort(set, n, sizeof *set, by_first);
    for (size_t i = 0; i < n; i++) {
        if (used > 0 && set[i].first <= set[used - 1].last)
            set[used - 1].last = AV_MAX(set[used - 1].last, set[i].last);
        else
            set[used++] = set[i];
    }
    return used;
}

/* Cut a range to messages that exist, as UIDs. false: there are none. */
static bool
cut(const av_imap_uids *self, av_query_range *range, bool by_uid)
{
    size_t a, b;

    if (!by_uid) {
        range->first = av_imap_uids_uid(self, range->first);
        range->last = av_imap_uids_uid(self, AV_MIN(range->last, self->count));
        return range->first != 0 && range->last != 0;
    }
    a = find_run(self, range->first, true);
    b = find_run(self, range->last, true);
    if (a == self->n || range->last < self->runs[a].first)
        return false;
    range->first = AV_MAX(range->first, self->runs[a].first);
    if (b == self->n || range->last < self->runs[b].first) /* behind a run: b > a, for run a begins before it */
        range->last = self->runs[b - 1].last;
    return true;
}

void
av_imap_uids_resolve(
    const av_imap_uids *self, const av_query_range *set, size_t n, bool by_uid, av_query_range **ret, size_t *ret_n)
{
    bool saved = n == 1 && set[0].first == 0 && set[0].last == 0;
    av_query_range *out;
    size_t used = 0;

    if (saved) {
        set = self->saved;
        n = self->saved_n;
        by_uid = true;
    }
    out = av_xcalloc(n + 1, sizeof *out);
    if (n > 0)
        memcpy(out, set, n * sizeof *set);
    n = normalize(out, n, by_uid ? av_imap_uids_last(self) : self->count);
    for (size_t i = 0; i < n; i++) {
        av_query_range one = out[i];

        if (cut(self, &one, by_uid))
            out[used++] = one;
    }
    *ret = out;
    *ret_n = used;
}

void
av_imap_uids_missing(
    const av_imap_uids *self, const av_query_range *set, size_t n, uint32_t below, av_query_range **ret, size_t *ret_n)
{
    av_query_range *out = av_xcalloc(n + self->n + 1, sizeof *out);
    AV_CLEANUP(av_free) av_query_range *wanted = av_xcalloc(n + 1, sizeof *wanted);

    if (n > 0)
        memcpy(wanted, set, n * sizeof *wanted);
    n = normalize(wanted, n, av_imap_uids_last(self));
    *ret_n = 0;
    for (size_t i = 0; i < n && wanted[i].first < below; i++) {
        if (wanted[i].last > 0) /* else an empty `$` (RFC 5182, 2.1) */
            subtract(self, wanted[i].first, AV_MIN(wanted[i].last, below - 1), out, ret_n);
    }
    *ret = out;
}

/* The ends of a range exist, so that their numbers say how many messages are in it. */
void
av_imap_uids_page(
    const av_imap_uids *self, bool from_end, uint32_t first, uint32_t last, av_query_range *ranges, size_t *n)
{
    uint64_t total = 0, at = 1, from = first, to = last;
    size_t used = 0;

    for (size_t i = 0; i < *n; i++)
        total += av_imap_uids_seq(self, ranges[i].last) - av_imap_uids_seq(self, ranges[i].first) + 1;
    if (from_end) {
        from = total < last ? 1 : total - last + 1;
        to = total < first ? 0 : total - first + 1;
    }
    for (size_t i = 0; i < *n; i++) {
        uint32_t seq = av_imap_uids_seq(self, ranges[i].first), end = av_imap_uids_seq(self, ranges[i].last);
        uint64_t next = at + (end - seq) + 1;
        uint64_t a = AV_MAX(at, from), b = AV_MIN(next - 1, to);

        if (a <= b)
            ranges[used++] = (av_query_range){ av_imap_uids_uid(self, seq + (uint32_t)(a - at)),
                av_imap_uids_uid(self, seq + (uint32_t)(b - at)) };
        at = next;
    }
    *n = used;
}
