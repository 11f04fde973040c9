"""Bad input gets a clear error and changes nothing."""
import json
import os
import shutil
import subprocess
import tempfile

from node import Node, main, sanitized, sha256

MESSAGE = b"From: a@b.example\nTo: c@d.example\nDate: Mon, 1 Jan 2024 10:00:00 +0000\nSubject: %s\n\n%s\n"


def message(subject, body="hello"):
    return MESSAGE % (subject.encode(), body.encode())


def write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def refused(done, status, *words):
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == status, (done.returncode, text)
    for word in words:
        assert word in text, (word, text)


def test_logins_and_names():
    with Node() as node:
        node.create_instance("demo")
        node.create_user("demo", "alice")
        right, wrong = {"ARCHIVOLT_PASSWORD": "correct horse 9"}, {"ARCHIVOLT_PASSWORD": "wrong"}
        refused(node.run("search", "--as", "demo/alice", "x", env=wrong), 4)
        unknown = node.run("search", "--as", "demo/nobody", "x", env=wrong)
        refused(unknown, 4)
        assert node.run("search", "--as", "demo/alice", "x", env=wrong).stderr == unknown.stderr, \
            "an unknown user and a wrong password look the same"
        refused(node.run("search", "--as", "nowhere/alice", "x", env=right), 6, "nowhere")
        refused(node.run("search", "--as", "demo/alice", 'subject:"open', env=right), 1, "column")
        refused(node.run("get", "--as", "demo/alice", "nonsense", env=right), 6)
        refused(node.run("get", "--as", "demo/alice", "M" + "A" * 24, env=right), 6)
        refused(node.run("call", "NoSuchFunction"), 6, "NoSuchFunction")
        refused(node.run("call", "GetUserInfo", "instanceID=demo"), 1, "Missing API argument userName.")
        refused(node.run("call", "GetUserInfo", "instanceID=demo", "userName=alice", "x=1"), 1, "Unknown API argument x.")
        refused(node.run("call", "GetUsers", b"instanceID=\xff\xfe"), 1, "UTF-8")
        refused(node.run("nonsense"), 2)
        refused(node.run("import", "--archive", "alice", "/tmp"), 2, "--instance")
        for bad in ("UPPER CASE", "-x", "a/b", "", "x" * 64):
            refused(node.run("instance", "create", "--", bad), 1)
        refused(node.run("instance", "create", "demo"), 1, "demo")
        refused(node.run("user", "create", "--instance", "demo", "alice", env={"ARCHIVOLT_NEW_PASSWORD": "long enough 1"}), 1,
                "alice")
        refused(node.run("user", "create", "--instance", "demo", "bob", env={"ARCHIVOLT_NEW_PASSWORD": "short"}), 1)
        users = json.loads(node.cli("user", "list", "--instance", "demo", "--json"))
        assert [u["userName"] for u in users] == ["alice"], users


def test_sources():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo")
        node.create_user("demo", "alice")

        refused(node.run("import", "--instance", "demo", "--archive", "alice", folder + "/missing"), 6, "missing")
        empty = os.path.join(folder, "empty")
        os.mkdir(empty)
        refused(node.run("import", "--instance", "demo", "--archive", "alice", empty), 6)
        pictures = os.path.join(folder, "pictures")
        write(pictures, "a.png", b"\x89PNG\r\n\x1a\n" + os.urandom(3000))
        done = node.run("import", "--instance", "demo", "--archive", "alice", pictures, "--json")
        assert done.returncode in (1, 3, 6), (done.returncode, done.stdout, done.stderr)
        assert node.search("demo/alice", "size:>=0")["total"] == 0

        # A truncated mbox: what is there is not lost silently.
        whole = b"".join(b"From a@b.example Mon Jan  1 10:00:00 2024\n" + message(f"m{i}") + b"\n" for i in range(10))
        cut = write(folder, "cut.mbox", whole[:-20])
        account = node.import_files("demo", "alice", cut, ok=(0, 3))
        print("   truncated mbox:", account)
        assert account["offered"] == 10 and account["stored"] + account["refused"] == 10, account
        assert account["stored"] >= 9, account


def test_large_message():
    """200 MB in one message: memory stays bounded, the bytes come back."""
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo")
        node.create_user("demo", "alice")
        head = b"From: a@b.example\nSubject: enormous\nMIME-Version: 1.0\nContent-Type: application/octet-stream\n" \
               b"Content-Transfer-Encoding: base64\n\n"
        line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3ODkrL0FC\n"
        path = write(folder, "big.eml", head + line * (200 * 1000 * 1000 // len(line)))
        account = node.import_files("demo", "alice", path)
        assert account["stored"] == 1, account
        peak = {}
        for actor in ("instance/demo", "broker", "host", "gateway", "management"):
            for pid in node.pids(actor):
                with open(f"/proc/{pid}/status") as f:
                    peak[actor] = next(int(row.split()[1]) // 1024 for row in f if row.startswith("VmHWM"))
        print("   peak MB:", peak)
        found = node.search("demo/alice", "enormous")
        assert found["total"] == 1, found
        with open(path, "rb") as f:
            assert sha256(node.get("demo/alice", found["messages"][0]["id"])) == sha256(f.read())
        if not sanitized():  # sanitizers multiply memory
            assert peak["instance/demo"] < 100 and peak["broker"] < 16, peak


def test_full_disk():
    if os.getuid() != 0 or shutil.which("mount") is None:
        print("   SKIP: mounting a small file system needs root and mount(8)")
        return
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        small = os.path.join(folder, "small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", small], stderr=subprocess.DEVNULL).returncode:
            print("   SKIP: no mounts here")
            return
        try:
            node.create_instance("full", "--base-directory", small + "/full")
            node.create_user("full", "alice")
            source = os.path.join(folder, "mail")
            for i in range(1500):
                write(source, f"{i}.eml", MESSAGE % (b"number %d" % i, os.urandom(40000).hex().encode()))
            done = node.run("import", "--instance", "full", "--archive", "alice", source, "--json")
            text = (done.stdout + done.stderr).decode()
            assert done.returncode == 1 and "no_space" in text or "space" in text.lower(), text
            # What was acknowledged is there, and reading goes on.
            found = node.search("full/alice", "size:>=0", limit=2000)
            assert 0 < found["total"] < 1500, found["total"]
            for row in found["messages"][:10]:
                assert sha256(node.get("full/alice", row["id"])) == row["sha256"]
            print("   stored before the disk was full:", found["total"])
        finally:
            node.stop()
            subprocess.run(["umount", small], check=False)


if __name__ == "__main__":
    main(test_logins_and_names, test_sources, test_large_message, test_full_disk)
