/*
 * fuzz_imap_dialog.c - a whole session: what a client sends, in pieces, between the answers of a made-up instance
 *
 * The first four bytes: what the stage does (how bytes are cut, what is answered and when, how much room there is), and
 * in which state the client begins, whether it packs what it sends behind COMPRESS. The rest are the client's bytes. A session must always wait for something, what it
 * says must be lines of IMAP, and nothing may be left when it has ended.
 */
#include <stdio.h>

#include "base/log.h"
#include "gateway/imap/grammar.h"
#include "tests/gateway/imap/fake_stage.h"

#define STEPS_MAX 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
begin(const uint8_t *data)
{
    uint8_t flags = data[3];
    av_error err;

    av_log_init("fuzz", AV_LOG_ERROR, false);
    memset(&stage, 0, sizeof stage);
    stage.fake.state = (uint64_t)data[0] | ((uint64_t)data[1] << 8) | ((uint64_t)data[2] << 16);
    stage.conn.secure = (flags & 1) != 0;
    stage.conn.room = (flags & 2) != 0 ? 64 : STAGE_ROOM;
    av_buf_init(&stage.conn.said, 1 << 24);
    av_settings_defaults(av_gateway_setting_rows, &stage.settings);
    stage.settings.imap_bad_commands = stage.settings.imap_failed_logins = 1000; /* go on */
    stage.settings.imap_scram = (flags & 8) != 0;
    stage.packs = (flags & 16) != 0;
    (void)av_imap_open(NULL, &stage.imap, &err);
    av_imap_session_accept(stage.imap, &stage.conn);
    if ((flags & 4) != 0) {
        static const uint8_t token[32] = { 1 };
        av_imap_session *session = stage.conn.ctx;

        session->user = av_xstrdup("demo/alice");
        av_imap_session_logged_in(session, "instance/demo", av_span_of(token, sizeof token));
    }
}

/* As it is, or packed. */
static void
give(av_span piece)
{
    static const av_deflate_options options = { .window_bits = 15, .memory_level = 8, .level = 1 };
    av_conn *conn = &stage.conn;
    uint8_t packed[2048];

    if (!stage.packs || ((av_imap_session *)conn->ctx)->deflate == NULL) {
        conn->events->on_data(conn->ctx, conn, piece);
        return;
    }
    if (stage.packer == NULL)
        stage.packer = av_deflate_new(&options);
    while (!conn->ended && (piece.n > 0 || av_deflate_owes(stage.packer))) {
        size_t n = av_deflate_pack(stage.packer, &piece, true, packed, sizeof packed);

        conn->events->on_data(conn->ctx, conn, av_span_of(packed, n));
    }
}

/* The next bytes of the client. false: it may not send, or has sent all. */
static bool
send_some(av_span *in)
{
    av_conn *conn = &stage.conn;
    size_t n = fake_below(&stage.fake, 4) == 0 ? 1 + fake_below(&stage.fake, 5) : 1 + fake_below(&stage.fake, 400);
    av_span piece = av_span_slice(*in, 0, AV_MIN(n, in->n));

    if (conn->paused || conn->starting_tls || in->n == 0)
        return false;
    *in = av_span_skip(*in, piece.n);
    give(piece);
    return true;
}

static void
play(av_span in)
{
    for (unsigned step = 0; step < STEPS_MAX && !stage.conn.ended; step++) {
        unsigned turn = fake_below(&stage.fake, 4);
        bool moved = (turn == 0 && stage_answer()) || (turn == 1 && stage_drain());

        if (moved || send_some(&in) || stage_answer() || stage_drain() || stage_fire(true))
            continue;
        /* Nothing comes, nothing is asked, nothing is on its way: then it must be the client's turn. */
        assert(in.n == 0 && !stage.conn.paused);
        if (fake_below(&stage.fake, 3) != 0 || !stage_fire(false))
            return;
    }
}

/* Lines end with CRLF and are printable but for what a literal holds; a connection may end anywhere. */
static void
check_said(av_span said)
{
    while (said.n > 0) {
        size_t end = av_span_find(said, '\n');
        uint64_t bytes = 0;
        bool sync;
        av_span line;

        if (end == said.n)
            return;
        assert(end > 0 && said.p[end - 1] == '\r');
        line = av_span_slice(said, 0, end - 1);
        said = av_span_skip(said, end + 1);
        for (size_t i = 0; i < line.n; i++)
            assert(line.p[i] >= 0x20 && line.p[i] != 0x7f);
        if (line.n > 2 && line.p[line.n - 1] == '}' && av_imap_literal_announced(line, &bytes, &sync))
            said = av_span_skip(said, (size_t)AV_MIN(bytes, (uint64_t)said.n));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    bool packed;

    if (n < 5 || n > 60000)
        return 0;
    begin(data);
    play(av_span_of(data + 4, n - 4));
    packed = ((av_imap_session *)stage.conn.ctx)->deflate != NULL;
    stage.conn.ended = true;
    stage.conn.events->on_close(stage.conn.ctx, &stage.conn, "peer");
    while (stage_answer()) /* a login cannot be called back: it comes after the session, too */
        continue;
    assert(stage.imap->sessions == NULL);
    av_imap_destroy(&stage.imap);
    for (size_t i = 0; i < STAGE_TIMERS; i++)
        assert(stage.timers[i] == NULL);
    if (!packed)
        check_said(av_buf_span(&stage.conn.said));
    av_deflate_destroy(&stage.packer);
    av_buf_release(&stage.conn.said);
    av_settings_release(av_gateway_setting_rows, &stage.settings);
    return 0;
}
