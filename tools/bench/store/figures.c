/*
 * figures.c - clocks, counters of the kernel and of base/file.h, quantiles, JSON lines
 */
#include "tools/bench/store/bench.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

void
bench_fail(const char *fmt, ...)
{
    va_list ap;

    (void)fputs("bench-store: ", stderr);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
    exit(1);
}

void
bench_check(av_errc rc, const char *what, const av_error *err)
{
    if (rc != AV_OK)
        bench_fail("%s: %s", what, err->msg);
}

/* --- time -------------------------------------------------------------------------------------------------------- */

static int64_t
clock_ns(clockid_t id)
{
    struct timespec t;

    if (clock_gettime(id, &t) != 0)
        bench_fail("clock_gettime failed");
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void
bench_lap_start(bench_lap *self)
{
    self->cpu_from_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    self->wall_from_ns = clock_ns(CLOCK_MONOTONIC);
}

void
bench_lap_stop(bench_lap *self)
{
    self->wall_s += 1e-9 * (double)(clock_ns(CLOCK_MONOTONIC) - self->wall_from_ns);
    self->cpu_s += 1e-9 * (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - self->cpu_from_ns);
}

/* --- counters ---------------------------------------------------------------------------------------------------- */

static atomic_uint_fast64_t sync_count; /* a table of functions has no context: the one global of the benchmark */

static int
counted_fdatasync(int fd)
{
    atomic_fetch_add(&sync_count, 1);
    return fdatasync(fd);
}

static int
counted_fsync(int fd)
{
    atomic_fetch_add(&sync_count, 1);
    return fsync(fd);
}

uint64_t
bench_syncs(void)
{
    static av_file_ops ops;

    if (ops.fsync == NULL) {
        ops = *av_file_ops_get();
        ops.fdatasync = counted_fdatasync;
        ops.fsync = counted_fsync;
        av_file_ops_set(&ops);
    }
    return atomic_load(&sync_count);
}

/* The number behind name in a file of lines "name: number". */
static uint64_t
proc_number(const char *path, const char *name)
{
    size_t n = strlen(name);
    uint64_t value = 0;
    char line[200];
    FILE *f = fopen(path, "re");

    if (f == NULL)
        bench_fail("cannot read %s", path);
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, name, n) == 0 && line[n] == ':')
            value = strtoull(line + n + 1, NULL, 10);
    (void)fclose(f);
    return value;
}

uint64_t
bench_written(void)
{
    return proc_number("/proc/self/io", "write_bytes") - proc_number("/proc/self/io", "cancelled_write_bytes");
}

double
bench_peak_mb(void)
{
    return (double)proc_number("/proc/self/status", "VmHWM") / 1024;
}

double
bench_anonymous_mb(void)
{
    return (double)proc_number("/proc/self/status", "RssAnon") / 1024;
}

void
bench_peak_reset(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "we");

    if (f == NULL)
        return;
    (void)fputs("5", f); /* proc(5): resets the peak resident set size */
    (void)fclose(f);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double
bench_quantile(double *values, size_t count, double share)
{
    size_t at = (size_t)((double)count * share);

    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    return values[at < count ? at : count - 1];
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

void
bench_json_begin(const char *what)
{
    (void)printf("{\"what\": \"%s\"", what);
}

void
bench_json_number(const char *name, double value)
{
    (void)printf(", \"%s\": %.9g", name, value);
}

void
bench_json_end(void)
{
    (void)puts("}");
    (void)fflush(stdout);
}
