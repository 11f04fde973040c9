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

/* All of its archives. */
__attribute__((unused)) static const char *const corpus_archives[] = { "fixtures-large.tar.zst", "bulk/lists.tar.zst",
    "bulk/phishing-pot.tar.zst", "bulk/spamassassin.tar.zst" };

/* Of nftw, which passes no pointer of ours. */
typedef int corpus_on_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw);

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

/* Every file of a folder of the corpus (path below it), files in archives as they are. */
static inline void
corpus_walk_folder(const char *corpus, const char *folder, corpus_on_entry *on_entry)
{
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/%s", corpus, folder);
    AV_CHECK(nftw(path, on_entry, 16, FTW_PHYS) == 0);
}

/* Every file of an archive of the corpus. false: it could not be unpacked, which is told. */
static inline bool
corpus_walk_archive(const char *corpus, const char *archive, corpus_on_entry *on_entry)
{
    char dir[64];
    bool ok = AV_CHECK(corpus_unpack(corpus, archive, corpus_temp(dir)));

    if (ok)
        AV_CHECK(nftw(dir, on_entry, 16, FTW_PHYS) == 0);
    corpus_remove(dir);
    return ok;
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
