/*
 * uids.c - see uids.h
 */
#include "gateway/imap/uids.h"

bool
av_imap_uids_set(av_imap_uids *self, const av_query_range *ranges, size_t n)
{
    AV_CLEANUP(av_free) av_imap_uid_run *runs = av_xcalloc(n + 1, sizeof *runs);
    uint64_t seq = 1;
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        bool in_order = i == 0 || ranges[i].first > ranges[i - 1].last;

        if (ranges[i].first == 0 || ranges[i].last < ranges[i].first || ranges[i].last == UINT32_MAX || !in_order)
            return false;
        if (used > 0 && runs[used - 1].last + 1 == ranges[i].first)
            runs[used - 1].last = ranges[i].last;
        else
            runs[used++] = (av_imap_uid_run){ ranges[i].first, ranges[i].last, (uint32_t)seq };
        seq += (uint64_t)ranges[i].last - ranges[i].first + 1; /* below 2^32: distinct UIDs */
    }
    free(self->runs);
    self->runs = AV_TAKE(runs);
    self->n = used;
    self->count = (uint32_t)(seq - 1);
    return true;
}

void
av_imap_uids_release(av_imap_uids *self)
{
    free(self->runs);
    *self = (av_imap_uids){ 0 };
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

void
av_imap_uids_gone(const av_imap_uids *self, const av_imap_uids *now, av_query_range **ret, size_t *ret_n)
{
    av_query_range *out = av_xcalloc(self->n + now->n + 1, sizeof *out); /* each run of either ends one at most */
    size_t n = 0;

    for (size_t i = 0; i < self->n; i++) {
        uint32_t uid = self->runs[i].first, last = self->runs[i].last;

        while (uid <= last) {
            size_t at = find_run(now, uid, true);

            if (at == now->n || now->runs[at].first > last) {
                out[n++] = (av_query_range){ uid, last };
                break;
            }
            if (now->runs[at].first > uid)
                out[n++] = (av_query_range){ uid, now->runs[at].first - 1 };
            uid = now->runs[at].last + 1;
        }
    }
    *ret = out;
    *ret_n = n;
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
    av_query_range *out = av_xcalloc(n + 1, sizeof *out);
    size_t used = 0;

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
