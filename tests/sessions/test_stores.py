"""Archive stores end to end: create, attach, detach, states, paths, auto-create, deletion, holds, freezing, on real processes."""
import glob
import json
import os
import random
import shutil
import time

from node import Failed, Node, main, sha256

PASSWORD = "correct horse 9"


def mail(number, text="hello", size=0):
    body = f"{text} {number}\n" + "x" * size
    return (f"From: a@example.com\nTo: b@example.com\nSubject: message {number}\n"
            f"Date: Mon, 02 Nov 2026 10:00:{number % 60:02d} +0000\nMessage-ID: <{text}.{number}@example.com>\n\n{body}\n").encode()


def write_mails(folder, numbers, text="hello"):
    os.makedirs(folder, exist_ok=True)
    for number in numbers:
        with open(os.path.join(folder, f"{text}-{number}.eml"), "wb") as f:
            f.write(mail(number, text))
    return folder


class Town:
    """A node with an instance and a user."""

    def __init__(self, node, instance="acme"):
        self.node = node
        self.id = instance
        self.recovery = json.loads(node.cli("instance", "create", instance, "--json"))
        node.create_user(instance, "alice")

    def api(self, function, ok=True, **fields):
        reply = self.node.api(function, instanceID=self.id, **fields)
        assert (reply["statusCode"] == "succeeded") == ok, reply
        return reply["result"] if ok else reply["error"]["message"]

    def stores(self):
        return {s["name"]: s for s in self.api("GetStores")}

    def patient_stores(self, seconds=60):
        """The instance was killed: its host starts it again."""
        deadline = time.time() + seconds
        while True:
            reply = self.node.api("GetStores", instanceID=self.id)
            if reply["statusCode"] == "succeeded":
                return {s["name"]: s for s in reply["result"]}
            assert time.time() < deadline, reply
            time.sleep(0.2)

    def put(self, numbers, text="hello", **more):
        folder = write_mails(os.path.join(self.node.top, f"mail-{text}-{min(numbers)}-{max(numbers)}"), numbers, text)
        if len(numbers) <= 100:
            paths = sorted(os.path.join(folder, name) for name in os.listdir(folder))
        else:  # more names than a request holds
            paths = [folder + ".mbox"]
            with open(paths[0], "wb") as f:
                for number in numbers:
                    f.write(b"From a@example.com Mon Nov  2 10:00:00 2026\n" + mail(number, text) + b"\n")
        return self.node.import_files(self.id, "alice", *paths, **more)

    def found(self, query="hello"):
        return self.node.search(f"{self.id}/alice", query, limit=1000)

    def ids(self, query="hello"):
        return [row["id"] for row in self.found(query)["rows"]]

    def messages(self, folder="alice"):
        return self.api("GetMessages", folder=folder, limit=10000)

    def stores_path(self, *more):
        return os.path.join(self.base(), "stores", *more)

    def base(self):
        return self.api("GetInstanceConfiguration")["baseDirectory"]


def test_life():
    with Node() as node:
        town = Town(node)
        assert town.recovery["recoveryKey"].startswith("AVR1-")
        first = town.stores()["store-1"]
        assert first["requestedState"] == "current" and first["error"] is None and first["id"] == 1, first
        assert town.put(range(10))["stored"] == 10
        # A new store is current unless said otherwise; its proposed folder lies below the base directory.
        assert town.api("ProposeStorePath", name="2026 B") == "~/stores/2026-B"
        number = town.api("CreateStore", name="2026 B")
        assert number == 2
        stores = town.stores()
        assert stores["2026 B"]["requestedState"] == "current" and stores["store-1"]["requestedState"] == "normal", stores
        assert stores["2026 B"]["contentPath"] == os.path.join(town.base(), "stores", "2026-B", "content"), stores
        assert town.put(range(10, 20))["stored"] == 10
        stores = town.stores()
        assert stores["store-1"]["statisticsCount"] == 10 and stores["2026 B"]["statisticsCount"] == 10, stores
        assert town.found()["total"] == 20
        uids = [m["uid"] for m in town.messages()]
        assert uids == list(range(1, 21)), uids
        # The same bytes are known in every store.
        again = town.put(range(20))
        assert again["duplicate"] == 20, again
        # Names and folders are not given twice.
        assert "already" in town.api("CreateStore", ok=False, name="2026 b")
        assert "used by" in town.api("CreateStore", ok=False, name="x", path="~/stores/2026-B")
        assert "own folder" in town.api("CreateStore", ok=False, name="x", path="~\\keyring\\x")
        # Exactly one store is current.
        assert "current" in town.api("SetStoreRequestedState", ok=False, id=2, requestedState="normal")
        town.api("SetStoreRequestedState", id=1, requestedState="current")
        assert [s["requestedState"] for s in town.api("GetStores")] == ["current", "normal"]
        # Write protected: readable, and takes no deletions.
        town.api("SetStoreRequestedState", id=2, requestedState="writeProtected")
        victim = next(m for m in town.messages() if m["uid"] == 15)
        assert "write protected" in town.api("DeleteMessage", ok=False, id=victim["id"], reason="test")
        assert sha256(node.get("acme/alice", victim["id"])) == victim["sha256"]
        # Disabled: content is unavailable, messages stay numbered.
        town.api("SetStoreRequestedState", id=2, requestedState="disabled")
        try:
            node.get("acme/alice", victim["id"])
            raise AssertionError("read from a disabled store")
        except Failed as e:
            assert b"disabled" in e.stderr, e.stderr
        assert [m["uid"] for m in town.messages()] == uids
        assert node.get("acme/alice", town.messages()[0]["id"])
        # Set path: only while disabled, and it moves nothing.
        assert "disabled" in town.api("SetStorePath", ok=False, id=1, path="~/elsewhere")
        there = os.path.join(town.base(), "stores", "2026-B")
        shutil.move(there, os.path.join(town.base(), "moved"))
        town.api("SetStorePath", id=2, path="~/moved")
        town.api("SetStoreRequestedState", id=2, requestedState="normal")
        assert town.stores()["2026 B"]["error"] is None
        assert sha256(node.get("acme/alice", victim["id"])) == victim["sha256"]
        town.api("RenameStore", id=2, name="renamed")
        assert set(town.stores()) == {"store-1", "renamed"}
        # A restart finds everything as it was.
        node.cli("instance", "restart", "acme")
        assert town.found()["total"] == 20
        assert sha256(node.get("acme/alice", victim["id"])) == victim["sha256"]


def test_detach_attach():
    with Node() as node:
        town = Town(node)
        town.put(range(5))
        town.api("CreateStore", name="second")
        town.put(range(5, 12))
        before = {m["id"]: m["uid"] for m in town.messages()}
        assert "current" in town.api("DetachStore", ok=False, id=2)
        town.api("SetStoreRequestedState", id=1, requestedState="current")
        content = town.stores()["second"]["contentPath"]
        folder = os.path.dirname(content)
        town.api("DetachStore", id=2)
        assert set(town.stores()) == {"store-1"}
        assert len(town.messages()) == 5
        assert os.path.exists(os.path.join(content, "store.avs")) and os.path.isdir(os.path.join(content, "store.keys"))
        # Attached again: not current, another number, the same UIDs.
        assert town.api("AttachStore", name="back", path=folder) == 3
        assert town.stores()["back"]["requestedState"] == "normal", town.stores()
        assert {m["id"]: m["uid"] for m in town.messages()} == before
        assert town.found()["total"] == 12
        # A second time is refused, and so is what is no store.
        assert "attached already" in town.api("AttachStore", ok=False, name="twice", path=folder)
        empty = os.path.join(node.top, "empty")
        os.makedirs(empty)
        message = town.api("AttachStore", ok=False, name="none", path=empty)
        assert "store" in message, message
        with open(os.path.join(empty, "MailStoreFileGroup.fdb"), "wb") as f:
            f.write(b"x")
        message = town.api("AttachStore", ok=False, name="none", path=empty)
        assert "MailStore" in message and "export" in message, message

        # Into another instance: locked until its recovery key comes, in any letter case; then adopted with new UIDs.
        town.api("DetachStore", id=3)
        other = Town(node, "other")
        other.put(range(100, 103), "own")
        taken = os.path.join(node.top, "taken")
        shutil.copytree(folder, taken)
        number = other.api("AttachStore", name="foreign", path=taken)
        error = other.stores()["foreign"]["error"]
        assert town.recovery["recoveryKeyID"] in error, error
        assert "UnlockStore" in error
        wrong = other.recovery["recoveryKey"]
        other.api("UnlockStore", ok=False, id=number, passphrase=wrong)
        assert other.api("UnlockStore", id=number, passphrase=town.recovery["recoveryKey"].lower()) is True
        deadline = time.time() + 60
        while other.stores()["foreign"]["adopting"] and time.time() < deadline:
            time.sleep(0.1)
        messages = other.messages()
        assert [m["uid"] for m in messages] == list(range(1, 11)), messages
        assert {m["id"] for m in messages[3:]} == {i for i in before if before[i] > 5}
        for m in messages:
            assert sha256(node.get("other/alice", m["id"])) == m["sha256"]
        # Adopted for good: also after a restart, and nothing counts as deleted.
        node.cli("instance", "restart", "other")
        assert [m["uid"] for m in other.messages()] == list(range(1, 11))
        assert other.api("GetDeletedMessages")["messages"] == []
        other.put(range(110, 112), "own")
        assert [m["uid"] for m in other.messages()] == list(range(1, 13))


def test_killed():
    """The instance dies again and again while a store is taken over and while it is detached: nothing is lost or there twice."""
    with Node() as node:
        town = Town(node)
        town.api("CreateStore", name="big")
        town.put(range(3000), "big")
        town.api("SetStoreRequestedState", id=1, requestedState="current")
        folder = os.path.dirname(town.stores()["big"]["contentPath"])
        town.api("DetachStore", id=2)
        other = Town(node, "other")
        number = other.api("AttachStore", name="foreign", path=folder)
        node.post("/api/invoke/UnlockStore", {"instanceID": "other", "id": number,
                                              "passphrase": town.recovery["recoveryKey"]})
        kills = 0
        deadline = time.time() + 120
        while time.time() < deadline:
            time.sleep(random.random() * 0.3)
            if not other.patient_stores()["foreign"]["adopting"]:
                break
            kills += node.kill("instance/other") if kills < 3 else 0
        folders = other.api("GetFolderStatistics")
        path = max(folders, key=lambda f: f["count"])
        messages = other.messages(path["folder"])
        assert len(messages) == 3000 and len({m["id"] for m in messages}) == 3000, (len(messages), folders)
        assert [m["uid"] for m in messages] == list(range(1, 3001))
        assert other.api("GetDeletedMessages")["messages"] == []
        # A detach that has begun ends by itself.
        node.post("/api/invoke/DetachStore", {"instanceID": "other", "id": number})
        while "foreign" in other.patient_stores() and time.time() < deadline:
            kills += node.kill("instance/other") if kills < 5 else 0
            time.sleep(random.random() * 0.5)
        assert set(other.stores()) == {"store-1"}
        assert other.messages(path["folder"]) == []
        print("  ", kills, "kills")
        number = other.api("AttachStore", name="again", path=folder)
        assert [m["uid"] for m in other.messages(path["folder"])] == list(range(1, 3001))
        for m in messages[::500]:
            assert sha256(node.get("other/alice", m["id"])) == m["sha256"]
        reply = node.api("VerifyStores", instanceID="other")
        assert reply["result"]["problems"] == 0, reply


def test_auto_create():
    with Node() as node:
        town = Town(node)
        assert town.api("GetStoreAutoCreateConfiguration")["messages"] == 5000000
        town.api("SetStoreAutoCreateConfiguration", config=json.dumps({"enabled": True, "messages": 1000, "minFreeBytes": 1}))
        # A new store is made beside what comes in meanwhile: how far a store is exceeded depends on the machine.
        town.put(range(1250))
        town.put(range(1250, 2500))
        deadline = time.time() + 30
        while len(town.stores()) < 3 and time.time() < deadline:
            time.sleep(0.2)
        stores = town.stores()
        assert len(stores) >= 3, stores
        assert sum(s["statisticsCount"] for s in stores.values()) == 2500
        assert sum(s["requestedState"] == "current" for s in stores.values()) == 1
        assert sum(f["count"] for f in town.api("GetFolderStatistics")) == 2500
        assert town.found('"message 1234"')["total"] == 1
        # No space: the current store goes on.
        count = len(stores)
        town.api("SetStoreAutoCreateConfiguration",
                 config=json.dumps({"enabled": True, "messages": 100, "minFreeBytes": 1 << 60}))
        town.put(range(3000, 3300))
        assert len(town.stores()) == count
        out = node.cli("stores", "auto-create", "--instance", "acme", "--off", "--messages", "77")
        assert b"Changed" in out
        config = json.loads(node.cli("stores", "auto-create", "--instance", "acme"))
        assert config["enabled"] is False and config["messages"] == 77, config


def test_training():
    """From 5,000 messages on a store packs with a dictionary of its own; what it packed reads as it came."""
    with Node() as node:
        town = Town(node)
        town.put(range(5200), "trained")
        log = os.path.join(node.data, "logs", "instance_acme.log")
        deadline = time.time() + 60
        while "TrainDictionary" not in open(log, errors="replace").read() and time.time() < deadline:
            time.sleep(0.2)
        line = next(line for line in open(log, errors="replace") if "TrainDictionary" in line)
        assert "state=succeeded" in line, line
        town.put(range(6000, 6100), "later")
        node.cli("instance", "restart", "acme")
        town.put(range(6100, 6200), "later")
        messages = town.messages()
        assert len(messages) == 200, len(messages)
        for m in messages[::20]:
            assert sha256(node.get("acme/alice", m["id"])) == m["sha256"]
        reply = node.api("VerifyStores", instanceID="acme")
        assert reply["result"]["problems"] == 0, reply


def test_deletion():
    with Node() as node:
        town = Town(node)
        town.put(range(6))
        ids = {m["uid"]: m["id"] for m in town.messages()}
        held = town.api("SetHold", name="case 12", message=ids[2])
        assert [h["name"] for h in town.api("GetHolds")] == ["case 12"]
        for uid in (1, 2, 3):
            assert town.api("DeleteMessage", id=ids[uid], reason="no longer needed")["removed"] == 1
        assert [m["uid"] for m in town.messages()] == [4, 5, 6]
        deleted = {m["id"]: m for m in town.api("GetDeletedMessages")["messages"]}
        assert set(deleted) == {ids[1], ids[2], ids[3]}
        assert deleted[ids[1]]["folder"] == "alice" and deleted[ids[1]]["erasedAfter"], deleted
        assert deleted[ids[2]]["erasedAfter"] is None, deleted
        assert "delete it first" in town.api("EraseMessage", ok=False, id=ids[4], reason="test")
        assert "case 12" in town.api("EraseMessage", ok=False, id=ids[2], reason="test")
        assert town.api("EraseMessage", id=ids[1], reason="asked to")["erased"] == 1
        assert town.api("RestoreDeletedMessages", ids=ids[3]) == 1
        assert [m["uid"] for m in town.messages()] == [4, 5, 6, 7]
        assert {m["id"] for m in town.api("GetDeletedMessages")["messages"]} == {ids[2]}
        town.api("LiftHold", id=held)
        assert town.api("EraseMessages", ids=ids[2], reason="asked to")["erased"] == 1
        node.cli("instance", "restart", "acme")
        assert town.found()["total"] == 4
        assert town.api("GetDeletedMessages")["messages"] == []
        # Erased is new again.
        assert town.put(range(6))["stored"] == 2
        # The grace period: nothing of it is left after it.
        with open(os.path.join(node.data, "archivolt-instance.conf"), "a") as f:
            f.write("grace_days = 0\n")
        town.api("DeleteMessage", id=ids[5], reason="test")
        node.cli("instance", "restart", "acme")
        deadline = time.time() + 30
        while town.api("GetDeletedMessages")["messages"] and time.time() < deadline:
            time.sleep(0.2)
        assert town.api("GetDeletedMessages")["messages"] == []


def test_merge():
    with Node() as node:
        town = Town(node)
        town.put(range(20))
        town.api("CreateStore", name="second")
        town.put(range(20, 35))
        town.api("CreateStore", name="third")
        town.put(range(35, 40))
        before = {m["id"]: m["uid"] for m in town.messages()}
        deleted = town.messages()[25]["id"]
        town.api("DeleteMessage", id=deleted, reason="test")
        del before[deleted]
        assert "current" in town.api("MergeStore", ok=False, id=1, sourceId=3)
        assert "itself" in town.api("MergeStore", ok=False, id=1, sourceId=1)
        town.api("MergeStore", id=1, sourceId=2)
        stores = town.stores()
        assert set(stores) == {"store-1", "third"} and stores["store-1"]["statisticsCount"] == 34, stores
        for again in range(2):
            assert {m["id"]: m["uid"] for m in town.messages()} == before
            for m in town.messages():
                assert sha256(node.get("acme/alice", m["id"])) == m["sha256"]
            reply = node.api("VerifyStores", instanceID="acme")
            assert reply["result"]["problems"] == 0, reply
            node.cli("instance", "restart", "acme")
        assert town.found()["total"] == 39


def test_verify_compact():
    with Node() as node:
        town = Town(node)
        folder = os.path.join(node.top, "large")
        os.makedirs(folder)
        for number in range(30):
            with open(os.path.join(folder, f"{number}.eml"), "wb") as f:
                f.write(mail(number, "large") + os.urandom(20000).hex().encode() + b"\n")
        files = sorted(os.path.join(folder, name) for name in os.listdir(folder))
        node.import_files("acme", "alice", *files)
        # New messages go to another store, so that the first one's container is closed.
        town.api("CreateStore", name="next")
        reply = node.api("VerifyStores", instanceID="acme", includeIndexes="true")
        assert reply["statusCode"] == "succeeded" and reply["result"] == {"stores": 2, "problems": 0}, reply
        ids = [m["id"] for m in town.messages()]
        for message in ids[:20]:
            town.api("DeleteMessage", id=message, reason="test")
        assert town.api("EraseMessages", ids=",".join(ids[:20]), reason="test")["erased"] == 20
        before = town.stores()["store-1"]["storedSize"]
        town.api("CompactStore", id=1)
        after = town.stores()["store-1"]["storedSize"]
        assert after < before / 2, (before, after)
        reply = node.api("VerifyStore", instanceID="acme", id=1)
        assert reply["result"]["problems"] == 0, reply
        for m in town.messages():
            assert sha256(node.get("acme/alice", m["id"])) == m["sha256"]
        print("  ", before, "bytes before,", after, "after")
        # One byte of rot is found and named, and the command line says so.
        containers = sorted(glob.glob(os.path.join(town.stores()["store-1"]["contentPath"], "*.avc")))
        with open(containers[0], "r+b") as f:
            f.seek(os.path.getsize(containers[0]) // 2)
            byte = f.read(1)
            f.seek(-1, 1)
            f.write(bytes((byte[0] ^ 1,)))
        done = node.run("stores", "verify", "1", "--instance", "acme")
        assert done.returncode == 3 and b"store-1: " in done.stderr and b"problem" in done.stdout, done


def test_recover():
    with Node() as node:
        town = Town(node)
        town.put(range(30))
        town.api("CreateStore", name="second")
        town.put(range(30, 40))
        town.api("DeleteMessage", id=town.messages()[3]["id"], reason="test")
        before = {m["id"]: (m["uid"], m["sha256"]) for m in town.messages()}
        assert "not damaged" in town.api("RecoverStore", ok=False, id=1)
        assert "current" in town.api("RecoverStore", ok=False, id=2)
        town.api("RecreateRecoveryRecords", id=1)
        assert {m["id"]: (m["uid"], m["sha256"]) for m in town.messages()} == before
        content = town.stores()["store-1"]["contentPath"]
        assert content.endswith("content-recovered"), content
        # Rot in the middle of the log and a lost database: everything that can be read comes back as it was.
        node.cli("instance", "stop", "acme")
        shutil.rmtree(town.stores_path("store-1", "database-recovered"))
        container = sorted(glob.glob(os.path.join(content, "*.avc")))[0]
        with open(container, "r+b") as f:
            f.seek(os.path.getsize(container) // 2)
            f.write(b"rot")
        node.cli("instance", "start", "acme")
        town.api("SetStoreRequestedState", id=1, requestedState="disabled")
        out = node.run("stores", "recover", "1", "--instance", "acme")
        assert out.returncode in (0, 3), out
        town.api("SetStoreRequestedState", id=1, requestedState="normal")
        after = {m["id"]: (m["uid"], m["sha256"]) for m in town.messages()}
        assert len(after) >= len(before) - 1 and all(before[i] == after[i] for i in after), (len(after), len(before))
        for m in town.messages():
            assert sha256(node.get("acme/alice", m["id"])) == m["sha256"]
        reply = node.api("VerifyStores", instanceID="acme")
        assert reply["result"]["problems"] == 0, reply
        assert os.path.exists(container)
        node.cli("instance", "restart", "acme")
        assert {m["id"]: (m["uid"], m["sha256"]) for m in town.messages()} == after


def test_care():
    with Node() as node:
        town = Town(node)
        town.put(range(20))
        town.api("CreateStore", name="second")
        town.put(range(20, 30))
        for function in ("RefreshAllStoreStatistics", "MaintainFileSystemDatabases", "UpgradeStores"):
            reply = node.api(function, instanceID="acme")
            assert reply["statusCode"] == "succeeded" and reply["result"]["stores"] == 2, reply
        for number in (1, 2):
            town.api("RepairStoreDatabase", id=number)
        assert town.found()["total"] == 30
        # A damaged view and a lost catalog are made again.
        node.cli("instance", "stop", "acme")
        shutil.rmtree(os.path.join(town.base(), "catalog"))
        shutil.rmtree(os.path.join(town.base(), "stores", "store-1", "database"))
        node.cli("instance", "start", "acme")
        assert town.found()["total"] == 30
        assert [m["uid"] for m in town.messages()] == list(range(1, 31))
        # A store whose files are gone is an error of that store alone.
        node.cli("instance", "stop", "acme")
        shutil.move(os.path.join(town.base(), "stores", "store-1"), os.path.join(node.top, "away"))
        node.cli("instance", "start", "acme")
        assert "there is no archive store" in town.stores()["store-1"]["error"], town.stores()
        assert len(town.messages()) == 30
        assert town.put(range(40, 42))["stored"] == 2
        shutil.rmtree(os.path.join(town.base(), "stores", "store-1"), ignore_errors=True)
        shutil.move(os.path.join(node.top, "away"), os.path.join(town.base(), "stores", "store-1"))
        town.api("RetryOpenStores")
        assert town.stores()["store-1"]["error"] is None, town.stores()
        assert town.found()["total"] == 32


def call(node, function, *fields):
    return json.loads(node.cli("--json", "call", function, "instanceID=acme", *fields))


def test_freeze():
    with Node() as node:
        town = Town(node)
        town.put(range(5))
        paths = {(p["kind"], p["path"]): p for p in call(node, "GetPaths")}
        assert any(kind == "keyring" and p["needed"] for (kind, _), p in paths.items()), paths
        for _, path in paths:
            assert path.startswith(town.base())
        assert call(node, "Freeze", "seconds=120")["seconds"] == 120
        try:
            town.put(range(10, 12), options=("--timeout", "3"))
            raise AssertionError("archived while frozen")
        except Failed as e:
            assert b"frozen" in e.stderr + e.stdout, e
        assert town.found()["total"] == 5
        copy = os.path.join(node.top, "copy")
        shutil.copytree(town.base(), copy)
        assert call(node, "Thaw")["wasFrozen"] is True
        assert town.put(range(10, 12))["stored"] == 2
        # By itself.
        call(node, "Freeze", "seconds=1")
        time.sleep(2)
        assert town.put(range(12, 14))["stored"] == 2
        assert call(node, "Thaw")["wasFrozen"] is False
        logs = "".join(open(f, errors="replace").read() for f in glob.glob(os.path.join(node.data, "logs", "*.log")))
        for event in ("backup.began", "backup.frozen", "backup.thawed", "backup.ended", "backup.too_long"):
            assert event in logs, event


def test_cli():
    with Node() as node:
        town = Town(node)
        town.put(range(3))
        rows = json.loads(node.cli("stores", "list", "--instance", "acme", "--json"))
        assert rows[0]["name"] == "store-1" and rows[0]["statisticsCount"] == 3
        assert b"Archive store 2." in node.cli("stores", "create", "second", "--instance", "acme", "--state", "normal")
        assert b"store-1" in node.cli("stores", "list", "--instance", "acme")
        node.cli("stores", "rename", "second", "third", "--instance", "acme")
        node.cli("stores", "set-state", "third", "disabled", "--instance", "acme")
        node.cli("stores", "set-path", "third", "--path", "~/stores/second", "--instance", "acme")
        node.cli("stores", "set-state", "2", "normal", "--instance", "acme")
        assert node.cli("stores", "propose", "x", "--instance", "acme").strip() == b"~/stores/x"
        node.cli("stores", "retry", "--instance", "acme")
        node.cli("stores", "maintain", "--instance", "acme")
        node.cli("stores", "upgrade", "third", "--instance", "acme")
        node.cli("stores", "upgrade", "--instance", "acme")
        node.cli("stores", "repair", "1", "--instance", "acme")
        node.cli("stores", "refresh-statistics", "--instance", "acme")
        node.cli("stores", "detach", "third", "--instance", "acme")
        out = node.cli("stores", "attach", "fourth", "--path", "~/stores/second", "--instance", "acme")
        assert b"Archive store 3." in out, out
        assert node.run("stores", "detach", "nobody", "--instance", "acme").returncode == 6
        assert node.run("stores", "detach", "--instance", "acme").returncode == 2
        sheet = os.path.join(node.top, "sheet.txt")
        out = node.cli("instance", "create", "more", "--recovery-sheet", sheet)
        assert b"AVR1" not in out and b"AVR1" in open(sheet, "rb").read()
        assert os.stat(sheet).st_mode & 0o077 == 0
        key = json.loads(node.cli("--json", "call", "RenewRecoveryKey", "instanceID=more"))
        assert key["recoveryKey"].startswith("AVR1-")


main(test_life, test_merge, test_recover, test_verify_compact, test_detach_attach, test_killed, test_auto_create, test_training, test_deletion, test_care, test_freeze, test_cli)
