"""COMPRESS=DEFLATE (RFC 4978): every byte as in clear, IDLE below it, bombs, clients that do not wait, garbage."""
import os
import time
import zlib

from imap import check, expect, lit
from town import Mail, run

BIG = b"Subject: big\r\n\r\n" + b"".join(b"line %d of a message that packs well\r\n" % i for i in range(40000))
NOISE = b"Subject: noise\r\n\r\n" + os.urandom(300000).hex().encode() + b"\r\n"


def fill(town):
    town.put("Box", [Mail(BIG), Mail(NOISE)] + [Mail(b"Subject: small %d\r\n\r\nx\r\n" % i) for i in range(300)])


def compress(c):
    answer = c.ask("COMPRESS DEFLATE")
    check(answer.ok, "RFC 4978, 3", "COMPRESS DEFLATE", answer)
    c.compress()


def announced(c):
    return b"COMPRESS=DEFLATE" in c.ask("CAPABILITY").one("CAPABILITY").tokens


def test_offer(town):
    with_clear = town.client(tls=False)
    answer = with_clear.ask("COMPRESS DEFLATE")
    check(answer.status == "BAD", "RFC 4978, 3", "COMPRESS before login is no command yet", answer)
    c = town.login(timeout=30)
    check(announced(c), "RFC 4978, 3", "it is announced")
    answer = c.ask("COMPRESS LZ4")
    expect(answer, "NO", "RFC 4978, 3", "an algorithm nobody knows")
    compress(c)
    check(not announced(c), "RFC 4978, 3", "it is not announced again")
    answer = c.ask("COMPRESS DEFLATE")
    expect(answer, "NO", "RFC 4978, 3", "a second layer", code="COMPRESSIONACTIVE")
    check(c.ask("NOOP").ok, "RFC 4978, 3", "the session goes on")
    check(c.ask("LOGOUT").ok and c.closed(), "RFC 4978, 4", "the last answer comes through")


def test_bytes(town):
    c = town.login(timeout=30, box="alice/Box")
    compress(c)
    rows = c.ask("FETCH 1:* (UID BODY.PEEK[])").rows()
    mails = town.boxes["alice/Box"]
    same = sum(rows[i + 1][b"BODY[]"] == m.wire for i, m in enumerate(mails))
    check(same == len(mails), "RFC 4978, 4", "all messages are the same, byte for byte", same)
    check(c.ask("SEARCH SUBJECT ", lit(b"small")).ok, "RFC 4978, 3", "a literal")
    for i in range(200):
        c.send(f"p{i} NOOP\r\n")
    for i in range(200):
        c.until(f"p{i}")
    check(True, "RFC 9051, 5.5", "200 commands without a wait")


def test_idle_and_rest(town):
    c = town.login(timeout=30, box="alice/Box")
    compress(c)
    for _ in range(2):
        tag = c.start("IDLE")
        c.go_ahead()
        time.sleep(11)  # the server has freed the compressor's memory in between
        c.send(b"DONE\r\n")
        check(c.until(tag).ok, "RFC 2177, 3", "IDLE ends")
        rows = c.ask("FETCH 1 BODY.PEEK[]").rows()
        check(rows[1][b"BODY[]"] == BIG, "RFC 4978, 4", "a stream made anew can be read")


def test_before_the_answer(town):
    """A client that packs at once, without having seen the OK."""
    c = town.login(timeout=30)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    c.socket.sendall(b"z COMPRESS DEFLATE\r\n" + packer.compress(b"y NOOP\r\n") + packer.flush(zlib.Z_SYNC_FLUSH))
    check(c.until("z").ok, "RFC 4978, 3", "OK in clear")
    c.compress()  # what was read with the OK is packed already
    c.deflate = packer
    check(c.until("y").ok, "RFC 4978, 3", "the command behind it")


def test_bombs(town):
    good = town.login(timeout=30, box="alice/Box")
    bombs = []
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    line = packer.compress(b"A" * (64 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    for _ in range(5):
        c = town.login(timeout=30)
        compress(c)
        c.socket.sendall(line)  # one command of 64 MB, packed to 64 KB
        bombs.append(c)
    for _ in range(20):
        check(good.ask("FETCH 3:10 (ENVELOPE)").ok, "RFC 4978, 7", "others are served")
    for c in bombs:
        c.deflate = packer.copy()
        c.socket.sendall(c.deflate.compress(b"\r\n") + c.deflate.flush(zlib.Z_SYNC_FLUSH))
        answer = c.response()
        check(answer is not None and "BAD" in str(answer), "RFC 9051, 4", "the long line is refused", answer)
        c.deflate = c.deflate.copy()
        c.socket.sendall(c.deflate.compress(b"q NOOP\r\n") + c.deflate.flush(zlib.Z_SYNC_FLUSH))
        check(c.until("q").ok, "RFC 9051, 4", "and the next is taken")
    c = town.login(timeout=30)
    compress(c)
    c.socket.sendall(b"\xff\xff\xff this is no deflate stream\r\n" * 10)
    said = c.response()
    check(c.closed(), "RFC 4978, 4", "garbage ends the session", said)


if __name__ == "__main__":
    run(fill, test_offer, test_bytes, test_idle_and_rest, test_before_the_answer, test_bombs)
