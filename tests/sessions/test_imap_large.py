"""A message of 200 MB through the IMAP gateway, which does not grow; sessions when what is behind the gateway is killed."""
import hashlib
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "imap"))
from imap import Client  # noqa: E402
from node import Node, main  # noqa: E402

PASSWORD = "correct horse 9"
LOGIN = f'LOGIN demo/alice "{PASSWORD}"'


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def logged_in(node, box="alice"):
    c = Client(node)
    assert c.ask(LOGIN).ok and c.ask(f'SELECT "{box}"').ok
    return c


def test_large():
    """Of two clients that ask for it one does not read: it stops itself, and nobody else."""
    os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=4")  # freed memory is not ours to count
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo")
        node.create_user("demo", "alice", PASSWORD)
        mail = os.path.join(folder, "large.eml")
        line = b"A" * 76 + b"\r\n"
        with open(mail, "wb") as f:
            f.write(b"From: a@example.org\r\nSubject: large\r\n\r\n")
            f.write(line * (200 * 1024 * 1024 // len(line)))
        with open(mail, "rb") as f:
            want = hashlib.file_digest(f, "sha256").hexdigest()
        node.import_files("demo", "alice", mail)
        size = os.path.getsize(mail)
        gateway = node.pids("gateway")[0]
        before = rss(gateway)

        stuck = logged_in(node)
        stuck.send("c FETCH 1 BODY[]\r\n")  # and reads nothing
        c = logged_in(node)
        c.send("c FETCH 1 (RFC822.SIZE BODY.PEEK[])\r\n")
        head = c.line()
        assert head == b"* 1 FETCH (RFC822.SIZE %d BODY[] {%d}\r\n" % (size, size), head
        got = hashlib.sha256()
        left = size
        began = time.time()
        while left > 0:
            data = c.exactly(min(left, 1 << 18))
            got.update(data)
            left -= len(data)
        seconds = time.time() - began
        assert got.hexdigest() == want and c.line() == b")\r\n" and c.until("c").ok
        grown = rss(gateway) - before
        print(f"   {size / seconds / 1e6:.0f} MB/s, the gateway grew by {grown / 1e6:.1f} MB")
        assert grown < 60e6, grown
        part = c.ask(f"FETCH 1 BODY.PEEK[]<{size - 4}.10>")
        assert part.rows()[1][b"BODY[]<%d>" % (size - 4)] == b"AA\r\n", part


def test_restarts():
    """Sessions outlive neither the instance nor the bus connection; they are told so, and the next login works."""
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo")
        node.create_user("demo", "alice", PASSWORD)
        for i in range(30):
            with open(os.path.join(folder, f"{i}.eml"), "wb") as f:
                f.write(b"Subject: %d\r\n\r\n" % i)
        node.import_files("demo", "alice", *(os.path.join(folder, f"{i}.eml") for i in range(30)))
        for actor in ("instance/demo", "broker"):
            c = logged_in(node)
            assert node.kill(actor) == 1
            answer = c.ask("UID FETCH 1:* (FLAGS)")
            while not answer.ok and not answer.data("BYE"):
                assert answer.no and answer.code == [b"UNAVAILABLE"], answer
                time.sleep(0.2)
                answer = c.ask("UID FETCH 1:* (FLAGS)")
            assert answer.data("BYE") and c.closed(), answer
            for _ in range(100):
                c = Client(node)
                answer = c.ask(LOGIN)
                if answer.ok:
                    break
                assert answer.no and answer.code == [b"UNAVAILABLE"], answer
                time.sleep(0.2)
            assert c.ask("SELECT alice").one("EXISTS").number == 30


if __name__ == "__main__":
    main(test_large, test_restarts)
