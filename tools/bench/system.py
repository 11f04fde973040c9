#!/usr/bin/python3
"""tools/bench/system.py [--quick | --memory] [--bin DIR]: what a whole node takes, with the bulk corpus.

Measures quickstart, import, search, IMAP, memory of idle instances and waking, on a node of its own, beside raw limits
of the machine taken in the same run; prints a table and exits with 1 when a goal is missed. Some fifteen minutes, as
memory is measured a minute after each kind of work (--quick: under ten, with fewer instances and repetitions; --memory:
memory alone). Needs a release build, python3-zmq, python3-protobuf, and the corpus (ARCHIVOLT_CORPUS).
The bus alone: tools/bench/bus.sh.
"""
import argparse
import os
import re
import shutil
import ssl
import socket
import statistics
import subprocess
import sys
import tempfile
import time

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("--quick", action="store_true", help="fewer instances and repetitions")
PARSER.add_argument("--memory", action="store_true", help="only what an idle instance holds after each kind of work")
PARSER.add_argument("--bin", default=os.path.join(REPO, "build", "release", "bin"), help="programs of a release build")
ARGS = PARSER.parse_args()
os.environ["AV_BIN"] = os.path.realpath(ARGS.bin)
sys.path.insert(0, os.path.join(REPO, "tests", "sessions"))

import bus  # noqa: E402  needs AV_BIN and the path above
from node import Failed, Node, free_offset, need_corpus, unpack  # noqa: E402

HOST = bus.importlib.import_module("proto.host_pb2")
MB = 1e6
IDLE_S = 20  # memory is given back after 5 s and 15 s without work; housekeeping faults in again what idling needs
REST_S = 60  # a whole minute for the instance with the archive, state by state
SETS = ("lists", "phishing-pot", "spamassassin")


class Table:
    def __init__(self):
        self.missed = False

    def head(self, text):
        print(f"\n{text}", flush=True)

    def row(self, what, value, goal=None, met=None):
        verdict = "" if goal is None else f"{goal:<16} {'met' if met else 'MISSED'}"
        self.missed = self.missed or met is False
        print(f"  {what:<48} {value:<30} {verdict}".rstrip(), flush=True)


def spread(values, unit, digits=1):
    return f"{statistics.median(values):.{digits}f} {unit} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def timed(run, *args):
    began = time.perf_counter()
    run(*args)
    return time.perf_counter() - began


# ---- raw limits ----

def copy_durably(source, target):
    shutil.copytree(source, target)
    subprocess.run(["sync", "-f", target], check=True)


def digest(source):
    subprocess.run(f"find '{source}' -type f -print0 | xargs -0 sha256sum >/dev/null", shell=True, check=True)


def raw_limits(table, files, scratch, size):
    table.head(f"Raw limits of this machine, same files ({size / MB:.0f} MB)")
    seconds = timed(copy_durably, files, os.path.join(scratch, "copy"))
    table.row("copy the files, then one sync", f"{size / MB / seconds:.0f} MB/s")
    shutil.rmtree(os.path.join(scratch, "copy"))
    seconds = timed(digest, files)
    table.row("sha256sum of the files", f"{size / MB / seconds:.0f} MB/s")


# ---- the node ----

def quickstart(table, scratch):
    data = os.path.join(scratch, "quickstart")
    command = [os.path.join(REPO, "tools", "quickstart"), "--data", data, "--no-install"]
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    began = time.perf_counter()
    subprocess.run(command + ["--port-offset", str(free_offset()), "--demo"], **quiet)
    seconds = time.perf_counter() - began
    subprocess.run(command + ["--stop"], **quiet)
    table.row("tools/quickstart --demo, built", f"{seconds:.1f} s", "under 10 s", seconds < 10)


def run_import(table, node, files, count, size):
    password = node.create_user("bulk", "alice")
    account = node.import_files("bulk", "alice", files)
    assert account["stored"] == account["offered"] == count, account
    seconds = account["seconds"]
    table.row(f"import of {count} messages", f"{count / seconds:.0f} msg/s, {size / MB / seconds:.1f} MB/s")
    return password


def run_searches(table, node, password):
    queries = (("word in a header", "subject:raid"), ("word in the whole message", "mdadm"),
               ("phrase", '"read error"'))
    for name, query in queries:
        seconds = []
        for _ in range(2 if ARGS.quick else 3):
            began = time.perf_counter()
            found = node.search("bulk/alice", query, password=password, limit=50)
            seconds.append(time.perf_counter() - began)
        table.row(f"search, {name}: {found['total']} found", spread(seconds, "s", 2))


def run_many_searches(node, password):
    """Different ones: in headers, by sender, in whole messages, phrases; more than half of them unseal everything."""
    words = ("kernel patch error disk failed bank account spam free click order offer array rebuild drive resync git "
             "branch merge python perl test release update security").split()
    for i, word in enumerate(words[::2] if ARGS.quick else words):
        for query in (word, f"from:{word}" if i % 2 == 0 else f'"{word} {words[i - 1]}"'):
            node.search("bulk/alice", query, password=password, limit=20)


class Imap:
    """As little as fetching takes: imaplib would measure itself."""

    def __init__(self, node):
        context = ssl.create_default_context(cafile=os.path.join(node.data, "tls", "cert.pem"))
        plain = socket.create_connection(("localhost", node.port(993)), timeout=120)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.count = 0
        assert self.socket.recv(4096).startswith(b"* OK")

    def command(self, text):
        """(bytes of the answer, its last part); the tag is one that no mail holds at a line's begin."""
        self.count += 1
        tag = f"zq{self.count:05d}bench"
        self.socket.sendall(f"{tag} {text}\r\n".encode())
        end = re.compile(rb"(?:^|\r\n)" + tag.encode() + rb" (OK|NO|BAD)[^\r]*\r\n$")
        size, tail, parts = 0, b"", []
        while not end.search(tail):
            got = self.socket.recv(1 << 18)
            assert got, "the server hung up"
            size += len(got)
            tail = (tail + got)[-1000:]
            if size < 1 << 20:
                parts.append(got)
        assert end.search(tail).group(1) == b"OK", tail
        return size, b"".join(parts)


def mailboxes(client, password):
    """Log in and open one mailbox after the other, all but folders that only hold others."""
    client.command(f'LOGIN bulk/alice "{password}"')
    names = re.findall(rb' "/" ("[^"]*"|\S+)\r\n', client.command('LIST "" "*"')[1])
    for name in names[-2:] if ARGS.quick else names:
        try:
            client.command(f"EXAMINE {name.decode()}")
        except AssertionError:
            continue
        yield name
    client.command("LOGOUT")


def run_imap(table, node, password):
    client = Imap(node)
    size = seconds = 0
    for _ in mailboxes(client, password):
        began = time.perf_counter()
        got, _ = client.command("FETCH 1:* BODY.PEEK[]")
        seconds += time.perf_counter() - began
        size += got
    table.row("IMAP FETCH 1:* BODY.PEEK[] over TLS", f"{size / MB / seconds:.1f} MB/s, {size / MB:.0f} MB")


def run_reconnects(node, password):
    """What mail programs do that come and go: lists of what is there, each time on a new connection."""
    for _ in range(5 if ARGS.quick else 20):
        client = Imap(node)
        for _ in mailboxes(client, password):
            client.command("FETCH 1:* (UID FLAGS)")


# ---- memory ----

def memory(pid):
    """(PSS, private) in MB."""
    kb = {}
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            words = line.split()
            if words[0].endswith(":") and words[1].isdigit():
                kb[words[0]] = int(words[1])
    return kb["Pss:"] / 1024, (kb["Private_Clean:"] + kb["Private_Dirty:"]) / 1024


def run_memory_of(table, node, what, instances):
    figures = [memory(node.pids("instance/" + name)[0]) for name in instances]
    pss = [f[0] for f in figures]
    table.row(what, f"{spread(pss, 'MB', 2)}", "at most 5 MB PSS", max(pss) <= 5)
    table.row("  of it private to the process", spread([f[1] for f in figures], "MB", 2))


def rest(table, node, what):
    """The instance with the archive a minute after its last work, the only instance: nobody shares its code."""
    time.sleep(REST_S)
    run_memory_of(table, node, f"instance, {what}", ["bulk"])


def run_memory(table, node):
    """Empty instances beside the one with the archive."""
    names = []
    for count in (1, 4) if ARGS.quick else (1, 4, 20):
        while len(names) < count:
            names.append(f"idle{len(names) + 1}")
            node.create_instance(names[-1])
        time.sleep(IDLE_S)
        run_memory_of(table, node, f"empty instance, {count} of them", names)
    run_memory_of(table, node, "instance with the archive beside them", ["bulk"])


# ---- waking ----

def wake_once(node, client, name):
    """Milliseconds from a request to a sleeping instance to its answer: refused, woken, asked again, as callers do."""
    node.cli("instance", "sleep", name)
    ask = (f"instance/{name}", "archivolt.Instance.GetInstanceStatistics",
           bus.instance.InstanceRequest(instance_id=name), bus.instance.InstanceStatistics)
    began = time.perf_counter()
    try:
        client.call(*ask)
        raise AssertionError("the instance was awake")
    except bus.BusError as e:
        assert e.code == bus.envelope.ERROR_ASLEEP, e
    client.call("host/n1", "archivolt.Host.Wake", HOST.InstanceIdRequest(instance_id=name), HOST.HostInstance)
    client.call(*ask)
    return (time.perf_counter() - began) * 1000


def scheduled(pid):
    """(milliseconds of CPU, milliseconds of waiting for one) of a process since its start, all threads."""
    run = wait = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
            words = f.read().split()
        run, wait = run + int(words[0]) / 1e6, wait + int(words[1]) / 1e6
    return run, wait


def run_wake(table, node):
    client = bus.Client(node, bus.read_key(node, "cli/operator"))
    for what, name in (("empty", "idle1"), ("16,000 messages", "bulk")):
        ms, times = [], []
        for _ in range(8 if ARGS.quick else 20):
            ms.append(wake_once(node, client, name))
            times.append(scheduled(node.pids("instance/" + name)[0]))
        p50, p95 = quantile(ms, 0.5), quantile(ms, 0.95)
        table.row(f"sleeping instance, {what}: first answer", f"p50 {p50:.0f} ms, p95 {p95:.0f} ms", "at most 100 ms",
                  p95 <= 100)
        cpu, wait = statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)
        table.row("  the process by then", f"{cpu:.0f} ms CPU, {wait:.0f} ms waiting for one")
    client.close()


def run_work(table, node, files, sizes):
    """One kind of work after the other, and what the instance holds a minute after each."""
    node.create_instance("bulk")
    rest(table, node, "empty")
    password = run_import(table, node, files, len(sizes), sum(sizes))
    rest(table, node, "imported")
    run_searches(table, node, password)
    rest(table, node, "few searches")
    run_many_searches(node, password)
    rest(table, node, "many searches")
    run_imap(table, node, password)
    rest(table, node, "IMAP, all fetched")
    run_reconnects(node, password)
    rest(table, node, "IMAP, many connections")


def main():
    need_corpus()
    if not os.path.exists(os.path.join(ARGS.bin, "archivolt")):
        sys.exit(f"system.py: no programs in {ARGS.bin}: cmake --preset release && ninja -C build/release programs")
    began, table = time.time(), Table()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before this run")
    with tempfile.TemporaryDirectory(prefix="av-bench-") as scratch:
        files = os.path.join(scratch, "mail")
        os.mkdir(files)
        for name in SETS:
            unpack(f"bulk/{name}.tar.zst", files)
        sizes = [os.path.getsize(os.path.join(top, f)) for top, _, found in os.walk(files) for f in found]
        if not ARGS.memory:
            raw_limits(table, files, scratch, sum(sizes))
            table.head("A node")
            if os.path.realpath(ARGS.bin) == os.path.join(REPO, "build", "release", "bin"):
                quickstart(table, scratch)
        with Node() as node:
            run_work(table, node, files, sizes)
            if not ARGS.memory:
                table.head(f"Idle for {IDLE_S} s: PSS, median (least to most)")
                run_memory(table, node)
                table.head("Waking")
                run_wake(table, node)
    print(f"\n{time.time() - began:.0f} s, load {os.getloadavg()[0]:.1f}")
    return 1 if table.missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as e:
        sys.exit(f"system.py: {e}")
