/*
 * commands.h - the functions behind the table: one command, or a few of a kind, a file cmd_*.c
 *
 * Each is av_imap_row.run.
 */
#ifndef AV_GATEWAY_IMAP_COMMANDS_H
#define AV_GATEWAY_IMAP_COMMANDS_H

#include "gateway/imap/command.h"

typedef void av_imap_run(av_imap_session *session, const av_imap_command *command);

av_imap_run av_imap_cmd_capability, av_imap_cmd_noop, av_imap_cmd_logout, av_imap_cmd_id,
    av_imap_cmd_namespace;                                              /* cmd_general.c */
av_imap_run av_imap_cmd_enable;                                         /* cmd_enable.c */
av_imap_run av_imap_cmd_starttls;                                       /* cmd_starttls.c */
av_imap_run av_imap_cmd_login, av_imap_cmd_authenticate;                /* cmd_login.c */
av_imap_run av_imap_cmd_list, av_imap_cmd_lsub;                         /* cmd_list.c */
av_imap_run av_imap_cmd_select, av_imap_cmd_examine, av_imap_cmd_close; /* cmd_select.c */
av_imap_run av_imap_cmd_status;                                         /* cmd_status.c */
av_imap_run av_imap_cmd_subscribe;                                      /* cmd_subscribe.c */
av_imap_run av_imap_cmd_myrights;                                       /* cmd_acl.c */
av_imap_run av_imap_cmd_getquota, av_imap_cmd_getquotaroot;             /* cmd_quota.c */
av_imap_run av_imap_cmd_search, av_imap_cmd_uid_search;                 /* cmd_search.c */
av_imap_run av_imap_cmd_sort, av_imap_cmd_uid_sort;                     /* cmd_sort.c */
av_imap_run av_imap_cmd_thread, av_imap_cmd_uid_thread;                 /* cmd_sort.c */
av_imap_run av_imap_cmd_esearch;                                        /* cmd_esearch.c */
av_imap_run av_imap_cmd_fetch, av_imap_cmd_uid_fetch;                   /* cmd_fetch.c */
av_imap_run av_imap_cmd_idle;                                           /* cmd_idle.c */
av_imap_run av_imap_cmd_compress;                                       /* compress.c */
av_imap_run av_imap_cmd_refuse;                                         /* cmd_refuse.c */

#endif
