"""Backup and restore on real processes: incremental, beside imports, under another id, on another host, after an
erasure; the management node from its sealed file. Every message byte for byte."""
import base64
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from node import BIN, Failed, Node, main, sha256
from test_import import imap

KINDS = {"stores", "accounts", "keyring", "views", "index", "markers", "locked"}


def write_mail(folder, count, first=0, attachment=30000):
    """Messages that differ, some with an attachment others have, too; their digests."""
    os.makedirs(folder, exist_ok=True)
    digests = set()
    for i in range(first, first + count):
        rng = random.Random(i)
        part = base64.encodebytes(random.Random(i % 7).randbytes(attachment)).replace(b"\n", b"\r\n")
        text = (f"From: a{i}@example.org\r\nTo: b@example.org\r\nSubject: letter {i} {rng.random()}\r\n"
                f"Date: Tue, 3 Mar 2026 10:{i % 60:02}:00 +0000\r\nMessage-ID: <{i}@example.org>\r\n"
                "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
                f"Word{i} and {rng.random()}\r\n--b\r\nContent-Type: application/octet-stream\r\n"
                "Content-Transfer-Encoding: base64\r\n\r\n").encode()
        data = text + part + rng.randbytes(200).hex().encode() + b"\r\n--b--\r\n"
        with open(os.path.join(folder, f"{i}.eml"), "wb") as f:
            f.write(data)
        digests.add(sha256(data))
    return digests


def all_mail(node, who, password="correct horse 9"):
    """Digests of everything a user reads by IMAP (all our mail has CRLF)."""
    client = imap(node, who, password)
    digests = set()
    for line in client.list()[1]:
        name = line.decode().rsplit(' "/" ', 1)[1].strip('"')
        kind, count = client.select(f'"{name}"', readonly=True)
        if kind != "OK" or int(count[0]) == 0:
            continue
        kind, data = client.fetch("1:*", "(BODY.PEEK[])")
        assert kind == "OK", data[:1]
        digests |= {sha256(item[1]) for item in data if isinstance(item, tuple)}
    client.logout()
    return digests


def create(node, name, *options):
    return json.loads(node.cli("instance", "create", name, "--json", *options))


def backup(node, instance, folder, *options):
    return json.loads(node.cli("backup", instance, folder, "--json", *options, timeout=300))


def verify(node, folder, ok=(0,)):
    return json.loads(node.cli("backup", "verify", folder, "--json", ok=ok, timeout=300))


def restore(node, folder, name, *options):
    return json.loads(node.cli("restore", folder, "--as", name, "--json", *options, timeout=300))


def secret_file(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text + "\n")
    os.chmod(path, 0o600)
    return path


def files_of(folder):
    return {os.path.relpath(os.path.join(top, f), folder): os.stat(os.path.join(top, f)).st_ino
            for top, _, files in os.walk(folder) for f in files}


def test_incremental_and_restored():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        to = os.path.join(folder, "backup")
        create(node, "demo")
        node.create_user("demo", "alice")
        # A second store outside the base directory becomes the current one.
        first = write_mail(os.path.join(folder, "a"), 120)
        node.import_files("demo", "alice", os.path.join(folder, "a"))
        node.cli("stores", "create", "outside", "--instance", "demo", "--path", os.path.join(folder, "outside"))
        one = backup(node, "demo", to)
        assert one["number"] == 1 and one["copiedFiles"] == one["files"], one
        assert verify(node, to)["faults"] == 0
        before = files_of(to)

        # More mail comes while the second backup runs.
        second = write_mail(os.path.join(folder, "b"), 300, first=1000)
        account = {}
        importer = threading.Thread(
            target=lambda: account.update(node.import_files("demo", "alice", os.path.join(folder, "b"))))
        importer.start()
        time.sleep(0.5)
        two = backup(node, "demo", to, "--views")
        importer.join()
        assert account["stored"] == 300, account
        assert two["number"] == 2 and verify(node, to)["faults"] == 0, two

        three = backup(node, "demo", to, "--views")
        after = files_of(to)
        kept = {p for p in before if p.endswith(".avc")}
        assert kept and all(after.get(p) == before[p] for p in kept), "a sealed container was written again"
        assert three["copiedBytes"] < three["bytes"], three
        four = backup(node, "demo", to)
        unchanged = {p for p in after if p.endswith(".avc")}
        assert all(files_of(to)[p] == after[p] for p in unchanged), "a sealed container was written again"
        assert four["number"] == 4 and verify(node, to)["faults"] == 0
        print("   frozen ms:", [b["frozenMs"] for b in (one, two, three, four)], "bytes", four["bytes"])

        # Nothing in it but what belongs in it: no logs, no lock of a process, nothing in clear.
        for path in files_of(to):
            assert path in ("backup.avb", "lock") or path.split("/")[0] in KINDS, path
            with open(os.path.join(to, path), "rb") as f:
                assert b"Word" not in f.read(), path
        for row in json.loads(node.cli("instance", "paths", "demo", "--json")):
            assert "/logs" not in row["path"] and os.path.isdir(row["path"]) or not row["needed"], row

        with open(os.path.join(node.data, "logs", "instance_demo.log")) as f:
            events = [line.split("event=")[1].split()[0] for line in f if "event=backup." in line]
        assert events == ["backup.began", "backup.frozen", "backup.thawed", "backup.ended"] * 4, events

        done = restore(node, to, "copy")
        assert done["instanceID"] == "copy"
        assert all_mail(node, "copy/alice") == first | second
        assert all_mail(node, "demo/alice") == first | second
        stores = json.loads(node.cli("stores", "list", "--instance", "copy", "--json"))
        assert len(stores) == 2 and all(s["contentPath"].startswith(done["baseDirectory"]) for s in stores), stores
        # Both live on, each for itself.
        third = write_mail(os.path.join(folder, "c"), 5, first=5000)
        assert node.import_files("copy", "alice", os.path.join(folder, "c"))["stored"] == 5
        assert all_mail(node, "copy/alice") == first | second | third
        assert all_mail(node, "demo/alice") == first | second
        try:
            restore(node, to, "demo")
            raise AssertionError("restored over an instance at work")
        except Failed as e:
            assert e.status == 1, e
        assert all_mail(node, "demo/alice") == first | second


def test_other_host_and_erased():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        to, old = os.path.join(folder, "backup"), os.path.join(folder, "last-week")
        made = create(node, "demo")
        node.create_user("demo", "alice")
        mail = write_mail(os.path.join(folder, "a"), 60)
        node.import_files("demo", "alice", os.path.join(folder, "a"))
        reply = node.api("BackupInstance", instanceID="demo", folder=to, includeViews="true")
        assert reply["statusCode"] == "succeeded" and reply["result"]["number"] == 1, reply
        shutil.copytree(to, old)
        victim = node.search("demo/alice", "letter", limit=100)["messages"][0]
        node.cli("call", "DeleteMessage", "instanceID=demo", f"id={victim['id']}", "reason=test")
        node.cli("call", "EraseMessage", "instanceID=demo", f"id={victim['id']}", "reason=test")
        backup(node, "demo", to)
        key = secret_file(folder, "recovery", made["recoveryKey"])

        with Node() as other:
            try:
                restore(other, old, "moved")
                raise AssertionError("restored without a key")
            except Failed as e:
                assert e.status == 4 and made["recoveryKeyID"] in e.stdout.decode(), e
            # Last week's backup beside today's keyring: all but the erased one.
            restore(other, old, "moved", "--recovery-key-file", key, "--keyring", to)
            # 3: the erased one could not be looked at. An index knows that there is nothing to look at.
            out = other.cli("search", "--as", "moved/alice", "--json", "--limit", "100", "letter",
                            env={"ARCHIVOLT_PASSWORD": "correct horse 9"}, ok=(0, 3))
            found = json.loads(out)["messages"]
            assert {row["sha256"] for row in found} == mail - {victim["sha256"]}
            for row in found[::7]:
                assert sha256(other.get("moved/alice", row["id"])) == row["sha256"]
            try:
                other.get("moved/alice", victim["id"])
                raise AssertionError("an erased message was read")
            except Failed as e:
                assert b"letter" not in e.stdout, e
            # Today's backup, and last week's with its own keyring, which nobody should keep.
            restore(other, to, "today", "--recovery-key-file", key)
            assert all_mail(other, "today/alice") == mail - {victim["sha256"]}
            restore(other, old, "old", "--recovery-key-file", key)
            assert all_mail(other, "old/alice") == mail

        # Damage is named, and nothing is made of it.
        path = max((p for p in files_of(to) if p.endswith(".avc")), key=lambda p: os.path.getsize(os.path.join(to, p)))
        with open(os.path.join(to, path), "r+b") as f:
            f.seek(os.path.getsize(os.path.join(to, path)) // 2)
            byte = f.read(1)
            f.seek(-1, 1)
            f.write(bytes([byte[0] ^ 1]))
        assert verify(node, to, ok=(3,))["faults"] >= 1
        try:
            restore(node, to, "broken")
            raise AssertionError("a damaged backup was restored")
        except Failed as e:
            assert e.status == 1, e
        assert "broken" not in node.cli("instance", "list", "--json").decode()
        assert not [n for n in os.listdir(os.path.join(node.data, "instances")) if n.startswith("broken")]


def test_killed():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        to = os.path.join(folder, "backup")
        create(node, "demo")
        node.create_user("demo", "alice")
        mail = write_mail(os.path.join(folder, "a"), 200, attachment=100000)
        node.import_files("demo", "alice", os.path.join(folder, "a"))
        backup(node, "demo", to)
        for i in range(4):
            mail |= write_mail(os.path.join(folder, f"b{i}"), 20, first=2000 + 100 * i, attachment=200000)
            node.import_files("demo", "alice", os.path.join(folder, f"b{i}"))
            work = subprocess.Popen([os.path.join(BIN, "archivolt"), "--data", node.data, "backup", "demo", to],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0.05, 0.5))
            node.kill("instance/demo", signal.SIGKILL)
            work.send_signal(signal.SIGINT)
            work.wait(240)
            node.wait_ready()
            assert verify(node, to)["faults"] == 0, i
        done = backup(node, "demo", to)
        assert verify(node, to)["faults"] == 0
        print("  ", done)
        restore(node, to, "copy")
        assert all_mail(node, "copy/alice") == mail
        assert not os.path.exists(os.path.join(node.data, "instances", "demo", "backup.tmp"))


def test_management():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        to, m = os.path.join(folder, "backup"), os.path.join(folder, "management")
        sheet = os.path.join(folder, "sheet")
        create(node, "demo", "--recovery-sheet", sheet)
        create(node, "second")
        node.create_user("demo", "alice")
        mail = write_mail(os.path.join(folder, "a"), 20)
        node.import_files("demo", "alice", os.path.join(folder, "a"))
        node.cli("admin", "create", "bob", env={"ARCHIVOLT_NEW_PASSWORD": "another horse 7"})
        backup(node, "demo", to)
        words = secret_file(folder, "words", "eleven words are a long passphrase")
        out = json.loads(node.cli("backup", "--management", m, "--passphrase-file", words, "--json"))
        assert out["file"] == os.path.join(m, "management.avm")
        with open(out["file"], "rb") as f:
            sealed = f.read()
        assert b"secret" not in sealed and b"demo" not in sealed
        assert not os.path.exists(os.path.join(node.data, "management", "checkpoint"))
        key = sheet # as it was printed
        node.cli("backup", "--management", os.path.join(folder, "m2"), "--recovery-key-file", key)

        # The machine is lost; a new one gets the node back.
        node.stop()
        os.rename(node.data, node.data + ".lost")
        try:
            node.cli("restore", "--management", m, env={"ARCHIVOLT_PASSPHRASE": "a wrong passphrase"})
            raise AssertionError("opened with a wrong passphrase")
        except Failed as e:
            assert e.status == 4, e
        node.cli("restore", "--management", os.path.join(folder, "m2"), "--recovery-key-file", key)
        shutil.rmtree(node.data)
        node.cli("restore", "--management", m, "--passphrase-file", words)
        try:
            node.cli("restore", "--management", m, "--passphrase-file", words)
            raise AssertionError("restored over a node")
        except Failed as e:
            assert e.status == 1, e
        node.log = open(os.path.join(node.top, "node.log"), "ab")
        node.process = subprocess.Popen([os.path.join(BIN, "archivolt"), "--data", node.data, "up"], stdout=node.log,
                                        stderr=node.log)
        until = time.time() + 60
        while node.run("ping", "management", f"host/{host_of(node)}").returncode != 0:
            assert time.time() < until, "the restored node does not come up"
            time.sleep(0.5)
        rows = json.loads(node.cli("instance", "list", "--json"))
        assert {r["instanceID"] for r in rows} == {"demo", "second"}, rows
        reply = node.api("GetInstances", instanceFilter="*")
        assert reply["statusCode"] == "succeeded" and len(reply["result"]) == 2, reply
        status, _, _ = node.post("/api/invoke/Ping", {}, user="bob", password="another horse 7")
        assert status == 200

        restore(node, to, "demo", "--recovery-key-file", key)
        assert all_mail(node, "demo/alice") == mail
        assert node.import_files("demo", "alice", os.path.join(folder, "a"))["duplicate"] == 20
        assert not os.path.exists(os.path.join(node.data, "instances", "second", "keyring"))


def test_no_room():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        small = os.path.join(folder, "small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=18m", "none", small],
                          stderr=subprocess.DEVNULL).returncode != 0:
            print("SKIP: this machine lets us mount nothing")
            return
        try:
            create(node, "demo")
            node.create_user("demo", "alice")
            mail = write_mail(os.path.join(folder, "a"), 40)
            node.import_files("demo", "alice", os.path.join(folder, "a"))
            to = os.path.join(small, "backup")
            backup(node, "demo", to)
            source = os.path.join(folder, "b")
            os.mkdir(source)
            for i in range(40): # 4 MB that do not pack
                data = b"From: x@example.org\r\nSubject: %d\r\n\r\n" % i + base64.encodebytes(
                    random.Random(i).randbytes(100000)).replace(b"\n", b"\r\n")
                with open(os.path.join(source, f"{i}.eml"), "wb") as f:
                    f.write(data)
                mail.add(sha256(data))
            node.import_files("demo", "alice", source)
            try:
                backup(node, "demo", to)
                raise AssertionError("there was no room for it")
            except Failed as e:
                assert e.status == 1 and b"MB free" in e.stdout, e
            assert verify(node, to)["number"] == 1 and verify(node, to)["faults"] == 0
            subprocess.run(["mount", "-o", "remount,size=60m", small], check=True)
            assert backup(node, "demo", to)["number"] == 2
            restore(node, to, "copy")
            assert all_mail(node, "copy/alice") == mail
        finally:
            subprocess.run(["umount", small], check=True)


def host_of(node):
    with open(os.path.join(node.data, "node.conf")) as f:
        for line in f:
            if line.startswith("node"):
                return line.split("=")[1].strip()
    return "n1"


def test_freeze():
    with Node() as node:
        create(node, "demo")
        node.create_user("demo", "alice")
        frozen = json.loads(node.cli("freeze", "demo", "--seconds", "30", "--json"))
        assert frozen["seconds"] == 30, frozen
        thawed = json.loads(node.cli("thaw", "demo", "--json"))
        assert thawed["wasFrozen"] is True, thawed
        assert node.run("thaw", "demo").returncode == 3
        with open(os.path.join(node.data, "logs", "instance_demo.log")) as f:
            text = f.read()
        for event in ("backup.began", "backup.frozen", "backup.thawed", "backup.ended"):
            assert "event=" + event in text, event


if __name__ == "__main__":
    main(test_freeze, test_incremental_and_restored, test_other_host_and_erased, test_killed, test_no_room,
         test_management)
