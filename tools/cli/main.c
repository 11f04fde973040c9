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
    { "instance", "create|list|show|start|stop|restart|sleep|delete ...", "manage instances",
        "create ID, list [FILTER], show ID, start|stop|restart|sleep|delete FILTER. FILTER: ids; * for all; "
        "*HOST; .running .stopped .error",
        verb_instance },
    { "user", "create|list|show|passwd|privileges|grant|delete --instance ID ...", "manage the users of an instance",
        "create NAME, list, show NAME, passwd NAME, privileges NAME WORDS, grant NAME ARCHIVE WORDS, delete NAME. A "
        "new "
        "password comes from ARCHIVOLT_NEW_PASSWORD, or is made and printed.",
        verb_user },
    { "import", "--instance ID --archive NAME PATH...", "archive message files, folders, Maildirs and mbox files",
        "The last line says what became of every message. Exit status 3 when some were refused; "
        "`archivolt call GetRunReport` names each with its reason. Ctrl-C cancels the run; what is stored stays.",
        verb_import },
    { "search", "--as INSTANCE/USER [--limit N] QUERY", "find messages",
        "The password comes from ARCHIVOLT_PASSWORD or is "
        "asked for. The query language is described in docs/search.md.",
        verb_search },
    { "get", "--as INSTANCE/USER ID", "write a message to standard output, byte for byte as it arrived", NULL,
        verb_get },
    { "call", "FUNCTION [KEY=VALUE]...", "call any method of any actor",
        "--list shows the methods, FUNCTION --help its arguments. Values are text, numbers, true/false, comma lists or "
        "JSON.",
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

/* Options before the verb: --data DIR, --json, --quiet, --timeout S. Returns the index of the verb, or argc. */
static int
leading_options(cli *self, int argc, char **argv)
{
    int i = 1;

    while (i < argc && argv[i][0] == '-') {
        if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
            self->data_dir = argv[++i];
        else if (strncmp(argv[i], "--data=", 7) == 0)
            self->data_dir = argv[i] + 7;
        else if (strcmp(argv[i], "--json") == 0)
            self->json = true;
        else if (strcmp(argv[i], "--quiet") == 0)
            self->quiet = true;
        else
            break;
        i++;
    }
    return i;
}

int
main(int argc, char **argv)
{
    cli self = { .timeout_ms = 30000 };
    const cli_verb *verb;
    int at, status;

    av_secret_init();
    av_log_init("cli", AV_LOG_ERROR, false);
    at = leading_options(&self, argc, argv);
    if (at < argc && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)) {
        char *help[] = { (char *)"help", NULL };

        return verb_help(&self, 1, help);
    }
    if (at < argc && strcmp(argv[at], "--version") == 0) {
        printf("archivolt %s\n", AV_VERSION);
        return CLI_OK;
    }
    if (at >= argc) {
        fprintf(stderr, "archivolt: a verb is needed; `archivolt help` lists them\n");
        return CLI_USAGE;
    }
    verb = cli_verb_find(argv[at]);
    if (verb == NULL) {
        fprintf(stderr, "archivolt: there is no verb \"%s\"; `archivolt help` lists them\n", argv[at]);
        return CLI_USAGE;
    }
    status = verb->run(&self, argc - at, argv + at);
    cli_close(&self);
    if (fflush(stdout) != 0 && status == CLI_OK)
        status = CLI_FAILED;
    return status;
}
