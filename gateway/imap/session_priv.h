/*
 * session_priv.h - one client: its connection, its command in work, its mailbox
 *
 *   bytes -> framer -> command_parse -> row.run -> (calls over the bus) -> av_imap_session_done -> next command
 *
 * One command at a time: while one is in work, or what was written has not all found room in the connection, reading is
 * paused. Everything belongs to the loop's thread. cmd_*.c use what stands here.
 */
#ifndef AV_GATEWAY_IMAP_SESSION_PRIV_H
#define AV_GATEWAY_IMAP_SESSION_PRIV_H

#include "base/throttle.h"
#include "gateway/imap/capabilities.h"
#include "gateway/imap/commands.h"
#include "gateway/imap/connection_log.h"
#include "gateway/imap/deflate.h"
#include "gateway/imap/framer.h"
#include "gateway/imap/imap.h"
#include "gateway/imap/mailbox.h"
#include "gateway/imap/mailbox_name.h"

#define AV_IMAP_TAG_MAX         128
#define AV_IMAP_SESSION_MAGIC   0x494d4150U
#define AV_IMAP_TOKEN_MAX       64
#define AV_IMAP_CALL_TIMEOUT_MS 60000
#define AV_IMAP_TEXT_MAX        600 /* bytes of the text of one response */

struct av_imap {
    av_gateway *gateway;
    av_imap_session *sessions;
    av_imap_logs *logs;
    av_throttle *by_address;       /* failed logins (login.c) */
    av_loop_timer *rest;           /* while one is compressed (compress.c) */
    struct av_imap_watch *watches; /* of instances with clients in IDLE (watch.c) */
};

typedef void av_imap_reply_fn(av_imap_session *self, const ProtobufCMessage *reply, const av_error *err);
typedef void av_imap_line_fn(av_imap_session *self, av_span line);

struct av_imap_session {
    unsigned magic;
    av_imap *imap;
    av_imap_session *prev, *next;
    av_conn *conn;
    unsigned state;    /* AV_IMAP_NOT_AUTH, _AUTH or _SELECTED */
    unsigned enabled;  /* AV_IMAP_ENABLED_...: capabilities.h */
    uint8_t trace[16]; /* of the command in work: all its calls carry it */

    av_imap_framer framer;
    av_buf in; /* bytes read and not yet looked at */
    size_t in_at;
    av_buf out; /* bytes the connection has no room for yet */
    size_t out_at;
    bool in_turn, starting_tls, ending;

    av_deflate *deflate; /* COMPRESS is in force (compress.c); or NULL */
    av_buf packed;       /* bytes read and not yet unpacked */
    size_t packed_at;
    size_t clear_left;          /* of out: to be sent as it is, from before COMPRESS */
    size_t unpacked;            /* bytes in this turn */
    bool more_packed;           /* the last piece filled its room */
    bool packed_lately;         /* since the memory of sessions at rest was last looked at */
    av_loop_timer *unpack_more; /* the turn was long enough: go on in the next */

    char tag[AV_IMAP_TAG_MAX + 1];
    av_imap_command command;
    bool busy;                  /* a command is in work and reads nothing */
    av_imap_line_fn *take_line; /* a command waits for a line */
    void *work;                 /* what the command in work keeps */
    void (*free_work)(void *work);
    void (*on_room)(av_imap_session *self); /* all that was written has found room; or NULL */
    av_call *call;
    av_imap_reply_fn *on_reply;
    av_loop_timer *timer;
    unsigned bad_commands, failed_logins;

    av_imap_log *log;         /* the instance's connection log; NULL: it wants none */
    int64_t command_began_ms; /* for it */

    char *instance; /* actor name: instance/demo */
    char *user;     /* demo/alice, as typed */
    uint8_t token[AV_IMAP_TOKEN_MAX];
    size_t token_n;
    av_imap_mailbox *mailbox; /* AV_IMAP_SELECTED */
    av_imap_mailbox *known;   /* refresh.c: the state its question named */
    void (*after_refresh)(av_imap_session *self, const av_error *err);
    struct av_imap_watch *watch; /* in IDLE; or NULL */
    bool stale, refreshing;      /* watch.c: its mailbox is to be asked about, or is just now */
};

/* A door's accept: session.c. */
void av_imap_session_accept(void *ctx, av_conn *conn);

/* ---- writing (respond.c) ---- */

/* Formatted bytes as they are; CRLF is the caller's. */
void av_imap_session_printf(av_imap_session *self, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void av_imap_session_write(av_imap_session *self, av_span bytes);
/*
 * Hand over to the connection what it has room for. true: all of it. Of a compressed session a part may stay inside the
 * compressor until the end of the turn, so that a stream of small pieces packs as one.
 */
bool av_imap_session_flush(av_imap_session *self);
/* The same, and the client can read all of it once this is true. */
bool av_imap_session_push(av_imap_session *self);
bool av_imap_session_drained(const av_imap_session *self);
/* What capabilities depend on. */
av_imap_standing av_imap_session_standing(const av_imap_session *self);
/* "CAPABILITY IMAP4rev1 ..." for the state the session is in; CRLF or "]" is the caller's. */
void av_imap_session_write_capabilities(av_imap_session *self);

/*
 * The end of the command in work: "<tag> OK|NO|BAD [code] text". code may be NULL; text is made plain ASCII on one line.
 * After too many BAD the client is sent away.
 */
void av_imap_session_done(av_imap_session *self, const char *status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for an error of ours or of an actor: the response code of RFC 5530 that fits, and its sentence. */
void av_imap_session_fail(av_imap_session *self, const av_error *err);
/*
 * "* BYE text". The connection ends when it is written: at the end of the command in work, or at the next turn when there
 * is none. No further command is taken.
 */
void av_imap_session_bye(av_imap_session *self, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- compression (compress.c; self->deflate) ---- */

/* Bytes of the client, to be unpacked. false: more than may wait. */
bool av_imap_compress_take(av_imap_session *self, av_span bytes);
/* The next piece of what was taken into self->in, which is empty. false: there is none now. */
bool av_imap_compress_unpack(av_imap_session *self);
/* Bytes wait to be unpacked: nothing is read until they are. */
bool av_imap_compress_waits(const av_imap_session *self);
/* From self->out to the connection, as it has room. With sync all of it can be read by the client. */
void av_imap_compress_send(av_imap_session *self, bool sync);
void av_imap_compress_release(av_imap_session *self);

/* ---- commands (dispatch.c) ---- */

/* Act on what the framer found. */
void av_imap_session_on_frame(av_imap_session *self, av_imap_frame frame);
/* The command in work waits for one line of the client, which goes to fn. */
void av_imap_session_wait_line(av_imap_session *self, av_imap_line_fn *fn);
/* The session's command is over: used by respond.c alone. */
void av_imap_session_finished(av_imap_session *self);
/* Free what the command in work keeps. */
void av_imap_session_forget_work(av_imap_session *self);

/* The trace of the command in work, for the log. */
typedef struct av_imap_trace {
    char hex[33];
} av_imap_trace;
av_imap_trace av_imap_session_trace(const av_imap_session *self);

/* A line in the connection log, where there is one. */
#define av_imap_session_note(self, ...)                                                                                \
    do {                                                                                                               \
        if ((self)->log != NULL) {                                                                                     \
            const av_imap_log_who who_ = { av_conn_number((self)->conn), av_conn_peer((self)->conn), (self)->user };   \
            av_imap_log_put((self)->log, &who_, __VA_ARGS__);                                                          \
        }                                                                                                              \
    } while (0)

/* ---- turns and calls (session.c) ---- */

/* One call at a time; fn is called once unless the session ends first. With the session's token once there is one. */
void av_imap_session_call(av_imap_session *self, const char *to, const char *method, const ProtobufCMessage *body,
    uint32_t timeout_ms, av_imap_reply_fn *fn);
/* Go on: take what has been read, write what there is room for. */
void av_imap_session_turn(av_imap_session *self);

/* ---- names of mailboxes (lookup.c) ---- */

/* Names go over the wire in UTF-8: UTF8=ACCEPT or IMAP4rev2 is enabled. */
static inline bool
av_imap_session_is_utf8(const av_imap_session *self)
{
    return (self->enabled & (AV_IMAP_ENABLED_UTF8 | AV_IMAP_ENABLED_IMAP4REV2)) != 0;
}
/* A name ready for the client. */
void av_imap_session_write_name(av_imap_session *self, av_span name);

/* info and name (UTF-8, as the archive has it) are good until then returns; it ends the command. */
typedef void av_imap_lookup_fn(
    av_imap_session *self, const Archivolt__MailboxInfo *info, av_span name, unsigned detail);
/* Ask for the mailbox a client calls so (an argument of its command). One that is not there ends the command: NO. */
void av_imap_session_lookup(av_imap_session *self, av_span wire, av_imap_lookup_fn *then, unsigned detail);

/* ---- state ---- */

/* Logged in; instance is an actor's name. */
void av_imap_session_logged_in(av_imap_session *self, const char *instance, av_span token);
/* Leave the mailbox that is selected, if any. */
void av_imap_session_unselect(av_imap_session *self);
/* The newest state any session of the same instance has of the mailbox of this path; NULL: none. Borrowed. */
const av_imap_mailbox *av_imap_session_known(const av_imap_session *self, const char *path);
/* Ask for the mailbox's state, write what is new (refresh.c); then is called with an error or NULL. */
void av_imap_session_refresh(av_imap_session *self, void (*then)(av_imap_session *self, const av_error *err));

#endif
