/*
 * uid_set.c - ranges of UIDs in order, apart from each other
 */
#include "actors/instance/uid_set.h"

#include "base/util.h"

static int
by_first(const void *a, const void *b)
{
    uint32_t x = ((const av_uid_range *)a)->first, y = ((const av_uid_range *)b)->first;

    return x < y ? -1 : x > y;
}

av_errc
av_uid_set_init(av_uid_set *self, Archivolt__UidRange *const *ranges, size_t n, av_error *err)
{
    size_t i, count = 0;

    memset(self, 0, sizeof *self);
    if (n > AV_UID_RANGES_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "a request names at most %d ranges of UIDs", AV_UID_RANGES_MAX);
    for (i = 0; i < n; i++) {
        if (ranges[i]->first > ranges[i]->last)
            return av_error_set(err, AV_ERR_INVALID, "a range of UIDs begins behind its end");
    }
    self->ranges = av_xcalloc(n == 0 ? 1 : n, sizeof *self->ranges);
    for (i = 0; i < n; i++)
        self->ranges[i] = (av_uid_range){ ranges[i]->first, ranges[i]->last };
    qsort(self->ranges, n, sizeof *self->ranges, by_first);
    for (i = 0; i < n; i++) {
        if (count > 0 && self->ranges[i].first <= self->ranges[count - 1].last)
            self->ranges[count - 1].last = AV_MAX(self->ranges[count - 1].last, self->ranges[i].last);
        else
            self->ranges[count++] = self->ranges[i];
    }
    self->n = count;
    return AV_OK;
}

void
av_uid_set_release(av_uid_set *self)
{
    free(self->ranges);
    memset(self, 0, sizeof *self);
}

bool
av_uid_set_has(const av_uid_set *self, uint32_t uid)
{
    size_t low = 0, high = self->n, mid;

    while (low < high) {
        mid = low + (high - low) / 2;
        if (uid < self->ranges[mid].first)
            high = mid;
        else if (uid > self->ranges[mid].last)
            low = mid + 1;
        else
            return true;
    }
    return false;
}
