/*
 * index_help.h - what the index's tests share: a log of messages that say who they are, and what a scan of it would answer
 *
 * Message i has LSN lsn_of(i). Its words depend on i alone, so the answer to each of the questions below is arithmetic: an
 * index is right when it gives exactly that for the documents it says it covers.
 */
#ifndef AV_TESTS_INDEX_HELP_H
#define AV_TESTS_INDEX_HELP_H

#include "storage/index/index.h"
#include "storage/index/token.h"
#include "tests/storage/sealed/help.h"

#define LOG_STEP 37U /* between LSNs */

typedef struct test_log {
    uint32_t count;             /* messages there are */
    uint32_t gone_from, gone_n; /* so many from there were erased */
    uint32_t broken;            /* each so-many-th cannot be read; 0: none */
    uint32_t served;            /* by next() so far */
} test_log;

static const uint8_t index_key[32] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
static const uint8_t index_uuid[16] = { 0xA1 };

__attribute__((unused)) static av_index_config
index_config(const char *dir)
{
    return (av_index_config){ .dir = dir, .key = index_key, .store_uuid = index_uuid, .flush_documents = 1000 };
}

static inline uint64_t
lsn_of(uint32_t i)
{
    return (uint64_t)(i + 1) * LOG_STEP;
}

static inline bool
is_erased(const test_log *log, uint32_t i)
{
    return i >= log->gone_from && i - log->gone_from < log->gone_n;
}

static inline bool
is_broken(const test_log *log, uint32_t i)
{
    return log->broken != 0 && i % log->broken == log->broken - 1;
}

__attribute__((unused)) static void
message_of(uint32_t i, av_buf *out)
{
    (void)av_buf_printf(out,
        "From: Sender Number%u <s%u@example.org>\nTo: all@example.net\nSubject: Re: topic%u of many\n"
        "Date: Thu, 01 Jan 2015 %02u:%02u:%02u +0100\nList-Id: <list%u.example.com>\nX-Other: never\n\n",
        i % 7, i % 7, i % 13, i / 3600 % 24, i / 60 % 60, i % 60, i % 3);
    (void)av_buf_printf(out, "common word three%u eleven%u only%u\n", i % 3, i % 11, i);
    if (i % 5 == 0)
        (void)av_buf_puts(out, "alpha beta gamma\n");
    else
        (void)av_buf_puts(out, "beta alpha, gamma\n");
    for (uint32_t k = 0; k < i % 17; k++)
        (void)av_buf_printf(out, "filler%u ", (i * 31 + k * k) % 997);
    (void)av_buf_putc(out, '\n');
}

static av_errc
log_next(void *ctx, uint64_t after_lsn, uint64_t *ret_lsn, uint64_t *ret_size, av_buf *out, av_error *err)
{
    test_log *log = ctx;
    uint32_t i = (uint32_t)(after_lsn / LOG_STEP);

    if (i >= log->count)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the end");
    log->served++;
    *ret_lsn = lsn_of(i);
    *ret_size = 0;
    if (is_erased(log, i))
        return av_error_set(err, AV_ERR_GONE, "erased");
    if (is_broken(log, i))
        return av_error_set(err, AV_ERR_CORRUPT, "broken");
    message_of(i, out);
    *ret_size = out->n;
    return AV_OK;
}

__attribute__((unused)) static av_index_source
log_source(test_log *log)
{
    return (av_index_source){ .ctx = log, .next = log_next };
}

__attribute__((unused)) static bool
log_is_gone(void *ctx, uint64_t lsn)
{
    return is_erased(ctx, (uint32_t)(lsn / LOG_STEP) - 1);
}

/* --- questions ----------------------------------------------------------------------------------------------------- */

enum { EACH_COMMON, EACH_THREE, EACH_ELEVEN, EACH_TOPIC, EACH_SENDER, EACH_LIST, EACH_ONLY, EACH_NEVER, QUESTIONS };

/* Question q about n: the term, where it is asked for; does message i have it? */
static inline uint32_t
question(unsigned q, uint32_t n, char term[32])
{
    static const char *const forms[QUESTIONS] = { "fcommon", "fthree%u", "feleven%u", "ftopic%u", "fnumber%u",
        "flist%u", "fonly%u", "fnever" };
    static const uint32_t fields[QUESTIONS] = { AV_FIELD_BODY, AV_FIELD_BODY, AV_FIELD_ALL, AV_FIELD_SUBJECT,
        AV_FIELD_FROM, AV_FIELD_HEADER, AV_FIELD_BODY, AV_FIELD_ALL };

    (void)snprintf(term, 32, forms[q], n);
    return fields[q];
}

static inline bool
has(const test_log *log, unsigned q, uint32_t n, uint32_t i)
{
    if (is_erased(log, i) || is_broken(log, i))
        return false;
    switch (q) {
    case EACH_COMMON:
        return true;
    case EACH_THREE:
    case EACH_LIST:
        return i % 3 == n;
    case EACH_ELEVEN:
        return i % 11 == n;
    case EACH_TOPIC:
        return i % 13 == n;
    case EACH_SENDER:
        return i % 7 == n;
    case EACH_ONLY:
        return i == n;
    default:
        return false;
    }
}

typedef enum verdict { RIGHT, UNREAD, WRONG } verdict;

static verdict
ask_term(const av_index_view *view, const test_log *log, unsigned q, uint32_t n)
{
    roaring_bitmap_t *got = roaring_bitmap_create();
    const av_index_run *runs;
    size_t count = av_index_runs(view, &runs);
    uint32_t documents = av_index_documents(view), fields;
    verdict v = RIGHT;
    char term[32];
    av_error err;

    fields = question(q, n, term);
    for (size_t r = 0; r < count && v == RIGHT; r++)
        if (av_run_docs(runs[r].run, av_span_str(term), fields, NULL, runs[r].first, got, &err) != AV_OK)
            v = UNREAD;
    for (uint32_t i = 0; i < documents && v == RIGHT; i++)
        if (roaring_bitmap_contains(got, i) != has(log, q, n, i))
            v = WRONG;
    if (v == RIGHT && roaring_bitmap_get_cardinality(got) > 0 && roaring_bitmap_maximum(got) >= documents)
        v = WRONG;
    if (v == WRONG)
        printf("    %s is wrong in %u documents\n", term, documents);
    roaring_bitmap_free(got);
    return v;
}

/* "alpha beta" in a row: each fifth. */
static verdict
ask_phrase(const av_index_view *view, const test_log *log)
{
    static const uint32_t offsets[2] = { 0, AV_TOKEN_STEP_SPACE };
    av_span words[2] = { av_span_str("falpha"), av_span_str("fbeta") };
    av_terms terms[2] = { { &words[0], 1 }, { &words[1], 1 } };
    roaring_bitmap_t *got = roaring_bitmap_create();
    const av_index_run *runs;
    size_t count = av_index_runs(view, &runs);
    verdict v = RIGHT;
    av_error err;

    for (size_t r = 0; r < count && v == RIGHT; r++)
        if (av_run_phrase(runs[r].run, terms, offsets, 2, AV_FIELD_BODY, NULL, runs[r].first, got, &err) != AV_OK)
            v = UNREAD;
    for (uint32_t i = 0; i < av_index_documents(view) && v == RIGHT; i++)
        if (roaring_bitmap_contains(got, i) != (has(log, EACH_COMMON, 0, i) && i % 5 == 0)) {
            printf("    the phrase is wrong in document %u\n", i);
            v = WRONG;
        }
    roaring_bitmap_free(got);
    return v;
}

/* LSN, facts and strings of document i. */
static verdict
ask_facts(const av_index_view *view, const test_log *log, uint32_t i)
{
    const av_index_run *runs;
    size_t count = av_index_runs(view, &runs), r = count - 1;
    const uint64_t *dates, *bits;
    char from[32], subject[32];
    bool there = has(log, EACH_COMMON, 0, i);
    av_span string;
    uint64_t lsn;
    uint32_t doc;
    av_error err;

    while (runs[r].first > i)
        r--;
    lsn = av_index_lsn_of(view, i, &err);
    dates = av_index_numbers(view, r, AV_COLUMN_DATE, &err);
    bits = av_index_numbers(view, r, AV_COLUMN_BITS, &err);
    if (lsn == 0 || dates == NULL || bits == NULL || av_index_doc_of(view, lsn_of(i), &doc, &err) != AV_OK)
        return UNREAD;
    i -= runs[r].first;
    if (lsn != lsn_of(i + runs[r].first) || doc != i + runs[r].first)
        return WRONG;
    if (!there)
        return (bits[i] == (is_erased(log, doc) ? 0 : AV_DOC_UNREADABLE)) ? RIGHT : WRONG;
    (void)snprintf(from, sizeof from, "s%u@example.org", doc % 7);
    (void)snprintf(subject, sizeof subject, "topic%u of many", doc % 13);
    if (dates[i] != 1420066800 + (uint64_t)(doc % 86400) || (bits[i] >> 48) != 2048 + 60)
        return WRONG;
    if (!av_index_string(view, r, AV_STRING_FROM, i, &string, &err))
        return UNREAD;
    if (!av_span_eq_str(string, from))
        return WRONG;
    if (!av_index_string(view, r, AV_STRING_SUBJECT, i, &string, &err))
        return UNREAD;
    return av_span_eq_str(string, subject) ? RIGHT : WRONG;
}

/* Everything of a view; `every`: facts of each so-many-th document. */
__attribute__((unused)) static verdict
ask_all(const av_index_view *view, const test_log *log, uint32_t every)
{
    uint32_t documents = av_index_documents(view);
    verdict worst = ask_phrase(view, log), v;

    for (unsigned q = 0; q < QUESTIONS; q++)
        for (uint32_t n = 0; n < 3; n++) {
            v = ask_term(view, log, q, q == EACH_ONLY ? n * documents / 2 : n);
            worst = AV_MAX(worst, v);
        }
    for (uint32_t i = 0; i < documents; i += every) {
        v = ask_facts(view, log, i);
        if (v == WRONG)
            printf("    the facts of document %u are wrong\n", i);
        worst = AV_MAX(worst, v);
    }
    if (documents > 0 && av_index_covered_lsn(view) != lsn_of(documents - 1))
        worst = WRONG;
    return worst;
}

__attribute__((unused)) static verdict
ask_index(av_index *index, const test_log *log)
{
    av_index_view *view = av_index_snapshot(index);
    verdict v = ask_all(view, log, 13);

    av_index_view_release(&view);
    return v;
}

/* Follow to the end of the log. */
__attribute__((unused)) static av_errc
follow_all(av_index *index, test_log *log, uint32_t step, bool bulk, av_error *err)
{
    av_index_source source = log_source(log);
    av_index_progress progress = { 0 };
    av_errc rc = AV_OK;

    while (rc == AV_OK && !progress.at_end)
        rc = av_index_follow(index, &source, step, bulk, &progress, err);
    return rc;
}

#endif
