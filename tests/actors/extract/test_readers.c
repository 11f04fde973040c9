/*
 * test_readers.c - each reader: the small documents of make_seeds.py, damaged ones, limits, documents in documents
 */
#include <stdio.h>
#include <zlib.h>

#include "actors/extract/mapi.h"
#include "actors/extract/ole.h"
#include "actors/extract/readers.h"
#include "base/file.h"
#include "base/unicode.h"
#include "tests/check.h"

static const struct seed {
    const char *path;
    av_kind kind;
    const char *text; /* all of it */
} seeds[] = {
    { "corpus_zip/docx", AV_KIND_ZIP, "Walnuss \tdocx\nHYPERLINK x \nKopfzeile\nTitel\n" },
    { "corpus_zip/xlsx", AV_KIND_ZIP, "Blatt\nxlsx\tWalnuss\t4711\tinline\t\n  Kopf\n" },
    { "corpus_zip/pptx", AV_KIND_ZIP, "Walnuss\npptx\nzehnte\n" },
    { "corpus_zip/odt", AV_KIND_ZIP, "Walnuss odt\nTitel\n" },
    { "corpus_zip/epub", AV_KIND_ZIP, "one.xhtml\nWalnuss epub" },
    { "corpus_zip/files", AV_KIND_ZIP, "a.txt\nWalnuss files\nb.bin\ninner.zip\nc.txt\ninnermost" },
    { "corpus_ole/doc", AV_KIND_OLE, "Walnuss doc\tZelle\nW\xC3\xB6rt" },
    { "corpus_ole/xls", AV_KIND_OLE, "Blatt\nWalnuss\txls\n4711.5\t42" },
    { "corpus_ole/ppt", AV_KIND_OLE, "Walnuss\nppt\nLine\nBlatt\nWalnuss\txls\n4711.5\t42" },
    { "corpus_ole/native", AV_KIND_OLE, "a.txt\nWalnuss native" },
    { "corpus_rtf/plain", AV_KIND_RTF, "Walnuss\trtf\nW\xC3\xB6rt fett" },
    { "corpus_rtf/fonts", AV_KIND_RTF, "Walnuss \xD0\x9F\xD1\x80\xD0\xB8\xE3\x82\xA2\xE3\x82\xA3 fonts" },
    { "corpus_rtf/unicode", AV_KIND_RTF, "Walnuss \xE2\x82\xAC \xF0\x9F\x92\x83 \xC3\xA4h unicode" },
    { "corpus_rtf/skipped", AV_KIND_RTF, "Titel\nHYPERLINK x\nWalnuss skipped" },
    { "corpus_tnef/plain", AV_KIND_TNEF, "Walnuss tnef\nRumpf W\xC3\xB6rter\na.txt\nAnlage" },
    { "corpus_tnef/props", AV_KIND_TNEF, "Walnuss props\ninner\ninner subject\n" },
};

static void
read_seed(const char *path, av_buf *out)
{
    AV_CLEANUP(av_free) char *full = av_xasprintf("actors/extract/%s", path);
    av_error err;

    av_buf_init(out, 1 << 20);
    AV_CHECK_RC(av_file_read_all(full, out, &err), AV_OK, &err);
}

static void
test_seeds(void)
{
    for (av_check_row = 0; av_check_row < (long)AV_COUNT(seeds); av_check_row++) {
        const struct seed *seed = &seeds[av_check_row];
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        AV_CLEANUP(av_job_release) av_job job;
        av_error err;

        read_seed(seed->path, &bytes);
        av_job_init(&job, 1 << 20, 1 << 20, 4, -1);
        AV_CHECK_RC(av_job_read(&job, seed->kind, av_buf_span(&bytes), &err), AV_OK, &err);
        AV_CHECK_STR(av_buf_cstr(&job.out), seed->text);
        AV_CHECK_INT(av_kind_of_bytes(av_buf_span(&bytes)), seed->kind);
        AV_CHECK_INT(job.inner.code, AV_OK);
    }
    av_check_row = -1;
}

static void
test_msg(void)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    AV_CLEANUP(av_job_release) av_job job;
    av_error err;

    read_seed("corpus_ole/msg", &bytes);
    av_job_init(&job, 1 << 20, 1 << 20, 4, -1);
    AV_CHECK_RC(av_job_read(&job, AV_KIND_OLE, av_buf_span(&bytes), &err), AV_OK, &err);
    AV_CHECK(strncmp(av_buf_cstr(&job.out), "Walnuss msg\nRumpf\na.txt\nAnlage ....", 35) == 0);
}

/* A ZIP behind a program that unpacks it, and one whose end record alone is wrong. */
static void
test_shifted_zip(void)
{
    for (int row = 0; row < 2; row++) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        AV_CLEANUP(av_buf_release) av_buf shifted = { 0 };
        AV_CLEANUP(av_job_release) av_job job;
        av_error err;

        read_seed(seeds[0].path, &bytes);
        av_buf_init(&shifted, 1 << 20);
        if (row == 0)
            (void)av_buf_append(&shifted, "a program\0\0\0", 12);
        (void)av_buf_append_span(&shifted, av_buf_span(&bytes));
        if (row == 1)
            shifted.p[shifted.n - 6]--; /* the directory's place, in the end record's last fields */
        av_job_init(&job, 1 << 20, 1 << 20, 4, -1);
        AV_CHECK_RC(av_job_read(&job, AV_KIND_ZIP, av_buf_span(&shifted), &err), AV_OK, &err);
        AV_CHECK_STR(av_buf_cstr(&job.out), seeds[0].text);
    }
}

static void
test_compressed_rtf(void)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    AV_CLEANUP(av_buf_release) av_buf rtf = { 0 };
    av_error err;

    read_seed("corpus_streams/lzfu", &bytes); /* [MS-OXRTFCP] 3.1.1 */
    av_buf_init(&rtf, 4096);
    AV_CHECK_RC(av_rtf_decompress(av_span_skip(av_buf_span(&bytes), 1), &rtf, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&rtf), "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
}

/* Every seed cut at every length and with every byte changed: an answer, a sentence, valid text. */
static void
test_damaged(void)
{
    unsigned long tried = 0;

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(seeds); av_check_row++) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        size_t step;

        read_seed(seeds[av_check_row].path, &bytes);
        step = bytes.n / 400 + 1;
        for (size_t at = 0; at < bytes.n; at += step, tried += 2)
            for (int cut = 0; cut < 2; cut++) {
                AV_CLEANUP(av_job_release) av_job job;
                av_error err = { .code = AV_OK };
                uint8_t before = bytes.p[at];
                av_errc rc;

                bytes.p[at] ^= (uint8_t)(1U << (at % 8));
                av_job_init(&job, 1 << 20, 1 << 20, 3, -1);
                rc = av_job_read(&job, seeds[av_check_row].kind, av_span_of(bytes.p, cut != 0 ? at : bytes.n), &err);
                bytes.p[at] = before;
                if (rc != AV_OK && (rc != err.code || err.msg[0] == '\0'))
                    AV_CHECK(false); /* an error without a sentence */
                if (!av_utf8_valid(av_buf_span(&job.out)))
                    AV_CHECK(false); /* text that is no UTF-8 */
            }
    }
    av_check_row = -1;
    printf("  %lu damaged documents\n", tried);
}

/* Deflated zeros as a GZIP file, n bytes of them. */
static void
make_bomb(size_t n, av_buf *out)
{
    static const uint8_t zeros[65536];
    z_stream z = { 0 };
    uint8_t piece[65536];

    av_buf_init(out, 1 << 24);
    AV_CHECK_INT(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    do {
        z.next_in = (Bytef *)(uintptr_t)zeros;
        z.avail_in = (uInt)AV_MIN(n, sizeof zeros);
        n -= z.avail_in;
        do {
            z.next_out = piece;
            z.avail_out = sizeof piece;
            (void)deflate(&z, n == 0 ? Z_FINISH : Z_NO_FLUSH);
            (void)av_buf_append(out, piece, sizeof piece - z.avail_out);
        } while (z.avail_out == 0);
    } while (n > 0);
    (void)deflateEnd(&z);
}

static void
test_bomb(void)
{
    AV_CLEANUP(av_buf_release) av_buf bomb = { 0 };
    AV_CLEANUP(av_job_release) av_job job;
    av_error err;

    make_bomb((size_t)64 << 20, &bomb);
    av_job_init(&job, 1 << 20, 16 << 20, 4, -1);
    AV_CHECK_RC(av_job_read(&job, AV_KIND_GZIP, av_buf_span(&bomb), &err), AV_ERR_LIMIT, &err);
    AV_CHECK(strstr(err.msg, "attachment_unpacked_mb") != NULL);
    AV_CHECK_INT(job.unpacked_left, 0);
}

/* GZIP in GZIP in GZIP... */
static void
test_depth(void)
{
    AV_CLEANUP(av_buf_release) av_buf inner = { 0 };
    AV_CLEANUP(av_job_release) av_job job;
    av_error err;

    av_buf_init(&inner, 1 << 20);
    (void)av_buf_puts(&inner, "the innermost text");
    for (int level = 0; level < 8; level++) {
        z_stream z = { .next_in = inner.p, .avail_in = (uInt)inner.n };
        uint8_t packed[4096];

        z.next_out = packed;
        z.avail_out = sizeof packed;
        AV_CHECK_INT(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
        AV_CHECK_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
        (void)deflateEnd(&z);
        av_buf_clear(&inner);
        (void)av_buf_append(&inner, packed, sizeof packed - z.avail_out);
    }
    av_job_init(&job, 1 << 20, 1 << 20, 4, -1);
    AV_CHECK_RC(av_job_read(&job, AV_KIND_GZIP, av_buf_span(&inner), &err), AV_OK, &err);
    AV_CHECK_INT(job.inner.code, AV_ERR_LIMIT);
    AV_CHECK(strstr(job.inner.msg, "attachment_depth") != NULL);
    AV_CHECK(strstr(av_buf_cstr(&job.out), "innermost") == NULL);
    AV_CHECK_INT(job.depth_left, 4);
    av_job_release(&job);
    av_job_init(&job, 1 << 20, 1 << 20, 8, -1);
    AV_CHECK_RC(av_job_read(&job, AV_KIND_GZIP, av_buf_span(&inner), &err), AV_OK, &err);
    AV_CHECK_INT(job.inner.code, AV_OK);
    AV_CHECK(strstr(av_buf_cstr(&job.out), "the innermost text") != NULL);
}

static void
test_text_limit(void)
{
    AV_CLEANUP(av_job_release) av_job job;
    av_error err;

    av_job_init(&job, 5, 1000, 1, -1);
    AV_CHECK_RC(av_job_read(&job, AV_KIND_TEXT, av_span_str("abcd\xC3\xA4xyz"), &err), AV_ERR_LIMIT, &err);
    AV_CHECK_STR(av_buf_cstr(&job.out), "abcd"); /* no half character */
}

/* What looks like something else than its name, or like nothing. */
static void
test_named_wrong(void)
{
    static const struct named {
        const char *bytes;
        size_t n; /* 0: a string */
        av_kind kind;
        av_errc want;
        const char *text;
    } rows[] = {
        { "Name;Ort\nAnna;Ulm\n", 18, AV_KIND_OLE, AV_OK, "Name;Ort\nAnna;Ulm\n" },
        { "\1\2\3\0\0\0\0\0", 8, AV_KIND_OLE, AV_ERR_CORRUPT, "" },
        { "\1\2\3\0\0\0\0\0", 8, AV_KIND_TEXT, AV_ERR_CORRUPT, "" },
        { "PK\3\4 and no more", 16, AV_KIND_ZIP, AV_ERR_CORRUPT, "" },
        { "\xFF\xFEh\0i\0", 6, AV_KIND_TEXT, AV_OK, "hi" },
        { "\xEF\xBB\xBFhi", 5, AV_KIND_TEXT, AV_OK, "hi" },
        { "W\xF6rt", 4, AV_KIND_TEXT, AV_OK, "W\xC3\xB6rt" },
        { "<a>one <b>two</b></a>", 0, AV_KIND_XML, AV_OK, "one two " },
        { "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;'>]><x>&b;</x>", 0, AV_KIND_XML, AV_OK,
            "aaaaaaaaaaaaaaaaaaaa " },
        { "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", 0, AV_KIND_XML, AV_OK, " " },
    };

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rows); av_check_row++) {
        AV_CLEANUP(av_job_release) av_job job;
        size_t n = rows[av_check_row].n;
        av_span bytes = av_span_of(rows[av_check_row].bytes, n > 0 ? n : strlen(rows[av_check_row].bytes));
        av_error err;

        av_job_init(&job, 1 << 20, 1 << 20, 4, -1);
        AV_CHECK_RC(av_job_read(&job, rows[av_check_row].kind, bytes, &err), rows[av_check_row].want, &err);
        AV_CHECK_STR(av_buf_cstr(&job.out), rows[av_check_row].text);
    }
    av_check_row = -1;
}

int
main(void)
{
    AV_RUN(test_seeds);
    AV_RUN(test_msg);
    AV_RUN(test_shifted_zip);
    AV_RUN(test_compressed_rtf);
    AV_RUN(test_damaged);
    AV_RUN(test_bomb);
    AV_RUN(test_depth);
    AV_RUN(test_text_limit);
    AV_RUN(test_named_wrong);
    return av_check_done();
}
