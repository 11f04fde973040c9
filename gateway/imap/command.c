/*
 * command.c - see command.h
 */
#include "gateway/imap/command.h"

#include "gateway/imap/grammar.h"

#define NAME_MAX_BYTES 32

/* One word, or two when the first is UID, in upper case with one blank. false: no word. */
static bool
take_name(av_span *in, char ret[NAME_MAX_BYTES])
{
    av_span word, left;
    size_t n = 0;

    if (!av_imap_take_atom(in, &word) || word.n >= NAME_MAX_BYTES / 2)
        return false;
    left = *in;
    for (size_t i = 0; i < word.n; i++)
        ret[n++] = (char)(word.p[i] >= 'a' && word.p[i] <= 'z' ? word.p[i] - 'a' + 'A' : word.p[i]);
    ret[n] = '\0';
    if (strcmp(ret, "UID") != 0 || !av_imap_take_char(&left, ' ') || !av_imap_take_atom(&left, &word) ||
        word.n >= NAME_MAX_BYTES / 2)
        return true;
    ret[n++] = ' ';
    for (size_t i = 0; i < word.n; i++)
        ret[n++] = (char)(word.p[i] >= 'a' && word.p[i] <= 'z' ? word.p[i] - 'a' + 'A' : word.p[i]);
    ret[n] = '\0';
    *in = left;
    return true;
}

static const av_imap_row *
find_row(const av_imap_row *rows, const char *name)
{
    for (; rows->name != NULL; rows++) {
        if (strcmp(rows->name, name) == 0)
            return rows;
    }
    return NULL;
}

static bool
take_arg(av_imap_command *self, av_imap_arg kind, av_span *in)
{
    av_span *arg = &self->args[self->arg_count];

    switch (kind) {
    case AV_IMAP_ARG_ATOM:
        return av_imap_take_atom(in, arg);
    case AV_IMAP_ARG_STRING:
        return av_imap_take_astring(in, &self->text, arg);
    case AV_IMAP_ARG_SET:
        return self->set == NULL && av_imap_take_seqset(in, &self->set, &self->set_count);
    case AV_IMAP_ARG_LIST:
        return av_imap_take_list(in, arg);
    case AV_IMAP_ARG_REST:
        *arg = *in;
        *in = av_span_skip(*in, in->n);
        return arg->n > 0;
    case AV_IMAP_ARG_NONE:
        break;
    }
    return false;
}

static av_errc
take_args(av_imap_command *self, av_span in, av_error *err)
{
    size_t i = 0;

    for (; i < AV_IMAP_ARGS_MAX && self->row->args[i] != AV_IMAP_ARG_NONE && in.n > 0; i++) {
        if (!av_imap_take_char(&in, ' ') || !take_arg(self, self->row->args[i], &in))
            return av_error_set(err, AV_ERR_SYNTAX, "%s: argument %zu is not well formed", self->row->name, i + 1);
        self->arg_count += self->row->args[i] != AV_IMAP_ARG_SET;
    }
    if (in.n > 0)
        return av_error_set(err, AV_ERR_SYNTAX, "%s: too many arguments", self->row->name);
    if (i < self->row->min_args)
        return av_error_set(err, AV_ERR_SYNTAX, "%s: an argument is missing", self->row->name);
    return AV_OK;
}

static av_errc
check_state(const av_imap_row *row, unsigned state, av_error *err)
{
    if ((row->states & state) != 0)
        return AV_OK;
    return av_error_set(err, AV_ERR_INVALID, "%s: %s", row->name,
        state == AV_IMAP_NOT_AUTH         ? "please log in first"
        : row->states == AV_IMAP_NOT_AUTH ? "you are logged in already"
                                          : "select a mailbox first");
}

av_errc
av_imap_command_parse(av_span line, const av_imap_row *rows, unsigned state, av_imap_command *ret, av_error *err)
{
    char name[NAME_MAX_BYTES];
    av_errc rc;

    *ret = (av_imap_command){ 0 };
    if (!av_imap_take_tag(&line, &ret->tag) || !av_imap_take_char(&line, ' ')) {
        ret->tag = av_span_of(NULL, 0);
        return av_error_set(err, AV_ERR_SYNTAX, "a command begins with a tag, a blank and its name");
    }
    if (!take_name(&line, name))
        return av_error_set(err, AV_ERR_SYNTAX, "the name of a command is missing");
    ret->row = find_row(rows, name);
    if (ret->row == NULL)
        return av_error_set(err, AV_ERR_UNSUPPORTED, "unknown command %s", name);
    rc = check_state(ret->row, state, err);
    if (rc != AV_OK)
        return rc;
    av_buf_init(&ret->text, line.n + 1);
    (void)av_buf_reserve(&ret->text, line.n + 1); /* spans into it stay good */
    return take_args(ret, line, err);
}

void
av_imap_command_peek(av_span line, const av_imap_row *rows, av_imap_command *ret)
{
    char name[NAME_MAX_BYTES];

    *ret = (av_imap_command){ 0 };
    if (!av_imap_take_tag(&line, &ret->tag) || !av_imap_take_char(&line, ' '))
        ret->tag = av_span_of(NULL, 0);
    else if (take_name(&line, name))
        ret->row = find_row(rows, name);
}

void
av_imap_command_release(av_imap_command *self)
{
    free(self->set);
    av_buf_release_secret(&self->text);
    *self = (av_imap_command){ 0 };
}
