/*
 * threading.c - the forest under both algorithms, and ORDEREDSUBJECT (see threading.h)
 */
#include "actors/instance/threading_priv.h"

#include "storage/index/uid_list.h"

void
av_forest_init(av_forest *self, const av_threading_input *in)
{
    memset(self, 0, sizeof *self);
    self->in = in;
    self->count = in->n;
    self->cap = in->n + 64;
    self->parent = av_xcalloc(self->cap, sizeof *self->parent);
    for (size_t i = 0; i < self->cap; i++)
        self->parent[i] = AV_NOBODY;
}

void
av_forest_release(av_forest *self)
{
    free(self->parent);
    free(self->children);
    free(self->first);
}

uint32_t
av_forest_add(av_forest *self)
{
    if (self->count == self->cap) {
        self->cap += self->cap / 2;
        self->parent = av_xrealloc(self->parent, self->cap * sizeof *self->parent);
    }
    self->parent[self->count] = AV_NOBODY;
    return (uint32_t)self->count++;
}

/* Children of each node side by side, by counting: the same order as their numbers. Roots are children of number count. */
void
av_forest_group(av_forest *self, const uint8_t *gone)
{
    size_t n = self->count;
    uint32_t *at;

    free(self->children);
    free(self->first);
    self->children = av_xcalloc(n + 1, sizeof *self->children);
    self->first = av_xcalloc(n + 3, sizeof *self->first);
    for (size_t i = 0; i < n; i++)
        if (gone[i] == 0)
            self->first[(self->parent[i] == AV_NOBODY ? n : self->parent[i]) + 2]++;
    for (size_t i = 2; i < n + 3; i++)
        self->first[i] += self->first[i - 1];
    at = self->first + 1; /* moves each beginning to the next one's, as they are filled */
    for (size_t i = 0; i < n; i++)
        if (gone[i] == 0)
            self->children[at[self->parent[i] == AV_NOBODY ? n : self->parent[i]]++] = (uint32_t)i;
}

/* By date, then by UID; a dummy goes by its first child, whose siblings are in order already. */
static uint32_t
speaker(const av_forest *self, uint32_t node)
{
    return node < self->in->n ? node : self->children[self->first[node]];
}

static int
by_date(const void *a, const void *b, void *ctx)
{
    const av_forest *self = ctx;
    uint32_t x = speaker(self, *(const uint32_t *)a), y = speaker(self, *(const uint32_t *)b);
    int64_t s = self->in->messages[x].date_unix_s, t = self->in->messages[y].date_unix_s;

    if (s != t)
        return s < t ? -1 : 1;
    return x < y ? -1 : x > y; /* messages are by UID */
}

static void
sort_children(av_forest *self, size_t node)
{
    uint32_t n = self->first[node + 1] - self->first[node];

    if (n > 1)
        qsort_r(self->children + self->first[node], n, sizeof *self->children, by_date, self);
}

void
av_forest_sort(av_forest *self)
{
    /* Dummies stand below the root alone, and none of their children is one: theirs first, then the root's. */
    for (size_t i = 0; i < self->count; i++)
        sort_children(self, i);
    sort_children(self, self->count);
}

/* ---- writing ---- */

av_errc
av_forest_write(const av_forest *self, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_free) uint32_t *stack = av_xcalloc(self->count + 1, sizeof *stack);
    av_uid_list list = { 0 };
    size_t depth = 0;

    for (size_t i = self->first[self->count + 1]; i > self->first[self->count]; i--)
        stack[depth++] = self->children[i - 1];
    while (depth > 0) {
        uint32_t node = stack[--depth], first = self->first[node], end = self->first[node + 1];

        (void)av_uid_list_put_node(&list, node < self->in->n ? self->in->messages[node].uid : 0, end - first, out);
        while (end > first)
            stack[depth++] = self->children[--end];
    }
    return out->full ? av_error_set(err, AV_ERR_LIMIT, "the threads take over %zu bytes", out->max) : AV_OK;
}

/* ---- ORDEREDSUBJECT ---- */

static int
by_subject(const void *a, const void *b, void *ctx)
{
    const av_threading_message *all = ctx, *x = &all[*(const uint32_t *)a], *y = &all[*(const uint32_t *)b];

    if (x->subject != y->subject)
        return x->subject < y->subject ? -1 : 1;
    if (x->date_unix_s != y->date_unix_s)
        return x->date_unix_s < y->date_unix_s ? -1 : 1;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

av_errc
av_threading_subjects(const av_threading_input *in, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_free) uint32_t *order = av_xcalloc(in->n + 1, sizeof *order);
    AV_CLEANUP(av_free) uint8_t *gone = av_xcalloc(in->n + 1, 1);
    AV_CLEANUP(av_forest_release) av_forest forest;
    uint32_t head = 0;

    av_forest_init(&forest, in);
    for (size_t i = 0; i < in->n; i++)
        order[i] = (uint32_t)i;
    if (in->n > 0)
        qsort_r(order, in->n, sizeof *order, by_subject, (void *)(uintptr_t)in->messages);
    for (size_t i = 0; i < in->n; i++) {
        if (i == 0 || in->messages[order[i]].subject != in->messages[head].subject)
            head = order[i];
        else
            forest.parent[order[i]] = head;
    }
    av_forest_group(&forest, gone);
    av_forest_sort(&forest);
    return av_forest_write(&forest, out, err);
}
