/*
 * ole.h - the documents that come as compound files; one reader each
 */
#ifndef AV_ACTORS_EXTRACT_OLE_H
#define AV_ACTORS_EXTRACT_OLE_H

#include "actors/extract/cfb.h"
#include "actors/extract/job.h"

/* Pure readers of streams: spans in, text out; errors as in readers.h. */
/* [MS-DOC]. word: stream WordDocument. tables: streams 0Table and 1Table; may be empty. */
av_errc av_doc_text(av_job *job, av_span word, const av_span tables[2], av_error *err);
/* [MS-XLS], BIFF5 and BIFF8: stream Book or Workbook. */
av_errc av_xls_text(av_job *job, av_span book, av_error *err);
/* [MS-PPT]: stream PowerPoint Document. */
av_errc av_ppt_text(av_job *job, av_span deck, av_error *err);
/* [MS-OXMSG]: the properties of the message in this storage, its attachments as documents inside. */
av_errc av_msg_text(av_job *job, const av_cfb *file, uint32_t storage, bool embedded, av_error *err);
/* [MS-OXRTFCP] compressed RTF to RTF. AV_ERR_CORRUPT, AV_ERR_LIMIT; out has what came before. */
av_errc av_rtf_decompress(av_span in, av_buf *out, av_error *err);
/* Name of a code page for storage/mime/charset.h: "windows-1251"; 0 and unknown ones: "". ret: 24 bytes. */
const char *av_codepage_name(unsigned codepage, char *ret);

#endif
