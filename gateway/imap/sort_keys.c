/*
 * sort_keys.c - see sort_keys.h
 */
#include "gateway/imap/sort_keys.h"

#include "gateway/imap/grammar.h"

static const struct {
    const char *name;
    Archivolt__SortField field;
} fields[] = {
    { "ARRIVAL", ARCHIVOLT__SORT_FIELD__SORT_FIELD_ARRIVAL },
    { "CC", ARCHIVOLT__SORT_FIELD__SORT_FIELD_CC },
    { "DATE", ARCHIVOLT__SORT_FIELD__SORT_FIELD_DATE },
    { "FROM", ARCHIVOLT__SORT_FIELD__SORT_FIELD_FROM },
    { "SIZE", ARCHIVOLT__SORT_FIELD__SORT_FIELD_SIZE },
    { "SUBJECT", ARCHIVOLT__SORT_FIELD__SORT_FIELD_SUBJECT },
    { "TO", ARCHIVOLT__SORT_FIELD__SORT_FIELD_TO },
    { "DISPLAYFROM", ARCHIVOLT__SORT_FIELD__SORT_FIELD_DISPLAYFROM }, /* RFC 5957 */
    { "DISPLAYTO", ARCHIVOLT__SORT_FIELD__SORT_FIELD_DISPLAYTO },
};

static bool
take_key(av_span *in, Archivolt__SortKey *ret)
{
    archivolt__sort_key__init(ret);
    if (av_imap_take_keyword(in, "REVERSE")) {
        ret->has_reverse = ret->reverse = 1;
        if (!av_imap_take_char(in, ' '))
            return false;
    }
    for (size_t i = 0; i < AV_COUNT(fields); i++)
        if (av_imap_take_keyword(in, fields[i].name)) {
            ret->field = fields[i].field;
            return true;
        }
    return false;
}

av_errc
av_imap_take_sort_keys(av_span *in, Archivolt__SortKey *ret, size_t max, size_t *ret_n, av_error *err)
{
    av_span left = *in;
    bool ok = av_imap_take_char(&left, '(');
    size_t n = 0;

    while (ok) {
        if (n == max)
            return av_error_set(err, AV_ERR_LIMIT, "SORT takes %zu criteria at most", max);
        ok = take_key(&left, &ret[n++]);
        if (!ok || !av_imap_take_char(&left, ' '))
            break;
    }
    if (!ok || !av_imap_take_char(&left, ')'))
        return av_error_set(err, AV_ERR_SYNTAX,
            "SORT takes a list of ARRIVAL CC DATE FROM SIZE SUBJECT TO DISPLAYFROM DISPLAYTO, each perhaps behind "
            "REVERSE");
    *in = left;
    *ret_n = n;
    return AV_OK;
}

av_errc
av_imap_take_thread_algorithm(av_span *in, Archivolt__ThreadAlgorithm *ret, av_error *err)
{
    if (av_imap_take_keyword(in, "REFERENCES"))
        *ret = ARCHIVOLT__THREAD_ALGORITHM__THREAD_ALGORITHM_REFERENCES;
    else if (av_imap_take_keyword(in, "ORDEREDSUBJECT"))
        *ret = ARCHIVOLT__THREAD_ALGORITHM__THREAD_ALGORITHM_ORDEREDSUBJECT;
    else
        return av_error_set(err, AV_ERR_SYNTAX, "THREAD takes REFERENCES or ORDEREDSUBJECT");
    return AV_OK;
}
