/*
 * poppler.h - what pdf.c needs of poppler, which has a C++ interface alone
 *
 * Plain C types only: this header is read by both languages. No exception leaves it.
 */
#ifndef AV_ACTORS_EXTRACT_POPPLER_H
#define AV_ACTORS_EXTRACT_POPPLER_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum av_poppler_end {
    AV_POPPLER_OK,
    AV_POPPLER_BROKEN,
    AV_POPPLER_LOCKED, /* opens with a password only */
    AV_POPPLER_NOMEM
} av_poppler_end;

/* Where it goes; each returns false when no more is wanted. Bytes are borrowed for the call. */
typedef struct av_poppler_sink {
    void *ctx;
    bool (*text)(void *ctx, const char *utf8, size_t n); /* a page, or a property */
    bool (*file)(
        void *ctx, const char *name, size_t name_n, const char *type, size_t type_n, const char *bytes, size_t n);
} av_poppler_sink;

/* Read a document of n bytes (below 2 GB). broken_pages: set always. */
av_poppler_end av_poppler_read(const void *bytes, size_t n, const av_poppler_sink *sink, int *broken_pages);
/* No complaints on standard error. */
void av_poppler_silence(void);

#ifdef __cplusplus
}
#endif

#endif
