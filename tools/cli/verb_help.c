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
    printf("Usage: archivolt [--data DIR] [--json] VERB ...\n\n");
    for (const cli_verb *v = cli_verbs; v->name != NULL; v++)
        printf("  %-10s %s\n", v->name, v->help);
    printf("\n`archivolt VERB --help` tells more of a verb.\n%s", statuses);
}

/* roff(7): a hyphen is written \-, a leading dot would be a request. */
static void
print_roff(const char *text)
{
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
print_man(void)
{
    printf(".TH ARCHIVOLT 1 \"\" \"archivolt %s\" \"User Commands\"\n.SH NAME\narchivolt \\- run and administer an "
           "e-mail archive\n",
        AV_VERSION);
    printf(".SH SYNOPSIS\n.B archivolt\n[\\-\\-data DIR] [\\-\\-json] VERB ...\n.SH DESCRIPTION\n");
    printf(
        "Speaks to the actors of an archive over their message bus with the operator's key. That key administers and "
        "reads no mail: verbs that read take a user's login.\n.SH VERBS\n");
    for (const cli_verb *v = cli_verbs; v->name != NULL; v++) {
        printf(".TP\n.B %s ", v->name);
        print_roff(v->synopsis);
        printf("\n");
        print_roff(v->help);
        printf(".\n");
        if (v->more != NULL) {
            print_roff(v->more);
            printf("\n");
        }
    }
    printf(".SH EXIT STATUS\n");
    print_roff(statuses + strlen("Exit status: "));
    printf(
        ".SH ENVIRONMENT\n.TP\n.B ARCHIVOLT_DATA\nData folder when \\-\\-data is not given.\n.TP\n.B "
        "ARCHIVOLT_PASSWORD\n"
        "Password of the user of \\-\\-as.\n.TP\n.B ARCHIVOLT_NEW_PASSWORD\nPassword for user create and user passwd.\n"
        ".SH SEE ALSO\n.BR archivolt\\-broker (8)\n");
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
        char *help[] = { argv[1], (char *)"--help", NULL };

        return verb->run(self, 2, help);
    }
}
