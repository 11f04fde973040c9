/*
 * test_fetch_items.c - what FETCH asks for, written down again in one form
 */
#include "gateway/imap/fetch_items.h"
#include "tests/check.h"

static void
describe(const av_imap_fetch_items *items, av_buf *out)
{
    static const char *const labels[] = { "BODY", "RFC822", "RFC822.HEADER", "RFC822.TEXT", "BINARY", "BINARY.SIZE" };

    if (items->has_page)
        (void)av_buf_printf(out, "%c%u:%u", items->page.from_end ? '-' : '+', items->page.first, items->page.last);
    (void)av_buf_printf(out, "%s%s%s%s%s", items->modseq ? "M" : "", items->emailid ? "I" : "",
        items->threadid ? "T" : "", items->savedate ? "V" : "", items->preview ? "P" : "");
    if (items->has_changed_since)
        (void)av_buf_printf(out, ">%llu%s", (unsigned long long)items->changed_since, items->vanished ? "!" : "");
    (void)av_buf_printf(out, "%s%s%s%s%s%s%s", items->uid ? "U" : "", items->flags ? "F" : "",
        items->internaldate ? "D" : "", items->size ? "S" : "", items->envelope ? "E" : "", items->body ? "b" : "",
        items->bodystructure ? "B" : "");
    for (size_t i = 0; i < items->section_count; i++) {
        (void)av_buf_printf(out, " %s[%s]", labels[items->sections[i].label], av_imap_fetch_items_section(items, i));
        if (items->sections[i].partial)
            (void)av_buf_printf(out, "<%llu.%llu>", (unsigned long long)items->sections[i].offset,
                (unsigned long long)items->sections[i].length);
    }
}

static const struct {
    const char *in, *want; /* NULL: refused */
} cases[] = {
    { "ALL", "FDSE" },
    { "fast", "FDS" },
    { "FULL", "FDSEb" },
    { "UID", "U" },
    { "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)", "UFDSEbB" },
    { "RFC822", " RFC822[]" },
    { "(RFC822.HEADER RFC822.TEXT)", " RFC822.HEADER[HEADER] RFC822.TEXT[TEXT]" },
    { "BODY[]", " BODY[]" },
    { "BODY.PEEK[]<0.100>", " BODY[]<0.100>" },
    { "body.peek[1.2.mime]", " BODY[1.2.MIME]" },
    { "(BODY[HEADER.FIELDS (From \"To\")] UID)", "U BODY[HEADER.FIELDS (From To)]" },
    { "BODY[1.HEADER.FIELDS.NOT ({4}\r\nDate X-(a)]", NULL },
    { "BODY[1.HEADER.FIELDS.NOT ({4}\r\nDate \"X-(a\")]", " BODY[1.HEADER.FIELDS.NOT (Date \"X-(a\")]" },
    { "BODY[HEADER.FIELDS (Subject)]<5.6>", " BODY[HEADER.FIELDS (Subject)]<5.6>" },
    { "(MODSEQ EMAILID THREADID SAVEDATE PREVIEW)", "MITVP" },
    { "PREVIEW (LAZY)", "P" },
    { "(PREVIEW (LAZY) UID)", "PU" },
    { "PREVIEW (CHANGEDSINCE 7)", "MP>7" },
    { "PREVIEW (LAZY) (CHANGEDSINCE 7)", "MP>7" },
    { "(PREVIEW (EAGER))", NULL },
    { "BINARY[1.2]<3.4>", " BINARY[1.2]<3.4>" },
    { "(BINARY.PEEK[] BINARY.SIZE[4])", " BINARY[] BINARY.SIZE[4]" },
    { "BINARY[1.HEADER]", NULL },
    { "BINARY.SIZE[1]<0.4>", NULL },
    { "BINARY", NULL },
    { "(UID FLAGS) (CHANGEDSINCE 12345678901)", "M>12345678901UF" },
    { "FLAGS (CHANGEDSINCE 1 VANISHED)", "M>1!F" },
    { "FAST (VANISHED CHANGEDSINCE 1)", "M>1!FDS" },
    { "FLAGS (VANISHED)", NULL },
    { "FLAGS (PARTIAL 1:30)", "+1:30F" },
    { "FLAGS (PARTIAL -30:-1 CHANGEDSINCE 5)", "-1:30M>5F" },
    { "FLAGS (PARTIAL 0:30)", NULL },
    { "FLAGS (PARTIAL 1:-30)", NULL },
    { "FLAGS (PARTIAL 1:2 PARTIAL 1:2)", NULL },
    { "FLAGS (PARTIAL 1)", NULL },
    { "FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 1)", NULL },
    { "FLAGS (CHANGEDSINCE 9223372036854775808)", NULL },
    { "FLAGS (CHANGEDSINCE 1) ", NULL },
    { "FLAGS ()", NULL },
    { "ALLX", NULL },
    { "", NULL },
    { "()", NULL },
    { "(ALL)", NULL }, /* RFC 3501, 6.4.5: macros stand alone */
    { "(UID", NULL },
    { "UID FLAGS", NULL },
    { "(UID  FLAGS)", NULL },
    { "FOO", NULL },
    { "BODY[", NULL },
    { "BODY[1.]", NULL },
    { "BODY[0]", NULL },
    { "BODY[MIME]", NULL },
    { "BODY[HEADER.FIELDS ()]", NULL },
    { "BODY[HEADER.FIELDS (a:b)]", NULL },
    { "BODY[HEADER.FIELDS (From)", NULL },
    { "BODY[]<0.0>", NULL },
    { "BODY[]<1>", NULL },
    { "BODY[]<0.10", NULL },
    { "RFC822[]", NULL },
    { "BODYSTRUCTURE[]", NULL },
};

static void
test_cases(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        av_imap_fetch_items items;
        av_error err;
        av_errc rc = av_imap_fetch_items_parse(av_span_str(cases[i].in), &items, &err);

        av_check_row = (long)i;
        av_buf_init(&out, 4096);
        AV_CHECK_RC(rc, cases[i].want == NULL ? AV_ERR_SYNTAX : AV_OK, &err);
        if (rc == AV_OK && cases[i].want != NULL) {
            describe(&items, &out);
            AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
        }
        av_imap_fetch_items_release(&items);
    }
}

static void
test_limits(void)
{
    AV_CLEANUP(av_buf_release) av_buf in = { 0 };
    av_imap_fetch_items items;
    av_error err;

    av_buf_init(&in, 100000);
    for (int i = 0; i <= AV_IMAP_SECTIONS_MAX; i++)
        (void)av_buf_puts(&in, i == 0 ? "(BODY[]" : " BODY[]");
    (void)av_buf_puts(&in, ")");
    AV_CHECK_RC(av_imap_fetch_items_parse(av_buf_span(&in), &items, &err), AV_ERR_LIMIT, &err);
    av_imap_fetch_items_release(&items);
    av_buf_clear(&in);
    (void)av_buf_puts(&in, "BODY[HEADER.FIELDS (a");
    while (in.n < AV_IMAP_SECTION_TEXT_MAX + 100)
        (void)av_buf_puts(&in, " abcdefgh");
    (void)av_buf_puts(&in, ")]");
    AV_CHECK(av_imap_fetch_items_parse(av_buf_span(&in), &items, &err) != AV_OK);
    av_imap_fetch_items_release(&items);
}

int
main(void)
{
    AV_RUN(test_cases);
    AV_RUN(test_limits);
    return av_check_done();
}
