/*
 * test_newest.c - the newest of any documents are the same as by a look at each, and most are not looked at
 */
#include "storage/index/newest.h"

#include <time.h>

#include "base/secret.h"
#include "tests/check.h"
#include "tests/storage/index/index_help.h"

enum { MESSAGES = 9000, WANTED = 20 };

static uint64_t seed = 4711;

static uint32_t
random_below(uint32_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((seed >> 33) % n);
}

/* By and large in order, some far off, some without a date. */
static int64_t
date_of_message(uint32_t i)
{
    if (i % 4001 == 77)
        return INT64_MIN;
    if (i % 1709 == 5)
        return 2000000000 + (int64_t)i;
    if (i % 1511 == 9)
        return 100000000;
    return 1200000000 + (int64_t)i * 60 - i % 50 * 500;
}

static av_errc
dated_next(void *ctx, uint64_t after_lsn, uint64_t *ret_lsn, uint64_t *ret_size, av_buf *out, av_error *err)
{
    uint32_t i = (uint32_t)(after_lsn / LOG_STEP), *served = ctx;
    int64_t at = date_of_message(i);
    time_t t = (time_t)at;
    struct tm tm;
    char date[64];

    if (i >= MESSAGES)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the end");
    (*served)++;
    if (at != INT64_MIN && gmtime_r(&t, &tm) != NULL) {
        (void)strftime(date, sizeof date, "%d %b %Y %H:%M:%S +0000", &tm);
        (void)av_buf_printf(out, "Date: %s\n", date);
    }
    (void)av_buf_puts(out, "\nword\n");
    *ret_lsn = lsn_of(i);
    *ret_size = out->n;
    return AV_OK;
}

typedef struct taken {
    int64_t dates[WANTED]; /* the latest first */
    size_t n, undated, looked;
} taken;

static int64_t
from(void *ctx)
{
    const taken *t = ctx;

    return t->n == WANTED ? t->dates[WANTED - 1] : INT64_MIN;
}

static void
keep(taken *t, int64_t date)
{
    size_t at = t->n;

    if (t->n == WANTED && date <= t->dates[WANTED - 1])
        return;
    at = t->n < WANTED ? t->n++ : WANTED - 1;
    for (; at > 0 && t->dates[at - 1] < date; at--)
        t->dates[at] = t->dates[at - 1];
    t->dates[at] = date;
}

static av_errc
take(void *ctx, size_t run, uint32_t d, int64_t date, av_error *err)
{
    taken *t = ctx;

    (void)run;
    (void)d;
    if (date != INT64_MIN)
        t->looked++;
    if (date == INT64_MIN)
        t->undated++;
    else
        keep(t, date);
    return t->looked > MESSAGES ? av_error_set(err, AV_ERR_INTERNAL, "too many") : AV_OK;
}

static void
ask(const av_index_view *view, uint32_t every, int64_t upto, size_t *ret_looked)
{
    roaring_bitmap_t *docs = roaring_bitmap_create();
    taken got = { .n = 0 }, want = { .n = 0 };
    const av_newest to = { .ctx = &got, .from = from, .take = take };
    av_error err;

    for (uint32_t i = random_below(every); i < MESSAGES; i += 1 + random_below(2 * every - 1)) {
        int64_t date = date_of_message(i);

        roaring_bitmap_add(docs, i);
        if (date == INT64_MIN)
            want.undated++;
        else if (date <= upto)
            keep(&want, date);
    }
    AV_CHECK_RC(av_index_newest(view, docs, upto, &to, &err), AV_OK, &err);
    AV_CHECK_INT(got.n, want.n);
    AV_CHECK_INT(got.undated, want.undated);
    AV_CHECK_MEM(got.dates, got.n * sizeof *got.dates, want.dates, want.n * sizeof *want.dates);
    *ret_looked = got.looked;
    roaring_bitmap_free(docs);
}

static void
test_newest(void)
{
    test_dir d = dir_new();
    av_index_config config = index_config(d.path);
    uint32_t served = 0;
    av_index_source source = { .ctx = &served, .next = dated_next };
    av_index_progress progress = { 0 };
    av_index *index = NULL;
    av_index_view *view;
    size_t looked, most = 0;
    av_error err;

    AV_CHECK_RC(av_index_open(&config, &index, &err), AV_OK, &err);
    while (!progress.at_end)
        AV_CHECK_RC(av_index_follow(index, &source, 700, false, &progress, &err), AV_OK, &err);
    view = av_index_snapshot(index);
    AV_CHECK_INT(av_index_documents(view), MESSAGES);
    for (uint32_t i = 0; i < 200; i++) {
        ask(view, 1 + random_below(40), i % 2 == 0 ? INT64_MAX : date_of_message(random_below(70)) + 60 * (int64_t)i,
            &looked);
        if (i % 2 == 0)
            most = AV_MAX(most, looked);
    }
    printf("    of %d documents at most %zu were looked at\n", MESSAGES, most);
    av_index_view_release(&view);
    av_index_close(&index);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_newest);
    return av_check_done();
}
