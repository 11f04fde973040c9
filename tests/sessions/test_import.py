"""The whole way on real mail: import the bulk corpus, find it again by CLI, read it by CLI and IMAP, byte for byte."""
import imaplib
import json
import os
import ssl
import subprocess
import tempfile

from node import CORPUS, Node, crlf, main, need_corpus, sha256, unpack


def manifest():
    out = subprocess.run(["zstd", "-dc", os.path.join(CORPUS, "bulk", "MANIFEST.tsv.zst")], check=True,
                         stdout=subprocess.PIPE).stdout.decode("utf-8", "surrogateescape")
    lines = out.splitlines()
    head = lines[0].split("\t")
    start = 1 if "sha256" in head else 0
    at = head.index("sha256") if start else 2
    return {line.split("\t")[at] for line in lines[start:]}


def imap(node, who, password):
    context = ssl.create_default_context(cafile=os.path.join(node.data, "tls", "cert.pem"))
    client = imaplib.IMAP4_SSL("localhost", node.port(993), ssl_context=context, timeout=120)
    client.login(who, password)
    return client


def api_messages(node, instance, folder, limit):
    """All of a folder by GetMessages, page by page."""
    messages = []
    after = 0
    while True:
        reply = node.api("GetMessages", instanceID=instance, folder=folder, afterUID=after, limit=limit)
        assert reply["statusCode"] == "succeeded", reply
        page = reply["result"]
        if not page:
            return messages
        assert len(page) <= limit and all(m["folder"] == folder for m in page)
        uids = [m["uid"] for m in page]
        assert uids == sorted(set(uids)) and uids[0] > after
        messages += page
        after = uids[-1]


def test_bulk():
    need_corpus()
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        for name in ("lists", "phishing-pot", "spamassassin"):
            unpack(f"bulk/{name}.tar.zst", folder)
        node.create_instance("demo")
        password = node.create_user("demo", "alice")
        account = node.import_files("demo", "alice", folder)
        print("  ", account)
        assert account["offered"] == 15985, account
        assert account["stored"] == 15985 and account["duplicate"] == 0 and account["refused"] == 0, account

        again = node.import_files("demo", "alice", folder)
        print("  ", again)
        assert again["offered"] == again["duplicate"] == 15985, again

        want = manifest()
        assert len(want) == 15985
        found = node.search("demo/alice", "size:>=0", limit=20000)
        assert found["total"] == 15985, found["total"]
        assert {m["sha256"] for m in found["messages"]} == want

        for row in found["messages"][::400]:
            assert sha256(node.get("demo/alice", row["id"])) == row["sha256"], row["id"]

        # By IMAP: the CRLF view of every message of one folder, and the number of messages of all.
        client = imap(node, "demo/alice", password)
        kind, mailboxes = client.list()
        assert kind == "OK"
        names = [line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in mailboxes]
        total = 0
        missing = {}
        for root, _, files in os.walk(folder):
            for file in files:
                with open(os.path.join(root, file), "rb") as f:
                    data = f.read()
                missing.setdefault(sha256(crlf(data)), 0)
                missing[sha256(crlf(data))] += 1
        checked = 0
        for name in names:
            kind, data = client.select(f'"{name}"', readonly=True)
            if kind != "OK":
                continue
            count = int(data[0])
            total += count
            if count == 0:
                continue
            for first in range(1, count + 1, 500):
                kind, rows = client.fetch(f"{first}:{min(first + 499, count)}", "(UID BODY.PEEK[])")
                assert kind == "OK"
                for row in rows:
                    if isinstance(row, tuple):
                        digest = sha256(row[1])
                        assert missing.get(digest, 0) > 0, (name, row[0])
                        missing[digest] -= 1
                        checked += 1
                    elif b"BODY[] \"\"" in row:  # the one message of no bytes may come as a quoted string
                        missing[sha256(b"")] -= 1
                        checked += 1
        assert checked == 15985 and not any(missing.values()), checked
        assert total == 15985, total
        print("   by IMAP:", checked, "messages compared")
        client.logout()

        # The Management API counts the same.
        reply = node.api("GetInstanceStatistics", instanceID="demo")
        assert reply["statusCode"] == "succeeded" and reply["result"]["numberOfMessages"] == 15985, reply
        folders = node.api("GetFolderStatistics", instanceID="demo")["result"]
        assert sum(f["count"] for f in folders) == 15985, folders
        listed = [m for f in folders for m in api_messages(node, "demo", f["folder"], limit=1000)]
        assert len(listed) == 15985 and {m["sha256"] for m in listed} == want, len(listed)
        assert {m["id"]: m["size"] for m in listed} == {m["id"]: m["size"] for m in found["messages"]}
        print("   by the Management API:", len(listed), "messages compared")


def test_mailbox_formats():
    need_corpus()
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        unpack("mailbox-formats.tar.zst", folder)
        top = folder
        if not os.path.isdir(os.path.join(top, "eml")):
            top = os.path.join(folder, os.listdir(folder)[0])
        node.create_instance("demo")
        node.create_user("demo", "alice")
        want = {}
        for name in sorted(os.listdir(os.path.join(top, "eml"))):
            with open(os.path.join(top, "eml", name), "rb") as f:
                want[sha256(f.read())] = name
        for mbox in ("mboxo", "mboxrd", "mboxcl", "mboxcl2", "mboxrd-crlf"):
            account = node.import_files("demo", mbox, os.path.join(top, mbox + ".mbox"))
            print("  ", mbox, account)
            assert account["offered"] == 300 and account["stored"] == 300 and account["refused"] == 0, account
        account = node.import_files("demo", "maildir", os.path.join(top, "Maildir"))
        assert account["offered"] == account["stored"] == 120, account
        node.create_user("demo", "mboxrd")
        found = node.search("demo/mboxrd", "size:>=0", limit=1000)
        assert {m["sha256"] for m in found["messages"]} == set(want), found["total"]


if __name__ == "__main__":
    main(test_mailbox_formats, test_bulk)
