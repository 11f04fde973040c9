/*
 * test_corpus.c - real and hostile mail through the store: every message comes back byte for byte, its copies with
 * other delivery fields too, and what it takes on disk is printed
 *
 * Every sixth message of the bulk corpus and all fixtures; AV_ROUNDS=1 or more: all messages.
 */
#include <ftw.h>
#include <limits.h>

#include "storage/store/train.h"
#include "tests/storage/mime/corpus_walk.h"
#include "tests/storage/store/help.h"

#define COPIES         3
#define PATHS          65536
#define FILE_MAX_BYTES (32U << 20)

static struct {
    char *path[PATHS];
    size_t count, seen, every;
    uint64_t *lsn; /* of path i, copy k: [k * PATHS + i] */
} corpus;

static av_error err;

static int
on_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)ftw;
    if (kind == FTW_F && st->st_size < FILE_MAX_BYTES && corpus.seen++ % corpus.every == 0 && corpus.count < PATHS)
        corpus.path[corpus.count++] = strdup(path);
    return 0;
}

/* Copy number 0 is the file; others have what another mailbox's delivery puts on top. */
static bool
read_copy(size_t i, unsigned copy, av_buf *file, av_buf *ret)
{
    if (!corpus_read(corpus.path[i], file))
        return false;
    av_buf_clear(ret);
    if (copy > 0)
        (void)av_buf_printf(ret,
            "Delivered-To: user%u@example.org\nReceived: from mail.example.org (mail.example.org [192.0.2.%u])\n"
            "\tby imap%u.example.org (Postfix) with LMTP id %08zX\n\tfor <user%u@example.org>; Mon, 2 Nov 2026 "
            "10:%02zu:%02zu\n",
            copy, copy, copy, i * 2654435761U % 0xFFFFFFFFU, copy, i / 60 % 60, i % 60);
    return av_buf_append_span(ret, av_buf_span(file));
}

static void
learn(av_store *store)
{
    static const av_dictionary_use uses[] = { AV_DICTIONARY_SKELETONS, AV_DICTIONARY_PARTS };

    for (size_t i = 0; i < AV_COUNT(uses); i++) {
        AV_CLEANUP(av_buf_release) av_buf dictionary = { 0 };
        uint64_t lsn = 0;

        av_buf_init(&dictionary, AV_TRAIN_DICTIONARY);
        if (av_store_train(store, corpus.lsn, corpus.count / 2, uses[i], &dictionary, &err) != AV_OK)
            continue; /* too few */
        AV_CHECK_RC(av_store_put_dictionary(store, av_buf_span(&dictionary), &lsn, &err), AV_OK, &err);
        AV_CHECK_RC(av_store_use_dictionary(store, lsn, &err), AV_OK, &err);
    }
}

static void
put_all(av_store *store, unsigned copy, av_buf *file, av_buf *message, uint64_t *raw)
{
    av_store_stats stats;

    for (size_t i = 0; i < corpus.count; i++) {
        av_store_put *p = NULL;
        uint64_t *lsn = &corpus.lsn[copy * PATHS + i];

        if (!read_copy(i, copy, file, message))
            continue;
        if (i % 16 == 1) { /* in odd pieces */
            AV_CHECK_RC(av_store_put_begin(store, message->n, &p, &err), AV_OK, &err);
            for (size_t at = 0; at < message->n; at += 4099)
                AV_CHECK_RC(
                    av_store_put_write(p, av_span_slice(av_buf_span(message), at, AV_MIN(at + 4099, message->n)), &err),
                    AV_OK, &err);
            AV_CHECK_RC(av_store_put_finish(&p, lsn, NULL, &err), AV_OK, &err);
        } else {
            AV_CHECK_RC(av_store_put_message(store, av_buf_span(message), NULL, lsn, &err), AV_OK, &err);
        }
        *raw += message->n;
        if (i % 200 == 199)
            (void)commit(store);
        if (copy == 0 && i == corpus.count / 2)
            learn(store);
    }
    (void)commit(store);
    av_store_get_stats(store, &stats);
    printf("    %zu messages, copy %u: %llu bytes of %llu (%.1f %%)\n", corpus.count, copy,
        (unsigned long long)stats.bytes, (unsigned long long)*raw, 100.0 * (double)stats.bytes / (double)*raw);
}

static void
check_all(const av_store *store, unsigned copy, av_buf *file, av_buf *message)
{
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };

    av_buf_init(&got, FILE_MAX_BYTES + 4096);
    for (size_t i = 0; i < corpus.count; i++) {
        if (!read_copy(i, copy, file, message))
            continue;
        av_buf_clear(&got);
        AV_CHECK_RC(av_store_read_message(store, corpus.lsn[copy * PATHS + i], &got, &err), AV_OK, &err);
        if (!AV_CHECK(av_span_eq(av_buf_span(&got), av_buf_span(message))))
            printf("    %s\n", corpus.path[i]);
    }
}

static void
run(const char *folder)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store;
    test_watch watch = { 0 };
    av_buf file, message;
    uint64_t raw = 0;

    av_buf_init(&file, FILE_MAX_BYTES);
    av_buf_init(&message, FILE_MAX_BYTES + 4096);
    corpus.lsn = calloc(COPIES * PATHS, sizeof *corpus.lsn);
    (void)nftw(folder, on_file, 16, FTW_PHYS);
    config.max_container_bytes = 4U << 20;
    config.spool_bytes = 64 * 1024 * 1024 / 2;
    store = store_new(&config);
    AV_CHECK_RC(watch_begin(&watch, store), AV_OK, &err);
    for (unsigned copy = 0; copy < COPIES; copy++)
        put_all(store, copy, &file, &message, &raw);
    av_store_close(&store);
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_OK, &err);
    AV_CHECK(av_store_problem(store) == NULL);
    for (unsigned copy = 0; copy < COPIES; copy++)
        check_all(store, copy, &file, &message);
    av_store_close(&store);
    watch_end(&watch);
    for (; corpus.count > 0; corpus.count--)
        free(corpus.path[corpus.count - 1]);
    free(corpus.lsn);
    av_buf_release(&file);
    av_buf_release(&message);
    dir_remove(&d);
}

static const char *
corpus_folder(void)
{
    const char *from = getenv("ARCHIVOLT_CORPUS");

    return from != NULL ? from : "../../shared/corpus"; /* tests run in tests/ */
}

static void
test_bulk(void)
{
    char dir[64];

    corpus.every = getenv("AV_ROUNDS") != NULL ? 1 : 6;
    corpus.seen = 0;
    (void)corpus_temp(dir);
    AV_CHECK(corpus_unpack(corpus_folder(), "bulk/lists.tar.zst", dir));
    AV_CHECK(corpus_unpack(corpus_folder(), "bulk/phishing-pot.tar.zst", dir));
    AV_CHECK(corpus_unpack(corpus_folder(), "bulk/spamassassin.tar.zst", dir));
    run(dir);
    corpus_remove(dir);
}

static void
test_fixtures(void)
{
    char dir[64];
    AV_CLEANUP(av_free) char *loose = av_xasprintf("%s/fixtures", corpus_folder());

    corpus.every = 1;
    corpus.seen = 0;
    run(loose);
    (void)corpus_temp(dir);
    if (getenv("AV_ROUNDS") != NULL) {
        AV_CHECK(corpus_unpack(corpus_folder(), "fixtures-large.tar.zst", dir));
        run(dir);
    }
    corpus_remove(dir);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    if (access(corpus_folder(), R_OK) != 0)
        AV_SKIP("no test corpus: set ARCHIVOLT_CORPUS");
    AV_RUN(test_bulk);
    AV_RUN(test_fixtures);
    return av_check_done();
}
