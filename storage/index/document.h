/*
 * document.h - from the bytes of a message to what a query looks at
 *
 * One av_document serves many messages one after another; its buffers keep their memory. It fills only what a query
 * needs (av_matcher_needs()), so that a search in subjects decodes no body. What the bytes do not say (folder, flags,
 * received date, UID, id) is the caller's to fill in. Not thread safe: one owner.
 */
#ifndef AV_STORAGE_INDEX_DOCUMENT_H
#define AV_STORAGE_INDEX_DOCUMENT_H

#include "storage/index/match.h"
#include "storage/mime/scan.h"

typedef struct av_document av_document;

/*
 * text_bytes  ceiling of the decoded body text and, apart, of the attachments' text of one message; 0: 64 MB. Header
 *             texts have a ceiling of 1 MB each, encoded and HTML parts of 8 MB (storage/mime/text.h). What is beyond is
 *             not seen by a search: av_document_read() tells.
 */
av_document *av_document_new(size_t text_bytes);
void av_document_destroy(av_document **self);

/*
 * Set the members of ret that `needs` names and that are in the bytes; the others stay as they are.
 *
 * message  as it arrived; borrowed until the next call, as ret's spans point into it and into self
 * needs    av_match_need bits
 * Returns false when something was cut at a ceiling. Never fails; does not block. Memory: the scan and the ceilings.
 */
bool av_document_read(av_document *self, av_span message, uint32_t needs, av_match_doc *ret);
/* The structure of the message read last, for those who look at its parts. Holds until the next read. */
const av_mime *av_document_mime(const av_document *self);

#endif
