/*
 * rig.h - an extractor with the program of this build, and the documents of the corpus
 *
 * Header only, for the tests of this folder. The program is found beside the test: ../bin/archivolt-extract.
 */
#ifndef AV_TESTS_STORAGE_EXTRACT_RIG_H
#define AV_TESTS_STORAGE_EXTRACT_RIG_H

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "storage/extract/extractor.h"
#include "tests/check.h"

/* Path of the program; owned by the caller (free). */
__attribute__((unused)) static char *
rig_program(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n <= 0)
        abort();
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    return av_xasprintf("%s/../bin/archivolt-extract", path);
}

/* With all kinds and these limits; NULL: the defaults. */
__attribute__((unused)) static av_extractor *
rig_extractor(const av_extract_limits *limits)
{
    AV_CLEANUP(av_free) char *program = rig_program();
    av_extract_limits defaults = { 0 };
    av_extensions extensions;
    av_error err;

    av_settings_defaults(av_extract_settings, &defaults);
    if (av_extensions_parse(av_span_str(av_extensions_default()), &extensions, &err) != AV_OK)
        abort();
    return av_extractor_new(program, &extensions, limits == NULL ? &defaults : limits);
}

/* Unpack the corpus's documents; dir holds the path of the new folder (32 bytes). The documents lie in dir/docs. */
__attribute__((unused)) static void
rig_documents(char *dir)
{
    AV_CLEANUP(av_free) char *command = NULL;

    (void)snprintf(dir, 32, "/tmp/av-docs-XXXXXX");
    if (mkdtemp(dir) == NULL)
        abort();
    command = av_xasprintf("tar --zstd -xf '%s/docs.tar.zst' -C %s", av_check_corpus(), dir);
    if (system(command) != 0) /* NOLINT(cert-env33-c,bugprone-command-processor): our own path */
        AV_SKIP("the corpus's documents cannot be unpacked: tar and zstd are needed");
}

/* The whole file. */
__attribute__((unused)) static void
rig_read(const char *path, av_buf *out)
{
    av_error err;

    av_buf_init(out, (size_t)64 << 20);
    if (av_file_read_all(path, out, &err) != AV_OK) {
        printf("%s: %s\n", path, err.msg);
        abort();
    }
}

#endif
