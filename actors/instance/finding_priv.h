/*
 * finding_priv.h - one search on its way
 *
 *   finding.c        its life: turn, indexes, candidates, end
 *   finding_row.c    a hit as a row, with its snippet
 *   finding_facets.c counts of all that was found
 */
#ifndef AV_INSTANCE_FINDING_PRIV_H
#define AV_INSTANCE_FINDING_PRIV_H

#include "actors/instance/instance_priv.h"
#include "actors/instance/scan.h"
#include "storage/index/snippet.h"

typedef struct finding finding;

typedef struct finding_part {
    av_job job;
    finding *owner;
    av_scan_part scan;
} finding_part;

struct finding {
    av_job job; /* prepare, then finish */
    av_turn turn;
    av_instance *in;
    av_feed *feed;
    const Archivolt__SearchRequest *body; /* lives until the request is answered */
    char *user;
    size_t limit, offset;
    int64_t until_mono_ms;
    av_hit after;
    av_buf after_text;
    av_scan scan;
    finding_part parts[AV_READERS];
    unsigned running;
    bool dropped;
    av_errc rc;
    av_error err;
    size_t at; /* next hit of the first part to give out */
    av_uses uses;
    av_snippets *snippets; /* NULL: not wanted */
    av_content content;
    av_document *document;
    av_buf explain;
    Archivolt__SearchReply *reply;
    av_buf row; /* packed, when it did not fit the last piece */
};

/* finding_row.c: a reader's; what a row takes is replaced. AV_ERR_NOT_FOUND: it has left its mailboxes since. */
av_errc av_finding_pack_row(finding *self, const av_hit *hit, av_error *err);
/* finding_facets.c: a reader's; into the reply. */
av_errc av_finding_count(finding *self, av_error *err);

#endif
