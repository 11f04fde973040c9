/*
 * trouble.h - what of an archive takes no writes since one of its writes failed, and whether its disk takes some again
 *
 * A database (accounts, the catalog, a store's view) or a log whose write failed takes no more until it is opened again
 * (storage/meta/meta.h, storage/store/store.h). Nothing acknowledged is lost by that: it is in the log, or synced.
 */
#ifndef AV_INSTANCE_TROUBLE_H
#define AV_INSTANCE_TROUBLE_H

#include "actors/instance/archive.h"

typedef struct av_trouble {
    char *what;    /* "the catalog", "the database of archive store a" */
    char *dir;     /* the folder above its files */
    bool accounts; /* users, settings, rows of stores and runs cannot be changed */
} av_trouble;

/* Any thread: all there are, NULL for none. End with av_troubles_free. Without touching a disk. */
av_trouble *av_troubles_find(av_archive *archive, size_t *ret_count);
void av_troubles_free(av_trouble *list, size_t count);

/* AV_OK: the folder's disk has so many bytes free for us, and a file of 1 MB could be written there and synced, and was
 * removed. Else AV_ERR_NOSPACE or AV_ERR_IO with the sentence. Blocks on disk. */
av_errc av_trouble_try_disk(const char *dir, uint64_t free_bytes, av_error *err);

/*
 * Any thread: an AV_ERR_NOSPACE of the archive's gets a sentence with the disk's name and its free space. When all its
 * disks have free_bytes again and something is in trouble, it becomes AV_ERR_UNAVAILABLE. Other errors stay.
 */
av_errc av_trouble_explain(av_archive *archive, uint64_t free_bytes, av_error *err);
/* The same for an archive that could not be opened: only its base directory is looked at, and the code stays. */
av_errc av_trouble_explain_dir(const char *dir, av_error *err);

#endif
