"""kill -9 of each actor at random moments of an import: the run goes on or reports, nothing is lost, nothing is doubled.

AV_KILLS: how many kills in all (default 6; the full test takes 200).
"""
import json
import os
import random
import subprocess
import tempfile
import time

from node import BIN, Node, main, need_corpus, sha256, unpack

KILLS = int(os.environ.get("AV_KILLS", "6"))
ACTORS = ("instance", "worker", "host", "broker", "management", "gateway")
PER_IMPORT = 6


def messages_of(folder):
    want = []
    for root, _, files in os.walk(folder):
        for file in files:
            with open(os.path.join(root, file), "rb") as f:
                want.append(sha256(f.read()))
    return want


def start_import(node, instance, folder):
    return subprocess.Popen([os.path.join(BIN, "archivolt"), "--data", node.data, "import", "--instance", instance,
                             "--archive", "alice", folder, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def one_round(node, number, folder, want, kills):
    name = f"kill{number}"
    node.create_instance(name)
    node.create_user(name, "alice")
    run = start_import(node, name, folder)
    done = 0
    while done < kills and run.poll() is None:
        time.sleep(random.uniform(0.05, 1.2))
        actor = random.choice(ACTORS)
        target = f"instance/{name}" if actor == "instance" else actor
        if node.kill(target) > 0:
            done += 1
    out, err = run.communicate(timeout=600)
    assert run.returncode == 0, (run.returncode, out, err)
    account = json.loads(out.decode().strip().splitlines()[-1])
    print("  ", name, done, "kills", account, flush=True)
    assert account["offered"] == len(want), account
    assert account["stored"] + account["duplicate"] + account["refused"] == account["offered"], account
    node.wait_ready(120)
    for attempt in range(20):  # a just killed gateway or broker may still be on its way back
        try:
            found = node.search(f"{name}/alice", "size:>=0", limit=10000)
            break
        except Exception:
            if attempt == 19:
                raise
            time.sleep(1)
    have = sorted(m["sha256"] for m in found["messages"])
    assert found["total"] == len(set(want)), (found["total"], len(set(want)))
    assert have == sorted(set(want))
    statistics = json.loads(node.cli("call", "GetInstanceStatistics", f"instanceID={name}", "--json"))
    assert statistics["numberOfMessages"] == account["stored"], (statistics, account)
    node.cli("instance", "delete", name, "--yes")
    return done


def test_kills():
    need_corpus()
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        unpack("bulk/lists.tar.zst", folder)
        kept = os.path.join(folder, sorted(os.listdir(folder))[0])
        if KILLS <= 12:
            kept = os.path.join(folder, "usrp-users")
        want = messages_of(kept)
        done = rounds = 0
        while done < KILLS and rounds < KILLS * 3:
            rounds += 1
            done += one_round(node, rounds, kept, want, min(PER_IMPORT, KILLS - done))
        print(f"   {done} kills in {rounds} imports of {len(want)} messages")
        assert done >= min(KILLS, 3), done


if __name__ == "__main__":
    main(test_kills)
