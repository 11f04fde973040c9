/*
 * walk.c - see walk.h
 */
#include "storage/care/walk.h"

#include "storage/container/salvage.h"
#include "storage/container/scan.h"
#include "storage/store/store.h"

#define RANGES_MAX (1024U * 1024)
#define TELL_EVERY (1024U * 1024) /* bytes */

typedef struct walker {
    const av_care_walk *job;
    av_scan *scan;
    uint64_t good_commit; /* the last one that was read; 0: none */
    uint64_t last_lsn;    /* of the last record given */
    bool over, reached;   /* nothing more to read; the commit that ends the walk was met */
    uint32_t taken_up;    /* the container in which the scan was last taken up behind damage */
    uint64_t done, told, total;
} walker;

static av_errc
pass(walker *self, const av_record_header *h, av_span body, av_error *err)
{
    av_errc rc = AV_OK;

    self->last_lsn = h->lsn;
    self->done += AV_RECORD_HEADER + (uint64_t)h->length;
    if (self->done - self->told >= TELL_EVERY) {
        self->told = self->done;
        rc = av_care_go_on(self->job->watch, AV_MIN(self->done, self->total), self->total, err);
    }
    if (rc == AV_OK)
        rc = self->job->visitor->record(self->job->visitor->ctx, h, body, err);
    if (rc == AV_OK && h->kind == AV_RECORD_COMMIT) {
        self->good_commit = h->lsn;
        self->over = self->reached = h->lsn >= self->job->until_lsn;
    }
    return rc;
}

static av_errc
tell(walker *self, uint64_t from, uint64_t to, const av_record_header *h, const char *sentence, av_error *err)
{
    av_care_damage damage = { .from = from, .to = to, .header = h, .sentence = sentence };

    return self->job->visitor->damage(self->job->visitor->ctx, &damage, err);
}

/* --- behind damage ----------------------------------------------------------------------------------------------- */

/* The chain goes on from the last commit of the container just left, when its file is sound enough for that. */
static av_errc
take_up(walker *self, uint32_t container, bool *ret_scanning, av_error *err)
{
    av_errc rc;

    *ret_scanning = false;
    if (av_lsn_container(self->good_commit) != container)
        return AV_OK;
    av_scan_destroy(&self->scan);
    rc = av_scan_new(self->job->files, self->job->log_key, &self->scan, err);
    if (rc == AV_OK) {
        rc = av_scan_from(self->scan, self->good_commit, err);
        *ret_scanning = rc == AV_OK;
        self->taken_up = container;
    }
    return rc == AV_ERR_CORRUPT || rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

/* The container ended; the next one's header says how far it had come. */
static av_errc
check_end(walker *self, uint32_t container, uint64_t end, av_error *err)
{
    av_container_header next;
    av_place_file *file = NULL;
    char sentence[96];
    av_error ignored;
    bool known;

    if (container >= av_container_files_highest(self->job->files))
        return AV_OK;
    known = av_container_files_open(self->job->files, container + 1, true, &file, &next, &ignored) == AV_OK;
    av_place_close(&file);
    if (!known || next.before.commit_lsn < end || av_lsn_container(next.before.commit_lsn) != container)
        return AV_OK;
    (void)snprintf(sentence, sizeof sentence, "%08u.avc is shorter than it was", container);
    return tell(self, end, av_lsn(container + 1, 0), NULL, sentence, err);
}

/* Give what of the container stands at from_lsn or behind it. *ret_damaged: something was told. */
static av_errc
salvage(walker *self, av_salvage *from, uint32_t container, uint64_t from_lsn, bool *ret_damaged, av_error *err)
{
    uint64_t end = from_lsn;

    while (!self->over) {
        av_salvaged found;
        bool ended = false;
        av_errc rc = av_salvage_next(from, &found, &ended, err);

        if (rc != AV_OK)
            return rc;
        if (ended)
            break;
        end = found.to;
        if (found.from < from_lsn && (found.to <= from_lsn || found.sound))
            continue; /* was given by the scan already */
        if (found.sound) {
            rc = pass(self, &found.header, found.body, err);
        } else {
            *ret_damaged = true;
            if (found.from >= self->job->until_lsn && self->job->until_lsn != UINT64_MAX) {
                self->over = true;
                break;
            }
            rc = tell(self, found.from, found.to, found.header.kind == 0 ? NULL : &found.header, found.sentence, err);
        }
        if (rc != AV_OK)
            return rc;
    }
    return self->over ? AV_OK : check_end(self, container, end, err);
}

static av_errc
salvage_container(walker *self, uint32_t container, uint64_t from_lsn, const char *why, av_error *err)
{
    AV_CLEANUP(av_salvage_destroy) av_salvage *found = NULL;
    bool damaged = false;
    char sentence[64];
    av_errc rc = av_salvage_new(self->job->files, container, &found, err);

    if (rc == AV_ERR_NOT_FOUND) {
        (void)snprintf(sentence, sizeof sentence, "container %08u.avc is missing", container);
        return tell(self, av_lsn(container, 0), av_lsn(container + 1, 0), NULL, sentence, err);
    }
    if (rc == AV_OK)
        rc = salvage(self, found, container, from_lsn, &damaged, err);
    /* Every record is sound by itself, and yet the scan did not go on: they are not the ones that were committed. */
    if (rc == AV_OK && !damaged && why != NULL)
        rc = tell(self, from_lsn, from_lsn, NULL, why, err);
    return rc;
}

/* The scan ended at `place` with why; on until it can be taken up again. */
static av_errc
go_behind(walker *self, uint64_t place, const char *why, av_error *err)
{
    uint32_t container = AV_MAX(av_lsn_container(place), 1U);
    uint64_t from = AV_MAX(place, self->last_lsn + 1);
    bool scanning = false;
    av_errc rc = AV_OK;

    if (container == self->taken_up) { /* all of it was given and told already */
        container++;
        from = av_lsn(container, 0);
        self->over = container > av_container_files_highest(self->job->files);
    }
    while (rc == AV_OK && !self->over && !scanning) {
        rc = salvage_container(self, container, from, why, err);
        why = NULL;
        if (rc != AV_OK || self->over)
            break;
        if (container >= av_container_files_highest(self->job->files)) {
            self->over = true;
            break;
        }
        rc = take_up(self, container, &scanning, err);
        container++;
        from = av_lsn(container, 0);
    }
    return rc;
}

/* --- the walk ---------------------------------------------------------------------------------------------------- */

static av_errc
walk(walker *self, av_error *err)
{
    char why[sizeof err->msg];
    av_errc rc = av_scan_new(self->job->files, self->job->log_key, &self->scan, err);

    while (rc == AV_OK && !self->over) {
        av_record_header header;
        av_span body;
        bool end = false;

        rc = av_scan_next(self->scan, &header, &body, &end, err);
        if (rc == AV_OK && end) {
            if (av_scan_open_records(self->scan) > 0)
                return tell(self, av_scan_place(self->scan), av_scan_place(self->scan), NULL,
                    "the log ends inside a group that was not committed", err);
            return AV_OK;
        }
        if (rc == AV_OK) {
            rc = pass(self, &header, body, err);
        } else if (rc == AV_ERR_CORRUPT || rc == AV_ERR_VERSION) {
            memcpy(why, err->msg, sizeof why);
            rc = go_behind(self, av_scan_place(self->scan), why, err);
        }
    }
    return rc;
}

static av_errc
tell_short(walker *self, av_error *err)
{
    char sentence[128];

    (void)snprintf(sentence, sizeof sentence, "the log ends at LSN %llx, before the acknowledged LSN %llx",
        (unsigned long long)self->good_commit, (unsigned long long)self->job->until_lsn);
    return tell(self, self->last_lsn + 1, self->job->until_lsn + 1, NULL, sentence, err);
}

av_errc
av_care_walk_log(const av_care_walk *job, uint64_t *ret_bytes, av_error *err)
{
    walker self = { .job = job };
    av_error ignored;
    av_errc rc = av_care_go_on(job->watch, 0, 0, err);

    /* A container that is missing has no size: then progress has no end to be told. */
    if (av_container_files_bytes(job->files, &self.total, &ignored) != AV_OK)
        self.total = 0;
    if (rc == AV_OK && av_container_files_highest(job->files) == 0)
        rc = tell(&self, av_lsn(1, 0), av_lsn(2, 0), NULL, "the store has no container", err);
    else if (rc == AV_OK && job->until_lsn != 0)
        rc = walk(&self, err);
    if (rc == AV_OK && !self.reached && job->until_lsn != UINT64_MAX && job->until_lsn != 0)
        rc = tell_short(&self, err);
    av_scan_destroy(&self.scan);
    *ret_bytes = self.done;
    return rc;
}

/* --- ranges ------------------------------------------------------------------------------------------------------ */

av_errc
av_care_ranges_add(av_care_ranges *self, uint64_t from, uint64_t to, av_error *err)
{
    if (from >= to)
        return AV_OK;
    if (self->count == RANGES_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "the log is damaged in more than a million places");
    if (self->count == self->room) {
        self->room = self->room * 2 + 16;
        self->list = av_xrealloc(self->list, self->room * sizeof *self->list);
    }
    self->list[self->count++] = (struct av_care_range){ from, to };
    return AV_OK;
}

bool
av_care_ranges_hit(const av_care_ranges *self, uint64_t lsn)
{
    size_t low = 0, high = self->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (self->list[middle].to <= lsn)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->count && self->list[low].from <= lsn;
}

void
av_care_ranges_release(av_care_ranges *self)
{
    free(self->list);
    *self = (av_care_ranges){ 0 };
}
