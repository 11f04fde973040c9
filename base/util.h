/*
 * util.h - the handful of macros every file may use
 */
#ifndef AV_BASE_UTIL_H
#define AV_BASE_UTIL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define AV_CLEANUP(fn) __attribute__((cleanup(fn)))
#define AV_TAKE(p)                                                                                                     \
    __extension__({                                                                                                    \
        __typeof__(p) took_ = (p);                                                                                     \
        (p) = NULL;                                                                                                    \
        took_;                                                                                                         \
    })
#define AV_COUNT(array)                 (sizeof(array) / sizeof((array)[0]))
#define AV_MIN(a, b)                    ((a) < (b) ? (a) : (b))
#define AV_MAX(a, b)                    ((a) > (b) ? (a) : (b))
#define AV_UNUSED                       __attribute__((unused))
/* AV_MIN and AV_MAX look at their arguments twice: no calls with effects in them. */
/* The struct of which `member` is at address `ptr`. */
#define AV_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* For AV_CLEANUP(av_free): frees what a plain pointer variable points to. */
static inline void
av_free(void *pointer_variable)
{
    void *p;

    memcpy(&p, pointer_variable, sizeof p);
    free(p);
}

/* Close an int descriptor variable with AV_CLEANUP(av_fd_close); -1 is a no-op. Defined in file.c. */
void av_fd_close(int *fd);

/*
 * malloc, calloc, realloc, strdup that end the process with a log line when memory is gone. For small fixed-size
 * objects only (a session, a table); whatever a peer can make large uses av_buf with its ceiling.
 */
void *av_xalloc(size_t n);
void *av_xcalloc(size_t count, size_t size);
void *av_xrealloc(void *p, size_t n);
char *av_xstrdup(const char *s);
char *av_xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
