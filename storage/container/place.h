/*
 * place.h - where sealed containers lie: files that are put whole and never change afterwards
 *
 * The one implementation is a local folder (av_place_folder_new). Another kind of storage is another table of
 * functions. The container that is being written is no business of a place: it is a plain local file. Thread safe. All functions
 * block.
 */
#ifndef AV_CONTAINER_PLACE_H
#define AV_CONTAINER_PLACE_H

#include "base/error.h"
#include "base/span.h"

typedef struct av_place av_place;
typedef struct av_place_file av_place_file;

/* An implementation begins its own struct with av_place, and its open files with av_place_file. */
typedef struct av_place_ops {
    av_errc (*put)(av_place *self, const char *name, const char *from, av_error *err);
    av_errc (*open)(av_place *self, const char *name, bool sequential, av_place_file **ret, av_error *err);
    av_errc (*list)(av_place *self, bool (*each)(void *ctx, const char *name), void *ctx, av_error *err);
    av_errc (*remove)(av_place *self, const char *name, av_error *err);
    void (*destroy)(av_place *self);
    av_errc (*read)(av_place_file *self, void *p, size_t n, uint64_t at, size_t *ret_n, av_error *err);
    av_errc (*size)(av_place_file *self, uint64_t *ret, av_error *err);
    void (*close)(av_place_file *self);
} av_place_ops;

struct av_place {
    const av_place_ops *ops;
};

struct av_place_file {
    const av_place_ops *ops;
};

/* dir: copied. The folder need not be there yet. */
av_place *av_place_folder_new(const char *dir);
void av_place_destroy(av_place **self); /* no file of it may be open. NULL and *NULL are no-ops */

/*
 * Move the local file `from`, whole and synced, into the place under this name; durable on return. An older file of
 * that name is replaced. A folder wants `from` on its own file system.
 */
av_errc av_place_put(av_place *self, const char *name, const char *from, av_error *err);
/* sequential: a hint that it will be read from front to back. AV_ERR_NOT_FOUND. */
av_errc av_place_open(av_place *self, const char *name, bool sequential, av_place_file **ret, av_error *err);
void av_place_close(av_place_file **self); /* NULL and *NULL are no-ops */
/* Up to n bytes; *ret_n is less only at the end. One system call in the plain case. */
av_errc av_place_read(av_place_file *self, void *p, size_t n, uint64_t at, size_t *ret_n, av_error *err);
av_errc av_place_size(av_place_file *self, uint64_t *ret, av_error *err);
/* Every name once, in no order, until each says false. */
av_errc av_place_list(av_place *self, bool (*each)(void *ctx, const char *name), void *ctx, av_error *err);
/* Files open stay readable. Missing is fine. */
av_errc av_place_remove(av_place *self, const char *name, av_error *err);

#endif
