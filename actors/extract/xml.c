/*
 * xml.c - see xml.h; and XML files
 */
#include "actors/extract/xml.h"

#include <expat.h>

#include "actors/extract/readers.h"

#define DEPTH_MAX 10000 /* open elements; expat keeps each */
#define FEED_MAX  (1u << 20)

struct av_xml {
    XML_Parser parser;
    av_job *job;
    const av_xml_rule *rules;
    const av_xml_handler *handler;
    void *ctx;
    unsigned text, skip; /* open elements whose text counts, or does not */
    unsigned depth;
    bool all_text, failed, stopped;
};

const char *
av_xml_local(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon == NULL ? name : colon + 1;
}

const char *
av_xml_attribute(const char **attributes, const char *name)
{
    for (; attributes[0] != NULL; attributes += 2)
        if (strcmp(av_xml_local(attributes[0]), name) == 0)
            return attributes[1];
    return NULL;
}

static unsigned
flags_of(const av_xml *self, const char *local)
{
    for (const av_xml_rule *rule = self->rules; rule->name != NULL; rule++)
        if (strcmp(rule->name, local) == 0)
            return rule->flags;
    return self->all_text ? AV_XML_SPACE : 0;
}

static void
stop(av_xml *self)
{
    self->stopped = true;
    (void)XML_StopParser(self->parser, XML_FALSE);
}

static void XMLCALL
on_start(void *ctx, const char *name, const char **attributes)
{
    av_xml *self = ctx;
    const char *local = av_xml_local(name);
    unsigned flags;

    if (++self->depth > DEPTH_MAX) {
        stop(self);
        return;
    }
    if (self->handler != NULL) {
        if (self->handler->start != NULL)
            self->handler->start(self->ctx, local, attributes);
        return;
    }
    flags = flags_of(self, local);
    self->text += (flags & AV_XML_TEXT) != 0;
    self->skip += (flags & AV_XML_SKIP) != 0;
    if ((flags & AV_XML_APART) != 0)
        (void)av_job_line(self->job);
}

static void XMLCALL
on_end(void *ctx, const char *name)
{
    av_xml *self = ctx;
    const char *local = av_xml_local(name);
    unsigned flags;

    self->depth--;
    if (self->handler != NULL) {
        if (self->handler->end != NULL)
            self->handler->end(self->ctx, local);
    } else {
        flags = flags_of(self, local);
        self->text -= (flags & AV_XML_TEXT) != 0;
        self->skip -= (flags & AV_XML_SKIP) != 0;
        if (self->skip == 0 && (flags & AV_XML_LINE) != 0)
            (void)av_job_line(self->job);
        if (self->skip == 0 && (flags & (AV_XML_TAB | AV_XML_SPACE)) != 0)
            (void)av_job_char(self->job, (flags & AV_XML_TAB) != 0 ? '\t' : ' ');
    }
    if (self->job->out.full)
        stop(self);
}

static void XMLCALL
on_data(void *ctx, const char *text, int n)
{
    av_xml *self = ctx;

    if (self->handler != NULL) {
        if (self->handler->data != NULL)
            self->handler->data(self->ctx, av_span_of(text, (size_t)n));
    } else if (self->text > 0 && self->skip == 0) {
        (void)av_job_utf8(self->job, av_span_of(text, (size_t)n));
    }
    if (self->job->out.full)
        stop(self);
}

static av_xml *
new_parser(av_job *job)
{
    av_xml *self = av_xcalloc(1, sizeof *self);

    self->job = job;
    self->parser = XML_ParserCreate(NULL);
    if (self->parser == NULL) {
        self->failed = true;
        return self;
    }
    XML_SetUserData(self->parser, self);
    XML_SetElementHandler(self->parser, on_start, on_end);
    XML_SetCharacterDataHandler(self->parser, on_data);
    return self;
}

av_xml *
av_xml_new(av_job *job, const av_xml_rule *rules, bool all_text)
{
    av_xml *self = new_parser(job);

    self->rules = rules;
    self->all_text = all_text;
    self->text = all_text;
    return self;
}

av_xml *
av_xml_new_handler(av_job *job, const av_xml_handler *handler, void *ctx)
{
    av_xml *self = new_parser(job);

    self->handler = handler;
    self->ctx = ctx;
    return self;
}

void
av_xml_destroy(av_xml **self)
{
    if (self == NULL || *self == NULL)
        return;
    if ((*self)->parser != NULL)
        XML_ParserFree((*self)->parser);
    free(*self);
    *self = NULL;
}

bool
av_xml_feed(void *ctx, av_span piece)
{
    av_xml *self = ctx;

    while (piece.n > 0 && !self->failed && !self->stopped) {
        size_t n = AV_MIN(piece.n, (size_t)FEED_MAX);

        if (XML_Parse(self->parser, (const char *)piece.p, (int)n, 0) == XML_STATUS_ERROR)
            self->failed = !self->stopped;
        piece = av_span_skip(piece, n);
    }
    return !self->failed && !self->stopped;
}

av_errc
av_xml_finish(av_xml *self, av_error *err)
{
    if (self->parser == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for an XML parser");
    if (!self->failed && !self->stopped && XML_Parse(self->parser, "", 0, 1) == XML_STATUS_ERROR)
        self->failed = !self->stopped;
    if (self->failed)
        return av_error_set(err, AV_ERR_CORRUPT, "has broken XML: %s at line %lu",
            XML_ErrorString(XML_GetErrorCode(self->parser)), (unsigned long)XML_GetCurrentLineNumber(self->parser));
    if (self->depth > DEPTH_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "has XML elements more than %d deep", DEPTH_MAX);
    return av_job_done(self->job, err);
}

av_errc
av_read_xml(av_job *job, av_span bytes, av_error *err)
{
    /* Words of flat OpenDocument and Word XML are not cut where their form changes. */
    static const av_xml_rule inside[] = { { "span", 0 }, { "a", 0 }, { "r", 0 }, { "t", 0 }, { "p", AV_XML_LINE },
        { "h", AV_XML_LINE }, { "binary-data", AV_XML_SKIP }, { "binData", AV_XML_SKIP }, { NULL, 0 } };
    AV_CLEANUP(av_xml_destroy) av_xml *xml = av_xml_new(job, inside, true);
    size_t room = job->out.max - job->out.n;
    av_errc rc;

    (void)av_xml_feed(xml, bytes);
    rc = av_xml_finish(xml, err);
    if (rc != AV_ERR_CORRUPT || job->out.max - job->out.n != room)
        return rc;
    return av_read_html(
        job, bytes, err); /* broken from the start, or of a charset expat has not: what is between tags */
}
