/*
 * measure.c - import, durable appends, random reads, generated mail
 *
 * Only the archive's own calls lie between a lap's start and stop: reading and making messages is not counted.
 */
#include "tools/bench/store/bench.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/encode.h"
#include "storage/store/train.h"
#include "tools/bench/store/text.h"

#define WARM_READS  20000U
#define COLD_READS  300U
#define MESSAGE_MAX (64U * 1024 * 1024)
#define TRAIN_FIRST (2U * BENCH_GROUP)  /* messages: group ends behind AV_TRAIN_FIRST */
#define TRAIN_AT    (10U * BENCH_GROUP) /* and AV_TRAIN_MESSAGES */

/* A run of puts and what it took. Training happens beside the writer in an instance: it has a lap of its own. */
typedef struct intake {
    bench_lap lap, train;
    uint64_t messages, raw_bytes;
    uint64_t syncs_before, written_before;
    uint64_t first[AV_TRAIN_MESSAGES];    /* LSNs of the first messages */
    uint64_t trained_at, trained_content; /* raw and stored bytes so far when the last dictionaries came */
} intake;

static void
intake_begin(intake *self)
{
    bench_peak_reset();
    *self = (intake){ .syncs_before = bench_syncs(), .written_before = bench_written() };
}

/* Put a message; a group ends with every 512th. When there is mail enough, dictionaries are made of it. */
static uint64_t
take(intake *self, bench_archive *archive, const char *dir, av_span message, uint32_t mailbox)
{
    uint64_t lsn, views;

    bench_lap_start(&self->lap);
    lsn = bench_archive_put(archive, message, mailbox);
    if (self->messages < AV_TRAIN_MESSAGES)
        self->first[self->messages] = lsn;
    if (++self->messages % BENCH_GROUP == 0)
        bench_archive_commit(archive);
    bench_lap_stop(&self->lap);
    self->raw_bytes += message.n;
    if (self->messages != TRAIN_FIRST && self->messages != TRAIN_AT)
        return lsn;
    bench_lap_start(&self->train);
    bench_archive_train(archive, self->first, AV_MIN(self->messages, AV_COUNT(self->first)));
    bench_lap_stop(&self->train);
    if (self->messages != TRAIN_AT)
        return lsn;
    self->trained_at = self->raw_bytes;
    bench_archive_bytes(dir, &self->trained_content, &views);
    return lsn;
}

static void
report_intake(const intake *self, const char *dir)
{
    double mb = (double)self->raw_bytes / 1e6, raw = (double)self->raw_bytes;
    uint64_t content, views;

    bench_archive_bytes(dir, &content, &views);
    bench_json_number("messages", (double)self->messages);
    bench_json_number("raw_bytes", raw);
    bench_json_number("seconds", self->lap.wall_s);
    bench_json_number("cpu_seconds", self->lap.cpu_s);
    bench_json_number("messages_per_s", (double)self->messages / self->lap.wall_s);
    bench_json_number("mb_per_s", mb / self->lap.wall_s);
    bench_json_number("messages_per_cpu_s", (double)self->messages / self->lap.cpu_s);
    bench_json_number("mb_per_cpu_s", mb / self->lap.cpu_s);
    bench_json_number("content_ratio", (double)content / raw);
    bench_json_number("stored_ratio", (double)(content + views) / raw);
    if (self->trained_at > 0) {
        bench_json_number(
            "trained_ratio", (double)(content - self->trained_content) / (raw - (double)self->trained_at));
        bench_json_number("train_seconds", self->train.cpu_s);
    }
    bench_json_number("views_bytes", (double)views);
    bench_json_number("written_ratio", (double)(bench_written() - self->written_before) / raw);
    bench_json_number("syncs", (double)(bench_syncs() - self->syncs_before));
}

/* --- reads ------------------------------------------------------------------------------------------------------- */

static void
random_reads(bench_archive *archive, const char *dir, const uint64_t *lsns, size_t count, bool cold)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    size_t reads = cold ? COLD_READS : WARM_READS;
    double *us = av_xcalloc(reads, sizeof *us), bytes = 0, seconds = 0;
    bench_random random = { 7 };
    bench_lap lap;

    av_buf_init(&out, MESSAGE_MAX);
    for (size_t i = 0; i < reads; i++) {
        if (cold)
            bench_archive_cool(dir);
        lap = (bench_lap){ 0 };
        bench_lap_start(&lap);
        bench_archive_read(archive, lsns[bench_random_below(&random, (uint32_t)count)], &out);
        bench_lap_stop(&lap);
        us[i] = lap.wall_s * 1e6;
        seconds += lap.wall_s;
        bytes += (double)out.n;
    }
    bench_json_number(cold ? "cold_read_p50_us" : "read_p50_us", bench_quantile(us, reads, 0.5));
    bench_json_number(cold ? "cold_read_p99_us" : "read_p99_us", bench_quantile(us, reads, 0.99));
    if (!cold)
        bench_json_number("read_mb_per_s", bytes / 1e6 / seconds);
    free(us);
}

/* Every message against the digest of what was put in. */
static void
verify(bench_archive *archive, const uint64_t *lsns, const uint8_t *digests, size_t count)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    uint8_t digest[AV_SHA256_SIZE];

    av_buf_init(&out, MESSAGE_MAX);
    for (size_t i = 0; i < count; i++) {
        bench_archive_read(archive, lsns[i], &out);
        av_sha256(av_buf_span(&out), digest);
        if (memcmp(digest, digests + i * AV_SHA256_SIZE, AV_SHA256_SIZE) != 0)
            bench_fail("message %zu came out changed", i);
    }
}

/* --- import ------------------------------------------------------------------------------------------------------ */

static void
grow(uint64_t **lsns, uint8_t **digests, size_t count)
{
    if ((count & (count - 1)) != 0)
        return;
    *lsns = av_xrealloc(*lsns, AV_MAX(count, 512) * 2 * sizeof **lsns);
    *digests = av_xrealloc(*digests, AV_MAX(count, 512) * 2 * AV_SHA256_SIZE);
}

static void
report_open(const char *dir)
{
    bench_lap lap = { 0 };
    bench_archive *archive;

    bench_lap_start(&lap);
    archive = bench_archive_open(dir);
    bench_lap_stop(&lap);
    bench_json_number("open_ms", lap.wall_s * 1e3);
    bench_archive_close(&archive);
}

void
bench_import(const char *pack, const char *dir, unsigned copies)
{
    bench_mail *mail = copies == 1 ? bench_mail_pack(pack) : bench_mail_copies(pack, copies);
    bench_archive *archive = bench_archive_open(dir);
    AV_CLEANUP(av_free) uint64_t *lsns = NULL;
    AV_CLEANUP(av_free) uint8_t *digests = NULL;
    intake in;
    uint32_t mailbox;
    uint64_t n;
    av_span message;

    intake_begin(&in);
    while (bench_mail_next(mail, &message, &mailbox)) {
        n = in.messages;
        grow(&lsns, &digests, n);
        av_sha256(message, digests + n * AV_SHA256_SIZE);
        lsns[n] = take(&in, archive, dir, message, mailbox);
    }
    bench_mail_close(&mail);
    if (lsns == NULL)
        bench_fail("the pack is empty");
    bench_json_begin("import");
    bench_lap_start(&in.lap);
    bench_archive_commit(archive);
    bench_json_number("peak_mb", bench_peak_mb());
    bench_json_number("anonymous_mb", bench_anonymous_mb());
    bench_archive_close(&archive); /* the views' last bytes are part of the price */
    bench_lap_stop(&in.lap);
    report_intake(&in, dir);
    report_open(dir);
    archive = bench_archive_open(dir);
    verify(archive, lsns, digests, in.messages);
    if (copies == 1) {
        random_reads(archive, dir, lsns, in.messages, false);
        random_reads(archive, dir, lsns, in.messages, true);
    }
    bench_archive_close(&archive);
    bench_json_end();
}

/* --- durable appends --------------------------------------------------------------------------------------------- */

/* What one small durable append takes on this disk, without an archive: microseconds. */
static double
raw_append_us(FILE *f)
{
    static const uint8_t page[4096];
    bench_lap lap = { 0 };

    bench_lap_start(&lap);
    if (fwrite(page, sizeof page, 1, f) != 1 || fflush(f) != 0 || fdatasync(fileno(f)) != 0)
        bench_fail("writing failed");
    bench_lap_stop(&lap);
    return lap.wall_s * 1e6;
}

void
bench_append(const char *pack, const char *dir, unsigned count)
{
    bench_mail *mail = bench_mail_pack(pack);
    bench_archive *archive = bench_archive_open(dir);
    double *us = av_xcalloc(count, sizeof *us), *raw_us = av_xcalloc(count, sizeof *raw_us);
    double *syncs = av_xcalloc(count, sizeof *syncs);
    char path[PATH_MAX];
    intake in;
    uint64_t before;
    uint32_t mailbox;
    double last;
    av_span message;
    FILE *raw;

    intake_begin(&in);
    (void)snprintf(path, sizeof path, "%s/raw", dir);
    raw = fopen(path, "we");
    if (raw == NULL)
        bench_fail("cannot write %s", path);
    while (in.messages < count && bench_mail_next(mail, &message, &mailbox)) {
        before = bench_syncs();
        last = in.lap.wall_s;
        bench_lap_start(&in.lap);
        (void)bench_archive_put(archive, message, mailbox);
        bench_archive_commit(archive);
        bench_lap_stop(&in.lap);
        us[in.messages] = (in.lap.wall_s - last) * 1e6;
        syncs[in.messages] = (double)(bench_syncs() - before);
        raw_us[in.messages++] = raw_append_us(raw); /* in turns: the disk is as busy for both */
        in.raw_bytes += message.n;
    }
    in.written_before += in.messages * 4096; /* the raw appends' own */
    (void)fclose(raw);
    (void)unlink(path);
    bench_mail_close(&mail);
    bench_archive_close(&archive);
    bench_json_begin("append");
    report_intake(&in, dir);
    bench_json_number("append_p50_us", bench_quantile(us, in.messages, 0.5));
    bench_json_number("append_p99_us", bench_quantile(us, in.messages, 0.99));
    bench_json_number("raw_append_p50_us", bench_quantile(raw_us, in.messages, 0.5));
    bench_json_number("raw_append_p99_us", bench_quantile(raw_us, in.messages, 0.99));
    bench_json_number("syncs_p50", bench_quantile(syncs, in.messages, 0.5));
    bench_json_number("syncs_p99", bench_quantile(syncs, in.messages, 0.99));
    bench_json_end();
    free(us);
    free(raw_us);
    free(syncs);
}

/* --- generated mail ---------------------------------------------------------------------------------------------- */

static bool
is_milestone(uint64_t messages, uint64_t count)
{
    return messages == 100000 || messages == 300000 || messages == 1000000 || messages == count;
}

void
bench_generated(const char *dir, uint64_t seed, uint64_t count)
{
    bench_mail *mail = bench_mail_generated(seed, count);
    bench_archive *archive = bench_archive_open(dir);
    double last_s = 0, last_messages = 0;
    uint32_t mailbox;
    av_span message;
    intake in;

    intake_begin(&in);
    while (bench_mail_next(mail, &message, &mailbox)) {
        (void)take(&in, archive, dir, message, mailbox);
        if (!is_milestone(in.messages, count))
            continue;
        bench_json_begin("generated");
        bench_lap_start(&in.lap);
        bench_archive_commit(archive);
        bench_json_number("peak_mb", bench_peak_mb());
        bench_json_number("anonymous_mb", bench_anonymous_mb());
        bench_json_number("last_messages_per_s", ((double)in.messages - last_messages) / (in.lap.wall_s - last_s));
        last_messages = (double)in.messages;
        last_s = in.lap.wall_s;
        bench_archive_close(&archive);
        bench_lap_stop(&in.lap);
        report_intake(&in, dir);
        report_open(dir);
        bench_json_end();
        archive = bench_archive_open(dir);
    }
    bench_archive_close(&archive);
    bench_mail_close(&mail);
}
