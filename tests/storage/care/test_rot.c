/*
 * test_rot.c - each byte of a small store flipped in turn: it is told, no content is ever wrong, nothing is cut
 *
 * Containers (one compacted, one sealed, the one being written), the marker and the key files. In a normal run a sample
 * of the bytes, with AV_ROUNDS all of them.
 */
#include <dirent.h>
#include <time.h>

#include "tests/storage/care/help.h"

#define MESSAGES 14U
#define BYTES    700U

typedef struct rot_store {
    care_store s;
    char root[160];
    uint64_t lsns[MESSAGES];
    uint64_t witness;
} rot_store;

static unsigned
attachment_of(unsigned i)
{
    return i % 3 == 0 ? 1 : i % 3 == 1 ? 100 + i : 0;
}

static bool
is_erased(unsigned i)
{
    return i == 2 || i == 4;
}

static void
make(rot_store *r)
{
    static const char dictionary[] =
        "From: Writer <writer@example.org>\r\nSubject: report number\r\n"
        "Line of the report that has the number, unlike any other one.\r\n"
        "Content-Type: multipart/mixed; boundary=\"care\"\r\n--care\r\n"
        "Message-ID: <.care@example.org>\r\nMIME-Version: 1.0\r\n and so on, and so forth, to its end";
    care_store *s = &r->s;
    av_care_compact_result compacted;
    uint64_t lsn = 0;

    care_new(s, folder_new(r->root));
    AV_CHECK_RC(av_store_put_dictionary(s->store, av_span_str(dictionary), &lsn, &err), AV_OK, &err);
    AV_CHECK_RC(care_mailbox(s, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    care_commit(s);
    AV_CHECK_RC(av_store_use_dictionary(s->store, lsn, &err), AV_OK, &err);
    for (unsigned i = 0; i < MESSAGES; i++) {
        r->lsns[i] = care_put(s, i, attachment_of(i), BYTES, 1);
        if (i % 3 == 2)
            care_commit(s);
        if (i == 5 || i == 10) {
            care_commit(s);
            AV_CHECK_RC(av_store_roll(s->store, &err), AV_OK, &err);
        }
    }
    AV_CHECK_RC(care_remove(s, 1, 3), AV_OK, &err);
    AV_CHECK_RC(care_remove(s, 1, 5), AV_OK, &err);
    care_commit(s);
    AV_CHECK_RC(care_erase(s, r->lsns[2]), AV_OK, &err);
    AV_CHECK_RC(care_erase(s, r->lsns[4]), AV_OK, &err);
    AV_CHECK_RC(care_compact(s, 5, &compacted), AV_OK, &err);
    AV_CHECK_INT(compacted.containers, 1);
    r->witness = av_store_committed_lsn(s->store);
    care_close(s);
}

/* --- one flip ---------------------------------------------------------------------------------------------------- */

static int
open_file(const char *path)
{
    int fd = -1;

    AV_CHECK_RC(av_file_open(path, O_RDWR, 0, &fd, &err), AV_OK, &err);
    return fd;
}

static uint64_t
size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void
check_contents(const rot_store *r, const av_store *store)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        int seen = care_look(store, r->lsns[i], i, attachment_of(i), BYTES);

        AV_CHECK(is_erased(i) ? seen == 0 : seen >= 0);
    }
}

/* Faults told; an open that refuses is one, too. */
static uint64_t
look_at(rot_store *r, fault_log *log)
{
    av_verify_options options = { .contents = true, .witnessed_lsn = r->witness, .ctx = log, .fault = take_fault };
    av_verify_result result = { 0 };
    av_store *store = NULL;
    av_errc rc = av_store_open(&r->s.config, r->witness, &store, &err);

    if (rc != AV_OK) {
        AV_CHECK(rc == AV_ERR_CORRUPT || rc == AV_ERR_AUTH || rc == AV_ERR_VERSION || rc == AV_ERR_NOT_FOUND);
        return 1;
    }
    AV_CHECK_RC(av_care_verify(store, &options, NULL, &result, &err), AV_OK, &err);
    check_contents(r, store);
    av_store_close(&store);
    return result.faults;
}

static void
flip_one(rot_store *r, const char *path, int fd, uint64_t at, uint64_t size)
{
    uint8_t kept = 0, flipped;
    fault_log log = { 0 };

    av_check_row = (long)at;
    AV_CHECK_RC(av_file_read_at(fd, &kept, 1, at, &err), AV_OK, &err);
    flipped = kept ^ (uint8_t)(1U << at % 8);
    AV_CHECK_RC(av_file_write_at(fd, &flipped, 1, at, &err), AV_OK, &err);
    if (!AV_CHECK(look_at(r, &log) > 0))
        printf("    %s\n", path);
    AV_CHECK_INT(size_of(path), size); /* it was acknowledged: nothing is cut */
    AV_CHECK_RC(av_file_write_at(fd, &kept, 1, at, &err), AV_OK, &err);
}

static void
flip_file(rot_store *r, const char *path, uint64_t step, uint64_t *ret_flips)
{
    uint64_t size = size_of(path), first = step > 1 ? (uint64_t)time(NULL) % step : 0;
    int fd = open_file(path);

    for (uint64_t at = first; at < size; at += step, ++*ret_flips)
        flip_one(r, path, fd, at, size);
    av_file_close(&fd);
    av_check_row = -1;
}

/* All files of a folder, sorted by nothing. */
static void
flip_folder(rot_store *r, const char *dir, uint64_t step, uint64_t *ret_flips)
{
    DIR *d = opendir(dir);

    for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, entry->d_name);
        struct stat st;

        if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            flip_file(r, path, step, ret_flips);
    }
    if (d != NULL)
        (void)closedir(d);
}

static uint64_t
step_of_run(void)
{
    return getenv("AV_ROUNDS") != NULL ? 1 : 9;
}

static void
test_containers_and_marker(void)
{
    rot_store *r = av_xcalloc(1, sizeof *r);
    fault_log log = { .loud = true };
    uint64_t flips = 0;

    make(r);
    AV_CHECK_INT(look_at(r, &log), 0);
    flip_folder(r, r->s.content, step_of_run(), &flips);
    AV_CHECK_INT(look_at(r, &log), 0);
    printf("  %" PRIu64 " bytes flipped\n", flips);
    av_store_keys_unref(&r->s.keys);
    folder_remove(r->root);
    free(r);
}

/* Keys are opened anew for each flip. The ones that cannot be had are told for each message. */
static void
test_keys(void)
{
    rot_store *r = av_xcalloc(1, sizeof *r);
    uint64_t flips = 0;
    char root[160];

    make(r);
    memcpy(root, r->root, sizeof root);
    for (unsigned container = 1; container <= 3; container++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%08u.avk", r->s.keys_dir, container);
        uint64_t size = size_of(path);
        int fd = open_file(path);

        for (uint64_t at = (uint64_t)time(NULL) % 5; at < size; at += 5 * step_of_run(), flips++) {
            av_store_keys_unref(&r->s.keys);
            av_check_row = (long)at;
            {
                uint8_t kept = 0, flipped;
                fault_log log = { 0 };
                av_store_keys *keys = NULL;
                static const uint8_t store_key[32] = "a key that tests may know of...";

                AV_CHECK_RC(av_file_read_at(fd, &kept, 1, at, &err), AV_OK, &err);
                flipped = kept ^ (uint8_t)(1U << at % 8);
                AV_CHECK_RC(av_file_write_at(fd, &flipped, 1, at, &err), AV_OK, &err);
                if (av_store_keys_open(r->s.keys_dir, care_uuid, store_key, &keys, &err) == AV_OK) {
                    r->s.keys = r->s.config.keys = keys;
                    AV_CHECK(look_at(r, &log) > 0);
                    av_store_keys_unref(&r->s.keys);
                }
                AV_CHECK_RC(av_file_write_at(fd, &kept, 1, at, &err), AV_OK, &err);
                care_init(&r->s, root);
            }
        }
        av_file_close(&fd);
    }
    av_check_row = -1;
    printf("  %" PRIu64 " bytes flipped\n", flips);
    av_store_keys_unref(&r->s.keys);
    folder_remove(root);
    free(r);
}

int
main(void)
{
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_containers_and_marker);
    AV_RUN(test_keys);
    return av_check_done();
}
