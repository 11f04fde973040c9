/*
 * select_params.c - see select_params.h
 */
#include "gateway/imap/select_params.h"

#include "gateway/imap/grammar.h"

#define MATCHES_MAX 100000 /* pairs that are looked at: more than any client sends */

static av_errc
bad(av_error *err)
{
    return av_error_set(
        err, AV_ERR_SYNTAX, "behind the name stands (CONDSTORE) or (QRESYNC (uidvalidity modseq [uids] [matches]))");
}

/* Sets of QRESYNC name UIDs and numbers the client has seen: there is no `*` in them. */
static bool
take_set(av_span *in, av_query_range **ret, size_t *ret_n)
{
    if (*ret != NULL || !av_imap_take_seqset(in, ret, ret_n))
        return false;
    for (size_t i = 0; i < *ret_n; i++) {
        if ((*ret)[i].first == UINT32_MAX || (*ret)[i].last == UINT32_MAX)
            return false;
    }
    return true;
}

static bool
take_matches(av_span *in, av_imap_select_params *self)
{
    return take_set(in, &self->match_seqs, &self->match_seqs_n) && av_imap_take_char(in, ' ') &&
           take_set(in, &self->match_uids, &self->match_uids_n) && av_imap_take_char(in, ')');
}

static bool
take_qresync(av_span *in, av_imap_select_params *self)
{
    if (self->qresync || !av_imap_take_char(in, ' ') || !av_imap_take_char(in, '(') ||
        !av_imap_take_number(in, &self->uidvalidity) || self->uidvalidity == 0 || !av_imap_take_char(in, ' ') ||
        !av_imap_take_number64(in, &self->modseq) || self->modseq == 0)
        return false;
    self->qresync = true;
    if (!av_imap_take_char(in, ' '))
        return av_imap_take_char(in, ')');
    if (!av_imap_take_char(in, '(')) {
        self->has_known = take_set(in, &self->known, &self->known_n);
        if (!self->has_known)
            return false;
        if (!av_imap_take_char(in, ' '))
            return av_imap_take_char(in, ')');
        if (!av_imap_take_char(in, '('))
            return false;
    }
    return take_matches(in, self) && av_imap_take_char(in, ')');
}

static bool
take_one(av_span *in, av_imap_select_params *self)
{
    if (av_imap_take_keyword(in, "CONDSTORE")) {
        self->condstore = true;
        return true;
    }
    return av_imap_take_keyword(in, "QRESYNC") && take_qresync(in, self);
}

av_errc
av_imap_select_params_parse(av_span in, av_imap_select_params *ret, av_error *err)
{
    *ret = (av_imap_select_params){ 0 };
    if (!av_imap_take_char(&in, '('))
        return bad(err);
    do {
        if (!take_one(&in, ret))
            return bad(err);
    } while (av_imap_take_char(&in, ' '));
    return av_imap_take_char(&in, ')') && in.n == 0 ? AV_OK : bad(err);
}

void
av_imap_select_params_release(av_imap_select_params *self)
{
    free(self->known);
    free(self->match_seqs);
    free(self->match_uids);
    *self = (av_imap_select_params){ 0 };
}

/* ---- what has gone ---- */

/* A walk over the numbers of a set, in its order. */
typedef struct walk {
    const av_query_range *set;
    size_t n, at;
    uint32_t next; /* 0: the first of set[at] */
} walk;

static uint32_t
step(walk *self)
{
    uint32_t number;

    if (self->at == self->n)
        return 0;
    number = self->next == 0 ? self->set[self->at].first : self->next;
    self->next = number + 1;
    if (number == self->set[self->at].last) {
        self->at++;
        self->next = 0;
    }
    return number;
}

/* The highest UID that still has the number the client knows it by: nothing below it has gone (RFC 7162, 3.2.5.2). */
static uint32_t
matched(const av_imap_select_params *self, const av_imap_uids *uids)
{
    walk seqs = { self->match_seqs, self->match_seqs_n, 0, 0 }, theirs = { self->match_uids, self->match_uids_n, 0, 0 };
    uint32_t best = 0;

    for (unsigned i = 0; i < MATCHES_MAX; i++) {
        uint32_t seq = step(&seqs), uid = step(&theirs);

        if (seq == 0 || uid == 0)
            break;
        if (uid > best && av_imap_uids_uid(uids, seq) == uid)
            best = uid;
    }
    return best;
}

void
av_imap_select_params_vanished(
    const av_imap_select_params *self, const av_imap_uids *uids, uint32_t uidnext, av_query_range **ret, size_t *ret_n)
{
    const av_query_range all = { 1, uidnext > 1 ? uidnext - 1 : 1 };
    uint32_t from = matched(self, uids);
    size_t n = 0;

    av_imap_uids_missing(
        uids, self->has_known ? self->known : &all, self->has_known ? self->known_n : 1, uidnext, ret, ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        if ((*ret)[i].last <= from)
            continue;
        (*ret)[n] = (*ret)[i];
        (*ret)[n].first = AV_MAX((*ret)[n].first, from + 1);
        n++;
    }
    *ret_n = n;
}
