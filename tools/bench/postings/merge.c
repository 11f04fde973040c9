/*
 * merge.c - bench-postings merge: runs of some documents become one
 */
#include <stdio.h>

#include "tools/bench/postings/bench.h"

enum { MOST_RUNS = 4096 };

int
bench_merge(const bench_mail *mail, uint32_t documents)
{
    static av_memory_run *parts[MOST_RUNS];
    static av_run *runs[MOST_RUNS];
    av_builder *builder = av_builder_new();
    av_memory_run *merged = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(merged);
    uint32_t step = documents == 0 ? 1000 : documents, i;
    uint64_t bytes = 0;
    size_t n = 0, p;
    double at;
    av_error err;

    for (i = 0; i < mail->n && n < MOST_RUNS; i += step, n++) {
        av_run_sink to;
        av_run_source from;

        parts[n] = av_memory_run_new();
        to = av_memory_run_sink(parts[n]);
        bench_mail_add(mail, builder, i, AV_MIN(mail->n, i + step));
        bench_fine(av_builder_finish(builder, &to, SIZE_MAX, &err), &err);
        from = av_memory_run_source(parts[n]);
        bench_fine(av_run_open(&from, &runs[n], &err), &err);
        bytes += av_run_bytes(runs[n]);
    }
    at = bench_cpu_s();
    bench_fine(av_runs_merge(runs, n, NULL, &sink, NULL, NULL, &err), &err);
    at = bench_cpu_s() - at;
    printf("%zu runs of %u, %.1f MB, become one of %.1f MB in %.2f s: %.0f messages/s\n", n, step, (double)bytes / 1e6,
        (double)av_memory_run_bytes(merged) / 1e6, at, mail->n / at);
    for (p = 0; p < n; p++) {
        av_run_destroy(&runs[p]);
        av_memory_run_destroy(&parts[p]);
    }
    av_memory_run_destroy(&merged);
    av_builder_destroy(&builder);
    return 0;
}
