/*
 * query_parser.h - the state of one parse, shared by query_parse.c (tokens, operators, groups) and query_term.c (terms)
 */
#ifndef AV_STORAGE_INDEX_QUERY_PARSER_H
#define AV_STORAGE_INDEX_QUERY_PARSER_H

#include "storage/index/query_priv.h"

typedef struct av_query_frame {
    size_t at; /* byte of the "(" */
    size_t or_base, and_base;
    uint32_t fields;    /* where bare words look inside */
    bool negate;        /* of the group's result, once it is closed */
    bool want_operand;  /* after AND, OR, NOT, - */
    size_t operator_at; /* which one, for the message */
    bool pending_not;
} av_query_frame;

typedef struct av_query_parser {
    av_span text;
    size_t i;
    av_query *query;
    const av_query_limits *limits;
    av_query_frame frames[AV_QUERY_DEPTH_MAX];
    size_t depth; /* frames in use, at least 1 */
    av_query_id *items;
    size_t item_count;
    av_error *err;
} av_query_parser;

/* A syntax error at that byte, told by its column in characters. */
av_errc av_query_parser_bad(av_query_parser *p, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The innermost open group. */
av_query_frame *av_query_parser_top(av_query_parser *p);
/* The character at byte `at` and its bytes; a blank and 0 at the end. */
uint32_t av_query_parser_peek(const av_query_parser *p, size_t at, size_t *ret_n);
void av_query_parser_skip_space(av_query_parser *p);
/* A term or closed group: negate it if a NOT waits, put it on the stack. */
void av_query_parser_push(av_query_parser *p, av_query_id id);
/* A "(" stands at p->i; bare words inside look in these fields. */
av_errc av_query_parser_open(av_query_parser *p, uint32_t fields);

/* query_term.c: what stands at p->i is taken and pushed. */
av_span av_query_parser_word(av_query_parser *p); /* taken only: up to white space, a parenthesis or a quote */
av_errc av_query_parser_term(av_query_parser *p, uint32_t fields);
av_errc av_query_parser_quoted(av_query_parser *p, uint32_t fields);
/* A field's name with its colon at byte `colon`. */
av_errc av_query_parser_field(av_query_parser *p, size_t colon);

#endif
