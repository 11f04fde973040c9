/*
 * rtf.c - text of Rich Text Format (RTF Specification 1.9.1)
 *
 * One pass, no tree. Groups nest to GROUPS_MAX with their own state; deeper ones share the last. Bytes of a run
 * are kept together until it ends, because a character of an Asian code page may be written half as \'xx and half
 * as a letter.
 */
#include "actors/extract/ole.h"
#include "actors/extract/readers.h"
#include "actors/extract/rtf_words.h"

#define GROUPS_MAX 256
#define FONTS_MAX  512
#define RUN_MAX    4096
#define WORD_MAX   32

typedef struct group {
    unsigned codepage; /* of \'xx; 0: the document's */
    uint8_t uc;        /* characters that stand for a \u where that is not known */
    bool skip, fonts;  /* nothing here is text; the font table */
    bool apart;        /* what ends here does not go on in what follows */
} group;

typedef struct rtf {
    av_job *job;
    av_span in;
    group groups[GROUPS_MAX];
    size_t depth;      /* of groups that are open; state of the top one is at min(depth, GROUPS_MAX - 1) */
    unsigned codepage; /* of the document */
    unsigned font;     /* of the font table's entry at hand */
    struct {
        unsigned number, codepage;
    } fonts[FONTS_MAX];
    size_t font_count;
    uint8_t run[RUN_MAX];
    size_t run_n;
    unsigned run_codepage;
    uint32_t high;    /* first half of a surrogate pair */
    unsigned to_skip; /* characters that stand for the \u before */
    bool star;        /* \* was just read */
} rtf;

static group *
top(rtf *self)
{
    return &self->groups[AV_MIN(self->depth, (size_t)GROUPS_MAX - 1)];
}

static bool
is_one_of(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(word, list[i]) == 0)
            return true;
    return false;
}

static void
end_run(rtf *self)
{
    char charset[24];

    if (self->run_n == 0)
        return;
    (void)av_job_charset(self->job, av_codepage_name(self->run_codepage, charset), av_span_of(self->run, self->run_n));
    self->run_n = 0;
}

static void
put_byte(rtf *self, uint8_t c)
{
    const group *g = top(self);
    unsigned codepage = g->codepage != 0 ? g->codepage : self->codepage;

    if (self->to_skip > 0) {
        self->to_skip--;
        return;
    }
    if (g->skip || g->fonts || c == 0)
        return;
    if (codepage != self->run_codepage || self->run_n == RUN_MAX)
        end_run(self);
    self->run_codepage = codepage;
    self->run[self->run_n++] = c;
}

static void
put_char(rtf *self, uint32_t c)
{
    end_run(self);
    if (top(self)->skip || top(self)->fonts)
        return;
    if (c >= 0xD800 && c <= 0xDBFF) {
        self->high = c;
        return;
    }
    if (c >= 0xDC00 && c <= 0xDFFF && self->high != 0)
        c = 0x10000 + ((self->high - 0xD800) << 10) + (c - 0xDC00);
    self->high = 0;
    (void)(c == '\n' ? av_job_line(self->job) : av_job_char(self->job, c));
}

static void
open_group(rtf *self)
{
    const group *from = top(self);

    end_run(self);
    self->depth++;
    if (self->depth < GROUPS_MAX) {
        self->groups[self->depth] = *from;
        self->groups[self->depth].apart = false;
    }
    self->star = false;
}

static void
close_group(rtf *self)
{
    end_run(self);
    if (top(self)->apart && self->depth < GROUPS_MAX)
        (void)av_job_line(self->job);
    if (self->depth > 0)
        self->depth--;
    self->star = false;
    self->to_skip = 0;
}

static void
set_font_codepage(rtf *self, unsigned codepage)
{
    if (self->font_count == FONTS_MAX || codepage == 0)
        return;
    self->fonts[self->font_count].number = self->font;
    self->fonts[self->font_count++].codepage = codepage;
}

static void
on_font_charset(rtf *self, unsigned charset)
{
    for (size_t i = 0; i < AV_COUNT(font_charsets); i++)
        if (font_charsets[i].charset == charset)
            set_font_codepage(self, font_charsets[i].codepage);
}

static void
on_font(rtf *self, unsigned number)
{
    if (top(self)->fonts) {
        self->font = number;
        return;
    }
    top(self)->codepage = 0;
    for (size_t i = 0; i < self->font_count; i++)
        if (self->fonts[i].number == number)
            top(self)->codepage = self->fonts[i].codepage;
}

static void
on_destination(rtf *self, const char *word)
{
    if (strcmp(word, "fonttbl") == 0) {
        top(self)->fonts = true;
    } else if (is_one_of(word, no_text, AV_COUNT(no_text)) ||
               (self->star && !is_one_of(word, starred_text, AV_COUNT(starred_text)))) {
        top(self)->skip = true;
    } else if (is_one_of(word, apart_text, AV_COUNT(apart_text))) {
        (void)av_job_line(self->job);
        top(self)->apart = true;
    }
    self->star = false;
}

static void
on_word(rtf *self, const char *word, bool has_number, long number)
{
    unsigned value = has_number && number > 0 ? (unsigned)number : 0;

    if (strcmp(word, "u") == 0 && has_number) {
        self->to_skip = 0;
        put_char(self, (uint32_t)(number < 0 ? number + 65536 : number) & 0xFFFF);
        self->to_skip = top(self)->uc;
        return;
    }
    self->to_skip = 0;
    end_run(self);
    for (size_t i = 0; i < AV_COUNT(characters); i++)
        if (strcmp(word, characters[i].word) == 0) {
            put_char(self, characters[i].c);
            return;
        }
    if (strcmp(word, "f") == 0)
        on_font(self, value);
    else if (strcmp(word, "fcharset") == 0)
        on_font_charset(self, value);
    else if (strcmp(word, "cpg") == 0)
        set_font_codepage(self, value);
    else if (strcmp(word, "uc") == 0)
        top(self)->uc = (uint8_t)AV_MIN(value, 16U);
    else if (strcmp(word, "ansicpg") == 0)
        self->codepage = value == 0 ? 1252 : value;
    else if (strcmp(word, "mac") == 0)
        self->codepage = 10000;
    else if (strcmp(word, "pc") == 0 || strcmp(word, "pca") == 0)
        self->codepage = word[2] == 'a' ? 850 : 437;
    else if (strcmp(word, "bin") == 0)
        self->in = av_span_skip(self->in, AV_MIN((size_t)value, self->in.n));
    else if (strcmp(word, "plain") == 0)
        top(self)->codepage = 0;
    else
        on_destination(self, word);
}

/* Behind a backslash: a word of letters with a number, and a blank that ends it. */
static void
take_word(rtf *self)
{
    char word[WORD_MAX + 1];
    size_t n = 0, at = 0;
    bool negative = false, has_number = false;
    long number = 0;
    av_span in = self->in;

    for (; at < in.n && ((in.p[at] >= 'a' && in.p[at] <= 'z') || (in.p[at] >= 'A' && in.p[at] <= 'Z')); at++)
        if (n < WORD_MAX)
            word[n++] = (char)in.p[at];
    word[n] = '\0';
    if (at + 1 < in.n && in.p[at] == '-' && in.p[at + 1] >= '0' && in.p[at + 1] <= '9') {
        negative = true;
        at++;
    }
    for (; at < in.n && in.p[at] >= '0' && in.p[at] <= '9'; at++) {
        has_number = true;
        number = AV_MIN(number * 10 + (in.p[at] - '0'), 1000000000L);
    }
    if (at < in.n && in.p[at] == ' ')
        at++;
    self->in = av_span_skip(in, at);
    on_word(self, word, has_number, negative ? -number : number);
}

static int
hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void
take_control(rtf *self)
{
    uint8_t c;

    if (self->in.n == 0)
        return;
    c = self->in.p[0];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        take_word(self);
        return;
    }
    self->in = av_span_skip(self->in, 1);
    if (c == '\'' && self->in.n >= 2 && hex(self->in.p[0]) >= 0 && hex(self->in.p[1]) >= 0) {
        put_byte(self, (uint8_t)(hex(self->in.p[0]) * 16 + hex(self->in.p[1])));
        self->in = av_span_skip(self->in, 2);
    } else if (c == '*') {
        self->star = true;
    } else if (c == '\\' || c == '{' || c == '}') {
        put_byte(self, c);
    } else if (c == '~') {
        put_byte(self, ' ');
    } else if (c == '_') {
        put_byte(self, '-');
    } else if (c == '\n' || c == '\r') {
        put_char(self, '\n');
    }
}

static void
read_tokens(rtf *self)
{
    while (self->in.n > 0 && !self->job->out.full) {
        uint8_t c = self->in.p[0];

        self->in = av_span_skip(self->in, 1);
        if (c == '\\')
            take_control(self);
        else if (c == '{')
            open_group(self);
        else if (c == '}')
            close_group(self);
        else if (c != '\n' && c != '\r')
            put_byte(self, c);
    }
    end_run(self);
}

av_errc
av_read_rtf(av_job *job, av_span bytes, av_error *err)
{
    rtf *self = av_xcalloc(1, sizeof *self);
    bool cut;

    self->job = job;
    self->in = bytes;
    self->codepage = 1252;
    self->groups[0].uc = 1;
    read_tokens(self);
    cut = self->depth > 0 && !job->out.full;
    free(self);
    return cut ? av_error_set(err, AV_ERR_CORRUPT, "is cut short, or has unequal braces") : av_job_done(job, err);
}
