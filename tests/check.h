/*
 * check.h - the whole test framework: checks that print what they saw, rows that print their index, one exit code
 *
 *   int main(void) { AV_RUN(test_a); AV_RUN(test_b); return av_check_done(); }
 *
 * Exit code 77 means skipped (ctest shows it so); say why with AV_SKIP.
 */
#ifndef AV_TESTS_CHECK_H
#define AV_TESTS_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long av_check_count, av_check_failed;
static long av_check_row = -1; /* set it in table loops: it is printed with a failure */

__attribute__((unused)) static bool
av_check_report(bool ok, const char *file, int line, const char *what)
{
    av_check_count++;
    if (ok)
        return true;
    av_check_failed++;
    printf("%s:%d: FAILED: %s", file, line, what);
    if (av_check_row >= 0)
        printf(" (row %ld)", av_check_row);
    printf("\n");
    (void)fflush(stdout);
    return false;
}

#define AV_CHECK(cond) av_check_report((cond), __FILE__, __LINE__, #cond)
#define AV_CHECK_INT(got, want)                                                                                        \
    do {                                                                                                               \
        long long got_ = (long long)(got), want_ = (long long)(want);                                                  \
        if (!av_check_report(got_ == want_, __FILE__, __LINE__, #got " == " #want))                                    \
            printf("    got %lld, want %lld\n", got_, want_);                                                          \
    } while (0)
#define AV_CHECK_STR(got, want)                                                                                        \
    do {                                                                                                               \
        const char *got_ = (got), *want_ = (want);                                                                     \
        if (!av_check_report(got_ != NULL && strcmp(got_, want_) == 0, __FILE__, __LINE__, #got " == " #want))         \
            printf("    got  \"%s\"\n    want \"%s\"\n", got_ == NULL ? "(null)" : got_, want_);                       \
    } while (0)
#define AV_CHECK_MEM(got, got_n, want, want_n)                                                                         \
    do {                                                                                                               \
        size_t got_n_ = (got_n), want_n_ = (want_n);                                                                   \
        if (!av_check_report(got_n_ == want_n_ && (want_n_ == 0 || memcmp((got), (want), want_n_) == 0), __FILE__,     \
                __LINE__, #got " has the bytes of " #want))                                                            \
            printf("    got  %zu bytes \"%.*s\"\n    want %zu bytes \"%.*s\"\n", got_n_, (int)got_n_,                  \
                (const char *)(got), want_n_, (int)want_n_, (const char *)(want));                                     \
    } while (0)
/* An av_errc with its error: prints the sentence when it is another one. */
#define AV_CHECK_RC(rc, want, err)                                                                                     \
    do {                                                                                                               \
        int rc_ = (int)(rc), want_ = (int)(want);                                                                      \
        if (!av_check_report(rc_ == want_, __FILE__, __LINE__, #rc " == " #want))                                      \
            printf("    got code %d: %s\n", rc_, rc_ == 0 ? "ok" : (err)->msg);                                        \
    } while (0)
#define AV_RUN(fn)                                                                                                     \
    do {                                                                                                               \
        av_check_row = -1;                                                                                             \
        printf("- %s\n", #fn);                                                                                         \
        (void)fflush(stdout);                                                                                          \
        fn();                                                                                                          \
    } while (0)
#define AV_SKIP(why)                                                                                                   \
    do {                                                                                                               \
        printf("SKIP: %s\n", (why));                                                                                   \
        exit(77);                                                                                                      \
    } while (0)

__attribute__((unused)) static int
av_check_done(void)
{
    printf("%lu checks, %lu failed\n", av_check_count, av_check_failed);
    return av_check_failed == 0 ? 0 : 1;
}

/* Folder of the test corpus, or a loud skip. Tests run with the repo's tests/ as working directory. */
__attribute__((unused)) static const char *
av_check_corpus(void)
{
    const char *dir = getenv("ARCHIVOLT_CORPUS");
    static char path[512];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/README.md", dir != NULL ? dir : "../../shared/corpus");
    f = fopen(path, "r");
    if (f == NULL)
        AV_SKIP("no corpus: set ARCHIVOLT_CORPUS");
    (void)fclose(f);
    path[strlen(path) - strlen("/README.md")] = '\0';
    return path;
}

#endif
