/*
 * test_bundle.c - sealed bundles: there and back, every flipped byte and every cut refused, nothing in clear
 */
#include <sys/stat.h>

#include "base/file.h"
#include "base/secret.h"
#include "storage/backup/bundle.h"
#include "storage/keys/key_text.h"
#include "tests/storage/store/help.h"

static char *
at(const test_dir *d, const char *name)
{
    return av_xasprintf("%s/%s", d->path, name);
}

static void
make(const test_dir *d, const av_bundle_secret *secret, size_t large)
{
    AV_CLEANUP(av_free) char *small_path = at(d, "small"), *large_path = at(d, "large"), *path = at(d, "b.avm");
    AV_CLEANUP(av_free) uint8_t *bytes = av_xalloc(large + 1);
    av_bundle_writer *w = NULL;
    av_error err;

    message_fill(bytes, large, 5);
    AV_CHECK_RC(av_file_replace(small_path, av_span_str("WORDS-THAT-ARE-SECRET"), 0600, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_replace(large_path, av_span_of(bytes, large), 0640, &err), AV_OK, &err);
    AV_CHECK_RC(av_bundle_create(path, secret, &w, &err), AV_OK, &err);
    AV_CHECK_RC(av_bundle_add(w, "keys/small", small_path, &err), AV_OK, &err);
    AV_CHECK_RC(av_bundle_add(w, "db/large", large_path, &err), AV_OK, &err);
    AV_CHECK_RC(av_bundle_add(w, "../up", large_path, &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_bundle_finish(&w, &err), AV_OK, &err);
    AV_CHECK(w == NULL);
}

static void
check(const test_dir *d, const av_bundle_secret *secret)
{
    AV_CLEANUP(av_free)
    char *path = at(d, "b.avm"), *out = at(d, "out"), *f = at(d, "out/db/large"), *src = at(d, "large"),
         *beside = at(d, "out.restoring"), *k = at(d, "out/keys/small");
    AV_CLEANUP(av_buf_release) av_buf got = { 0 }, want = { 0 }, sealed = { 0 };
    size_t files = 0;
    struct stat st;
    av_error err;

    av_buf_init(&got, 1 << 20);
    av_buf_init(&want, 1 << 20);
    av_buf_init(&sealed, 1 << 20);
    AV_CHECK_RC(av_bundle_unpack(path, secret, NULL, &files, &err), AV_OK, &err);
    AV_CHECK_RC(av_bundle_unpack(path, secret, out, &files, &err), AV_OK, &err);
    AV_CHECK_INT(files, 2);
    AV_CHECK_RC(av_file_read_all(f, &got, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_read_all(src, &want, &err), AV_OK, &err);
    AV_CHECK_MEM(got.p, got.n, want.p, want.n);
    AV_CHECK(stat(k, &st) == 0 && (st.st_mode & 0777) == 0600);
    AV_CHECK(!av_file_exists(beside));
    AV_CHECK_RC(av_bundle_unpack(path, secret, out, &files, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(av_file_read_all(path, &sealed, &err), AV_OK, &err);
    AV_CHECK(memmem(sealed.p, sealed.n, "SECRET", 6) == NULL && memmem(sealed.p, sealed.n, "keys/", 5) == NULL);
}

static void
test_passphrase(void)
{
    const av_bundle_secret good = { .passphrase = "a long passphrase" }, bad = { .passphrase = "a long passphrasf" },
                           tiny = { .passphrase = "short" };
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *path = at(&d, "b.avm"), *out = at(&d, "bad"), *none = at(&d, "none");
    av_bundle_writer *w = NULL;
    bool recovery = true;
    size_t files = 0;
    av_error err;

    AV_CHECK_RC(av_bundle_create(none, &tiny, &w, &err), AV_ERR_INVALID, &err);
    make(&d, &good, 200000);
    check(&d, &good);
    AV_CHECK_RC(av_bundle_wants_recovery(path, &recovery, &err), AV_OK, &err);
    AV_CHECK(!recovery);
    AV_CHECK_RC(av_bundle_unpack(path, &bad, out, &files, &err), AV_ERR_AUTH, &err);
    AV_CHECK(!av_file_exists(out));
    AV_CHECK_RC(av_bundle_unpack(none, &good, out, &files, &err), AV_ERR_NOT_FOUND, &err);
    dir_remove(&d);
}

static void
test_recovery_key(void)
{
    AV_CLEANUP(av_key_wipe) av_key key, other;
    uint8_t public_half[32];
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *path = at(&d, "b.avm"), *out = at(&d, "bad");
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    size_t files = 0;
    bool recovery = false;
    av_error err;

    av_key_generate(AV_KEY_RECOVERY, &key);
    av_key_generate(AV_KEY_RECOVERY, &other);
    av_key_recovery_public(&key, public_half);
    make(&d, &(av_bundle_secret){ .recovery = public_half }, 70000);
    check(&d, &(av_bundle_secret){ .recovery = key.bytes });
    AV_CHECK_RC(av_bundle_wants_recovery(path, &recovery, &err), AV_OK, &err);
    AV_CHECK(recovery);
    AV_CHECK_RC(
        av_bundle_unpack(path, &(av_bundle_secret){ .recovery = other.bytes }, out, &files, &err), AV_ERR_AUTH, &err);
    AV_CHECK_RC(av_bundle_unpack(path, &(av_bundle_secret){ .passphrase = "a long passphrase" }, out, &files, &err),
        AV_ERR_AUTH, &err);
    av_buf_init(&bytes, 1 << 20);
    AV_CHECK_RC(av_file_read_all(path, &bytes, &err), AV_OK, &err);
    for (size_t i = 0; i < bytes.n; i += i < 400 ? 1 : 997) {
        av_check_row = (long)i;
        bytes.p[i] ^= 0x10;
        AV_CHECK_RC(av_file_replace(path, av_buf_span(&bytes), 0600, &err), AV_OK, &err);
        AV_CHECK(av_bundle_unpack(path, &(av_bundle_secret){ .recovery = key.bytes }, out, &files, &err) != AV_OK);
        AV_CHECK(!av_file_exists(out));
        bytes.p[i] ^= 0x10;
    }
    for (size_t n = 0; n < bytes.n; n += n < 400 ? 13 : 4999) {
        av_check_row = (long)n;
        AV_CHECK_RC(av_file_replace(path, av_span_of(bytes.p, n), 0600, &err), AV_OK, &err);
        AV_CHECK(av_bundle_unpack(path, &(av_bundle_secret){ .recovery = key.bytes }, out, &files, &err) != AV_OK);
        AV_CHECK(!av_file_exists(out));
    }
    av_check_row = -1;
    dir_remove(&d);
}

int
main(void)
{
    use_memory_folder();
    av_secret_init();
    AV_RUN(test_passphrase);
    AV_RUN(test_recovery_key);
    return av_check_done();
}
