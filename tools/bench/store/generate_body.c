/*
 * generate_body.c - the messages themselves: a conversation, a newsletter, a notice
 */
#include "tools/bench/store/generate_priv.h"

#include <stdio.h>

/* All of the header but what the kind of message adds and the fields of its content. */
static void
put_header(bench_generator *self, uint32_t to, const char *subject_prefix, uint64_t subject)
{
    av_buf *out = &self->message;

    (void)av_buf_puts(out, "From: ");
    bench_put_person(self, self->from, out);
    (void)av_buf_puts(out, "\r\nTo: ");
    bench_put_person(self, to, out);
    (void)av_buf_printf(out, "\r\nSubject: %s", subject_prefix);
    bench_words_line(self->words, subject, 3 + (unsigned)(subject % 5), out);
    (void)av_buf_puts(out, "\r\nDate: ");
    bench_put_date(self, self->number, out);
    (void)av_buf_puts(out, "\r\nMessage-ID: ");
    bench_put_message_id(self, self->number, out);
    (void)av_buf_puts(out, "\r\nMIME-Version: 1.0\r\n");
}

/* --- conversations ----------------------------------------------------------------------------------------------- */

static uint64_t
body_seed(const bench_generator *self, uint64_t number)
{
    return bench_random_mix(self->seed + 2, number);
}

static void
put_signature(const bench_generator *self, uint32_t person, const char *prefix, av_buf *out)
{
    (void)av_buf_printf(out, "%s\r\n%s-- \r\n%s", prefix, prefix, prefix);
    bench_put_person(self, person, out);
    (void)av_buf_printf(out, "\r\n%sExample Works, Room %u, phone +49 30 5550%03u\r\n", prefix, person % 90, person);
}

/* Own words above the messages before, each level quoted once more, as office mail looks. */
static void
put_plain(bench_generator *self, const thread *t, av_buf *out)
{
    char prefix[2 * QUOTED + 1] = "";
    unsigned levels = AV_MIN(t->count, QUOTED);

    for (unsigned i = 0; i < levels; i++) {
        if (i > 0) {
            (void)av_buf_printf(out, "%s\r\n%sOn ", prefix, prefix);
            bench_put_date(self, t->message[i], out);
            (void)av_buf_puts(out, ", ");
            bench_put_person(self, t->from[i], out);
            (void)av_buf_puts(out, " wrote:\r\n");
            memcpy(prefix + 2 * (i - 1), "> ", 3);
        }
        bench_words_text(self->words, body_seed(self, t->message[i]), t->seed, t->words[i], prefix, out);
        put_signature(self, t->from[i], prefix, out);
    }
}

static void
put_html(bench_generator *self, const thread *t, av_buf *out)
{
    unsigned levels = AV_MIN(t->count, QUOTED);

    (void)av_buf_puts(out, "<html xmlns:v=3D\"urn:schemas-microsoft-com:vml\"><head><style>=\r\n"
                           "p.MsoNormal {margin:0cm; font-size:11.0pt; font-family:\"Calibri\",sans-serif;}=\r\n"
                           "</style></head><body lang=3DEN-GB link=3D\"#0563C1\"><div class=3DWordSection1>=\r\n");
    for (unsigned i = 0; i < levels; i++) {
        if (i > 0) {
            (void)av_buf_puts(out, "<div style=3D'border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt'>=\r\n"
                                   "<p class=3DMsoNormal><b>From:</b> ");
            bench_put_person(self, t->from[i], out);
            (void)av_buf_puts(out, "<br>=\r\n<b>Sent:</b> ");
            bench_put_date(self, t->message[i], out);
            (void)av_buf_puts(out, "</p></div>=\r\n");
        }
        bench_words_html(self->words, body_seed(self, t->message[i]), t->seed, t->words[i],
            "<p class=3DMsoNormal><span lang=3DEN-US style=3D'font-size:11.0pt'>=\r\n", "<o:p></o:p></span></p>=\r\n",
            out);
    }
    (void)av_buf_puts(out, "</div></body></html>\r\n");
}

/*
 * Attachment number `which`: 2 to 400 KB, small ones more often; two of three do not pack (PDF, JPEG), the others are
 * text. The same number gives the same bytes.
 */
static void
put_attachment(bench_generator *self, uint64_t which, av_buf *out)
{
    bench_random r = { bench_random_mix(self->seed + 3, which) };
    size_t size = (size_t)2048 << bench_random_below(&r, 7);
    bool packs = bench_random_below(&r, 3) == 0;
    uint64_t piece;
    uint8_t *room;

    size += bench_random_below(&r, (uint32_t)size);
    av_buf_clear(&self->work);
    if (packs) {
        bench_words_text(self->words, bench_random_next(&r), which, (unsigned)(size / 6), "", &self->work);
    } else {
        room = av_buf_reserve(&self->work, size);
        for (size_t i = 0; room != NULL && i + 8 <= size; i += 8) {
            piece = bench_random_next(&r);
            memcpy(room + i, &piece, 8);
        }
        self->work.n = size & ~(size_t)7;
    }
    (void)av_buf_printf(out,
        "Content-Type: %s; name=\"file%llu.%s\"\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment; filename=\"file%llu.%s\"\r\n\r\n",
        packs ? "text/csv" : "application/pdf", (unsigned long long)which, packs ? "csv" : "pdf",
        (unsigned long long)which, packs ? "csv" : "pdf");
    bench_base64(av_buf_span(&self->work), out);
}

/* A new one, or (six of ten) one that went round lately. */
static uint64_t
choose_attachment(bench_generator *self)
{
    uint64_t back = bench_random_below(&self->random, 1500);

    if (bench_random_below(&self->random, 10) < 6 && back < self->attachments)
        return self->attachments - back;
    return ++self->attachments;
}

/* Its own Content-Type, a blank line, the text: plain, or plain and HTML. */
static void
put_text_parts(bench_generator *self, const thread *t, bool html, const char *boundary)
{
    av_buf *out = &self->message;

    if (!html) {
        (void)av_buf_puts(out, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
        put_plain(self, t, out);
        return;
    }
    (void)av_buf_printf(
        out, "Content-Type: multipart/alternative; boundary=\"alt%s\"\r\n\r\n--alt%s\r\n", boundary, boundary);
    (void)av_buf_puts(out, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
    put_plain(self, t, out);
    (void)av_buf_printf(out,
        "\r\n--alt%s\r\nContent-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
        boundary);
    put_html(self, t, out);
    (void)av_buf_printf(out, "\r\n--alt%s--\r\n", boundary);
}

/* Move a thread on by one message of the sender; a new one in half of the cases. */
static thread *
next_in_thread(bench_generator *self)
{
    thread *t = &self->threads[bench_random_below(&self->random, THREADS)];

    if (t->count == 0 || t->count > 12 || bench_random_below(&self->random, 100) < 40) {
        t->count = 0;
        t->seed = bench_random_next(&self->random);
    }
    memmove(t->message + 1, t->message, sizeof t->message - sizeof t->message[0]);
    memmove(t->from + 1, t->from, sizeof t->from - sizeof t->from[0]);
    memmove(t->words + 1, t->words, sizeof t->words - sizeof t->words[0]);
    t->message[0] = self->number;
    t->from[0] = self->from;
    t->words[0] = (uint16_t)(15U << bench_random_below(&self->random, 6));
    t->count++;
    return t;
}

void
bench_make_conversation(bench_generator *self)
{
    bool html = bench_random_below(&self->random, 100) < 45, attached = bench_random_below(&self->random, 100) < 10;
    av_buf *out = &self->message;
    char boundary[32];
    thread *t;

    self->from = bench_random_below(&self->random, PEOPLE);
    t = next_in_thread(self);
    (void)snprintf(
        boundary, sizeof boundary, "%016llx", (unsigned long long)bench_random_mix(self->seed + 4, self->number));
    put_header(self, t->count > 1 ? t->from[1] : self->mailbox, t->count > 1 ? "Re: " : "", t->seed);
    if (t->count > 1) {
        (void)av_buf_puts(out, "In-Reply-To: ");
        bench_put_message_id(self, t->message[1], out);
        (void)av_buf_puts(out, "\r\nReferences:");
        for (unsigned i = AV_MIN(t->count, QUOTED); i > 1; i--) {
            (void)av_buf_puts(out, "\r\n\t");
            bench_put_message_id(self, t->message[i - 1], out);
        }
        (void)av_buf_puts(out, "\r\n");
    }
    (void)av_buf_printf(out, "X-Mailer: Office Mail %u.%u\r\n", 10 + self->from % 6, self->from % 4);
    if (attached)
        (void)av_buf_printf(out, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n", boundary, boundary);
    put_text_parts(self, t, html, boundary);
    if (!attached)
        return;
    do {
        (void)av_buf_printf(out, "\r\n--%s\r\n", boundary);
        put_attachment(self, choose_attachment(self), out);
    } while (bench_random_below(&self->random, 4) == 0);
    (void)av_buf_printf(out, "\r\n--%s--\r\n", boundary);
}

/* --- newsletters ------------------------------------------------------------------------------------------------- */

/* Each sender has a frame of its own, the same in every issue; every link carries the recipient's own token. */
void
bench_make_newsletter(bench_generator *self)
{
    uint32_t sender = bench_random_below(&self->random, NEWSLETTERS);
    uint64_t issue = self->number / 4000, topic = bench_random_mix(sender, issue);
    bench_random frame = { bench_random_mix(0x6E657773, sender) }, token = { bench_random_mix(topic, self->number) };
    unsigned articles = 6 + bench_random_below(&frame, 14), color, width;
    av_buf *out = &self->message;

    self->from = PEOPLE_INSIDE + sender;
    put_header(self, self->mailbox, "", topic);
    (void)av_buf_printf(out,
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nPrecedence: bulk\r\n"
        "List-Unsubscribe: <https://news%u.example.org/u/",
        sender);
    bench_token(&token, 40, out);
    (void)av_buf_puts(out, ">\r\n\r\n<!DOCTYPE html><html><head><meta charset=3D\"utf-8\"><style>=\r\n");
    for (unsigned i = 0; i < 20 + sender % 30; i++)
        (void)av_buf_printf(out, ".c%u td{padding:%upx %upx;color:#%06x;font-family:Arial,sans-serif}=\r\n", i,
            bench_random_below(&frame, 30), bench_random_below(&frame, 30), bench_random_below(&frame, 1 << 24));
    (void)av_buf_puts(out, "</style></head><body><table width=3D\"100%\" cellpadding=3D\"0\">=\r\n");
    for (unsigned i = 0; i < articles; i++) {
        color = bench_random_below(&frame, 1 << 24);
        width = 200 + bench_random_below(&frame, 400);
        (void)av_buf_printf(
            out, "<tr class=3D\"c%u\"><td width=3D\"%u\" bgcolor=3D\"#%06x\" align=3D\"left\">=\r\n", i, width, color);
        (void)av_buf_printf(out, "<a href=3D\"https://news%u.example.org/c/%u/", sender, i);
        bench_token(&token, 44, out);
        (void)av_buf_printf(out,
            "\">=\r\n<img src=3D\"https://news%u.example.org/i/%06x.png\" width=3D\"%u\" =\r\n"
            "border=3D\"0\" style=3D\"display:block\"></a>=\r\n",
            sender, color, width);
        bench_words_html(self->words, bench_random_mix(topic, i), topic, 40 + (unsigned)(topic + i) % 60,
            "<p style=3D\"margin:0 0 12px 0;line-height:20px;font-size:14px\">=\r\n", "</p>=\r\n", out);
        (void)av_buf_puts(out, "</td></tr>=\r\n");
    }
    (void)av_buf_puts(out, "</table></body></html>\r\n");
}

/* --- notices ----------------------------------------------------------------------------------------------------- */

void
bench_make_notice(bench_generator *self)
{
    uint32_t host = bench_random_below(&self->random, 40), lines = 3 + bench_random_below(&self->random, 40);
    av_buf *out = &self->message;

    self->from = host;
    put_header(self, self->mailbox, "[monitor] ", host);
    (void)av_buf_printf(out,
        "Content-Type: text/plain; charset=utf-8\r\nAuto-Submitted: auto-generated\r\nX-Host: "
        "host%u.example.com\r\n\r\n",
        host);
    for (uint32_t i = 0; i < lines; i++) {
        (void)av_buf_printf(out, "host%u service/%u: ", host, bench_random_below(&self->random, 30));
        bench_words_line(self->words, bench_random_mix(host, bench_random_below(&self->random, 50)), 7, out);
        (void)av_buf_printf(out, " (%u ms)\r\n", bench_random_below(&self->random, 5000));
    }
}
