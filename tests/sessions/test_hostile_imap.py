"""Hostile IMAP clients by the hundred (AV_ROUNDS: by the ten thousand) beside one that behaves; and what idle sessions cost.

The good client must be answered all the time: that is judged, its pace is printed. Memory is judged where the build has no sanitizers.
"""
import os
import random
import resource
import socket
import ssl
import struct
import sys
import threading
import time

from node import BIN, SEED, Node, main, sanitized

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "imap"))
from imap import Client, lit, quote  # noqa: E402

ROUNDS = int(os.environ.get("AV_ROUNDS", "300"))
IDLE = 500
OPEN_MAX = 3000  # hostile connections kept open at once
CONF = """max_connections = 20000
imap_connections = 9000
imap_connections_per_address = 9000
handshake_timeout_s = 10
imap_login_timeout_s = 20
output_stall_timeout_s = 10
imap_login_free_tries = 1000000
"""
PASSWORD = "correct horse 9"
MEMORY_MB = 64


def start():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 65536, hard))
    node = Node(start=False)
    with open(os.path.join(node.data, "archivolt-gateway.conf"), "w") as f:
        f.write(CONF)
    with open(os.path.join(node.data, "archivolt-instance.conf"), "w") as f:
        f.write("login_free_tries = 1000000\nsessions_per_user = 5000\n")
    node.start()
    node.create_instance("demo")
    for user in ("alice", "mallory"):
        node.create_user("demo", user, PASSWORD)
    top = os.path.join(node.top, "mail", "cur")
    os.makedirs(top)
    for i in range(300):
        with open(os.path.join(top, f"m{i:04d}:2,"), "wb") as f:
            f.write(b"From: a@example.com\r\nSubject: message %d\r\n\r\n" % i + b"hello world\r\n" * (i * 20))
    for user in ("alice", "mallory"):
        node.import_files("demo", user, os.path.join(node.top, "mail"))
    return node


def pss_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def login(node, user="alice", box="", **more):
    c = Client(node, **more)
    answer = c.ask(f"LOGIN demo/{user} ", quote(PASSWORD))
    assert answer.ok, answer
    answer = c.ask("EXAMINE ", quote(box or user + "/mail/cur"))
    assert answer.ok, answer
    return c


def idle_costs(node, pid, compress):
    base = pss_kb(pid)
    sessions = []
    for _ in range(IDLE):
        c = login(node)
        if compress:
            assert c.ask("COMPRESS DEFLATE").ok
            c.compress()
        assert c.ask("FETCH 1:50 (FLAGS UID ENVELOPE)").ok
        c.start("IDLE")
        c.go_ahead()
        sessions.append(c)
    time.sleep(12)
    used = pss_kb(pid)
    print(f"  {IDLE} idle sessions over TLS{', compressed' if compress else ''}, a mailbox selected in each: "
          f"gateway {used / 1024:.1f} MB in all, {(used - base) / IDLE:.1f} KB each (at rest {base / 1024:.1f} MB)")
    for c in sessions:
        c.send("DONE\r\n")
    for c in sessions:
        assert c.until(f"a{c.number}").ok
        c.close()
    return used / 1024


def test_idle():
    with start() as node:
        pid, = node.pids("gateway")
        login(node).close()
        used = idle_costs(node, pid, False)
        assert used < MEMORY_MB or sanitized(), used
        time.sleep(2)
        idle_costs(node, pid, True)


class Good(threading.Thread):
    """Asks all the time, and wants right answers."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.stop, self.count, self.worst, self.wrong = node, False, 0, 0.0, None

    def run(self):
        try:
            c = login(self.node)
            while not self.stop:
                began = time.monotonic()
                assert c.ask("NOOP").ok
                rows = c.ask("FETCH 10:12 (UID BODY.PEEK[])").rows()
                assert sorted(rows) == [10, 11, 12] and all(b"hello world" in r[b"BODY[]"] for r in rows.values()), rows
                assert len(c.ask("SEARCH SUBJECT ", lit("message 7")).hits()) >= 1
                if self.count % 10 == 0:
                    login(self.node).close()
                self.worst = max(self.worst, time.monotonic() - began)
                self.count += 1
            c.ask("LOGOUT")
        except Exception as e:  # said by the main thread
            self.wrong = e


# ---- the hostile ones; each returns what is to be kept open ----


def raw(node, port):
    return socket.create_connection(("127.0.0.1", node.port(port)), 30)


def dressed(node):
    return ssl._create_unverified_context().wrap_socket(raw(node, 993))


def push(s, data):
    """Send as long as it is taken."""
    s.settimeout(2)
    try:
        s.sendall(data)
    except (OSError, ssl.SSLError):
        pass
    return s


def half_handshake(node):
    return push(raw(node, 993), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:random.randrange(1, 11)])


def silent(node):
    return raw(node, random.choice((143, 993)))


def drip(node):
    return push(raw(node, 143), b"a NO")


def garbage(node):
    return push(dressed(node), os.urandom(random.randrange(1, 30000)))


def endless_line(node):
    return push(dressed(node), b"a LOGIN " + b"x" * 500000)


def literals(node):
    sizes = (b"4294967295", b"4294967296+", b"18446744073709551616", b"99999999999999999999+", b"-1", b"65537", b"0")
    return push(dressed(node), b"".join(b"a LOGIN {" + random.choice(sizes) + b"}\r\nx" for _ in range(50)))


def vanish(node):
    s = dressed(node)
    push(s, b"a LOGIN demo/mallory ")
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def starttls_smuggler(node):
    s = raw(node, 143)
    s.recv(1000)
    return push(s, b"a STARTTLS\r\nb LOGIN demo/mallory x\r\n" + b"\x16\x03\x01" + os.urandom(200))


def inside(node):
    s = login(node, "mallory")
    s.socket.settimeout(2)
    return s.socket


def nested(node):
    deep = random.choice((100, 30000, 60000, 100000))
    kind = random.choice((b"SEARCH ", b"FETCH 1 ", b"ID ", b"STATUS x ", b"FETCH 1 BODY.PEEK[HEADER.FIELDS "))
    return push(inside(node), b"a " + kind + b"(" * deep + b"\r\nb NOOP\r\n")


def bad_names(node):
    names = (b"&", b"&-&", b"&AAAA", b"&2AA-", b"&Jjo!-", b"&AGE-", b"a//b", b"/", b"%*" * 2000, b"\xff\xfe", b"&Jjo-" * 900)
    return push(inside(node), b"".join(b'x SELECT "' + n + b'"\r\ny LIST "" "' + n + b'"\r\n' for n in names))


def deaf(node):
    s = inside(node)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return push(s, b"a FETCH 1:* (BODY.PEEK[])\r\n" * 200)


def stars(node):
    return push(inside(node), b'a LIST "" "' + b"*%" * 5000 + b'x"\r\nb SEARCH ' + b"NOT " * 15000 + b"ALL\r\n" +
                b"c FETCH " + b"1:4294967295," * 4000 + b"1 UID\r\nd SEARCH OR " * 100 + b"\r\n")


def fickle(node):
    s = inside(node)
    push(s, b"a FETCH 1:* (BODY.PEEK[])\r\n")
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def bombs(node):
    import zlib
    s = login(node, "mallory")
    s.ask("COMPRESS DEFLATE")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    s.socket.settimeout(2)
    return push(s.socket, packer.compress(b"A" * (16 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH) + os.urandom(100))


KINDS = (half_handshake, silent, drip, garbage, endless_line, literals, vanish, starttls_smuggler, nested, bad_names, deaf,
         stars, fickle, bombs)


def test_hostile():
    with start() as node:
        pid, = node.pids("gateway")
        login(node).close()
        time.sleep(2)
        memory, open_files = pss_kb(pid), files(pid)
        good = Good(node)
        good.start()
        kept, most, peak, began, refused = [], 0, 0, time.time(), 0
        for i in range(ROUNDS):
            try:
                s = KINDS[i % len(KINDS)](node)
            except (OSError, ssl.SSLError):  # the door is full, or it was cut: that is its right
                refused += 1
                continue
            if s is not None:
                kept.append(s)
            if len(kept) > OPEN_MAX:
                kept.pop(random.randrange(len(kept))).close()
            most = max(most, len(kept))
            if i % 50 == 49:
                peak = max(peak, pss_kb(pid))
                assert good.wrong is None, good.wrong
        asked = good.count
        print(f"  {ROUNDS} hostile sessions of {len(KINDS)} kinds in {time.time() - began:.0f} s (seed {SEED}), {most} open at once, "
              f"{refused} cut early: gateway {memory / 1024:.1f} -> {peak / 1024:.1f} MB")
        while good.count < asked + 3 and good.wrong is None and good.is_alive():
            time.sleep(0.1)
        for s in kept:
            s.close()
        good.stop = True
        good.join(120)
        assert good.wrong is None, good.wrong
        assert not good.is_alive() and good.count >= asked + 3, "the good client was answered all the time"
        print(f"  the good client: {good.count} rounds answered, the slowest in {good.worst:.2f} s")
        deadline = time.time() + 90
        while files(pid) > open_files + 5 and time.time() < deadline:
            time.sleep(1)
        deadline = time.time() + 30
        while pss_kb(pid) - memory > 32 * 1024 and time.time() < deadline and not sanitized():
            time.sleep(1)  # memory goes back behind a crowd, once a second
        left = pss_kb(pid) - memory
        print(f"  after all: {left / 1024:+.1f} MB, {files(pid) - open_files:+d} files")
        assert node.pids("gateway") == [pid], "the gateway is the same process"
        assert files(pid) <= open_files + 5, files(pid)
        assert left < 64 * 1024 or sanitized(), left
        assert login(node).ask("NOOP").ok


if __name__ == "__main__":
    main(test_idle, test_hostile)
