/*
 * hits.c - see hits.h: a heap of the best rows with the last of them on top
 */
#include "actors/instance/hits.h"

#include "base/encode.h"

enum {
    CURSOR_FIXED = 1 + 8 + 8 + 8 + 4, /* order, date, size, LSN, store */
    CURSOR_TEXT_MAX = 255
};

void
av_hits_init(av_hits *self, av_order order, size_t wanted, const av_hit *after)
{
    *self = (av_hits){ .order = order, .wanted = wanted, .has_after = after != NULL };
    if (after != NULL)
        self->after = *after;
}

void
av_hits_release(av_hits *self)
{
    for (size_t i = 0; i < self->n; i++)
        free(self->heap[i].text);
    free(self->heap);
    *self = (av_hits){ 0 };
}

static int
by_number(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int
by_date(const av_hit *a, const av_hit *b)
{
    return a->date_unix_s < b->date_unix_s ? -1 : a->date_unix_s > b->date_unix_s;
}

static int
compare(av_order order, const av_hit *a, const av_hit *b)
{
    switch (order) {
    case AV_ORDER_OLDEST:
        return by_date(a, b);
    case AV_ORDER_LARGEST:
        return -by_number(a->size, b->size);
    case AV_ORDER_SMALLEST:
        return by_number(a->size, b->size);
    case AV_ORDER_FROM:
    case AV_ORDER_SUBJECT:
        return strcmp(a->text == NULL ? "" : a->text, b->text == NULL ? "" : b->text);
    case AV_ORDER_NEWEST:
        break;
    }
    return -by_date(a, b);
}

bool
av_hit_is_before(av_order order, const av_hit *a, const av_hit *b)
{
    int c = compare(order, a, b);

    if (c == 0)
        c = order == AV_ORDER_OLDEST ? 0 : -by_date(a, b);
    if (c == 0)
        c = by_number(a->store, b->store);
    if (c == 0)
        c = order == AV_ORDER_OLDEST ? by_number(a->lsn, b->lsn) : -by_number(a->lsn, b->lsn);
    return c < 0;
}

bool
av_hits_want(const av_hits *self, const av_hit *hit)
{
    if (self->wanted == 0 || (self->has_after && !av_hit_is_before(self->order, &self->after, hit)))
        return false;
    return self->n < self->wanted || av_hit_is_before(self->order, hit, &self->heap[0]);
}

static void
swap(av_hit *a, av_hit *b)
{
    av_hit t = *a;

    *a = *b;
    *b = t;
}

static void
sift_down(av_hits *self)
{
    size_t i = 0, child;

    while ((child = 2 * i + 1) < self->n) {
        if (child + 1 < self->n && av_hit_is_before(self->order, &self->heap[child], &self->heap[child + 1]))
            child++;
        if (!av_hit_is_before(self->order, &self->heap[i], &self->heap[child]))
            return;
        swap(&self->heap[child], &self->heap[i]);
        i = child;
    }
}

static void
sift_up(av_hits *self)
{
    for (size_t i = self->n - 1; i > 0; i = (i - 1) / 2) {
        if (!av_hit_is_before(self->order, &self->heap[(i - 1) / 2], &self->heap[i]))
            return;
        swap(&self->heap[i], &self->heap[(i - 1) / 2]);
    }
}

void
av_hits_keep(av_hits *self, av_hit hit)
{
    if (!av_hits_want(self, &hit)) {
        free(hit.text);
        return;
    }
    if (self->n == self->wanted) {
        free(self->heap[0].text);
        self->heap[0] = hit;
        sift_down(self);
        return;
    }
    if (self->n == self->cap) {
        self->cap = self->cap == 0 ? 64 : self->cap * 2;
        self->heap = av_xrealloc(self->heap, self->cap * sizeof *self->heap);
    }
    self->heap[self->n++] = hit;
    sift_up(self);
}

void
av_hits_take(av_hits *self, av_hits *other)
{
    for (size_t i = 0; i < other->n; i++)
        av_hits_keep(self, other->heap[i]);
    other->n = 0;
}

/* The last is on top each time: from the back to the front. */
void
av_hits_sort(av_hits *self)
{
    size_t n = self->n;

    while (self->n > 1) {
        swap(&self->heap[0], &self->heap[--self->n]);
        sift_down(self);
    }
    self->n = n;
}

/* ---- cursors ---- */

char *
av_hit_cursor(av_order order, const av_hit *hit)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&bytes, CURSOR_FIXED + CURSOR_TEXT_MAX);
    av_buf_init(&text, 2 * (CURSOR_FIXED + CURSOR_TEXT_MAX));
    (void)av_buf_putc(&bytes, (uint8_t)order);
    (void)av_buf_put_u64(&bytes, (uint64_t)hit->date_unix_s);
    (void)av_buf_put_u64(&bytes, hit->size);
    (void)av_buf_put_u64(&bytes, hit->lsn);
    (void)av_buf_put_u32(&bytes, hit->store);
    if (hit->text != NULL)
        (void)av_buf_append(&bytes, hit->text, AV_MIN(strlen(hit->text), (size_t)CURSOR_TEXT_MAX));
    (void)av_base64url_encode(av_buf_span(&bytes), &text);
    return av_span_dup(av_buf_span(&text));
}

av_errc
av_hit_of_cursor(av_order order, av_span cursor, av_buf *text, av_hit *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    av_span rest;
    uint64_t date = 0;

    av_buf_init(&bytes, CURSOR_FIXED + CURSOR_TEXT_MAX);
    if (!av_base64url_decode(cursor, &bytes) || bytes.n < CURSOR_FIXED || bytes.p[0] != (uint8_t)order)
        return av_error_set(
            err, AV_ERR_INVALID, "this is no cursor of a search in this order: take it from the last row you have");
    rest = av_span_skip(av_buf_span(&bytes), 1);
    memset(ret, 0, sizeof *ret);
    (void)av_span_get_u64(&rest, &date);
    (void)av_span_get_u64(&rest, &ret->size);
    (void)av_span_get_u64(&rest, &ret->lsn);
    (void)av_span_get_u32(&rest, &ret->store);
    ret->date_unix_s = (int64_t)date;
    ret->candidate = SIZE_MAX;
    av_buf_clear(text);
    (void)av_buf_append_span(text, rest);
    (void)av_buf_putc(text, '\0');
    ret->text = (char *)text->p;
    return AV_OK;
}
