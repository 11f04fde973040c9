/*
 * auto_create.c - a new store by itself
 */
#include "actors/instance/auto_create.h"

#include <sys/statvfs.h>
#include <time.h>

#include "actors/instance/stores_rules.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define AGAIN_MS   60000
#define NAMES_MOST 1000 /* tries for a name nobody has */

static struct tm
utc(int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm = { 0 };

    (void)gmtime_r(&s, &tm);
    return tm;
}

/* Months since the year 0, cut down to the period's first. */
static int
period_of(Archivolt__StorePeriod period, int64_t ms)
{
    struct tm tm = utc(ms);
    int month = tm.tm_year * 12 + tm.tm_mon;

    switch (period) {
    case ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_MONTH:
        return month;
    case ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_QUARTER:
        return month / 3;
    case ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_YEAR:
        return tm.tm_year;
    case ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_NEVER:
    case _ARCHIVOLT__STORE_PERIOD_IS_INT_SIZE:
        break;
    }
    return 0;
}

static Archivolt__StorePeriod
period_in(const Archivolt__StoreAutoCreateConfiguration *config)
{
    return config->has_period ? config->period : ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_NEVER;
}

bool
av_auto_create_is_due(
    const Archivolt__StoreAutoCreateConfiguration *config, const av_store_info *current, int64_t now_ms)
{
    if (!config->enabled || current->messages == 0) /* an empty one serves as well as a new one */
        return false;
    if (config->has_messages && config->messages > 0 && current->messages >= config->messages)
        return true;
    if (config->has_size_bytes && config->size_bytes > 0 && current->stored >= config->size_bytes)
        return true;
    return period_of(period_in(config), now_ms) > period_of(period_in(config), current->row->created_ms);
}

char *
av_auto_create_name(const Archivolt__StoreAutoCreateConfiguration *config, int64_t now_ms)
{
    struct tm tm = utc(now_ms);
    int year = tm.tm_year + 1900;

    switch (period_in(config)) {
    case ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_MONTH:
        return av_xasprintf("%04d-%02d", year, tm.tm_mon + 1);
    case ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_QUARTER:
        return av_xasprintf("%04d-Q%d", year, tm.tm_mon / 3 + 1);
    case ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_YEAR:
        return av_xasprintf("%04d", year);
    case ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_NEVER:
    case _ARCHIVOLT__STORE_PERIOD_IS_INT_SIZE:
        break;
    }
    return av_xasprintf("%04d-%02d-%02d", year, tm.tm_mon + 1, tm.tm_mday);
}

/* ---- doing it ---- */

static const char *
directory(const char *given)
{
    return given != NULL && given[0] != '\0' ? given : "~/stores";
}

static av_errc
check_free(const av_archive *self, const char *kept, uint64_t needed, av_error *err)
{
    AV_CLEANUP(av_free) char *dir = av_store_path_resolve(self->dir, kept);
    struct statvfs fs;
    uint64_t free_bytes;
    av_errc rc = av_dir_make(dir, err);

    if (rc != AV_OK)
        return rc;
    if (statvfs(dir, &fs) != 0)
        return av_error_errno(err, "%s", dir);
    free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= needed)
        return AV_OK;
    return av_error_set(err, AV_ERR_NOSPACE, "%s has %llu MB free, a new store wants %llu MB", dir,
        (unsigned long long)(free_bytes >> 20), (unsigned long long)(needed >> 20));
}

/* A name no store has, and a folder that is not there. */
static av_errc
choose(av_archive *self, const Archivolt__StoreAutoCreateConfiguration *config, av_store_row *row, av_error *err)
{
    AV_CLEANUP(av_free) char *base = av_auto_create_name(config, av_clock_wall_ms());

    for (unsigned i = 1; i <= NAMES_MOST; i++) {
        AV_CLEANUP(av_free) char *name = i == 1 ? av_xstrdup(base) : av_xasprintf("%s-%u", base, i);
        AV_CLEANUP(av_free) char *content = av_store_path_propose(directory(config->content_directory), name);
        AV_CLEANUP(av_free) char *there = av_store_path_resolve(self->dir, content);
        AV_CLEANUP(av_free) char *database = NULL;
        AV_CLEANUP(av_free) char *index = NULL;

        if (av_stores_has_name(self->stores, name, 0) || av_file_exists(there))
            continue;
        database = av_store_path_propose(directory(config->database_directory), name);
        index = av_store_path_propose(directory(config->index_directory), name);
        row->content = av_xasprintf("%s/content", content);
        row->database = av_xasprintf("%s/database", database);
        row->index = av_xasprintf("%s/index", index);
        row->name = av_xstrdup(name);
        return AV_OK;
    }
    return av_error_set(err, AV_ERR_EXISTS, "every name from %s to %s-%d is taken", base, base, NAMES_MOST);
}

static av_errc
create(av_archive *self, const Archivolt__StoreAutoCreateConfiguration *config, av_error *err)
{
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = av_xcalloc(1, sizeof *row);
    uint64_t needed = config->has_min_free_bytes ? config->min_free_bytes : 0;
    av_errc rc = check_free(self, directory(config->content_directory), needed, err);

    if (rc == AV_OK)
        rc = check_free(self, directory(config->database_directory), needed, err);
    if (rc == AV_OK)
        rc = choose(self, config, row, err);
    if (rc != AV_OK)
        return rc;
    row->state = AV_STORE_CURRENT;
    rc = av_stores_make_files(self->stores, row, err);
    if (rc != AV_OK)
        return rc;
    av_accounts_begin(self->accounts);
    rc = av_store_row_create(self->accounts, row, err);
    if (rc == AV_OK)
        rc = av_store_rows_demote(self->accounts, row->id, err);
    if (rc == AV_OK)
        rc = av_accounts_commit(self->accounts, err);
    else
        av_accounts_rollback(self->accounts);
    if (rc == AV_OK)
        rc = av_stores_sync(self->stores, err);
    if (rc == AV_OK)
        AV_LOG(AV_LOG_INFO, "store.created", AV_U64("store", row->id), AV_STR("name", row->name));
    return rc;
}

void
av_auto_create(av_archive *self)
{
    Archivolt__StoreAutoCreateConfiguration *config = NULL;
    const av_open_store *current = NULL;
    av_store_info *info = NULL;
    int64_t now = av_clock_mono_ms();
    av_error err;

    if (now < self->auto_create_after_mono_ms || av_stores_current(self->stores, &current, &err) != AV_OK ||
        av_stores_info(self->stores, current->id, &info, &err) != AV_OK)
        return;
    if (av_store_auto_get(av_accounts_writer(self->accounts), &config, &err) == AV_OK &&
        av_auto_create_is_due(config, info, av_clock_wall_ms()) && create(self, config, &err) != AV_OK) {
        AV_LOG(AV_LOG_WARN, "store.not_created", AV_ERRF(&err));
        self->auto_create_after_mono_ms = now + AGAIN_MS;
    }
    if (config != NULL)
        archivolt__store_auto_create_configuration__free_unpacked(config, NULL);
    av_store_infos_free(info, 1);
}
