#!/usr/bin/python3
"""tools/bench/imap.py: the IMAP server beside Debian's Dovecot (Maildir and mdbox): same mail, same client, same run.

Parts (--only): fetch (FETCH 1:* BODY.PEEK[] of the corpus and of generated mail, through the broker and by the local
socket), rows (UID, ENVELOPE and BODYSTRUCTURE of the generated mail, --messages; Dovecot with its index and cache
built), search (SEARCH TEXT of words in it; Dovecot without full-text index and with fts-xapian), select (a mailbox of
--select-messages; ours), idle (--sessions in IDLE; ours). All over TLS. --repeat rounds, interleaved, give medians.
Builds the release preset first. All of it lies in a temporary folder (--dir) that is removed at the end. Status 1 when
a goal is missed. Needs root, the corpus (ARCHIVOLT_CORPUS) and `tools/install-packages bench`.
"""
import argparse
import json
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from store import REPO, Rounds, Table, describe, run_engine, text_of, unpack_corpus, write_pack

PARTS = ("fetch", "rows", "search", "select", "idle")
ROWS = "(UID ENVELOPE BODYSTRUCTURE)"
BODIES = "BODY.PEEK[]"
INSTANCE = "bench"
TINY = "tiny"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,...", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--messages", type=int, default=100000, metavar="N", help="generated messages (100000)")
    parser.add_argument("--select-messages", type=int, default=1000000, metavar="N", help="for select (1000000)")
    parser.add_argument("--sessions", type=int, default=500, metavar="N", help="for idle (500)")
    parser.add_argument("--words", type=int, default=10, metavar="N", help="for search (10; 1 for plain Dovecot)")
    parser.add_argument("--limit", type=int, default=3600, metavar="S", help="seconds for Dovecot to index (3600)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="rounds (1); medians are shown")
    parser.add_argument("--seed", type=int, default=1, help="of the generated mail")
    parser.add_argument("--build", default=os.path.join(REPO, "build", "release"), help="build folder, release preset")
    parser.add_argument("--dir", default="/var/tmp", help="where the temporary folder is made (/var/tmp)")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument("--json", action="store_true", help="JSON instead of tables")
    args = parser.parse_args()
    args.only = args.only.split(",")
    if not set(args.only) <= set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}")
    return args


def build(folder):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["cmake", "--preset", "release", "-B", folder], cwd=REPO, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder, "bench-store", "programs"], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(folder, "bin", "bench-store")


def progress(text):
    print(f"{text}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)


# ---- the client ----

class Client:
    """As little as fetching takes: imaplib would measure itself."""

    def __init__(self, server, mailbox):
        context = ssl.create_default_context(cafile=server.cafile)
        plain = socket.create_connection(("localhost", server.port), timeout=3600)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.count, self.into = 0, bytearray(1 << 18)
        self.cipher = self.socket.cipher()[0]
        assert self.socket.recv(4096).startswith(b"* OK")
        self.command('LOGIN {} "{}"'.format(*server.user(mailbox)))

    def command(self, text, keep=1 << 20):
        """(bytes of the answer, its beginning); the tag is one that no mail holds at a line's begin."""
        self.count += 1
        tag = f"zq{self.count:05d}bench".encode()
        self.socket.sendall(tag + b" " + text.encode() + b"\r\n")
        end = re.compile(rb"(?:^|\r\n)" + tag + rb" (OK|NO|BAD)[^\r]*\r\n$")
        size, tail, parts, kept, view = 0, b"", [], 0, memoryview(self.into)
        while True:
            got = self.socket.recv_into(self.into)
            assert got, "the server hung up"
            size += got
            tail = (tail + view[max(0, got - 4000):got].tobytes())[-4000:] if got < 4000 else view[got - 4000:got].tobytes()
            if kept < keep:
                parts.append(view[:got].tobytes())
                kept += got
            if tail.endswith(b"\r\n") and (found := end.search(tail)):
                break
        assert found.group(1) == b"OK", tail
        return size, b"".join(parts)

    def largest(self):
        """Name of the mailbox with the most messages, opened."""
        best, name = -1, None
        for line in self.command('LIST "" "*"')[1].split(b"\r\n"):
            listed = re.match(rb'\* LIST \(([^)]*)\) \S+ ("[^"]*"|\S+)$', line)
            if listed and b"\\noselect" not in listed.group(1).lower():
                status = self.command(f"STATUS {listed.group(2).decode()} (MESSAGES)")[1]
                count = int(re.search(rb"MESSAGES (\d+)", status).group(1))
                best, name = max((best, name), (count, listed.group(2).decode()))
        return name, best

    def open(self):
        name, count = self.largest()
        self.command(f"EXAMINE {name}")
        return count

    def close(self):
        self.socket.close()


def measure(server, client, command):
    """Seconds, bytes, CPU seconds of the server and of ourselves for one command."""
    from imap_peers import cpu_seconds
    pids = server.pids()
    cpu, own, began = cpu_seconds(pids), time.process_time(), time.perf_counter()
    size, answer = client.command(command)
    seconds = time.perf_counter() - began
    after, own = cpu_seconds(pids), time.process_time() - own
    spent = {name: after[name] - cpu.get(name, 0) for name in after}
    return {"seconds": seconds, "bytes": size, "cpu_seconds": sum(spent.values()), "client_cpu_seconds": own,
            **{f"cpu {name}": value for name, value in spent.items()}}, answer


# ---- mail and servers ----

class Field:
    """The servers, and the mail in them."""

    def __init__(self, args, program, scratch):
        from node import Node
        self.args, self.program, self.scratch = args, program, scratch
        self.node, self.passwords, self.peers = Node(start=False), {}, {}
        for program, text in (("gateway", "imap_connections_per_address"), ("instance", "sessions_per_user")):
            with open(os.path.join(self.node.data, f"archivolt-{program}.conf"), "w", encoding="ascii") as f:
                f.write(f"{text} = {args.sessions + 100}\n")
        self.node.start()
        self.node.create_instance(INSTANCE)
        self.indexed = None  # by Xapian: not yet tried
        self.mail = os.path.join(scratch, "mail")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for peer in self.peers.values():
            peer.stop()
        self.node.stop()
        shutil.rmtree(self.node.top, ignore_errors=True)

    def ours(self, local):
        from imap_peers import Ours
        return Ours(self.node, INSTANCE, self.passwords, local)

    def peer(self, kind):
        from imap_peers import Dovecot
        if kind not in self.peers:
            top = os.path.join(self.scratch, kind)
            os.mkdir(top, 0o755)
            self.peers[kind] = Dovecot(kind, top, self.mail, os.path.join(self.node.data, "tls"))
            self.peers[kind].start()
        return self.peers[kind]

    def add(self, name, source):
        """source: a Maildir or an mbox; the Maildir is left to Dovecot."""
        self.passwords[name] = self.node.create_user(INSTANCE, name)
        began = time.perf_counter()
        account = self.node.import_files(INSTANCE, name, source, timeout=7200)
        assert account["stored"] == account["offered"], account
        progress(f"{name}: {account['stored']} messages archived in {time.perf_counter() - began:.0f} s")
        return account["stored"]

    def add_to_peers(self, name):
        """The user's Maildir is there; mdbox is made of it, indexes and caches are built."""
        from imap_peers import give_away
        give_away(os.path.join(self.mail, name))
        for kind in ("maildir", "mdbox"):
            peer = self.peer(kind)
            if kind == "mdbox":
                peer.doveadm("import", "-u", name, f"maildir:{self.mail}/{name}/maildir", "", "all")
            client = Client(peer, name)
            client.open()
            for _ in range(2):
                client.command(f"FETCH 1:* {ROWS}")
            client.close()
            progress(f"{name}: in Dovecot's {kind}")


def corpus(field):
    from search_peers import make_maildir
    folder, files = unpack_corpus(field.scratch)
    pack = os.path.join(field.scratch, "pack")
    write_pack(files, pack)
    shutil.rmtree(folder)
    make_maildir(pack, os.path.join(field.mail, "corpus", "maildir"))
    os.remove(pack)
    field.add("corpus", os.path.join(field.mail, "corpus", "maildir"))


def generated(field):
    maildir = os.path.join(field.mail, "generated", "maildir")
    run_engine(field.program, "maildir", maildir, field.args.seed, field.args.messages)
    field.add("generated", maildir)


# ---- parts ----

def servers(field):
    yield field.ours(True)
    yield field.ours(False)
    if not field.args.no_peers:
        yield from (field.peer(kind) for kind in ("maildir", "mdbox"))


def run_command(rounds, field, part, mailbox, command):
    for server in servers(field):
        if server.name.startswith("ours"):
            server.start()
        client = Client(server, mailbox)
        count = client.open()
        client.command("FETCH 1:100 (UID FLAGS)")  # whatever the first request of a session costs
        figures, _ = measure(server, client, command)
        client.close()
        figures["messages"] = count
        rounds.add(f"{part} {mailbox} {server.name}", figures)
        progress(f"{part} {mailbox}, {server.name}: {figures['seconds']:.2f} s, CPU {figures['cpu_seconds']:.2f} s")


def words_of(field, count):
    """Words of some letters out of the mail itself, as they come: often and seldom ones."""
    rng, cur, found = random.Random(field.args.seed), os.path.join(field.mail, "generated", "maildir", "cur"), []
    names = sorted(os.listdir(cur))
    while len(found) < count:
        with open(os.path.join(cur, rng.choice(names)), "rb") as f:
            body = f.read(20000).split(b"\r\n\r\n", 1)[-1]
        words = [w for w in re.findall(rb"(?<![\w=])[a-z]{5,10}(?![\w=])", body) if w not in found]
        if words:
            found.append(rng.choice(words))
    return [w.decode() for w in found]


def search_all(rounds, server, words, limit):
    client = Client(server, "generated")
    client.open()
    for word in words[:limit]:
        figures, answer = measure(server, client, f"UID SEARCH TEXT {word}")
        figures["found"] = len(re.search(rb"\* (?:ESEARCH|SEARCH)([ \d]*)\r\n", answer).group(1).split())
        rounds.add(f"search {server.name}", figures)
        rounds.add(f"search {word} {server.name}", figures)
    client.close()
    progress(f"search, {server.name}")


def run_search(rounds, field):
    words, local = words_of(field, field.args.words), field.ours(True)
    local.start()
    wait_indexed(field)
    search_all(rounds, local, words, len(words))
    if field.args.no_peers:
        return
    search_all(rounds, field.peer("maildir"), words, 1)
    if field.indexed is None:
        try:
            field.peer("xapian").doveadm("index", "-u", "generated", "INBOX", limit=field.args.limit)
            field.indexed = True
            progress("generated: in Xapian")
        except subprocess.TimeoutExpired:
            field.indexed = False
            print(f"SKIP: Dovecot did not index the mail in {field.args.limit} s", file=sys.stderr)
    if field.indexed:
        search_all(rounds, field.peer("xapian"), words, len(words))


def wait_indexed(field):
    """Until the index has all of it: what is not yet there is looked at message by message."""
    for _ in range(3600):
        found = field.node.search(f"{INSTANCE}/generated", "zzqqnothing", limit=1)
        if not found.get("unindexed") and found.get("coverage", 1) >= 1:
            return
        time.sleep(1)


def run_select(rounds, field):
    server = field.ours(True)
    server.start()
    for number in range(5):
        client = Client(server, TINY)
        name = client.largest()[0]
        figures, _ = measure(server, client, f"EXAMINE {name}")
        rounds.add("select first" if number == 0 else "select", figures)
        again, _ = measure(server, client, f"SELECT {name}")
        rounds.add("select again", again)
        client.close()


def memory_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) / 1024


def run_idle(rounds, field, mailbox):
    server, clients = field.ours(True), []
    server.start()
    pid = field.node.pids("gateway")[0]
    before = memory_mb(pid)
    for _ in range(field.args.sessions):
        client = Client(server, mailbox)
        client.open()
        client.socket.sendall(b"i IDLE\r\n")
        assert client.socket.recv(4096).startswith(b"+")
        clients.append(client)
    time.sleep(3)
    rounds.add("idle", {"before_mb": before, "memory_mb": memory_mb(pid)})
    for client in clients:
        client.close()


def run(rounds, field):
    only = field.args.only
    if "fetch" in only:
        corpus(field)
    if {"fetch", "rows", "search"} & set(only):
        generated(field)
    if "select" in only:
        path = os.path.join(field.scratch, "tiny.mbox")
        run_engine(field.program, "tiny", path, field.args.select_messages)
        field.add(TINY, path)
    if not field.args.no_peers:
        for name in ("corpus", "generated"):
            if os.path.exists(os.path.join(field.mail, name)):
                field.add_to_peers(name)
    for number in range(field.args.repeat):
        if "fetch" in only:
            run_command(rounds, field, "fetch", "corpus", f"FETCH 1:* {BODIES}")
            run_command(rounds, field, "fetch", "generated", f"FETCH 1:* {BODIES}")
        if "rows" in only:
            run_command(rounds, field, "rows", "generated", f"FETCH 1:* {ROWS}")
        if "search" in only:
            run_search(rounds, field)
        if "select" in only:
            run_select(rounds, field)
        if "idle" in only:
            run_idle(rounds, field, next(name for name in (TINY, "generated", "corpus") if name in field.passwords))
        progress(f"round {number + 1} of {field.args.repeat}")


# ---- tables ----

LOCAL, BROKER, PEERS = "ours, local socket", "ours, through the broker", ("dovecot maildir", "dovecot mdbox")


def ratio(rounds, what, name, against, mine):
    """How many times as fast: medians of the rounds."""
    return rounds.median(f"{what} {against}", name) / rounds.median(f"{what} {mine}", name)


def show_command(table, rounds, what, goals):
    """goals: of LOCAL and BROKER, how many times the faster Dovecot's rate."""
    table.head(what)
    for server in (LOCAL, BROKER, *PEERS):
        key = f"{what} {server}"
        if not rounds.has(key):
            continue
        count, size = rounds.median(key, "messages"), rounds.median(key, "bytes")
        seconds = rounds.median(key, "seconds")
        table.row(server, f"{text_of(rounds.spread(key, 'seconds'), 's', 2)}")
        table.row("  ", f"{count / seconds:,.0f} msg/s, {size / seconds / 1e6:,.1f} MB/s")
        parts = ", ".join(f"{n[4:].removeprefix('archivolt-')} {rounds.median(w, n):.2f}" for w, n in rounds.values
                          if w == key and n.startswith("cpu ") and rounds.median(w, n) >= 0.01)
        table.row("  CPU seconds of the server", f"{rounds.median(key, 'cpu_seconds'):.2f} ({parts})")
    if not rounds.has(f"{what} {PEERS[0]}"):
        return
    for server, goal in goals:
        times = {name: min(ratio(rounds, what, name, peer, server) for peer in PEERS)
                 for name in ("seconds", "cpu_seconds")}
        table.row(f"{server}: times the faster Dovecot", f"{times['seconds']:.2f} (by CPU {times['cpu_seconds']:.2f})",
                  f"at least {goal}", times["seconds"] >= goal)


def show_search(table, rounds):
    def mean(server):
        values = rounds.values[f"search {server}", "seconds"]
        return sum(values) / len(values)

    table.head("SEARCH TEXT of a word")
    for server, goal in ((LOCAL, 0), (PEERS[0], 50), ("dovecot xapian", 5)):
        if not rounds.has(f"search {server}"):
            continue
        table.row(server, text_of(rounds.spread(f"search {server}", "seconds", 1e3), "ms", 1))
        table.row("  found", text_of(rounds.spread(f"search {server}", "found"), "", 0))
        if goal:
            word = [w.split()[1] for w, _ in rounds.values if re.fullmatch(f"search [a-z]+ {server}", w)]
            same = [rounds.median(f"search {w} {server}", "seconds") / rounds.median(f"search {w} {LOCAL}", "seconds")
                    for w in word]
            times = sorted(same)[len(same) // 2]
            table.row("  its time / ours, the same words", f"{times:.1f}", f"at least {goal}", times >= goal)


def show(table, rounds, args):
    for mailbox in ("corpus", "generated"):
        if rounds.has(f"fetch {mailbox} {LOCAL}"):
            show_command(table, rounds, f"fetch {mailbox}", ((BROKER, 1), (LOCAL, 1.5)))
    if rounds.has(f"rows generated {LOCAL}"):
        show_command(table, rounds, "rows generated", ((LOCAL, 4),))
    if rounds.has(f"search {LOCAL}"):
        show_search(table, rounds)
    if rounds.has("select"):
        table.head(f"SELECT of {args.select_messages:,} messages")
        for what, name in (("select first", "the first since the start"), ("select", "in a new session"),
                           ("select again", "again in the same session")):
            ms = rounds.median(what, "seconds") * 1e3
            goal = ("at most 50 ms", ms <= 50) if what == "select" else ()
            table.row(name, text_of(rounds.spread(what, "seconds", 1e3), "ms", 1), *goal)
    if rounds.has("idle"):
        table.head(f"{args.sessions} sessions in IDLE")
        table.row("gateway before", text_of(rounds.spread("idle", "before_mb"), "MB", 1))
        used = rounds.median("idle", "memory_mb")
        table.row("gateway with them", text_of(rounds.spread("idle", "memory_mb"), "MB", 1), "less than 64 MB", used < 64)


def main():
    args = arguments()
    if os.geteuid() != 0 and not args.no_peers:
        sys.exit("imap.py: Dovecot is started by root only (--no-peers: ours alone)")
    os.environ["AV_BIN"] = os.path.join(os.path.realpath(args.build), "bin")
    program, rounds, about = build(args.build), Rounds(), describe()
    with tempfile.TemporaryDirectory(prefix="av-bench-", dir=args.dir) as scratch:
        os.chmod(scratch, 0o755)  # Dovecot drops its rights
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        with Field(args, program, scratch) as field:
            run(rounds, field)
    if args.json:
        print(json.dumps({"about": about, "figures": rounds.as_json()}, indent=1))
        return 0
    print(f"commit {about['commit']}, {about['cores']} cores, {about['processor']}, "
          f"load {about['load_before']:.1f} before; {args.repeat} rounds, median (least to most)")
    table = Table()
    show(table, rounds, args)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
