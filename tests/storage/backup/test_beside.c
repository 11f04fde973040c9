/*
 * test_beside.c - what goes on while a backup copies: compaction replaces containers, erasures replace keys, power
 * goes; and a restore whose calls fail one after the other
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "storage/container/compact.h"
#include "storage/store/inspect.h"
#include "tests/storage/backup/help.h"
#include "tests/storage/fault_ops.h"
#include "tests/storage/power_ops.h"

static av_errc
restore(const site *self, const char *name, char ret[200], av_error *err)
{
    av_restore_job job = { .backup = self->backup, .target = ret };
    uint64_t bytes = 0;

    (void)snprintf(ret, 200, "%s/%s", self->top.path, name);
    return av_backup_restore(&job, NULL, &bytes, err);
}

/* ---- compaction ---- */

static bool
keep_all_but_one(void *ctx, uint64_t lsn, uint8_t kind)
{
    (void)kind;
    return lsn != *(const uint64_t *)ctx;
}

static void
compact(const site *s, uint32_t container, const uint64_t *without)
{
    av_container_files *files = av_store_files(s->store);
    av_compaction job = { .files = files,
        .log_key = av_store_keys_log(s->keys),
        .container = container,
        .ctx = (void *)(uintptr_t)without,
        .keep = keep_all_but_one };
    av_compaction_result result;
    av_error err;

    AV_CHECK_RC(av_container_compact(&job, &result, &err), AV_OK, &err);
    AV_CHECK_RC(av_container_compact_finish(files, container, &err), AV_OK, &err);
}

static bool
has(const av_backup_manifest *m, const char *end)
{
    for (size_t i = 0; i < m->file_count; i++) {
        size_t n = strlen(m->files[i].path), k = strlen(end);

        if (n > k && strcmp(m->files[i].path + n - k, end) == 0)
            return true;
    }
    return false;
}

/* A container that was compacted comes under its new name; the old one goes once the new manifest is there. */
static void
test_compacted_before(void)
{
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest m = { 0 };
    av_backup_result result;
    char dir[200], old[400];
    site s;
    av_error err;

    site_new(&s);
    site_fill(&s, 10);
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_erase(s.store, &s.lsns[2], 1, &err), AV_OK, &err);
    compact(&s, 1, &s.lsns[2]);
    (void)snprintf(old, sizeof old, "%s/stores/09090909090909090909090909090909/content/00000001.avc", s.backup);
    AV_CHECK(av_file_exists(old));
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
    AV_CHECK(!av_file_exists(old));
    AV_CHECK_INT(result.removed_files, 1);
    AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_MANIFEST, &m, &err), AV_OK, &err);
    AV_CHECK(has(&m, "/00000001-1.avc") && !has(&m, "/00000001.avc"));
    AV_CHECK_INT(faults_of(s.backup), 0);
    AV_CHECK_RC(restore(&s, "r", dir, &err), AV_OK, &err);
    check_restored(&s, dir, 10, 2);
    site_free(&s);
}

static struct {
    const site *site;
    bool done;
} compactor;

/* The first bytes are being copied: every other container is replaced under the backup's feet. */
static bool
compact_meanwhile(void *ctx, uint64_t done, uint64_t total)
{
    static const uint64_t nothing_of[] = { 0 };
    uint32_t highest = av_container_files_highest(av_store_files(compactor.site->store));

    (void)ctx;
    (void)done;
    (void)total;
    for (uint32_t c = 1; !compactor.done && c < highest; c++) {
        uint64_t without = c == 1 ? compactor.site->lsns[2] : nothing_of[0];

        for (size_t i = 0; without == 0 && i < compactor.site->n; i++)
            if (compactor.site->lsns[i] >> 32 == c)
                without = compactor.site->lsns[i];
        compact(compactor.site, c, &without);
    }
    compactor.done = true;
    return true;
}

static void
test_compacted_meanwhile(void)
{
    const av_care_watch watch = { .go_on = compact_meanwhile };
    av_backup_result result;
    char dir[200];
    site s;
    av_error err;

    site_new(&s);
    site_fill(&s, 30);
    compactor.site = &s;
    compactor.done = false;
    AV_CHECK_RC(site_backup(&s, false, &watch, &result, &err), AV_OK, &err);
    AV_CHECK(compactor.done);
    AV_CHECK_INT(faults_of(s.backup), 0);
    AV_CHECK_RC(restore(&s, "r", dir, &err), AV_OK, &err);
    AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_INT(faults_of(s.backup), 0);
    site_free(&s);
}

/* ---- keys that change ---- */

static struct {
    const site *site;
    atomic_bool stop;
    atomic_size_t erased;
} eraser;

static void *
erase_on(void *ctx)
{
    const struct timespec pause = { .tv_nsec = 3000000 };
    av_error err;

    (void)ctx;
    for (size_t i = 0; i < eraser.site->n && !atomic_load(&eraser.stop); i++) {
        AV_CHECK_RC(av_store_erase(eraser.site->store, &eraser.site->lsns[i], 1, &err), AV_OK, &err);
        atomic_store(&eraser.erased, i + 1);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

/* However keys are written meanwhile: the keyring in a backup opens, and all that is not erased can be read. */
static void
test_keys_change(void)
{
    long rounds = 0;

    for (int round = 0; round < 6; round++) {
        av_backup_result result;
        pthread_t thread;
        char dir[200];
        size_t erased;
        site s;
        av_error err;

        site_new(&s);
        site_fill(&s, 40);
        eraser.site = &s;
        atomic_store(&eraser.stop, false);
        atomic_store(&eraser.erased, 0);
        AV_CHECK_INT(pthread_create(&thread, NULL, erase_on, NULL), 0);
        AV_CHECK_RC(site_backup(&s, false, NULL, &result, &err), AV_OK, &err);
        atomic_store(&eraser.stop, true);
        (void)pthread_join(thread, NULL);
        erased = atomic_load(&eraser.erased);
        AV_CHECK_INT(faults_of(s.backup), 0);
        AV_CHECK_RC(restore(&s, "r", dir, &err), AV_OK, &err);
        if (erased < s.n) { /* those behind it are all there */
            site rest = s;

            for (size_t i = erased; i < s.n; i++)
                rest.lsns[i - erased] = s.lsns[i];
            rest.n = s.n - erased;
            check_restored_from(&rest, dir, rest.n, SIZE_MAX, erased);
        }
        site_free(&s);
        rounds++;
    }
    printf("  %ld rounds\n", rounds);
}

/* ---- power ---- */

static void
test_power(void)
{
    const char *seed_text = getenv("ARCHIVOLT_SEED"), *rounds_text = getenv("AV_ROUNDS");
    uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
    long rounds = rounds_text != NULL ? strtol(rounds_text, NULL, 10) : 40;
    site s;
    av_backup_result result;
    av_error err;

    site_new(&s);
    site_fill(&s, 4);
    AV_CHECK_RC(site_backup(&s, true, NULL, &result, &err), AV_OK, &err);
    for (long i = 0; i < rounds; i++) {
        AV_CLEANUP(av_backup_manifest_release) av_backup_manifest before = { 0 };
        AV_CLEANUP(av_backup_manifest_release) av_backup_manifest after = { 0 };
        av_errc rc;

        av_check_row = i;
        if (s.n + 1 < MESSAGES_MAX && i % 3 == 0)
            site_fill(&s, 1);
        AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_MANIFEST, &before, &err), AV_OK, &err);
        power_ops_begin(seed + (uint64_t)i);
        power_ops_on((long)power_ops_roll(220));
        rc = site_backup(&s, true, NULL, &result, &err);
        (void)power_ops_off();
        power_ops_show();
        AV_CHECK_RC(av_backup_manifest_load(s.backup, AV_BACKUP_MANIFEST, &after, &err), AV_OK, &err);
        AV_CHECK(after.number == before.number || after.number == before.number + 1);
        AV_CHECK(rc != AV_OK || after.number == before.number + 1);
        AV_CHECK_INT(faults_of(s.backup), 0);
    }
    av_check_row = -1;
    AV_CHECK_RC(site_backup(&s, true, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_INT(faults_of(s.backup), 0);
    printf("  %ld rounds from seed %llu\n", rounds, (unsigned long long)seed);
    site_free(&s);
}

/* ---- a restore that fails ---- */

/* All or nothing: after a failure at any call the target is not there, and the next attempt is not hindered. */
static void
test_restore_faults(void)
{
    av_backup_result result;
    bool more = true;
    long rounds = 0;
    char dir[200];
    site s;
    av_error err;

    site_new(&s);
    site_fill(&s, 3);
    AV_CHECK_RC(site_backup(&s, true, NULL, &result, &err), AV_OK, &err);
    for (long i = 0; more; i++, rounds++) {
        char name[32];
        av_errc rc;

        av_check_row = i;
        (void)snprintf(name, sizeof name, "r%ld", i);
        fault_ops_begin(&(fault_plan){ .fail_at = i, .error = i % 3 == 0 ? ENOSPC : EIO, .half = true, .reads = true });
        rc = restore(&s, name, dir, &err);
        more = fault_ops_end();
        if (rc != AV_OK && av_file_exists(dir)) /* only what follows the renaming failed */
            AV_CHECK(strcmp(fault_ops_what(), "fsync") == 0 || strcmp(fault_ops_what(), "unlink") == 0 ||
                     strcmp(fault_ops_what(), "open") == 0);
        if (rc != AV_OK && !av_file_exists(dir)) {
            AV_CHECK_RC(restore(&s, name, dir, &err), AV_OK, &err);
        }
        if (i % 9 == 0)
            check_restored(&s, dir, s.n, SIZE_MAX);
    }
    av_check_row = -1;
    printf("  %ld rounds\n", rounds);
    site_free(&s);
}

int
main(void)
{
    use_memory_folder();
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_compacted_before);
    AV_RUN(test_compacted_meanwhile);
    AV_RUN(test_keys_change);
    AV_RUN(test_power);
    AV_RUN(test_restore_faults);
    return av_check_done();
}
