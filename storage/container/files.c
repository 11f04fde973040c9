/*
 * files.c - see files.h
 */
#include "storage/container/files_priv.h"

av_errc
av_container_files_new(
    const char *dir, const uint8_t store_uuid[16], unsigned max_open, av_container_files **ret, av_error *err)
{
    av_container_files *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->dir = av_xstrdup(dir);
    memcpy(self->uuid, store_uuid, sizeof self->uuid);
    self->place = av_place_folder_new(dir);
    self->max_open = max_open == 0 ? AV_CONTAINER_FILES_OPEN : max_open;
    (void)pthread_mutex_init(&self->lock, NULL);
    rc = av_container_list_read(self->place, &self->list, err);
    if (rc != AV_OK) {
        av_container_files_destroy(&self);
        return rc;
    }
    self->room = self->list.count + 16;
    self->known = av_xcalloc(self->room, sizeof *self->known);
    for (; self->count < self->list.count; self->count++) {
        self->known[self->count].container = self->list.entries[self->count].container;
        self->known[self->count].generation = self->list.entries[self->count].generation;
    }
    self->missing = self->list.missing;
    *ret = self;
    return AV_OK;
}

static size_t
map_size(const open_file *f)
{
    return f->map.count * sizeof *f->map.drops;
}

static void
close_file(open_file *f)
{
    av_place_close(&f->file);
    av_drop_map_release(&f->map);
    free(f);
}

void
av_container_files_destroy(av_container_files **self)
{
    av_container_files *s = *self;

    if (s == NULL)
        return;
    while (s->open != NULL) {
        open_file *f = s->open;

        assert(f->refs == 0);
        s->open = f->next;
        close_file(f);
    }
    av_container_list_release(&s->list);
    av_place_destroy(&s->place);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->known);
    free(s->dir);
    free(s);
    *self = NULL;
}

/* --- what is there ----------------------------------------------------------------------------------------------- */

/* Locked. NULL: not there. */
static known_container *
find_known(av_container_files *self, uint32_t container)
{
    size_t low = 0, high = self->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (self->known[middle].container == container)
            return &self->known[middle];
        if (self->known[middle].container < container)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const uint8_t *
av_container_files_uuid(const av_container_files *self)
{
    return self->uuid;
}

av_place *
av_container_files_place(const av_container_files *self)
{
    return self->place;
}

const char *
av_container_files_dir(const av_container_files *self)
{
    return self->dir;
}

uint32_t
av_container_files_highest(av_container_files *self)
{
    uint32_t highest;

    (void)pthread_mutex_lock(&self->lock);
    highest = self->count == 0 ? 0 : self->known[self->count - 1].container;
    (void)pthread_mutex_unlock(&self->lock);
    return highest;
}

uint32_t
av_container_files_missing(av_container_files *self)
{
    return self->missing; /* never changes */
}

static bool
get_generation(av_container_files *self, uint32_t container, uint32_t *ret)
{
    known_container *known;

    (void)pthread_mutex_lock(&self->lock);
    known = find_known(self, container);
    if (known != NULL)
        *ret = known->generation;
    (void)pthread_mutex_unlock(&self->lock);
    return known != NULL;
}

uint32_t
av_container_files_generation(av_container_files *self, uint32_t container)
{
    uint32_t generation = 0;

    (void)get_generation(self, container, &generation);
    return generation;
}

void
av_container_files_add(av_container_files *self, uint32_t container)
{
    (void)pthread_mutex_lock(&self->lock);
    assert(self->count == 0 || self->known[self->count - 1].container < container);
    if (self->count == self->room) {
        self->room = self->room * 2 + 16;
        self->known = av_xrealloc(self->known, self->room * sizeof *self->known);
    }
    self->known[self->count++] = (known_container){ .container = container };
    (void)pthread_mutex_unlock(&self->lock);
}

/* Locked. Close what nobody reads: `all`, or until the limits are kept, the longest unused first. */
static void
shrink(av_container_files *self, bool all)
{
    while (all || self->open_count > self->max_open || self->map_bytes > AV_CONTAINER_FILES_MAPS) {
        open_file **oldest = NULL, *f;

        for (open_file **at = &self->open; *at != NULL; at = &(*at)->next)
            if ((*at)->refs == 0 && (oldest == NULL || (*at)->used < (*oldest)->used))
                oldest = at;
        if (oldest == NULL)
            return;
        f = *oldest;
        *oldest = f->next;
        self->open_count--;
        self->map_bytes -= map_size(f);
        close_file(f);
    }
}

/* Locked. Files of a generation that does not count any more go as soon as nobody reads them. */
static void
forget_others(av_container_files *self, uint32_t container, const known_container *but)
{
    for (open_file **at = &self->open; *at != NULL;) {
        open_file *f = *at;

        if (f->container != container || f->refs > 0 || (but != NULL && f->generation == but->generation)) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        self->open_count--;
        self->map_bytes -= map_size(f);
        close_file(f);
    }
}

void
av_container_files_drop(av_container_files *self, uint32_t container)
{
    (void)pthread_mutex_lock(&self->lock);
    assert(self->count > 0 && self->known[self->count - 1].container == container);
    self->count--;
    forget_others(self, container, NULL);
    (void)pthread_mutex_unlock(&self->lock);
}

void
av_container_files_replace(av_container_files *self, uint32_t container, uint32_t generation)
{
    known_container *known;

    (void)pthread_mutex_lock(&self->lock);
    known = find_known(self, container);
    assert(known != NULL);
    *known = (known_container){ .container = container, .generation = generation };
    forget_others(self, container, known);
    (void)pthread_mutex_unlock(&self->lock);
}

bool
av_container_files_begin_compaction(av_container_files *self)
{
    bool runs;

    (void)pthread_mutex_lock(&self->lock);
    runs = self->compacting;
    self->compacting = true;
    (void)pthread_mutex_unlock(&self->lock);
    return !runs;
}

void
av_container_files_end_compaction(av_container_files *self)
{
    (void)pthread_mutex_lock(&self->lock);
    self->compacting = false;
    (void)pthread_mutex_unlock(&self->lock);
}

void
av_container_files_trim(av_container_files *self)
{
    (void)pthread_mutex_lock(&self->lock);
    shrink(self, true);
    (void)pthread_mutex_unlock(&self->lock);
}

/* --- open files -------------------------------------------------------------------------------------------------- */

av_errc
av_container_files_open(av_container_files *self, uint32_t container, bool sequential, av_place_file **ret,
    av_container_header *ret_header, av_error *err)
{
    AV_CLEANUP(av_place_close) av_place_file *file = NULL;
    char name[AV_CONTAINER_NAME];
    uint32_t generation = 0;
    av_errc rc = AV_ERR_NOT_FOUND;

    if (!get_generation(self, container, &generation))
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no container %08u.avc", container);
    for (;;) {
        uint32_t now = generation;

        av_container_name(container, generation, name);
        rc = av_place_open(self->place, name, sequential, &file, err);
        /* A compaction may have replaced and removed it just then. */
        if (rc != AV_ERR_NOT_FOUND || !get_generation(self, container, &generation) || generation == now)
            break;
    }
    if (rc == AV_OK)
        rc = av_container_check(file, container, generation, self->uuid, ret_header, err);
    if (rc == AV_OK)
        *ret = AV_TAKE(file);
    return rc;
}

/* Locked. */
static open_file *
find_open(av_container_files *self, uint32_t container, uint32_t generation)
{
    for (open_file *f = self->open; f != NULL; f = f->next)
        if (f->container == container && f->generation == generation) {
            f->refs++;
            f->used = ++self->tick;
            return f;
        }
    return NULL;
}

/* Opened without the lock, for others read meanwhile; two threads may do it at once, the second one's is let go. */
static av_errc
open_new(av_container_files *self, uint32_t container, open_file **ret, av_error *err)
{
    open_file *f = av_xcalloc(1, sizeof *f), *other;
    av_container_header header = { 0 };
    av_errc rc = av_container_files_open(self, container, false, &f->file, &header, err);

    if (rc == AV_OK && header.generation > 0)
        rc = container_map_read(f->file, container, self->uuid, &f->map, err);
    if (rc != AV_OK) {
        close_file(f);
        return rc;
    }
    f->container = container;
    f->generation = header.generation;
    (void)pthread_mutex_lock(&self->lock);
    other = find_open(self, container, f->generation);
    if (other == NULL) {
        f->refs = 1;
        f->used = ++self->tick;
        f->next = self->open;
        self->open = f;
        self->open_count++;
        self->map_bytes += map_size(f);
        shrink(self, false);
    }
    (void)pthread_mutex_unlock(&self->lock);
    if (other != NULL)
        close_file(f);
    *ret = other != NULL ? other : f;
    return AV_OK;
}

av_errc
files_acquire(av_container_files *self, uint32_t container, open_file **ret, av_error *err)
{
    known_container *known;

    *ret = NULL;
    (void)pthread_mutex_lock(&self->lock);
    known = find_known(self, container);
    if (known != NULL)
        *ret = find_open(self, container, known->generation);
    (void)pthread_mutex_unlock(&self->lock);
    return *ret != NULL ? AV_OK : open_new(self, container, ret, err);
}

void
files_release(av_container_files *self, open_file *f)
{
    known_container *known;

    (void)pthread_mutex_lock(&self->lock);
    f->refs--;
    known = find_known(self, f->container);
    if (known == NULL || known->generation != f->generation)
        forget_others(self, f->container, known);
    shrink(self, false);
    (void)pthread_mutex_unlock(&self->lock);
}

/* What counts must be sound in its framing before the generation it was made of is let go. */
static av_errc
may_remove(av_container_files *self, const char *name, bool *ret, av_error *err)
{
    uint32_t container, generation;
    open_file *f;
    av_errc rc;

    *ret = true;
    if (!av_container_name_parse(name, &container, &generation))
        return AV_OK;
    rc = files_acquire(self, container, &f, err);
    *ret = rc == AV_OK && !f->map.mended;
    if (rc == AV_OK)
        files_release(self, f);
    return rc == AV_ERR_CORRUPT || rc == AV_ERR_VERSION ? AV_OK : rc;
}

av_errc
av_container_files_clean(av_container_files *self, av_error *err)
{
    for (size_t i = 0; i < self->list.stale_count; i++) {
        bool remove = false;
        av_errc rc = may_remove(self, self->list.stale[i], &remove, err);

        if (rc == AV_OK && remove)
            rc = av_place_remove(self->place, self->list.stale[i], err);
        if (rc != AV_OK)
            return rc;
    }
    return AV_OK;
}

static av_errc
file_bytes(av_container_files *self, uint32_t container, uint64_t *ret, av_error *err)
{
    open_file *f;
    av_errc rc = files_acquire(self, container, &f, err);

    if (rc != AV_OK)
        return rc;
    rc = av_place_size(f->file, ret, err);
    files_release(self, f);
    return rc;
}

av_errc
av_container_files_bytes(av_container_files *self, uint64_t *ret, av_error *err)
{
    uint64_t sum = 0;

    for (size_t i = 0;; i++) {
        known_container known = { 0 };
        bool last = false;
        av_errc rc;

        (void)pthread_mutex_lock(&self->lock);
        if (i < self->count) {
            known = self->known[i];
            last = i + 1 == self->count;
        }
        (void)pthread_mutex_unlock(&self->lock);
        if (known.container == 0)
            break;
        if (known.bytes == 0 || last) {
            rc = file_bytes(self, known.container, &known.bytes, err);
            if (rc != AV_OK)
                return rc;
            (void)pthread_mutex_lock(&self->lock);
            if (!last && i + 1 < self->count && self->known[i].generation == known.generation)
                self->known[i].bytes = known.bytes;
            (void)pthread_mutex_unlock(&self->lock);
        }
        sum += known.bytes;
    }
    *ret = sum;
    return AV_OK;
}
