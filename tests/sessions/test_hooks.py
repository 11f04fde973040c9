"""deploy/hooks: freeze comes before the snapshot and thaw after it, and thaw comes however the script ends (programs on
PATH that write down how they are called); restic on a real instance."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from node import BIN, REPO, Node, main

HOOKS = os.path.join(REPO, "deploy", "hooks")
SNAPSHOTS = {
    "lvm-snapshot": (["vg0/archive", "nightly", "5G"], "lvcreate --snapshot --size 5G --name nightly vg0/archive"),
    "zfs-snapshot": (["tank/archive@nightly"], "zfs snapshot -r tank/archive@nightly"),
    "btrfs-snapshot": (["/srv/archive", "/srv/s"], "btrfs subvolume snapshot -r /srv/archive /srv/s"),
}
FAKE = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$(basename "$0") $1" in
"archivolt instance") printf 'INSTANCE  ALIAS\\none       -\\ntwo       -\\n' ;;
"archivolt freeze") [ "$2" != "${FAIL_FREEZE:-}" ] ;;
"archivolt thaw") exit "${THAW_STATUS:-0}" ;;
"lvcreate "*|"zfs "*|"btrfs "*) sleep "${SNAPSHOT_SECONDS:-0}"; exit "${SNAPSHOT_STATUS:-0}" ;;
esac
"""


class Fakes:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="av-hooks-")
        self.calls = os.path.join(self.dir, "calls")
        for name in ("archivolt", "lvcreate", "zfs", "btrfs"):
            path = os.path.join(self.dir, name)
            with open(path, "w") as f:
                f.write(FAKE)
            os.chmod(path, 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def env(self, **more):
        return dict(os.environ, PATH=self.dir + ":" + os.environ["PATH"], CALLS=self.calls, **more)

    def start(self, hook, *args, **more):
        open(self.calls, "w").close()
        return subprocess.Popen([os.path.join(HOOKS, hook), *args], env=self.env(**more), stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)

    def run(self, hook, *args, **more):
        process = self.start(hook, *args, **more)
        self.told = process.communicate(timeout=30)[1].decode()
        return process.returncode

    def log(self):
        with open(self.calls) as f:
            return [line.strip() for line in f if not line.startswith("archivolt instance")]


def froze(name):
    return f"archivolt freeze {name} --seconds 60"


def test_order():
    with Fakes() as f:
        for hook, (args, snapshot) in SNAPSHOTS.items():
            assert f.run(hook, *args) == 0, f.told
            thawed = ["archivolt thaw one", "archivolt thaw two"]
            assert f.log() == [froze("one"), froze("two"), snapshot, *thawed], f.log()
            assert f.run(hook, *args, "demo") == 0
            assert f.log() == [froze("demo"), snapshot, "archivolt thaw demo"], f.log()
            assert f.run(hook) == 2 and f.log() == []


def test_always_thawed():
    with Fakes() as f:
        for hook, (args, snapshot) in SNAPSHOTS.items():
            assert f.run(hook, *args, SNAPSHOT_STATUS="5") == 5
            assert f.log()[-3:] == [snapshot, "archivolt thaw one", "archivolt thaw two"], f.log()
            assert f.run(hook, *args, FAIL_FREEZE="two") != 0
            assert f.log() == [froze("one"), froze("two"), "archivolt thaw one", "archivolt thaw two"], f.log()
            assert f.run(hook, *args, THAW_STATUS="3") == 1 and "no consistent state" in f.told
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                process = f.start(hook, *args, SNAPSHOT_SECONDS="0.6")
                until = time.time() + 20
                while snapshot not in f.log() and time.time() < until:
                    time.sleep(0.05)
                process.send_signal(number)
                process.communicate(timeout=30)
                assert process.returncode != 0
                assert f.log()[-2:] == ["archivolt thaw one", "archivolt thaw two"], (number, f.log())


def test_qemu():
    with Fakes() as f:
        more = {"ARCHIVOLT_HOOK_STATE": os.path.join(f.dir, "state"), "ARCHIVOLT_HOOKS_CONF": "/nonexistent"}
        hook = "qemu-fsfreeze-hook"
        assert f.run(hook, "freeze", **more) == 0, f.told
        assert f.log() == [froze("one"), froze("two")], f.log()
        assert f.run(hook, "thaw", **more) == 0
        assert f.log() == ["archivolt thaw one", "archivolt thaw two"], f.log()
        assert f.run(hook, "thaw", **more) == 0 and f.log() == []
        assert f.run(hook, "freeze", FAIL_FREEZE="two", **more) != 0
        assert f.log() == [froze("one"), froze("two"), "archivolt thaw one", "archivolt thaw two"], f.log()
        assert f.run(hook, "freeze", INSTANCES="demo", **more) == 0
        assert f.run(hook, "thaw", THAW_STATUS="3", **more) == 1
        assert f.run(hook, "other", **more) == 2


def test_restic():
    if shutil.which("restic") is None:
        print("SKIP: restic is not installed")
        return
    from test_backup import all_mail, restore, secret_file, verify, write_mail
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo")
        node.create_user("demo", "alice")
        mail = write_mail(os.path.join(folder, "a"), 40)
        node.import_files("demo", "alice", os.path.join(folder, "a"))
        to = os.path.join(folder, "to")
        env = dict(os.environ, ARCHIVOLT=os.path.join(BIN, "archivolt"), ARCHIVOLT_DATA=node.data,
                   RESTIC_REPOSITORY=os.path.join(folder, "repository"), HOME=folder,
                   RESTIC_PASSWORD_FILE=secret_file(folder, "words", "a password for restic"))
        subprocess.run(["restic", "init", "-q"], env=env, check=True)
        for i in range(2):
            mail |= write_mail(os.path.join(folder, f"b{i}"), 5, first=1000 * (i + 1))
            node.import_files("demo", "alice", os.path.join(folder, f"b{i}"))
            subprocess.run([os.path.join(HOOKS, "restic-backup"), to], env=env, check=True, stdout=subprocess.DEVNULL)
        listed = subprocess.run(["restic", "ls", "latest"], env=env, check=True, stdout=subprocess.PIPE).stdout.decode()
        assert ".avc" in listed and "keyring.avk" not in listed
        keys = json.loads(subprocess.run(["restic", "-r", to + ".keys", "snapshots", "--json"], env=env, check=True,
                                         stdout=subprocess.PIPE).stdout)
        assert len(keys) == 1, "more than the newest keyring is kept"
        back = os.path.join(folder, "back")
        for repository in (env["RESTIC_REPOSITORY"], to + ".keys"):
            subprocess.run(["restic", "-r", repository, "restore", "latest", "--target", back, "-q"], env=env,
                           check=True)
        again = os.path.join(back, to.lstrip("/"), "demo")
        assert verify(node, again)["faults"] == 0
        restore(node, again, "copy")
        assert all_mail(node, "copy/alice") == mail


if __name__ == "__main__":
    main(test_order, test_always_thawed, test_qemu, test_restic)
