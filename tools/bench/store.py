#!/usr/bin/python3
"""tools/bench/store.py: the archive store's engine beside the raw limits of the machine and other programs, same mail.

Parts (--only): corpus (engine alone on the bulk corpus, a plain loop of the same job, zstd alone), generated (made-up
mail streamed into the engine, --messages), peers (Dovecot LMTP into sdbox, borg, restic). Each round runs all of them,
--repeat rounds give medians. Builds the release preset first. Everything lies in a temporary folder on the disk that is
measured (--dir) and is removed at the end. Status 1 when a goal is missed. Needs the corpus (ARCHIVOLT_CORPUS); the
peers need root and `tools/install-packages bench`.
"""
import argparse
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.join(REPO, "tests", "sessions"), os.path.dirname(os.path.realpath(__file__))]
PARTS = ("corpus", "generated", "peers")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,...", help="of corpus, generated, peers")
    parser.add_argument("--messages", type=int, default=100000, metavar="N", help="generated messages (100000)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="rounds (1); medians are shown")
    parser.add_argument("--seed", type=int, default=1, help="of the generated mail")
    parser.add_argument("--build", default=os.path.join(REPO, "build", "release"), help="build folder, release preset")
    parser.add_argument("--dir", default="/var/tmp", help="where the temporary folder is made (/var/tmp)")
    parser.add_argument("--json", action="store_true", help="JSON instead of tables")
    args = parser.parse_args()
    args.only = args.only.split(",")
    if not set(args.only) <= set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}")
    return args


def build(folder):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["cmake", "--preset", "release", "-B", folder], cwd=REPO, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder, "bench-store"], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(folder, "bin", "bench-store")


# ---- mail ----

def unpack_corpus(scratch):
    """Folder of one message a file, and the list of files in an order that mixes the sets and is always the same."""
    from node import need_corpus, unpack
    need_corpus()
    folder = os.path.join(scratch, "mail")
    os.mkdir(folder)
    for name in ("lists", "phishing-pot", "spamassassin"):
        unpack(f"bulk/{name}.tar.zst", folder)
    files = sorted(os.path.join(top, name) for top, _, names in os.walk(folder) for name in names)
    random.Random(1).shuffle(files)
    return folder, files


def write_pack(files, path):
    """For each message its mailbox's number, its length, its bytes: read without opening 16,000 files."""
    mailboxes = {}
    with open(path, "wb") as pack:
        for name in files:
            with open(name, "rb") as f:
                message = f.read()
            mailbox = mailboxes.setdefault(os.path.dirname(name), len(mailboxes))
            pack.write(struct.pack("<II", mailbox, len(message)) + message)


# ---- rounds ----

class Rounds:
    """Figures by (what, figure): a list of one value a round."""

    def __init__(self):
        self.values = {}

    def add(self, what, figures):
        for name, value in figures.items():
            if name != "what":
                self.values.setdefault((what, name), []).append(value)

    def has(self, what):
        return any(w == what for w, _ in self.values)

    def median(self, what, name):
        return statistics.median(self.values[what, name])

    def spread(self, what, name, scale=1.0):
        values = [v * scale for v in self.values[what, name]]
        return statistics.median(values), min(values), max(values)

    def as_json(self):
        out = {}
        for (what, name), values in self.values.items():
            out.setdefault(what, {})[name] = {"median": statistics.median(values), "rounds": values}
        return out


def run_engine(program, *args):
    out = subprocess.run([program, *map(str, args)], check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in out.splitlines()]


def run_corpus(rounds, program, pack, scratch):
    def measure(what, *args):
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            rounds.add(what, run_engine(program, *(folder if a is None else a for a in args))[0])
    measure("zstd", "zstd", pack)
    measure("loop", "loop", pack, None)
    measure("import", "import", pack, None)
    measure("copies", "import", pack, None, 3)
    measure("append", "append", pack, None, 2000)


def run_generated(rounds, program, scratch, args):
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for line in run_engine(program, "generated", folder, args.seed, args.messages):
            rounds.add(f"generated {line['messages']:.0f}", line)


# ---- tables ----

class Table:
    def __init__(self):
        self.missed = False

    def head(self, text):
        print(f"\n{text}", flush=True)

    def row(self, what, value, goal="", met=None):
        verdict = "" if met is None else f"{goal:<26} {'met' if met else 'MISSED'}"
        self.missed = self.missed or met is False
        print(f"  {what:<58} {value:<34} {verdict}".rstrip(), flush=True)


def text_of(spread, unit, digits):
    middle, low, high = (f"{v:,.{digits}f}" for v in spread)
    return f"{middle} {unit}" if low == high else f"{middle} {unit} ({low} to {high})"


def show_ratios(table, r):
    def percent(what, name):
        return text_of(r.spread(what, name, 100), "%", 1)

    table.head("Ratios")
    if r.has("import"):
        stored = r.median("import", "content_ratio")
        table.row("stored / raw, content", percent("import", "content_ratio"), "at most 35 %", stored <= 0.35)
        table.row("  of it behind the first 5,120, with the store's own dictionary", percent("import", "trained_ratio"))
        table.row("stored / raw, content and databases", percent("import", "stored_ratio"))
        copies = r.median("copies", "content_ratio")
        table.row("three recipients' copies, content", percent("copies", "content_ratio"), "at most 21 %",
                  copies <= 0.21)
        table.row("three recipients' copies, content and databases", percent("copies", "stored_ratio"))
        table.row("  zstd -3 message by message", percent("zstd", "stored_ratio"))
        table.row("  the plain loop", percent("loop", "stored_ratio"))
        written = r.median("import", "written_ratio")
        table.row("written to disk / raw", percent("import", "written_ratio"), "at most 50 %", written <= 0.5)
        table.row("messages a CPU second, engine / plain loop",
                  f"{r.median('import', 'mb_per_cpu_s') / r.median('loop', 'mb_per_cpu_s'):.2f}")
        raw = statistics.median(a / b for a, b in zip(r.values["append", "append_p50_us"],
                                                      r.values["append", "raw_append_p50_us"]))
        table.row("one durable message, p50 / raw append with fdatasync", f"{raw:.2f}", "at most 2", raw <= 2)
    for what in ("dovecot always", "dovecot optimized", "borg", "restic"):
        if not r.has(what):
            continue
        table.row(f"{what}: stored / raw", percent(what, "stored_ratio"))
        if r.has("import"):  # of CPU time: others' load on the machine would decide about the times
            more = r.median(what, "cpu_seconds") / r.median("import", "cpu_seconds")
            table.row(f"{what}: CPU time / engine's", f"{more:.1f}")


def show_corpus(table, r):
    def row(what, of, name, unit, digits=0, goal="", met=None):
        table.row(what, text_of(r.spread(of, name), unit, digits), goal, met)

    table.head(f"Engine alone, corpus ({r.median('import', 'messages'):,.0f} messages, "
               f"{r.median('import', 'raw_bytes') / 1e6:.0f} MB), groups of 512")
    per_s, mb = r.median("import", "messages_per_cpu_s"), r.median("import", "mb_per_cpu_s")
    row("import, a core", "import", "messages_per_cpu_s", "msg/s", 0, "10,000 msg/s or 120 MB/s",
        per_s >= 10000 or mb >= 120)
    row("import, a core", "import", "mb_per_cpu_s", "MB/s", 1)
    row("import, wall", "import", "messages_per_s", "msg/s")
    row("import, CPU time", "import", "cpu_seconds", "s", 2)
    row("  the plain loop, a core", "loop", "messages_per_cpu_s", "msg/s")
    row("  the plain loop, a core", "loop", "mb_per_cpu_s", "MB/s", 1)
    row("  the plain loop, wall", "loop", "messages_per_s", "msg/s")
    row("  zstd -3 alone, a core", "zstd", "mb_per_cpu_s", "MB/s", 1)
    row("memory at its peak", "import", "peak_mb", "MB", 1)
    row("three copies, a core", "copies", "messages_per_cpu_s", "msg/s")
    row("one durable message, p50", "append", "append_p50_us", "us")
    row("one durable message, p99", "append", "append_p99_us", "us")
    row("  fdatasync calls a message, p50", "append", "syncs_p50", "", 0, "at most 2",
        r.median("append", "syncs_p50") <= 2)
    row("  raw append of 4 KB with fdatasync, p50", "append", "raw_append_p50_us", "us")
    row("  raw append of 4 KB with fdatasync, p99", "append", "raw_append_p99_us", "us")
    row("random message, warm, p50", "import", "read_p50_us", "us", 1, "under 50 us",
        r.median("import", "read_p50_us") < 50)
    row("random message, warm, p99", "import", "read_p99_us", "us", 1)
    row("random message, cold, p50", "import", "cold_read_p50_us", "us")
    row("random message, cold, p99", "import", "cold_read_p99_us", "us")
    row("opening it all", "import", "open_ms", "ms", 1)


def show_generated(table, r):
    table.head("Engine alone, generated mail")
    for what in sorted({w for w, _ in r.values if w.startswith("generated")}, key=lambda w: int(w.split()[1])):
        def value(name, unit, digits=0, scale=1.0, of=what):
            return text_of(r.spread(of, name, scale), unit, digits)
        table.row(f"{int(what.split()[1]):,} messages, {r.median(what, 'raw_bytes') / 1e6:,.0f} MB: a core",
                  value("messages_per_cpu_s", "msg/s"))
        table.row("  a core", value("mb_per_cpu_s", "MB/s", 1))
        table.row("  wall since the last line", value("last_messages_per_s", "msg/s"))
        table.row("  stored / raw, content", value("content_ratio", "%", 1, 100))
        table.row("  databases", value("views_bytes", "MB", 1, 1e-6))
        table.row("  written / raw", value("written_ratio", "%", 1, 100))
        table.row("  opening it all", value("open_ms", "ms", 1))
        table.row("  memory at its peak (without files mapped, at the end)",
                  f"{value('peak_mb', 'MB')} ({value('anonymous_mb', 'MB')})")


def show_peers(table, r):
    table.head("Others, same mail")
    for what in ("dovecot always", "dovecot optimized", "borg", "restic"):
        if r.has(what):
            table.row(what, f"{text_of(r.spread(what, 'messages_per_s'), 'msg/s', 0)}")
            table.row("  CPU time", text_of(r.spread(what, "cpu_seconds"), "s", 1))
            table.row("  stored", text_of(r.spread(what, "stored_bytes", 1e-6), "MB", 1))


def describe():
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=REPO, stdout=subprocess.PIPE, text=True,
                            check=False).stdout.strip()
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    return {"commit": commit, "cores": os.cpu_count(), "processor": model, "load_before": os.getloadavg()[0]}


def main():
    args = arguments()
    program, rounds, about = build(args.build), Rounds(), describe()
    with tempfile.TemporaryDirectory(prefix="av-bench-", dir=args.dir) as scratch:
        os.chmod(scratch, 0o755)  # Dovecot drops its rights
        pack = os.path.join(scratch, "pack")
        if set(args.only) & {"corpus", "peers"}:
            folder, files = unpack_corpus(scratch)
            write_pack(files, pack)
        for number in range(args.repeat):
            if "corpus" in args.only:
                run_corpus(rounds, program, pack, scratch)
            if "generated" in args.only:
                run_generated(rounds, program, scratch, args)
            if "peers" in args.only:
                import store_peers
                for what, figures in store_peers.run_all(folder, files, scratch):
                    rounds.add(what, figures)
            print(f"round {number + 1} of {args.repeat}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    if args.json:
        print(json.dumps({"about": about, "figures": rounds.as_json()}, indent=1))
        return 0
    print(f"commit {about['commit']}, {about['cores']} cores, {about['processor']}, "
          f"load {about['load_before']:.1f} before; {args.repeat} rounds, median (least to most)")
    table = Table()
    if set(args.only) & {"corpus", "peers"}:
        show_ratios(table, rounds)
    if "corpus" in args.only:
        show_corpus(table, rounds)
    if "generated" in args.only:
        show_generated(table, rounds)
    if "peers" in args.only:
        show_peers(table, rounds)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
