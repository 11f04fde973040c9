/*
 * helper.h - the running archivolt-extract of one extractor: start, ask, end (for extractor.c only)
 */
#ifndef AV_STORAGE_EXTRACT_HELPER_H
#define AV_STORAGE_EXTRACT_HELPER_H

#include <sys/types.h>

#include "base/error.h"
#include "base/span.h"
#include "storage/extract/wire.h"

typedef struct av_helper {
    pid_t pid; /* 0: not running */
    int fd;    /* -1: not running */
} av_helper;

#define AV_HELPER_NONE ((av_helper){ .pid = 0, .fd = -1 })

/* program: NULL: beside this process's own. AV_ERR_UNAVAILABLE says why not. */
av_errc av_helper_start(av_helper *self, const char *program, av_error *err);
/* Kill it and wait for its end; harmless when it is not running. */
void av_helper_stop(av_helper *self);
/*
 * A memory file with these bytes, sealed: nobody changes it any more. The caller closes *ret.
 */
av_errc av_helper_input(av_span bytes, int *ret, av_error *err);
/*
 * Ask and wait for the answer. out_fd: where the text goes. AV_ERR_UNAVAILABLE: it is gone (start it again);
 * AV_ERR_TIMEOUT: no answer although its own deadline has passed (stop it).
 */
av_errc av_helper_ask(
    av_helper *self, const av_extract_request *request, int in_fd, int out_fd, av_extract_answer *ret, av_error *err);

#endif
