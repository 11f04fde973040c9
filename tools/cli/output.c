/*
 * output.c - what the CLI says: JSON for programs, tables and sentences for people, progress on stderr
 */
#include "tools/cli/cli.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/unicode.h"

int
cli_exit_status(av_errc code)
{
    switch (code) {
    case AV_ERR_AUTH:
    case AV_ERR_DENIED:
        return CLI_DENIED;
    case AV_ERR_UNAVAILABLE:
    case AV_ERR_NO_ACTOR:
    case AV_ERR_TIMEOUT:
    case AV_ERR_ASLEEP:
        return CLI_UNREACHABLE;
    case AV_ERR_NOT_FOUND:
        return CLI_NOT_FOUND;
    case AV_ERR_CANCELLED:
        return CLI_INTERRUPTED;
    default:
        return CLI_FAILED;
    }
}

int
cli_fail(const cli *self, const av_error *err)
{
    if (self->json)
        cli_print_json(self,
            json_pack("{s:{s:s,s:o}}", "error", "code", av_errc_word(err->code), "message", av_json_text(err->msg)));
    else {
        fprintf(stderr, "archivolt: ");
        cli_put_text(stderr, err->msg);
        fprintf(stderr, "\n");
    }
    return cli_exit_status(err->code);
}

int
cli_failf(const cli *self, av_errc code, const char *fmt, ...)
{
    av_error err = { .code = code };
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err.msg, sizeof err.msg, fmt, ap);
    va_end(ap);
    return cli_fail(self, &err);
}

static int
write_stdout(const char *piece, size_t n, void *ctx)
{
    (void)ctx;
    return fwrite(piece, 1, n, stdout) == n ? 0 : -1;
}

void
cli_print_json(const cli *self, json_t *value)
{
    (void)self;
    (void)json_dump_callback(
        value, write_stdout, NULL, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(AV_JSON_DIGITS));
    (void)putchar('\n');
    json_decref(value);
}

/* Control characters of hostile mail never reach the terminal. */
static void
clean(av_span text, av_buf *out)
{
    while (text.n > 0) {
        uint32_t c = av_utf8_next(&text);

        av_utf8_put(out, c < 32 || (c >= 0x7f && c < 0xa0) ? ' ' : c);
    }
}

void
cli_put_text(FILE *to, const char *text)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_span in = av_span_str(text);

    av_buf_init(&out, in.n * 3 + 16); /* U+FFFD has three bytes */
    clean(in, &out);
    (void)fputs(av_buf_cstr(&out), to);
}

void
cli_put_lines(FILE *to, const char *text)
{
    for (av_span rest = av_span_str(text); rest.n > 0;) {
        size_t n = av_span_find(rest, '\n');
        AV_CLEANUP(av_free) char *line = av_span_dup(av_span_slice(rest, 0, n));

        cli_put_text(to, line);
        (void)fputc('\n', to);
        rest = av_span_skip(rest, AV_MIN(n + 1, rest.n));
    }
}

/* Text of a cell. */
static void
cell(const json_t *value, av_buf *out)
{
    const char *word;
    size_t i;
    json_t *element;

    if (json_is_string(value)) {
        clean(av_span_of(json_string_value(value), json_string_length(value)), out);
        return;
    }
    if (json_is_array(value)) {
        json_array_foreach(value, i, element)
        {
            if (i > 0)
                av_buf_puts(out, ",");
            cell(element, out);
        }
        return;
    }
    if (json_is_integer(value)) {
        av_buf_printf(out, "%lld", (long long)json_integer_value(value));
        return;
    }
    word = json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-";
    av_buf_puts(out, word);
}

/* Columns a text takes on the screen, counting code points. */
static size_t
width_of(av_span text)
{
    size_t n = 0;

    while (text.n > 0) {
        (void)av_utf8_next(&text);
        n++;
    }
    return n;
}

void
cli_print_table(const cli_column *columns, size_t count, const json_t *rows)
{
    size_t widths[16] = { 0 };
    av_buf text;
    size_t i;
    json_t *row;

    assert(count <= AV_COUNT(widths));
    av_buf_init(&text, 65536);
    for (size_t c = 0; c < count; c++) {
        widths[c] = strlen(columns[c].heading);
        json_array_foreach(rows, i, row)
        {
            av_buf_clear(&text);
            cell(json_object_get(row, columns[c].key), &text);
            widths[c] = AV_MAX(widths[c], width_of(av_buf_span(&text)));
        }
    }
    for (size_t c = 0; c < count; c++)
        printf("%-*s%s", c + 1 < count ? (int)widths[c] : 0, columns[c].heading, c + 1 < count ? "  " : "\n");
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < count; c++) {
            size_t w;

            av_buf_clear(&text);
            cell(json_object_get(row, columns[c].key), &text);
            w = width_of(av_buf_span(&text));
            printf("%s%*s", av_buf_cstr(&text), c + 1 < count ? (int)(widths[c] - w + 2) : 0, "");
        }
        (void)putchar('\n');
    }
    av_buf_release(&text);
}

void
cli_progress(const cli *self, int percent, const char *text)
{
    enum { BAR = 24 };
    char bar[BAR + 1];
    int full = percent < 0 ? 0 : AV_MIN(percent, 100) * BAR / 100;

    if (self->quiet || !isatty(STDERR_FILENO))
        return;
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)full);
    bar[BAR] = '\0';
    if (percent < 0)
        fprintf(stderr, "\r\033[K%.100s", text == NULL ? "" : text);
    else
        fprintf(stderr, "\r\033[K[%s] %3d %%  %.100s", bar, percent, text == NULL ? "" : text);
}

void
cli_progress_end(const cli *self)
{
    if (!self->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

char *
cli_new_password(bool *generated)
{
    const char *given = getenv("ARCHIVOLT_NEW_PASSWORD");
    char made[24];
    char *copy;

    *generated = given == NULL || given[0] == '\0';
    if (!*generated)
        return av_xstrdup(given);
    av_password_generate(made);
    copy = av_xstrdup(made);
    av_secret_wipe(made, sizeof made);
    return copy;
}
