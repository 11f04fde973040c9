/*
 * test_key_text.c - keys as text: every way to type them right, and each mistake named
 */
#include "storage/keys/key_text.h"

#include <ctype.h>

#include "tests/storage/keys/help.h"

/* Made by another program from docs/format-keys.md, 6: the bytes 0 to 31. */
static const char instance_text[] =
    "AVN1-000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG-2GAH0-C5RR1-34D1A-P70XT-3RFGY-5YZJR";
static const char recovery_text[] =
    "AVR1-000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG-2GAH0-C5RR1-34D1A-P70XT-3RFGY-DCF2K";

static void
test_known(void)
{
    av_key key = { .kind = AV_KEY_INSTANCE };
    char text[AV_KEY_TEXT], id[AV_KEY_ID_TEXT];

    for (unsigned i = 0; i < 32; i++)
        key.bytes[i] = (uint8_t)i;
    av_key_format(&key, text);
    AV_CHECK_STR(text, instance_text);
    av_key_id(&key, id);
    AV_CHECK_STR(id, "7DTE-R2EF");
    key.kind = AV_KEY_RECOVERY;
    av_key_format(&key, text);
    AV_CHECK_STR(text, recovery_text);
}

static void
test_ways_to_type(void)
{
    char text[400];
    size_t n = 0;
    av_key key;
    av_error err;

    for (size_t i = 0; recovery_text[i] != '\0'; i++) { /* small letters, no dashes, O and l for 0 and 1, odd spaces */
        char c = (char)tolower(recovery_text[i]);

        if (c == '-')
            continue;
        text[n++] = c == '0' ? "oO0"[i % 3] : c == '1' ? "lIiL1"[i % 5] : c;
        if (i % 4 == 0)
            text[n++] = " \t\r\n-"[i % 5];
    }
    AV_CHECK_RC(av_key_parse(av_span_of(text, n), &key, &err), AV_OK, &err);
    AV_CHECK_INT(key.kind, AV_KEY_RECOVERY);
    for (unsigned i = 0; i < 32; i++)
        AV_CHECK_INT(key.bytes[i], i);
}

/* One wrong letter, anywhere: never taken, and the group is named. */
static void
test_one_wrong(void)
{
    char text[sizeof instance_text], want[40];
    av_key key;
    av_error err;

    for (size_t i = 5; i < sizeof instance_text - 1; i++)
        for (const char *c = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; *c != '\0'; c++) {
            memcpy(text, instance_text, sizeof text);
            if (text[i] == '-' || text[i] == *c)
                continue;
            text[i] = *c;
            (void)snprintf(want, sizeof want, "in group %zu", (i - 5) / 6 + 1);
            if (!AV_CHECK(av_key_parse(av_span_str(text), &key, &err) == AV_ERR_SYNTAX))
                continue;
            check_says(&err, want);
        }
}

/* Neighbours exchanged, groups exchanged. */
static void
test_exchanged(void)
{
    char text[sizeof instance_text], group[5];
    av_key key;
    av_error err;

    for (size_t i = 5; i + 1 < sizeof instance_text - 1; i++) {
        memcpy(text, instance_text, sizeof text);
        if (text[i] == '-' || text[i + 1] == '-' || text[i] == text[i + 1])
            continue;
        text[i] = instance_text[i + 1];
        text[i + 1] = instance_text[i];
        AV_CHECK_RC(av_key_parse(av_span_str(text), &key, &err), AV_ERR_SYNTAX, &err);
        check_says(&err, "in group");
    }
    for (size_t a = 0; a < 14; a++)
        for (size_t b = a + 1; b < 14; b++) {
            memcpy(text, instance_text, sizeof text);
            memcpy(group, text + 5 + a * 6, 5);
            memcpy(text + 5 + a * 6, text + 5 + b * 6, 5);
            memcpy(text + 5 + b * 6, group, 5);
            AV_CHECK_RC(av_key_parse(av_span_str(text), &key, &err), AV_ERR_SYNTAX, &err);
            check_says(&err, "in 2 groups");
        }
}

static void
test_refused(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "fewer" },
        { "AVR1", "fewer" },
        { "AVX1-000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG-2GAH0-C5RR1-34D1A-P70XT-3RFGY-5YZJR", "begins with" },
        { "U", "begins with" },
        { "AVN1-000GU", "group 1 of the key has a character" },
        { "AVN1-000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG-2GAH0-C5RR1-34D1A-P70XT-3RFGY-5YZJR-0", "more" },
        { "AVN1-000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG-2GAH0-C5RR1-34D1A-P70XT-3RFGY-5YZJ", "fewer" },
        /* one kind's beginning with the other's groups: right in each group, not as a whole */
        { "AVR1-000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG-2GAH0-C5RR1-34D1A-P70XT-3RFGY-5YZJR", "do not show" },
    };
    av_key key = { .kind = AV_KEY_INSTANCE, .bytes = { 7 } };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        AV_CHECK_RC(av_key_parse(av_span_str(rows[i].text), &key, &err), AV_ERR_SYNTAX, &err);
        check_says(&err, rows[i].says);
        AV_CHECK_INT(key.bytes[0], 7);
    }
}

static void
test_round_trip(void)
{
    av_key key, again;
    char text[AV_KEY_TEXT], id[AV_KEY_ID_TEXT], other[AV_KEY_ID_TEXT];
    uint8_t public_half[32];
    av_error err;

    for (int i = 0; i < 200; i++) {
        av_key_generate(i % 2 ? AV_KEY_RECOVERY : AV_KEY_INSTANCE, &key);
        av_key_format(&key, text);
        AV_CHECK_INT(strlen(text), 88);
        AV_CHECK_RC(av_key_parse(av_span_str(text), &again, &err), AV_OK, &err);
        AV_CHECK(again.kind == key.kind && memcmp(again.bytes, key.bytes, 32) == 0);
        av_key_id(&key, id);
        if (i % 2) {
            av_key_recovery_public(&key, public_half);
            av_key_id_of_recovery_public(public_half, other);
        } else {
            av_key_id_of_instance_key(key.bytes, other);
        }
        AV_CHECK_STR(id, other);
    }
    av_key_wipe(&key);
    AV_CHECK_INT(key.bytes[31], 0);
}

/* What is printed can be typed again, lines are short, and a full buffer is told. */
static void
test_sheet(void)
{
    AV_CLEANUP(av_buf_release_secret) av_buf out = { 0 };
    av_key key, again;
    char id[AV_KEY_ID_TEXT];
    const char *at;
    size_t line = 0;
    av_error err;

    av_key_generate(AV_KEY_RECOVERY, &key);
    av_key_id(&key, id);
    av_buf_init(&out, 8192);
    AV_CHECK(av_key_recovery_sheet(&key, "Example Ltd.", "2026-11-22", &out));
    AV_CHECK(strstr(av_buf_cstr(&out), "Example Ltd.") != NULL && strstr(av_buf_cstr(&out), "2026-11-22") != NULL);
    AV_CHECK(strstr(av_buf_cstr(&out), id) != NULL);
    for (size_t i = 0; i < out.n; i++) {
        line = out.p[i] == '\n' ? 0 : line + 1;
        AV_CHECK(line <= 78);
    }
    at = strstr(av_buf_cstr(&out), "AVR1");
    if (AV_CHECK(at != NULL)) {
        AV_CHECK_RC(av_key_parse(av_span_of(at, (size_t)(strstr(at, "\n\n") - at)), &again, &err), AV_OK, &err);
        AV_CHECK_MEM(again.bytes, 32, key.bytes, 32);
    }
    av_buf_release_secret(&out);
    av_buf_init(&out, 100);
    AV_CHECK(!av_key_recovery_sheet(&key, "x", "y", &out));
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_known);
    AV_RUN(test_ways_to_type);
    AV_RUN(test_one_wrong);
    AV_RUN(test_exchanged);
    AV_RUN(test_refused);
    AV_RUN(test_round_trip);
    AV_RUN(test_sheet);
    return av_check_done();
}
