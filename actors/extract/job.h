/*
 * job.h - reading one document: where its text goes, and what it may use up
 *
 * Readers are functions over spans that put text into a job; they keep no state beside it. Everything a document
 * can make grow is taken from the job's allowances, nested documents included. What was put stays when a reader
 * fails later.
 */
#ifndef AV_ACTORS_EXTRACT_JOB_H
#define AV_ACTORS_EXTRACT_JOB_H

#include "base/buf.h"
#include "base/error.h"
#include "storage/extract/kind.h"

typedef struct av_job {
    av_buf out;             /* text that is not yet flushed; its ceiling is what is left of the allowance */
    int out_fd;             /* where a flush writes; -1: nowhere, all stays in out */
    uint64_t unpacked_left; /* bytes that decompression and decoding may still give */
    uint32_t depth_left;    /* levels of documents in documents */
    uint32_t items_left;    /* documents in documents, altogether */
    bool skip_pdf_files;    /* leave out files inside PDF files */
    av_error inner;         /* the first thing inside that could not be read; AV_OK: none */
} av_job;

#define AV_JOB_ITEMS 1000

void av_job_init(av_job *self, size_t text_bytes, uint64_t unpacked_bytes, uint32_t depth, int out_fd);
void av_job_release(av_job *self);

/* Text, appended as far as it fits. Each returns false when the allowance is used up: a reader then stops. */
bool av_job_utf8(av_job *self, av_span text); /* malformed bytes become U+FFFD */
bool av_job_char(av_job *self, uint32_t c);   /* controls become a blank; NUL and what is no character: nothing */
bool av_job_utf16le(av_job *self, av_span text);
bool av_job_utf16be(av_job *self, av_span text);
/* As in storage/mime/charset.h; charset empty: UTF-8 if valid, else windows-1252. */
bool av_job_charset(av_job *self, const char *charset, av_span text);
/* A line end, unless the line is still empty. */
bool av_job_line(av_job *self);
/* Give what is put so far to out_fd, so that it is kept whatever happens next. */
void av_job_flush(av_job *self);

/* Takes n bytes from the allowance; AV_ERR_LIMIT when that many are not left. */
av_errc av_job_unpacked(av_job *self, uint64_t n, av_error *err);
/* AV_OK, or AV_ERR_LIMIT when the text allowance is used up: the last line of a reader. */
av_errc av_job_done(const av_job *self, av_error *err);
/*
 * Read a document inside the one at hand: its name on a line of its own, then its text if its kind can be read.
 * What is wrong with it is noted in self->inner; false: the reader stops, text, items or unpacked bytes are used
 * up.
 */
bool av_job_nested(av_job *self, av_span name, av_span type, av_span bytes);

/* Read a document of this kind; the one entry for all of them. AV_ERR_UNSUPPORTED: its contents are none of ours. */
av_errc av_job_read(av_job *self, av_kind kind, av_span bytes, av_error *err);

#endif
