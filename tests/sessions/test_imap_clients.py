"""
Real mail programs read an archive over IMAP, byte for byte: curl, mutt, neomutt, mbsync, fetchmail, offlineimap, alpine.

300 messages by default; AV_WHOLE=1: the whole bulk corpus, 15,985 messages. Arguments: names of programs, else all.
"""
import collections
import imaplib
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time

from mail_clients import PROGRAMS, Account, is_there
from node import Node, crlf, need_corpus, sha256, unpack

USER, PASSWORD = "demo/alice", "correct horse 9"
BULK = ("lists", "phishing-pot", "spamassassin")


def fill(folder, node):
    """The archive; the bytes that IMAP shows of each message."""
    node.create_instance("demo")
    node.create_user("demo", "alice", PASSWORD)
    if os.environ.get("AV_WHOLE"):
        for name in BULK:
            unpack(f"bulk/{name}.tar.zst", folder)
        report = node.import_files("demo", "alice", folder, timeout=3000)
    else:
        unpack("mailbox-formats.tar.zst", folder)
        eml, = (root for root, _, _ in os.walk(folder) if os.path.basename(root) == "eml")
        for name in ("empty.eml", "last-line.eml", "8bit.eml"):  # what the corpus does not have
            with open(os.path.join(eml, name), "wb") as f:
                f.write({
                    "empty.eml": b"Subject: nothing\n\n", "last-line.eml": b"Subject: no end\r\n\r\nlast", "8bit.eml":
                    b"Subject: 8 bit\r\n\r\n\xff\xfe\xc3\xbc\r\n.\r\n..\r\nFrom x\r\n"
                }[name])
        report = node.import_files("demo", "alice", eml, options=("--folder", "Old Mail"))
        folder = eml
    assert report["stored"] == report["offered"], report
    for root, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(root, name), "rb") as f:
                yield crlf(f.read())


def mailboxes(node):
    """Names and numbers of messages, by STATUS."""
    context = ssl.create_default_context(cafile=os.path.join(node.data, "tls", "cert.pem"))
    client = imaplib.IMAP4_SSL("localhost", node.port(993), ssl_context=context, timeout=300)
    client.login(USER, PASSWORD)
    boxes = {}
    for row in client.list()[1]:
        name = row.decode().rsplit(' "/" ', 1)[1].strip('"')
        _, rows = client.status(f'"{name}"', "(MESSAGES)")
        count = int(re.search(rb"MESSAGES (\d+)", rows[0]).group(1))
        if count > 0:
            boxes[name] = count
    client.logout()
    return boxes


def starttls(node):
    """Port 143: what is said before TLS, and that a client which insists on TLS gets the same."""
    account = ["--user", f"{USER}:{PASSWORD}", "--cacert", os.path.join(node.data, "tls", "cert.pem")]
    lists = [
        subprocess.run(["curl", "-sS", "--max-time", "60", *account, *more, url], check=True,
                       stdout=subprocess.PIPE).stdout
        for more, url in (([], f"imaps://localhost:{node.port(993)}/"), (["--ssl-reqd"],
                                                                         f"imap://localhost:{node.port(143)}/"))
    ]
    assert lists[0] == lists[1] and b"alice" in lists[0], lists


def main():
    need_corpus()
    wanted = sys.argv[1:] or list(PROGRAMS)
    missing = [name for name in wanted if not is_there(name)]
    failed = []
    with tempfile.TemporaryDirectory() as folder, Node(start=False) as node:
        with open(os.path.join(node.data, "archivolt-gateway.conf"), "w") as f:
            f.write("imap_connections_per_address = 1000\n")
        node.start()
        wires = list(fill(folder, node))
        boxes = mailboxes(node)
        assert sum(boxes.values()) == len(wires), (boxes, len(wires))
        print(f"- {len(wires)} messages in {len(boxes)} mailboxes", flush=True)
        starttls(node)
        account = Account(node, USER, PASSWORD, boxes)
        for name in wanted:
            if name in missing:
                continue
            _, read, expected = PROGRAMS[name]
            due = [data for data in map(expected, wires) if data is not None]
            want = collections.Counter(map(sha256, due))
            began = time.time()
            with tempfile.TemporaryDirectory() as work:
                try:
                    got = collections.Counter(map(sha256, read(account, work)))
                except AssertionError as e:
                    print(f"  {name}: {e}")
                    got = collections.Counter()
            equal = sum((got & want).values())
            print(f"  {name}: {sum(got.values())} read, {equal} of {len(due)} equal, {time.time() - began:.1f} s",
                  flush=True)
            if equal != len(due):
                for data in [d for d in due if sha256(d) not in got][:3]:
                    print(f"    not among them: {data[:300]!r}")
                failed.append(name)
    for name in missing:
        print(f"SKIP: {PROGRAMS[name][0]} IS NOT INSTALLED: nothing is known of it (tools/install-packages test)")
    assert not failed, f"not byte for byte: {failed}"


if __name__ == "__main__":
    main()
