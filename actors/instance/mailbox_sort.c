/*
 * mailbox_sort.c - see mailbox_sort.h
 */
#include "actors/instance/mailbox_sort.h"

#include "actors/instance/envelope_read.h"
#include "actors/instance/mailbox_rows.h"
#include "actors/instance/text_ranks.h"
#include "storage/index/casemap.h"
#include "storage/index/uid_list.h"

#define TEXT_MAX 1024U /* bytes of a text that are compared */

typedef struct key {
    Archivolt__SortField field;
    bool reverse, is_text;
    av_text_ranks ranks;
} key;

typedef struct sorting {
    key keys[AV_SORT_KEYS_MAX];
    size_t key_count;
    size_t width;   /* numbers a message: its keys, and its UID */
    int64_t *items; /* [n * width] */
    size_t n, cap;
    av_buf text;
} sorting;

static void
sorting_release(sorting *self)
{
    for (size_t i = 0; i < self->key_count; i++)
        av_text_ranks_release(&self->keys[i].ranks);
    av_buf_release(&self->text);
    free(self->items);
}

static av_errc
add_keys(sorting *self, Archivolt__SortKey *const *keys, size_t n, av_error *err)
{
    bool had[ARCHIVOLT__SORT_FIELD__SORT_FIELD_DISPLAYTO + 1] = { false };

    for (size_t i = 0; i < n; i++) {
        unsigned field = (unsigned)keys[i]->field;

        if (field < ARCHIVOLT__SORT_FIELD__SORT_FIELD_ARRIVAL || field >= AV_COUNT(had))
            return av_error_set(err, AV_ERR_INVALID, "sort key %u is not known", field);
        if (had[field])
            continue;
        had[field] = true;
        self->keys[self->key_count] = (key){ .field = keys[i]->field,
            .reverse = keys[i]->reverse,
            .is_text = field != ARCHIVOLT__SORT_FIELD__SORT_FIELD_ARRIVAL &&
                       field != ARCHIVOLT__SORT_FIELD__SORT_FIELD_DATE &&
                       field != ARCHIVOLT__SORT_FIELD__SORT_FIELD_SIZE };
        if (self->keys[self->key_count].is_text)
            av_text_ranks_init(&self->keys[self->key_count].ranks, AV_SORT_TEXT_MAX);
        self->key_count++;
    }
    return AV_OK;
}

/* ---- the keys of one message ---- */

static av_errc
add_text(sorting *self, key *k, av_mailbox_rows *rows, const av_mailbox_row *row, int64_t *ret, av_error *err)
{
    av_span subject = { NULL, 0 };
    uint32_t number;
    av_errc rc = AV_OK;

    av_buf_clear(&self->text);
    switch (k->field) {
    case ARCHIVOLT__SORT_FIELD__SORT_FIELD_SUBJECT:
        rc = av_mailbox_rows_subject(rows, row, &subject, err);
        (void)av_casemap(subject, &self->text);
        break;
    case ARCHIVOLT__SORT_FIELD__SORT_FIELD_FROM:
    case ARCHIVOLT__SORT_FIELD__SORT_FIELD_DISPLAYFROM:
        av_envelope_sort_text(av_mailbox_rows_summary(rows, row)->envelope, AV_ENVELOPE_FROM,
            k->field == ARCHIVOLT__SORT_FIELD__SORT_FIELD_DISPLAYFROM, &self->text);
        break;
    case ARCHIVOLT__SORT_FIELD__SORT_FIELD_CC:
        av_envelope_sort_text(av_mailbox_rows_summary(rows, row)->envelope, AV_ENVELOPE_CC, false, &self->text);
        break;
    default:
        av_envelope_sort_text(av_mailbox_rows_summary(rows, row)->envelope, AV_ENVELOPE_TO,
            k->field == ARCHIVOLT__SORT_FIELD__SORT_FIELD_DISPLAYTO, &self->text);
        break;
    }
    if (rc == AV_OK)
        rc = av_text_ranks_add(&k->ranks, av_buf_span(&self->text), &number, err);
    if (rc == AV_OK)
        *ret = number;
    return rc;
}

static av_errc
add_row(void *ctx, av_mailbox_rows *rows, const av_mailbox_row *row, av_error *err)
{
    sorting *self = ctx;
    int64_t *item;
    av_errc rc = AV_OK;

    if (self->n == self->cap) {
        self->cap = self->cap == 0 ? 256 : self->cap + self->cap / 2;
        self->items = av_xrealloc(self->items, self->cap * self->width * sizeof *self->items);
    }
    item = &self->items[self->n++ * self->width];
    for (size_t i = 0; rc == AV_OK && i < self->key_count; i++) {
        key *k = &self->keys[i];

        if (k->is_text)
            rc = add_text(self, k, rows, row, &item[i], err);
        else if (k->field == ARCHIVOLT__SORT_FIELD__SORT_FIELD_DATE)
            rc = av_mailbox_rows_date(rows, row, &item[i], err);
        else
            item[i] = k->field == ARCHIVOLT__SORT_FIELD__SORT_FIELD_SIZE ? (int64_t)AV_MIN(row->size, INT64_MAX)
                                                                         : row->received_unix_s;
    }
    item[self->key_count] = row->uid;
    return rc;
}

/* ---- the order ---- */

static int
compare(const void *a, const void *b, void *ctx)
{
    const sorting *self = ctx;
    const int64_t *x = a, *y = b;

    for (size_t i = 0; i < self->key_count; i++)
        if (x[i] != y[i])
            return (x[i] < y[i]) != self->keys[i].reverse ? -1 : 1;
    return x[self->key_count] < y[self->key_count] ? -1 : x[self->key_count] > y[self->key_count];
}

static void
rank_texts(sorting *self)
{
    for (size_t i = 0; i < self->key_count; i++) {
        if (!self->keys[i].is_text)
            continue;
        av_text_ranks_finish(&self->keys[i].ranks);
        for (size_t k = 0; k < self->n; k++)
            self->items[k * self->width + i] =
                av_text_ranks_of(&self->keys[i].ranks, (uint32_t)self->items[k * self->width + i]);
    }
}

av_errc
av_mailbox_sort(av_mailbox_scan *scan, Archivolt__SortKey *const *keys, size_t n, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_mailbox_rows_destroy) av_mailbox_rows *rows = av_mailbox_rows_new(scan);
    AV_CLEANUP(sorting_release) sorting self = { .n = 0 };
    av_uid_list list = { 0 };
    av_errc rc = add_keys(&self, keys, n, err);

    av_buf_init(&self.text, TEXT_MAX);
    self.width = self.key_count + 1;
    if (rc == AV_OK)
        rc = av_mailbox_rows_each(rows, add_row, &self, err);
    if (rc != AV_OK)
        return rc;
    rank_texts(&self);
    if (self.n > 0)
        qsort_r(self.items, self.n, self.width * sizeof *self.items, compare, &self);
    for (size_t i = 0; i < self.n; i++)
        (void)av_uid_list_put(&list, (uint32_t)self.items[i * self.width + self.key_count], out);
    return out->full ? av_error_set(err, AV_ERR_LIMIT, "the answer is over %zu bytes", out->max) : AV_OK;
}
