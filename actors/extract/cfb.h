/*
 * cfb.h - streams of an OLE2 compound file ([MS-CFB])
 *
 * Chains of sectors are followed with a count of what a file of this size can have, so that a loop ends. Entries are
 * taken as a flat list with their parents; the red-black tree between siblings is walked, not trusted.
 */
#ifndef AV_ACTORS_EXTRACT_CFB_H
#define AV_ACTORS_EXTRACT_CFB_H

#include "base/buf.h"
#include "base/error.h"

#define AV_CFB_ROOT        0
#define AV_CFB_NONE        UINT32_MAX
#define AV_CFB_ENTRIES_MAX 65536
#define AV_CFB_NAME_MAX    100

typedef struct av_cfb_entry {
    char name[AV_CFB_NAME_MAX]; /* UTF-8; control characters as they are ("\001Ole10Native") */
    uint32_t parent;            /* AV_CFB_NONE: the root, or not reached from it */
    uint32_t start;
    uint64_t size;
    bool is_stream, is_storage;
} av_cfb_entry;

typedef struct av_cfb {
    av_span bytes;
    size_t sector_bytes;
    av_buf fat, mini_fat, mini; /* tables of uint32_t little endian; the mini stream */
    av_cfb_entry *entries;
    uint32_t count;
    uint32_t cutoff;
} av_cfb;

/* bytes are borrowed until av_cfb_release. AV_ERR_CORRUPT, AV_ERR_LIMIT, AV_ERR_NOMEM. */
av_errc av_cfb_open(av_span bytes, av_cfb *ret, av_error *err);
void av_cfb_release(av_cfb *self); /* a zeroed one is fine */
/* The entry of that name (letter case ignored) in a storage; AV_CFB_NONE: there is none. */
uint32_t av_cfb_find(const av_cfb *self, uint32_t parent, const char *name);
/* A stream's bytes appended to out. What a broken chain has is appended, too; AV_ERR_CORRUPT then. */
av_errc av_cfb_read(const av_cfb *self, uint32_t entry, av_buf *out, av_error *err);

#endif
