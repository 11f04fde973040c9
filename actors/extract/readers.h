/*
 * readers.h - one reader a format: bytes in, text into a job
 *
 * Each is a function over the span alone, safe for any bytes at all. Errors: AV_ERR_CORRUPT (cut short, broken,
 * encrypted: the sentence says which), AV_ERR_LIMIT, AV_ERR_UNSUPPORTED (well-formed, but nothing of ours). Text
 * that was found before an error stays in the job. Sentences go on after the name of the document: "is encrypted".
 */
#ifndef AV_ACTORS_EXTRACT_READERS_H
#define AV_ACTORS_EXTRACT_READERS_H

#include "actors/extract/job.h"

av_errc av_read_plain(av_job *job, av_span bytes, av_error *err); /* UTF-8, UTF-16 with its mark, else windows-1252 */
av_errc av_read_html(av_job *job, av_span bytes, av_error *err);
av_errc av_read_xml(av_job *job, av_span bytes, av_error *err); /* all character data; flat OpenDocument, too */
av_errc av_read_mail(av_job *job, av_span bytes, av_error *err);
av_errc av_read_gzip(av_job *job, av_span bytes, av_error *err);
av_errc av_read_tar(av_job *job, av_span bytes, av_error *err);
av_errc av_read_zip(av_job *job, av_span bytes, av_error *err); /* finds out what the package is */
av_errc av_read_ole(av_job *job, av_span bytes, av_error *err); /* the same of a compound file */
av_errc av_read_rtf(av_job *job, av_span bytes, av_error *err);
av_errc av_read_tnef(av_job *job, av_span bytes, av_error *err);

/* Call av_pdf_init before the sandbox is entered: it warms what poppler reads from files. */
av_errc av_read_pdf(av_job *job, av_span bytes, av_error *err);
void av_pdf_init(void);

/* Whether these bytes are text rather than something binary. */
bool av_plain_is_text(av_span bytes);

#endif
