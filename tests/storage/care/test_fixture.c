/*
 * test_fixture.c - a store written by the first version with its format opens, verifies and says what it always said
 */
#include "tests/storage/care/fixture.h"

static av_keyring *
open_copy(care_store *s, char root[160])
{
    AV_CLEANUP(av_free) char *copy = av_xasprintf("%s/store-1", folder_new(root));
    av_keyring *keyring = NULL;

    folder_copy("fixtures/store-1", root);
    fixture_paths(s, copy);
    AV_CHECK_RC(av_keyring_open(s->keys_dir, fixture_instance_key, &keyring, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_open(keyring, fixture_store, &s->keys, &err), AV_OK, &err);
    s->config.keys = s->keys;
    care_open(s);
    return keyring;
}

static void
drop(care_store *s, av_keyring **keyring, const char *root)
{
    care_close(s);
    av_store_keys_unref(&s->keys);
    av_keyring_destroy(keyring);
    folder_remove(root);
}

static void
test_says_the_same(void)
{
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    AV_CLEANUP(av_buf_release) av_buf expected = { 0 };
    char root[160];
    fault_log log = { .loud = true };
    care_store s;
    av_keyring *keyring = open_copy(&s, root);

    AV_CHECK(!av_store_is_corrupt(s.store));
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    fixture_list(&s, &list);
    av_buf_init(&expected, FIXTURE_LIST_MAX);
    AV_CHECK_RC(av_file_read_all("fixtures/store-1/expected.txt", &expected, &err), AV_OK, &err);
    AV_CHECK(expected.n > 1000);
    AV_CHECK(av_span_eq(av_buf_span(&list), av_buf_span(&expected)));
    drop(&s, &keyring, root);
}

/* It is a store like any other: mail comes in beside the old. */
static void
test_goes_on(void)
{
    char root[160];
    fault_log log = { .loud = true };
    care_store s;
    av_keyring *keyring = open_copy(&s, root);
    uint64_t lsn = care_put(&s, 100, 7, 3000, 1); /* an attachment it knows */
    av_store_stats stats;

    care_commit(&s);
    av_store_get_stats(s.store, &stats);
    AV_CHECK_INT(stats.known_parts, 1);
    AV_CHECK_INT(care_look(s.store, lsn, 100, 7, 3000), 1);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    drop(&s, &keyring, root);
}

int
main(void)
{
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_says_the_same);
    AV_RUN(test_goes_on);
    return av_check_done();
}
