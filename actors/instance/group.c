/*
 * group.c - the one open group of the writer
 */
#include "actors/instance/group.h"

#include "actors/instance/auto_create.h"
#include "base/log.h"

struct av_group {
    av_archive *archive;
    av_group_member *members;
    size_t items;
    uint64_t bytes;
    bool open;
};

av_group *
av_group_new(av_archive *archive)
{
    av_group *self = av_xcalloc(1, sizeof *self);

    self->archive = archive;
    return self;
}

void
av_group_destroy(av_group **self)
{
    av_error why;

    if (*self == NULL)
        return;
    (void)av_error_set(&why, AV_ERR_CANCELLED, "the archive is closed");
    if ((*self)->open)
        av_group_rollback(*self, &why);
    free(*self);
    *self = NULL;
}

av_errc
av_group_join(av_group *self, av_group_member *member, av_error *err)
{
    const av_open_store *current = NULL;
    av_errc rc;

    if (!self->open) {
        rc = av_stores_all_read(self->archive->stores, err);
        if (rc == AV_OK)
            rc = av_stores_current(self->archive->stores, &current, err);
        if (rc == AV_OK)
            rc = av_archive_begin(self->archive, current, err);
        if (rc != AV_OK)
            return rc;
        self->open = true;
        self->items = 0;
        self->bytes = 0;
    }
    if (!member->joined) {
        member->joined = true;
        member->next = self->members;
        self->members = member;
    }
    return AV_OK;
}

void
av_group_count(av_group *self, uint64_t bytes)
{
    self->items++;
    self->bytes += bytes;
}

void
av_group_count_part(av_group *self, uint64_t bytes)
{
    self->bytes += bytes;
}

bool
av_group_is_full(const av_group *self)
{
    return self->open && (self->items >= AV_GROUP_ITEMS_MAX || self->bytes >= AV_GROUP_BYTES_MAX);
}

bool
av_group_is_open(const av_group *self)
{
    return self->open;
}

/* Take the members off: their callbacks may join the next group. */
static av_group_member *
close_group(av_group *self)
{
    av_group_member *members = AV_TAKE(self->members), *m;

    for (m = members; m != NULL; m = m->next)
        m->joined = false;
    self->open = false;
    return members;
}

static void
tell_rolled_back(av_group *self, const av_error *why)
{
    av_group_member *m, *next;

    AV_LOG(AV_LOG_WARN, "group.rolled_back", AV_U64("items", self->items), AV_ERRF(why));
    for (m = close_group(self); m != NULL; m = next) {
        next = m->next;
        m->rolled_back(m, why);
    }
}

void
av_group_rollback(av_group *self, const av_error *why)
{
    const av_open_store *current = NULL;
    av_error err;

    if (self->open) {
        av_archive_rollback(self->archive);
        tell_rolled_back(self, why);
        return;
    }
    if (av_stores_current(self->archive->stores, &current, &err) == AV_OK &&
        av_store_rollback(current->store, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "group.rollback_failed", AV_ERRF(&err));
}

av_errc
av_group_commit(av_group *self, av_error *err)
{
    av_group_member *m, *next;
    av_errc rc = AV_OK;

    if (!self->open)
        return AV_OK;
    for (m = self->members; rc == AV_OK && m != NULL; m = m->next)
        rc = m->closing(m, err);
    if (rc != AV_OK) {
        av_group_rollback(self, err);
        return rc;
    }
    rc = av_archive_commit(self->archive, err);
    if (rc != AV_OK) { /* which has rolled it back */
        tell_rolled_back(self, err);
        return rc;
    }
    for (m = close_group(self); m != NULL; m = next) {
        next = m->next;
        m->committed(m);
    }
    av_auto_create(self->archive);
    return AV_OK;
}
