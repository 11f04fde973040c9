/*
 * store_view_check.c - see store_view_check.h
 */
#include "storage/meta/store_view_check.h"

#include "storage/meta/store_view_priv.h"

av_errc
av_store_view_lsn_of(const av_meta_view *view, uint64_t *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    view_state state;
    av_errc rc;

    av_buf_init(&row, STORE_VIEW_ROW_MAX);
    rc = av_meta_get(view, av_span_str("L"), &row, err);
    if (rc == AV_ERR_NOT_FOUND)
        rc = av_error_set(err, AV_ERR_CORRUPT, "store view: it has no state");
    if (rc == AV_OK)
        rc = view_state_decode(av_buf_span(&row), &state, err);
    if (rc == AV_OK)
        *ret = state.applied_lsn;
    return rc;
}

av_errc
av_store_view_each_content(const av_meta_view *view, uint64_t from_lsn,
    av_errc (*each)(void *ctx, const av_content_row *row, av_error *err), void *ctx, av_error *err)
{
    view_content content;
    av_meta_key from;
    av_meta_iter *iter;
    av_span key, value;
    av_errc rc = AV_OK, ended;

    view_key_lsn(&from, 'c', from_lsn);
    iter = av_meta_iter_new(view, av_span_str("c"), av_meta_key_span(&from));
    while (rc == AV_OK && av_meta_iter_next(iter, &key, &value) && key.n == from.n) {
        rc = view_content_decode(av_meta_key_read(key.p + 1, 8), value, &content, err);
        if (rc == AV_OK)
            rc = each(ctx, &content.row, err);
    }
    ended = rc == AV_OK ? av_meta_iter_error(iter, err) : rc;
    av_meta_iter_destroy(&iter);
    return ended;
}

void
av_store_view_set_replaying(av_store_view *self, bool replaying)
{
    self->replaying = replaying;
}

size_t
av_store_view_group_bytes(const av_store_view *self)
{
    return av_meta_group_bytes(self->meta);
}

av_errc
av_store_view_compact_database(av_store_view *self, av_error *err)
{
    return av_meta_compact(self->meta, err);
}

/* --- comparing --------------------------------------------------------------------------------------------------- */

typedef struct side {
    const av_meta_view *view;
    av_meta_iter *iter;
    av_span key, value;
    bool more;
} side;

typedef struct comparison {
    side kept, made;
    av_store_view_difference *tell;
    void *ctx;
    uint64_t rows;
} comparison;

static void
step(side *self)
{
    self->more = av_meta_iter_next(self->iter, &self->key, &self->value);
}

static const char *
table_name(uint8_t letter)
{
    switch (letter) {
    case 'c':
        return "content";
    case 'p':
    case 'm':
        return "known bytes";
    case 'g':
    case 'G':
        return "mailbox number";
    case 'u':
    case 'q':
        return "placement";
    case 'd':
        return "removal";
    case 'x':
        return "waiting content";
    case 'H':
    case 'h':
        return "hold";
    case 'K':
        return "container";
    case 'L':
        return "counters";
    default:
        return "row";
    }
}

/* The content a row is about, by its key or its value. */
static uint64_t
lsn_of(av_span key, av_span value)
{
    view_place place;
    av_error ignored;
    uint64_t lsn = 0;

    switch (key.p[0]) {
    case 'c':
    case 'q':
        return key.n >= 9 ? av_meta_key_read(key.p + 1, 8) : 0;
    case 'x':
        return key.n == 17 ? av_meta_key_read(key.p + 9, 8) : 0;
    case 'p':
    case 'm':
        return av_span_get_u64(&value, &lsn) ? lsn : 0;
    case 'u':
        return view_place_decode(value, &place, &ignored) == AV_OK ? place.content_lsn : 0;
    default:
        return 0;
    }
}

static av_errc
differ(comparison *self, const side *of, const char *how, av_error *err)
{
    uint64_t lsn = lsn_of(of->key, of->value);
    char sentence[160], at[48] = "";

    if (lsn != 0)
        (void)snprintf(at, sizeof at, " of the content at LSN %llx", (unsigned long long)lsn);
    (void)snprintf(sentence, sizeof sentence, "the view's row (%s)%s %s", table_name(of->key.p[0]), at, how);
    return self->tell(self->ctx, lsn, sentence, err);
}

/* A dictionary that compaction dropped is in the view still; nobody asks for it. */
static bool
is_idle_dictionary(const side *of)
{
    view_content content;
    av_error ignored;

    return of->key.p[0] == 'c' && of->key.n == 9 &&
           view_content_decode(av_meta_key_read(of->key.p + 1, 8), of->value, &content, &ignored) == AV_OK &&
           content.row.kind == AV_RECORD_DICTIONARY && content.row.references == 0;
}

static bool
same_state(av_span kept, av_span made)
{
    view_state a, b;
    av_error ignored;

    if (view_state_decode(kept, &a, &ignored) != AV_OK || view_state_decode(made, &b, &ignored) != AV_OK)
        return false;
    a.counters.dead_bytes = b.counters.dead_bytes;
    return a.applied_lsn == b.applied_lsn && memcmp(a.dictionary, b.dictionary, sizeof a.dictionary) == 0 &&
           a.next_mailbox == b.next_mailbox && memcmp(&a.counters, &b.counters, sizeof a.counters) == 0;
}

static bool
same_value(const side *kept, const side *made)
{
    if (kept->key.p[0] == 'L')
        return same_state(kept->value, made->value);
    if (kept->key.p[0] == 'K' && kept->value.n == 16 && made->value.n == 16)
        return memcmp(kept->value.p, made->value.p, 8) == 0; /* live bytes */
    return av_span_eq(kept->value, made->value);
}

/* A container of dead bytes alone, or compacted to nothing. */
static bool
is_dead_container(const side *of)
{
    static const uint8_t none[8];

    return of->key.p[0] == 'K' && of->value.n == 16 && memcmp(of->value.p, none, sizeof none) == 0;
}

static int
order(const comparison *self)
{
    av_span a = self->kept.key, b = self->made.key;
    int cmp;

    if (!self->kept.more || !self->made.more)
        return self->kept.more ? -1 : 1;
    cmp = memcmp(a.p, b.p, AV_MIN(a.n, b.n));
    return cmp != 0 ? cmp : (a.n > b.n) - (a.n < b.n);
}

static av_errc
compare_one(comparison *self, av_error *err)
{
    int cmp = order(self);
    av_errc rc = AV_OK;

    self->rows++;
    if (cmp < 0) {
        if (!is_idle_dictionary(&self->kept) && !is_dead_container(&self->kept))
            rc = differ(self, &self->kept, "is not in the log", err);
    } else if (cmp > 0) {
        if (!is_dead_container(&self->made))
            rc = differ(self, &self->made, "is missing", err);
    } else if (!same_value(&self->kept, &self->made)) {
        rc = differ(self, &self->kept, "is not what the log says", err);
    }
    if (cmp <= 0)
        step(&self->kept);
    if (cmp >= 0)
        step(&self->made);
    return rc;
}

/* All tables but V (checked at open), a and I (of no log). */
static const char tables[] = "GHKLcdghmpqux";

static av_errc
compare_table(comparison *self, const char *table, av_error *err)
{
    av_span prefix = av_span_of(table, 1);
    av_errc rc = AV_OK;

    self->kept.iter = av_meta_iter_new(self->kept.view, prefix, av_span_str(NULL));
    self->made.iter = av_meta_iter_new(self->made.view, prefix, av_span_str(NULL));
    step(&self->kept);
    step(&self->made);
    while (rc == AV_OK && (self->kept.more || self->made.more))
        rc = compare_one(self, err);
    if (rc == AV_OK)
        rc = av_meta_iter_error(self->kept.iter, err);
    if (rc == AV_OK)
        rc = av_meta_iter_error(self->made.iter, err);
    av_meta_iter_destroy(&self->kept.iter);
    av_meta_iter_destroy(&self->made.iter);
    return rc;
}

av_errc
av_store_view_compare(const av_meta_view *kept, const av_meta_view *made, av_store_view_difference *tell, void *ctx,
    uint64_t *ret_rows, av_error *err)
{
    comparison self = { .kept.view = kept, .made.view = made, .tell = tell, .ctx = ctx };
    av_errc rc = AV_OK;

    for (const char *table = tables; rc == AV_OK && *table != '\0'; table++)
        rc = compare_table(&self, table, err);
    *ret_rows = self.rows;
    return rc;
}
