/*
 * test_damage.c - a flipped bit or a cut at every byte of a small store: never wrong content, never a crash, and
 * damage to what was acknowledged is not taken for a torn tail
 */
#include <sys/stat.h>

#include "storage/container/container.h"
#include "tests/storage/store/help.h"

#define MESSAGES 6

struct small_store {
    test_dir dir;
    av_store_config config;
    char *file;
    av_buf bytes;
    uint64_t lsn[MESSAGES], commit[3];
};

static const size_t sizes[MESSAGES] = { 40, 0, 700, 150, 2600, 90 };
static av_error err;

/* Three groups of two messages and an event. */
static void
make(struct small_store *s)
{
    av_store *store;
    test_watch watch = { 0 };

    s->dir = dir_new();
    s->config = config_of(s->dir.path);
    s->file = av_container_path(s->dir.path, 1, 0);
    s->config.min_part_bytes = 64;
    store = store_new(&s->config);
    AV_CHECK_RC(watch_begin(&watch, store), AV_OK, &err);
    for (size_t i = 0; i < MESSAGES; i++) {
        s->lsn[i] = put(store, sizes[i], i);
        AV_CHECK_RC(av_store_put_event(store, av_span_str("event"), &err), AV_OK, &err);
        if (i % 2 == 1)
            s->commit[i / 2] = commit(store);
    }
    av_store_close(&store);
    watch_end(&watch);
    av_buf_init(&s->bytes, 1U << 20);
    AV_CHECK_RC(av_file_read_all(s->file, &s->bytes, &err), AV_OK, &err);
}

static void
drop(struct small_store *s)
{
    dir_remove(&s->dir);
    free(s->file);
    av_buf_release(&s->bytes);
}

/* Not through av_file_replace: no need for its syncs here. */
static void
write_file(const struct small_store *s, size_t n)
{
    FILE *f = fopen(s->file, "wb");

    AV_CHECK(f != NULL && fwrite(s->bytes.p, 1, n, f) == n);
    if (f != NULL)
        (void)fclose(f);
}

static size_t
file_size(const struct small_store *s)
{
    struct stat st;

    return stat(s->file, &st) == 0 ? (size_t)st.st_size : 0;
}

static av_errc
check_event(AV_UNUSED void *ctx, AV_UNUSED uint64_t lsn, av_span body, AV_UNUSED av_error *visit_err)
{
    AV_CHECK(av_span_eq_str(body, "event"));
    return AV_OK;
}

/* Group (0 to 2) to which byte at belongs; -1: the header. */
static int
group_of(const struct small_store *s, size_t at)
{
    if (at < AV_CONTAINER_HEADER)
        return -1;
    for (int g = 0; g < 2; g++)
        if (at < (size_t)av_lsn_offset(s->commit[g]) + AV_RECORD_HEADER + AV_COMMIT_BODY)
            return g;
    return 2;
}

static void
check_contents(const struct small_store *s, const av_store *store, int hit, bool all_there)
{
    for (int i = 0; i < MESSAGES; i++) {
        int seen = look(store, s->lsn[i], sizes[i], (uint64_t)i);

        AV_CHECK(seen >= 0);
        if (all_there && i / 2 != hit && hit >= 0)
            AV_CHECK_INT(seen, 1); /* damage to another group costs this message nothing */
    }
}

/* witness: 0 none, 1 to 3: the commit of that group is known to the view. */
static void
open_damaged(const struct small_store *s, int hit, int witness, size_t size)
{
    av_store *store = NULL;
    av_errc rc = av_store_open(&s->config, witness == 0 ? 0 : s->commit[witness - 1], &store, &err);
    bool may_cut = hit == 2 && witness < 3;
    av_store_visitor visitor = { .event = check_event };

    AV_CHECK_RC(rc, AV_OK, &err);
    if (rc != AV_OK)
        return;
    if (witness <= hit && hit < 2) /* a later group stands behind it, and it was read */
        AV_CHECK(av_store_is_corrupt(store));
    if (hit < 0)
        AV_CHECK(av_store_is_corrupt(store));
    if (!may_cut)
        AV_CHECK_INT(file_size(s), size);
    if (av_store_is_corrupt(store)) {
        AV_CHECK(av_store_problem(store) != NULL);
        AV_CHECK_RC(av_store_put_event(store, av_span_str("x"), &err), AV_ERR_READONLY, &err);
    } else if (may_cut) {
        AV_CHECK(av_store_committed_lsn(store) == s->commit[1]);
    }
    check_contents(s, store, hit, !may_cut);
    (void)av_store_replay(store, 0, &visitor, &err);
    av_store_close(&store);
    if (!may_cut)
        AV_CHECK_INT(file_size(s), size);
}

static void
test_flip_every_byte(void)
{
    struct small_store s;

    make(&s);
    for (size_t at = 0; at < s.bytes.n; at++) {
        uint8_t kept = s.bytes.p[at];

        av_check_row = (long)at;
        s.bytes.p[at] ^= (uint8_t)(1U << at % 8);
        for (int witness = 0; witness <= 3; witness++) {
            write_file(&s, s.bytes.n);
            open_damaged(&s, group_of(&s, at), witness, s.bytes.n);
        }
        s.bytes.p[at] = kept;
    }
    av_check_row = -1;
    drop(&s);
}

/* An acknowledged end that is gone is corruption; one nobody saw is a torn tail. */
static void
test_cut_every_byte(void)
{
    struct small_store s;

    make(&s);
    for (size_t n = 0; n < s.bytes.n; n += n < 300 ? 1 : 3) {
        av_store *store = NULL;

        av_check_row = (long)n;
        write_file(&s, n);
        AV_CHECK_RC(av_store_open(&s.config, s.commit[2], &store, &err), AV_OK, &err);
        AV_CHECK(av_store_is_corrupt(store));
        check_contents(&s, store, -1, false);
        av_store_close(&store);
        AV_CHECK_INT(file_size(&s), n);
        AV_CHECK_RC(av_store_open(&s.config, 0, &store, &err), AV_OK, &err);
        AV_CHECK_INT(av_store_is_corrupt(store), n < AV_CONTAINER_HEADER);
        check_contents(&s, store, -1, false);
        av_store_close(&store);
    }
    av_check_row = -1;
    drop(&s);
}

/* Somebody without the key changes a byte and puts the CRCs right: the chain does not hold any more. */
static void
test_forged_records(void)
{
    struct small_store s;

    make(&s);
    for (size_t at = AV_CONTAINER_HEADER; at < s.bytes.n;) {
        AV_CLEANUP(av_free) uint8_t *kept = malloc(s.bytes.n);
        uint8_t *body = s.bytes.p + at + AV_RECORD_HEADER;
        av_record_header h;
        av_store *store = NULL;
        int hit = group_of(&s, at);

        av_check_row = (long)at;
        memcpy(kept, s.bytes.p, s.bytes.n);
        AV_CHECK_RC(av_record_header_decode(s.bytes.p + at, av_store_keys_uuid(s.config.keys), av_lsn(1, at), &h, &err),
            AV_OK, &err);
        body[h.length / 2] ^= 1;
        h.body_crc = av_crc32c(0, av_span_of(body, h.length));
        av_record_header_encode(&h, av_store_keys_uuid(s.config.keys), s.bytes.p + at);
        write_file(&s, s.bytes.n);
        AV_CHECK_RC(av_store_open(&s.config, 0, &store, &err), AV_OK, &err);
        AV_CHECK_INT(av_store_is_corrupt(store), hit < 2);
        AV_CHECK_INT(av_store_committed_lsn(store), hit == 0 ? 0 : s.commit[hit - 1]);
        check_contents(&s, store, -1, false);
        av_store_close(&store);
        memcpy(s.bytes.p, kept, s.bytes.n);
        at += AV_RECORD_HEADER + h.length;
    }
    av_check_row = -1;
    drop(&s);
}

static void
test_missing_container(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    AV_CLEANUP(av_free) char *path = av_container_path(d.path, 2, 0);
    av_store *store;
    uint64_t lsn[4], end = 0;

    config.max_container_bytes = 65536;
    store = store_new(&config);
    for (uint64_t i = 0; i < 4; i++) {
        lsn[i] = put(store, 200000, i);
        end = commit(store);
    }
    av_store_close(&store);
    AV_CHECK_INT(unlink(path), 0);
    for (int witnessed = 0; witnessed < 2; witnessed++) {
        AV_CHECK_RC(av_store_open(&config, witnessed ? end : 0, &store, &err), AV_OK, &err);
        AV_CHECK(av_store_is_corrupt(store) && strstr(av_store_problem(store), "00000002.avc") != NULL);
        AV_CHECK_INT(look(store, lsn[0], 200000, 0), 1);
        AV_CHECK_INT(look(store, lsn[1], 200000, 1), 0);
        AV_CHECK_INT(look(store, lsn[3], 200000, 3), 1);
        av_store_close(&store);
    }
    dir_remove(&d);
}

/* Containers of two stores with one key: nothing of the one is taken for the other's. */
static void
test_swapped_containers(void)
{
    test_dir d[2] = { dir_new(), dir_new() };
    char *path[2];
    av_store_config config[2] = { config_of(d[0].path), config_of(d[1].path) };
    uint64_t lsn = 0;
    av_store *store;

    for (int i = 0; i < 2; i++) {
        path[i] = av_container_path(d[i].path, 1, 0);
        store = store_new(&config[i]);
        lsn = put(store, 500, (uint64_t)i);
        (void)commit(store);
        av_store_close(&store);
    }
    AV_CHECK_INT(rename(path[1], path[0]), 0);
    AV_CHECK_RC(av_store_open(&config[0], 0, &store, &err), AV_OK, &err);
    AV_CHECK(av_store_is_corrupt(store));
    AV_CHECK_INT(look(store, lsn, 500, 1), 0);
    av_store_close(&store);
    for (int i = 0; i < 2; i++) {
        free(path[i]);
        dir_remove(&d[i]);
    }
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_flip_every_byte);
    AV_RUN(test_cut_every_byte);
    AV_RUN(test_forged_records);
    AV_RUN(test_missing_container);
    AV_RUN(test_swapped_containers);
    return av_check_done();
}
