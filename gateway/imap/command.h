/*
 * command.h - one command of a client: tag, its row in the table, its arguments taken apart
 *
 * Pure but for the function pointers in the table. The dispatcher checks name, state and the shape of the arguments once,
 * from the row; what a command's own grammar is (FETCH items, SEARCH keys) stays one argument, `rest`.
 * Source: RFC 3501, 6 and 9.
 */
#ifndef AV_GATEWAY_IMAP_COMMAND_H
#define AV_GATEWAY_IMAP_COMMAND_H

#include "base/buf.h"
#include "base/error.h"
#include "storage/index/query.h"

/* Where a command is allowed (RFC 3501, 3). */
enum {
    AV_IMAP_NOT_AUTH = 1,
    AV_IMAP_AUTH = 2,
    AV_IMAP_SELECTED = 4,
    AV_IMAP_LOGGED_IN = AV_IMAP_AUTH | AV_IMAP_SELECTED,
    AV_IMAP_ANY = AV_IMAP_NOT_AUTH | AV_IMAP_LOGGED_IN
};

typedef enum av_imap_arg {
    AV_IMAP_ARG_NONE, /* ends the list */
    AV_IMAP_ARG_ATOM,
    AV_IMAP_ARG_STRING, /* astring */
    AV_IMAP_ARG_SET,    /* sequence set: into set, not args */
    AV_IMAP_ARG_LIST,   /* "(...)" with what is in it, parentheses paired; optional parameters (RFC 4466) are this */
    AV_IMAP_ARG_REST    /* everything that is left, at least one byte; a grammar of the command's own */
} av_imap_arg;

#define AV_IMAP_ARGS_MAX 3

typedef struct av_imap_session av_imap_session;
typedef struct av_imap_command av_imap_command;

typedef struct av_imap_row {
    const char *name; /* upper case; "UID FETCH" for the two-word commands */
    unsigned states;
    unsigned char min_args;
    av_imap_arg args[AV_IMAP_ARGS_MAX]; /* those beyond min_args may be left out */
    /* Answers in the end, at once or later, by av_imap_session_done or one of its kin. command lives until then. */
    void (*run)(av_imap_session *session, const av_imap_command *command);
    const char *detail; /* of use to run: why it is refused */
} av_imap_row;

struct av_imap_command {
    av_span tag; /* empty: none could be found */
    const av_imap_row *row;
    av_span args[AV_IMAP_ARGS_MAX];
    size_t arg_count;
    av_query_range *set;
    size_t set_count;
    av_buf text; /* what args point into, where they were escaped */
};

/* The table, ends with name NULL. */
extern const av_imap_row av_imap_rows[];

/*
 * Take a whole command apart (framer.h). ret need not be initialized, is to be released in any case, and borrows from
 * line. tag is set whenever there is one, row whenever the name is known.
 *
 * Returns AV_OK, AV_ERR_SYNTAX (no tag, arguments), AV_ERR_UNSUPPORTED (unknown command), AV_ERR_INVALID (not in this
 * state): all of them BAD.
 */
av_errc av_imap_command_parse(
    av_span line, const av_imap_row *rows, unsigned state, av_imap_command *ret, av_error *err);
/* Tag and row alone, of the beginning of a command. */
void av_imap_command_peek(av_span line, const av_imap_row *rows, av_imap_command *ret);
/* Wiped: an argument may be a password. */
void av_imap_command_release(av_imap_command *self);

#endif
