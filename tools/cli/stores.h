/*
 * stores.h - what verb_stores.c and verb_stores_index.c share
 */
#ifndef AV_TOOLS_CLI_STORES_H
#define AV_TOOLS_CLI_STORES_H

#include "tools/cli/cli.h"

/* The number of a store by its number or name. 0, or an exit status with the reason told. */
int cli_store_resolve(cli *self, const char *instance, const char *given, char ret[24]);
/* Show what a function of the stores answered; a long operation is waited for. done: said when it is; NULL: the result. */
int cli_store_finish(
    cli *self, const av_method_info *m, const char *instance, const ProtobufCMessage *reply, const char *done);

/* verb_stores_index.c: stores index show|set|rebuild. words: what stands behind "index". */
typedef struct cli_store_index {
    const char *instance; /* id */
    const char *extensions, *headers, *pdf_files;
    bool all;
} cli_store_index;
int cli_stores_index(cli *self, const cli_store_index *options, int count, char **words);

#endif
