/*
 * probe.h - does this stored message match this query? The cheap facts first, the message itself when they do not tell
 *
 * One probe a thread and search. Facts come from placement and summary row; bodies are read only when the query asks for
 * them. What cannot be read is told apart from "no": it lowers the coverage of a search. A message with more text than a
 * search looks at (the archive's search_bytes; storage/mime/text.h, storage/index/document.h) is judged by what is looked
 * at, marked as truncated, counted in the archive, and logged with its id.
 */
#ifndef AV_INSTANCE_PROBE_H
#define AV_INSTANCE_PROBE_H

#include "actors/instance/content.h"
#include "storage/index/document.h"

typedef enum av_probe_answer { AV_PROBE_NO, AV_PROBE_YES, AV_PROBE_UNREADABLE } av_probe_answer;

typedef struct av_probe {
    const av_matcher *matcher; /* borrowed */
    uint32_t needs;
    av_uses uses;
    av_content content;
    av_document *document; /* made when the first message is read */
    av_buf row, keywords, keyword_text;
    bool truncated; /* the last message tested was looked at only in part */
} av_probe;

/* Where a message stands, as far as a query may ask. */
typedef struct av_probe_place {
    av_span path; /* of its mailbox */
    uint32_t last_uid;
    bool crlf_sizes; /* SIZE means the CRLF view (IMAP) */
} av_probe_place;

void av_probe_init(av_probe *self, av_archive *archive, const av_matcher *matcher);
void av_probe_release(av_probe *self);
/* Blocks on disk. */
av_probe_answer av_probe_test(
    av_probe *self, const av_meta_view *catalog, const av_placement *placement, const av_probe_place *place);

#endif
