/*
 * test_grep.c - nothing of the mail can be found in the files of a store: 10,000 words and addresses of the corpus,
 * sought in content, database and keyring
 */
#include "storage/keys/keyring.h"
#include "tests/storage/care/help.h"
#include "tests/storage/mime/corpus_walk.h"

#define WORDS      10000U
#define WORD_MIN   8U /* shorter ones could stand in sealed bytes by chance */
#define WORD_MAX   60U
#define PER_MAIL   12U /* words of one message, so that they come of many */
#define EVERY      12U
#define TABLE_BITS 16U

typedef struct words {
    char word[WORDS][WORD_MAX + 1];
    size_t length[WORDS];
    size_t n, addresses;
    uint32_t row[1U << TABLE_BITS]; /* by the hash of the first 8 bytes: number of the last one with it, plus 1 */
    uint32_t next[WORDS];
} words;

static words *all;
static care_store store;
static uint64_t seen, put, found, files, bytes;

static uint32_t
hash_of(const uint8_t *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof x);
    return (uint32_t)((x * 0x9E3779B97F4A7C15ULL) >> (64 - TABLE_BITS));
}

/* A word that begins at p; 0: none. */
static uint32_t
find_word(const uint8_t *p, size_t n)
{
    for (uint32_t i = all->row[hash_of(p)]; i != 0; i = all->next[i - 1])
        if (all->length[i - 1] <= n && memcmp(all->word[i - 1], p, all->length[i - 1]) == 0)
            return i;
    return 0;
}

static bool
is_word_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("@._-", c) != NULL;
}

static bool
is_known(const uint8_t *p, size_t n)
{
    for (uint32_t i = all->row[hash_of(p)]; i != 0; i = all->next[i - 1])
        if (all->length[i - 1] == n && memcmp(all->word[i - 1], p, n) == 0)
            return true;
    return false;
}

static void
take_word(const uint8_t *p, size_t n)
{
    uint32_t row = hash_of(p);

    memcpy(all->word[all->n], p, n);
    all->length[all->n] = n;
    all->next[all->n] = all->row[row];
    all->row[row] = (uint32_t)++all->n;
    all->addresses += memchr(p, '@', n) != NULL;
}

static void
take_words(av_span mail)
{
    unsigned taken = 0;

    for (size_t at = 0; at < mail.n && taken < PER_MAIL && all->n < WORDS;) {
        size_t n = 0;

        while (at + n < mail.n && mail.p[at + n] != 0 && is_word_byte(mail.p[at + n]))
            n++;
        if (n >= WORD_MIN && n <= WORD_MAX && !is_known(mail.p + at, n)) {
            take_word(mail.p + at, n);
            taken++;
        }
        at += n + 1;
    }
}

/* Into the store, with what an instance would note of it in the view. */
static void
put_mail(av_span mail)
{
    uint64_t lsn = 0;
    av_error why;

    AV_CHECK_RC(av_store_put_message(store.store, mail, NULL, &lsn, &why), AV_OK, &why);
    AV_CHECK_RC(care_place(&store, 1, (uint32_t)put + 1, lsn, mail), AV_OK, &err);
    AV_CHECK_RC(
        av_store_view_attributes_put(store.view, lsn, av_span_slice(mail, 0, AV_MIN(mail.n, 4000)), &why), AV_OK, &why);
    if (++put % 100 == 0)
        care_commit(&store);
}

static int
on_mail(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };

    (void)ftw;
    if (kind != FTW_F || st->st_size > (1 << 20) || seen++ % EVERY != 0)
        return 0;
    av_buf_init(&mail, 2U << 20);
    AV_CHECK(corpus_read(path, &mail));
    take_words(av_buf_span(&mail));
    put_mail(av_buf_span(&mail));
    return 0;
}

static int
on_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };

    (void)ftw;
    if (kind != FTW_F || st->st_size < (off_t)WORD_MIN)
        return 0;
    av_buf_init(&file, 1U << 30);
    AV_CHECK(corpus_read(path, &file));
    files++;
    bytes += file.n;
    for (size_t at = 0; at + WORD_MIN <= file.n; at++)
        found += find_word(file.p + at, file.n - at) != 0;
    return 0;
}

static void
open_keyring(av_keyring **ret)
{
    static const uint8_t uuid[16] = "instance of test", key[32] = "an instance key for tests alone";
    av_key recovery;
    uint8_t public_half[32];

    av_key_generate(AV_KEY_RECOVERY, &recovery);
    av_key_recovery_public(&recovery, public_half);
    av_key_wipe(&recovery);
    AV_CHECK_RC(av_keyring_create(store.keys_dir, uuid, key, public_half, ret, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_add(*ret, care_uuid, &store.keys, &err), AV_OK, &err);
}

static void
test_nothing_in_clear(void)
{
    char corpus[64], root[160], plain[200];
    const char *dir = av_check_corpus();
    av_keyring *keyring = NULL;
    FILE *f;

    all = av_xcalloc(1, sizeof *all);
    (void)corpus_temp(corpus);
    AV_CHECK(
        corpus_unpack(dir, "bulk/spamassassin.tar.zst", corpus) && corpus_unpack(dir, "bulk/lists.tar.zst", corpus));
    care_init(&store, folder_new(root));
    av_store_keys_unref(&store.keys);
    AV_CHECK_RC(av_dir_remove(store.keys_dir, root, &err), AV_OK, &err);
    open_keyring(&keyring);
    store.config.keys = store.keys;
    AV_CHECK_RC(av_store_create(&store.config, &err), AV_OK, &err);
    care_open(&store);
    (void)nftw(corpus, on_mail, 16, FTW_PHYS);
    care_commit(&store);
    AV_CHECK_RC(av_store_view_trim(store.view, &err), AV_OK, &err); /* into tables, beside the WAL */
    (void)nftw(root, on_file, 16, FTW_PHYS);
    care_close(&store);
    (void)nftw(root, on_file, 16, FTW_PHYS);
    printf("  %zu words (%zu addresses) of %" PRIu64 " messages in %" PRIu64 " files of %" PRIu64 " bytes: %" PRIu64
           " found\n",
        all->n, all->addresses, put, files, bytes, found);
    AV_CHECK_INT(all->n, WORDS);
    AV_CHECK(all->addresses > 500);
    AV_CHECK_INT(found, 0);
    /* and it would be found */
    (void)snprintf(plain, sizeof plain, "%s/plain", root);
    f = fopen(plain, "wb");
    AV_CHECK(f != NULL && fprintf(f, "xx%syy%s", all->word[17], all->word[WORDS - 1]) > 0 && fclose(f) == 0);
    (void)nftw(plain, on_file, 16, FTW_PHYS);
    AV_CHECK(found >= 2);
    av_store_keys_unref(&store.keys);
    av_keyring_destroy(&keyring);
    folder_remove(root);
    corpus_remove(corpus);
    free(all);
}

int
main(void)
{
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_nothing_in_clear);
    return av_check_done();
}
