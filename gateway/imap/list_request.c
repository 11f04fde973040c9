/*
 * list_request.c - see list_request.h
 */
#include "gateway/imap/list_request.h"

#include "gateway/imap/grammar.h"
#include "gateway/imap/mailbox_name.h"
#include "gateway/imap/status_items.h"

typedef struct option {
    const char *name;
    unsigned bit;
} option;

static const option select_options[] = {
    { "SUBSCRIBED", AV_IMAP_LIST_SUBSCRIBED },    /* RFC 5258, 3.1 */
    { "REMOTE", AV_IMAP_LIST_REMOTE },            /* RFC 5258, 3.1 */
    { "RECURSIVEMATCH", AV_IMAP_LIST_RECURSIVE }, /* RFC 5258, 3.1 */
    { "SPECIAL-USE", AV_IMAP_LIST_SPECIAL_USE },  /* RFC 6154, 5.1 */
    { NULL, 0 },
};

static const option return_options[] = {
    { "SUBSCRIBED", AV_IMAP_LIST_SUBSCRIBED },   /* RFC 5258, 3.2 */
    { "CHILDREN", AV_IMAP_LIST_CHILDREN },       /* RFC 5258, 3.2 */
    { "SPECIAL-USE", AV_IMAP_LIST_SPECIAL_USE }, /* RFC 6154, 5.2 */
    { "MYRIGHTS", AV_IMAP_LIST_MYRIGHTS },       /* RFC 8440, 3 */
    { "STATUS", AV_IMAP_LIST_STATUS },           /* RFC 5819, 2 */
    { NULL, 0 },
};

static bool
take_option(const option *options, av_span *in, unsigned *bits)
{
    for (; options->name != NULL; options++) {
        if (av_imap_take_keyword(in, options->name)) {
            *bits |= options->bit;
            return true;
        }
    }
    return false;
}

/* "(" [option *(SP option)] ")"; STATUS has its items behind it. */
static bool
take_options(const option *options, av_span *in, unsigned *bits, unsigned *status)
{
    bool first = true;

    if (!av_imap_take_char(in, '('))
        return false;
    for (; !av_imap_take_char(in, ')'); first = false) {
        unsigned one = 0;

        if ((!first && !av_imap_take_char(in, ' ')) || !take_option(options, in, &one))
            return false;
        if (one == AV_IMAP_LIST_STATUS && (!av_imap_take_char(in, ' ') || !av_imap_status_items_take(in, status)))
            return false;
        *bits |= one;
    }
    return true;
}

/* A pattern that cannot be the name of a mailbox matches none: nothing wrong with asking. */
static av_errc
add_pattern(av_imap_list_request *self, av_span reference, av_span pattern, bool utf8, av_error *err)
{
    av_buf *at = &self->patterns[self->count];

    if (self->count == AV_COUNT(self->patterns))
        return av_error_set(err, AV_ERR_LIMIT, "LIST takes %d patterns at most", AV_IMAP_LIST_PATTERNS_MAX);
    av_buf_init(at, AV_IMAP_PATTERN_MAX);
    if (av_imap_name_decode(reference, utf8, at) && av_imap_name_decode(pattern, utf8, at))
        self->count++;
    else if (at->full || reference.n + pattern.n > AV_IMAP_PATTERN_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "a pattern has %d bytes at most", AV_IMAP_PATTERN_MAX);
    else
        av_buf_release(at);
    return AV_OK;
}

static av_errc
bad_pattern(av_error *err)
{
    return av_error_set(err, AV_ERR_SYNTAX, "LIST takes a reference and a pattern, or patterns in parentheses");
}

/* mbox-or-pat: list-mailbox, or "(" list-mailbox *(SP list-mailbox) ")". */
static av_errc
take_patterns(av_imap_list_request *self, av_span reference, av_span *in, av_buf *text, bool utf8, av_error *err)
{
    av_span pattern;
    bool many = av_imap_take_char(in, '(');
    av_errc rc;

    self->extended = self->extended || many;
    do {
        if (!av_imap_take_list_mailbox(in, text, &pattern))
            return bad_pattern(err);
        self->asks_root = pattern.n == 0;
        rc = add_pattern(self, reference, pattern, utf8, err);
        if (rc != AV_OK)
            return rc;
    } while (many && av_imap_take_char(in, ' '));
    return !many || av_imap_take_char(in, ')') ? AV_OK : bad_pattern(err);
}

static av_errc
take_returns(av_imap_list_request *self, av_span *in, av_error *err)
{
    if (in->n == 0)
        return AV_OK;
    self->extended = true;
    if (!av_imap_take_char(in, ' ') || !av_imap_take_keyword(in, "RETURN") || !av_imap_take_char(in, ' ') ||
        !take_options(return_options, in, &self->ret, &self->status) || in->n > 0)
        return av_error_set(err, AV_ERR_SYNTAX,
            "LIST: behind the pattern comes RETURN and a list of SUBSCRIBED CHILDREN SPECIAL-USE MYRIGHTS STATUS "
            "(...)");
    return AV_OK;
}

av_errc
av_imap_list_request_parse(av_span args, bool utf8, av_imap_list_request *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_span reference;
    av_errc rc;

    memset(ret, 0, sizeof *ret);
    av_buf_init(&text, args.n + 1);
    (void)av_buf_reserve(&text, args.n + 1);
    ret->extended = args.n > 0 && args.p[0] == '(';
    if (ret->extended &&
        (!take_options(select_options, &args, &ret->select, &ret->status) || !av_imap_take_char(&args, ' ')))
        return av_error_set(
            err, AV_ERR_SYNTAX, "LIST: selection options are a list of SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE");
    /* RFC 5258, 6: it modifies a base option, and there is but one. */
    if ((ret->select & (AV_IMAP_LIST_RECURSIVE | AV_IMAP_LIST_SUBSCRIBED)) == AV_IMAP_LIST_RECURSIVE)
        return av_error_set(err, AV_ERR_SYNTAX, "LIST: RECURSIVEMATCH is for use with SUBSCRIBED");
    if (!av_imap_take_astring(&args, &text, &reference) || !av_imap_take_char(&args, ' '))
        return bad_pattern(err);
    rc = take_patterns(ret, reference, &args, &text, utf8, err);
    if (rc == AV_OK)
        rc = take_returns(ret, &args, err);
    ret->asks_root = ret->asks_root && !ret->extended;
    return rc;
}

void
av_imap_list_request_release(av_imap_list_request *self)
{
    for (size_t i = 0; i < AV_COUNT(self->patterns); i++)
        av_buf_release(&self->patterns[i]);
    memset(self, 0, sizeof *self);
}
