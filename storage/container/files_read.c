/*
 * files_read.c - a record by its LSN, in whichever file it lies now
 */
#include "storage/container/files_priv.h"
#include "storage/store/store.h"

static av_errc
not_there(uint64_t lsn, av_error *err)
{
    return av_error_set(err, AV_ERR_NOT_FOUND, "no record stands at LSN %llx", (unsigned long long)lsn);
}

/* Where the record must lie; ret_drop: the dropped record before it, map.count when there is none. */
static av_errc
locate(const open_file *f, uint64_t lsn, uint64_t *ret_place, uint32_t *ret_drop, av_error *err)
{
    uint32_t offset = av_lsn_offset(lsn);

    *ret_place = offset;
    *ret_drop = 0;
    if (offset < AV_CONTAINER_HEADER)
        return not_there(lsn, err);
    if (f->generation == 0 || av_drop_map_locate(&f->map, offset, ret_place, ret_drop))
        return AV_OK;
    if (f->map.partial && offset >= f->map.end_offset)
        return av_error_set(err, AV_ERR_CORRUPT, "%08u.avc is damaged at byte %u, and what stands behind is not found",
            f->container, f->map.end_place);
    return not_there(lsn, err);
}

/* What stands where the record should is none: did the dropped record before it cover it? */
static bool
was_dropped(av_container_files *self, const open_file *f, uint64_t lsn, uint32_t drop)
{
    av_record_header header;
    av_dropped dropped = { 0 };
    av_error ignored;

    return f->generation > 0 && drop < f->map.count &&
           container_drop_read(f->file, f->container, self->uuid, &f->map.drops[drop], &header, &dropped, &ignored) ==
               AV_OK &&
           av_lsn_offset(lsn) - f->map.drops[drop].offset < dropped.covered;
}

static av_errc
read_record(av_container_files *self, const open_file *f, uint64_t lsn, av_record_header *ret, void *p, size_t n,
    size_t *ret_n, av_error *err)
{
    av_record_header header = { 0 };
    uint64_t place = 0;
    uint32_t drop = 0;
    size_t got = 0;
    av_errc rc = locate(f, lsn, &place, &drop, err);

    if (rc == AV_OK)
        rc = av_place_read(f->file, p, n, place, &got, err);
    if (rc != AV_OK)
        return rc;
    if (got == 0)
        return not_there(lsn, err);
    if (got < AV_RECORD_HEADER)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the file ends inside a record");
    else
        rc = av_record_header_decode(p, self->uuid, lsn, &header, err);
    if (rc == AV_OK && header.kind < AV_RECORD_DROPPED) {
        *ret_n = AV_MIN(got, (size_t)AV_RECORD_HEADER + header.length);
        *ret = header;
        return AV_OK;
    }
    if (rc == AV_OK || was_dropped(self, f, lsn, drop))
        return not_there(lsn, err);
    return av_error_prefix(err, "%08u.avc, byte %llu", f->container, (unsigned long long)place);
}

av_errc
av_container_files_record(
    av_container_files *self, uint64_t lsn, av_record_header *ret, void *p, size_t n, size_t *ret_n, av_error *err)
{
    open_file *f;
    av_errc rc;

    assert(n >= AV_RECORD_HEADER);
    rc = files_acquire(self, av_lsn_container(lsn), &f, err);
    if (rc != AV_OK)
        return rc;
    rc = read_record(self, f, lsn, ret, p, n, ret_n, err);
    files_release(self, f);
    return rc;
}

av_errc
av_container_files_read(av_container_files *self, uint64_t lsn, uint64_t at, void *p, size_t n, av_error *err)
{
    open_file *f;
    uint64_t place = 0;
    uint32_t drop = 0;
    size_t got = 0;
    av_errc rc = files_acquire(self, av_lsn_container(lsn), &f, err);

    if (rc != AV_OK)
        return rc;
    rc = locate(f, lsn, &place, &drop, err);
    if (rc == AV_OK)
        rc = av_place_read(f->file, p, n, place + at, &got, err);
    if (rc == AV_OK && got < n)
        rc = av_error_set(err, AV_ERR_CORRUPT, "%08u.avc ends at byte %llu inside a record", f->container,
            (unsigned long long)place + at + got);
    files_release(self, f);
    return rc;
}
