/*
 * main.c - bench-bus BROKER [rounds|streams]: what the broker adds to libzmq with CURVE, measured in turns within one
 * run
 *
 * Direct and broker alternate, so that whatever else the machine does hits both; of the turns the median is shown. Exit
 * status 1 when a goal is missed (issue: 100 us at p50, 0.35 of direct with 64 in flight, 200 MB/s under 16 MB).
 */
#include <stdio.h>

#include "base/log.h"
#include "base/secret.h"
#include "tools/bench/bus/bench.h"

enum { TURNS = 5 };

struct figures {
    double p50[TURNS], p99[TURNS], per_s[TURNS];
};

static void
keep(struct figures *self, size_t turn, const bench_rounds *rounds)
{
    self->p50[turn] = rounds->p50_us;
    self->p99[turn] = rounds->p99_us;
    self->per_s[turn] = rounds->per_s;
}

static bench_rounds
median(struct figures *self)
{
    return (bench_rounds){ bench_quantile(self->p50, TURNS, 0.5), bench_quantile(self->p99, TURNS, 0.5),
        bench_quantile(self->per_s, TURNS, 0.5) };
}

static bool
goal(const char *what, double value, const char *unit, bool met)
{
    printf("  %-44s %8.2f %-5s %s\n", what, value, unit, met ? "goal met" : "GOAL MISSED");
    return met;
}

static bool
rounds(const bench_node *node)
{
    struct figures direct, broker;
    bench_rounds a, b, library, turn;
    bool met;

    for (size_t i = 0; i < TURNS; i++) {
        bench_rounds_direct(node, &turn);
        keep(&direct, i, &turn);
        bench_rounds_broker(node, &turn);
        keep(&broker, i, &turn);
    }
    bench_rounds_library(node, &library);
    a = median(&direct);
    b = median(&broker);
    printf("Round trips of 200 bytes, CURVE over loopback TCP (median of %d turns)\n", TURNS);
    printf("  %-24s %10s %10s %16s\n", "", "p50 us", "p99 us", "64 in flight /s");
    printf("  %-24s %10.0f %10.0f %16.0f\n", "direct libzmq", a.p50_us, a.p99_us, a.per_s);
    printf("  %-24s %10.0f %10.0f %16.0f\n", "through the broker", b.p50_us, b.p99_us, b.per_s);
    printf("  %-24s %10.0f %10.0f %16s\n", "bus library, Actor.Ping", library.p50_us, library.p99_us, "-");
    met = goal("the broker adds at p50 (at most 100)", b.p50_us - a.p50_us, "us", b.p50_us - a.p50_us <= 100);
    return goal("broker / direct, 64 in flight (at least 0.35)", b.per_s / a.per_s, "", b.per_s / a.per_s >= 0.35) &&
           met;
}

static bool
streams(const bench_node *node)
{
    bench_stream through, frozen, local;
    double direct = bench_stream_direct(node);
    bool met;

    bench_stream_library(node, BENCH_BROKER, &through);
    bench_stream_library(node, BENCH_FROZEN, &frozen);
    bench_stream_library(node, BENCH_LOCAL, &local);
    printf("\nStream of 50 MB in 64 KB chunks under credit (median of 5)\n");
    printf("  %-24s %10s %22s\n", "", "MB/s", "broker before -> peak");
    printf("  %-24s %10.0f %22s\n", "direct libzmq, no digest", direct, "-");
    printf("  %-24s %10.0f %12.1f -> %4.1f MB\n", "bus library", through.mb_per_s, through.broker_before_mb,
        through.broker_peak_mb);
    printf("  %-24s %10.0f %22s\n", "by a local socket", local.mb_per_s, "-");
    printf("  %-24s %10s %12.1f -> %4.1f MB\n", "receiver frozen for 1 s", "-", frozen.broker_before_mb,
        frozen.broker_peak_mb);
    met = goal("stream through the broker (at least 200)", through.mb_per_s, "MB/s", through.mb_per_s >= 200);
    met =
        goal("broker memory at its peak (under 16)", through.broker_peak_mb, "MB", through.broker_peak_mb < 16) && met;
    return goal("the same with a frozen receiver", frozen.broker_peak_mb, "MB", frozen.broker_peak_mb < 16) && met;
}

int
main(int argc, char **argv)
{
    bench_node node;
    const char *only = argc == 3 ? argv[2] : "";
    bool met = true;

    if (argc < 2 || argc > 3 || (argc == 3 && strcmp(only, "rounds") != 0 && strcmp(only, "streams") != 0)) {
        (void)fprintf(stderr, "usage: bench-bus PATH-OF-ARCHIVOLT-BROKER [rounds|streams]\n");
        return 2;
    }
    av_secret_init();
    av_log_init("bench", AV_LOG_ERROR, false);
    bench_node_start(argv[1], &node);
    if (strcmp(only, "streams") != 0)
        met = rounds(&node);
    if (strcmp(only, "rounds") != 0)
        met = streams(&node) && met;
    bench_node_stop(&node);
    return met ? 0 : 1;
}
