/*
 * part_fields.h - the MIME fields of one part's header (for scan.c only)
 */
#ifndef AV_STORAGE_MIME_PART_FIELDS_H
#define AV_STORAGE_MIME_PART_FIELDS_H

#include "storage/mime/scan.h"

/* Fill type, parameters, encoding, disposition and ids of part from header. Strings go to the pool of mime. */
void mime_part_fields(av_mime *mime, av_mime_part *part, av_span header, bool in_digest);

#endif
