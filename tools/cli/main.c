/*
 * main.c - archivolt VERB ...: the table of verbs and the way in
 */
#include "tools/cli/cli.h"

#include "base/log.h"
#include "base/secret.h"

const cli_verb cli_verbs[] = {
    { "init", "[OPTION]...", "create a single-server node: keys, certificate, first administrator",
        "Makes the data folder with the keys of all actors, the signed registry, a TLS certificate and the first "
        "administrator. Changes nothing when the folder holds a node already.",
        verb_init },
    { "up", "[--detach]", "run all actors of this node",
        "Starts broker, management, host and gateway, and restarts what ends. "
        "Stops them in order on SIGTERM or SIGINT.",
        verb_up },
    { "down", "", "stop what `up --detach` started", NULL, verb_down },
    { "status", "[--wait SECONDS]", "state of the actors and instances",
        "Exit status 0 when everything is ready, 3 when something is not.", verb_status },
    { "instance", "create|list|show|paths|start|stop|restart|sleep|delete ...", "manage instances",
        "create ID, list [FILTER], show ID, paths ID (what a backup must hold), start|stop|restart|sleep|delete "
        "FILTER. FILTER: ids; * for all; "
        "*HOST; .running .stopped .error",
        verb_instance },
    { "stores", "list|create|attach|detach|... --instance ID", "manage the archive stores of an instance",
        "list, create NAME, attach NAME --path DIR, detach STORE, verify [STORE], recover STORE, merge STORE SOURCE, "
        "compact STORE, rename STORE NAME, "
        "set-path STORE --path DIR, "
        "set-state "
        "STORE STATE, unlock STORE --key-file FILE, propose NAME, retry, repair STORE, upgrade [STORE], maintain, "
        "refresh-statistics, auto-create, index [show], index set (what the search indexes have), index rebuild "
        "[STORE | --all] (without: those that are broken, marked or made with something else). STORE is a number or a "
        "name; STATE: current, normal, writeProtected or "
        "disabled. Long ones show their progress; Ctrl-C cancels them, what was done stays.",
        verb_stores },
    { "user", "create|list|show|passwd|privileges|grant|delete --instance ID ...", "manage the users of an instance",
        "create NAME, list, show NAME, passwd NAME, privileges NAME WORDS, grant NAME ARCHIVE WORDS, delete NAME. A "
        "new password comes from ARCHIVOLT_NEW_PASSWORD, or is made and printed.",
        verb_user },
    { "admin", "create|list|passwd|delete [NAME]", "manage the system administrators",
        "create NAME, list, passwd NAME, delete NAME. They log in to the Management API and read no mail. A new "
        "password "
        "comes from ARCHIVOLT_NEW_PASSWORD, or is made and printed.",
        verb_admin },
    { "import", "--instance ID --archive NAME PATH...", "archive message files, folders, Maildirs and mbox files",
        "The last line says what became of every message. Exit status 3 when some were refused; the first reasons are "
        "shown, `archivolt call GetRunReport` tells them all. Ctrl-C cancels the run; what is stored stays.",
        verb_import },
    { "search", "--as INSTANCE/USER [--limit N] QUERY | --saved NAME", "find messages",
        "The password comes from ARCHIVOLT_PASSWORD or is asked for. The query language: QUERIES in the man page.",
        verb_search },
    { "searches", "--as INSTANCE/USER [list | delete NAME]", "searches kept under a name",
        "archivolt search --save NAME keeps one, --saved NAME searches by it.", verb_searches },
    { "get", "--as INSTANCE/USER ID", "write a message to standard output, byte for byte as it arrived", NULL,
        verb_get },
    { "backup", "INSTANCE DIR | verify DIR | --management DIR", "back up an instance or the management database",
        "INSTANCE DIR: only what is new is copied, while everybody works on; run it again to go on with one that was "
        "cut short. The folder lies on the instance's host. verify DIR reads all of a backup and needs no key: exit "
        "status 3 when it is damaged. --management DIR: on the Management Server's node, sealed in "
        "DIR/management.avm.",
        verb_backup },
    { "restore", "DIR --as ID | --management DIR", "make an instance, or a node, out of a backup",
        "DIR lies on the host that gets the instance. Its key: the host's own when it has it, else "
        "--recovery-key-file. An instance that is there gets its files back when its folder is empty or gone. "
        "--management DIR makes a new data folder (--data).",
        verb_restore },
    { "freeze", "INSTANCE [--seconds N]", "stop acknowledging mail, for a snapshot",
        "Everything acknowledged is in files until `archivolt thaw`. Scripts for LVM, ZFS, Btrfs, qemu and restic: "
        "deploy/hooks.",
        verb_freeze },
    { "thaw", "INSTANCE", "go on after freeze",
        "Exit status 3 when it had thawed by itself: what was copied since is no consistent state.", verb_thaw },
    { "call", "FUNCTION [KEY=VALUE]...", "call any method of any actor",
        "--list shows the methods and who may call them, FUNCTION --help its arguments. Values are text, numbers, "
        "true/false, comma lists or JSON. KEY=@FILE takes the value from a file, KEY=@- from standard input, both "
        "without a "
        "line end at the end; KEY=@@TEXT is the text @TEXT. Warning: other users of the machine can see the arguments "
        "of a "
        "program, so give passwords as KEY=@- or KEY=@FILE.",
        verb_call },
    { "watch", "[TOPIC]", "show status topics as they change", NULL, verb_watch },
    { "ping", "[ACTOR]...", "ask actors whether they are there", NULL, verb_ping },
    { "help", "[VERB]", "show help", NULL, verb_help },
    { NULL, NULL, NULL, NULL, NULL },
};

const cli_verb *
cli_verb_find(const char *name)
{
    for (const cli_verb *v = cli_verbs; v->name != NULL; v++)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

int
main(int argc, char **argv)
{
    cli self = { .timeout_ms = 30000 };
    const cli_verb *verb;
    int at, status;

    av_secret_init();
    av_log_init("cli", AV_LOG_ERROR, false);
    status = cli_leading_options(&self, argc, argv, &at);
    if (status != 0)
        return status;
    if (at < argc && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)) {
        char *help[] = { (char *)"help", NULL };

        return verb_help(&self, 1, help);
    }
    if (at < argc && strcmp(argv[at], "--version") == 0) {
        printf("archivolt %s\n", AV_VERSION);
        return CLI_OK;
    }
    if (at >= argc)
        return cli_usage(NULL, "a verb is needed");
    if (argv[at][0] == '-')
        return cli_usage(NULL, "there is no option \"%s\"", argv[at]);
    verb = cli_verb_find(argv[at]);
    if (verb == NULL)
        return cli_usage(NULL, "there is no verb \"%s\"", argv[at]);
    status = verb->run(&self, argc - at, argv + at);
    cli_close(&self);
    if (fflush(stdout) != 0 && status == CLI_OK)
        status = CLI_FAILED;
    return status;
}
