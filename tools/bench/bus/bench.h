/*
 * bench.h - what the bus benchmarks share: a made-up node with a running broker, sockets, children, figures
 */
#ifndef AV_TOOLS_BENCH_BUS_H
#define AV_TOOLS_BENCH_BUS_H

#include <sys/types.h>

#include "actors/bus/keys.h"
#include "base/buf.h"

#define BENCH_NODE "n1"

typedef struct bench_node {
    char dir[64];
    unsigned offset;
    pid_t pid; /* of the broker */
    av_keypair broker, caller, callee;
    uint8_t sign_public[AV_SIGN_PUBLIC], sign_secret[AV_SIGN_SECRET];
} bench_node;

/*
 * Make a data folder with two registered actors (worker/n1/..., instance/demo) and start the broker; ends the
 * process on failure.
 */
void bench_node_start(const char *broker_program, bench_node *ret);
/* Stop the broker, remove the folder. */
void bench_node_stop(bench_node *self);
/* Write tcp://127.0.0.1:PORT+offset. */
void bench_node_endpoint(const bench_node *self, unsigned port, char ret[64]);

/* Print why and end the process. */
void bench_fail(const char *what) __attribute__((noreturn));
/*
 * A CURVE client DEALER connected to endpoint, or a CURVE server ROUTER bound to it. server_key: the server's
 * public key.
 */
void *bench_client(void *context, const char *endpoint, const av_keypair *own, const uint8_t *server_key);
void *bench_server(void *context, const char *endpoint, const av_keypair *own);
/* Run child(ctx) in a process of its own; it never returns. Kill with bench_child_end. */
pid_t bench_child(void (*child)(void *ctx), void *ctx);
void bench_child_end(pid_t pid);

/* The value at share (0.5, 0.99) of count numbers; sorts them. */
double bench_quantile(double *values, size_t count, double share);
/* Resident memory of a process now, and its peak since the last reset, in MB. */
double bench_resident_mb(pid_t pid);
double bench_peak_mb(pid_t pid);
void bench_peak_reset(pid_t pid);

/* One Envelope of a 200-byte request; appended to out. */
void bench_envelope(av_buf *out);

typedef struct bench_rounds {
    double p50_us, p99_us; /* one in flight */
    double per_s;          /* 64 in flight */
} bench_rounds;
/* Round trips of 200 bytes: through the broker, and without. */
void bench_rounds_broker(const bench_node *node, bench_rounds *ret);
void bench_rounds_direct(const bench_node *node, bench_rounds *ret);
/* The same by the bus library (Actor.Ping), one in flight only. */
void bench_rounds_library(const bench_node *node, bench_rounds *ret);

typedef struct bench_stream {
    double mb_per_s;
    double broker_before_mb, broker_peak_mb;
} bench_stream;
typedef enum bench_way {
    BENCH_BROKER,
    BENCH_FROZEN, /* the same, but the receiver stands still for a second in the middle */
    BENCH_LOCAL   /* by a local socket */
} bench_way;
/* 50 MB by the bus library's streams. */
void bench_stream_library(const bench_node *node, bench_way way, bench_stream *ret);
/* The same bytes from DEALER to ROUTER, 64 KB chunks under 1 MB of credit, no digest. */
double bench_stream_direct(const bench_node *node);

#endif
