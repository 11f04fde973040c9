/*
 * xls_priv.h - records and strings of a workbook (for xls.c and xls_string.c only)
 */
#ifndef AV_ACTORS_EXTRACT_XLS_PRIV_H
#define AV_ACTORS_EXTRACT_XLS_PRIV_H

#include "actors/extract/job.h"

/* The record at hand, and how what it says goes on in records behind it. */
typedef struct xls_reader {
    av_job *job;
    av_span rest; /* records behind the one at hand */
    av_span body;
    bool biff8;
    char charset[24];
    av_buf strings, ends; /* the shared table: UTF-8, and where each ends */
    uint32_t row;
} xls_reader;

/* The next record off rest. false: it is cut short, or there is none. */
bool xls_take_record(av_span *rest, uint16_t *ret_type, av_span *ret_body);
/* Go on in the CONTINUE record behind, if there is one. */
bool xls_go_on(xls_reader *self);
/* Characters of a string, as UTF-8; at the beginning of a CONTINUE record stands anew whether they have 8 or 16
 * bits (2.5.293). */
bool xls_take_chars(xls_reader *self, uint32_t count, bool wide, av_buf *out);
/* XLUnicodeRichExtendedString and the plainer ones (2.5.293, 2.5.294): count was read before. */
bool xls_take_string(xls_reader *self, uint32_t count, av_buf *out);
/* The shared table (2.4.265) into strings and ends; and text number i of it into the job. */
void xls_read_shared(xls_reader *self);
void xls_put_shared(xls_reader *self, uint32_t i);

#endif
