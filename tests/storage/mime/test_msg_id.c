/* test_msg_id.c - message ids of header fields, and the thread they name */
#include "storage/mime/msg_id.h"

#include <time.h>

#include "base/encode.h"
#include "storage/mime/thread.h"
#include "tests/check.h"

/* want: the ids parted by '|'. */
static const struct {
    const char *in, *want;
    bool words;
} cases[] = {
    { "<a@b>", "a@b", false },
    { " \r\n\t<a@b> <c@d>\r\n <e@f>", "a@b|c@d|e@f", false },
    { "<a@b><c@d>", "a@b|c@d", false },
    { "<a@b>, <c@d>", "a@b|c@d", false },
    { "<A.b@C.d>", "A.b@C.d", false },
    { "<a\r\n b@c>", "ab@c", false },                      /* broken by a fold */
    { "<a@b> (a comment <x@y>) <c@d>", "a@b|c@d", false }, /* RFC 5322, 3.2.2 */
    { "<a@b> (one (in <x@y>) \\) another) <c@d>", "a@b|c@d", false },
    { "(never closed <a@b> <c@d>", "a@b|c@d", true },
    { "Your message of \"Mon, <x@y>\" <a@b>", "a@b", true }, /* obs-in-reply-to */
    { "Joe's message of \"today <a@b>", "a@b", true },
    { "Message from Joe <joe@example.org> of Monday <1@b>", "joe@example.org|1@b", true },
    { "<\"a\"@b>", "a@b", false }, /* RFC 5256, 3 */
    { "<\"a b\\\"c\"@d>", "a b\"c@d", false },
    { "<\"a>b\"@c>", "a>b@c", false },
    { "<\"a\"b@c>", "\"a\"b@c", false }, /* no quoted string */
    { "<a(x)@b(y)>", "a@b", false },     /* obs-id-left, obs-id-right */
    { "< a . b (c d) @ [127.0.0.1] >", "a.b@[127.0.0.1]", false },
    { "<a(b@c> (x)", "a(b@c", false },
    { "<no-at-sign>", "no-at-sign", false },
    { "<caf\xC3\xA9@b>", "caf\xC3\xA9@b", false },
    { "<>", "", true },
    { "< \t>", "", true },
    { "<()>", "", true },
    { "<a@b", "", true },
    { "<a <b@c>", "b@c", true },
    { "<a@b> <c", "a@b", true },
    { "a@b> <c@d>", "c@d", true },
    { "<<a@b>>", "a@b", true },
    { "<a@b>>>><c@d>", "a@b|c@d", true },
    { "plain words", "", true },
    { "", "", false },
};

static void
test_ids(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf id = { .max = AV_MSG_ID_MAX };
        AV_CLEANUP(av_buf_release) av_buf all = { .max = 4096 };
        av_msg_ids ids = { .rest = av_span_str(cases[i].in) };

        av_check_row = (long)i;
        while (av_msg_ids_next(&ids, &id)) {
            if (all.n > 0)
                (void)av_buf_putc(&all, '|');
            (void)av_buf_append_span(&all, av_buf_span(&id));
        }
        AV_CHECK_STR(av_buf_cstr(&all), cases[i].want);
        AV_CHECK_INT(ids.words, cases[i].words);
    }
    av_check_row = -1;
}

static void
test_own(void)
{
    static const char *const own[][2] = { { "<a@b>", "a@b" }, { " <a@b> junk", "a@b" }, { " a@b\r\n", "a@b" },
        { "a b@c", NULL }, { "<a@b", NULL }, { "words", NULL }, { "", NULL }, { "(a@b)", NULL } };
    AV_CLEANUP(av_buf_release) av_buf id = { .max = AV_MSG_ID_MAX };

    for (size_t i = 0; i < AV_COUNT(own); i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(av_msg_id_own(av_span_str(own[i][0]), &id), own[i][1] != NULL);
        if (own[i][1] != NULL)
            AV_CHECK_STR(av_buf_cstr(&id), own[i][1]);
    }
    av_check_row = -1;
}

static void
test_limits(void)
{
    AV_CLEANUP(av_buf_release) av_buf value = { .max = 1 << 20 };
    AV_CLEANUP(av_buf_release) av_buf id = { .max = AV_MSG_ID_MAX };
    AV_CLEANUP(av_buf_release) av_buf roomy = { .max = 1 << 20 };
    av_msg_ids ids;

    (void)av_buf_putc(&value, '<');
    for (unsigned i = 0; i < AV_MSG_ID_MAX; i++)
        (void)av_buf_putc(&value, 'a');
    (void)av_buf_puts(&value, "><");
    for (unsigned i = 0; i <= AV_MSG_ID_MAX; i++)
        (void)av_buf_putc(&value, 'b');
    (void)av_buf_puts(&value, "><c@d>");
    ids = (av_msg_ids){ .rest = av_buf_span(&value) };
    AV_CHECK(av_msg_ids_next(&ids, &id) && id.n == AV_MSG_ID_MAX && id.p[0] == 'a');
    AV_CHECK(av_msg_ids_next(&ids, &id)); /* the one too long is none */
    AV_CHECK_STR(av_buf_cstr(&id), "c@d");
    AV_CHECK(!av_msg_ids_next(&ids, &id));
    ids = (av_msg_ids){ .rest = av_buf_span(&value) }; /* whatever room there is */
    AV_CHECK(av_msg_ids_next(&ids, &roomy) && av_msg_ids_next(&ids, &roomy));
    AV_CHECK_STR(av_buf_cstr(&roomy), "c@d");
}

/* Openings that are never closed must not cost the square of their number. */
static void
test_cost(void)
{
    static const char *const pieces[] = { "(", "\"", "<", "<(", "<\"", "<(\"", "<\"\\", "(<", "\"<(", "<a\"b\"", "<>" };
    AV_CLEANUP(av_buf_release) av_buf id = { .max = AV_MSG_ID_MAX };

    for (size_t i = 0; i < AV_COUNT(pieces); i++) {
        AV_CLEANUP(av_buf_release) av_buf value = { .max = 8 << 20 };
        av_msg_ids ids;
        clock_t from = clock();

        while (value.n < 1 << 20)
            (void)av_buf_puts(&value, pieces[i]);
        ids = (av_msg_ids){ .rest = av_buf_span(&value) };
        while (av_msg_ids_next(&ids, &id))
            continue;
        av_check_row = (long)i;
        AV_CHECK(clock() - from < 5 * CLOCKS_PER_SEC); /* squared: hours */
    }
    av_check_row = -1;
}

static void
test_root(void)
{
    static const struct {
        const char *references, *in_reply_to, *message_id, *root; /* root NULL: none */
    } roots[] = {
        { "", "", "<own@x>", "own@x" },
        { "", "<parent@x>", "<own@x>", "parent@x" },
        { "<root@x> <parent@x>", "<parent@x>", "<own@x>", "root@x" },
        { "<root@x>", "", "", "root@x" },
        { "garbage", "<parent@x> (from Joe <joe@x>)", "<own@x>", "parent@x" },
        { "", "<parent@x> from Joe <joe@x>", "<own@x>", "parent@x" },
        { "", "Message from Joe <joe@x> of Monday <parent@x>", "<own@x>", "parent@x" },
        { "", "Joe's message of Monday", "<own@x>", "own@x" },
        { "<>", "<>", "own@x", "own@x" },
        { "", "", "", NULL },
        { "a", "b", "c", NULL },
    };
    static const uint8_t none[AV_THREAD_KEY_SIZE];
    AV_CLEANUP(av_buf_release) av_buf root = { .max = AV_MSG_ID_MAX };
    uint8_t key[AV_THREAD_KEY_SIZE], want[AV_SHA256_SIZE];

    for (size_t i = 0; i < AV_COUNT(roots); i++) {
        av_span references = av_span_str(roots[i].references), answered = av_span_str(roots[i].in_reply_to),
                own = av_span_str(roots[i].message_id);

        av_check_row = (long)i;
        AV_CHECK_INT(av_thread_root(references, answered, own, &root), roots[i].root != NULL);
        AV_CHECK_INT(av_thread_key(references, answered, own, key), roots[i].root != NULL);
        if (roots[i].root != NULL)
            AV_CHECK_STR(av_buf_cstr(&root), roots[i].root);
        else
            AV_CHECK_MEM(key, sizeof key, none, sizeof none);
    }
    av_check_row = -1;
    /* What stands on disk and in clients must never change. */
    AV_CHECK(av_thread_key(av_span_str(""), av_span_str(""), av_span_str("<a@b>"), key));
    av_sha256(av_span_str("archivolt thread\na@b"), want);
    AV_CHECK_MEM(key, sizeof key, want, sizeof key);
    AV_CHECK(av_hex_decode(av_span_str("2793b5321e43e4a8d2885053abbc6a11"), want, sizeof key));
    AV_CHECK_MEM(key, sizeof key, want, sizeof key);
}

int
main(void)
{
    AV_RUN(test_ids);
    AV_RUN(test_own);
    AV_RUN(test_limits);
    AV_RUN(test_cost);
    AV_RUN(test_root);
    return av_check_done();
}
