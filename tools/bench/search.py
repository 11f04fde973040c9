#!/usr/bin/python3
"""tools/bench/search.py: the full-text index's engine beside notmuch, mu, SQLite FTS5 and Dovecot with fts-xapian.

Parts (--only): corpus (engine on the bulk corpus: pipeline, store and index together, one message, idle memory,
queries), generated (the same on made-up mail, --messages; 1000000 for the large one), fts5 (SQLite FTS5 over the same
texts and the same queries, beside either of the two), notmuch, mu, dovecot (on the corpus; Dovecot on its first
--dovecot messages). --repeat rounds give medians. Builds the release preset first. All of it lies in a temporary folder
(--dir) that is removed at the end. Status 1 when a goal is missed. Needs the corpus (ARCHIVOLT_CORPUS), the others
`tools/install-packages bench`, Dovecot root.

Queries: 200 of a class (--queries), drawn from the messages, so a word comes as often as messages have it; a tenth of
them cold: the index opened anew, its files out of the page cache. An answer is exact count and newest 50 by date.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import search_peers
from store import REPO, Rounds, Table, describe, run_engine, text_of, unpack_corpus, write_pack

PARTS = ("corpus", "generated", "fts5", "notmuch", "mu", "dovecot")
CLASSES = {"rare": "rare word", "common": "common word (over 10 %)", "and": "AND of three", "phrase": "phrase of two",
           "prefix": "prefix of five letters", "from": "from:", "subject": "subject:", "date": "date range"}
COPIES = 6  # of an index, for what one holds when idle


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,...", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--messages", type=int, default=100000, metavar="N", help="generated messages (100000)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="rounds (1); medians are shown")
    parser.add_argument("--seed", type=int, default=1, help="of the generated mail")
    parser.add_argument("--queries", type=int, default=200, metavar="N", help="of each class (200)")
    parser.add_argument("--dovecot", type=int, default=1000, metavar="N", help="messages for Dovecot (1000)")
    parser.add_argument("--limit", type=int, default=600, metavar="S", help="seconds for Dovecot (600)")
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
    subprocess.run(["ninja", "-C", folder, "bench-search", "bench-index"], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(folder, "bin", "bench-search")


def progress(text):
    print(f"{text}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)


# ---- rounds ----

def run_index(rounds, name, program, mail, top, args):
    """name: corpus or generated N; mail: as bench-search takes it."""
    index, queries, few = os.path.join(top, "index"), os.path.join(top, "queries"), max(args.queries // 10, 1)
    made = run_engine(program, "index", mail, index)[0]
    rounds.add(name, made)
    progress(f"{name}: indexed")
    run_engine(program, "draw", mail, index, queries, args.queries)
    for temperature, most in (("warm", args.queries), ("cold", few)):
        for line in run_engine(program, "ask", index, queries, temperature, most):
            rounds.add(f"{name} {line['what']}", line)
    progress(f"{name}: asked")
    if "fts5" in args.only:
        run_fts5(rounds, name, program, mail, made["raw_bytes"], queries, top, few)
    return index


def run_fts5(rounds, name, program, mail, raw, path, top, few):
    texts, database = os.path.join(top, "texts"), os.path.join(top, "fts5.db")
    with open(path, encoding="ascii") as f:
        queries = [tuple(line.rstrip("\n").split("\t")) for line in f]
    with open(path + ".counts", encoding="ascii") as f:
        engine = [int(line.split()[0]) for line in f]
    read = run_engine(program, "texts", mail, texts)[0]
    fts5 = search_peers.Fts5(database)
    made = fts5.build(texts, raw)
    rounds.add(f"{name} fts5", made)
    rounds.add(f"{name} fts5", {"with_reading": made["messages"] / (made["cpu_seconds"] + read["cpu_seconds"])})
    fts5.close()
    os.remove(texts)
    progress(f"{name}: FTS5 indexed")
    warm, counts = search_peers.fts5_ask(database, queries, False, len(queries))
    cold, _ = search_peers.fts5_ask(database, queries, True, few)
    for temperature, kinds in (("warm", warm), ("cold", cold)):
        for kind, figures in kinds.items():
            rounds.add(f"{name} fts5 {temperature} {kind}", figures)
    rounds.add(f"{name} fts5", {"same_counts": sum(a == b for a, b in zip(engine, counts)) / len(counts)})
    os.remove(database)
    progress(f"{name}: FTS5 asked")


def idle_kb(program, index):
    """Memory of an index that was asked and trimmed, beside others in one process."""
    out = subprocess.run([os.path.join(os.path.dirname(program), "bench-index"), "idle", index, str(COPIES)],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(re.match(r"(-?\d+) KB", out).group(1))


def run_corpus(rounds, program, pack, scratch, args):
    with tempfile.TemporaryDirectory(dir=scratch) as top:
        index = run_index(rounds, "corpus", program, pack, top, args)
        rounds.add("corpus", {"idle_kb": idle_kb(program, index)})
        rounds.add("single", run_engine(program, "single", pack, index, 2000)[0])
        rounds.add("archive", run_engine(program, "archive", pack, os.path.join(top, "both"))[0])


def run_generated(rounds, program, scratch, args):
    with tempfile.TemporaryDirectory(dir=scratch) as top:
        name, mail = f"generated {args.messages}", f"generated:{args.seed}:{args.messages}"
        index = run_index(rounds, name, program, mail, top, args)
        rounds.add(name, {"idle_kb": idle_kb(program, index)})
        rounds.add(f"{name} single", run_engine(program, "single", f"generated:{args.seed + 1}:2000", index, 2000)[0])


# ---- tables ----

def show_rate(table, r, what, goals):
    def row(text, name, unit, digits=0, scale=1.0, goal="", met=None):
        table.row(text, text_of(r.spread(what, name, scale), unit, digits), goal, met)

    table.head(f"Index, {what.split()[0]} mail ({r.median(what, 'messages'):,.0f} messages, "
               f"{r.median(what, 'raw_bytes') / 1e6:,.0f} MB), bytes to sealed on disk")
    row("a core", "messages_per_cpu_s", "msg/s", 0, 1, "4,000 msg/s", r.median(what, "messages_per_cpu_s") >= 4000)
    row("a core", "mb_per_cpu_s", "MB/s", 1)
    row("wall", "messages_per_s", "msg/s")
    row("a core, with all merges that are due", "merged_messages_per_cpu_s", "msg/s")
    row("index / raw", "index_ratio", "%", 1, 100, "at most 10 %", r.median(what, "index_ratio") <= 0.1)
    row("written / raw", "written_first_ratio", "%", 1, 100)
    row("written / raw, with all merges", "written_ratio", "%", 1, 100)
    row("indexer's memory at its peak", "peak_mb", "MB", 0, 1, "at most 256 MB", r.median(what, "peak_mb") <= 256)
    row("merges' memory at their peak", "merge_peak_mb", "MB", 0, 1, "at most 256 MB",
        r.median(what, "merge_peak_mb") <= 256)
    row("memory of an index opened, asked and trimmed", "idle_kb", "KB", 0, 1, "at most 1 MB",
        r.median(what, "idle_kb") <= 1024)
    single = "single" if what == "corpus" else f"{what} single"
    for name, goal in (("p50_ms", 5), ("p95_ms", None), ("p99_ms", None)):
        table.row(f"one message until it can be found, {name[:3]}", text_of(r.spread(single, name), "ms", 2),
                  "at most 5 ms" if goal else "", r.median(single, name) <= goal if goal else None)
    if goals and r.has("archive"):
        for name, text in (("import_", "store alone, a core"), ("index_", "index out of the store, a core"),
                           ("", "store and index together, a core")):
            table.row(text, text_of(r.spread("archive", name + "messages_per_cpu_s"), "msg/s", 0))


def show_peers(table, r):
    goals = {"notmuch": 15, "mu": 8}
    table.head("Others, corpus")
    for what in ("notmuch", "mu", "corpus fts5", "dovecot"):
        if not r.has(what):
            continue
        name = {"corpus fts5": "SQLite FTS5 (index alone)", "dovecot": "Dovecot, fts-xapian"}.get(what, what)
        note = f" ({r.median(what, 'messages'):,.0f} messages)" if what == "dovecot" else ""
        table.row(f"{name}, a core{note}", text_of(r.spread(what, "messages_per_cpu_s"), "msg/s", 0))
        table.row("  index / raw", text_of(r.spread(what, "index_ratio", 100), "%", 1))
        rate = "messages_per_cpu_s"
        if what == "corpus fts5":
            rate = "with_reading"
            table.row("  with our reading of the messages, a core", text_of(r.spread(what, rate), "msg/s", 0))
        if r.has("corpus"):
            ratio = r.median("corpus", "messages_per_cpu_s") / r.median(what, rate)
            table.row("  messages a CPU second, engine / it", f"{ratio:.1f}",
                      f"{goals[what]} times" if what in goals else "", ratio >= goals[what] if what in goals else None)


def show_queries(table, r, what):
    def cell(name):
        if not r.has(name):
            return ""
        return " / ".join(f"{r.median(name, q):,.2f}" for q in ("p50_ms", "p95_ms", "p99_ms"))

    for temperature in ("warm", "cold"):
        goal = {"warm": 5, "cold": 100}
        table.head(f"Queries, {what}, {temperature}: p50 / p95 / p99 in ms (FTS5 behind it)")
        for kind, text in CLASSES.items():
            name = f"{what} {temperature} {kind}"
            if not r.has(name):  # made-up mail has no rare words
                continue
            most = 30 if temperature == "warm" and kind == "phrase" else goal[temperature]
            line = cell(name) + (f"  ({cell(f'{what} fts5 {temperature} {kind}')})" if r.has(f"{what} fts5") else "")
            table.row(f"{text}, {r.median(name, 'documents'):,.0f} messages each", f"{line:<50}",
                      f"p95 at most {most} ms", r.median(name, "p95_ms") <= most)
    table.row("opening the index, cold, p50 / p95", f"{r.median(f'{what} open', 'p50_ms'):.1f} / "
              f"{r.median(f'{what} open', 'p95_ms'):.1f} ms")
    undecided = sum(r.median(f"{what} warm {k}", "open") for k in CLASSES if k != "date" and r.has(f"{what} warm {k}"))
    table.row("left to the text of messages, in all warm answers", f"{undecided:,.0f}")
    if r.has(f"{what} fts5"):
        table.row("FTS5 on the same texts, a core", text_of(r.spread(f"{what} fts5", "messages_per_cpu_s"), "msg/s", 0))
        table.row("  index / raw", text_of(r.spread(f"{what} fts5", "index_ratio", 100), "%", 1))
        table.row("queries FTS5 counts the same", text_of(r.spread(f"{what} fts5", "same_counts", 100), "%", 1))


def show(rounds, args):
    table, generated = Table(), f"generated {args.messages}"
    for what in ("corpus", generated):
        if rounds.has(what):
            show_rate(table, rounds, what, what == "corpus")
            show_queries(table, rounds, what)
    if any(rounds.has(w) for w in ("notmuch", "mu", "corpus fts5", "dovecot")):
        show_peers(table, rounds)
    return table.missed


def main():
    args = arguments()
    program, rounds, about = build(args.build), Rounds(), describe()
    with tempfile.TemporaryDirectory(prefix="av-bench-", dir=args.dir) as scratch:
        os.chmod(scratch, 0o755)  # Dovecot drops its rights
        pack = os.path.join(scratch, "pack")
        if set(args.only) & {"corpus", "notmuch", "mu", "dovecot"}:
            write_pack(unpack_corpus(scratch)[1], pack)
        for number in range(args.repeat):
            if "corpus" in args.only:
                run_corpus(rounds, program, pack, scratch, args)
            for what, figures in search_peers.run_all(pack, scratch, args.only, args.dovecot, args.limit):
                rounds.add(what, figures)
                progress(what)
            if "generated" in args.only:
                run_generated(rounds, program, scratch, args)
            progress(f"round {number + 1} of {args.repeat}")
    if args.json:
        print(json.dumps({"about": about, "figures": rounds.as_json()}, indent=1))
        return 0
    print(f"commit {about['commit']}, {about['cores']} cores, {about['processor']}, "
          f"load {about['load_before']:.1f} before; {args.repeat} rounds, median (least to most)")
    return 1 if show(rounds, args) else 0


if __name__ == "__main__":
    sys.exit(main())
