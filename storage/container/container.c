/*
 * container.c - see container.h
 */
#include "storage/container/container.h"

#include <stdio.h>

#include "base/file.h"

#define STALE_MAX 65536U /* names kept of what is to be removed; the rest waits for the next time */

void
av_container_name(uint32_t container, uint32_t generation, char ret[AV_CONTAINER_NAME])
{
    if (generation == 0)
        (void)snprintf(ret, AV_CONTAINER_NAME, "%08u.avc", container);
    else
        (void)snprintf(ret, AV_CONTAINER_NAME, "%08u-%u.avc", container, generation);
}

bool
av_container_name_parse(const char *name, uint32_t *ret_container, uint32_t *ret_generation)
{
    size_t n = strlen(name);
    uint64_t container = 0, generation = 0;

    if (n < 12 || n >= AV_CONTAINER_NAME || strcmp(name + n - 4, ".avc") != 0 ||
        !av_span_u64(av_span_of(name, 8), AV_CONTAINER_NUMBER_MAX, &container) || container == 0)
        return false;
    /* Decimal, from 1, in one form only: another one would be another file of the same generation. */
    if (n > 12 && (name[8] != '-' || name[9] == '0' ||
                      !av_span_u64(av_span_of(name + 9, n - 13), UINT32_MAX, &generation) || generation == 0))
        return false;
    *ret_container = (uint32_t)container;
    *ret_generation = (uint32_t)generation;
    return true;
}

char *
av_container_path(const char *dir, uint32_t container, uint32_t generation)
{
    char name[AV_CONTAINER_NAME];

    av_container_name(container, generation, name);
    return av_xasprintf("%s/%s", dir, name);
}

typedef struct lister {
    av_container_list list;
    size_t room;
} lister;

static void
add_stale(lister *self, const char *name)
{
    if (self->list.stale_count == STALE_MAX)
        return;
    if (self->list.stale_count % 64 == 0)
        self->list.stale = av_xrealloc(self->list.stale, (self->list.stale_count + 64) * sizeof *self->list.stale);
    self->list.stale[self->list.stale_count++] = av_xstrdup(name);
}

/* "<container name>.new" */
static bool
is_in_the_making(const char *name)
{
    size_t n = strlen(name);
    char copy[AV_CONTAINER_NAME];
    uint32_t container, generation;

    if (n < 5 || n - 4 >= sizeof copy || strcmp(name + n - 4, ".new") != 0)
        return false;
    memcpy(copy, name, n - 4);
    copy[n - 4] = '\0';
    return av_container_name_parse(copy, &container, &generation);
}

static bool
on_name(void *ctx, const char *name)
{
    lister *self = ctx;
    av_container_entry entry;

    if (is_in_the_making(name))
        add_stale(self, name);
    if (!av_container_name_parse(name, &entry.container, &entry.generation))
        return true;
    if (self->list.count == self->room) {
        self->room = self->room * 2 + 64;
        self->list.entries = av_xrealloc(self->list.entries, self->room * sizeof *self->list.entries);
    }
    self->list.entries[self->list.count++] = entry;
    return true;
}

static int
compare_entries(const void *a, const void *b)
{
    const av_container_entry *x = a, *y = b;

    if (x->container != y->container)
        return x->container < y->container ? -1 : 1;
    return x->generation < y->generation ? -1 : x->generation > y->generation;
}

/* Sorted: of each container only the last one stays. */
static void
keep_highest_generations(lister *self)
{
    av_container_list *list = &self->list;
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        av_container_entry entry = list->entries[i];

        if (i + 1 < list->count && list->entries[i + 1].container == entry.container) {
            char name[AV_CONTAINER_NAME];

            av_container_name(entry.container, entry.generation, name);
            add_stale(self, name);
            continue;
        }
        if (list->missing == 0 && entry.container != kept + 1)
            list->missing = (uint32_t)kept + 1;
        list->entries[kept++] = entry;
    }
    list->count = kept;
    list->highest = kept == 0 ? 0 : list->entries[kept - 1].container;
}

av_errc
av_container_list_read(av_place *place, av_container_list *ret, av_error *err)
{
    lister self = { .list = { 0 } };
    av_errc rc = av_place_list(place, on_name, &self, err);

    if (rc != AV_OK) {
        av_container_list_release(&self.list);
        return rc;
    }
    if (self.list.count > 0)
        qsort(self.list.entries, self.list.count, sizeof *self.list.entries, compare_entries);
    keep_highest_generations(&self);
    *ret = self.list;
    return AV_OK;
}

void
av_container_list_release(av_container_list *self)
{
    for (size_t i = 0; i < self->stale_count; i++)
        free(self->stale[i]);
    free(self->stale);
    free(self->entries);
    *self = (av_container_list){ 0 };
}

av_errc
av_container_create(const char *dir, const av_container_header *header, int *ret_fd, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_container_path(dir, header->container, header->generation);
    uint8_t bytes[AV_CONTAINER_HEADER];
    av_errc rc;

    av_container_header_encode(header, bytes);
    rc = av_file_replace(path, av_span_of(bytes, sizeof bytes), 0600, err);
    return rc == AV_OK ? av_file_open(path, O_RDWR | O_NOFOLLOW, 0, ret_fd, err) : rc;
}

static av_errc
check_header(const uint8_t bytes[AV_CONTAINER_HEADER], uint32_t container, uint32_t generation,
    const uint8_t store_uuid[16], av_container_header *ret, av_error *err)
{
    av_container_header header;
    char name[AV_CONTAINER_NAME];
    av_errc rc = av_container_header_decode(bytes, &header, err);

    if (rc == AV_OK && memcmp(header.store_uuid, store_uuid, 16) != 0)
        rc = av_error_set(err, AV_ERR_CORRUPT, "this container is of another store by its header");
    else if (rc == AV_OK && (header.container != container || header.generation != generation))
        rc = av_error_set(err, AV_ERR_CORRUPT, "this container is number %u, generation %u by its header",
            header.container, header.generation);
    if (rc != AV_OK) {
        av_container_name(container, generation, name);
        return av_error_prefix(err, "%s", name);
    }
    *ret = header;
    return AV_OK;
}

av_errc
av_container_open(const char *dir, uint32_t container, const uint8_t store_uuid[16], int flags, int *ret_fd,
    av_container_header *ret_header, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_container_path(dir, container, 0);
    uint8_t bytes[AV_CONTAINER_HEADER];
    av_container_header header;
    int fd = -1;
    av_errc rc = av_file_open(path, flags | O_NOFOLLOW, 0, &fd, err);

    if (rc == AV_OK) {
        rc = av_file_read_at(fd, bytes, sizeof bytes, 0, err);
        if (rc != AV_OK)
            (void)av_error_prefix(err, "%08u.avc", container);
    }
    if (rc == AV_OK)
        rc = check_header(bytes, container, 0, store_uuid, &header, err);
    if (rc != AV_OK) {
        av_file_close(&fd);
        return rc;
    }
    if (ret_header != NULL)
        *ret_header = header;
    *ret_fd = fd;
    return AV_OK;
}

av_errc
av_container_check(av_place_file *file, uint32_t container, uint32_t generation, const uint8_t store_uuid[16],
    av_container_header *ret, av_error *err)
{
    uint8_t bytes[AV_CONTAINER_HEADER];
    size_t got = 0;
    av_errc rc = av_place_read(file, bytes, sizeof bytes, 0, &got, err);

    if (rc == AV_OK && got < sizeof bytes)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the file ends inside the container's header");
    if (rc != AV_OK)
        return av_error_prefix(err, "%08u.avc", container);
    return check_header(bytes, container, generation, store_uuid, ret, err);
}
