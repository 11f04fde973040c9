/*
 * test_store.c - the store from outside: put, commit, read, replay, roll, roll back, open
 */
#include "storage/store/store.h"

#include <sys/stat.h>

#include "storage/container/container.h"
#include "tests/storage/store/help.h"

#define MB (1024U * 1024)

static av_error err;

static void
test_round_trip(void)
{
    static const size_t sizes[] = { 0, 1, 2, 100, 4000, 65536, 262143, 262144, 262145, 3 * MB, 8 * MB };
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store = store_new(&config);
    uint64_t lsn[AV_COUNT(sizes)], end;

    for (size_t i = 0; i < AV_COUNT(sizes); i++)
        lsn[i] = put(store, sizes[i], i);
    end = commit(store);
    for (int opened = 0; opened < 3; opened++) {
        for (size_t i = 0; i < AV_COUNT(sizes); i++) {
            av_check_row = (long)i;
            AV_CHECK_INT(look(store, lsn[i], sizes[i], i), 1);
        }
        av_check_row = -1;
        av_store_close(&store);
        AV_CHECK_RC(av_store_open(&config, opened == 0 ? 0 : end, &store, &err), AV_OK, &err);
        AV_CHECK_INT(av_store_committed_lsn(store), end);
        AV_CHECK(av_store_problem(store) == NULL);
    }
    av_store_close(&store);
    dir_remove(&d);
}

static void
test_ranges(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store = store_new(&config);
    size_t size = 700000, got = 0;
    uint64_t lsn = put(store, size, 5);
    av_span want = message_new(size, 5);
    av_store_reader *reader = NULL;
    uint8_t *buf = malloc(size);
    uint8_t digest[32];
    static const size_t from[] = { 0, 1, 262143, 262144, 262145, 524288, 699999, 700000, 800000 };

    AV_CHECK_RC(av_store_reader_open(store, lsn, &reader, &err), AV_OK, &err);
    AV_CHECK_INT(av_store_reader_size(reader), size);
    av_sha256(want, digest);
    AV_CHECK_MEM(av_store_reader_digest(reader), 32, digest, 32);
    for (size_t i = 0; i < AV_COUNT(from); i++)
        for (size_t n = 0; n < 600000; n += 199999) {
            size_t expect = from[i] >= size ? 0 : AV_MIN(n, size - from[i]);

            AV_CHECK_RC(av_store_reader_read(reader, from[i], buf, n, &got, &err), AV_OK, &err);
            AV_CHECK_MEM(buf, got, want.p + AV_MIN(from[i], size), expect);
        }
    AV_CHECK_RC(av_store_reader_verify(reader, &err), AV_OK, &err);
    av_store_reader_close(&reader);
    AV_CHECK_RC(av_store_reader_open(store, lsn + 1, &reader, &err), AV_ERR_NOT_FOUND, &err);
    (void)commit(store);
    AV_CHECK_RC(av_store_reader_open(store, lsn + 1, &reader, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_RC(av_store_reader_open(store, 0, &reader, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_store_reader_open(store, lsn + 900000, &reader, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_store_reader_open(store, 0x700000080, &reader, &err), AV_ERR_NOT_FOUND, &err);
    message_free(want);
    free(buf);
    av_store_close(&store);
    dir_remove(&d);
}

static uint64_t
stream(av_store *store, size_t size, uint64_t announced, uint64_t seed, size_t step, av_errc want)
{
    av_span m = message_new(size, seed);
    av_store_put *p = NULL;
    uint64_t lsn = 0;
    uint8_t digest[32], expect[32];
    av_errc rc = av_store_put_begin(store, announced, &p, &err);

    for (size_t at = 0; rc == AV_OK && at < size; at += step)
        rc = av_store_put_write(p, av_span_slice(m, at, AV_MIN(at + step, size)), &err);
    if (rc == AV_OK)
        rc = av_store_put_finish(&p, &lsn, digest, &err);
    av_store_put_abort(&p);
    AV_CHECK_RC(rc, want, &err);
    av_sha256(m, expect);
    if (rc == AV_OK)
        AV_CHECK_MEM(digest, 32, expect, 32);
    message_free(m);
    return lsn;
}

static void
test_streams(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store;
    uint64_t lsn[5];
    static const size_t size[5] = { 100, 65536, 65537, 1000000, 786432 };

    config.spool_bytes = 65536;
    store = store_new(&config);
    for (size_t i = 0; i < 5; i++)
        lsn[i] = stream(store, size[i], i % 2 ? size[i] : AV_STORE_SIZE_UNKNOWN, i, 10007, AV_OK);
    (void)stream(store, 100, 101, 1, 50, AV_ERR_INVALID);
    (void)stream(store, 100, 99, 1, 50, AV_ERR_LIMIT);
    (void)stream(store, 200000, 200001, 1, 5000, AV_ERR_INVALID);
    (void)commit(store);
    av_store_close(&store);
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_OK, &err);
    for (size_t i = 0; i < 5; i++)
        AV_CHECK_INT(look(store, lsn[i], size[i], i), 1);
    av_store_close(&store);
    dir_remove(&d);
}

/* Two long messages arrive at once, others are committed between, containers roll under them. */
static void
test_interleaved(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store;
    av_store_put *p[2] = { NULL, NULL };
    av_span m[2] = { message_new(3 * MB, 1), message_new(3 * MB + 77, 2) };
    uint64_t lsn[2], small = 0;
    av_store_stats stats;

    config.spool_bytes = 65536;
    config.max_container_bytes = 512 * 1024;
    store = store_new(&config);
    for (int i = 0; i < 2; i++)
        AV_CHECK_RC(av_store_put_begin(store, m[i].n, &p[i], &err), AV_OK, &err);
    for (size_t at = 0; at < m[1].n; at += 100000) {
        for (int i = 0; i < 2; i++)
            if (at < m[i].n)
                AV_CHECK_RC(
                    av_store_put_write(p[i], av_span_slice(m[i], at, AV_MIN(at + 100000, m[i].n)), &err), AV_OK, &err);
        small = put(store, 300, at);
        (void)commit(store);
    }
    for (int i = 0; i < 2; i++)
        AV_CHECK_RC(av_store_put_finish(&p[i], &lsn[i], NULL, &err), AV_OK, &err);
    (void)commit(store);
    av_store_get_stats(store, &stats);
    AV_CHECK(stats.containers > 4);
    av_store_close(&store);
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_OK, &err);
    AV_CHECK(av_store_problem(store) == NULL);
    for (int i = 0; i < 2; i++)
        AV_CHECK_INT(look(store, lsn[i], m[i].n, (uint64_t)i + 1), 1);
    AV_CHECK_INT(look(store, small, 300, 3100000), 1);
    message_free(m[0]);
    message_free(m[1]);
    av_store_close(&store);
    dir_remove(&d);
}

static void
test_rollback(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store;
    av_store_put *kept = NULL, *lost = NULL;
    av_span m = message_new(400000, 9);
    uint64_t a, end, lsn = 0;

    config.spool_bytes = 1000;
    store = store_new(&config);
    AV_CHECK_RC(av_store_put_begin(store, m.n, &kept, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_write(kept, av_span_slice(m, 0, 300000), &err), AV_OK, &err);
    a = put(store, 500, 1);
    end = commit(store);
    AV_CHECK_RC(av_store_put_begin(store, m.n, &lost, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_write(lost, av_span_slice(m, 0, 300000), &err), AV_OK, &err);
    (void)put(store, 600, 2);
    AV_CHECK_RC(av_store_rollback(store, &err), AV_OK, &err);
    AV_CHECK_INT(commit(store), end);
    AV_CHECK_RC(av_store_put_write(lost, av_span_slice(m, 300000, m.n), &err), AV_ERR_CONFLICT, &err);
    AV_CHECK_RC(av_store_put_finish(&lost, &lsn, NULL, &err), AV_ERR_CONFLICT, &err);
    AV_CHECK(lost == NULL);
    AV_CHECK_RC(av_store_put_write(kept, av_span_slice(m, 300000, m.n), &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_finish(&kept, &lsn, NULL, &err), AV_OK, &err);
    (void)commit(store);
    av_store_close(&store);
    AV_CHECK_RC(av_store_open(&config, end, &store, &err), AV_OK, &err);
    AV_CHECK_INT(look(store, a, 500, 1), 1);
    AV_CHECK_INT(look(store, lsn, m.n, 9), 1);
    message_free(m);
    av_store_close(&store);
    dir_remove(&d);
}

/* --- replay ----------------------------------------------------------------------------------------------------- */

struct seen {
    int contents, events, commits;
    uint64_t last_lsn;
    char words[64];
};

static av_errc
on_content(void *ctx, const av_store_content *content, AV_UNUSED av_error *visit_err)
{
    struct seen *s = ctx;

    AV_CHECK(content->lsn > s->last_lsn && !content->erased);
    s->last_lsn = content->lsn;
    s->contents += content->kind == AV_RECORD_MESSAGE;
    return AV_OK;
}

static av_errc
on_event(void *ctx, uint64_t lsn, av_span body, av_error *visit_err)
{
    struct seen *s = ctx;

    AV_CHECK(lsn >= s->last_lsn);
    s->last_lsn = lsn;
    s->events++;
    (void)snprintf(
        s->words + strlen(s->words), sizeof s->words - strlen(s->words), "%.*s ", (int)body.n, (const char *)body.p);
    return av_span_eq_str(body, "stop") ? av_error_set(visit_err, AV_ERR_CANCELLED, "stopped") : AV_OK;
}

static av_errc
on_commit(void *ctx, uint64_t lsn, AV_UNUSED av_error *visit_err)
{
    struct seen *s = ctx;

    AV_CHECK(lsn > s->last_lsn);
    s->last_lsn = lsn;
    s->commits++;
    return AV_OK;
}

static av_errc
replay(av_store *store, uint64_t after, struct seen *s)
{
    av_store_visitor visitor = { s, on_content, on_event, on_commit };

    return av_store_replay(store, after, &visitor, &err);
}

static void
event(av_store *store, const char *word)
{
    AV_CHECK_RC(av_store_put_event(store, av_span_str(word), &err), AV_OK, &err);
}

static void
test_replay(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store;
    struct seen all = { 0 }, some = { 0 }, stopped = { 0 };
    uint64_t first;

    config.max_container_bytes = 65536;
    store = store_new(&config);
    event(store, "one");
    (void)put(store, 200000, 1);
    first = commit(store);
    event(store, "two");
    event(store, "three");
    (void)commit(store);
    event(store, "stop");
    (void)put(store, 100, 2);
    (void)commit(store);
    event(store, "not committed");
    AV_CHECK_RC(replay(store, 0, &all), AV_ERR_CANCELLED, &err);
    AV_CHECK_STR(all.words, "one two three stop ");
    AV_CHECK(all.contents == 2 && all.commits == 2); /* contents of a group stand before its events */
    AV_CHECK_RC(replay(store, first, &some), AV_ERR_CANCELLED, &err);
    AV_CHECK_STR(some.words, "two three stop ");
    AV_CHECK_RC(replay(store, av_store_committed_lsn(store), &stopped), AV_OK, &err);
    AV_CHECK_INT(stopped.last_lsn, 0);
    AV_CHECK_RC(replay(store, first + 1, &stopped), AV_ERR_CORRUPT, &err);
    av_store_close(&store);
    dir_remove(&d);
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static void
test_refused_opens(void)
{
    test_dir d = dir_new(), strange = dir_new();
    av_store_config config = config_of(d.path), wrong = config;
    static const uint8_t other_key[32] = "another key";
    uint8_t uuid[16];
    av_store *store = NULL, *second = NULL;
    char path[200], other[200];
    static const char newer[] = "archivolt store\nformat = 2\nuuid = 00\ncheck = 00\n";

    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_ERR_NOT_FOUND, &err);
    store = store_new(&config);
    AV_CHECK_RC(av_store_create(&config, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(av_store_identify(d.path, uuid, &err), AV_OK, &err);
    AV_CHECK_MEM(uuid, 16, av_store_uuid(store), 16);
    AV_CHECK_RC(av_store_open(&config, 0, &second, &err), AV_ERR_BUSY, &err);
    (void)put(store, 10, 1);
    (void)commit(store);
    av_store_close(&store);
    AV_CHECK_RC(
        av_store_keys_create(strange.path, av_store_keys_uuid(config.keys), other_key, &wrong.keys, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_open(&wrong, 0, &store, &err), AV_ERR_AUTH, &err);
    av_store_keys_unref(&wrong.keys);
    dir_remove(&strange);
    (void)snprintf(path, sizeof path, "%s/store.avs", d.path);
    (void)snprintf(other, sizeof other, "%s/store.kept", d.path);
    AV_CHECK_INT(rename(path, other), 0);
    AV_CHECK_RC(av_store_create(&config, &err), AV_ERR_INVALID, &err); /* containers, but no marker */
    AV_CHECK_RC(av_file_replace(path, av_span_str(newer), 0600, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_ERR_VERSION, &err);
    AV_CHECK(strstr(err.msg, "format 2") != NULL);
    AV_CHECK_RC(av_file_replace(path, av_span_str("archivolt store\nformat = 1\n"), 0600, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_INT(rename(other, path), 0);
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_OK, &err);
    av_store_close(&store);
    dir_remove(&d);
}

static void
test_foreign_folder(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store = NULL;
    char path[200];
    uint8_t uuid[16];

    AV_CHECK_RC(av_store_identify(d.path, uuid, &err), AV_ERR_NOT_FOUND, &err);
    (void)snprintf(path, sizeof path, "%s/MailStoreFileGroup.fdb", d.path);
    AV_CHECK_RC(av_file_replace(path, av_span_str("x"), 0600, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_identify(d.path, uuid, &err), AV_ERR_UNSUPPORTED, &err);
    AV_CHECK(strstr(err.msg, "this is a MailStore store, export it from there") != NULL);
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_ERR_UNSUPPORTED, &err);
    AV_CHECK_RC(av_store_create(&config, &err), AV_ERR_INVALID, &err);
    dir_remove(&d);
}

/* No word of a message or an event may be read in the files. */
static void
test_nothing_in_clear(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store = store_new(&config);
    AV_CLEANUP(av_free) char *path = av_container_path(d.path, 1, 0);
    static const char word[] = "xylophone-quartz";
    uint64_t lsn = 0;
    av_buf file;

    AV_CHECK_RC(av_store_put_message(store, av_span_str(word), NULL, &lsn, &err), AV_OK, &err);
    event(store, word);
    (void)commit(store);
    av_store_close(&store);
    av_buf_init(&file, MB);
    AV_CHECK_RC(av_file_read_all(path, &file, &err), AV_OK, &err);
    AV_CHECK(memmem(file.p, file.n, word, strlen(word)) == NULL);
    av_buf_release(&file);
    dir_remove(&d);
}

static void
test_limits(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store;
    av_store_put *p = NULL;
    uint64_t lsn = 0, a;
    av_span big = message_new(70000, 1);

    config.max_message_bytes = 60000;
    store = store_new(&config);
    a = put(store, 60000, 3);
    AV_CHECK_RC(av_store_put_message(store, big, NULL, &lsn, &err), AV_ERR_LIMIT, &err);
    AV_CHECK_RC(av_store_put_begin(store, 60001, &p, &err), AV_ERR_LIMIT, &err);
    (void)stream(store, 70000, AV_STORE_SIZE_UNKNOWN, 1, 1000, AV_ERR_LIMIT);
    (void)commit(store); /* the group was not spoiled */
    AV_CHECK_INT(look(store, a, 60000, 3), 1);
    message_free(big);
    av_store_close(&store);
    dir_remove(&d);
}

static void
copy_folder(const char *from, const char *to)
{
    char command[400];

    (void)snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
    AV_CHECK_INT(system(command), 0);
}

/* A backup of the log comes back beside today's keys, and what was written since was erased: its slots are passed over,
 * in the container that goes on and in one that the backup does not have. */
static void
test_older_log_beside_todays_keys(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store = store_new(&config);
    uint64_t first = put(store, 100, 1), lost[3], again[3];
    char backup[160];

    (void)commit(store);
    (void)snprintf(backup, sizeof backup, "%s.backup", d.path);
    copy_folder(d.path, backup);
    lost[0] = put(store, 100, 2);
    lost[1] = put(store, 100, 3);
    (void)commit(store);
    AV_CHECK_RC(av_store_roll(store, &err), AV_OK, &err);
    lost[2] = put(store, 100, 4);
    (void)commit(store);
    AV_CHECK_RC(av_store_erase(store, lost, AV_COUNT(lost), &err), AV_OK, &err);
    av_store_close(&store);
    copy_folder(backup, d.path);
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_OK, &err);
    AV_CHECK(av_store_problem(store) == NULL);
    again[0] = put(store, 100, 5);
    again[1] = put(store, 100, 6);
    (void)commit(store);
    AV_CHECK_RC(av_store_roll(store, &err), AV_OK, &err);
    again[2] = put(store, 100, 7);
    (void)commit(store);
    for (int opened = 0; opened < 2; opened++) {
        AV_CHECK_INT(look(store, first, 100, 1), 1);
        for (unsigned i = 0; i < AV_COUNT(again); i++)
            AV_CHECK_INT(look(store, again[i], 100, 5 + i), 1);
        av_store_close(&store);
        AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_OK, &err);
        AV_CHECK(av_store_problem(store) == NULL);
    }
    av_store_close(&store);
    (void)snprintf(backup, sizeof backup, "rm -rf '%s.backup'", d.path);
    AV_CHECK_INT(system(backup), 0);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_round_trip);
    AV_RUN(test_ranges);
    AV_RUN(test_streams);
    AV_RUN(test_interleaved);
    AV_RUN(test_rollback);
    AV_RUN(test_replay);
    AV_RUN(test_refused_opens);
    AV_RUN(test_foreign_folder);
    AV_RUN(test_nothing_in_clear);
    AV_RUN(test_limits);
    AV_RUN(test_older_log_beside_todays_keys);
    return av_check_done();
}
