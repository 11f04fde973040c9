/*
 * commands.c - the table of commands
 */
#include "gateway/imap/commands.h"

#define ATOM   AV_IMAP_ARG_ATOM
#define STRING AV_IMAP_ARG_STRING
#define SET    AV_IMAP_ARG_SET
#define LIST   AV_IMAP_ARG_LIST
#define REST   AV_IMAP_ARG_REST

static const char read_only[] = "mailboxes of the archive are read-only";
static const char no_writing[] = "folders and messages of the archive are not changed through IMAP";
static const char no_lists[] = "every folder is subscribed, and stays so";
static const char no_rights[] = "who may read what is set by the archive's administration";
static const char no_quotas[] = "limits are not set through IMAP";

const av_imap_row av_imap_rows[] = {
    { "CAPABILITY", AV_IMAP_ANY, 0, { 0 }, av_imap_cmd_capability, NULL },                   /* RFC 3501, 6.1.1 */
    { "NOOP", AV_IMAP_ANY, 0, { 0 }, av_imap_cmd_noop, NULL },                               /* RFC 3501, 6.1.2 */
    { "LOGOUT", AV_IMAP_ANY, 0, { 0 }, av_imap_cmd_logout, NULL },                           /* RFC 3501, 6.1.3 */
    { "ID", AV_IMAP_ANY, 1, { REST }, av_imap_cmd_id, NULL },                                /* RFC 2971, 3.1 */
    { "STARTTLS", AV_IMAP_NOT_AUTH, 0, { 0 }, av_imap_cmd_starttls, NULL },                  /* RFC 3501, 6.2.1 */
    { "AUTHENTICATE", AV_IMAP_NOT_AUTH, 1, { ATOM, REST }, av_imap_cmd_authenticate, NULL }, /* RFC 3501, 6.2.2 */
    { "LOGIN", AV_IMAP_NOT_AUTH, 2, { STRING, STRING }, av_imap_cmd_login, NULL },           /* RFC 3501, 6.2.3 */
    { "ENABLE", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_enable, NULL },                  /* RFC 5161, 3.1 */
    { "COMPRESS", AV_IMAP_LOGGED_IN, 1, { ATOM }, av_imap_cmd_compress, NULL },              /* RFC 4978, 3 */
    { "NAMESPACE", AV_IMAP_LOGGED_IN, 0, { 0 }, av_imap_cmd_namespace, NULL },               /* RFC 2342, 5 */
    { "SELECT", AV_IMAP_LOGGED_IN, 1, { STRING, REST }, av_imap_cmd_select, NULL },          /* RFC 3501, 6.3.1 */
    { "EXAMINE", AV_IMAP_LOGGED_IN, 1, { STRING, REST }, av_imap_cmd_examine, NULL },        /* RFC 3501, 6.3.2 */
    { "CREATE", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_writing },            /* RFC 3501, 6.3.3 */
    { "DELETE", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_writing },            /* RFC 3501, 6.3.4 */
    { "RENAME", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_writing },            /* RFC 3501, 6.3.5 */
    { "SUBSCRIBE", AV_IMAP_LOGGED_IN, 1, { STRING }, av_imap_cmd_subscribe, NULL },          /* RFC 3501, 6.3.6 */
    { "UNSUBSCRIBE", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_lists },         /* RFC 3501, 6.3.7 */
    { "LIST", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_list, NULL },                      /* RFC 3501, 6.3.8 */
    { "LSUB", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_lsub, NULL },                      /* RFC 3501, 6.3.9 */
    { "STATUS", AV_IMAP_LOGGED_IN, 2, { STRING, LIST }, av_imap_cmd_status, NULL },          /* RFC 3501, 6.3.10 */
    { "APPEND", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_writing },            /* RFC 3501, 6.3.11 */
    { "IDLE", AV_IMAP_LOGGED_IN, 0, { 0 }, av_imap_cmd_idle, NULL },                         /* RFC 2177, 3 */
    { "CHECK", AV_IMAP_SELECTED, 0, { 0 }, av_imap_cmd_noop, NULL },                         /* RFC 3501, 6.4.1 */
    { "CLOSE", AV_IMAP_SELECTED, 0, { 0 }, av_imap_cmd_close, NULL },                        /* RFC 3501, 6.4.2 */
    { "UNSELECT", AV_IMAP_SELECTED, 0, { 0 }, av_imap_cmd_close, NULL },                     /* RFC 3691, 2 */
    { "EXPUNGE", AV_IMAP_SELECTED, 0, { 0 }, av_imap_cmd_refuse, read_only },                /* RFC 3501, 6.4.3 */
    { "SEARCH", AV_IMAP_SELECTED, 1, { REST }, av_imap_cmd_search, NULL },                   /* RFC 3501, 6.4.4 */
    { "ESEARCH", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_esearch, NULL },                /* RFC 7377, 2 */
    { "SORT", AV_IMAP_SELECTED, 1, { REST }, av_imap_cmd_sort, NULL },                       /* RFC 5256, 3 */
    { "THREAD", AV_IMAP_SELECTED, 1, { REST }, av_imap_cmd_thread, NULL },                   /* RFC 5256, 3 */
    { "UID SORT", AV_IMAP_SELECTED, 1, { REST }, av_imap_cmd_uid_sort, NULL },               /* RFC 5256, 3 */
    { "UID THREAD", AV_IMAP_SELECTED, 1, { REST }, av_imap_cmd_uid_thread, NULL },           /* RFC 5256, 3 */
    { "FETCH", AV_IMAP_SELECTED, 2, { SET, REST }, av_imap_cmd_fetch, NULL },                /* RFC 3501, 6.4.5 */
    { "STORE", AV_IMAP_SELECTED, 2, { SET, REST }, av_imap_cmd_refuse, read_only },          /* RFC 3501, 6.4.6 */
    { "COPY", AV_IMAP_SELECTED, 2, { SET, REST }, av_imap_cmd_refuse, no_writing },          /* RFC 3501, 6.4.7 */
    { "MOVE", AV_IMAP_SELECTED, 2, { SET, REST }, av_imap_cmd_refuse, read_only },           /* RFC 6851, 3.1 */
    { "UID SEARCH", AV_IMAP_SELECTED, 1, { REST }, av_imap_cmd_uid_search, NULL },           /* RFC 3501, 6.4.8 */
    { "UID FETCH", AV_IMAP_SELECTED, 2, { SET, REST }, av_imap_cmd_uid_fetch, NULL },        /* RFC 3501, 6.4.8 */
    { "UID STORE", AV_IMAP_SELECTED, 2, { SET, REST }, av_imap_cmd_refuse, read_only },      /* RFC 3501, 6.4.8 */
    { "UID COPY", AV_IMAP_SELECTED, 2, { SET, REST }, av_imap_cmd_refuse, no_writing },      /* RFC 3501, 6.4.8 */
    { "UID MOVE", AV_IMAP_SELECTED, 2, { SET, REST }, av_imap_cmd_refuse, read_only },       /* RFC 6851, 3.2 */
    { "UID EXPUNGE", AV_IMAP_SELECTED, 1, { REST }, av_imap_cmd_refuse, read_only },         /* RFC 4315, 2.1 */
    { "REPLACE", AV_IMAP_SELECTED, 1, { REST }, av_imap_cmd_refuse, read_only },             /* RFC 8508, 3.1 */
    { "UID REPLACE", AV_IMAP_SELECTED, 1, { REST }, av_imap_cmd_refuse, read_only },         /* RFC 8508, 3.4 */
    { "MYRIGHTS", AV_IMAP_LOGGED_IN, 1, { STRING }, av_imap_cmd_myrights, NULL },            /* RFC 4314, 3.5 */
    { "GETACL", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_rights },             /* RFC 4314, 3.3 */
    { "LISTRIGHTS", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_rights },         /* RFC 4314, 3.4 */
    { "SETACL", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_rights },             /* RFC 4314, 3.1 */
    { "DELETEACL", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_rights },          /* RFC 4314, 3.2 */
    { "GETQUOTA", AV_IMAP_LOGGED_IN, 1, { STRING }, av_imap_cmd_getquota, NULL },            /* RFC 9208, 4.1.1 */
    { "GETQUOTAROOT", AV_IMAP_LOGGED_IN, 1, { STRING }, av_imap_cmd_getquotaroot, NULL },    /* RFC 9208, 4.1.2 */
    { "SETQUOTA", AV_IMAP_LOGGED_IN, 1, { REST }, av_imap_cmd_refuse, no_quotas },           /* RFC 9208, 4.1.3 */
    { NULL, 0, 0, { 0 }, NULL, NULL },
};
