/*
 * html_text.h - HTML to the text a reader sees
 *
 * Pure, one pass, no tree, tolerant of anything: tags and comments are removed, character references decoded, content
 * of script and style dropped; block tags give a newline, table cells a blank, others nothing. White space runs
 * become one blank (a no-break space is white space here). Nothing is ever fetched or run.
 */
#ifndef AV_STORAGE_MIME_HTML_TEXT_H
#define AV_STORAGE_MIME_HTML_TEXT_H

#include "base/buf.h"

/* Append the text of html (UTF-8) to out. false when out is full: it then ends at a whole character. */
bool av_html_text(av_span html, av_buf *out);

#endif
