/* test_html_text.c - HTML to text */
#include "storage/mime/html_text.h"

#include "tests/check.h"

static const struct {
    const char *in, *want;
} cases[] = {
    { "plain", "plain" },
    { "<p>a</p><p>b</p>", "a\nb" },
    { "a<b>b</b>c", "abc" },
    { "a<br>b<BR/>c", "a\nb\nc" },
    { "<td>a</td><td>b</td>", "a b" },
    { "a  \n\t b&nbsp;c\xC2\xA0"
      "d",
        "a b c d" },
    { "&lt;&amp;&gt;&quot;&eacute;&euro;&#65;&#x42;&#128;&apos;", "<&>\"\xC3\xA9\xE2\x82\xAC"
                                                                  "AB\xE2\x82\xAC'" },
    { "a&ampb &copy 2 &unknown; & &;", "a&ampb \xC2\xA9 2 &unknown; & &;" },
    { "&#0;&#xFFFFFFFF;&#xD800;", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
    { "a<script>if (a<b) x('</p>')</script>b", "a b" },
    { "a<style>p{}</style>b<STYLE>x", "a b" },
    { "a<!-- <p> -- > -->b<!-->c", "abc" },
    { "<!DOCTYPE html><?xml?>a<![if !mso]>b<![endif]>", "ab" },
    { "<a href=\"x>y\">z</a>", "z" },
    { "<a href=\"never>z", "z" },
    { "1 < 2 > 0 <3", "1 < 2 > 0 <3" },
    { "<", "<" },
    { "</", "</" },
    { "<title>T</title><body>x", "T\nx" },
    { "a<scripty>b", "ab" },
    { "", "" },
};

static void
test_table(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 1000 };

        av_check_row = (long)i;
        AV_CHECK(av_html_text(av_span_str(cases[i].in), &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

/* Each of these was quadratic in some reader of HTML. */
static void
test_hostile(void)
{
    static const char *const units[] = { "<", "<!--", "<a x=\"", "&", "&#", "</", "<script>", "<style></styl>", "<!" };

    for (size_t u = 0; u < AV_COUNT(units); u++) {
        AV_CLEANUP(av_buf_release) av_buf in = { .max = 1 << 20 };
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 1 << 20 };

        av_check_row = (long)u;
        while (av_buf_puts(&in, units[u]))
            ;
        AV_CHECK(av_html_text(av_buf_span(&in), &out));
    }
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_hostile);
    return av_check_done();
}
