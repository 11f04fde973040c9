/*
 * zip.h - the entries of a ZIP file, by its central directory (APPNOTE.TXT 6.3.9)
 *
 * Stored and deflated entries, ZIP64 sizes. Not here: encryption (an entry tells that it is encrypted), other
 * methods, archives in several files. Nothing declared is believed: offsets are checked, and what an entry unpacks
 * to is counted as it comes.
 */
#ifndef AV_ACTORS_EXTRACT_ZIP_H
#define AV_ACTORS_EXTRACT_ZIP_H

#include "actors/extract/inflate.h"

#define AV_ZIP_ENTRIES_MAX 20000

typedef struct av_zip_entry {
    av_span name;        /* raw; into the file */
    uint64_t packed, at; /* compressed size; offset of the local header */
    uint16_t method, flags;
} av_zip_entry;

typedef struct av_zip {
    av_span bytes;
    av_zip_entry *entries;
    size_t count;
    bool cut; /* there are more than AV_ZIP_ENTRIES_MAX */
} av_zip;

/* bytes are borrowed until av_zip_release. AV_ERR_CORRUPT. */
av_errc av_zip_open(av_span bytes, av_zip *ret, av_error *err);
void av_zip_release(av_zip *self); /* a zeroed one is fine */
/* The entry of that name, letter case, a leading slash and backslashes ignored; NULL: there is none. */
const av_zip_entry *av_zip_find(const av_zip *self, const char *name);
bool av_zip_name_is(av_span name, const char *want);
bool av_zip_encrypted(const av_zip_entry *entry);
/* Unpack an entry to a sink. AV_ERR_CORRUPT (broken, or encrypted), AV_ERR_UNSUPPORTED (method), AV_ERR_LIMIT. */
av_errc av_zip_read(
    const av_zip *self, const av_zip_entry *entry, av_job *job, av_sink_fn *sink, void *ctx, av_error *err);

#endif
