/*
 * test_parts.c - messages as skeleton and parts: found again, written in every form, streamed, erased, packed with
 * dictionaries; and what a view is told is what a replay tells
 */
#include <malloc.h>

#include "storage/container/format.h"
#include "storage/store/train.h"
#include "tests/storage/store/help.h"

#define MB (1024U * 1024)

static av_error err;

struct fixture {
    test_dir dir;
    av_store_config config;
    av_store *store;
    test_watch watch;
};

static void
begin(struct fixture *f, uint64_t spool_bytes)
{
    *f = (struct fixture){ .dir = dir_new() };
    f->config = config_of(f->dir.path);
    f->config.spool_bytes = spool_bytes;
    f->store = store_new(&f->config);
    AV_CHECK_RC(watch_begin(&f->watch, f->store), AV_OK, &err);
}

static void
reopen(struct fixture *f)
{
    av_store_close(&f->store);
    AV_CHECK_RC(av_store_open(&f->config, 0, &f->store, &err), AV_OK, &err);
    AV_CHECK(av_store_problem(f->store) == NULL);
    AV_CHECK_RC(watch_begin(&f->watch, f->store), AV_OK, &err);
}

static void
end(struct fixture *f)
{
    av_store_close(&f->store);
    watch_end(&f->watch);
    dir_remove(&f->dir);
}

static uint64_t
put_span(struct fixture *f, av_span m)
{
    uint64_t lsn = 0;

    AV_CHECK_RC(av_store_put_message(f->store, m, NULL, &lsn, &err), AV_OK, &err);
    return lsn;
}

static uint64_t
stream_span(struct fixture *f, av_span m, size_t step)
{
    av_store_put *p = NULL;
    uint64_t lsn = 0;

    AV_CHECK_RC(av_store_put_begin(f->store, AV_STORE_SIZE_UNKNOWN, &p, &err), AV_OK, &err);
    for (size_t at = 0; at < m.n; at += step)
        AV_CHECK_RC(av_store_put_write(p, av_span_slice(m, at, AV_MIN(at + step, m.n)), &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_finish(&p, &lsn, NULL, &err), AV_OK, &err);
    return lsn;
}

/* The message, whole and in ranges. */
static void
check_message(const struct fixture *f, uint64_t lsn, av_span want)
{
    av_store_reader *reader = NULL;
    uint8_t *got = malloc(want.n + 1);
    size_t n = 0;

    AV_CHECK_RC(av_store_reader_open(f->store, lsn, &reader, &err), AV_OK, &err);
    if (reader != NULL) {
        AV_CHECK_INT(av_store_reader_size(reader), want.n);
        AV_CHECK_RC(av_store_reader_verify(reader, &err), AV_OK, &err);
        for (size_t at = 0; at < want.n; at += 1 + want.n / 13) {
            size_t count = AV_MIN(want.n - at, 1 + (at * 7919) % (want.n / 5 + 1));

            AV_CHECK_RC(av_store_reader_read(reader, at, got, count, &n, &err), AV_OK, &err);
            AV_CHECK(n == count && memcmp(got, want.p + at, n) == 0);
        }
        AV_CHECK_RC(av_store_reader_read(reader, 0, got, want.n + 1, &n, &err), AV_OK, &err);
        AV_CHECK(n == want.n && memcmp(got, want.p, n) == 0);
    }
    av_store_reader_close(&reader);
    free(got);
}

/* A message with an attachment of so many lines of base64, of the bytes that attachment names. */
static av_span
with_attachment(uint64_t number, size_t lines, uint64_t attachment)
{
    size_t room = 77 * lines + 2000, n;
    uint8_t *p = malloc(room);

    n = (size_t)snprintf((char *)p, room,
        "Received: from mail%llu.example.org\nSubject: %llu\nContent-Type: multipart/mixed; boundary=\"sep\"\n\n"
        "--sep\n\nHello number %llu.\n--sep\nContent-Transfer-Encoding: base64\n\n",
        (unsigned long long)number, (unsigned long long)number, (unsigned long long)number);
    n += base64_fill(p + n, lines, attachment);
    n += (size_t)snprintf((char *)p + n, room - n, "--sep--\n");
    return av_span_of(p, n);
}

static void
test_found_again(void)
{
    struct fixture f;
    av_span m[3] = { with_attachment(1, 900, 7), with_attachment(2, 900, 7), with_attachment(3, 900, 8) };
    uint64_t lsn[3];
    av_store_stats stats;

    begin(&f, 0);
    for (size_t i = 0; i < 3; i++)
        lsn[i] = put_span(&f, m[i]);
    for (size_t i = 0; i < 3; i++) /* from memory, then from the file */
        check_message(&f, lsn[i], m[i]);
    (void)commit(f.store);
    av_store_get_stats(f.store, &stats);
    AV_CHECK_INT(stats.messages, 3);
    AV_CHECK_INT(stats.parts, 2);
    AV_CHECK_INT(stats.known_parts, 1);
    AV_CHECK(stats.bytes < 2 * 57 * 900 + 6000);
    reopen(&f);
    for (size_t i = 0; i < 3; i++)
        check_message(&f, lsn[i], m[i]);
    (void)put_span(&f, m[0]); /* another store object finds them, too */
    (void)commit(f.store);
    av_store_get_stats(f.store, &stats);
    AV_CHECK_INT(stats.parts, 0);
    AV_CHECK_INT(stats.known_parts, 1);
    for (size_t i = 0; i < 3; i++)
        message_free(m[i]);
    end(&f);
}

/* Copies from several mailboxes differ in their first lines: the third costs next to nothing. */
static void
test_copies(void)
{
    struct fixture f;
    av_buf m;
    uint64_t lsn[4], bytes[5];
    av_store_stats stats;

    begin(&f, 0);
    av_buf_init(&m, MB);
    av_store_get_stats(f.store, &stats);
    bytes[0] = stats.bytes;
    for (size_t i = 0; i < 4; i++) {
        uint8_t text[9000];

        av_buf_clear(&m);
        (void)av_buf_printf(&m, "Delivered-To: %zu@example.org\nReceived: from a\n\tby b%zu; today\nFrom: x\n", i, i);
        noise_fill(text, sizeof text, 5);
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = (uint8_t)('a' + text[k] % 16);
        for (size_t k = 0; k < 40; k++)
            (void)av_buf_printf(&m, "X-Field-%zu: %.*s\n", k, 40, (char *)text + 100 * k);
        (void)av_buf_printf(&m, "\n%.*s\n", 4000, (char *)text + 4500);
        lsn[i] = put_span(&f, av_buf_span(&m));
        check_message(&f, lsn[i], av_buf_span(&m));
        (void)commit(f.store);
        av_store_get_stats(f.store, &stats);
        bytes[i + 1] = stats.bytes;
    }
    AV_CHECK(bytes[3] - bytes[2] < 600 + (bytes[1] - bytes[0])); /* the head becomes a part */
    AV_CHECK(bytes[4] - bytes[3] < 500);
    av_buf_release(&m);
    end(&f);
}

/* All the ways base64 and bodies may be written, and broken. */
static void
test_forms(void)
{
    static const struct {
        size_t line;
        const char *end;
        bool last_end;
    } forms[] = { { 76, "\n", true }, { 76, "\r\n", true }, { 76, "\r\n", false }, { 64, "\n", false },
        { 4, "\n", true }, { 1020, "\r\n", true }, { 0, "\n", true }, { 0, "\r\n", false } };
    static const size_t sizes[] = { 700, 262144, 262145, 600001 };
    struct fixture f;

    begin(&f, 2 * MB);
    for (size_t i = 0; i < AV_COUNT(forms) * AV_COUNT(sizes); i++) {
        size_t n = sizes[i % AV_COUNT(sizes)], form = i / AV_COUNT(sizes), line = forms[form].line;
        uint8_t *data = malloc(n);
        av_buf text, m;
        uint64_t lsn;

        av_check_row = (long)i;
        noise_fill(data, n, i);
        av_buf_init(&text, 4 * MB);
        av_buf_init(&m, 4 * MB);
        (void)av_base64_encode(av_span_of(data, n), &text);
        (void)av_buf_puts(&m, "MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        for (size_t at = 0; at < text.n;) {
            size_t take = line == 0 ? text.n : AV_MIN(line, text.n - at);

            (void)av_buf_append(&m, text.p + at, take);
            at += take;
            if (at < text.n || forms[form].last_end)
                (void)av_buf_puts(&m, forms[form].end);
        }
        lsn = put_span(&f, av_buf_span(&m));
        check_message(&f, lsn, av_buf_span(&m));
        if (i % 3 == 0)
            m.p[m.n / 2] = '!'; /* not base64 any more from here on */
        lsn = put_span(&f, av_buf_span(&m));
        check_message(&f, lsn, av_buf_span(&m));
        (void)commit(f.store);
        av_buf_release(&text);
        av_buf_release(&m);
        free(data);
    }
    av_check_row = -1;
    end(&f);
}

static void
test_thousand_parts(void)
{
    struct fixture f;
    av_buf m;
    uint64_t lsn[2];
    av_store_stats stats;

    begin(&f, 0);
    av_buf_init(&m, 8 * MB);
    (void)av_buf_puts(&m, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (uint64_t i = 0; i < 1000; i++) {
        uint8_t lines[20 * 77];

        (void)av_buf_printf(&m, "--b\nContent-Transfer-Encoding: base64\nX-Number: %llu\n\n", (unsigned long long)i);
        (void)base64_fill(lines, 20, i);
        (void)av_buf_append(&m, lines, sizeof lines);
    }
    (void)av_buf_puts(&m, "--b--\n");
    lsn[0] = put_span(&f, av_buf_span(&m));
    (void)commit(f.store);
    av_store_get_stats(f.store, &stats);
    AV_CHECK_INT(stats.parts, 1000);
    check_message(&f, lsn[0], av_buf_span(&m));
    f.config.spool_bytes = 100000; /* the same in pieces: all parts are known */
    reopen(&f);
    lsn[1] = stream_span(&f, av_buf_span(&m), 3333);
    (void)commit(f.store);
    av_store_get_stats(f.store, &stats);
    AV_CHECK_INT(stats.parts, 0);
    check_message(&f, lsn[1], av_buf_span(&m));
    av_buf_release(&m);
    end(&f);
}

/* Large parts arrive in pieces, two messages at once, with commits and rolls between; one of them twice. */
static void
test_streams(void)
{
    struct fixture f;
    av_span m[3] = { with_attachment(1, 12000, 1), with_attachment(2, 9000, 2), with_attachment(3, 12000, 1) };
    av_store_put *p[2] = { NULL, NULL };
    uint64_t lsn[3];
    av_store_stats stats;

    begin(&f, 70000);
    f.config.max_container_bytes = 300000;
    reopen(&f);
    for (size_t i = 0; i < 2; i++)
        AV_CHECK_RC(av_store_put_begin(f.store, m[i].n, &p[i], &err), AV_OK, &err);
    for (size_t at = 0; at < m[0].n; at += 50000)
        for (size_t i = 0; i < 2; i++) {
            if (at < m[i].n)
                AV_CHECK_RC(
                    av_store_put_write(p[i], av_span_slice(m[i], at, AV_MIN(at + 50000, m[i].n)), &err), AV_OK, &err);
            (void)put(f.store, 3000, at);
            (void)commit(f.store);
            if (at % 300000 == 0)
                AV_CHECK_RC(av_store_roll(f.store, &err), AV_OK, &err);
        }
    for (size_t i = 0; i < 2; i++)
        AV_CHECK_RC(av_store_put_finish(&p[i], &lsn[i], NULL, &err), AV_OK, &err);
    (void)commit(f.store);
    av_store_get_stats(f.store, &stats);
    AV_CHECK(stats.containers > 4);
    lsn[2] = stream_span(&f, m[2], 100000); /* found only at the part's end */
    (void)commit(f.store);
    av_store_get_stats(f.store, &stats);
    for (int opened = 0; opened < 2; opened++) {
        for (size_t i = 0; i < 3; i++)
            check_message(&f, lsn[i], m[i]);
        reopen(&f);
    }
    for (size_t i = 0; i < 3; i++)
        message_free(m[i]);
    end(&f);
}

static size_t
heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* 200 MB through one put holds less than 2 MB (ASan's allocator does not tell: then only the bytes are checked). */
static void
test_large_stream(void)
{
    struct fixture f;
    av_store_put *p = NULL;
    static uint8_t lines[1000 * 77];
    static const char head[] =
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\n";
    uint64_t lsn = 0, size = sizeof head - 1;
    size_t before, most = 0, got = 0;
    av_store_reader *reader = NULL;
    uint8_t bytes[3];

    begin(&f, 0);
    (void)base64_fill(lines, 1000, 3);
    (void)put(f.store, 300000, 1); /* what the store itself works with */
    (void)commit(f.store);
    before = heap_in_use();
    AV_CHECK_RC(av_store_put_begin(f.store, 200ULL * MB, &p, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_write(p, av_span_of(head, sizeof head - 1), &err), AV_OK, &err);
    while (size < 200ULL * MB) {
        size_t n = (size_t)AV_MIN((uint64_t)sizeof lines, 200ULL * MB - size);

        AV_CHECK_RC(av_store_put_write(p, av_span_of(lines, n), &err), AV_OK, &err);
        size += n;
        most = AV_MAX(most, heap_in_use() - before);
    }
    AV_CHECK_RC(av_store_put_finish(&p, &lsn, NULL, &err), AV_OK, &err);
    (void)commit(f.store);
    printf("    %zu KB at most\n", most >> 10);
    AV_CHECK(most < 6 * MB); /* the log's own buffer of up to 4 MB with it */
    AV_CHECK_RC(av_store_reader_open(f.store, lsn, &reader, &err), AV_OK, &err);
    AV_CHECK_INT(av_store_reader_size(reader), 200ULL * MB);
    AV_CHECK_RC(av_store_reader_read(reader, sizeof head - 1 + 77ULL * 2000000, bytes, 3, &got, &err), AV_OK, &err);
    AV_CHECK_MEM(bytes, got, lines, 3);
    AV_CHECK_RC(av_store_reader_verify(reader, &err), AV_OK, &err);
    av_store_reader_close(&reader);
    end(&f);
}

/* --- what a view is told ------------------------------------------------------------------------------------------ */

struct told {
    av_buf lines;
    test_watch *watch;
    int erased;
    uint64_t dictionary[AV_RECORD_DICTIONARY + 1]; /* by kind: the last that one needed */
};

static av_errc
tell(void *ctx, const av_store_content *c, AV_UNUSED av_error *visit_err)
{
    struct told *told = ctx;
    char dedup[2 * AV_STORE_DEDUP_SIZE + 1];

    if (c->erased) {
        told->erased++;
        return AV_OK;
    }
    av_hex_encode(av_span_of(c->dedup, sizeof c->dedup), dedup);
    (void)av_buf_printf(&told->lines, "%llx %d/%d %s %llu %llu %llx:", (unsigned long long)c->lsn, (int)c->kind,
        (int)c->use, dedup, (unsigned long long)c->size, (unsigned long long)c->stored,
        (unsigned long long)c->dictionary);
    for (uint32_t i = 0; i < c->part_count; i++) {
        AV_CHECK(c->parts[i] < c->lsn && (i == 0 || c->parts[i] > c->parts[i - 1]));
        (void)av_buf_printf(&told->lines, " %llx", (unsigned long long)c->parts[i]);
    }
    (void)av_buf_putc(&told->lines, '\n');
    if (c->dictionary != 0)
        told->dictionary[c->kind] = c->dictionary;
    return told->watch == NULL ? AV_OK : watch_wrote(told->watch, c, visit_err);
}

static av_errc
find(void *ctx, const uint8_t *dedup, uint64_t *ret_lsn, av_error *visit_err)
{
    return watch_find(((struct told *)ctx)->watch, dedup, ret_lsn, visit_err);
}

static uint64_t
train(struct fixture *f, const uint64_t *lsns, size_t n, av_dictionary_use use)
{
    AV_CLEANUP(av_buf_release) av_buf dictionary = { 0 };
    uint64_t lsn = 0;

    av_buf_init(&dictionary, 256 * 1024);
    AV_CHECK_RC(av_store_train(f->store, lsns, n, use, &dictionary, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_dictionary(f->store, av_buf_span(&dictionary), &lsn, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_use_dictionary(f->store, lsn, &err), AV_OK, &err);
    return lsn;
}

static void
test_replay_tells_the_same(void)
{
    struct fixture f;
    struct told live = { 0 }, replayed = { 0 };
    av_store_watch watch = { &live, find, tell };
    av_store_visitor visitor = { .ctx = &replayed, .content = tell };
    uint64_t lsns[240], lsn = 0, all, skeletons;
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    begin(&f, 70000);
    av_buf_init(&text, MB);
    av_buf_init(&live.lines, MB);
    av_buf_init(&replayed.lines, MB);
    live.watch = &f.watch;
    av_store_set_watch(f.store, &watch);
    for (uint64_t i = 0; i < AV_COUNT(lsns); i++) {
        char line[600];
        int n = snprintf(line, sizeof line,
            "From: someone%llu@example.org\nSubject: minutes of meeting %llu\nX-Mailer: a mailer of %llu\n\n"
            "Dear colleague %llu, please find the minutes of our meeting %llu attached. Yours, %llu\n",
            (unsigned long long)i, (unsigned long long)i * 77, (unsigned long long)i % 9, (unsigned long long)i * 3,
            (unsigned long long)i * i, (unsigned long long)i);

        lsns[i] = put_span(&f, av_span_of(line, (size_t)n));
    }
    all = train(&f, lsns, AV_COUNT(lsns), AV_DICTIONARY_ALL);
    skeletons = train(&f, lsns, AV_COUNT(lsns), AV_DICTIONARY_SKELETONS);
    (void)av_buf_puts(&text, "Subject: minutes\n\n");
    while (text.n < 20000)
        (void)av_buf_printf(&text, "Dear colleague %zu, please find the minutes attached.\n", text.n);
    (void)put_span(&f, av_buf_span(&text));
    for (uint64_t i = 0; i < 12; i++) {
        av_span m = with_attachment(i, i == 5 || i == 7 ? 9000 : 40 + i % 3, i % 4);

        lsn = i % 2 ? stream_span(&f, m, 40000) : put_span(&f, m);
        check_message(&f, lsn, m);
        message_free(m);
        AV_CHECK_RC(av_store_put_event(f.store, av_span_str("event"), &err), AV_OK, &err);
        if (i % 3 == 2)
            (void)commit(f.store);
    }
    AV_CHECK_RC(av_store_replay(f.store, 0, &visitor, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&replayed.lines), av_buf_cstr(&live.lines));
    AV_CHECK(strstr(av_buf_cstr(&live.lines), " 6/0 ") != NULL); /* the dictionaries, too */
    AV_CHECK(strstr(av_buf_cstr(&live.lines), " 6/1 ") != NULL);
    AV_CHECK_INT(live.dictionary[AV_RECORD_MESSAGE], skeletons);
    AV_CHECK_INT(live.dictionary[AV_RECORD_PART], all);
    reopen(&f);
    av_buf_clear(&replayed.lines);
    AV_CHECK_RC(av_store_replay(f.store, 0, &visitor, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&replayed.lines), av_buf_cstr(&live.lines));
    av_buf_release(&live.lines);
    av_buf_release(&replayed.lines);
    end(&f);
}

static void
test_dictionaries(void)
{
    struct fixture f;
    static uint8_t bytes[6][4000];
    uint64_t dictionary[6], lsn[6], none = 0;

    begin(&f, 0);
    AV_CHECK_RC(av_store_put_dictionary(f.store, av_span_of(bytes[0], 255), &none, &err), AV_ERR_LIMIT, &err);
    AV_CHECK_RC(av_store_use_dictionary(f.store, 4711, &err), AV_ERR_NOT_FOUND, &err);
    for (size_t i = 0; i < 6; i++) { /* more than are kept at once */
        noise_fill(bytes[i], sizeof bytes[i], i + 1);
        for (size_t k = 0; k < sizeof bytes[i]; k++)
            bytes[i][k] = (uint8_t)(' ' + bytes[i][k] % 90);
        AV_CHECK_RC(av_store_put_dictionary(f.store, av_span_of(bytes[i], 4000), &dictionary[i], &err), AV_OK, &err);
        AV_CHECK_RC(av_store_use_dictionary(f.store, dictionary[i], &err), AV_OK, &err);
        lsn[i] = put_span(&f, av_span_of(bytes[i] + 500, 400));
    }
    (void)commit(f.store);
    for (size_t i = 0; i < 6; i++)
        check_message(&f, lsn[i], av_span_of(bytes[i] + 500, 400));
    AV_CHECK_RC(av_store_put_dictionary(f.store, av_span_of(bytes[0], 3000), &none, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_use_dictionary(f.store, none, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_rollback(f.store, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_use_dictionary(f.store, none, &err), AV_ERR_NOT_FOUND, &err);
    (void)put_span(&f, av_span_of(bytes[3] + 100, 500)); /* with the built-in one */
    (void)commit(f.store);
    reopen(&f);
    for (size_t i = 0; i < 6; i++)
        check_message(&f, lsn[i], av_span_of(bytes[i] + 500, 400));
    end(&f);
}

/* --- erased ------------------------------------------------------------------------------------------------------- */

static uint32_t
slot_of(const struct fixture *f, uint64_t lsn)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%08u.avc", f->dir.path, av_lsn_container(lsn));
    uint8_t bytes[AV_RECORD_HEADER];
    av_record_header h = { 0 };
    int fd = -1;

    AV_CHECK_RC(av_file_open(path, O_RDONLY, 0, &fd, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_read_at(fd, bytes, sizeof bytes, av_lsn_offset(lsn), &err), AV_OK, &err);
    AV_CHECK_RC(av_record_header_decode(bytes, av_store_uuid(f->store), lsn, &h, &err), AV_OK, &err);
    av_file_close(&fd);
    return h.slot;
}

static void
test_erased(void)
{
    struct fixture f;
    av_span m[3] = { with_attachment(1, 400, 1), with_attachment(2, 400, 2), with_attachment(3, 400, 3) };
    uint64_t lsn[3];
    av_key_slot slots[2];
    struct told replayed = { 0 };
    av_store_visitor visitor = { .ctx = &replayed, .content = tell };
    av_store_reader *reader = NULL;
    av_buf out;

    begin(&f, 0);
    av_buf_init(&out, MB);
    av_buf_init(&replayed.lines, MB);
    for (size_t i = 0; i < 3; i++)
        lsn[i] = put_span(&f, m[i]);
    (void)commit(f.store);
    slots[0] = (av_key_slot){ av_lsn_container(lsn[0]), slot_of(&f, lsn[0]) };     /* a message */
    slots[1] = (av_key_slot){ av_lsn_container(lsn[1]), slot_of(&f, lsn[1]) - 1 }; /* the part before another */
    AV_CHECK_RC(av_store_keys_erase(f.config.keys, slots, 2, &err), AV_OK, &err);
    for (int opened = 0; opened < 2; opened++) {
        AV_CHECK_RC(av_store_reader_open(f.store, lsn[0], &reader, &err), AV_ERR_NOT_FOUND, &err);
        AV_CHECK(strstr(err.msg, "was erased") != NULL);
        AV_CHECK_RC(av_store_read_message(f.store, lsn[1], &out, &err), AV_ERR_CORRUPT, &err);
        AV_CHECK(strstr(err.msg, "its part at LSN") != NULL && strstr(err.msg, "message at LSN") != NULL);
        check_message(&f, lsn[2], m[2]);
        reopen(&f); /* erased records do not make a log corrupt */
    }
    AV_CHECK_RC(av_store_replay(f.store, 0, &visitor, &err), AV_OK, &err);
    AV_CHECK_INT(replayed.erased, 2);
    (void)put_span(&f, m[0]); /* and it goes on, in slots of its own */
    (void)commit(f.store);
    av_buf_release(&out);
    av_buf_release(&replayed.lines);
    for (size_t i = 0; i < 3; i++)
        message_free(m[i]);
    end(&f);
}

/* Slots and LSNs of what was rolled back are used again. */
static void
test_rollback(void)
{
    struct fixture f;
    av_span m[2] = { with_attachment(1, 300, 1), with_attachment(2, 300, 1) };
    uint64_t lsn[2];
    av_buf out;

    begin(&f, 0);
    av_buf_init(&out, MB);
    (void)put(f.store, 100, 1);
    (void)commit(f.store);
    lsn[0] = put_span(&f, m[0]);
    AV_CHECK_RC(av_store_rollback(f.store, &err), AV_OK, &err);
    watch_rolled_back(&f.watch, f.store);
    AV_CHECK_RC(av_store_read_message(f.store, lsn[0], &out, &err), AV_ERR_NOT_FOUND, &err);
    lsn[1] = put_span(&f, m[1]); /* its attachment is not taken for one that stands */
    AV_CHECK_INT(lsn[1], lsn[0]);
    (void)commit(f.store);
    reopen(&f);
    check_message(&f, lsn[1], m[1]);
    av_buf_release(&out);
    message_free(m[0]);
    message_free(m[1]);
    end(&f);
}

static void
test_read_only(void)
{
    struct fixture f;
    av_store *second = NULL;
    uint64_t lsn, none = 0;

    begin(&f, 0);
    lsn = put(f.store, 5000, 1);
    (void)commit(f.store);
    f.config.read_only = true;
    AV_CHECK_RC(av_store_open(&f.config, 0, &second, &err), AV_OK, &err); /* beside the writer */
    AV_CHECK_INT(look(second, lsn, 5000, 1), 1);
    AV_CHECK(!av_store_is_corrupt(second) && av_store_problem(second) != NULL);
    AV_CHECK_RC(av_store_commit(second, &none, &err), AV_ERR_READONLY, &err);
    AV_CHECK_RC(av_store_rollback(second, &err), AV_ERR_READONLY, &err);
    av_store_close(&second);
    end(&f);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_found_again);
    AV_RUN(test_copies);
    AV_RUN(test_forms);
    AV_RUN(test_thousand_parts);
    AV_RUN(test_streams);
    AV_RUN(test_large_stream);
    AV_RUN(test_replay_tells_the_same);
    AV_RUN(test_dictionaries);
    AV_RUN(test_erased);
    AV_RUN(test_rollback);
    AV_RUN(test_read_only);
    return av_check_done();
}
