/*
 * cli.h - archivolt, the operator's command line: what its verbs share
 *
 * A verb is a row in a table (main.c) and a file of its own (verb_*.c). It speaks to the bus with the key cli/operator, which
 * administers and reads no mail: reading takes a user's login (--as INSTANCE/USER).
 */
#ifndef AV_TOOLS_CLI_H
#define AV_TOOLS_CLI_H

#include <jansson.h>

#include "actors/bus/bus.h"
#include "actors/bus/node.h"
#include "proto/json.h"
#include "proto/status.pb-c.h"

/* Exit statuses, documented in the man page. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_INCOMPLETE = 3, /* done, but some messages were refused, or something is not ready */
    CLI_DENIED = 4,
    CLI_UNREACHABLE = 5,
    CLI_NOT_FOUND = 6,
    CLI_INTERRUPTED = 130
};

typedef struct cli {
    const char *data_dir; /* --data, or NULL */
    bool json;            /* --json */
    bool quiet;           /* --quiet: no progress */
    uint64_t timeout_ms;  /* --timeout; 30 s unless a verb has its own */
    bool timeout_given;
    av_node node;
    av_keypair keys;
    av_loop *loop;
    av_bus *bus;
    av_buf session; /* of cli_login, ended by cli_close */
    char *session_actor;
} cli;

/* ---- options (options.c) ---- */

typedef struct cli_option {
    const char *name;       /* "--instance"; NULL ends the table */
    const char **text;      /* takes a value; or */
    uint64_t *number;       /* takes a number; or */
    bool *flag;             /* takes nothing */
    const char *value_name; /* for help: ID */
    const char *help;
} cli_option;

typedef struct cli_verb {
    const char *name;
    const char *synopsis;                         /* behind "archivolt NAME " */
    const char *help;                             /* one line */
    const char *more;                             /* paragraph for --help, or NULL */
    int (*run)(cli *self, int argc, char **argv); /* argv[0] is the verb */
} cli_verb;

extern const cli_verb cli_verbs[];
const cli_verb *cli_verb_find(const char *name);

/*
 * Take the options out of argv, wherever they stand ("--" ends them); *argc, argv then hold what is left, argv[0] first.
 * --json, --quiet, --data and --timeout are known to every verb. --help prints the verb's help and gives -1 with status 0.
 * Returns 0, or -1 with *status set (and the reason told).
 */
int cli_options(cli *self, const cli_option *options, int *argc, char **argv, int *status);
/* The common options that stand before the verb. *ret_at: index of the first argument that is none of them, or argc.
   0, or CLI_USAGE with the reason told. */
int cli_leading_options(cli *self, int argc, char **argv, int *ret_at);
void cli_verb_help(const cli_verb *verb, const cli_option *options, FILE *to);

/* ---- talking to the bus (connect.c) ---- */

/* Load node and key, connect. 0, or an exit status with the reason told. */
int cli_connect(cli *self);
/* The same without telling the reason; cli_close before another try. */
av_errc cli_try_connect(cli *self, av_error *err);
void cli_close(cli *self);
/* One call; ret_reply may be NULL. 0, or an exit status with the reason told. */
int cli_call(cli *self, const char *to, const char *method, const ProtobufCMessage *body, av_span session,
    ProtobufCMessage **ret_reply);
/* The same without telling the reason. */
av_errc cli_try(cli *self, const char *to, const char *method, const ProtobufCMessage *body, av_span session,
    uint32_t timeout_ms, ProtobufCMessage **ret_reply, av_error *err);
/* The id behind an instance's id or alias, letter case ignored, as management knows it. ret_id: free. */
int cli_resolve(cli *self, const char *name, char **ret_id);
/* Log in as "INSTANCE/USER" with ARCHIVOLT_PASSWORD or a prompt. session: 32 bytes into out; ret_actor: instance/<id>, free.
 * Once in a run: cli_close logs out. */
int cli_login(cli *self, const char *as, av_buf *session, char **ret_actor);
/*
 * Wait for a long operation of an actor, with progress; rides out restarts of the actor for up to 3 minutes. An interrupt
 * (Ctrl-C) cancels it. ret_result may be NULL.
 */
int cli_wait_operation(cli *self, const char *actor, const char *id, Archivolt__Operation **ret_operation);
/* Set by SIGINT; verbs that loop look at it. */
bool cli_interrupted(void);
void cli_catch_interrupt(void);

/* ---- functions by API name (api.c) ---- */

/* Borrows both. */
av_form_field cli_field(const char *key, const char *value);
/* Build the request from the fields by the contract's table and call the instance. 0, or an exit status. */
int cli_call_api(cli *self, const char *instance, const char *function, const av_form_field *fields, size_t count,
    ProtobufCMessage **ret);

/* ---- output (output.c) ---- */

/* The exit status of an error. */
int cli_exit_status(av_errc code);
/* Tells a person on stderr, or {"error":{"code","message"}} on stdout with --json; returns the exit status of the code. */
int cli_fail(const cli *self, const av_error *err);
int cli_failf(const cli *self, av_errc code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A sentence about wrong usage of the verb (NULL: of what stands before it) on stderr; returns CLI_USAGE. */
int cli_usage(const char *verb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text from outside on one line: control characters and bytes that are not UTF-8 never reach a terminal. */
void cli_put_text(FILE *to, const char *text);
/* The same for several lines, each ended. */
void cli_put_lines(FILE *to, const char *text);
/* A JSON value and a line end on stdout; takes the reference. */
void cli_print_json(const cli *self, json_t *value);
/* A table: columns are keys of the row objects, shown with headings. */
typedef struct cli_column {
    const char *key, *heading;
} cli_column;
void cli_print_table(const cli_column *columns, size_t count, const json_t *rows);
/* A progress line on stderr when that is a terminal and not --quiet; percent -1: unknown. End with cli_progress_end. */
void cli_progress(const cli *self, int percent, const char *text);
void cli_progress_end(const cli *self);
/* A new password: env ARCHIVOLT_NEW_PASSWORD, or 20 random characters (then *generated). Secret: wipe and free. */
char *cli_new_password(bool *generated);

/* Rows of GetInstances: no process id where no process runs (verb_instance.c). */
void cli_forget_dead_pids(json_t *instances);

/* ---- programs of a node (programs.c) ---- */

/* Path of an actor's program: beside this one, or in ../libexec/archivolt. Owned by the caller; NULL when there is none. */
char *cli_program(const char *name);

int verb_init(cli *self, int argc, char **argv);
int verb_up(cli *self, int argc, char **argv);
int verb_down(cli *self, int argc, char **argv);
int verb_status(cli *self, int argc, char **argv);
int verb_instance(cli *self, int argc, char **argv);
int verb_backup(cli *self, int argc, char **argv);
int verb_restore(cli *self, int argc, char **argv);
int verb_freeze(cli *self, int argc, char **argv);
int verb_thaw(cli *self, int argc, char **argv);
int verb_admin(cli *self, int argc, char **argv);
int verb_stores(cli *self, int argc, char **argv);
int verb_user(cli *self, int argc, char **argv);
int verb_import(cli *self, int argc, char **argv);
int verb_search(cli *self, int argc, char **argv);
int verb_searches(cli *self, int argc, char **argv);
int verb_get(cli *self, int argc, char **argv);
int verb_call(cli *self, int argc, char **argv);
int verb_watch(cli *self, int argc, char **argv);
int verb_ping(cli *self, int argc, char **argv);
int verb_help(cli *self, int argc, char **argv);

#endif
