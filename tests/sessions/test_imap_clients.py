"""Real IMAP clients read an archive: curl, mbsync, mutt, Python's imaplib. STARTTLS and implicit TLS."""
import base64
import hashlib
import imaplib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

from node import Node, crlf, main, need_corpus, sha256, unpack


def archive(folder, node):
    need_corpus()
    unpack("mailbox-formats.tar.zst", folder)
    top = folder if os.path.isdir(os.path.join(folder, "eml")) else os.path.join(folder, os.listdir(folder)[0])
    node.create_instance("demo")
    password = node.create_user("demo", "alice")
    node.import_files("demo", "alice", os.path.join(top, "eml"), options=("--folder", "Old Mail"))
    want = {}
    for name in os.listdir(os.path.join(top, "eml")):
        with open(os.path.join(top, "eml", name), "rb") as f:
            want[sha256(crlf(f.read()))] = name
    return password, want


def test_imaplib():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        password, want = archive(folder, node)
        context = ssl.create_default_context(cafile=os.path.join(node.data, "tls", "cert.pem"))

        plain = imaplib.IMAP4("localhost", node.port(143), timeout=60)
        assert "STARTTLS" in plain.capabilities and "LOGINDISABLED" in plain.capabilities, plain.capabilities
        try:
            plain.login("demo/alice", password)
            raise AssertionError("LOGIN without TLS must be refused")
        except imaplib.IMAP4.error:
            pass
        plain.starttls(ssl_context=context)
        assert "LOGINDISABLED" not in plain.capabilities, plain.capabilities
        plain.login("demo/alice", password)
        plain.logout()

        client = imaplib.IMAP4_SSL("localhost", node.port(993), ssl_context=context, timeout=60)
        try:
            client.login("demo/alice", "wrong")
            raise AssertionError("a wrong password must be refused")
        except imaplib.IMAP4.error:
            pass
        client.login("demo/alice", password)
        kind, boxes = client.list()
        names = [b.decode().rsplit(' "/" ', 1)[1].strip('"') for b in boxes]
        assert any(n.startswith("alice") for n in names), names
        box = max(names, key=len)
        kind, data = client.select(f'"{box}"', readonly=True)
        assert kind == "OK" and int(data[0]) == 300, (box, data)
        kind, rows = client.fetch("1:*", "(UID RFC822.SIZE BODY.PEEK[])")
        got = [r[1] for r in rows if isinstance(r, tuple)]
        assert len(got) == 300 and {sha256(g) for g in got} == set(want)

        kind, hits = client.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT", "patch")
        kind, alls = client.uid("SEARCH", "ALL")
        assert 0 < len(hits[0].split()) < len(alls[0].split()) == 300, (hits, len(alls[0].split()))
        first = alls[0].split()[0].decode()
        kind, row = client.uid("FETCH", first, "(FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (From Subject)])")
        assert kind == "OK" and b"ENVELOPE" in row[0][0] and row[0][1].endswith(b"\r\n\r\n"), row
        for command in (("STORE", first, "+FLAGS", "(\\Deleted)"), ("COPY", first, box)):
            kind, _ = client.uid(*command)
            assert kind == "NO", (command, kind)
        assert client.create("new")[0] == "NO"
        client.logout()


def test_curl():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        password, want = archive(folder, node)
        base = ["curl", "-sS", "--max-time", "60", "--cacert", os.path.join(node.data, "tls", "cert.pem"), "--user",
                f"demo/alice:{password}"]
        url = f"imaps://localhost:{node.port(993)}/"
        boxes = subprocess.run(base + [url], check=True, stdout=subprocess.PIPE).stdout.decode()
        assert "alice" in boxes, boxes
        box = max((line.rsplit(' "/" ', 1)[1].strip().strip('"') for line in boxes.splitlines()), key=len)
        one = subprocess.run(base + [url + box.replace(" ", "%20") + ";MAILINDEX=7"], check=True, stdout=subprocess.PIPE).stdout
        assert sha256(one) in want
        tls = subprocess.run(base + ["--ssl-reqd", f"imap://localhost:{node.port(143)}/"], check=True,
                             stdout=subprocess.PIPE).stdout.decode()
        assert tls == boxes


def test_mbsync():
    if shutil.which("mbsync") is None:
        print("   SKIP: mbsync is not installed")
        return
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        password, want = archive(folder, node)
        mail = os.path.join(folder, "mail")
        os.mkdir(mail)
        conf = os.path.join(folder, "mbsyncrc")
        with open(conf, "w") as f:
            f.write(f"""IMAPAccount a
Host localhost
Port {node.port(993)}
User demo/alice
Pass "{password}"
SSLType IMAPS
CertificateFile {node.data}/tls/cert.pem

IMAPStore far
Account a

MaildirStore near
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Near
Sync PullNew
""")
        subprocess.run(["mbsync", "-q", "-c", conf, "-a"], check=True, timeout=180, env=dict(os.environ, HOME=folder))
        got = set()
        for root, _, files in os.walk(mail):
            if os.path.basename(root) in ("cur", "new"):
                for name in files:
                    with open(os.path.join(root, name), "rb") as f:
                        data = f.read()
                    # mbsync adds a header line of its own and writes LF
                    lines = [row for row in data.split(b"\n") if not row.startswith(b"X-TUID: ")]
                    got.add(sha256(crlf(b"\n".join(lines))))
        assert got == set(want), (len(got & set(want)), len(want))


def test_mutt():
    if shutil.which("mutt") is None:
        print("   SKIP: mutt is not installed")
        return
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        password, want = archive(folder, node)
        saved = os.path.join(folder, "saved.mbox")
        conf = os.path.join(folder, "muttrc")
        with open(conf, "w") as f:
            f.write(f"""set certificate_file="{node.data}/tls/cert.pem"
set ssl_verify_host=no
set imap_user="demo/alice"
set imap_pass="{password}"
set imap_check_subscribed=no
set folder="imaps://localhost:{node.port(993)}/"
set header_cache=""
set confirmappend=no
set confirmcreate=no
set mbox_type=mbox
set delete=yes
set quit=yes
set wait_key=no
set copy=no
push "<tag-pattern>~A<enter><tag-prefix><copy-message>{saved}<enter><quit>"
""")
        box = f"imaps://localhost:{node.port(993)}/alice/Old Mail/eml"
        terminal = dict(os.environ, HOME=folder, TERM="xterm", LINES="40", COLUMNS="120")
        subprocess.run(["script", "-qec", f"mutt -F {conf} -f '{box}'", "/dev/null"], env=terminal, timeout=120,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        with open(saved, "rb") as f:
            text = f.read()
        count = sum(1 for line in text.split(b"\n") if line.startswith(b"From ") and line[-4:].strip().isdigit())
        assert count >= len(want), (count, len(want))


class Raw:
    """A connection that sends exactly what the test says."""

    def __init__(self, node, tls=True):
        context = ssl.create_default_context(cafile=os.path.join(node.data, "tls", "cert.pem"))
        self.socket = socket.create_connection(("localhost", node.port(993 if tls else 143)), timeout=60)
        if tls:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")
        self.greeting = self.file.readline()

    def send(self, data):
        self.socket.sendall(data)

    def until(self, tag):
        """Lines up to the tagged one; literals stay inside."""
        lines = []
        while True:
            line = self.file.readline()
            assert line, lines
            lines.append(line)
            if line.startswith(tag + b" "):
                return lines

    def ask(self, tag, command):
        self.send(tag + b" " + command + b"\r\n")
        return self.until(tag)


def test_bytes():
    """What clients seldom do: pipelines, literals of both kinds, refusals, injection behind STARTTLS, huge commands."""
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        password, want = archive(folder, node)
        login = b'LOGIN demo/alice "' + password.encode() + b'"'

        clear = Raw(node, tls=False)
        assert clear.ask(b"a", login)[-1].startswith(b"a NO [PRIVACYREQUIRED]")
        assert clear.ask(b"b", b"AUTHENTICATE PLAIN AGEAYg==")[-1].startswith(b"b NO [PRIVACYREQUIRED]")
        clear.send(b"c STARTTLS\r\nd CAPABILITY\r\n")
        assert clear.until(b"c")[-1].startswith(b"c OK")
        context = ssl.create_default_context(cafile=os.path.join(node.data, "tls", "cert.pem"))
        clear.socket = context.wrap_socket(clear.socket, server_hostname="localhost")
        clear.file = clear.socket.makefile("rb")
        lines = clear.ask(b"e", b"CAPABILITY")  # d was dropped
        assert len(lines) == 2 and b"AUTH=PLAIN" in lines[0] and b"STARTTLS" not in lines[0], lines

        raw = Raw(node)
        assert raw.ask(b"a0", b"SELECT INBOX")[-1].startswith(b"a0 BAD")
        for name in (b"demo/nobody", b"nowhere/alice", b"alice", b'""', b'"demo/\xff"'):
            began = time.time()
            answer = Raw(node).ask(b"a1", b"LOGIN " + name + b" wrong")[-1]
            assert answer == b"a1 NO [AUTHENTICATIONFAILED] user name or password is wrong\r\n", (name, answer)
            assert time.time() - began >= 0.9
        plain = base64.b64encode(b"\0demo/alice\0" + password.encode())
        raw.send(b"a2 AUTHENTICATE PLAIN\r\n")
        assert raw.file.readline().startswith(b"+")
        raw.send(plain + b"\r\n")
        assert raw.until(b"a2")[-1].startswith(b"a2 OK")

        raw.send(b"p1 NOOP\r\np2 EXAMINE {18+}\r\nalice/Old Mail/eml\r\np3 UID SEARCH UID *\r\np4 FETCH 300 UID\r\n"
                 b"p5 STATUS INBOX (MESSAGES UIDNEXT)\r\n")
        lines = raw.until(b"p5")
        assert [row.split()[1] for row in lines if row[:1] == b"p"] == [b"OK"] * 5, lines
        assert b"* SEARCH 300\r\n" in lines and b"* 300 FETCH (UID 300)\r\n" in lines, lines

        raw.send(b"l1 STATUS {18}\r\n")
        assert raw.file.readline().startswith(b"+")
        raw.send(b"alice/Old Mail/eml (MESSAGES UNSEEN RECENT)\r\n")
        assert raw.until(b"l1")[0] == b'* STATUS "alice/Old Mail/eml" (MESSAGES 300 RECENT 0 UNSEEN 300)\r\n'
        raw.send(b"l2 APPEND alice (\\Seen) {3000000}\r\n")  # refused before the literal is sent
        assert raw.until(b"l2")[-1].startswith(b"l2 NO [NOPERM]")
        raw.send(b"l3 APPEND alice {3000000+}\r\n" + b"x" * 3000000 + b"\r\nl4 APPEND alice {3+}\r\nabc\r\n")
        assert raw.until(b"l3")[-1].startswith(b"l3 NO [NOPERM]")
        assert raw.until(b"l4")[-1].startswith(b"l4 NO [NOPERM]")
        for tag, command in ((b"r1", b"STORE 1 +FLAGS (\\Seen)"), (b"r2", b"COPY 1 alice"), (b"r3", b"EXPUNGE"),
                             (b"r4", b"UID MOVE 1 alice"), (b"r5", b"DELETE alice"), (b"r6", b"SUBSCRIBE alice")):
            assert raw.ask(tag, command)[-1].startswith(tag + b" NO ["), command
        for tag, command in ((b"b1", b"FETCH 1 FOO"), (b"b2", b"FETCH 301 UID"), (b"b3", b"SEARCH FOO"),
                             (b"b4", b"FOO"), (b"b5", b"NOOP x"), (b"b6", b"FETCH 0 UID")):
            assert raw.ask(tag, command)[-1].startswith(tag + b" BAD"), command
        assert raw.ask(b"b7", b"SEARCH CHARSET KOI8-R ALL")[-1].startswith(b"b7 NO [BADCHARSET")
        assert raw.ask(b"b8", b"SELECT nowhere")[-1].startswith(b"b8 NO [NONEXISTENT]")
        assert raw.ask(b"b9", b"FETCH 1 UID")[-1].startswith(b"b9 BAD")  # nothing is selected any more
        assert raw.ask(b"c1", b"SELECT inbox")[-1].startswith(b"c1 OK [READ-ONLY]")
        assert raw.ask(b"c2", b"FETCH 1:* (FLAGS)") == [b"c2 OK no such messages\r\n"]
        assert raw.ask(b"c3", b"X" * 70000)[-1].startswith(b"c3 BAD [LIMIT]")
        assert raw.ask(b"c4", b"NOOP")[-1].startswith(b"c4 OK")
        raw.send(b"i1 IDLE\r\n")
        assert raw.file.readline().startswith(b"+")
        raw.send(b"DONE\r\n")
        assert raw.until(b"i1")[-1].startswith(b"i1 OK")
        lines = raw.ask(b"z", b"LOGOUT")
        assert lines[0].startswith(b"* BYE") and lines[-1].startswith(b"z OK") and raw.file.read() == b""

        noisy = Raw(node)
        for number in range(11):
            last = noisy.ask(b"n%d" % number, b"NONSENSE")
        assert last[0].startswith(b"* BYE") and noisy.file.read() == b""


def test_large():
    """A message of 200 MB passes through a gateway that does not grow; a client that does not read stops it only for itself."""
    os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=4")  # freed memory is not ours to count
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo")
        password = node.create_user("demo", "alice")
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

        stuck = Raw(node)
        stuck.ask(b"a", b'LOGIN demo/alice "' + password.encode() + b'"')
        stuck.ask(b"b", b"SELECT alice")
        stuck.send(b"c FETCH 1 BODY[]\r\n")  # and reads nothing
        raw = Raw(node)
        raw.ask(b"a", b'LOGIN demo/alice "' + password.encode() + b'"')
        raw.ask(b"b", b"SELECT alice")
        raw.send(b"c FETCH 1 (RFC822.SIZE BODY.PEEK[])\r\n")
        head = raw.file.readline()
        assert head == b"* 1 FETCH (RFC822.SIZE %d BODY[] {%d}\r\n" % (size, size), head
        got = hashlib.sha256()
        left = size
        began = time.time()
        while left > 0:
            data = raw.file.read(min(left, 1 << 20))
            got.update(data)
            left -= len(data)
        seconds = time.time() - began
        assert got.hexdigest() == want
        assert raw.until(b"c")[-1].startswith(b"c OK")
        grown = rss(gateway) - before
        print(f"   {size / seconds / 1e6:.0f} MB/s, the gateway grew by {grown / 1e6:.1f} MB")
        assert grown < 60e6, grown
        part = raw.ask(b"d", b"FETCH 1 BODY.PEEK[]<%d.10>" % (size - 4))
        assert part[0] == b"* 1 FETCH (BODY[]<%d> {4}\r\n" % (size - 4), part


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def test_restarts():
    """Sessions outlive neither the instance nor the bus connection; they are told so, and the next login works."""
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        password, want = archive(folder, node)
        login = b'LOGIN demo/alice "' + password.encode() + b'"'
        for actor in ("instance/demo", "broker"):
            raw = Raw(node)
            assert raw.ask(b"a", login)[-1].startswith(b"a OK")
            assert raw.ask(b"b", b'SELECT "alice/Old Mail/eml"')[-1].startswith(b"b OK")
            assert node.kill(actor) == 1
            answer = raw.ask(b"c", b"UID FETCH 1:* (FLAGS)")
            while answer[-1].startswith(b"c OK") is False and not answer[0].startswith(b"* BYE"):
                assert answer[-1].startswith(b"c NO [UNAVAILABLE]"), answer
                time.sleep(0.2)
                answer = raw.ask(b"c", b"UID FETCH 1:* (FLAGS)")
            assert answer[0].startswith(b"* BYE") and raw.file.read() == b"", answer
            for _ in range(100):
                raw = Raw(node)
                answer = raw.ask(b"a", login)[-1]
                if answer.startswith(b"a OK"):
                    break
                assert answer.startswith(b"a NO [UNAVAILABLE]"), answer
                time.sleep(0.2)
            lines = raw.ask(b"b", b'SELECT "alice/Old Mail/eml"')
            assert b"* 300 EXISTS\r\n" in lines, lines


if __name__ == "__main__":
    main(test_imaplib, test_curl, test_mbsync, test_mutt, test_bytes, test_large, test_restarts)
