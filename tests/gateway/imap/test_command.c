/*
 * test_command.c - tag, name, state and arguments by the table
 */
#include "gateway/imap/command.h"
#include "tests/check.h"

static const struct {
    const char *in;
    unsigned state;
    av_errc want;
    const char *tag, *name, *args[2];
} cases[] = {
    { "a NOOP", AV_IMAP_NOT_AUTH, AV_OK, "a", "NOOP", { NULL, NULL } },
    { "A1 noop", AV_IMAP_SELECTED, AV_OK, "A1", "NOOP", { NULL, NULL } },
    { "a LOGIN b/c \"d e\"", AV_IMAP_NOT_AUTH, AV_OK, "a", "LOGIN", { "b/c", "d e" } },
    { "a LOGIN {1}\r\nb {2+}\r\ncd", AV_IMAP_NOT_AUTH, AV_OK, "a", "LOGIN", { "b", "cd" } },
    { "a LOGIN b", AV_IMAP_NOT_AUTH, AV_ERR_SYNTAX, "a", "LOGIN", { NULL, NULL } },
    { "a LOGIN b c d", AV_IMAP_NOT_AUTH, AV_ERR_SYNTAX, "a", "LOGIN", { NULL, NULL } },
    { "a LOGIN b c", AV_IMAP_AUTH, AV_ERR_INVALID, "a", "LOGIN", { NULL, NULL } },
    { "a LIST \"\" %/x*", AV_IMAP_AUTH, AV_OK, "a", "LIST", { "\"\" %/x*", NULL } },
    { "a LIST", AV_IMAP_AUTH, AV_ERR_SYNTAX, "a", "LIST", { NULL, NULL } },
    { "a STATUS b (MESSAGES (x) \")\")", AV_IMAP_AUTH, AV_OK, "a", "STATUS", { "b", "(MESSAGES (x) \")\")" } },
    { "a STATUS b MESSAGES", AV_IMAP_AUTH, AV_ERR_SYNTAX, "a", "STATUS", { NULL, NULL } },
    { "a STATUS b (MESSAGES", AV_IMAP_AUTH, AV_ERR_SYNTAX, "a", "STATUS", { NULL, NULL } },
    { "a MYRIGHTS b", AV_IMAP_AUTH, AV_OK, "a", "MYRIGHTS", { "b", NULL } },
    { "a SETACL b c lrs", AV_IMAP_AUTH, AV_OK, "a", "SETACL", { "b c lrs", NULL } },
    { "a SELECT b", AV_IMAP_NOT_AUTH, AV_ERR_INVALID, "a", "SELECT", { NULL, NULL } },
    { "a FETCH 1:* (UID FLAGS)", AV_IMAP_SELECTED, AV_OK, "a", "FETCH", { "(UID FLAGS)", NULL } },
    { "a UID fetch 1 FLAGS", AV_IMAP_SELECTED, AV_OK, "a", "UID FETCH", { "FLAGS", NULL } },
    { "a FETCH x FLAGS", AV_IMAP_SELECTED, AV_ERR_SYNTAX, "a", "FETCH", { NULL, NULL } },
    { "a FETCH 1 FLAGS", AV_IMAP_AUTH, AV_ERR_INVALID, "a", "FETCH", { NULL, NULL } },
    { "a AUTHENTICATE PLAIN", AV_IMAP_NOT_AUTH, AV_OK, "a", "AUTHENTICATE", { "PLAIN", NULL } },
    { "a AUTHENTICATE PLAIN =", AV_IMAP_NOT_AUTH, AV_OK, "a", "AUTHENTICATE", { "PLAIN", "=" } },
    { "a NOOP ", AV_IMAP_AUTH, AV_ERR_SYNTAX, "a", "NOOP", { NULL, NULL } },
    { "a UID", AV_IMAP_SELECTED, AV_ERR_UNSUPPORTED, "a", NULL, { NULL, NULL } },
    { "a UID NOOP", AV_IMAP_SELECTED, AV_ERR_UNSUPPORTED, "a", NULL, { NULL, NULL } },
    { "a FROB x", AV_IMAP_AUTH, AV_ERR_UNSUPPORTED, "a", NULL, { NULL, NULL } },
    { "a", AV_IMAP_AUTH, AV_ERR_SYNTAX, "", NULL, { NULL, NULL } },
    { "", AV_IMAP_AUTH, AV_ERR_SYNTAX, "", NULL, { NULL, NULL } },
    { "+ NOOP", AV_IMAP_AUTH, AV_ERR_SYNTAX, "", NULL, { NULL, NULL } },
    { "a  NOOP", AV_IMAP_AUTH, AV_ERR_SYNTAX, "a", NULL, { NULL, NULL } },
};

static void
test_cases(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_imap_command got;
        av_error err;
        av_errc rc = av_imap_command_parse(av_span_str(cases[i].in), av_imap_rows, cases[i].state, &got, &err);

        av_check_row = (long)i;
        AV_CHECK_RC(rc, cases[i].want, &err);
        AV_CHECK(av_span_eq_str(got.tag, cases[i].tag));
        AV_CHECK((got.row == NULL) == (cases[i].name == NULL));
        if (got.row != NULL && cases[i].name != NULL)
            AV_CHECK_STR(got.row->name, cases[i].name);
        for (size_t k = 0; rc == AV_OK && k < 2 && cases[i].args[k] != NULL; k++)
            AV_CHECK(k < got.arg_count && av_span_eq_str(got.args[k], cases[i].args[k]));
        av_imap_command_release(&got);
    }
}

static void
test_peek(void)
{
    av_imap_command got;

    av_imap_command_peek(av_span_str("t1 append \"x\" {300}"), av_imap_rows, &got);
    AV_CHECK(av_span_eq_str(got.tag, "t1") && got.row != NULL && strcmp(got.row->name, "APPEND") == 0);
    av_imap_command_release(&got);
}

/* What every row promises to the dispatcher. */
static void
test_table(void)
{
    for (const av_imap_row *row = av_imap_rows; row->name != NULL; row++) {
        size_t args = 0;

        while (args < AV_IMAP_ARGS_MAX && row->args[args] != AV_IMAP_ARG_NONE)
            args++;
        AV_CHECK(row->run != NULL && row->states != 0 && row->min_args <= args);
        for (const av_imap_row *other = av_imap_rows; other < row; other++)
            AV_CHECK(strcmp(other->name, row->name) != 0);
    }
}

int
main(void)
{
    AV_RUN(test_cases);
    AV_RUN(test_peek);
    AV_RUN(test_table);
    return av_check_done();
}
