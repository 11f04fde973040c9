/*
 * scan_later.c - behind damage: does anything stand there that proves more was on disk?
 */
#include "storage/container/scan_priv.h"
#include "storage/store/store.h"

static bool
is_later_record(const av_scan *self, const uint8_t *p, uint64_t at)
{
    av_record_header h;
    av_error ignored;

    /* Most hits of two letters end here, before a CRC is computed. */
    if (p[1] != 'V' || p[2] == 0 || p[2] > AV_RECORD_DICTIONARY || p[3] > AV_RECORD_ONE_PIECE)
        return false;
    return av_record_header_decode(p, self->uuid, av_lsn(self->container, at), &h, &ignored) == AV_OK &&
           h.group > self->chain.group + 1;
}

av_errc
av_scan_find_later_group(av_scan *self, bool *ret, av_error *err)
{
    /* A container is compacted only when another one follows, so there are later groups. */
    *ret = self->generation > 0;
    if (*ret)
        return AV_OK;
    for (uint64_t at = self->place; at + AV_RECORD_HEADER <= self->size;) {
        size_t n = (size_t)AV_MIN(self->size - at, SCAN_WINDOW), last;
        const uint8_t *p = NULL;
        av_errc rc = scan_look(self, at, n, n, &p, &n, err);

        if (rc != AV_OK)
            return rc;
        assert(p != NULL);
        last = n - AV_RECORD_HEADER;
        for (size_t i = 0; i <= last; i++) {
            const uint8_t *hit = memchr(p + i, 'A', last - i + 1);

            if (hit == NULL)
                break;
            i = (size_t)(hit - p);
            if (is_later_record(self, hit, at + i)) {
                *ret = true;
                return AV_OK;
            }
        }
        at += last + 1;
    }
    return AV_OK;
}
