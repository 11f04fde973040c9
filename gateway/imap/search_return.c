/*
 * search_return.c - see search_return.h
 */
#include "gateway/imap/search_return.h"

#include "gateway/imap/grammar.h"

static const struct {
    const char *name;
    unsigned option;
} options[] = {
    { "MIN", AV_IMAP_RETURN_MIN },
    { "MAX", AV_IMAP_RETURN_MAX },
    { "ALL", AV_IMAP_RETURN_ALL },
    { "COUNT", AV_IMAP_RETURN_COUNT },
    { "SAVE", AV_IMAP_RETURN_SAVE },
    { "PARTIAL", AV_IMAP_RETURN_PARTIAL },
};

/* nz-number, with a minus sign if that is how it must be. */
static bool
take_end(av_span *in, bool minus, uint32_t *ret)
{
    return (!minus || av_imap_take_char(in, '-')) && av_imap_take_number(in, ret) && *ret != 0;
}

bool
av_imap_take_partial(av_span *in, av_imap_return *ret)
{
    av_span left = *in;
    bool minus = left.n > 0 && left.p[0] == '-';
    uint32_t a, b;

    if (!take_end(&left, minus, &a) || !av_imap_take_char(&left, ':') || !take_end(&left, minus, &b))
        return false;
    ret->from_end = minus;
    ret->first = AV_MIN(a, b);
    ret->last = AV_MAX(a, b);
    *in = left;
    return true;
}

static bool
take_option(av_span *in, av_imap_return *ret)
{
    for (size_t i = 0; i < AV_COUNT(options); i++) {
        if (!av_imap_take_keyword(in, options[i].name))
            continue;
        ret->options |= options[i].option;
        return options[i].option != AV_IMAP_RETURN_PARTIAL ||
               (av_imap_take_char(in, ' ') && av_imap_take_partial(in, ret));
    }
    return false;
}

av_errc
av_imap_take_return(av_span *in, av_imap_return *ret, av_error *err)
{
    av_span left = *in;
    bool ok;

    *ret = (av_imap_return){ 0 };
    if (!av_imap_take_keyword(&left, "RETURN"))
        return AV_OK;
    ret->given = true;
    ok = av_imap_take_char(&left, ' ') && av_imap_take_char(&left, '(');
    if (ok && !av_imap_take_char(&left, ')')) {
        do
            ok = take_option(&left, ret);
        while (ok && av_imap_take_char(&left, ' '));
        ok = ok && av_imap_take_char(&left, ')');
    }
    if (!ok || !av_imap_take_char(&left, ' '))
        return av_error_set(err, AV_ERR_SYNTAX,
            "RETURN takes a list of MIN, MAX, ALL, COUNT, SAVE and PARTIAL n:m, then come the keys");
    if ((ret->options & (AV_IMAP_RETURN_ALL | AV_IMAP_RETURN_PARTIAL)) ==
        (AV_IMAP_RETURN_ALL | AV_IMAP_RETURN_PARTIAL)) /* RFC 9394, 3.1 */
        return av_error_set(err, AV_ERR_SYNTAX, "RETURN takes ALL or PARTIAL, not both");
    if (ret->options == 0)
        ret->options = AV_IMAP_RETURN_ALL;
    *in = left;
    return AV_OK;
}
