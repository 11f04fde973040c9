/*
 * placement.c - where a new instance's base directory may lie: beside all others and beside what the node needs
 *
 * Deleting an instance deletes its base directory whole. The records of this host are asked first; the marks above
 * speak for instances that were taken off this host with their files left, and for those of another host.
 */
#include "actors/host/instances_priv.h"

#include <limits.h>
#include <sys/stat.h>

#include "actors/host/base_dir.h"

static const char *const own_folders[] = { "keys", "broker", "management", "host", "tls", "run", "logs" };

static av_errc
check_own_folders(const av_host *self, const char *real, av_error *err)
{
    for (size_t i = 0; i < AV_COUNT(own_folders); i++) {
        AV_CLEANUP(av_free) char *path = av_node_path(self->node, "%s", own_folders[i]);
        AV_CLEANUP(av_free) char *own = NULL;
        av_errc rc = av_base_dir_resolve(path, &own, err);

        if (rc != AV_OK)
            return rc;
        if (av_base_dir_overlap(real, own))
            return av_error_set(err, AV_ERR_INVALID,
                "%s overlaps %s, a folder of this node's own: choose another base directory", real, own);
    }
    return AV_OK;
}

static av_errc
check_instances(const av_host *self, const char *real, av_error *err)
{
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->instances, &at, &key, &value)) {
        const av_host_instance *other = value;
        AV_CLEANUP(av_free) char *base = NULL;
        AV_CLEANUP(av_free) char *aside = NULL;

        /* One whose disk is away is known by its name alone and must not keep others from being made. */
        if (av_base_dir_resolve(other->base_dir, &base, err) != AV_OK)
            base = av_xstrdup(other->base_dir);
        aside = av_base_dir_aside(base, other->id);
        if (av_base_dir_overlap(real, base) || av_base_dir_overlap(real, aside))
            return av_error_set(err, AV_ERR_INVALID,
                "%s overlaps %s, the base directory of instance %s: choose another base directory", real, base,
                other->id);
    }
    return AV_OK;
}

/* The folder in which new instances are made must stay usable for the next. */
static av_errc
check_instances_dir(const av_host *self, const char *real, av_error *err)
{
    AV_CLEANUP(av_free) char *all = NULL;
    size_t n = strlen(real);
    av_errc rc = av_base_dir_resolve(self->instances_dir, &all, err);

    if (rc == AV_OK && strncmp(all, real, n) == 0 && (all[n] == '/' || all[n] == '\0'))
        return av_error_set(err, AV_ERR_INVALID,
            "%s holds the folder in which instances are made: choose another base directory", real);
    return rc;
}

/* Its deletion will need that name. */
static av_errc
check_aside(const char *real, const char *id, av_error *err)
{
    AV_CLEANUP(av_free) char *aside = av_base_dir_aside(real, id);
    struct stat st;

    if (strlen(strrchr(aside, '/') + 1) > NAME_MAX)
        return av_error_set(err, AV_ERR_INVALID, "the name of the folder %s is too long", real);
    if (lstat(aside, &st) == 0)
        return av_error_set(err, AV_ERR_INVALID,
            "%s is left from a deletion that was interrupted: remove it or choose another base directory", aside);
    return AV_OK;
}

av_errc
av_host_check_base_dir(av_host *self, const char *id, const char *base_dir, av_error *err)
{
    AV_CLEANUP(av_free) char *real = NULL;
    av_errc rc = av_base_dir_resolve(base_dir, &real, err);

    if (rc == AV_OK)
        rc = check_own_folders(self, real, err);
    if (rc == AV_OK)
        rc = check_instances_dir(self, real, err);
    if (rc == AV_OK)
        rc = check_instances(self, real, err);
    if (rc == AV_OK)
        rc = check_aside(real, id, err);
    if (rc == AV_OK)
        rc = av_base_dir_check_above(real, err);
    return rc;
}
