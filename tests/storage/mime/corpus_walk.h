/*
 * corpus_walk.h - the messages of the test corpus, unpacked into a folder of our own that goes away again
 */
#ifndef AV_TESTS_CORPUS_WALK_H
#define AV_TESTS_CORPUS_WALK_H

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/check.h"

static int
corpus_remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void
corpus_remove(const char *dir)
{
    (void)nftw(dir, corpus_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Unpack an archive of the corpus (path below it) into dir. */
static inline bool
corpus_unpack(const char *corpus, const char *archive, const char *dir)
{
    char command[2048];

    (void)snprintf(command, sizeof command, "tar --zstd -xf '%s/%s' -C '%s'", corpus, archive, dir);
    return system(command) == 0;
}

/* A new empty folder; ret holds at least 64 bytes. */
static inline const char *
corpus_temp(char *ret)
{
    (void)snprintf(ret, 64, "/tmp/archivolt-mime-XXXXXX");
    if (mkdtemp(ret) == NULL)
        exit(1);
    return ret;
}

static inline bool
corpus_read(const char *path, av_buf *ret)
{
    FILE *f = fopen(path, "rb");
    uint8_t *to;
    struct stat st;
    bool ok = false;

    av_buf_clear(ret);
    if (f == NULL)
        return false;
    if (fstat(fileno(f), &st) == 0 && (to = av_buf_reserve(ret, (size_t)st.st_size)) != NULL) {
        ret->n = fread(to, 1, (size_t)st.st_size, f);
        ok = ret->n == (size_t)st.st_size;
    }
    (void)fclose(f);
    return ok;
}

#endif
