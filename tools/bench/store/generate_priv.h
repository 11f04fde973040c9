/*
 * generate_priv.h - what generate.c and generate_body.c share
 */
#ifndef AV_TOOLS_BENCH_GENERATE_PRIV_H
#define AV_TOOLS_BENCH_GENERATE_PRIV_H

#include "tools/bench/store/bench.h"
#include "tools/bench/store/text.h"

#define PEOPLE_INSIDE 250U /* have a mailbox each */
#define PEOPLE        2000U
#define THREADS       4096U /* that may still be answered */
#define QUOTED        4U    /* levels that are kept in a reply */
#define NEWSLETTERS   60U

typedef struct thread {
    uint64_t seed;            /* its topic and subject */
    uint64_t message[QUOTED]; /* numbers of its last messages, newest first */
    uint32_t from[QUOTED];
    uint16_t words[QUOTED];
    unsigned count; /* messages so far; 0: none yet */
} thread;

struct bench_generator {
    uint64_t seed, number; /* number: of the message that is made */
    bench_random random;
    bench_words *words;
    thread threads[THREADS];
    uint64_t attachments;   /* made so far */
    uint32_t from, mailbox; /* of the message that is made */
    av_buf message;         /* without trace */
    av_buf work;
};

void bench_put_date(const bench_generator *self, uint64_t number, av_buf *out);
void bench_put_person(const bench_generator *self, uint32_t person, av_buf *out);
void bench_put_message_id(const bench_generator *self, uint64_t number, av_buf *out);

/* Each fills self->message and sets from; number and mailbox are set. */
void bench_make_conversation(bench_generator *self);
void bench_make_newsletter(bench_generator *self);
void bench_make_notice(bench_generator *self);

#endif
