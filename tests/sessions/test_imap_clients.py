"""Real IMAP clients read an archive: curl, mbsync, mutt, Python's imaplib. STARTTLS and implicit TLS."""
import imaplib
import os
import shutil
import ssl
import subprocess
import tempfile

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
set header_cache=""
set confirmappend=no
set mbox_type=mbox
set delete=yes
set quit=yes
set wait_key=no
set copy=no
push "<tag-pattern>~A<enter><tag-prefix><copy-message>{saved}<enter><quit>"
""")
        box = f"imaps://localhost:{node.port(993)}/alice/Old Mail"
        terminal = dict(os.environ, HOME=folder, TERM="xterm", LINES="40", COLUMNS="120")
        subprocess.run(["script", "-qec", f"mutt -F {conf} -f '{box}'", "/dev/null"], env=terminal, timeout=120,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        with open(saved, "rb") as f:
            text = f.read()
        count = sum(1 for line in text.split(b"\n") if line.startswith(b"From ") and line[-4:].strip().isdigit())
        assert count >= len(want), (count, len(want))


if __name__ == "__main__":
    main(test_imaplib, test_curl, test_mbsync, test_mutt)
