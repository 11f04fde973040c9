/*
 * search_keys.c - see search_keys.h
 *
 * The keys are read from left to right over a stack of open groups (parentheses, NOT, OR), so nothing recurses on what a
 * client sends. Finished keys wait on a stack of their own; a group that is complete takes its own off it and leaves one.
 */
#include "gateway/imap/search_keys.h"

#include "gateway/imap/grammar.h"
#include "gateway/imap/search_priv.h"
#include "storage/mime/charset.h"

#define DEPTH_MAX  32
#define VALUES_MAX 512
#define TEXT_MAX   65536 /* bytes of a string as UTF-8: more than a query takes */

typedef enum group_kind { GROUP_ALL, GROUP_PAREN, GROUP_NOT, GROUP_OR } group_kind;

typedef struct parser {
    av_imap_search search;
    struct {
        group_kind kind;
        size_t base; /* its first value */
    } groups[DEPTH_MAX];
    size_t depth;
    av_query_id values[VALUES_MAX];
    size_t value_count;
} parser;

/* ---- groups ---- */

static av_errc
open_group(parser *self, group_kind kind, av_error *err)
{
    if (self->depth == DEPTH_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "SEARCH: more than %d groups in each other", DEPTH_MAX);
    self->groups[self->depth].kind = kind;
    self->groups[self->depth++].base = self->value_count;
    return AV_OK;
}

static av_errc
open_operator(parser *self, group_kind kind, av_error *err)
{
    if (!av_imap_take_char(&self->search.in, ' '))
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: a key is missing behind NOT or OR");
    return open_group(self, kind, err);
}

static av_errc
push_value(parser *self, av_query_id id, av_error *err)
{
    if (self->value_count == VALUES_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "SEARCH: more than %d keys", VALUES_MAX);
    self->values[self->value_count++] = id;
    return AV_OK;
}

/* The innermost group is complete: its values become one. */
static void
close_group(parser *self)
{
    size_t base = self->groups[--self->depth].base, n = self->value_count - base;
    const av_query_id *values = self->values + base;
    av_query_id id;

    switch (self->groups[self->depth].kind) {
    case GROUP_NOT:
        id = av_query_not(self->search.query, values[0]);
        break;
    case GROUP_OR:
        id = av_query_or(self->search.query, values, n);
        break;
    default:
        id = av_query_and(self->search.query, values, n);
        break;
    }
    self->value_count = base + 1;
    self->values[base] = id;
}

/* One key, or the beginning of a group (then *ret_opened, and a key must follow). */
static av_errc
take_key(parser *self, bool *ret_opened, av_error *err)
{
    av_query_id id = AV_QUERY_NONE;
    av_errc rc;

    *ret_opened = true;
    if (av_imap_take_char(&self->search.in, '('))
        return open_group(self, GROUP_PAREN, err);
    if (av_imap_take_keyword(&self->search.in, "NOT"))
        return open_operator(self, GROUP_NOT, err);
    if (av_imap_take_keyword(&self->search.in, "OR"))
        return open_operator(self, GROUP_OR, err);
    *ret_opened = false;
    rc = av_imap_search_key(&self->search, &id, err);
    return rc != AV_OK ? rc : push_value(self, id, err);
}

/* Behind a key: close what is complete, up to where the next key must come (true) or to the end (false). */
static av_errc
after_key(parser *self, bool *ret_more, av_error *err)
{
    for (;;) {
        group_kind kind = self->groups[self->depth - 1].kind;
        size_t values = self->value_count - self->groups[self->depth - 1].base;

        if (kind == GROUP_NOT || (kind == GROUP_OR && values == 2) ||
            (kind == GROUP_PAREN && av_imap_take_char(&self->search.in, ')'))) {
            close_group(self);
        } else if (av_imap_take_char(&self->search.in, ' ')) {
            *ret_more = true;
            return AV_OK;
        } else if (kind == GROUP_ALL && self->search.in.n == 0) {
            *ret_more = false;
            return AV_OK;
        } else {
            return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: a key, a blank or a parenthesis is missing or too many");
        }
    }
}

static av_errc
set_charset(parser *self, av_span name, av_error *err)
{
    if (!av_charset_is_known(name))
        return av_error_set(err, AV_ERR_UNSUPPORTED, "SEARCH: this charset is not known here");
    /* What is not UTF-8 is told then, and not guessed at. */
    if (!av_span_ieq_str(name, "UTF-8") && !av_span_ieq_str(name, "US-ASCII"))
        self->search.charset = name;
    return AV_OK;
}

/* RFC 3501, 6.4.4: a charset that is not known is NO [BADCHARSET]. */
static av_errc
take_charset(parser *self, av_error *err)
{
    av_span name;

    if (self->search.options->charset.n > 0)
        return set_charset(self, self->search.options->charset, err);
    if (!av_imap_take_keyword(&self->search.in, "CHARSET"))
        return AV_OK;
    if (self->search.options->no_charset)
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: CHARSET has no place once UTF8=ACCEPT is enabled");
    if (!av_imap_take_char(&self->search.in, ' ') ||
        !av_imap_take_astring(&self->search.in, &self->search.text, &name) || !av_imap_take_char(&self->search.in, ' '))
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: CHARSET takes a name, then come the keys");
    return set_charset(self, name, err);
}

static av_errc
parse(parser *self, av_error *err)
{
    bool more = true, opened;
    av_errc rc = take_charset(self, err);

    if (rc == AV_OK)
        rc = open_group(self, GROUP_ALL, err);
    while (rc == AV_OK && more) {
        rc = take_key(self, &opened, err);
        if (rc == AV_OK && !opened)
            rc = after_key(self, &more, err);
    }
    if (rc != AV_OK)
        return rc;
    close_group(self);
    return av_query_finish(self->search.query, self->values[0], err);
}

av_errc
av_imap_search_parse(av_span in, const av_imap_search_options *options, av_query **ret, bool *ret_modseq, av_error *err)
{
    AV_CLEANUP(av_free) parser *self = av_xcalloc(1, sizeof *self);
    AV_CLEANUP(av_query_destroy) av_query *query = av_query_new(NULL);
    av_errc rc;

    self->search.in = in;
    self->search.options = options;
    self->search.query = query;
    av_buf_init(&self->search.text, in.n + 1);
    (void)av_buf_reserve(&self->search.text, in.n + 1);
    av_buf_init(&self->search.utf8, TEXT_MAX);
    rc = parse(self, err);
    av_buf_release(&self->search.text);
    av_buf_release(&self->search.utf8);
    if (rc == AV_OK) {
        *ret = AV_TAKE(query);
        *ret_modseq = self->search.uses_modseq;
    }
    return rc;
}
