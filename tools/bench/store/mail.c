/*
 * mail.c - where the benchmark's messages come from: a pack of real ones, copies of them, generated ones
 *
 * A pack is read message by message into one buffer, so that memory figures are the archive's own.
 */
#include "tools/bench/store/bench.h"

#include <stdio.h>

#define MESSAGE_MAX (64U * 1024 * 1024)

struct bench_mail {
    FILE *pack; /* NULL: generated */
    bench_generator *generator;
    uint64_t left;            /* generated: messages to come */
    unsigned copies, copy;    /* of the message in plain; copy: the next one's number */
    uint32_t mailbox;         /* of the message in plain */
    av_buf plain, with_trace; /* as it stands in the pack; as a recipient's server delivers it */
    uint64_t number;          /* of the copy, for its trace lines */
};

static bench_mail *
mail_new(void)
{
    bench_mail *self = av_xcalloc(1, sizeof *self);

    av_buf_init(&self->plain, MESSAGE_MAX);
    av_buf_init(&self->with_trace, MESSAGE_MAX + 4096);
    return self;
}

bench_mail *
bench_mail_pack(const char *path)
{
    return bench_mail_copies(path, 0);
}

bench_mail *
bench_mail_copies(const char *path, unsigned copies)
{
    bench_mail *self = mail_new();

    self->pack = fopen(path, "re");
    if (self->pack == NULL)
        bench_fail("cannot read the pack %s", path);
    self->copies = copies;
    self->copy = copies;
    return self;
}

bench_mail *
bench_mail_generated(uint64_t seed, uint64_t count)
{
    bench_mail *self = mail_new();

    self->generator = bench_generator_new(seed);
    self->left = count;
    return self;
}

void
bench_mail_close(bench_mail **self)
{
    if (*self == NULL)
        return;
    if ((*self)->pack != NULL)
        (void)fclose((*self)->pack);
    bench_generator_destroy(&(*self)->generator);
    av_buf_release(&(*self)->plain);
    av_buf_release(&(*self)->with_trace);
    free(*self);
    *self = NULL;
}

static bool
read_pack(bench_mail *self)
{
    uint32_t head[2];
    uint8_t *room;

    if (fread(head, sizeof head, 1, self->pack) != 1)
        return false;
    self->mailbox = head[0];
    av_buf_clear(&self->plain);
    room = av_buf_reserve(&self->plain, head[1]);
    if (room == NULL || (head[1] > 0 && fread(room, head[1], 1, self->pack) != 1))
        bench_fail("the pack ends in the middle of a message");
    self->plain.n = head[1];
    return true;
}

/* What the last servers on the way write above a message. A leading mbox From_ line stays first. */
static void
add_trace(bench_mail *self)
{
    av_span plain = av_buf_span(&self->plain);
    size_t first = plain.n >= 5 && memcmp(plain.p, "From ", 5) == 0 ? av_span_find(plain, '\n') + 1 : 0;
    size_t line = av_span_find(plain, '\n');
    const char *end = line > 0 && line < plain.n && plain.p[line - 1] == '\r' ? "\r\n" : "\n";
    unsigned long long id = (self->number + 1) * 0x9E3779B97F4A7C15ULL;
    unsigned second = (unsigned)(self->number % 60);
    av_buf *out = &self->with_trace;

    first = AV_MIN(first, plain.n);
    av_buf_clear(out);
    (void)av_buf_append(out, plain.p, first);
    (void)av_buf_printf(out, "Return-Path: <bounce-%llu@lists.example.org>%s", id % 1000000, end);
    (void)av_buf_printf(out, "Delivered-To: recipient%u@example.com%s", self->copy, end);
    (void)av_buf_printf(out, "Received: from mx%u.example.com ([192.0.2.%u])%s", self->copy, 10 + self->copy, end);
    (void)av_buf_printf(out, "\tby store%u.example.com with LMTP id %016llX%s", self->copy, id, end);
    (void)av_buf_printf(out, "\tfor <recipient%u@example.com>; Tue, 03 Mar 2026 10:%02u:%02u +0000%s", self->copy,
        (unsigned)(self->number / 60 % 60), second, end);
    (void)av_buf_append(out, plain.p + first, plain.n - first);
    if (out->full)
        bench_fail("a message is larger than %u bytes", MESSAGE_MAX);
    self->number++;
}

bool
bench_mail_next(bench_mail *self, av_span *ret, uint32_t *ret_mailbox)
{
    if (self->pack == NULL) {
        if (self->left == 0)
            return false;
        self->left--;
        bench_generator_next(self->generator, &self->plain, ret_mailbox);
        *ret = av_buf_span(&self->plain);
        return true;
    }
    if (self->copies == 0) {
        if (!read_pack(self))
            return false;
        *ret = av_buf_span(&self->plain);
        *ret_mailbox = self->mailbox;
        return true;
    }
    if (self->copy == self->copies) {
        if (!read_pack(self))
            return false;
        self->copy = 0;
    }
    add_trace(self);
    *ret_mailbox = self->mailbox * self->copies + self->copy;
    self->copy++;
    *ret = av_buf_span(&self->with_trace);
    return true;
}
