/*
 * generate.c - made-up mail of an office: threads with quoted replies, newsletters, notices, shared attachments, copies
 *
 * Streamed: message number n comes out of the seed and a few thousand numbers of state; bodies that are quoted are
 * made again from their seeds. Shares and sizes are the tables below. Bodies of parts: generate_body.c.
 */
#include "tools/bench/store/generate_priv.h"

#include <stdio.h>

#define MESSAGE_MAX (16U * 1024 * 1024)
#define FIRST_DAY   1420070400 /* 2015-01-01 */
#define EVERY_S     37         /* between two messages */

/* What comes, in percent. */
static const struct {
    unsigned share;
    void (*make)(bench_generator *self);
} kinds[] = {
    { 56, bench_make_conversation }, { 12, bench_make_newsletter }, { 22, bench_make_notice },
    { 10, NULL }, /* the last one again, to another recipient */
};

bench_generator *
bench_generator_new(uint64_t seed)
{
    bench_generator *self = av_xcalloc(1, sizeof *self);

    self->random.state = seed;
    self->seed = seed;
    self->words = bench_words_new();
    av_buf_init(&self->message, MESSAGE_MAX);
    av_buf_init(&self->work, MESSAGE_MAX);
    return self;
}

void
bench_generator_destroy(bench_generator **self)
{
    if (*self == NULL)
        return;
    bench_words_destroy(&(*self)->words);
    av_buf_release(&(*self)->message);
    av_buf_release(&(*self)->work);
    free(*self);
    *self = NULL;
}

void
bench_put_date(const bench_generator *self, uint64_t number, av_buf *out)
{
    time_t at = FIRST_DAY + (time_t)(number * EVERY_S);
    struct tm t;
    char text[64];

    (void)self;
    if (gmtime_r(&at, &t) == NULL || strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &t) == 0)
        return;
    (void)av_buf_puts(out, text);
}

void
bench_put_person(const bench_generator *self, uint32_t person, av_buf *out)
{
    uint64_t at = bench_random_mix(0x70657273, person);
    char name[64];
    size_t from = out->n;

    bench_words_line(self->words, at, 2, out);
    (void)snprintf(name, sizeof name, " <user%u@%s>", person, person < PEOPLE_INSIDE ? "example.com" : "example.org");
    if (out->n == from)
        return;
    (void)av_buf_puts(out, name);
}

void
bench_put_message_id(const bench_generator *self, uint64_t number, av_buf *out)
{
    bench_random r = { bench_random_mix(self->seed, number) };

    (void)av_buf_puts(out, "<");
    bench_token(&r, 28, out);
    (void)av_buf_printf(out, "@mail%u.example.com>", bench_random_below(&r, 4));
}

/* What servers wrote on the way to this recipient. */
static void
put_trace(bench_generator *self, av_buf *out)
{
    bench_random r = { bench_random_mix(self->seed + 1, self->number) };

    (void)av_buf_printf(
        out, "Return-Path: <user%u@example.org>\r\nDelivered-To: user%u@example.com\r\n", self->from, self->mailbox);
    for (unsigned hop = 0; hop < 1 + self->from % 3; hop++) {
        (void)av_buf_printf(out,
            "Received: from mail%u.example.%s ([198.51.100.%u])\r\n\tby mx%u.example.com "
            "(Postfix) with ESMTPS id ",
            bench_random_below(&r, 8), hop == 0 ? "com" : "org", bench_random_below(&r, 250), hop);
        bench_token(&r, 12, out);
        (void)av_buf_printf(out, "\r\n\tfor <user%u@example.com>; ", self->mailbox);
        bench_put_date(self, self->number, out);
        (void)av_buf_puts(out, "\r\n");
    }
    if (self->from >= PEOPLE_INSIDE) {
        (void)av_buf_puts(out, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;\r\n"
                               "\th=from:to:subject:date:message-id:mime-version; bh=");
        bench_token(&r, 43, out);
        (void)av_buf_puts(out, "=;\r\n\tb=");
        for (unsigned line = 0; line < 5; line++) {
            bench_token(&r, 68, out);
            (void)av_buf_puts(out, line < 4 ? "\r\n\t " : "==\r\n");
        }
    }
}

void
bench_generator_next(bench_generator *self, av_buf *out, uint32_t *ret_mailbox)
{
    unsigned at = bench_random_below(&self->random, 100);
    size_t kind = 0;

    for (; at >= kinds[kind].share; kind++)
        at -= kinds[kind].share;
    self->mailbox = bench_random_below(&self->random, PEOPLE_INSIDE);
    if (kinds[kind].make != NULL || self->number == 0) {
        av_buf_clear(&self->message);
        (kinds[kind].make == NULL ? bench_make_notice : kinds[kind].make)(self);
    }
    av_buf_clear(out);
    put_trace(self, out);
    (void)av_buf_append_span(out, av_buf_span(&self->message));
    if (out->full || self->message.full)
        bench_fail("a generated message is larger than %u bytes", MESSAGE_MAX);
    *ret_mailbox = self->mailbox;
    self->number++;
}
