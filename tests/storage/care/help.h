/*
 * help.h - what the tests of looking after a store share: a store with its view and keys in one folder, mail of our own
 *
 * root/content, root/database, root/keys. Messages are made from numbers: message i of a test is always the same bytes.
 */
#ifndef AV_TESTS_CARE_HELP_H
#define AV_TESTS_CARE_HELP_H

#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "storage/care/compact.h"
#include "storage/care/copy.h"
#include "storage/care/erase.h"
#include "storage/care/recover.h"
#include "storage/care/replay.h"
#include "storage/care/verify.h"
#include "storage/meta/store_view_check.h"
#include "storage/store/inspect.h"
#include "tests/check.h"

typedef struct care_store {
    char root[160], content[192], database[192], keys_dir[192];
    av_store_config config;
    av_store_keys *keys;
    av_store_view *view;
    av_store *store;
    uint64_t group; /* events and contents since the last commit */
} care_store;

static av_error err;
static uint8_t care_uuid[16] = "care's own store"; /* of stores made from here on */

__attribute__((unused)) static void
use_memory_folder(void)
{
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1);
}

/* A folder of the test's own. */
__attribute__((unused)) static char *
folder_new(char ret[160])
{
    const char *tmp = getenv("TMPDIR");

    (void)snprintf(ret, 160, "%s/avcare-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(ret) == NULL) {
        perror(ret);
        exit(1);
    }
    return ret;
}

__attribute__((unused)) static void
folder_remove(const char *path)
{
    char parent[160];

    (void)snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    AV_CHECK_RC(av_dir_remove(path, parent, &err), AV_OK, &err);
}

/* cp -a: a backup of a folder. */
__attribute__((unused)) static void
folder_copy(const char *from, const char *to)
{
    pid_t pid = fork();
    int status = 1;

    if (pid == 0) {
        (void)execlp("cp", "cp", "-a", from, to, (char *)NULL);
        _exit(127);
    }
    AV_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

/* Paths alone; keys are opened or made. */
__attribute__((unused)) static void
care_init(care_store *s, const char *root)
{
    static const uint8_t store_key[32] = "a key that tests may know of...";
    av_errc rc;

    *s = (care_store){ 0 };
    (void)snprintf(s->root, sizeof s->root, "%s", root);
    (void)snprintf(s->content, sizeof s->content, "%s/content", root);
    (void)snprintf(s->database, sizeof s->database, "%s/database", root);
    (void)snprintf(s->keys_dir, sizeof s->keys_dir, "%s/keys", root);
    rc = av_store_keys_open(s->keys_dir, care_uuid, store_key, &s->keys, &err);
    if (rc == AV_ERR_NOT_FOUND)
        rc = av_store_keys_create(s->keys_dir, care_uuid, store_key, &s->keys, &err);
    AV_CHECK_RC(rc, AV_OK, &err);
    s->config = (av_store_config){
        .dir = s->content, .keys = s->keys, .max_container_bytes = 64 * 1024, .min_part_bytes = 256
    };
}

/* View first, then the store with the view as its witness; the view is brought to the log's end. */
__attribute__((unused)) static av_errc
care_try_open(care_store *s)
{
    av_store_view_config view = { .dir = s->database, .keys = s->keys };
    av_store_watch watch;
    av_errc rc = av_store_view_open(&view, &s->view, &err);

    if (rc == AV_OK)
        rc = av_store_open(&s->config, av_store_view_applied_lsn(s->view), &s->store, &err);
    if (rc != AV_OK)
        return rc;
    if (av_store_is_corrupt(s->store))
        return AV_OK;
    watch = av_store_view_watch(s->view);
    av_store_set_watch(s->store, &watch);
    return av_care_replay(s->store, s->view, av_store_committed_lsn(s->store), NULL, &err);
}

__attribute__((unused)) static void
care_open(care_store *s)
{
    AV_CHECK_RC(care_try_open(s), AV_OK, &err);
}

__attribute__((unused)) static void
care_close(care_store *s)
{
    av_store_close(&s->store);
    av_store_view_close(&s->view);
}

__attribute__((unused)) static void
care_new(care_store *s, const char *root)
{
    AV_CHECK_RC(av_dir_make(root, &err), AV_OK, &err);
    care_init(s, root);
    AV_CHECK_RC(av_store_create(&s->config, &err), AV_OK, &err);
    care_open(s);
}

__attribute__((unused)) static void
care_done(care_store *s)
{
    care_close(s);
    av_store_keys_unref(&s->keys);
}

/* --- mail of our own --------------------------------------------------------------------------------------------- */

/* Base64 lines of n bytes that look random and are the same for the same seed. */
__attribute__((unused)) static void
mail_attachment(av_buf *out, size_t n, uint64_t seed)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t x = seed * 0x9E3779B97F4A7C15ULL + 1;

    for (size_t i = 0; i < (n + 2) / 3 * 4; i++) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        (void)av_buf_putc(out, (uint8_t)alphabet[x >> 58]);
        if (i % 76 == 75)
            (void)av_buf_puts(out, "\r\n");
    }
    (void)av_buf_puts(out, "\r\n");
}

/* Message i: a text of its own, and attachment number `attachment` of `bytes` bytes when that is not 0. */
__attribute__((unused)) static void
mail_make(av_buf *out, unsigned i, unsigned attachment, size_t bytes)
{
    av_buf_clear(out);
    (void)av_buf_printf(out,
        "From: Writer %u <writer%u@example.org>\r\nTo: reader@example.org\r\nSubject: report number %u\r\n"
        "Message-ID: <%u.care@example.org>\r\nMIME-Version: 1.0\r\n",
        i % 7, i % 7, i, i);
    if (attachment == 0) {
        (void)av_buf_puts(out, "Content-Type: text/plain\r\n\r\n");
    } else {
        (void)av_buf_puts(out, "Content-Type: multipart/mixed; boundary=\"care\"\r\n\r\n"
                               "--care\r\nContent-Type: text/plain\r\n\r\n");
    }
    for (unsigned line = 0; line < 3 + i % 9; line++)
        (void)av_buf_printf(out, "Line %u of the report that has the number %u, unlike any other one.\r\n", line, i);
    if (attachment == 0)
        return;
    (void)av_buf_puts(out, "--care\r\nContent-Type: application/octet-stream\r\n"
                           "Content-Transfer-Encoding: base64\r\n\r\n");
    mail_attachment(out, bytes, attachment);
    (void)av_buf_puts(out, "--care--\r\n");
}

/* --- a group ----------------------------------------------------------------------------------------------------- */

__attribute__((unused)) static void
guid_of(uint8_t ret[AV_GUID_SIZE], unsigned mailbox)
{
    memset(ret, 0, AV_GUID_SIZE);
    (void)snprintf((char *)ret, AV_GUID_SIZE, "mailbox %u", mailbox);
}

__attribute__((unused)) static av_errc
care_event(care_store *s, const av_event *event)
{
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };
    av_errc rc;

    av_buf_init(&body, AV_STORE_EVENT_MAX);
    rc = av_store_view_event(s->view, event, &err);
    if (rc == AV_OK)
        rc = av_event_encode(event, &body, &err);
    if (rc == AV_OK)
        rc = av_store_put_event(s->store, av_buf_span(&body), &err);
    return rc;
}

__attribute__((unused)) static av_errc
care_try_commit(care_store *s)
{
    uint64_t lsn = 0;
    av_errc rc = av_store_commit(s->store, &lsn, &err);

    if (rc == AV_OK)
        rc = av_store_view_group_end(s->view, lsn, &err);
    return rc == AV_OK ? av_store_view_commit(s->view, &err) : rc;
}

__attribute__((unused)) static void
care_commit(care_store *s)
{
    AV_CHECK_RC(care_try_commit(s), AV_OK, &err);
}

__attribute__((unused)) static void
care_rollback(care_store *s)
{
    av_error ignored;

    if (s->store != NULL)
        (void)av_store_rollback(s->store, &ignored);
    if (s->view != NULL)
        av_store_view_rollback(s->view);
}

__attribute__((unused)) static av_errc
care_mailbox(care_store *s, unsigned mailbox, av_event_kind kind, const char *path, uint64_t sequence)
{
    av_event event = { .kind = kind };

    guid_of(event.mailbox.guid, mailbox);
    event.mailbox.path = av_span_str(path);
    event.mailbox.uidvalidity = 7000 + mailbox;
    event.mailbox.sequence = sequence;
    return care_event(s, &event);
}

__attribute__((unused)) static av_errc
care_place(care_store *s, unsigned mailbox, uint32_t uid, uint64_t lsn, av_span bytes)
{
    av_event event = { .kind = AV_EVENT_PLACEMENT_ADDED };

    guid_of(event.placement.guid, mailbox);
    event.placement.uid = uid;
    event.placement.modseq = 100 + uid;
    event.placement.flags = uid % 2 ? AV_FLAG_SEEN : 0;
    event.placement.content_lsn = lsn;
    av_sha256(bytes, event.placement.digest);
    event.placement.raw_size = event.placement.crlf_size = bytes.n;
    event.placement.received_at_ms = 1600000000000 + uid;
    event.placement.archived_at_ms = 1700000000000 + uid;
    return care_event(s, &event);
}

/* Message i with that attachment, in the mailbox under the UID i + 1. */
__attribute__((unused)) static uint64_t
care_put(care_store *s, unsigned i, unsigned attachment, size_t bytes, unsigned mailbox)
{
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    uint64_t lsn = 0;

    av_buf_init(&mail, 64U << 20);
    mail_make(&mail, i, attachment, bytes);
    AV_CHECK_RC(av_store_put_message(s->store, av_buf_span(&mail), NULL, &lsn, &err), AV_OK, &err);
    AV_CHECK_RC(care_place(s, mailbox, i + 1, lsn, av_buf_span(&mail)), AV_OK, &err);
    return lsn;
}

__attribute__((unused)) static av_errc
care_remove(care_store *s, unsigned mailbox, uint32_t uid)
{
    av_event event = { .kind = AV_EVENT_PLACEMENT_REMOVED };

    guid_of(event.placement.guid, mailbox);
    event.placement.uid = uid;
    event.placement.modseq = 5000 + uid;
    event.placement.removed_at_ms = 1700000500000;
    event.placement.who = av_span_str("somebody");
    return care_event(s, &event);
}

/* Plan, event, commit, keys. The placements are removed already. */
__attribute__((unused)) static av_errc
care_erase(care_store *s, uint64_t lsn)
{
    AV_CLEANUP(av_buf_release) av_buf plan = { 0 };
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    av_event event = { .kind = AV_EVENT_CONTENT_ERASED };
    size_t n;
    uint64_t at;
    av_errc rc;

    av_buf_init(&plan, 1U << 20);
    av_buf_init(&list, 1U << 20);
    rc = av_store_view_erase_plan(s->view, lsn, &plan, &err);
    if (rc != AV_OK)
        return rc;
    n = plan.n / sizeof at;
    for (size_t i = 0; i < n; i++) {
        memcpy(&at, plan.p + i * sizeof at, sizeof at);
        (void)av_event_list_put_item(&list, at);
    }
    event.erased.lsns = av_buf_span(&list);
    event.erased.time_ms = 1700000900000;
    rc = care_event(s, &event);
    if (rc == AV_OK)
        rc = care_try_commit(s);
    return rc == AV_OK ? av_store_erase(s->store, (const uint64_t *)(const void *)plan.p, n, &err) : rc;
}

/* What stands at lsn: 1 the very message, 0 an error, -1 other bytes (never right). */
__attribute__((unused)) static int
care_look(const av_store *store, uint64_t lsn, unsigned i, unsigned attachment, size_t bytes)
{
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };

    av_buf_init(&mail, 64U << 20);
    av_buf_init(&got, 64U << 20);
    mail_make(&mail, i, attachment, bytes);
    if (av_store_read_message(store, lsn, &got, &err) != AV_OK)
        return 0;
    return av_span_eq(av_buf_span(&got), av_buf_span(&mail)) ? 1 : -1;
}

/* --- compaction -------------------------------------------------------------------------------------------------- */

__attribute__((unused)) static av_errc
care_compacted(void *ctx, uint32_t container, av_error *why)
{
    return av_store_view_compacted(((care_store *)ctx)->view, container, why);
}

/* Of the containers that are dead to so many percent; the view follows. */
__attribute__((unused)) static av_errc
care_compact(care_store *s, unsigned percent, av_care_compact_result *ret)
{
    av_meta_view *snapshot = av_store_view_snapshot(s->view);
    const av_care_compaction job = { .store = s->store,
        .view = snapshot,
        .open_puts_lsn = av_store_open_puts_lsn(s->store),
        .min_dead_percent = percent,
        .ctx = s,
        .compacted = care_compacted };
    av_errc rc = av_care_compact(&job, NULL, ret, &err);

    av_meta_view_destroy(&snapshot);
    return rc;
}

/* --- verify ------------------------------------------------------------------------------------------------------ */

typedef struct fault_log {
    bool loud;
    uint64_t kinds[8];
    uint64_t messages[4096]; /* named */
    size_t n;
    char last[400];
} fault_log;

__attribute__((unused)) static av_errc
take_fault(void *ctx, const av_fault *fault, av_error *ignored)
{
    fault_log *log = ctx;

    (void)ignored;
    log->kinds[fault->kind]++;
    if (fault->message_lsn != 0 && log->n < AV_COUNT(log->messages))
        log->messages[log->n++] = fault->message_lsn;
    (void)snprintf(log->last, sizeof log->last, "%s", fault->sentence);
    if (log->loud)
        printf("    fault (%s): %s\n", av_fault_kind_word(fault->kind), fault->sentence);
    return AV_OK;
}

__attribute__((unused)) static bool
names_message(const fault_log *log, uint64_t lsn)
{
    for (size_t i = 0; i < log->n; i++)
        if (log->messages[i] == lsn)
            return true;
    return false;
}

/* Number of faults; view: compare it, too. */
__attribute__((unused)) static uint64_t
care_verify(care_store *s, bool contents, bool view, fault_log *log)
{
    char scratch[200];
    av_verify_options options = {
        .contents = contents, .witnessed_lsn = av_store_view_applied_lsn(s->view), .ctx = log, .fault = take_fault
    };
    av_verify_result result = { 0 };
    av_meta_view *snapshot = NULL;

    (void)snprintf(scratch, sizeof scratch, "%s/scratch", s->root);
    if (view) {
        snapshot = av_store_view_snapshot(s->view);
        options.view = snapshot;
        options.scratch_dir = scratch;
    }
    AV_CHECK_RC(av_care_verify(s->store, &options, NULL, &result, &err), AV_OK, &err);
    av_meta_view_destroy(&snapshot);
    return result.faults;
}

#endif
