/*
 * search_answer_more.c - threads in parentheses, and what SAVE keeps of an answer (search_answer.h)
 */
#include "gateway/imap/search_answer_priv.h"

/* ---- THREAD (RFC 5256, 4) ---- */

static void
push(av_imap_answer *self, uint32_t children)
{
    if (self->depth == self->open_cap) {
        self->open_cap = self->open_cap == 0 ? 32 : self->open_cap * 2;
        self->open = av_xrealloc(self->open, self->open_cap * sizeof *self->open);
    }
    self->open[self->depth++] = children;
}

/* The message written last has no answers: close its list, and those around it that are complete. */
static void
close_lists(av_imap_answer *self, av_buf *out)
{
    (void)av_buf_putc(out, ')');
    while (self->depth > 0 && --self->open[self->depth - 1] == 0) {
        self->depth--;
        (void)av_buf_putc(out, ')');
    }
}

/*
 * A message stands behind its only forefather in the same list; several answers to one are lists of their own:
 * "(1 2 (3)(4 5))". `left` are the answers to the message before.
 */
bool
av_imap_answer_threads(av_imap_answer *self, av_buf *out, size_t most)
{
    uint32_t uid, children, number;

    while (out->n < most && av_uid_list_take_node(&self->list, &self->rest, &uid, &children)) {
        bool follows = self->left == 1;

        number = uid == 0 || self->by_uid ? uid : av_imap_uids_seq(self->uids, uid);
        if (!self->wrote) /* behind "* THREAD" */
            (void)av_buf_putc(out, ' ');
        if (self->left > 1)
            push(self, self->left);
        if (!follows)
            (void)av_buf_putc(out, '(');
        if (number != 0)
            (void)av_buf_printf(out, follows && !self->bare ? " %u" : "%u", number);
        self->bare = number == 0;
        if (children > 1 && !self->bare)
            (void)av_buf_putc(out, ' ');
        self->wrote = true;
        self->left = children;
        if (children == 0)
            close_lists(self, out);
    }
    return self->rest.n == 0;
}

/* ---- SAVE ---- */

typedef struct saving {
    const av_imap_answer *answer;
    av_query_range *ranges;
    size_t n, cap;
} saving;

static void
save(saving *self, av_query_range numbers)
{
    const av_imap_answer *a = self->answer;

    if (numbers.first == 0)
        return;
    if (self->n == self->cap) {
        self->cap = self->cap == 0 ? 16 : self->cap + self->cap / 2;
        self->ranges = av_xrealloc(self->ranges, self->cap * sizeof *self->ranges);
    }
    self->ranges[self->n].first = a->by_uid ? numbers.first : av_imap_uids_uid(a->uids, numbers.first);
    self->ranges[self->n++].last = a->by_uid ? numbers.last : av_imap_uids_uid(a->uids, numbers.last);
}

static int
by_first(const void *a, const void *b)
{
    uint32_t x = ((const av_query_range *)a)->first, y = ((const av_query_range *)b)->first;

    return x < y ? -1 : x > y;
}

/* In order; those that meet or overlap become one. */
static void
join(saving *self)
{
    size_t used = 0;

    if (self->n == 0)
        return;
    qsort(self->ranges, self->n, sizeof *self->ranges, by_first);
    for (size_t i = 1; i < self->n; i++) {
        if (self->ranges[i].first <= self->ranges[used].last + 1)
            self->ranges[used].last = AV_MAX(self->ranges[used].last, self->ranges[i].last);
        else
            self->ranges[++used] = self->ranges[i];
    }
    self->n = used + 1;
}

static void
save_elements(saving *self, uint64_t from, uint64_t to)
{
    av_imap_answer walk = *self->answer; /* its bytes are borrowed, and only read */
    av_query_range next;

    av_imap_answer_rewind(&walk);
    while (walk.at < to && av_imap_answer_next(&walk, &next)) {
        uint64_t begin = walk.at;

        walk.at += (uint64_t)next.last - next.first + 1;
        if (walk.at <= from)
            continue;
        if (begin < from)
            next.first += (uint32_t)(from - begin);
        if (walk.at > to)
            next.last -= (uint32_t)(walk.at - to);
        save(self, next);
    }
}

void
av_imap_answer_saved(const av_imap_answer *self, av_query_range **ret, size_t *ret_n)
{
    const unsigned ends = AV_IMAP_RETURN_MIN | AV_IMAP_RETURN_MAX, what = self->returns.options;
    saving s = { .answer = self };

    if ((what & AV_IMAP_RETURN_COUNT) != 0 || (what & (ends | AV_IMAP_RETURN_PARTIAL)) == 0 ||
        (what & AV_IMAP_RETURN_ALL) != 0) {
        save_elements(&s, 0, self->count);
    } else {
        if ((what & AV_IMAP_RETURN_PARTIAL) != 0)
            save_elements(&s, self->from, self->to);
        if ((what & AV_IMAP_RETURN_MIN) != 0)
            save(&s, (av_query_range){ self->first, self->first });
        if ((what & AV_IMAP_RETURN_MAX) != 0)
            save(&s, (av_query_range){ self->last, self->last });
    }
    join(&s);
    *ret = s.ranges == NULL ? av_xcalloc(1, sizeof **ret) : s.ranges;
    *ret_n = s.n;
}
