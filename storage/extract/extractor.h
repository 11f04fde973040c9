/*
 * extractor.h - text of attachments, by a helper program in a sandbox
 *
 * Owns one archivolt-extract (actors/extract), started when it is first needed and again when it is gone. Each
 * document is read by a process of its own, forked from that one: a document that crashes its reader, or meets a
 * limit, costs itself and no other. Nothing the helper says is believed: text is checked to be UTF-8 and below its
 * ceiling.
 *
 * Limits are settings of the instance (av_extract_settings has names, defaults and help). Not thread safe: one
 * owner. It blocks for as long as a document takes, at most wall_s and a few seconds.
 */
#ifndef AV_STORAGE_EXTRACT_EXTRACTOR_H
#define AV_STORAGE_EXTRACT_EXTRACTOR_H

#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/settings.h"
#include "storage/extract/extensions.h"

typedef struct av_extractor av_extractor;

typedef struct av_extract_limits {
    uint64_t cpu_s, wall_s;                             /* of one attachment */
    uint64_t memory_mb, input_mb, text_mb, unpacked_mb; /* of one attachment */
    uint64_t depth;                                     /* of documents in documents */
} av_extract_limits;

/* Rows for av_extract_limits; ends with key NULL. av_settings_defaults(av_extract_settings, &limits) gives the
 * defaults. */
extern const av_setting av_extract_settings[];

typedef struct av_extractor_stats {
    uint64_t read;        /* attachments whose text was taken, in whole */
    uint64_t partly;      /* of which a limit, or something broken inside, cost a part */
    uint64_t unreadable;  /* encrypted, broken: no text */
    uint64_t unsupported; /* not wanted, or of no kind that can be read */
    uint64_t helper_died; /* of these, crashed or killed */
    uint64_t input_bytes, text_bytes, cpu_us;
    uint64_t peak_bytes; /* the largest helper process */
} av_extractor_stats;

/*
 * program     path of archivolt-extract; NULL: beside this process's own program; copied
 * extensions  copied
 * limits      copied
 * Starts nothing yet, never fails.
 */
av_extractor *av_extractor_new(const char *program, const av_extensions *extensions, const av_extract_limits *limits);
/* Also files inside PDF files; they are read unless this says otherwise. */
void av_extractor_set_pdf_files(av_extractor *self, bool wanted);
void av_extractor_destroy(av_extractor **self); /* NULL and *NULL are no-ops */

/*
 * Append the text of one attachment to out, as much as fits its ceiling.
 *
 * name, type  as the message has them; may be empty
 * bytes       decoded; borrowed for the call
 * AV_ERR_UNSUPPORTED  not one of the wanted kinds
 * AV_ERR_LIMIT        a limit was met (the sentence names the setting); what was read until then was appended
 * AV_ERR_CORRUPT      broken, cut short, encrypted; text found before that was appended
 * AV_ERR_TIMEOUT      not read in time; as above
 * AV_ERR_UNAVAILABLE  the helper program cannot be started: nothing is wrong with the attachment
 * AV_ERR_NOMEM, AV_ERR_BUSY   this machine is out of something now: the same
 * Sentences are without the attachment's name: the caller knows it.
 */
av_errc av_extractor_text(av_extractor *self, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err);
/* The same with the extractor as a plain pointer: the `attachment` member of av_index_source. */
av_errc av_extractor_attachment(void *self, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err);

/* End the helper program and give its memory back, until it is needed again: for an idle timer. */
void av_extractor_trim(av_extractor *self);
void av_extractor_get_stats(const av_extractor *self, av_extractor_stats *ret);

#endif
