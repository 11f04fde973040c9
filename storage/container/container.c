/*
 * container.c - see container.h
 */
#include "storage/container/container.h"

#include <dirent.h>
#include <errno.h>

#include "base/file.h"

char *
av_container_path(const char *dir, uint32_t container)
{
    return av_xasprintf("%s/%08u.avc", dir, container);
}

/* 0 when the name is not a container's. */
static uint32_t
number_of(const char *name)
{
    uint64_t n = 0;

    if (strlen(name) != 12 || strcmp(name + 8, ".avc") != 0)
        return 0;
    return av_span_u64(av_span_of(name, 8), AV_CONTAINER_NUMBER_MAX, &n) ? (uint32_t)n : 0;
}

av_errc
av_container_list(const char *dir, uint32_t *ret_highest, uint32_t *ret_missing, av_error *err)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    uint32_t highest = 0, count = 0;

    if (d == NULL)
        return av_error_errno(err, "read folder %s", dir);
    while ((entry = readdir(d)) != NULL) {
        uint32_t n = number_of(entry->d_name);

        count += n != 0;
        highest = AV_MAX(highest, n);
    }
    (void)closedir(d);
    *ret_highest = highest;
    *ret_missing = 0;
    for (uint32_t n = 1; count != highest && n <= highest; n++) {
        AV_CLEANUP(av_free) char *path = av_container_path(dir, n);

        if (av_file_exists(path))
            continue;
        *ret_missing = n;
        break;
    }
    return AV_OK;
}

av_errc
av_container_create(const char *dir, const av_container_header *header, int *ret_fd, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_container_path(dir, header->container);
    uint8_t bytes[AV_CONTAINER_HEADER];
    av_errc rc;

    av_container_header_encode(header, bytes);
    rc = av_file_replace(path, av_span_of(bytes, sizeof bytes), 0600, err);
    return rc == AV_OK ? av_file_open(path, O_RDWR | O_NOFOLLOW, 0, ret_fd, err) : rc;
}

static av_errc
check_header(int fd, uint32_t container, const uint8_t store_uuid[16], av_container_header *header, av_error *err)
{
    uint8_t bytes[AV_CONTAINER_HEADER];
    av_errc rc = av_file_read_at(fd, bytes, sizeof bytes, 0, err);

    if (rc == AV_OK)
        rc = av_container_header_decode(bytes, header, err);
    if (rc != AV_OK)
        return rc;
    if (header->container != container || memcmp(header->store_uuid, store_uuid, 16) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "this container is number %u %s", header->container,
            header->container == container ? "of another store" : "by its header");
    return AV_OK;
}

av_errc
av_container_open(const char *dir, uint32_t container, const uint8_t store_uuid[16], int flags, int *ret_fd,
    av_container_header *ret_header, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_container_path(dir, container);
    av_container_header header;
    int fd = -1;
    av_errc rc = av_file_open(path, flags | O_NOFOLLOW, 0, &fd, err);

    if (rc != AV_OK)
        return rc;
    rc = check_header(fd, container, store_uuid, &header, err);
    if (rc != AV_OK) {
        av_file_close(&fd);
        return av_error_prefix(err, "%08u.avc", container);
    }
    if (ret_header != NULL)
        *ret_header = header;
    *ret_fd = fd;
    return AV_OK;
}
