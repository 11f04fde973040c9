/*
 * test_recipe.c - steps of a recipe: round trips, sizes of base64, and everything malformed is refused
 */
#include "storage/container/recipe.h"
#include "storage/container/tlv.h"
#include "tests/check.h"

#define LSN 0x200001000ULL

static void
test_round_trip(void)
{
    static const av_step steps[] = {
        { .kind = AV_STEP_SKELETON, .size = 700 },
        { .kind = AV_STEP_BASE64, .lsn = 0x100000080, .size = 57 * 3, .line = 19, .form = AV_BASE64_CRLF },
        { .kind = AV_STEP_SKELETON, .size = 1 },
        { .kind = AV_STEP_PART, .lsn = LSN - 1, .size = 1ULL << 30 },
        { .kind = AV_STEP_SKELETON, .size = 0 }, /* puts nothing */
        { .kind = AV_STEP_PART, .lsn = 1, .size = 5 },
    };
    static const uint64_t outputs[] = { 700, 76 * 3 + 4, 1, 1ULL << 30, 5 };
    AV_CLEANUP(av_buf_release) av_buf b = { 0 };
    av_recipe_reader reader;
    uint64_t at = 0, size = 0;
    size_t n = 0;
    av_error err;

    av_buf_init(&b, 1000);
    for (size_t i = 0; i < AV_COUNT(steps); i++)
        AV_CHECK(av_recipe_put(&b, &steps[i], LSN));
    reader = av_recipe_reader_of(av_buf_span(&b), LSN);
    for (size_t i = 0;; i++) {
        av_step step = { 0 };
        bool end = false;

        AV_CHECK_RC(av_recipe_next(&reader, &step, &end, &err), AV_OK, &err);
        if (end)
            break;
        if (i == 4)
            i++;
        av_check_row = (long)i;
        AV_CHECK(step.kind == steps[i].kind && step.size == steps[i].size && step.lsn == steps[i].lsn);
        AV_CHECK(step.line == steps[i].line && step.form == steps[i].form);
        AV_CHECK_INT(step.output, outputs[n]);
        AV_CHECK_INT(step.message_offset, at);
        AV_CHECK_INT(step.skeleton_offset, n == 0 ? 0 : n < 3 ? 700 : 701);
        at += outputs[n++];
    }
    av_check_row = -1;
    AV_CHECK_INT(n, 5);
    AV_CHECK_RC(av_recipe_check(av_buf_span(&b), LSN, 701, &size, &err), AV_OK, &err);
    AV_CHECK_INT(size, at);
    AV_CHECK_RC(av_recipe_check(av_buf_span(&b), LSN, 700, &size, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_RC(av_recipe_check(av_buf_span(&b), LSN, 702, &size, &err), AV_ERR_CORRUPT, &err);
}

/* Counted here the slow way: character by character. */
static uint64_t
count_base64(uint64_t size, unsigned line, unsigned form)
{
    uint64_t characters = 0, out = 0, end = form & AV_BASE64_CRLF ? 2 : 1, in_line = 0;

    for (uint64_t i = 0; i < size; i += 3)
        characters += 4;
    for (uint64_t i = 0; i < characters; i++) {
        if (line > 0 && in_line == 4U * line) {
            out += end;
            in_line = 0;
        }
        in_line++;
        out++;
    }
    return out + (form & AV_BASE64_END ? end : 0);
}

static void
test_base64_size(void)
{
    static const uint8_t lines[] = { 0, 1, 2, 18, 19, 255 };

    for (size_t l = 0; l < AV_COUNT(lines); l++)
        for (uint8_t form = 0; form < 4; form++)
            for (uint64_t size = 1; size < 700; size++) {
                av_check_row = (long)size;
                AV_CHECK_INT(av_recipe_base64_size(size, lines[l], form), count_base64(size, lines[l], form));
            }
    av_check_row = -1;
}

static void
test_malformed(void)
{
    static const struct {
        const char *bytes;
        size_t n;
        av_errc want;
    } cases[] = {
        { "", 0, AV_OK }, { "\x00\x05", 2, AV_OK }, { "\x00\x00", 2, AV_ERR_CORRUPT }, /* an empty step */
        { "\x00", 1, AV_ERR_CORRUPT }, { "\x00\x85", 2, AV_ERR_CORRUPT },
        { "\x00\x85\x00", 3, AV_ERR_CORRUPT },                               /* not the shortest form */
        { "\x01\x05\x05", 3, AV_OK }, { "\x01\x00\x05", 3, AV_ERR_CORRUPT }, /* itself */
        { "\x01\x05\x00", 3, AV_ERR_CORRUPT }, { "\x01\x05", 2, AV_ERR_CORRUPT },
        { "\x01\xFF\xFF\xFF\xFF\xFF\x0F\x05", 8, AV_ERR_CORRUPT },                  /* before all LSNs */
        { "\x02\x05\x05\x13\x03", 5, AV_OK }, { "\x02\x05\x05\x00\x03", 5, AV_OK }, /* all of it one line */
        { "\x02\x05\x05\x13\x04", 5, AV_ERR_CORRUPT },                              /* unknown form */
        { "\x02\x05\x05\x13", 4, AV_ERR_CORRUPT }, { "\x02\x05\x05", 3, AV_ERR_CORRUPT },
        { "\x03\x05\x05", 3, AV_ERR_VERSION },
        { "\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, AV_ERR_CORRUPT }, /* no size can be that large */
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_recipe_reader reader = av_recipe_reader_of(av_span_of(cases[i].bytes, cases[i].n), LSN);
        av_errc rc = AV_OK;
        bool end = false;

        av_check_row = (long)i;
        while (rc == AV_OK && !end) {
            av_step step;

            rc = av_recipe_next(&reader, &step, &end, &err);
        }
        AV_CHECK_RC(rc, cases[i].want, &err);
    }
    av_check_row = -1;
}

/* Steps of enormous parts: their sum is refused before it overflows. */
static void
test_overflow(void)
{
    AV_CLEANUP(av_buf_release) av_buf b = { 0 };
    uint64_t size = 0;
    av_error err;
    av_errc rc = AV_OK;

    av_buf_init(&b, 1000);
    for (int i = 0; i < 20; i++)
        AV_CHECK(av_recipe_put(&b,
            &(av_step){ .kind = AV_STEP_BASE64, .lsn = 1, .size = AV_RECIPE_OUTPUT_MAX / 8, .line = 1, .form = 3 },
            LSN));
    rc = av_recipe_check(av_buf_span(&b), LSN, 0, &size, &err);
    AV_CHECK_RC(rc, AV_ERR_CORRUPT, &err);
}

int
main(void)
{
    AV_RUN(test_round_trip);
    AV_RUN(test_base64_size);
    AV_RUN(test_malformed);
    AV_RUN(test_overflow);
    return av_check_done();
}
