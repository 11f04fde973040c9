/*
 * mend.h - a damaged content folder made readable in another place, without touching it
 *
 * A reader finds records by the header of their container. A container whose header is damaged is copied with a new
 * one, which its name tells (maps of compacted ones the reader makes again by itself); all others are linked (or
 * copied, where the file system has no links). What stands in records is not mended: nothing could.
 */
#ifndef AV_CARE_MEND_H
#define AV_CARE_MEND_H

#include "storage/care/watch.h"
#include "storage/keys/store_keys.h"

/*
 * work_dir: made, best on the file system of source_dir; what is in it is removed first. Afterwards it can be opened as
 * a store (read only). AV_ERR_NOT_FOUND: source_dir holds no container. AV_ERR_IO, AV_ERR_NOSPACE.
 */
av_errc av_care_mend(
    const char *source_dir, av_store_keys *keys, const char *work_dir, const av_care_watch *watch, av_error *err);
/* Remove what av_care_mend made. Missing is fine. */
av_errc av_care_mend_drop(const char *work_dir, av_error *err);

#endif
