/*
 * bench-words FILE... : how fast texts become words (storage/index/token.h), on one core
 *
 * Each file is read whole and gone through until two seconds of processor time are over; prints bytes, words and
 * MB/s of the best pass. A name
 * of "-" makes 2 MB of ASCII text with words as long as those of English.
 */
#include "base/file.h"
#include "storage/index/token.h"

#include <time.h>

enum { MADE = 2 << 20, SECONDS = 2 };

/* Of this program alone: others on the machine take none of it. */
static int64_t
cpu_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
make_text(av_buf *out)
{
    uint64_t state = 88172645463325252U;

    while (out->n < MADE) {
        size_t letters;

        state = state * 6364136223846793005U + 1442695040888963407U;
        letters = 1 + (state >> 33) % 9;
        for (size_t i = 0; i < letters; i++)
            (void)av_buf_putc(out, (uint8_t)((i == 0 && state >> 60 == 0 ? 'A' : 'a') + (state >> (5 * i + 3)) % 26));
        (void)av_buf_puts(out, state >> 61 == 0 ? ", " : state >> 59 == 4 ? "\r\n" : " ");
    }
}

static void
measure(const char *name, av_span text)
{
    int64_t begin = cpu_us(), best = INT64_MAX;
    uint64_t words = 0, sum = 0;

    while (cpu_us() - begin < SECONDS * 1000000) {
        int64_t from = cpu_us();
        av_tokens tokens;
        av_token t;

        words = 0;
        av_tokens_init(&tokens, text);
        for (; av_tokens_next(&tokens, &t); words++)
            sum ^= t.hash + t.position;
        best = AV_MIN(best, cpu_us() - from);
    }
    printf("%s: %zu bytes, %llu words, %.0f MB/s (%llx)\n", name, text.n, (unsigned long long)words,
        (double)text.n / (double)AV_MAX(best, 1), (unsigned long long)sum);
}

int
main(int argc, char **argv)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_error err;

    av_buf_init(&text, (size_t)1 << 30);
    for (int i = 1; i < argc; i++) {
        av_buf_clear(&text);
        if (strcmp(argv[i], "-") == 0)
            make_text(&text);
        else if (av_file_read_all(argv[i], &text, &err) != AV_OK)
            return (void)fprintf(stderr, "bench-words: %s\n", err.msg), 1;
        measure(argv[i], av_buf_span(&text));
    }
    return 0;
}
