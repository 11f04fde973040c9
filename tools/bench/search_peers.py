"""search_peers.py - other programs that index the same mail: notmuch, mu, SQLite FTS5, Dovecot with fts-xapian

Part of tools/bench/search.py. Each has its own temporary folder, which is removed when it is done; what was started is
ended. notmuch, mu and Dovecot read a Maildir; FTS5 is given the texts that our own reader of messages took out of them,
so that nothing but the index is measured of it.
"""
import contextlib
import os
import resource
import shutil
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from store_peers import folder_bytes, missing, start_dovecot

DATE_NONE = -2 ** 63
TEXTS = ("subject", "body", "sender", "recipient", "cc", "filename")  # what a bare word is looked for in
XAPIAN_CONF = """
mail_plugins = fts fts_xapian
plugin {
  fts = xapian
  fts_xapian = partial=3 full=20 verbose=0
  fts_autoindex = no
  fts_enforced = yes
}
"""


def make_maildir(pack, folder, most=None):
    """A message of the pack a file, as a delivery would leave it: no mbox From_ line. Returns count and bytes."""
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(folder, name))
    count = total = 0
    with open(pack, "rb") as f:
        while (head := f.read(8)) and (most is None or count < most):
            message = f.read(struct.unpack("<II", head)[1])
            if message.startswith(b"From "):
                message = message[message.index(b"\n") + 1:]
            with open(os.path.join(folder, "cur", f"{1000000000 + count}.M{count}.bench:2,S"), "wb") as out:
                out.write(message)
            count, total = count + 1, total + len(message)
    return count, total


def timed(command, environment, limit=None):
    """CPU seconds and seconds of a command; it must succeed within the limit."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=limit, check=False)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-400:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, seconds


def figures(count, raw, cpu, seconds, index):
    return {"messages": count, "cpu_seconds": cpu, "seconds": seconds, "messages_per_cpu_s": count / cpu,
            "messages_per_s": count / seconds, "index_bytes": index, "index_ratio": index / raw}


# ---- programs with a Maildir ----

def notmuch(maildir, count, raw, scratch):
    with tempfile.TemporaryDirectory(dir=scratch) as top:
        mail = os.path.join(top, "mail")
        os.mkdir(mail)
        shutil.copytree(maildir, os.path.join(mail, "inbox"), copy_function=os.link)
        config = os.path.join(top, "config")
        with open(config, "w") as f:
            f.write(f"[database]\npath={mail}\n[user]\nname=b\nprimary_email=b@example.org\n[new]\ntags=\nignore=\n"
                    "[search]\nexclude_tags=\n[maildir]\nsynchronize_flags=false\n")
        cpu, seconds = timed(["notmuch", "new", "--quiet"], {"NOTMUCH_CONFIG": config, "HOME": top})
        return figures(count, raw, cpu, seconds, folder_bytes(os.path.join(mail, ".notmuch")))


def mu(maildir, count, raw, scratch):
    with tempfile.TemporaryDirectory(dir=scratch) as top:
        home, mail = os.path.join(top, "home"), os.path.join(top, "mail")
        os.mkdir(mail)
        shutil.copytree(maildir, os.path.join(mail, "inbox"), copy_function=os.link)
        first = timed(["mu", "init", "--quiet", "--muhome", home, "--maildir", mail], {"HOME": top})
        second = timed(["mu", "index", "--quiet", "--muhome", home], {"HOME": top})
        return figures(count, raw, first[0] + second[0], first[1] + second[1], folder_bytes(home))


def xapian(pack, scratch, most, limit):
    """The first messages alone, and no longer than the limit: it is the slowest of all."""
    with tempfile.TemporaryDirectory(dir=scratch) as top:
        os.chmod(top, 0o755)
        process, _ = start_dovecot(top, "optimized")
        conf, mail = os.path.join(top, "dovecot.conf"), os.path.join(top, "mail", "bench")
        try:
            count, raw = make_maildir(pack, os.path.join(mail, "Maildir"), most)
            for at, _, names in os.walk(mail):
                for name in ["", *names]:
                    shutil.chown(os.path.join(at, name), "nobody", "nogroup")
            with open(conf, "a") as f:
                f.write(XAPIAN_CONF)
            command = ["doveadm", "-c", conf, "-o", f"mail_location=maildir:{mail}/Maildir"]
            timed([*command, "mailbox", "status", "-u", "bench", "messages", "INBOX"], {}, limit)
            cpu, seconds = timed([*command, "index", "-u", "bench", "INBOX"], {}, limit)
            found = sum(folder_bytes(os.path.join(at, d)) for at, dirs, _ in os.walk(mail) for d in dirs
                        if d.startswith("xapian"))
        finally:
            process.terminate()
            process.wait(30)
    if found == 0:
        raise RuntimeError("Dovecot indexed nothing")
    return figures(count, raw, cpu, seconds, found)


# ---- SQLite FTS5 ----

def read_texts(path, batch=512):
    """Lists of rows: number, date, texts."""
    rows = []
    with open(path, "rb") as f:
        number = 0
        while head := f.read(8):
            date, texts = struct.unpack("<q", head)[0], []
            for _ in TEXTS:
                size = struct.unpack("<I", f.read(4))[0]
                texts.append(f.read(size).decode("utf-8", "replace"))
            number += 1
            rows.append((number, None if date == DATE_NONE else date, texts))
            if len(rows) == batch:
                yield rows
                rows = []
    yield rows


class Fts5:
    """Contentless, positions on (detail=full), dates in a table with an index."""

    def __init__(self, path):
        self.path, self.db = path, sqlite3.connect(path, isolation_level=None)

    def build(self, texts, raw):
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.execute(f"CREATE VIRTUAL TABLE mail USING fts5({', '.join(TEXTS)}, content='', detail=full, "
                        "tokenize=\"unicode61 remove_diacritics 2 tokenchars '_'\")")
        self.db.execute("CREATE TABLE dates(id INTEGER PRIMARY KEY, at INTEGER)")
        self.db.execute("CREATE INDEX by_date ON dates(at)")
        insert = f"INSERT INTO mail(rowid, {', '.join(TEXTS)}) VALUES (?{', ?' * len(TEXTS)})"
        count, cpu, seconds = 0, 0.0, 0.0
        for rows in read_texts(texts):
            words = [(number, *fields) for number, _, fields in rows]
            dates = [(number, date) for number, date, _ in rows]
            before, began = time.process_time(), time.perf_counter()
            self.db.execute("BEGIN")
            self.db.executemany(insert, words)
            self.db.executemany("INSERT INTO dates VALUES (?, ?)", dates)
            self.db.execute("COMMIT")
            cpu, seconds = cpu + time.process_time() - before, seconds + time.perf_counter() - began
            count += len(rows)
        before, began = time.process_time(), time.perf_counter()
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cpu, seconds = cpu + time.process_time() - before, seconds + time.perf_counter() - began
        return figures(count, raw, cpu, seconds, os.path.getsize(self.path))

    def ask(self, kind, query):
        """Exact count, and the newest 50 by date."""
        if kind == "date":
            first, last = (day_start(day) for day in query.removeprefix("date:").split(".."))
            bounds = (first, last + 86399)
            count = self.db.execute("SELECT count(*) FROM dates WHERE at BETWEEN ? AND ?", bounds).fetchone()[0]
            self.db.execute("SELECT id FROM dates WHERE at BETWEEN ? AND ? ORDER BY at DESC LIMIT 50",
                            bounds).fetchall()
            return count
        field, colon, word = query.partition(":")
        match = f"{ {'from': 'sender', 'subject': 'subject'}[field]} : {word}" if colon else query
        count = self.db.execute("SELECT count(*) FROM mail WHERE mail MATCH ?", (match,)).fetchone()[0]
        self.db.execute("SELECT d.id FROM mail JOIN dates d ON d.id = mail.rowid WHERE mail MATCH ? "
                        "ORDER BY d.at DESC LIMIT 50", (match,)).fetchall()
        return count

    def close(self):
        self.db.close()


def day_start(day):
    return int(time.mktime(time.strptime(day + " UTC", "%Y-%m-%d %Z"))) - time.timezone


def cool(path):
    with open(path, "rb") as f, contextlib.suppress(OSError):
        os.fdatasync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def fts5_ask(path, queries, cold, most):
    """Figures by class; and the counts, in the order of the queries."""
    times, counts, asked = {}, [], {}
    db = Fts5(path)
    for kind, query in queries:
        asked[kind] = asked.get(kind, 0) + 1
        if asked[kind] > most:
            continue
        if cold:
            db.close()
            cool(path)
            db = Fts5(path)
        else:
            db.ask(kind, query)
        began = time.perf_counter()
        counts.append(db.ask(kind, query))
        times.setdefault(kind, []).append((time.perf_counter() - began) * 1e3)
    db.close()
    return {kind: quantiles(ms) for kind, ms in times.items()}, counts


def quantiles(ms):
    ms = sorted(ms)

    def at(share):
        return ms[min(int(len(ms) * share), len(ms) - 1)]
    return {"p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "mean_ms": statistics.mean(ms)}


def run_all(pack, scratch, only, dovecot_messages, limit):
    """Yields (what, figures) for notmuch, mu and Dovecot."""
    if {"notmuch", "mu"} & set(only):
        with tempfile.TemporaryDirectory(dir=scratch) as top:
            maildir = os.path.join(top, "mail")
            count, raw = make_maildir(pack, maildir)
            for name, run in (("notmuch", notmuch), ("mu", mu)):
                if name in only and not missing(name):
                    yield name, run(maildir, count, raw, scratch)
    if "dovecot" in only and not missing("doveadm"):
        if os.geteuid() != 0:
            print("SKIP: Dovecot is started by root only", file=sys.stderr)
            return
        try:
            yield "dovecot", xapian(pack, scratch, dovecot_messages, limit)
        except subprocess.TimeoutExpired:
            print(f"SKIP: Dovecot did not index {dovecot_messages} messages in {limit} s", file=sys.stderr)
