"""A disk that is really full: clear errors, reading goes on, and with room again the instance heals itself."""
import json
import os
import shutil
import subprocess
import tempfile
import time

from node import Node, main, sha256, skip

DISK_MB = 96
MESSAGE = b"From: a@b.example\nTo: c@d.example\nDate: Mon, 1 Jan 2024 10:00:00 +0000\nSubject: %s\n\n%s\n"


class SmallDisk:
    """A file system of its own, some MB large, with a file on it that can be taken away."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="av-disk-")
        self.mounted = False
        if os.getuid() != 0 or shutil.which("mount") is None:
            os.rmdir(self.top)
            skip("mounting a small file system needs root and mount(8)")
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", self.top]
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            os.rmdir(self.top)
            skip("no mounts are allowed here")
        self.mounted = True

    def free(self):
        fs = os.statvfs(self.top)
        return fs.f_bavail * fs.f_frsize

    def fill(self, name, leave=0):
        """A file that leaves so many bytes free."""
        with open(os.path.join(self.top, name), "ab", buffering=0) as f:
            while self.free() > leave:
                try:
                    f.write(b"\xA5" * min(1 << 20, self.free() - leave))
                except OSError:
                    break

    def remove(self, name):
        os.unlink(os.path.join(self.top, name))

    def close(self):
        if self.mounted:
            subprocess.run(["umount", self.top], check=False)
        shutil.rmtree(self.top, ignore_errors=True)


class System:
    """A node with the instance "full" on a small disk, and what was acknowledged there."""

    def __init__(self):
        self.disk = SmallDisk()
        self.mail = tempfile.mkdtemp(prefix="av-mail-")
        self.node = None

    def __enter__(self):
        try:
            self.node = Node(start=False)
            with open(os.path.join(self.node.data, "archivolt-instance.conf"), "a") as f:
                f.write("heal_free_mb = 16\nheal_pause_s = 5\n")
            self.node.start()
            self.node.create_instance("full", "--base-directory", self.disk.top + "/full")
            self.node.create_user("full", "alice")
        except BaseException as trouble:
            self.__exit__(type(trouble), trouble, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.node is not None:
                self.node.__exit__(kind, value, trace)
        finally:
            shutil.rmtree(self.mail, ignore_errors=True)
            self.disk.close()

    def write(self, folder, count, size):
        top = os.path.join(self.mail, folder)
        os.makedirs(top)
        for i in range(count):
            with open(os.path.join(top, f"{i}.eml"), "wb") as f:
                f.write(MESSAGE % (f"{folder} {i}".encode(), os.urandom(size // 2).hex().encode()))
        return top

    def digests(self, *folders):
        found = set()
        for folder in folders:
            for name in os.listdir(folder):
                with open(os.path.join(folder, name), "rb") as f:
                    found.add(sha256(f.read()))
        return found

    def try_user(self, name):
        password = {"ARCHIVOLT_NEW_PASSWORD": "long enough 1"}
        return self.node.run("user", "create", "--instance", "full", name, env=password)

    def users_until_refused(self):
        for i in range(400):
            done = self.try_user(f"user{i}")
            if done.returncode != 0:
                return done
        raise AssertionError("nothing was refused")

    def status(self, instance="full"):
        """None while it starts."""
        done = self.node.run("call", "Actor.GetStatus", "--to", "instance/" + instance, "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait(self, seconds, fits, instance="full"):
        end = time.time() + seconds
        while time.time() < end:
            status = self.status(instance)
            if status is not None and fits(status):
                return status
            time.sleep(0.3)
        raise AssertionError(status)

    def readable(self, limit=5000):
        """Digests of all that can be found and read: read."""
        found = self.node.search("full/alice", "size:>=0", limit=limit)
        for row in found["messages"]:
            assert sha256(self.node.get("full/alice", row["id"])) == row["sha256"], row
        return {row["sha256"] for row in found["messages"]}

    def events(self, *words):
        """Lines of the instance's log with all these words."""
        lines = []
        logs = os.path.join(self.node.data, "logs")
        for name in [os.path.join(self.node.top, "node.log")] + [os.path.join(logs, n) for n in os.listdir(logs)]:
            with open(name, "rb") as f:
                text = f.read().decode(errors="replace")
            lines += [line for line in text.splitlines() if all(word in line for word in words)]
        return lines


def counter(status, key):
    return int(status["counters"][key])


def is_well(status):
    return status["state"] == "ready" and counter(status, "failed") == 0


def test_accounts_heal():
    """Accounts that found no room: changes are refused with a reason, reading goes on, it starts again by itself."""
    with System() as s:
        node = s.node
        first = s.write("first", 20, 4000)
        assert node.import_files("full", "alice", first)["stored"] == 20
        pid = node.pids("instance/full")
        assert len(pid) == 1
        s.disk.fill("ballast")
        done = s.users_until_refused()
        text = (done.stdout + done.stderr).decode()
        print("   refused:", text.strip())
        assert done.returncode != 0 and "disk" in text and "full" in text and "MB free" in text, text
        status = s.wait(20, lambda st: st["state"] == "degraded" and "MB free" in st.get("detail", ""))
        print("   status:", status["detail"])
        assert counter(status, "failed") == 1, status
        done = s.try_user("late")
        text = (done.stdout + done.stderr).decode()
        assert done.returncode != 0 and "starts again by itself" in text, text
        done = node.run("import", "--instance", "full", "--archive", "alice", first, "--json")
        text = (done.stdout + done.stderr).decode()
        assert done.returncode != 0 and "starts again by itself" in text, text
        assert s.readable() == s.digests(first)
        time.sleep(8)
        assert node.pids("instance/full") == pid, "without room it does not start again"

        s.disk.remove("ballast")
        s.wait(60, lambda st: is_well(st) and node.pids("instance/full") != pid)
        assert s.events("database.failed") and s.events("instance.heals") and s.events("process.ended", "status=74")
        node.create_user("full", "late")
        second = s.write("second", 20, 4000)
        assert node.import_files("full", "alice", second)["stored"] == 20
        assert s.readable() == s.digests(first, second)


def test_import_meets_full_disk():
    """A disk that fills up under an import: an error to act on; with room again all that was acknowledged is there."""
    with System() as s:
        node = s.node
        first = s.write("first", 20, 4000)
        assert node.import_files("full", "alice", first)["stored"] == 20
        s.disk.fill("ballast", leave=20 << 20)
        large = s.write("large", 250, 320000)
        done = node.run("import", "--instance", "full", "--archive", "alice", large, "--json", timeout=300)
        text = (done.stdout + done.stderr).decode()
        print("   import:", text.strip().splitlines()[-1][:300])
        assert done.returncode != 0 and "is full" in text and "MB free" in text, text
        s.disk.fill("rest")  # and nothing is left for databases, either
        s.users_until_refused()
        before = s.readable()
        assert s.digests(first) < before, len(before)
        print("   stored before the disk was full:", len(before))

        s.disk.remove("rest")
        s.disk.remove("ballast")
        s.wait(90, lambda st: is_well(st) and counter(st, "runs") == 0)
        print("   healed:", len(s.events("instance.heals")), "times")
        account = node.import_files("full", "alice", large)
        assert account["refused"] == 0 and account["stored"] + account["duplicate"] == 250, account
        after = s.readable()
        assert before <= after and after == s.digests(first, large), (len(before), len(after))


def test_database_heals():
    """The disk of a store's database is full, its log's is not: what the log acknowledged is there, with room again."""
    with System() as s:
        node = s.node
        node.create_instance("wide")
        node.create_user("wide", "alice")
        here = node.api("GetStores", instanceID="wide")["result"][0]["contentPath"]
        reply = node.api("CreateStore", instanceID="wide", name="apart", contentPath=os.path.dirname(here) + "-apart",
                         databasePath=s.disk.top + "/database", indexPath=os.path.dirname(here) + "-index")
        assert reply["statusCode"] == "succeeded", reply
        first = s.write("first", 20, 4000)
        assert node.import_files("wide", "alice", first)["stored"] == 20
        pid = node.pids("instance/wide")
        s.disk.fill("ballast")
        many = s.write("many", 3000, 2000)
        done = node.run("import", "--instance", "wide", "--archive", "alice", many, "--json", timeout=300)
        account = json.loads(done.stdout.decode().strip().splitlines()[-1])
        acknowledged = int(s.events("run.intake_failed", "instance/wide")[0].split("last_item=")[1].split()[0])
        print("   import:", account, "acknowledged:", acknowledged)
        assert done.returncode != 0 and 0 < acknowledged < 3000, acknowledged
        assert account["error"]["code"] == "no_space", account
        assert s.disk.top + "/database is full" in account["error"]["message"], account
        status = s.wait(20, lambda st: st["state"] == "degraded" and "MB free" in st.get("detail", ""), "wide")
        print("   status:", status["detail"])
        assert "archive store apart" in status["detail"] and counter(status, "failed") >= 1, status
        # Accounts lie on a disk that has room.
        node.create_user("wide", "bob")
        assert node.search("wide/alice", "size:>=0", limit=1)["total"] >= 20

        s.disk.remove("ballast")
        s.wait(90, lambda st: is_well(st) and counter(st, "runs") == 0, "wide")
        assert node.pids("instance/wide") != pid and s.events("instance.heals", "instance/wide")
        found = node.search("wide/alice", "size:>=0", limit=5000)
        print("   found:", found["total"])
        assert found["total"] >= 20 + acknowledged, (found["total"], acknowledged)
        again = node.import_files("wide", "alice", many)
        assert again["refused"] == 0 and again["stored"] + again["duplicate"] == 3000, again
        found = node.search("wide/alice", "size:>=0", limit=5000)
        assert {row["sha256"] for row in found["messages"]} == s.digests(first, many)
        for row in found["messages"][::100]:
            assert sha256(node.get("wide/alice", row["id"])) == row["sha256"], row


def test_start_on_full_disk():
    """An instance that cannot start for lack of room says so, and comes when there is some."""
    with System() as s:
        node = s.node
        first = s.write("first", 20, 4000)
        assert node.import_files("full", "alice", first)["stored"] == 20
        s.disk.fill("ballast")
        node.kill("instance/full")
        time.sleep(4)
        trouble = s.events("process.backoff") and s.events("is full", "MB free")
        print("   full:", (trouble or ["it started"])[-1])
        s.disk.remove("ballast")
        s.wait(90, lambda st: st["state"] == "ready")
        assert s.readable() == s.digests(first)
        node.create_user("full", "late")


if __name__ == "__main__":
    main(test_accounts_heal, test_import_meets_full_disk, test_database_heals, test_start_on_full_disk)
