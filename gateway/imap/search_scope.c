/*
 * search_scope.c - see search_scope.h
 */
#include "gateway/imap/search_scope.h"

#include "gateway/imap/grammar.h"
#include "gateway/imap/mailbox_name.h"

#define NAMES_MAX 65536

static const struct {
    const char *word;
    av_imap_scope_kind kind;
    bool named;
} words[] = {
    { "selected", AV_IMAP_SCOPE_SELECTED, false },
    { "selected-delayed", AV_IMAP_SCOPE_SELECTED, false },
    { "inboxes", AV_IMAP_SCOPE_INBOX, false },
    { "personal", AV_IMAP_SCOPE_ALL, false },
    { "subscribed", AV_IMAP_SCOPE_ALL, false },
    { "subtree-one", AV_IMAP_SCOPE_SUBTREE_ONE, true },
    { "subtree", AV_IMAP_SCOPE_SUBTREE, true },
    { "mailboxes", AV_IMAP_SCOPE_MAILBOX, true },
};

void
av_imap_scope_release(av_imap_scope *self)
{
    av_buf_release(&self->names);
}

static bool
add(av_imap_scope *self, av_imap_scope_kind kind, size_t at)
{
    if (self->n == AV_IMAP_SCOPES_MAX)
        return false;
    self->parts[self->n].kind = kind;
    self->parts[self->n].at = at;
    self->parts[self->n++].n = self->names.n - at;
    return true;
}

static av_errc
too_many(av_error *err)
{
    return av_error_set(err, AV_ERR_LIMIT, "ESEARCH takes %d mailboxes at most", AV_IMAP_SCOPES_MAX);
}

/* A name nobody can have means no mailbox, which is no error (RFC 7377, 2.2). */
static av_errc
take_name(av_imap_scope *self, av_imap_scope_kind kind, av_span *in, av_buf *text, av_error *err)
{
    size_t at = self->names.n;
    av_span wire;

    if (!av_imap_take_astring(in, text, &wire))
        return av_error_set(err, AV_ERR_SYNTAX, "ESEARCH: the name of a mailbox is missing");
    if (!av_imap_name_decode(wire, self->utf8, &self->names)) {
        if (self->names.full)
            return too_many(err);
        self->names.n = at;
        return AV_OK;
    }
    return add(self, kind, at) ? AV_OK : too_many(err);
}

static av_errc
take_names(av_imap_scope *self, av_imap_scope_kind kind, av_span *in, av_buf *text, av_error *err)
{
    av_errc rc;

    if (!av_imap_take_char(in, '('))
        return take_name(self, kind, in, text, err);
    do
        rc = take_name(self, kind, in, text, err);
    while (rc == AV_OK && av_imap_take_char(in, ' '));
    if (rc == AV_OK && !av_imap_take_char(in, ')'))
        return av_error_set(err, AV_ERR_SYNTAX, "ESEARCH: a list of mailboxes does not end");
    return rc;
}

static av_errc
take_part(av_imap_scope *self, av_span *in, av_buf *text, av_error *err)
{
    for (size_t i = 0; i < AV_COUNT(words); i++) {
        if (!av_imap_take_keyword(in, words[i].word))
            continue;
        if (!words[i].named)
            return add(self, words[i].kind, self->names.n) ? AV_OK : too_many(err);
        if (!av_imap_take_char(in, ' '))
            break;
        return take_names(self, words[i].kind, in, text, err);
    }
    return av_error_set(err, AV_ERR_SYNTAX,
        "ESEARCH: IN takes selected, inboxes, personal, subscribed, or subtree, subtree-one, mailboxes with names");
}

av_errc
av_imap_take_scope(av_span *in, bool utf8, av_imap_scope *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_span left = *in;
    av_errc rc;

    ret->n = 0;
    ret->utf8 = utf8;
    av_buf_init(&ret->names, NAMES_MAX);
    av_buf_init(&text, in->n + 1);
    (void)av_buf_reserve(&text, in->n + 1);
    if (!av_imap_take_keyword(&left, "IN")) {
        (void)add(ret, AV_IMAP_SCOPE_SELECTED, 0);
        return AV_OK;
    }
    if (!av_imap_take_char(&left, ' ') || !av_imap_take_char(&left, '('))
        return av_error_set(err, AV_ERR_SYNTAX, "ESEARCH: IN takes a list");
    do
        rc = take_part(ret, &left, &text, err);
    while (rc == AV_OK && av_imap_take_char(&left, ' '));
    if (rc == AV_OK && (!av_imap_take_char(&left, ')') || !av_imap_take_char(&left, ' ')))
        return av_error_set(err, AV_ERR_SYNTAX, "ESEARCH: IN takes a list, then come RETURN or the keys");
    if (rc == AV_OK)
        *in = left;
    return rc;
}

/* path is below name; *ret_deep: not right below. */
static bool
is_below(av_span path, av_span name, bool *ret_deep)
{
    if (path.n <= name.n || path.p[name.n] != '/' || !av_span_eq(av_span_slice(path, 0, name.n), name))
        return false;
    path = av_span_skip(path, name.n + 1);
    *ret_deep = av_span_find(path, '/') < path.n;
    return true;
}

static bool
is_same(av_span path, av_span name)
{
    return av_span_eq(path, name) || (av_imap_name_is_inbox(path) && av_imap_name_is_inbox(name));
}

bool
av_imap_scope_has(const av_imap_scope *self, av_span path, av_span selected)
{
    for (size_t i = 0; i < self->n; i++) {
        av_span name =
            av_span_slice(av_buf_span(&self->names), self->parts[i].at, self->parts[i].at + self->parts[i].n);
        bool deep = false;

        switch (self->parts[i].kind) {
        case AV_IMAP_SCOPE_SELECTED:
            if (selected.n > 0 && is_same(path, selected))
                return true;
            break;
        case AV_IMAP_SCOPE_INBOX:
            if (av_imap_name_is_inbox(path))
                return true;
            break;
        case AV_IMAP_SCOPE_ALL:
            return true;
        case AV_IMAP_SCOPE_MAILBOX:
            if (is_same(path, name))
                return true;
            break;
        case AV_IMAP_SCOPE_SUBTREE:
        case AV_IMAP_SCOPE_SUBTREE_ONE:
            if (is_same(path, name) ||
                (is_below(path, name, &deep) && (!deep || self->parts[i].kind == AV_IMAP_SCOPE_SUBTREE)))
                return true;
            break;
        }
    }
    return false;
}

bool
av_imap_scope_is_selected(const av_imap_scope *self)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->parts[i].kind != AV_IMAP_SCOPE_SELECTED)
            return false;
    return true;
}
