/* test_address.c - address lists */
#include "storage/mime/address.h"

#include "tests/check.h"

/* want: kind|name|mailbox|host|route per address, parted by newlines; kinds: m, g (group), e (its end) */
static const struct {
    const char *in, *want;
} cases[] = {
    { "a@b", "m||a|b|" },
    { "A B <a@b>", "m|A B|a|b|" },
    { "\"B, A\" <a@b>, c@d", "m|B, A|a|b|\nm||c|d|" },
    { "a@b (Old Style)", "m|Old Style|a|b|" },
    { "<a@b> (Late)", "m|Late|a|b|" },
    { "<a@b>", "m||a|b|" },
    { "=?utf-8?Q?Caf=C3=A9?= <a@b>", "m|Caf\xC3\xA9|a|b|" },
    { "=?utf-8?Q?Doe,_J?= <a@b>", "m|Doe, J|a|b|" },
    { "\"=?utf-8?Q?x?=\" <a@b>", "m|x|a|b|" },
    { "Team: a@b, C <c@d>;, e@f", "g|Team||||\nm||a|b|\nm|C|c|d|\ne||||\nm||e|f|" },
    { "undisclosed-recipients:;", "g|undisclosed-recipients||||\ne||||" },
    { "<@r1,@r2:a@b>", "m||a|b|@r1,@r2" }, /* RFC 5322, 4.4 */
    { "\"a b\"@c", "m||a b|c|" },
    { "<\"a@x\"@b>", "m||a@x|b|" },
    { "a @ b . c", "m||a|b.c|" },
    { "a@[1.2.3.4]", "m||a|[1.2.3.4]|" },
    { "root", "m||root||" },
    { "Two Words", "m|Two Words|||" },
    { "a@b; c@d", "m||a|b|\nm||c|d|" }, /* Outlook's separator */
    { "J. Doe <a@b>", "m|J. Doe|a|b|" },
    { "a (c(o)m) b <x@y>", "m|a b|x|y|" },
    { "<a@b, c@d", "m||a|b|\nm||c|d|" },
    { "a@b <a@b>", "m|a@b|a|b|" },
    { "Name\r\n <a@b>,\r\n\tc@d", "m|Name|a|b|\nm||c|d|" },
    { ",,a@b,,", "m||a|b|" },
    { "\xC9mile <a@b>", "m|\xC3\x89mile|a|b|" },
    { "<>", "" },
    { "", "" },
    { "((((", "" },
    { "\"", "" },
};

static void
put(av_buf *out, av_span s)
{
    (void)av_buf_putc(out, '|');
    (void)av_buf_append_span(out, s);
}

static void
test_table(void)
{
    AV_CLEANUP(av_address_list_release) av_address_list list;

    av_address_list_init(&list);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 1000 };

        av_check_row = (long)i;
        av_address_parse(av_span_str(cases[i].in), 100, &list);
        for (size_t k = 0; k < list.count; k++) {
            const av_address *a = &list.items[k];

            if (k > 0)
                (void)av_buf_putc(&out, '\n');
            (void)av_buf_putc(&out, (uint8_t) "mge"[a->kind]);
            put(&out, a->name);
            if (a->kind == AV_ADDRESS_GROUP)
                (void)av_buf_putc(&out, '|');
            put(&out, a->mailbox);
            put(&out, a->host);
            if (a->kind != AV_ADDRESS_GROUP_END || a->route.n > 0)
                put(&out, a->route);
            else
                (void)av_buf_putc(&out, '|');
        }
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

static void
test_display_and_limits(void)
{
    AV_CLEANUP(av_address_list_release) av_address_list list;
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 1000 };
    AV_CLEANUP(av_buf_release) av_buf in = { .max = 1 << 20 };

    av_address_list_init(&list);
    av_address_parse(av_span_str("\"B, A\" <a@b>, g: c@d, e@f;, h@i, lone"), 100, &list);
    AV_CHECK(av_address_display(&list, &out));
    AV_CHECK_STR(av_buf_cstr(&out), "B, A <a@b>, g: c@d, e@f;, h@i, lone");
    while (av_buf_puts(&in, "=?a?q?=?"))
        ;
    av_address_parse(av_buf_span(&in), 10, &list);
    av_buf_clear(&in);
    while (av_buf_puts(&in, "a@b,"))
        ;
    av_address_parse(av_buf_span(&in), 10, &list);
    AV_CHECK(list.count == 10 && list.cut);
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_display_and_limits);
    return av_check_done();
}
