/*
 * xml.h - text out of XML by a table of element names (expat does the parsing)
 *
 * Names are without their prefix. No DTD is followed, no entity fetched; expat ends what its entities blow up.
 */
#ifndef AV_ACTORS_EXTRACT_XML_H
#define AV_ACTORS_EXTRACT_XML_H

#include "actors/extract/job.h"

enum {
    AV_XML_TEXT = 1,   /* character data inside counts, that of children included */
    AV_XML_LINE = 2,   /* a new line at its end */
    AV_XML_TAB = 4,    /* a tab at its end */
    AV_XML_SPACE = 8,  /* a blank at its end */
    AV_XML_SKIP = 16,  /* nothing inside counts */
    AV_XML_APART = 32, /* a new line before it, too */
};

typedef struct av_xml_rule {
    const char *name;
    unsigned flags;
} av_xml_rule;

/* For readers that do more than rules say; all may be NULL. name: local, NUL-terminated. Attributes: name,
 * value, ... NULL. */
typedef struct av_xml_handler {
    void (*start)(void *ctx, const char *name, const char **attributes);
    void (*end)(void *ctx, const char *name);
    void (*data)(void *ctx, av_span text);
} av_xml_handler;

typedef struct av_xml av_xml;

/* rules end with name NULL; all_text: character data counts everywhere but where rules skip it, and elements
 * without a rule have AV_XML_SPACE. */
av_xml *av_xml_new(av_job *job, const av_xml_rule *rules, bool all_text);
av_xml *av_xml_new_handler(av_job *job, const av_xml_handler *handler, void *ctx);
void av_xml_destroy(av_xml **self);
/* An av_sink_fn (inflate.h). false: the text allowance is used up, or it is no XML. */
bool av_xml_feed(void *self, av_span piece);
/* After the last piece. AV_ERR_CORRUPT: not well-formed, with the place. Text before that was put. */
av_errc av_xml_finish(av_xml *self, av_error *err);
/* Value of an attribute by its local name; NULL: there is none. */
const char *av_xml_attribute(const char **attributes, const char *name);
/* The element's name without its prefix. */
const char *av_xml_local(const char *name);

#endif
