/*
 * call_priv.h - what the files of archivolt call share
 */
#ifndef AV_TOOLS_CLI_CALL_PRIV_H
#define AV_TOOLS_CLI_CALL_PRIV_H

#include "tools/cli/cli.h"

/* ---- call_args.c ---- */

/*
 * The request from KEY=VALUE arguments. KEY=@FILE is the file's contents, KEY=@- those of standard input (once), each
 * less one line end at its end; KEY=@@TEXT is "@TEXT". ret: protobuf_c_message_free_unpacked. 0, or an exit status with the
 * reason told. Blocks on the file.
 */
int cli_call_body(cli *self, const av_method_info *method, int argc, char **argv, ProtobufCMessage **ret);

/* ---- call_help.c ---- */

int cli_call_list(const cli *self);
void cli_call_describe(const av_method_info *method);
/*
 * The method of that name, full or short. NULL with the reason told and *status set: there is none, or several services
 * have it.
 */
const av_method_info *cli_call_find(const cli *self, const char *name, int *status);

#endif
