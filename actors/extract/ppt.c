/*
 * ppt.c - text of PowerPoint presentations, 97 to 2003 ([MS-PPT])
 *
 * A walk over all records: slides, notes, masters, comments. A file that was saved quickly keeps slides of before
 * beside the new ones; their text is taken, too.
 */
#include "actors/extract/inflate.h"
#include "actors/extract/ole.h"

enum {
    TEXT_CHARS = 0x0FA0,  /* 2.9.42 */
    TEXT_BYTES = 0x0FA8,  /* 2.9.43 */
    C_STRING = 0x0FBA,    /* names, headers, comments */
    OLE_STORAGE = 0x1011, /* a document of another program */
    ENCRYPTION = 0x2F14   /* CryptSession10Container */
};

static uint32_t
u16_at(av_span s, size_t at)
{
    return (uint32_t)s.p[at] | (uint32_t)s.p[at + 1] << 8;
}

/* Text of slides: 0x0B is a line within a paragraph. */
static void
put_units(av_job *job, av_span s)
{
    for (size_t n; s.n >= 2; s = av_span_skip(s, n)) {
        for (n = 0; n + 1 < s.n && u16_at(s, n) != 0x0B;)
            n += 2;
        (void)av_job_utf16le(job, av_span_slice(s, 0, n));
        if (n + 1 < s.n) {
            (void)av_job_line(job);
            n += 2;
        } else {
            break;
        }
    }
    (void)av_job_line(job);
}

/* Each byte is the low half of a character. */
static void
put_bytes(av_job *job, av_span s)
{
    for (size_t i = 0; i < s.n && !job->out.full; i++)
        (void)(s.p[i] == 0x0B ? av_job_line(job) : av_job_char(job, s.p[i]));
    (void)av_job_line(job);
}

static void
put_storage(av_job *job, uint32_t instance, av_span s)
{
    AV_CLEANUP(av_buf_release) av_buf inner = { 0 };
    av_error err;

    av_buf_init(&inner, (size_t)AV_MIN(job->unpacked_left, (uint64_t)SIZE_MAX / 2));
    if (instance == 0) {
        (void)av_job_nested(job, (av_span){ 0 }, (av_span){ 0 }, s);
    } else if (s.n > 4) {
        if (av_inflate(job, AV_INFLATE_ZLIB, av_span_skip(s, 4), av_sink_buf, &inner, &err) == AV_OK)
            (void)av_job_nested(job, (av_span){ 0 }, (av_span){ 0 }, av_buf_span(&inner));
    }
}

/* Holes of zeros, between what was saved and what was saved later: a container, whose first byte is none, ends
 * them. */
static av_span
skip_hole(av_span deck)
{
    size_t n = 0;

    if (deck.n < 8 || memcmp(deck.p, "\0\0\0\0\0\0\0\0", 8) != 0)
        return deck;
    while (n < deck.n && deck.p[n] == 0)
        n++;
    return av_span_skip(deck, n);
}

av_errc
av_ppt_text(av_job *job, av_span deck, av_error *err)
{
    while ((deck = skip_hole(deck)).n >= 8 && !job->out.full) {
        uint32_t head = u16_at(deck, 0), type = u16_at(deck, 2);
        uint32_t length = u16_at(deck, 4) | u16_at(deck, 6) << 16;
        av_span body;

        if (type == ENCRYPTION)
            return av_error_set(err, AV_ERR_CORRUPT, "is encrypted");
        deck = av_span_skip(deck, 8);
        if ((head & 0xF) == 0xF) /* a container: what it holds follows at once */
            continue;
        if (length > deck.n)
            return av_error_set(err, AV_ERR_CORRUPT, "is cut short, or has a broken record");
        body = av_span_slice(deck, 0, length);
        deck = av_span_skip(deck, length);
        if (type == TEXT_CHARS || (type == C_STRING && !(body.n >= 6 && memcmp(body.p, "_\0_\0_\0", 6) == 0)))
            put_units(job, body);
        else if (type == TEXT_BYTES)
            put_bytes(job, body);
        else if (type == OLE_STORAGE && job->items_left > 0)
            put_storage(job, head >> 4, body);
    }
    return av_job_done(job, err);
}
