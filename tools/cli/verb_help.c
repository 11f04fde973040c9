/*
 * verb_help.c - archivolt help [VERB]; with --man the man page, with --complete the words for bash completion
 */
#include "tools/cli/cli.h"

static const char statuses[] = "Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but not everything (refused "
                               "messages, something not ready);\n"
                               "4 not permitted; 5 not reachable or too slow; 6 not found; 130 interrupted.\n";

static void
print_overview(void)
{
    printf("Usage: archivolt [--data DIR] [--json] [--quiet] [--timeout SECONDS] VERB ...\n\n");
    for (const cli_verb *v = cli_verbs; v->name != NULL; v++)
        printf("  %-10s %s\n", v->name, v->help);
    printf("\n`archivolt VERB --help` tells more of a verb.\n%s", statuses);
}

/* One list for the man page: a term and what it means. */
typedef struct entry {
    const char *term, *text;
} entry;

static const entry common_options[] = {
    { "--data DIR", "The data folder." },
    { "--json", "Answer in JSON, one value to a line; errors are an object with the key error." },
    { "--quiet", "No progress on standard error." },
    { "--timeout SECONDS", "Longest wait for an answer: 30 s, and 300 s for search." },
    { "--help", "Tell the options of the verb; behind call FUNCTION the arguments of the function." },
    { "--version", "Print the version." },
};

static const entry queries[] = {
    { "invoice", "The word in subject, text, From, To, Cc or an attachment's name, letter case ignored. Accents "
                 "count where you write them." },
    { "\"best regards\"", "These words in this order." },
    { "invo*", "Words that begin so; * alone is every message." },
    { "*voice, wom?n", "Words that end so; ? is one character and * any, within a word." },
    { "NEAR(a b c, 10)", "All these words within 10 words, in any order." },
    { "~houses", "Words with the same stem, in English or German." },
    { "a b, a AND b, a OR b, -a, NOT a, ( ... )",
        "Both; both; at least one; without it; without it; a group. NOT binds "
        "before AND before OR." },
    { "from: to: cc: bcc: subject: body: attachment: filename:", "A word, phrase, word* or group in that field only." },
    { "header:NAME:word", "The same in a header field of that name." },
    { "folder:Archive/2003", "That folder and what is below." },
    { "date:2016 date:2015-03-07 date:2015..2017 before:DAY after:DAY", "Sent in that year, on that day, in that span, "
                                                                        "before or after the day." },
    { "received:2016", "The same as date:, for the day of arrival." },
    { "size:>1M size:<=10K size:10K..2M", "Bytes; K, M and G are powers of 1024." },
    { "has:attachment", "With an attachment." },
    { "id:M...", "The message with this id." },
};

static const entry environment[] = {
    { "ARCHIVOLT_DATA", "Data folder when --data is not given." },
    { "ARCHIVOLT_PASSWORD", "Password of the user of --as; without it a terminal is asked." },
    { "ARCHIVOLT_PASSPHRASE", "Passphrase of backup --management and restore --management." },
    { "ARCHIVOLT_NEW_PASSWORD",
        "Password for user create, user passwd, admin create and admin passwd; without it one is "
        "made and printed." },
};

static const entry files[] = {
    { "/var/lib/archivolt", "The data folder, when neither --data nor ARCHIVOLT_DATA names another. In it:" },
    { "node.conf", "Settings of the node." },
    { "keys/", "Keys of the actors, for their owner alone. keys/cli_operator.key is what lets this program in." },
    { "broker/registry.bin, registry.pub, broker.pub", "Who is admitted to the bus, and the keys that prove it." },
    { "tls/cert.pem, tls/key.pem", "The certificate shown to mail programs and the Management API." },
    { "management/, host/", "State of the Management Server and of the instance host." },
    { "instances/ID/", "An instance with all its mail, unless it was created with --base-directory." },
    { "logs/, run/", "Logs, and what lives as long as the processes." },
};

/* roff(7): a hyphen is written \-, a leading dot or quote would be a request. */
static void
print_roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        printf("\\&");
    for (; *text != '\0'; text++) {
        if (*text == '-')
            printf("\\-");
        else if (*text == '\\')
            printf("\\e");
        else
            (void)putchar(*text);
    }
}

static void
print_entries(const char *section, const entry *entries, size_t count)
{
    printf(".SH %s\n", section);
    for (size_t i = 0; i < count; i++) {
        printf(".TP\n\\fB");
        print_roff(entries[i].term);
        printf("\\fR\n");
        print_roff(entries[i].text);
        printf("\n");
    }
}

static void
print_man(void)
{
    printf(".TH ARCHIVOLT 1 \"\" \"archivolt %s\" \"User Commands\"\n.SH NAME\narchivolt \\- run and administer an "
           "e\\-mail archive\n",
        AV_VERSION);
    printf(".SH SYNOPSIS\n.B archivolt\n[\\-\\-data DIR] [\\-\\-json] [\\-\\-quiet] [\\-\\-timeout SECONDS] VERB "
           "...\n.SH DESCRIPTION\n");
    printf(
        "Speaks to the actors of an archive over their message bus with the operator's key. That key administers and "
        "reads no mail: verbs that read take a user's login.\n.SH VERBS\n");
    for (const cli_verb *v = cli_verbs; v->name != NULL; v++) {
        printf(".TP\n\\fB%s\\fR ", v->name);
        print_roff(v->synopsis);
        printf("\n");
        print_roff(v->help);
        printf(".\n");
        if (v->more != NULL) {
            print_roff(v->more);
            printf("\n");
        }
    }
    print_entries("OPTIONS", common_options, AV_COUNT(common_options));
    printf(".PP\nAll but \\-\\-version stand before or behind the verb. Options of one verb: archivolt VERB "
           "\\-\\-help.\n");
    print_entries("QUERIES", queries, AV_COUNT(queries));
    printf(".SH EXIT STATUS\n");
    print_roff(statuses + strlen("Exit status: "));
    print_entries("ENVIRONMENT", environment, AV_COUNT(environment));
    print_entries("FILES", files, AV_COUNT(files));
}

int
verb_help(cli *self, int argc, char **argv)
{
    const cli_verb *verb;

    (void)self;
    if (argc > 1 && strcmp(argv[1], "--man") == 0) {
        print_man();
        return CLI_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--complete") == 0) {
        for (const cli_verb *v = cli_verbs; v->name != NULL; v++)
            printf("%s\n", v->name);
        return CLI_OK;
    }
    if (argc < 2) {
        print_overview();
        return CLI_OK;
    }
    verb = cli_verb_find(argv[1]);
    if (verb == NULL)
        return cli_usage("help", "there is no verb \"%s\"", argv[1]);
    { /* the verb prints its own help: only it knows its options */
        char *help[] = { argv[1], argc > 2 ? argv[2] : (char *)"--help", argc > 2 ? (char *)"--help" : NULL, NULL };

        return verb->run(self, argc > 2 ? 3 : 2, help);
    }
}
