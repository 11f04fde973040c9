/*
 * imap_check.h - is this a well-formed IMAP value: lists, strings, literals, numbers, NIL (RFC 9051, 9)
 */
#ifndef AV_TESTS_IMAP_CHECK_H
#define AV_TESTS_IMAP_CHECK_H

#include "base/span.h"

/* Offset behind the atom, number, quoted string or literal at `at`; 0 when it is none. */
static inline size_t
imap_check_string(av_span s, size_t at)
{
    size_t n = 0;

    if (s.p[at] == '"') {
        for (at++; at < s.n && s.p[at] != '"'; at++) {
            if (s.p[at] == '\\' && (++at == s.n || (s.p[at] != '"' && s.p[at] != '\\')))
                return 0;
            if (s.p[at] < ' ' || s.p[at] > '~')
                return 0;
        }
        return at < s.n ? at + 1 : 0;
    }
    if (s.p[at] == '{') {
        for (at++; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++)
            n = n * 10 + (size_t)(s.p[at] - '0');
        if (s.n - at < 3 || memcmp(s.p + at, "}\r\n", 3) != 0 || s.n - at - 3 < n || memchr(s.p + at + 3, 0, n) != NULL)
            return 0;
        return at + 3 + n;
    }
    if (s.n - at >= 3 && memcmp(s.p + at, "NIL", 3) == 0)
        return at + 3;
    while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
        n++;
    return n == 0 ? 0 : at + n;
}

/* s is one parenthesised list, whole; no list in it is empty, all values are parted by one blank (or are lists). */
static inline bool
imap_check_list(av_span s)
{
    enum { OPEN, BLANK, LIST, VALUE } before = BLANK;
    size_t depth = 0, at = 0;

    while (at < s.n && (depth > 0 || at == 0)) {
        uint8_t c = s.p[at];

        if (c == '(' && before != VALUE) {
            depth++;
            at++;
            before = OPEN;
        } else if (c == ')' && (before == LIST || before == VALUE) && depth > 0) {
            depth--;
            at++;
            before = LIST;
        } else if (c == ' ' && (before == LIST || before == VALUE)) {
            at++;
            before = BLANK;
        } else if (depth > 0 && (before == OPEN || before == BLANK)) {
            at = imap_check_string(s, at);
            before = VALUE;
            if (at == 0)
                return false;
        } else {
            return false;
        }
    }
    return at > 0 && at == s.n && depth == 0;
}

#endif
