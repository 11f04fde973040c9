/*
 * open.c - create, open and close a store; tell a torn tail from corruption (docs/format-container.md, 8)
 */
#include <errno.h>
#include <sys/file.h>

#include "base/log.h"
#include "base/secret.h"
#include "storage/container/scan.h"
#include "storage/store/store_priv.h"

#define DEFAULT_CONTAINER (512ULL * 1024 * 1024)
#define LEAST_CONTAINER   (64ULL * 1024)
#define MOST_CONTAINER    (2ULL * 1024 * 1024 * 1024)
#define DEFAULT_SPOOL     (8ULL * 1024 * 1024)
#define MOST_SPOOL        (32ULL * 1024 * 1024)
#define DEFAULT_LEVEL     3
#define DEFAULT_MIN_PART  512U /* of 512 to 16384 what stores the test corpus and three copies of it smallest */

static av_errc
check_config(const av_store_config *config, av_error *err)
{
    uint64_t size = config->max_container_bytes;

    if (size != 0 && (size < LEAST_CONTAINER || size > MOST_CONTAINER))
        return av_error_set(err, AV_ERR_INVALID, "a container may have 64 KB to 2 GB");
    if (config->spool_bytes > MOST_SPOOL)
        return av_error_set(err, AV_ERR_INVALID, "at most 32 MB of a message may be held in memory");
    if (config->max_message_bytes > AV_STORE_MESSAGE_MAX)
        return av_error_set(err, AV_ERR_INVALID, "a message may have at most %llu bytes", AV_STORE_MESSAGE_MAX);
    if (config->level < 0 || config->level > 19)
        return av_error_set(err, AV_ERR_INVALID, "zstd's level is 1 to 19");
    return AV_OK;
}

/* Containers without a marker: an empty first one is what a create left that did not get further. */
static av_errc
check_unused(const char *dir, av_error *err)
{
    AV_CLEANUP(av_free) char *marker = store_marker_path(dir);
    AV_CLEANUP(av_free) char *first = av_container_path(dir, 1, 0);
    AV_CLEANUP(av_container_list_release) av_container_list list = { 0 };
    av_place *place;
    struct stat st;
    av_errc rc;

    if (av_file_exists(marker))
        return av_error_set(err, AV_ERR_EXISTS, "%s is an archive store already", dir);
    if (store_is_mailstore(dir))
        return av_error_set(err, AV_ERR_INVALID, "%s is a MailStore store: it is not touched", dir);
    place = av_place_folder_new(dir);
    rc = av_container_list_read(place, &list, err);
    av_place_destroy(&place);
    if (rc != AV_OK || list.highest == 0)
        return rc;
    if (list.highest > 1 || stat(first, &st) != 0 || st.st_size > AV_CONTAINER_HEADER)
        return av_error_set(err, AV_ERR_INVALID, "%s holds containers but no store.avs: it is not touched", dir);
    return AV_OK;
}

av_errc
av_store_create(const av_store_config *config, av_error *err)
{
    av_container_header header = { .container = 1 };
    int fd = -1;
    av_errc rc = check_config(config, err);

    if (rc == AV_OK)
        rc = av_dir_make(config->dir, err);
    if (rc == AV_OK)
        rc = check_unused(config->dir, err);
    if (rc != AV_OK)
        return rc;
    rc = av_store_keys_container_add(config->keys, header.container, err);
    if (rc != AV_OK && rc != AV_ERR_EXISTS)
        return rc;
    memcpy(header.store_uuid, av_store_keys_uuid(config->keys), sizeof header.store_uuid);
    rc = av_container_create(config->dir, &header, &fd, err);
    av_file_close(&fd);
    return rc == AV_OK ? store_marker_write(config->dir, header.store_uuid, av_store_keys_log(config->keys), err) : rc;
}

static av_errc
lock_store(av_store *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = store_marker_path(self->dir);
    av_errc rc = av_file_open(path, O_RDONLY | O_NOFOLLOW, 0, &self->lock_fd, err);

    if (rc != AV_OK)
        return rc;
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return av_error_set(err, AV_ERR_BUSY, "%s is open in another process", self->dir);
        return av_error_errno(err, "lock %s", path);
    }
    return AV_OK;
}

/* Open the last container for writing, behind the last commit; whatever stands there is cut. */
static av_errc
adopt_tail(av_store *self, av_error *err)
{
    uint64_t size = 0;
    av_errc rc = av_container_open(self->dir, self->container, self->uuid, O_RDWR, &self->fd, NULL, err);

    if (rc == AV_OK)
        rc = av_file_size(self->fd, &size, err);
    if (rc == AV_OK && size > self->at) {
        self->stats.cut_bytes = size - self->at;
        rc = av_file_truncate(self->fd, self->at, err);
        if (rc == AV_OK)
            AV_LOG(AV_LOG_WARN, "store.tail_cut", AV_STR("dir", self->dir), AV_U64("container", self->container),
                AV_U64("at", self->at), AV_U64("bytes", self->stats.cut_bytes));
    }
    /* A whole group that nobody acknowledged may stand in the page cache alone: from here on it counts. */
    if (rc == AV_OK)
        rc = av_file_datasync(self->fd, err);
    /* So may the container's name, when its maker died before the folder was synced. */
    if (rc == AV_OK)
        rc = av_dir_sync(self->dir, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "open the log's end");
}

static void
take_end(av_store *self, const av_scan *scan)
{
    self->chain = *av_scan_chain(scan);
    self->at = av_lsn_offset(av_scan_chain_end(scan));
    /* Slots count anew in each container; this one's first commit may be still to come. */
    self->next_slot = av_lsn_container(self->chain.commit_lsn) == self->container ? av_scan_chain_slot(scan) : 0;
}

/* rc: how the reading ended. Nothing that only looks torn is believed when somebody has seen more. */
static av_errc
judge_end(av_store *self, av_scan *scan, av_errc rc, uint64_t witnessed_lsn, av_error *err)
{
    uint64_t place = av_scan_place(scan);
    bool later = false;
    char found[sizeof err->msg];

    take_end(self, scan);
    if (rc == AV_OK && self->chain.commit_lsn < witnessed_lsn)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the log ends at LSN %llx, before the acknowledged LSN %llx",
            (unsigned long long)self->chain.commit_lsn, (unsigned long long)witnessed_lsn);
    if (rc == AV_OK)
        return self->read_only ? AV_OK : adopt_tail(self, err);
    if (rc != AV_ERR_CORRUPT)
        return rc;
    memcpy(found, err->msg, sizeof found);
    if (av_lsn_container(place) == self->container && av_lsn_offset(place) >= AV_CONTAINER_HEADER &&
        self->chain.commit_lsn >= witnessed_lsn) {
        rc = av_scan_find_later_group(scan, &later, err);
        if (rc != AV_OK)
            return rc;
        if (!later)
            return self->read_only ? AV_OK : adopt_tail(self, err);
    }
    store_mark_corrupt(self, found);
    return AV_OK;
}

static av_errc
read_log(av_store *self, uint64_t from_lsn, uint64_t witnessed_lsn, av_error *err)
{
    AV_CLEANUP(av_scan_destroy) av_scan *scan = NULL;
    av_errc rc = av_scan_new(self->files, av_store_keys_log(self->keys), &scan, err);
    bool end = false;

    if (rc == AV_OK && from_lsn != 0) {
        rc = av_scan_from(scan, from_lsn, err);
        if (rc == AV_ERR_CORRUPT) {
            store_mark_corrupt(self, err->msg);
            return read_log(self, 0, witnessed_lsn, err); /* what is still sound, to serve it */
        }
    }
    while (rc == AV_OK && !end) {
        av_record_header header;
        av_span body;

        rc = av_scan_next(scan, &header, &body, &end, err);
    }
    if (self->corrupt && (rc == AV_OK || rc == AV_ERR_CORRUPT)) {
        self->chain = *av_scan_chain(scan);
        return AV_OK;
    }
    return scan == NULL ? rc : judge_end(self, scan, rc, witnessed_lsn, err);
}

static av_errc
open_log(av_store *self, uint64_t witnessed_lsn, av_error *err)
{
    uint32_t missing;
    char sentence[64];
    av_errc rc = av_container_files_new(self->dir, self->uuid, 0, &self->files, err);

    if (rc == AV_OK && !self->read_only)
        rc = av_container_files_clean(self->files, err);
    if (rc != AV_OK)
        return rc;
    self->container = av_container_files_highest(self->files);
    missing = self->container == 0 ? 1 : av_container_files_missing(self->files);
    if (missing != 0) {
        (void)snprintf(sentence, sizeof sentence, "container %08u.avc is missing", missing);
        store_mark_corrupt(self, sentence);
    }
    return self->container == 0 ? AV_OK : read_log(self, witnessed_lsn, witnessed_lsn, err);
}

static av_store *
make(const av_store_config *config)
{
    static const av_split_options split = AV_SPLIT_OPTIONS_DEFAULT;
    av_store *self = av_xcalloc(1, sizeof *self);

    self->dir = av_xstrdup(config->dir);
    self->keys = config->keys;
    self->max_container_bytes = config->max_container_bytes != 0 ? config->max_container_bytes : DEFAULT_CONTAINER;
    self->spool_bytes = config->spool_bytes != 0 ? config->spool_bytes : DEFAULT_SPOOL;
    self->max_message_bytes = config->max_message_bytes != 0 ? config->max_message_bytes : AV_STORE_MESSAGE_MAX;
    self->level = config->level != 0 ? config->level : DEFAULT_LEVEL;
    self->split = split;
    self->split.min_raw = self->split.min_base64 =
        config->min_part_bytes != 0 ? config->min_part_bytes : DEFAULT_MIN_PART;
    self->read_only = config->read_only;
    self->fd = self->lock_fd = -1;
    self->tail = store_tail_new();
    self->spare = store_spare_new();
    self->dictionaries = store_dictionaries_new();
    av_buf_init(&self->packed, AV_EVENTS_LIST_MAX);
    av_buf_init(&self->plain, AV_ONE_PIECE_BODY_MAX);
    av_buf_init(&self->events, AV_EVENTS_LIST_MAX);
    return self;
}

static av_errc
check_uuid(const av_store *self, av_error *err)
{
    if (memcmp(self->uuid, av_store_keys_uuid(self->keys), sizeof self->uuid) != 0)
        return av_error_set(err, AV_ERR_AUTH, "%s: the keys given are another store's", self->dir);
    return AV_OK;
}

av_errc
av_store_open(const av_store_config *config, uint64_t witnessed_lsn, av_store **ret, av_error *err)
{
    AV_CLEANUP(av_store_close) av_store *self = NULL;
    av_errc rc = check_config(config, err);

    if (rc != AV_OK)
        return rc;
    self = make(config);
    rc = store_marker_read(self->dir, av_store_keys_log(self->keys), self->uuid, err);
    if (rc == AV_OK)
        rc = check_uuid(self, err);
    if (rc == AV_OK && !self->read_only)
        rc = lock_store(self, err);
    if (rc == AV_OK)
        rc = open_log(self, witnessed_lsn, err);
    if (rc != AV_OK)
        return rc;
    if (self->read_only && self->problem == NULL)
        self->problem = av_xstrdup("the store is opened for reading only");
    self->group.start = self->at;
    self->group.start_slot = self->next_slot;
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_store_close(av_store **self)
{
    av_store *s = *self;
    av_error ignored;

    if (s == NULL)
        return;
    assert(s->puts == NULL);
    if (s->fd >= 0 && s->group.digest != NULL)
        (void)av_store_rollback(s, &ignored);
    av_file_close(&s->fd);
    av_file_close(&s->lock_fd);
    av_store_trim(s);
    av_container_files_destroy(&s->files);
    store_spare_destroy(&s->spare);
    store_dictionaries_destroy(&s->dictionaries);
    store_tail_destroy(&s->tail);
    av_sha256_stream_destroy(&s->group.digest);
    av_sha256_stream_destroy(&s->record.digest);
    av_buf_release(&s->events);
    av_buf_release(&s->packed);
    av_buf_release(&s->plain);
    free(s->problem);
    free(s->dir);
    free(s);
    *self = NULL;
}
