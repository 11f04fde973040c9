/*
 * test_extractor.c - the helper program from outside: limits, its death and return, what it leaves behind
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/unicode.h"
#include "tests/storage/extract/rig.h"

static av_extract_limits
defaults(void)
{
    av_extract_limits limits = { 0 };

    av_settings_defaults(av_extract_settings, &limits);
    return limits;
}

static av_errc
read_text(av_extractor *extractor, const char *name, av_span bytes, av_buf *out, av_error *err)
{
    av_buf_release(out);
    av_buf_init(out, (size_t)32 << 20);
    err->msg[0] = '\0';
    return av_extractor_text(extractor, av_span_str(name), (av_span){ 0 }, bytes, out, err);
}

/* It works, whatever was before. */
static void
check_alive(av_extractor *extractor)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_error err;

    AV_CHECK_RC(read_text(extractor, "a.html", av_span_str("<p>still <b>here</b>"), &text, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&text), "still here");
}

static size_t
open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}

/* A process id out of a file of /proc; 0: none. */
static pid_t
child_of(pid_t pid)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("/proc/%d/task/%d/children", (int)pid, (int)pid);
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_error err;

    av_buf_init(&text, 4096);
    if (av_file_read_all(path, &text, &err) != AV_OK)
        return 0;
    return (pid_t)strtol(av_buf_cstr(&text), NULL, 10);
}

static void
test_plain(void)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_extractor *extractor = rig_extractor(NULL);
    size_t before = open_descriptors();
    av_extractor_stats stats;
    av_error err;

    for (int i = 0; i < 20; i++)
        check_alive(extractor);
    AV_CHECK_RC(read_text(extractor, "a.png", av_span_str("\x89PNG"), &text, &err), AV_ERR_UNSUPPORTED, &err);
    AV_CHECK_RC(read_text(extractor, "a.txt", av_span_str(""), &text, &err), AV_OK, &err);
    AV_CHECK_RC(read_text(extractor, "a.txt", av_span_of("a\0b\0\0", 5), &text, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_RC(read_text(extractor, "a.pdf", av_span_str("%PDF-1.4 and no more"), &text, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_STR(err.msg, "PDF document: is broken");
    av_extractor_get_stats(extractor, &stats);
    AV_CHECK_INT(stats.read, 20);
    AV_CHECK_INT(stats.unreadable, 2);
    AV_CHECK_INT(stats.unsupported, 1);
    AV_CHECK_INT(stats.helper_died, 0);
    AV_CHECK_INT(open_descriptors(), before + 1); /* the socket */
    av_extractor_trim(extractor);
    AV_CHECK_INT(open_descriptors(), before);
    AV_CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    check_alive(extractor);
    av_extractor_destroy(&extractor);
    AV_CHECK_INT(open_descriptors(), before);
    AV_CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    av_extractor_destroy(&extractor);
}

static void
test_no_program(void)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_extract_limits limits = defaults();
    av_extensions extensions;
    av_extractor *extractor;
    av_error err;

    AV_CHECK_RC(av_extensions_parse(av_span_str("txt"), &extensions, &err), AV_OK, &err);
    extractor = av_extractor_new("/nonexistent/archivolt-extract", &extensions, &limits);
    AV_CHECK_RC(read_text(extractor, "a.txt", av_span_str("x"), &text, &err), AV_ERR_UNAVAILABLE, &err);
    av_extractor_destroy(&extractor);
    extractor = av_extractor_new("/bin/false", &extensions, &limits); /* ends at once */
    AV_CHECK_RC(read_text(extractor, "a.txt", av_span_str("x"), &text, &err), AV_ERR_UNAVAILABLE, &err);
    av_extractor_destroy(&extractor);
}

/* Killed between two documents: the next one starts it again. */
static void
test_killed(void)
{
    av_extractor *extractor = rig_extractor(NULL);
    pid_t pid;

    check_alive(extractor);
    pid = child_of(getpid());
    if (AV_CHECK(pid > 1))
        (void)kill(pid, SIGKILL);
    check_alive(extractor);
    AV_CHECK(child_of(getpid()) != pid);
    av_extractor_destroy(&extractor);
}

static void
put_central(av_buf *out, const char *name, uint32_t packed, uint32_t unpacked)
{
    static const uint8_t zeros[16];

    (void)av_buf_append(out, "PK\1\2", 4);
    (void)av_buf_append(out, zeros, 6);
    (void)av_buf_put_u16(out, 8);
    (void)av_buf_append(out, zeros, 8);
    (void)av_buf_put_u32(out, packed);
    (void)av_buf_put_u32(out, unpacked);
    (void)av_buf_put_u16(out, (uint16_t)strlen(name));
    (void)av_buf_append(out, zeros, 16); /* extra, comment, disk, attributes, and where: 0 */
    (void)av_buf_puts(out, name);
}

/*
 * A ZIP whose entries all are one: 900 names for 16 MB of zeros, 14 GB out of 70 KB. The deflated zeros are written by
 * hand: a block with the fixed code, a zero, then copies of the byte before, 258 at a time.
 */
static void
make_zip_bomb(av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf data = { 0 };
    uint32_t bits = 0, n = 0, at;
    static const uint8_t zeros[16];

    av_buf_init(&data, 1 << 20);
    av_buf_init(out, 1 << 20);
#define PUT(value, count)                                                                                              \
    for (bits |= (uint32_t)(value) << n, n += (count); n >= 8; bits >>= 8, n -= 8)                                     \
    (void)av_buf_putc(&data, (uint8_t)bits)
    PUT(3, 3);    /* the last block, fixed codes */
    PUT(0x0C, 8); /* literal 0: 00110000, its highest bit first */
    for (int i = 0; i < 65536; i++) {
        PUT(0xA3, 8); /* length 258: 11000101 */
        PUT(0, 5);    /* distance 1 */
    }
    PUT(0, 7); /* the end */
    PUT(0, 8);
#undef PUT
    (void)av_buf_append(out, "PK\3\4\24\0\0\0\10\0", 10);
    (void)av_buf_append(out, zeros, 8);
    (void)av_buf_put_u32(out, (uint32_t)data.n);
    (void)av_buf_put_u32(out, 65536 * 258);
    (void)av_buf_put_u32(out, 5);
    (void)av_buf_puts(out, "a.txt");
    (void)av_buf_append_span(out, av_buf_span(&data));
    at = (uint32_t)out->n;
    for (int i = 0; i < 900; i++)
        put_central(out, "a.txt", (uint32_t)data.n, 65536 * 258);
    n = (uint32_t)out->n - at;
    (void)av_buf_append(out, "PK\5\6\0\0\0\0", 8);
    (void)av_buf_put_u16(out, 900);
    (void)av_buf_put_u16(out, 900);
    (void)av_buf_put_u32(out, n);
    (void)av_buf_put_u32(out, at);
    (void)av_buf_put_u16(out, 0);
}

/* One bomb, four limits. */
static void
test_bomb(void)
{
    AV_CLEANUP(av_buf_release) av_buf bomb = { 0 };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_extract_limits limits = defaults();
    av_extractor *extractor = rig_extractor(&limits);
    av_extractor_stats stats;
    av_error err;
    int64_t from;

    make_zip_bomb(&bomb);
    AV_CHECK_RC(read_text(extractor, "a.zip", av_buf_span(&bomb), &text, &err), AV_ERR_LIMIT, &err);
    AV_CHECK(strstr(err.msg, "attachment_unpacked_mb") != NULL);
    AV_CHECK(strstr(av_buf_cstr(&text), "a.txt") != NULL); /* what came before the limit is kept */
    check_alive(extractor);
    av_extractor_destroy(&extractor);

    limits.unpacked_mb = 16384;
    limits.cpu_s = 1;
    extractor = rig_extractor(&limits);
    AV_CHECK_RC(read_text(extractor, "a.zip", av_buf_span(&bomb), &text, &err), AV_ERR_LIMIT, &err);
    AV_CHECK(strstr(err.msg, "attachment_cpu_s") != NULL);
    check_alive(extractor);
    av_extractor_get_stats(extractor, &stats);
    AV_CHECK_INT(stats.helper_died, 1);
    av_extractor_destroy(&extractor);

    limits.cpu_s = 600;
    limits.wall_s = 1;
    extractor = rig_extractor(&limits);
    from = av_clock_mono_ms();
    AV_CHECK_RC(read_text(extractor, "a.zip", av_buf_span(&bomb), &text, &err), AV_ERR_TIMEOUT, &err);
    AV_CHECK(strstr(err.msg, "attachment_wall_s") != NULL);
    printf("  given up after %lld ms\n", (long long)(av_clock_mono_ms() - from));
    check_alive(extractor);
    av_extractor_destroy(&extractor);

    limits.input_mb = 1;
    extractor = rig_extractor(&limits);
    av_buf_clear(&bomb);
    while (bomb.n <= 1000 * 1000)
        (void)av_buf_puts(&bomb, "too much text ");
    AV_CHECK_RC(read_text(extractor, "a.txt", av_buf_span(&bomb), &text, &err), AV_OK, &err);
    AV_CHECK_INT(text.n, bomb.n);
    av_buf_release(&bomb);
    av_buf_init(&bomb, 2 << 20);
    while (bomb.n <= 1 << 20)
        (void)av_buf_puts(&bomb, "too much text ");
    AV_CHECK_RC(read_text(extractor, "a.txt", av_buf_span(&bomb), &text, &err), AV_ERR_LIMIT, &err);
    AV_CHECK(strstr(err.msg, "attachment_input_mb") != NULL);
    av_extractor_destroy(&extractor);
}

/* More text than the limit, and than the caller has room for: a beginning, cut at a character. */
static void
test_text_limit(void)
{
    AV_CLEANUP(av_buf_release) av_buf in = { 0 };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_extract_limits limits = defaults();
    av_extractor *extractor;
    av_error err;

    limits.text_mb = 1;
    extractor = rig_extractor(&limits);
    av_buf_init(&in, 4 << 20);
    (void)av_buf_putc(&in, 'x');
    while (in.n < 2 << 20)
        (void)av_buf_puts(&in, "\xE2\x82\xAC");
    AV_CHECK_RC(read_text(extractor, "a.txt", av_buf_span(&in), &text, &err), AV_ERR_LIMIT, &err);
    AV_CHECK(text.n <= 1 << 20 && text.n > (1 << 20) - 4);
    AV_CHECK(av_utf8_valid(av_buf_span(&text)));
    av_buf_release(&text);
    av_buf_init(&text, 1000);
    (void)av_buf_puts(&text, "before ");
    AV_CHECK_RC(av_extractor_text(extractor, av_span_str("a.txt"), (av_span){ 0 },
                    av_span_slice(av_buf_span(&in), 0, 30001), &text, &err),
        AV_ERR_LIMIT, &err);
    AV_CHECK(text.n <= 1000 && text.n > 995);
    AV_CHECK(av_utf8_valid(av_buf_span(&text)) && memcmp(text.p, "before x", 8) == 0);
    av_extractor_destroy(&extractor);
}

int
main(void)
{
    AV_RUN(test_plain);
    AV_RUN(test_no_program);
    AV_RUN(test_killed);
    AV_RUN(test_bomb);
    AV_RUN(test_text_limit);
    return av_check_done();
}
