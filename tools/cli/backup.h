/*
 * backup.h - backup and restore: what verb_backup.c, verb_restore.c and management_files.c share
 */
#ifndef AV_TOOLS_CLI_BACKUP_H
#define AV_TOOLS_CLI_BACKUP_H

#include "storage/backup/backup.h"
#include "tools/cli/cli.h"

/* A key or passphrase out of a file ("-": standard input), without line ends at its end. ret: av_buf_init is done here;
 * av_buf_release_secret. 0, or an exit status with the reason told. */
int cli_read_secret(cli *self, const char *path, av_buf *ret);
/* The same for a recovery key or instance key, alone in its file or as the recovery sheet it was printed on. */
int cli_read_key(cli *self, const char *path, av_buf *ret);
/* The absolute form of a folder that need not be there yet; free. NULL with the reason told. */
char *cli_absolute(cli *self, const char *path, int *status);
/*
 * Wait for a long operation and take its result. *ret_result: of that type, or NULL when it has none; free_unpacked.
 * A failed or cancelled one is an exit status with the reason told.
 */
int cli_finish_operation(cli *self, const char *actor, const Archivolt__Operation *started, const char *cancelled,
    ProtobufCMessage **ret_result);
/* Progress of work this program does itself, and its findings on stderr. ctx: the cli. Ctrl-C ends it. */
av_care_watch cli_watch(cli *self);
const char *cli_bytes(uint64_t bytes, char ret[32]); /* "1.4 GB" */

/* How the management database is sealed and opened: one of both is given, or the environment has a passphrase. */
typedef struct cli_seal {
    const char *passphrase_file, *recovery_key_file;
} cli_seal;
int cli_backup_management(cli *self, const char *folder, const cli_seal *seal);
int cli_restore_management(cli *self, const char *from, const cli_seal *seal);

#endif
