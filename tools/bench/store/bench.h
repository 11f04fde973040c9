/*
 * bench.h - what the store benchmarks share: mail, an archive as an instance's writer drives it, figures
 *
 * Everything here ends the process with a sentence when something fails: a figure of a run that went wrong is none.
 */
#ifndef AV_TOOLS_BENCH_STORE_H
#define AV_TOOLS_BENCH_STORE_H

#include "base/buf.h"
#include "base/error.h"

#define BENCH_GROUP 512 /* messages a group of an import */

/* --- mail -------------------------------------------------------------------------------------------------------- */

typedef struct bench_mail bench_mail;

/* All messages of a pack: for each its mailbox (4), its length (4), its bytes. tools/bench/store.py writes them. */
bench_mail *bench_mail_pack(const char *path);
/* The same, each message as `copies` recipients' servers would deliver it: with their own trace lines. */
bench_mail *bench_mail_copies(const char *path, unsigned copies);
/* count made-up messages (generate.c); the same seed gives the same bytes. */
bench_mail *bench_mail_generated(uint64_t seed, uint64_t count);
/* False at the end. ret is borrowed until the next call. */
bool bench_mail_next(bench_mail *self, av_span *ret, uint32_t *ret_mailbox);
void bench_mail_close(bench_mail **self);

/* The same as files: a Maildir (files are named in order, all seen); an mbox of messages of some 200 bytes. Prints JSON. */
void bench_write_maildir(const char *dir, uint64_t seed, uint64_t count);
void bench_write_tiny(const char *path, uint64_t count);

typedef struct bench_generator bench_generator;
bench_generator *bench_generator_new(uint64_t seed);
void bench_generator_destroy(bench_generator **self);
/* The next message, in out (replaced), and the number of its mailbox. */
void bench_generator_next(bench_generator *self, av_buf *out, uint32_t *ret_mailbox);

/* --- an archive -------------------------------------------------------------------------------------------------- */

typedef struct bench_archive bench_archive;

/* A store and its views below dir; made when there is none. */
bench_archive *bench_archive_open(const char *dir);
void bench_archive_close(bench_archive **self);
/* One message into the open group, as an import does: digest, duplicate or not, content, placement, row. Returns the
 * LSN of its content. */
uint64_t bench_archive_put(bench_archive *self, av_span message, uint32_t mailbox);
/* End the group: durable on return. */
void bench_archive_commit(bench_archive *self);
/* Dictionaries out of these messages, in force from the next group on. Between groups. */
void bench_archive_train(bench_archive *self, const uint64_t *lsns, size_t count);
/* The message, in out (replaced). */
void bench_archive_read(bench_archive *self, uint64_t lsn, av_buf *out);
/* A message of this size, its pieces one after another, into the open group. piece: some bytes from offset on, borrowed
 * until the next call. */
typedef av_span bench_piece_fn(void *ctx, uint64_t offset);
uint64_t bench_archive_put_streamed(
    bench_archive *self, uint64_t size, bench_piece_fn *piece, void *ctx, uint32_t mailbox);
/* LSN of a placement's content. */
uint64_t bench_archive_find(bench_archive *self, uint32_t mailbox, uint32_t uid);
/* The whole message against its digest. */
void bench_archive_check_streamed(bench_archive *self, uint64_t lsn);
/* All counters of view, catalog and mailboxes. */
void bench_archive_check_counters(bench_archive *self, uint64_t messages, uint64_t bytes, uint32_t mailboxes);
/* av_care_verify with everything; makes and removes dir/scratch. */
void bench_archive_verify(bench_archive *self, const char *dir, uint64_t messages);
/* The folders in dir: content (the log), views. */
void bench_archive_bytes(const char *dir, uint64_t *ret_content, uint64_t *ret_views);
/* Forget the log's pages in the page cache. */
void bench_archive_cool(const char *dir);

/* --- figures ----------------------------------------------------------------------------------------------------- */

typedef struct bench_lap { /* adds up the time between start and stop */
    double wall_s, cpu_s;  /* cpu: of all threads of the process */
    int64_t wall_from_ns, cpu_from_ns;
} bench_lap;
void bench_lap_start(bench_lap *self);
void bench_lap_stop(bench_lap *self);

/* Calls of fdatasync and fsync through base/file.h since the first call of this function. */
uint64_t bench_syncs(void);
/* Bytes this process has caused to be written to disk, without those of files removed before they were (proc(5)). */
uint64_t bench_written(void);
double bench_peak_mb(void); /* highest resident memory since the last reset */
void bench_peak_reset(void);
/* Bytes of all files in dir and its folders. */
uint64_t bench_folder_bytes(const char *dir);
double bench_anonymous_mb(void); /* resident now, without files mapped */
/* The value at share (0.5, 0.99) of count numbers; sorts them. */
double bench_quantile(double *values, size_t count, double share);

/* One JSON object a line on stdout: begin, numbers, end. */
void bench_json_begin(const char *what);
void bench_json_number(const char *name, double value);
void bench_json_end(void);

void bench_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void bench_check(av_errc rc, const char *what, const av_error *err);

/* --- what is measured -------------------------------------------------------------------------------------------- */

/* Import a whole pack; with copies 1 also open, random reads. */
void bench_import(const char *pack, const char *dir, unsigned copies);
/* Durable appends, one message a group. */
void bench_append(const char *pack, const char *dir, unsigned count);
/* Generated mail; a line at 100,000, 300,000, 1,000,000 and at the end. */
void bench_generated(const char *dir, uint64_t seed, uint64_t count);
/* 200 MB, 1,000 parts, and count tiny messages; then everything is checked, the views are made anew, and checked again.
 * limit_mb: the process may not have more memory of its own; 0: no limit. */
void bench_endure(const char *dir, uint64_t seed, uint64_t count, uint64_t limit_mb);
/* Digest, zstd, AES, CRC, append, sync: the same job without an archive. */
void bench_loop(const char *pack, const char *dir);
/* zstd alone, message by message. */
void bench_zstd(const char *pack);

#endif
