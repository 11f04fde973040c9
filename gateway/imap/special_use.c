/*
 * special_use.c - see special_use.h
 */
#include "gateway/imap/special_use.h"

#include "base/buf.h"
#include "base/unicode.h"

#define NAME_MAX_BYTES 1024
#define DEPTH_MAX      2 /* a source in the archive, a folder in it */

/* In the form that letter case folding gives. */
static const struct {
    const char *name, *use;
} names[] = {
    { "sent", "\\Sent" },
    { "sent items", "\\Sent" },    /* Outlook, Exchange */
    { "sent messages", "\\Sent" }, /* Apple */
    { "sent mail", "\\Sent" },     /* Gmail */
    { "sent-mail", "\\Sent" },     /* Pine, Horde */
    { "gesendet", "\\Sent" },      /* GMX, Web.de, Gmail */
    { "gesendete elemente", "\\Sent" },
    { "gesendete objekte", "\\Sent" }, /* T-Online, older Outlook */
    { "gesendete nachrichten", "\\Sent" },
    { "drafts", "\\Drafts" },
    { "draft", "\\Drafts" }, /* Yahoo */
    { "entw\xc3\xbcrfe", "\\Drafts" },
    { "entwurf", "\\Drafts" },
    { "junk", "\\Junk" },
    { "junk e-mail", "\\Junk" }, /* Outlook, Exchange */
    { "junk email", "\\Junk" },
    { "junk mail", "\\Junk" },
    { "junk-e-mail", "\\Junk" }, /* Exchange, German */
    { "spam", "\\Junk" },
    { "bulk mail", "\\Junk" },    /* Yahoo */
    { "spamverdacht", "\\Junk" }, /* GMX, Web.de */
    { "werbung", "\\Junk" },      /* Apple, German */
    { "trash", "\\Trash" },
    { "bin", "\\Trash" },              /* Gmail, British */
    { "deleted items", "\\Trash" },    /* Outlook, Exchange */
    { "deleted messages", "\\Trash" }, /* Apple */
    { "papierkorb", "\\Trash" },
    { "gel\xc3\xb6schte elemente", "\\Trash" },
    { "gel\xc3\xb6schte objekte", "\\Trash" },
    { "archive", "\\Archive" },
    { "archives", "\\Archive" }, /* Thunderbird */
    { "archiv", "\\Archive" },
    { "all mail", "\\Archive" }, /* Gmail */
    { "alle nachrichten", "\\Archive" },
};

/* Servers' own folders around the others. */
static const char *const transparent[] = { "inbox", "posteingang", "[gmail]", "[google mail]" };

static av_span
take_component(av_span *path)
{
    size_t end = av_span_find(*path, '/');
    av_span component = av_span_slice(*path, 0, end);

    *path = av_span_skip(*path, AV_MIN(end + 1, path->n));
    return component;
}

static av_span
last_component(av_span path)
{
    size_t at = path.n;

    while (at > 0 && path.p[at - 1] != '/')
        at--;
    return av_span_skip(path, at);
}

static bool
is_called(av_span name, const char *folded)
{
    AV_CLEANUP(av_buf_release) av_buf x = { 0 };

    av_buf_init(&x, NAME_MAX_BYTES);
    return av_unicode_fold(name, &x) && av_span_eq_str(av_buf_span(&x), folded);
}

static bool
is_transparent(av_span name)
{
    for (size_t i = 0; i < AV_COUNT(transparent); i++) {
        if (is_called(name, transparent[i]))
            return true;
    }
    return false;
}

static bool
same_name(av_span a, av_span b)
{
    AV_CLEANUP(av_buf_release) av_buf y = { 0 };

    av_buf_init(&y, NAME_MAX_BYTES);
    return av_unicode_fold(b, &y) && is_called(a, av_buf_cstr(&y));
}

/* Of a folder's own name alone. */
static const char *
use_of(av_span name)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };

    av_buf_init(&folded, NAME_MAX_BYTES);
    if (!av_unicode_fold(name, &folded))
        return NULL;
    for (size_t i = 0; i < AV_COUNT(names); i++) {
        if (av_span_eq_str(av_buf_span(&folded), names[i].name))
            return names[i].use;
    }
    return NULL;
}

const char *
av_imap_special_use(av_span archive, av_span path)
{
    const char *use = use_of(last_component(path)); /* first: it is that of few */
    av_span first = take_component(&path);
    unsigned depth = 0;

    if (use == NULL || path.n == 0 || archive.n == 0 || !same_name(first, archive))
        return NULL;
    while (path.n > 0) {
        av_span name = take_component(&path);

        if ((path.n == 0 || !is_transparent(name)) && ++depth > DEPTH_MAX)
            return NULL;
    }
    return use;
}
