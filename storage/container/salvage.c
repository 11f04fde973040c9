/*
 * salvage.c - see salvage.h
 */
#include "storage/container/salvage.h"

#include "storage/container/container_priv.h"
#include "storage/container/scan.h"
#include "storage/store/store.h"

#define WINDOW (256U * 1024)

struct av_salvage {
    const uint8_t *uuid;
    av_place_file *file;
    uint32_t container, generation;
    uint64_t size;
    uint64_t place;   /* of the next record */
    int64_t delta;    /* offset by LSN minus place, as far as dropped records were met */
    av_drop_map map;  /* drops NULL: none, or damaged */
    bool begun, over; /* the header was told; the end was met */
    uint8_t *window;
    uint64_t window_from;
    size_t window_n;
    av_buf body;
};

av_errc
av_salvage_new(av_container_files *files, uint32_t container, av_salvage **ret, av_error *err)
{
    AV_CLEANUP(av_salvage_destroy) av_salvage *self = av_xcalloc(1, sizeof *self);
    char name[AV_CONTAINER_NAME];
    av_error ignored;
    av_errc rc;

    self->uuid = av_container_files_uuid(files);
    self->container = container;
    self->generation = av_container_files_generation(files, container);
    self->window = av_xalloc(WINDOW);
    av_buf_init(&self->body, AV_ONE_PIECE_BODY_MAX);
    av_container_name(container, self->generation, name);
    rc = av_place_open(av_container_files_place(files), name, true, &self->file, err);
    if (rc == AV_OK)
        rc = av_place_size(self->file, &self->size, err);
    if (rc != AV_OK)
        return rc;
    self->size = AV_MIN(self->size, (uint64_t)UINT32_MAX);
    if (self->generation > 0)
        (void)container_map_read(self->file, container, self->uuid, &self->map, &ignored);
    if (self->map.partial)
        av_drop_map_release(&self->map); /* what was dropped behind the damage is met on the way */
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_salvage_destroy(av_salvage **self)
{
    av_salvage *s = *self;

    if (s == NULL)
        return;
    av_place_close(&s->file);
    av_drop_map_release(&s->map);
    av_buf_release(&s->body);
    free(s->window);
    free(s);
    *self = NULL;
}

uint64_t
av_salvage_place(const av_salvage *self)
{
    return self->place;
}

/* Up to WINDOW bytes at the place, *ret_n at least `least` unless the file ends. Borrowed until the next call. */
static av_errc
look(av_salvage *self, uint64_t place, size_t least, const uint8_t **ret, size_t *ret_n, av_error *err)
{
    if (place < self->window_from || place + least > self->window_from + self->window_n || self->window_n == 0) {
        av_errc rc = av_place_read(self->file, self->window, WINDOW, place, &self->window_n, err);

        if (rc != AV_OK) {
            self->window_n = 0;
            return rc;
        }
        self->window_from = place;
    }
    *ret = self->window + (place - self->window_from);
    *ret_n = (size_t)AV_MIN(self->window_from + self->window_n - place, AV_MAX(self->size, place) - place);
    return AV_OK;
}

/* All stands as close together before a dropped record (or the end) as it did: the map's next entry tells. */
static uint64_t
lsn_at(const av_salvage *self, uint64_t place)
{
    uint32_t low = 0, high = self->map.count;
    uint64_t offset;

    if (self->map.drops == NULL)
        return av_lsn(self->container, (uint64_t)((int64_t)place + self->delta));
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (self->map.drops[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    offset = low < self->map.count ? place + self->map.drops[low].offset - self->map.drops[low].place
                                   : place + self->map.end_offset - self->map.end_place;
    return av_lsn(self->container, offset);
}

static bool
header_at(const av_salvage *self, const uint8_t *p, uint64_t place, av_record_header *ret)
{
    uint64_t lsn = lsn_at(self, place);
    av_error ignored;

    if (p[0] != 'A' || p[1] != 'V' || lsn >> 32 != self->container)
        return false;
    return av_record_header_decode(p, self->uuid, lsn, ret, &ignored) == AV_OK &&
           (ret->kind < AV_RECORD_DROPPED || self->generation > 0);
}

/* The next place from `place` on where a header checks; size when there is none. */
static av_errc
find(av_salvage *self, uint64_t place, uint64_t *ret, av_error *err)
{
    av_record_header h;

    while (place + AV_RECORD_HEADER <= self->size) {
        const uint8_t *p = NULL, *hit;
        size_t n = 0;
        av_errc rc = look(self, place, AV_RECORD_HEADER, &p, &n, err);

        if (rc != AV_OK)
            return rc;
        if (n < AV_RECORD_HEADER)
            break;
        hit = memchr(p, 'A', n - AV_RECORD_HEADER + 1);
        if (hit == NULL) {
            place += n - AV_RECORD_HEADER + 1;
            continue;
        }
        place += (uint64_t)(hit - p);
        if (header_at(self, hit, place, &h)) {
            *ret = place;
            return AV_OK;
        }
        place++;
    }
    *ret = self->size;
    return AV_OK;
}

/* From the place on nothing checks, up to what is found next. */
static av_errc
skip(av_salvage *self, uint64_t from_place, const char *what, av_salvaged *ret, av_error *err)
{
    uint64_t next = 0;
    av_errc rc = find(self, from_place + 1, &next, err);

    if (rc != AV_OK)
        return rc;
    ret->from = lsn_at(self, from_place);
    ret->to = next == self->size ? av_lsn(self->container + 1, 0) : lsn_at(self, next);
    self->place = next;
    (void)snprintf(ret->sentence, sizeof ret->sentence, "%08u.avc: %s at byte %llu, %llu bytes are not readable",
        self->container, what, (unsigned long long)from_place, (unsigned long long)(next - from_place));
    return AV_OK;
}

/* Walks the body for its CRC and keeps of it what a scan would. */
static av_errc
read_body(av_salvage *self, const av_record_header *h, bool *ret_sound, av_error *err)
{
    bool content = h->kind == AV_RECORD_MESSAGE || h->kind == AV_RECORD_PART;
    uint32_t kept = h->length, crc = 0;

    if (h->kind == AV_RECORD_SEGMENT || h->kind == AV_RECORD_MAP)
        kept = 0;
    else if (content && !(h->flags & AV_RECORD_ONE_PIECE))
        kept = AV_MIN(h->length, AV_SCAN_TAIL);
    av_buf_clear(&self->body);
    for (uint32_t done = 0; done < h->length;) {
        const uint8_t *p = NULL;
        size_t n = 0, before;
        av_errc rc = look(self, self->place + AV_RECORD_HEADER + done, 1, &p, &n, err);

        if (rc != AV_OK)
            return rc;
        if (n == 0)
            break; /* the file is shorter than it was: the CRC says so */
        n = AV_MIN(n, h->length - done);
        crc = av_crc32c(crc, av_span_of(p, n));
        before = h->length - kept > done ? AV_MIN(h->length - kept - done, n) : 0;
        if (!av_buf_append(&self->body, p + before, n - before))
            return av_error_set(err, AV_ERR_INTERNAL, "a record larger than its own limit");
        done += (uint32_t)n;
    }
    *ret_sound = crc == h->body_crc;
    return AV_OK;
}

static void
tell(const av_salvage *self, av_salvaged *ret, const char *what)
{
    (void)snprintf(ret->sentence, sizeof ret->sentence, "%08u.avc: %s", self->container, what);
}

/* The map ends the container; it says nothing of records, so damage to it is told and harms nobody. */
static av_errc
take_map(av_salvage *self, const av_record_header *h, bool sound, av_salvaged *ret, bool *ret_end, av_error *err)
{
    uint64_t at = self->place + AV_RECORD_HEADER + h->length;
    const uint8_t *p = NULL;
    uint32_t map_place = 0;
    size_t n = 0;
    av_error ignored;
    av_errc rc = look(self, at, AV_DROP_MAP_TRAILER, &p, &n, err);

    if (rc != AV_OK)
        return rc;
    self->over = true;
    sound = sound && n == AV_DROP_MAP_TRAILER && av_drop_trailer_decode(p, &map_place, &ignored) == AV_OK &&
            map_place == self->place;
    *ret_end = sound;
    ret->from = ret->to = h->lsn;
    tell(self, ret, "its map is damaged; it can be made again");
    return AV_OK;
}

static av_errc
take_record(av_salvage *self, const av_record_header *h, av_salvaged *ret, bool *ret_end, av_error *err)
{
    uint64_t covered = AV_RECORD_HEADER + (uint64_t)h->length;
    av_dropped dropped;
    av_error ignored;
    bool sound = false;
    av_errc rc = read_body(self, h, &sound, err);

    if (rc != AV_OK)
        return rc;
    if (h->kind == AV_RECORD_MAP)
        return take_map(self, h, sound, ret, ret_end, err);
    if (sound && h->kind == AV_RECORD_DROPPED) {
        sound = av_dropped_decode(av_buf_span(&self->body), &dropped, &ignored) == AV_OK;
        covered = sound ? dropped.covered : covered;
    }
    ret->sound = sound;
    ret->header = *h;
    ret->body = av_buf_span(&self->body);
    self->place = AV_MIN(self->place + AV_RECORD_HEADER + h->length, self->size);
    self->delta += (int64_t)covered - (int64_t)(AV_RECORD_HEADER + (uint64_t)h->length);
    ret->from = h->lsn;
    ret->to = self->map.drops != NULL ? lsn_at(self, self->place) : h->lsn + covered;
    if (!sound)
        (void)snprintf(ret->sentence, sizeof ret->sentence, "%08u.avc, byte %llu: the record is damaged (CRC-32C)",
            self->container, (unsigned long long)(self->place - AV_RECORD_HEADER - h->length));
    return AV_OK;
}

/* true: the header of the container is sound, nothing is told. */
static bool
check_header(av_salvage *self, av_salvaged *ret)
{
    av_container_header header;
    av_error why;

    self->begun = true;
    self->place = AV_MIN((uint64_t)AV_CONTAINER_HEADER, self->size);
    if (av_container_check(self->file, self->container, self->generation, self->uuid, &header, &why) == AV_OK)
        return true;
    ret->from = av_lsn(self->container, 0);
    ret->to = av_lsn(self->container, AV_CONTAINER_HEADER);
    (void)snprintf(ret->sentence, sizeof ret->sentence, "%08u.avc, its header: %.100s", self->container, why.msg);
    return false;
}

av_errc
av_salvage_next(av_salvage *self, av_salvaged *ret, bool *ret_end, av_error *err)
{
    const uint8_t *p = NULL;
    av_record_header h;
    size_t n = 0;
    av_errc rc;

    *ret = (av_salvaged){ 0 };
    *ret_end = false;
    if (!self->begun && !check_header(self, ret))
        return AV_OK;
    if (self->over || self->place >= self->size) {
        *ret_end = self->over || self->generation == 0;
        if (!*ret_end) {
            ret->from = ret->to = lsn_at(self, self->place);
            tell(self, ret, "it was compacted and has lost its end");
        }
        self->over = true;
        return AV_OK;
    }
    rc = look(self, self->place, AV_RECORD_HEADER, &p, &n, err);
    if (rc != AV_OK)
        return rc;
    if (n >= AV_RECORD_HEADER && header_at(self, p, self->place, &h))
        return take_record(self, &h, ret, ret_end, err);
    return skip(self, self->place, "no record", ret, err);
}
