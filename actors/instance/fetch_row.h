/*
 * fetch_row.h - one row of Archive.Fetch: the packed FetchRow and where the bytes of its parts come from
 *
 * Built from the catalog where it has the answer, from the message where it must. Small parts are held as bytes; whole
 * messages and body sections are ranges that are read while they are sent (view_range.h). Reader thread.
 */
#ifndef AV_INSTANCE_FETCH_ROW_H
#define AV_INSTANCE_FETCH_ROW_H

#include "actors/instance/content.h"
#include "actors/instance/decoded_range.h"
#include "actors/instance/view_range.h"
#include "proto/archive.pb-c.h"
#include "storage/mime/imap_items.h"

#define AV_FETCH_SECTIONS_MAX 64
#define AV_FETCH_HELD_MAX     (4U * 1024 * 1024) /* bytes of one row's parts that are no ranges */

/* What a request wants, checked and parsed once. */
typedef struct av_fetch_plan {
    bool uid, flags, internaldate, size, modseq, emailid, threadid, savedate, envelope, bodystructure, body, preview;
    const Archivolt__FetchSection *const *sections; /* of the request */
    av_imap_section parsed[AV_FETCH_SECTIONS_MAX];
    size_t section_count;
} av_fetch_plan;

/* AV_ERR_INVALID names what is no section; AV_ERR_LIMIT. ret borrows from body. */
av_errc av_fetch_plan_make(const Archivolt__FetchRequest *body, av_fetch_plan *ret, av_error *err);

/* A piece of what follows the row: held bytes, then maybe a range, or one that is decoded. */
typedef struct av_fetch_piece {
    size_t at, n; /* in held */
    av_view_range *range;
    av_decoded_range *decoded;
} av_fetch_piece;

typedef struct av_fetch_row {
    const av_meta_view *catalog;
    av_uses uses;
    const av_fetch_plan *plan;
    av_content content;
    av_mime mime;
    bool scanned;  /* content and mime are of this message */
    av_buf packed; /* length and FetchRow */
    av_buf held;
    av_buf summary_row, keywords, keyword_text;
    av_summary summary;
    bool has_summary;
    Archivolt__FetchPart parts[AV_FETCH_SECTIONS_MAX + 4];
    Archivolt__FetchPart *part_list[AV_FETCH_SECTIONS_MAX + 4];
    av_fetch_piece pieces[AV_FETCH_SECTIONS_MAX + 4]; /* one a part */
    size_t count;
    bool unreadable; /* the row says so */
} av_fetch_row;

void av_fetch_row_init(av_fetch_row *self, av_archive *archive, const av_meta_view *catalog, const av_fetch_plan *plan);
void av_fetch_row_release(av_fetch_row *self);
/* Make the row of a placement. A message that cannot be read gives a row with `error`, not a failure. */
av_errc av_fetch_row_make(av_fetch_row *self, const av_placement *placement, av_error *err);

/* fetch_section.c: the part of one section of the plan. */
av_errc av_fetch_row_section(av_fetch_row *self, const av_placement *placement, size_t index, av_error *err);
/* fetch_binary.c: BINARY or BINARY.SIZE of a section. */
av_errc av_fetch_row_binary(av_fetch_row *self, const av_placement *placement, size_t index, av_error *err);
/* The part of a section of the plan. */
Archivolt__FetchPart *av_fetch_row_section_part(av_fetch_row *self, Archivolt__FetchItem item, size_t index, size_t at);
/* What a section's partial leaves of `size` bytes. */
void av_fetch_section_cut(
    const Archivolt__FetchSection *section, uint64_t size, uint64_t *ret_skip, uint64_t *ret_length);
/* The message's structure, read when it was not yet. */
av_errc av_fetch_row_scan(av_fetch_row *self, const av_placement *placement, av_error *err);
/* One more part; its held bytes begin at `at`. */
Archivolt__FetchPart *av_fetch_row_part(av_fetch_row *self, Archivolt__FetchItem item, size_t at);

#endif
