/*
 * search_answer.c - see search_answer.h
 *
 *   head: "* ESEARCH (TAG "a") UID MIN 1 COUNT 2 ALL"    list: " 1:2,7"    tail: CRLF
 */
#include "gateway/imap/search_answer.h"

#include "gateway/imap/search_answer_priv.h"
#include "storage/index/uid_wire.h"

enum { STAGE_HEAD, STAGE_LIST, STAGE_TAIL, STAGE_END };
#define BYTES_MAX ((size_t)64 << 20)

void
av_imap_answer_release(av_imap_answer *self)
{
    av_buf_release(&self->bytes);
    free(self->open);
    self->open = NULL;
}

/* ---- elements ---- */

static uint32_t
number_of(const av_imap_answer *self, uint32_t uid)
{
    return self->by_uid ? uid : av_imap_uids_seq(self->uids, uid);
}

bool
av_imap_answer_next(av_imap_answer *self, av_query_range *ret)
{
    av_query_range uids;

    if (self->kind == AV_IMAP_ANSWER_SORT) {
        if (!av_uid_list_take(&self->list, &self->rest, &uids.first))
            return false;
        uids.last = uids.first;
    } else {
        if (!av_uid_wire_take(&self->rest, self->list.last, &uids))
            return false;
        self->list.last = uids.last;
    }
    ret->first = number_of(self, uids.first);
    ret->last = self->by_uid ? uids.last : ret->first + (uids.last - uids.first);
    return true;
}

void
av_imap_answer_rewind(av_imap_answer *self)
{
    self->rest = av_buf_span(&self->bytes);
    self->list = (av_uid_list){ 0 };
    self->at = 0;
}

/* ---- from a reply ---- */

static av_errc
senseless(av_error *err)
{
    return av_error_set(err, AV_ERR_CORRUPT, "the instance's answer to a search makes no sense");
}

/* A store that was away came back. */
static av_errc
unknown(av_error *err)
{
    return av_error_set(err, AV_ERR_UNAVAILABLE, "the mailbox has changed: select it again");
}

/* The client does not know it: it came later, or was told to be gone. */
static bool
is_unknown(const av_imap_answer *self, av_query_range uids)
{
    uint32_t a, b;

    if (self->uids == NULL)
        return false;
    a = av_imap_uids_seq(self->uids, uids.first);
    b = av_imap_uids_seq(self->uids, uids.last);
    return a == 0 || b == 0 || b - a != uids.last - uids.first;
}

/* Walk over it all once: is it well-formed, what are its ends? */
static av_errc
survey(av_imap_answer *self, av_error *err)
{
    av_span rest = av_buf_span(&self->bytes);
    av_uid_list list = { 0 };
    av_query_range uids;
    uint64_t count = 0;

    while (rest.n > 0) {
        if (self->kind == AV_IMAP_ANSWER_SORT) {
            if (!av_uid_list_take(&list, &rest, &uids.first))
                return senseless(err);
            uids.last = uids.first;
        } else {
            if (!av_uid_wire_take(&rest, list.last, &uids))
                return senseless(err);
            list.last = uids.last;
        }
        if (is_unknown(self, uids))
            return unknown(err);
        if (count == 0)
            self->first = number_of(self, uids.first);
        self->last = number_of(self, uids.last);
        count += (uint64_t)uids.last - uids.first + 1;
    }
    return count == self->count ? AV_OK : senseless(err);
}

/* The same for threads: every message counted, every branch with its end. */
static av_errc
survey_threads(const av_imap_answer *self, av_error *err)
{
    av_span rest = av_buf_span(&self->bytes);
    av_uid_list list = { 0 };
    uint32_t uid, children;
    uint64_t open = 0, count = 0;

    while (rest.n > 0) {
        if (!av_uid_list_take_node(&list, &rest, &uid, &children))
            return senseless(err);
        if (uid != 0 && is_unknown(self, (av_query_range){ uid, uid }))
            return unknown(err);
        count += uid != 0;
        open = open == 0 ? children : open - 1 + children;
    }
    return open == 0 && count == self->count ? AV_OK : senseless(err);
}

/* RFC 7162, 3.1.6 and RFC 4731, 3.2: of the lowest, of the highest, or of all. */
static uint64_t
modseq_of(const av_imap_answer *self, const Archivolt__SearchMailboxReply *reply)
{
    unsigned what = self->returns.options & ~(unsigned)AV_IMAP_RETURN_SAVE;

    if (self->extended && what == AV_IMAP_RETURN_MIN)
        return reply->modseq_first;
    if (self->extended && what == AV_IMAP_RETURN_MAX)
        return reply->modseq_last;
    if (self->extended && what == (AV_IMAP_RETURN_MIN | AV_IMAP_RETURN_MAX))
        return AV_MAX(reply->modseq_first, reply->modseq_last);
    return reply->modseq_highest;
}

static void
set_part(av_imap_answer *self)
{
    const av_imap_return *r = &self->returns;
    uint64_t n = self->count;

    self->from = 0;
    self->to = n;
    if (!self->extended || (r->options & AV_IMAP_RETURN_PARTIAL) == 0)
        return;
    self->from = r->from_end ? n - AV_MIN(n, r->last) : AV_MIN(n, r->first - 1U);
    self->to = r->from_end ? n - AV_MIN(n, r->first - 1U) : AV_MIN(n, r->last);
}

av_errc
av_imap_answer_take(av_imap_answer *self, const Archivolt__SearchMailboxReply *reply, av_error *err)
{
    const ProtobufCBinaryData *from;
    av_errc rc;

    av_buf_release(&self->bytes);
    av_buf_init(&self->bytes, BYTES_MAX);
    self->count = self->modseq = self->first = self->last = self->stage = self->uidvalidity = 0;
    self->depth = 0;
    self->left = 0;
    self->wrote = false;
    self->run = (av_query_range){ 0, 0 };
    if (reply != NULL) {
        from = self->kind == AV_IMAP_ANSWER_SEARCH ? &reply->uids
               : self->kind == AV_IMAP_ANSWER_SORT ? &reply->sorted
                                                   : &reply->threads;
        self->count = reply->count;
        self->uidvalidity = reply->uidvalidity;
        self->modseq = modseq_of(self, reply);
        if (!av_buf_append(&self->bytes, from->data, from->len))
            return senseless(err);
        rc = self->kind == AV_IMAP_ANSWER_THREAD ? survey_threads(self, err) : survey(self, err);
        if (rc != AV_OK)
            return rc;
    }
    set_part(self);
    av_imap_answer_rewind(self);
    return AV_OK;
}

/* ---- writing ---- */

static void
put_head(const av_imap_answer *self, av_buf *out)
{
    static const char *const names[] = { "* SEARCH", "* SORT", "* THREAD" };
    unsigned what = self->returns.options;

    if (!self->extended) {
        (void)av_buf_puts(out, names[self->kind]);
        return;
    }
    (void)av_buf_printf(out, "* ESEARCH (TAG \"%s\"", self->tag);
    if (self->mailbox.n > 0) {
        (void)av_buf_puts(out, " MAILBOX ");
        (void)av_buf_append_span(out, self->mailbox);
        (void)av_buf_printf(out, " UIDVALIDITY %u", self->uidvalidity);
    }
    (void)av_buf_puts(out, self->by_uid ? ") UID" : ")");
    if ((what & AV_IMAP_RETURN_MIN) != 0 && self->count > 0)
        (void)av_buf_printf(out, " MIN %u", self->first);
    if ((what & AV_IMAP_RETURN_MAX) != 0 && self->count > 0)
        (void)av_buf_printf(out, " MAX %u", self->last);
    if ((what & AV_IMAP_RETURN_COUNT) != 0)
        (void)av_buf_printf(out, " COUNT %llu", (unsigned long long)self->count);
    if (self->tell_modseq && self->count > 0)
        (void)av_buf_printf(out, " MODSEQ %llu", (unsigned long long)self->modseq);
    if ((what & AV_IMAP_RETURN_ALL) != 0 && self->count > 0)
        (void)av_buf_puts(out, " ALL ");
    if ((what & AV_IMAP_RETURN_PARTIAL) != 0)
        (void)av_buf_printf(out, " PARTIAL (%s%u:%s%u %s", self->returns.from_end ? "-" : "", self->returns.first,
            self->returns.from_end ? "-" : "", self->returns.last, self->from == self->to ? "NIL" : "");
}

static void
put_run(av_imap_answer *self, av_buf *out)
{
    if (self->run.first == 0)
        return;
    (void)av_buf_printf(out, self->wrote ? ",%u" : "%u", self->run.first);
    if (self->run.last > self->run.first)
        (void)av_buf_printf(out, ":%u", self->run.last);
    self->wrote = true;
}

/* As a sequence set: neighbours become one range, also where the UIDs between are gone. true: the end. */
static bool
put_set(av_imap_answer *self, av_buf *out, size_t most)
{
    av_query_range next;

    while (out->n < most && self->at < self->to && av_imap_answer_next(self, &next)) {
        uint64_t n = (uint64_t)next.last - next.first + 1, begin = self->at;

        self->at += n;
        if (begin + n <= self->from)
            continue;
        if (begin < self->from)
            next.first += (uint32_t)(self->from - begin);
        if (self->at > self->to)
            next.last -= (uint32_t)(self->at - self->to);
        if (self->run.first != 0 && next.first == self->run.last + 1) {
            self->run.last = next.last;
            continue;
        }
        put_run(self, out);
        self->run = next;
    }
    if (self->at < self->to && self->rest.n > 0)
        return false;
    put_run(self, out);
    return true;
}

/* One by one. */
static bool
put_numbers(av_imap_answer *self, av_buf *out, size_t most)
{
    while (out->n < most) {
        if (self->run.first == 0 && !av_imap_answer_next(self, &self->run))
            return true;
        for (; out->n < most && self->run.first <= self->run.last; self->run.first++)
            (void)av_buf_printf(out, " %u", self->run.first);
        if (self->run.first > self->run.last)
            self->run = (av_query_range){ 0, 0 };
    }
    return false;
}

static bool
put_list(av_imap_answer *self, av_buf *out, size_t most)
{
    if (self->kind == AV_IMAP_ANSWER_THREAD)
        return av_imap_answer_threads(self, out, most);
    if (!self->extended)
        return put_numbers(self, out, most);
    if ((self->returns.options & (AV_IMAP_RETURN_ALL | AV_IMAP_RETURN_PARTIAL)) == 0)
        return true;
    return put_set(self, out, most);
}

bool
av_imap_answer_write(av_imap_answer *self, av_buf *out, size_t most)
{
    size_t end = out->n + most;

    if (self->stage == STAGE_HEAD) {
        if (self->extended && self->returns.options == AV_IMAP_RETURN_SAVE) { /* RFC 5182, 2.1: nothing is told */
            self->stage = STAGE_END;
            return true;
        }
        put_head(self, out);
        self->stage = STAGE_LIST;
    }
    if (self->stage == STAGE_LIST && put_list(self, out, end))
        self->stage = STAGE_TAIL;
    if (self->stage == STAGE_TAIL) {
        if (self->extended && (self->returns.options & AV_IMAP_RETURN_PARTIAL) != 0)
            (void)av_buf_putc(out, ')');
        if (!self->extended && self->tell_modseq && self->count > 0 && self->kind != AV_IMAP_ANSWER_THREAD)
            (void)av_buf_printf(out, " (MODSEQ %llu)", (unsigned long long)self->modseq);
        (void)av_buf_puts(out, "\r\n");
        self->stage = STAGE_END;
    }
    return self->stage == STAGE_END;
}
