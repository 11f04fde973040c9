/*
 * test_backup.c - backups of an instance's files: incremental, whole or as before after any failure, verified, restored
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/storage/backup/help.h"
#include "tests/storage/fault_ops.h"

static uint64_t
count_files(const av_backup_manifest *m, const char *prefix)
{
    uint64_t n = 0;

    for (size_t i = 0; i < m->file_count; i++)
        n += strncmp(m->files[i].path, prefix, strlen(prefix)) == 0;
    return n;
}

static av_errc
restore(const site *self, const char *backup, const char *name, const char *keyring, char ret[200], av_error *err)
{
    av_restore_job job = {
        .backup = backup, .target = ret, .keyring = keyring, .mark_name = "archivolt-instance", .mark_text = "other\n"
    };
    uint64_t bytes = 0;

    (void)snprintf(ret, 200, "%s/%s", self->top.path, name);
    return av_backup_restore(&job, NULL, &bytes, err);
}

static bool
exists_in(const char *dir, const char *name)
{
    char path[400];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return av_file_exists(path);
}

static void
test_incremental(void)
{
    site s;
    av_backup_result first = { 0 }, second = { 0 }, third = { 0 };
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest m = { 0 };
    char dir[200];
    av_error err;

    site_new(&s);
    site_fill(&s, 12);
    AV_CHECK_RC(site_backup(&s, true, NULL, &first, &err), AV_OK, &err);
    AV_CHECK_INT(first.number, 1);
    AV_CHECK_INT(first.copied_files, first.files);
    AV_CHECK_INT(faults_of(s.backup), 0);
    site_fill(&s, 5);
    AV_CHECK_RC(site_backup(&s, false, NULL, &second, &err), AV_OK, &err);
    AV_CHECK_INT(second.number, 2);
    AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_MANIFEST, &m, &err), AV_OK, &err);
    AV_CHECK(count_files(&m, "stores/") >= 3);
    AV_CHECK_INT(count_files(&m, "views/"), 0);
    AV_CHECK_INT(count_files(&m, "accounts/2/"), 2);
    AV_CHECK(
        !exists_in(s.backup, "accounts/1") && !exists_in(s.backup, "keyring/1") && !exists_in(s.backup, "views/1"));
    AV_CHECK(!exists_in(s.backup, AV_BACKUP_PARTIAL));
    AV_CHECK(second.copied_bytes < first.copied_bytes);
    AV_CHECK_INT(faults_of(s.backup), 0);
    AV_CHECK_RC(site_backup(&s, false, NULL, &third, &err), AV_OK, &err); /* nothing new: state and keys alone */
    AV_CHECK_INT(third.copied_files, third.files - count_files(&m, "stores/"));
    AV_CHECK_RC(restore(&s, s.backup, "again", NULL, dir, &err), AV_OK, &err);
    check_restored(&s, dir, s.n, SIZE_MAX);
    AV_CHECK(exists_in(dir, AV_RESTORED) && exists_in(dir, "archivolt-instance") && exists_in(dir, "accounts/CURRENT"));
    AV_CHECK(!exists_in(dir, "archivolt-restoring"));
    AV_CHECK_RC(restore(&s, s.backup, "again", NULL, dir, &err), AV_ERR_EXISTS, &err);
    site_free(&s);
}

/* Last week's backup beside today's keyring: what was erased since does not open, all else does. */
static void
test_erased(void)
{
    site s;
    av_backup_result result = { 0 };
    char dir[200], old[200], command[600];
    av_error err;

    site_new(&s);
    site_fill(&s, 8);
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
    (void)snprintf(old, sizeof old, "%s/last-week", s.top.path);
    (void)snprintf(command, sizeof command, "cp -r %s %s", s.backup, old);
    AV_CHECK_INT(system(command), 0);
    AV_CHECK_RC(av_store_erase(s.store, &s.lsns[3], 1, &err), AV_OK, &err);
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_RC(restore(&s, old, "r1", s.backup, dir, &err), AV_OK, &err);
    check_restored(&s, dir, 8, 3);
    AV_CHECK_RC(restore(&s, old, "r2", s.keyring, dir, &err), AV_OK, &err);
    check_restored(&s, dir, 8, 3);
    AV_CHECK_RC(restore(&s, s.backup, "r3", NULL, dir, &err), AV_OK, &err);
    check_restored(&s, dir, 8, 3);
    AV_CHECK_RC(restore(&s, old, "r4", NULL, dir, &err), AV_OK, &err); /* its own old keyring still opens it */
    check_restored(&s, dir, 8, SIZE_MAX);
    site_free(&s);
}

static void
test_refused(void)
{
    site s, other;
    av_backup_result result = { 0 };
    char inside[220], kept[160];
    av_error err;

    site_new(&s);
    site_fill(&s, 2);
    (void)snprintf(kept, sizeof kept, "%s", s.backup);
    (void)snprintf(inside, sizeof inside, "%s/sub/backup", s.instance);
    (void)snprintf(s.backup, sizeof s.backup, "%.159s", inside);
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_ERR_INVALID, &err);
    (void)snprintf(s.backup, sizeof s.backup, "%s", kept);
    put_text(s.backup, "holiday.jpg", "not ours");
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_ERR_INVALID, &err);
    AV_CHECK(exists_in(s.backup, "holiday.jpg"));
    (void)snprintf(s.backup, sizeof s.backup, "%s/b2", s.top.path);
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
    site_new(&other);
    memset(other.uuid, 8, sizeof other.uuid);
    site_fill(&other, 1);
    (void)snprintf(other.backup, sizeof other.backup, "%s", s.backup);
    AV_CHECK_RC(site_backup(&other, false, NULL, &result, &err), AV_ERR_INVALID, &err);
    AV_CHECK_INT(faults_of(s.backup), 0);
    AV_CHECK_RC(restore(&s, s.top.path, "r", NULL, inside, &err), AV_ERR_NOT_FOUND, &err);
    site_free(&other);
    site_free(&s);
}

static bool
stop_at_half(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    return done * 2 < total;
}

static void
test_cancel_and_resume(void)
{
    const av_care_watch watch = { .go_on = stop_at_half };
    site s;
    av_backup_result result = { 0 };
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest partial = { 0 };
    av_error err;

    site_new(&s);
    site_fill(&s, 40);
    AV_CHECK_RC(site_backup(&s, false, &watch, &result, &err), AV_ERR_CANCELLED, &err);
    AV_CHECK(!exists_in(s.backup, AV_BACKUP_MANIFEST));
    AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_PARTIAL, &partial, &err), AV_OK, &err);
    AV_CHECK(partial.file_count > 0);
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_INT(result.files - result.copied_files, partial.file_count); /* what was there is not copied again */
    AV_CHECK_INT(faults_of(s.backup), 0);
    site_free(&s);
}

static bool
stop_at_end(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    return done < total;
}

/*
 * A store nobody can open is copied as it lies there, its last container half full. When that has grown by the next
 * backup, the one before is still what it was: its manifest says how much of the container it had.
 */
static void
test_keys_away(void)
{
    const av_care_watch watch = { .go_on = stop_at_end };
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest m = { 0 };
    av_backup_result result;
    uint64_t lsn;
    char dir[200];
    size_t before;
    site s;
    av_error err;

    site_new(&s);
    s.keys_away = true;
    for (int i = 0; i < 2; i++) {
        av_span bytes = message_new(9000, s.n);

        AV_CHECK_RC(av_store_put_message(s.store, bytes, NULL, &s.lsns[s.n++], &err), AV_OK, &err);
        AV_CHECK_RC(av_store_commit(s.store, &lsn, &err), AV_OK, &err);
        message_free(bytes);
    }
    before = s.n;
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_INT(faults_of(s.backup), 0);
    site_fill(&s, 1); /* into the same container */
    AV_CHECK_RC(site_backup(&s, false, &watch, &result, &err), AV_ERR_CANCELLED, &err);
    AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_MANIFEST, &m, &err), AV_OK, &err);
    AV_CHECK_INT(m.number, 1);
    AV_CHECK_INT(faults_of(s.backup), 0);
    AV_CHECK_RC(restore(&s, s.backup, "old", NULL, dir, &err), AV_OK, &err);
    check_restored(&s, dir, before, SIZE_MAX);
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_INT(faults_of(s.backup), 0);
    AV_CHECK_RC(restore(&s, s.backup, "new", NULL, dir, &err), AV_OK, &err);
    check_restored(&s, dir, s.n, SIZE_MAX);
    site_free(&s);
}

/* Each system call of a second backup fails in turn: the first one stands until the second is there, and the next run
 * heals. */
static void
test_faults(void)
{
    static const int errors[] = { EIO, ENOSPC };
    av_backup_result result = { 0 };
    long rounds = 0;

    for (size_t e = 0; e < AV_COUNT(errors); e++) {
        bool more = true;

        for (long i = 0; more; i++) {
            AV_CLEANUP(av_backup_manifest_release) av_backup_manifest m = { 0 };
            site s;
            char dir[200];
            size_t before;
            av_errc rc;
            av_error err;

            site_new(&s);
            site_fill(&s, 2);
            AV_CHECK_RC(site_backup(&s, true, NULL, &result, &err), AV_OK, &err);
            before = s.n;
            site_fill(&s, 2);
            fault_ops_begin(&(fault_plan){ .fail_at = i, .error = errors[e], .half = true, .stay = i % 2 == 1 });
            rc = site_backup(&s, true, NULL, &result, &err);
            more = fault_ops_end();
            av_check_row = i;
            AV_CHECK(more || rc == AV_OK);
            AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_MANIFEST, &m, &err), AV_OK, &err);
            AV_CHECK(rc != AV_OK || m.number == 2);
            AV_CHECK_INT(faults_of(s.backup), 0);
            if (i % 7 == 0 && restore(&s, s.backup, "r", NULL, dir, &err) == AV_OK)
                check_restored(&s, dir, m.number == 2 ? s.n : before, SIZE_MAX);
            av_check_row = i;
            AV_CHECK_RC(site_backup(&s, true, NULL, &result, &err), AV_OK, &err);
            AV_CHECK_INT(faults_of(s.backup), 0);
            site_free(&s);
            rounds++;
            i += i > 40 ? 6 : 0; /* the calls repeat file by file */
        }
    }
    av_check_row = -1;
    printf("  %ld rounds\n", rounds);
}

/* ---- killed ---- */

static struct {
    const av_file_ops *real;
    long left;
} killer;

static void
count_down(void)
{
    if (killer.left-- == 0)
        (void)kill(getpid(), SIGKILL);
}

static ssize_t
k_pwrite(int fd, const void *p, size_t n, off_t at)
{
    count_down();
    return killer.real->pwrite(fd, p, n, at);
}

static int
k_rename(const char *from, const char *to)
{
    count_down();
    return killer.real->rename(from, to);
}

static int
k_unlink(const char *path)
{
    count_down();
    return killer.real->unlink(path);
}

static int
k_mkdir(const char *path, mode_t mode)
{
    count_down();
    return killer.real->mkdir(path, mode);
}

static void
backup_in_child(const site *s, long left, bool *ret_killed)
{
    av_file_ops ops = *av_file_ops_get();
    av_backup_result result;
    av_error err;
    pid_t pid;
    int status = 0;

    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        killer.real = av_file_ops_get();
        killer.left = left;
        ops.pwrite = k_pwrite;
        ops.rename = k_rename;
        ops.unlink = k_unlink;
        ops.mkdir = k_mkdir;
        av_file_ops_set(&ops);
        _exit(site_backup(s, true, NULL, &result, &err) == AV_OK ? 0 : 1);
    }
    AV_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    *ret_killed = WIFSIGNALED(status);
    AV_CHECK(*ret_killed || WEXITSTATUS(status) == 0);
}

static void
test_killed(void)
{
    bool killed = true;
    long rounds = 0;
    site s;

    site_new(&s);
    site_fill(&s, 3);
    backup_in_child(&s, -1, &killed);
    AV_CHECK(!killed);
    killed = true;
    for (long i = 0; killed; i += 1 + i / 20, rounds++) {
        AV_CLEANUP(av_backup_manifest_release) av_backup_manifest m = { 0 };
        av_error err;

        if (s.n + 1 < MESSAGES_MAX)
            site_fill(&s, 1);
        av_check_row = i;
        backup_in_child(&s, i, &killed);
        AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_MANIFEST, &m, &err), AV_OK, &err);
        AV_CHECK_INT(faults_of(s.backup), 0);
    }
    av_check_row = -1;
    AV_CHECK_INT(faults_of(s.backup), 0);
    printf("  %ld rounds\n", rounds);
    site_free(&s);
}

/* ---- rot ---- */

/* A flipped byte anywhere in a backup is found; in the manifest it is refused. */
static void
test_rot(void)
{
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest m = { 0 };
    av_backup_verify_result verified;
    av_backup_result result;
    char path[600], dir[200];
    site s;
    av_error err;

    site_new(&s);
    site_fill(&s, 3);
    AV_CHECK_RC(site_backup(&s, true, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_MANIFEST, &m, &err), AV_OK, &err);
    for (size_t i = 0; i < m.file_count; i++) {
        uint8_t byte = 0;
        int fd = -1;

        av_check_row = (long)i;
        (void)snprintf(path, sizeof path, "%s/%s", s.backup, m.files[i].path);
        AV_CHECK_RC(av_file_open(path, O_RDWR, 0, &fd, &err), AV_OK, &err);
        AV_CHECK_RC(av_file_read_at(fd, &byte, 1, m.files[i].size / 2, &err), AV_OK, &err);
        byte ^= 4;
        AV_CHECK_RC(av_file_write_at(fd, &byte, 1, m.files[i].size / 2, &err), AV_OK, &err);
        AV_CHECK(faults_of(s.backup) >= 1);
        (void)snprintf(dir, sizeof dir, "r%zu", i);
        AV_CHECK_RC(restore(&s, s.backup, "rotten", NULL, dir, &err), AV_ERR_CORRUPT, &err);
        AV_CHECK(!exists_in(s.top.path, "rotten") && !exists_in(s.top.path, "rotten.restoring"));
        byte ^= 4;
        AV_CHECK_RC(av_file_write_at(fd, &byte, 1, m.files[i].size / 2, &err), AV_OK, &err);
        av_file_close(&fd);
        AV_CHECK_INT(unlink(path), 0);
        AV_CHECK(faults_of(s.backup) >= 1);
        put_text(s.backup, "kept", "x");
        AV_CHECK_RC(site_backup(&s, true, NULL, &result, &err), AV_OK, &err); /* the next backup makes it good */
        AV_CHECK_INT(faults_of(s.backup), 0);
        av_backup_manifest_release(&m);
        AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_MANIFEST, &m, &err), AV_OK, &err);
    }
    av_check_row = -1;
    (void)snprintf(path, sizeof path, "%s/%s", s.backup, AV_BACKUP_MANIFEST);
    {
        AV_CLEANUP(av_buf_release) av_buf text = { 0 };

        av_buf_init(&text, 100000);
        AV_CHECK_RC(av_file_read_all(path, &text, &err), AV_OK, &err);
        for (size_t i = 0; i < text.n; i++) {
            av_errc rc;

            text.p[i] ^= 1;
            av_backup_manifest_release(&m);
            rc = av_backup_manifest_parse(av_buf_span(&text), &m, &err);
            AV_CHECK(rc == AV_ERR_CORRUPT || rc == AV_ERR_VERSION);
            text.p[i] ^= 1;
        }
        for (size_t n = 0; n < text.n; n++)
            AV_CHECK_RC(av_backup_manifest_parse(av_span_of(text.p, n), &m, &err), AV_ERR_CORRUPT, &err);
    }
    AV_CHECK_RC(av_backup_verify(s.backup, NULL, &verified, &err), AV_OK, &err);
    AV_CHECK_INT(verified.stores, 1);
    AV_CHECK(verified.groups >= 3);
    site_free(&s);
}

int
main(void)
{
    use_memory_folder();
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_incremental);
    AV_RUN(test_erased);
    AV_RUN(test_refused);
    AV_RUN(test_cancel_and_resume);
    AV_RUN(test_keys_away);
    AV_RUN(test_killed);
    AV_RUN(test_rot);
    AV_RUN(test_faults);
    return av_check_done();
}
