/*
 * searches.h - what verb_search.c and verb_searches.c share: orders, searches kept under a name
 */
#ifndef AV_TOOLS_CLI_SEARCHES_H
#define AV_TOOLS_CLI_SEARCHES_H

#include "proto/archive.pb-c.h"
#include "tools/cli/cli.h"

/* false: no such order. */
bool cli_search_order(const char *word, Archivolt__SearchOrder *ret);
/* Each: 0, or an exit status with the reason told. ret: free_unpacked; NULL when called. */
int cli_saved_search(cli *self, const char *actor, av_span session, const char *name, Archivolt__SavedSearch **ret);
int cli_save_search(
    cli *self, const char *actor, av_span session, const char *name, const Archivolt__SearchRequest *request);

#endif
