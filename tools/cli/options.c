/*
 * options.c - the options of a verb: one table serves parsing and help
 */
#include "tools/cli/cli.h"

#include <stdarg.h>

#define COMMON    5
#define NOT_GIVEN UINT64_MAX

/* Options every verb has. */
static void
common(cli *self, uint64_t *seconds, cli_option ret[COMMON])
{
    ret[0] = (cli_option){ "--data", &self->data_dir, NULL, NULL, "DIR",
        "data folder (env ARCHIVOLT_DATA, /var/lib/archivolt)" };
    ret[1] = (cli_option){ "--json", NULL, NULL, &self->json, NULL, "answer in JSON" };
    ret[2] = (cli_option){ "--quiet", NULL, NULL, &self->quiet, NULL, "no progress" };
    ret[3] = (cli_option){ "--timeout", NULL, seconds, NULL, "SECONDS", "longest wait for an answer (30)" };
    ret[4] = (cli_option){ NULL, NULL, NULL, NULL, NULL, NULL };
}

static const cli_option *
find(const cli_option *table, const char *arg, size_t n)
{
    for (; table != NULL && table->name != NULL; table++)
        if (strlen(table->name) == n && strncmp(table->name, arg, n) == 0)
            return table;
    return NULL;
}

static void
print_options(const cli_option *options, FILE *to)
{
    for (; options != NULL && options->name != NULL; options++) {
        char left[64];

        (void)snprintf(left, sizeof left, "%s%s%s", options->name, options->value_name != NULL ? " " : "",
            options->value_name != NULL ? options->value_name : "");
        fprintf(to, "  %-26s %s\n", left, options->help);
    }
}

void
cli_verb_help(const cli_verb *verb, const cli_option *options, FILE *to)
{
    cli dummy = { 0 };
    uint64_t seconds = 0;
    cli_option shared[COMMON];

    common(&dummy, &seconds, shared);
    fprintf(to, "Usage: archivolt %s %s\n\n%s.\n", verb->name, verb->synopsis, verb->help);
    if (verb->more != NULL)
        fprintf(to, "\n%s\n", verb->more);
    fprintf(to, "\nOptions:\n");
    print_options(options, to);
    print_options(shared, to);
    fprintf(to, "  %-26s %s\n", "--help", "this text");
}

/* Store the option's value. false with the reason told. */
static bool
store(const char *verb, const cli_option *option, const char *value)
{
    if (option->text != NULL) {
        *option->text = value;
        return true;
    }
    if (av_span_u64(av_span_str(value), UINT32_MAX, option->number))
        return true;
    cli_usage(verb, "%s needs a whole number, not \"%s\"", option->name, value);
    return false;
}

/*
 * Take the option at argv[*i] and its value, *i then at the last argument taken. 1: taken; 0: none of the tables'
 * options; -1: wrong, with the reason told.
 */
static int
take(const char *verb, const cli_option *own, const cli_option *shared, int argc, char **argv, int *i)
{
    const char *arg = argv[*i], *eq = strchr(arg, '=');
    size_t n = eq != NULL ? (size_t)(eq - arg) : strlen(arg);
    const cli_option *option = find(own, arg, n);

    if (option == NULL)
        option = find(shared, arg, n);
    if (option == NULL)
        return 0;
    if (option->flag != NULL && eq != NULL) {
        cli_usage(verb, "%s takes no value", option->name);
        return -1;
    }
    if (option->flag != NULL) {
        *option->flag = true;
        return 1;
    }
    if (eq == NULL && *i + 1 >= argc) {
        cli_usage(verb, "%s needs a value", option->name);
        return -1;
    }
    return store(verb, option, eq != NULL ? eq + 1 : argv[++*i]) ? 1 : -1;
}

/* Calls take milliseconds in 32 bits: what is longer is as long as they can be. */
static void
set_timeout(cli *self, uint64_t seconds)
{
    if (seconds == NOT_GIVEN)
        return;
    self->timeout_ms = AV_MIN(seconds, (uint64_t)UINT32_MAX / 1000) * 1000;
    self->timeout_given = true;
}

int
cli_leading_options(cli *self, int argc, char **argv, int *ret_at)
{
    uint64_t seconds = NOT_GIVEN;
    cli_option shared[COMMON];
    int i, took;

    common(self, &seconds, shared);
    for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        took = take(NULL, NULL, shared, argc, argv, &i);
        if (took < 0)
            return CLI_USAGE;
        if (took == 0)
            break;
    }
    set_timeout(self, seconds);
    *ret_at = i;
    return 0;
}

int
cli_options(cli *self, const cli_option *options, int *argc, char **argv, int *status)
{
    uint64_t seconds = NOT_GIVEN;
    cli_option shared[COMMON];
    const char *verb = argv[0];
    int kept = 1;

    common(self, &seconds, shared);
    *status = CLI_USAGE;
    for (int i = 1; i < *argc; i++) {
        const char *arg = argv[i];
        int took;

        if (strcmp(arg, "--") == 0) {
            while (++i < *argc)
                argv[kept++] = argv[i];
            break;
        }
        if (strcmp(arg, "--help") == 0) {
            cli_verb_help(cli_verb_find(verb), options, stdout);
            *status = CLI_OK;
            return -1;
        }
        if (strncmp(arg, "--", 2) != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        took = take(verb, options, shared, *argc, argv, &i);
        if (took == 0)
            cli_usage(verb, "there is no option \"%s\"", arg);
        if (took != 1)
            return -1;
    }
    argv[kept] = NULL;
    *argc = kept;
    set_timeout(self, seconds);
    return 0;
}

int
cli_usage(const char *verb, const char *fmt, ...)
{
    va_list ap;
    char text[512];

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(stderr, verb == NULL ? "archivolt: " : "archivolt %s: ", verb);
    cli_put_text(stderr, text);
    fprintf(stderr, verb == NULL ? "; see `archivolt help`\n" : "; see `archivolt %s --help`\n", verb);
    return CLI_USAGE;
}
