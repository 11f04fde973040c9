"""town.py - one node for a whole script, with mail in it whose every byte, flag and date is known.

    def fill(town):
        town.put("Box", [Mail(b"Subject: x\\r\\n\\r\\nhello\\r\\n", flags="S", at=1700000000)])

    def test_it(town):
        c = town.login()
        ...

    if __name__ == "__main__":
        run(fill, test_it)

The user is alice of instance demo, her archive is "alice": put("Box", ...) makes the mailbox "alice/Box".
"""
import base64
import os
import random
import sys
import time
import traceback
import zlib

sys.path.insert(0, os.path.realpath(os.path.join(os.path.dirname(__file__), "..")))
from imap import Checks, Client, check, expect, lit, quote  # noqa: E402,F401
from node import CORPUS, SEED, Node, crlf, need_corpus  # noqa: E402

PASSWORD = "correct horse 9"


def utf7(name):
    """RFC 3501, 5.1.3."""
    out, run = "", ""
    for c in name + "\0":
        if not " " <= c <= "~" and c != "\0":
            run += c
            continue
        if run:
            out += "&" + base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"
            run = ""
        out += "&-" if c == "&" else c
    return out[:-1]


class Mail:
    """A message as it is archived. flags: letters of Maildir (S seen, R answered, F flagged, D draft, T trashed)."""

    def __init__(self, data, flags="", at=1600000000):
        self.data, self.flags, self.at = data, flags, at

    @property
    def wire(self):
        """As IMAP shows it."""
        return crlf(self.data)

    def imap_flags(self):
        names = {"S": b"\\Seen", "R": b"\\Answered", "F": b"\\Flagged", "D": b"\\Draft", "T": b"\\Deleted"}
        return {names[f] for f in self.flags}


class Town:

    def __init__(self, conf="", gateway="", instance=""):
        self.node = Node(start=False, conf=conf)
        self.boxes = {}
        self.batch = 0
        with open(os.path.join(self.node.data, "archivolt-gateway.conf"), "w") as f:
            # Scripts open many connections from one address.
            f.write("imap_connections = 3000\nimap_connections_per_address = 3000\n" + gateway)
        with open(os.path.join(self.node.data, "archivolt-instance.conf"), "w") as f:
            f.write(instance)
        self.node.start()
        self.node.create_instance("demo")
        self.node.create_user("demo", "alice", PASSWORD)

    def put(self, folder, mails, strict=True):
        """
        Archive the messages in this order below a folder (no "." in its last name); the mailbox's name, for IMAP in
        modified UTF-7 (utf7). town.boxes[name] are all its mails: UID - 1 is the place of each. Not strict: some may be
        refused (what has no header is no mail), and UIDs tell nothing.
        """
        self.batch += 1
        above, _, last = folder.rpartition("/")
        top = os.path.join(self.node.top, f"mail-{self.batch}")
        for path in (top, os.path.join(top, "." + utf7(last))):  # Maildir++: what is in the top itself would be INBOX
            for name in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(path, name))
        for i, m in enumerate(mails):
            # Names sort in the order given: an import takes the files of a folder by name.
            file = os.path.join(path, "cur", f"m{i:06d}.made:2,{''.join(sorted(m.flags))}")
            with open(file, "wb") as f:
                f.write(m.data)
            os.utime(file, (m.at, m.at))
        report = self.node.import_files("demo",
                                        "alice",
                                        top,
                                        ok=(0, ) if strict else (0, 3),
                                        options=("--folder", above) if above else ())
        if report["stored"] + report["duplicate"] != len(mails) and strict:
            raise AssertionError(report)
        name = "alice/" + folder
        self.boxes.setdefault(name, []).extend(mails)
        return name

    def client(self, **options):
        return Client(self.node, **options)

    def login(self, user="demo/alice", password=PASSWORD, box=None, **options):
        """A connection that is logged in, and has selected box."""
        c = self.client(**options)
        answer = c.ask("LOGIN ", quote(user), " ", quote(password))
        assert answer.ok, answer
        if box is not None:
            answer = c.ask("SELECT ", quote(box))
            assert answer.ok, answer
        return c


def fixtures(most, below="mime", largest=200000):
    """Real and torturous messages of the corpus, the same ones for the same seed."""
    need_corpus()
    found = []
    for root, _, names in os.walk(os.path.join(CORPUS, "fixtures", below)):
        found += [os.path.join(root, n) for n in names if n.endswith((".eml", ".msg", ".txt", ".mbox"))]
    found = sorted(p for p in found if 0 < os.path.getsize(p) < largest)
    random.Random(SEED).shuffle(found)
    mails = {}
    for path in found[:most]:
        with open(path, "rb") as f:
            mails.setdefault(f.read(), path)
    return [Mail(data) for data in mails]


def show_trouble(node):
    """What the programs themselves complained of."""
    logs = os.path.join(node.data, "logs")
    for path in [os.path.join(node.top, "node.log")] + [os.path.join(logs, n) for n in sorted(os.listdir(logs))]:
        with open(path, encoding="utf-8", errors="replace") as f:
            lines = [line for line in f if "level=info" not in line and "level=debug" not in line]
        if lines:
            print("--- " + os.path.basename(path), *(line[:400].rstrip() for line in lines[-40:]), sep="\n")


def run(fill, *tests, **options):
    """The script: a town, filled once, and every test on it. Ends the process with 1 when a check failed."""
    random.seed(SEED ^ zlib.crc32(os.path.basename(sys.argv[0]).encode()))
    only = sys.argv[1:]
    began = time.time()
    town = Town(**options)
    with town.node as node:
        if fill is not None:
            fill(town)
        print(f"- a town in {time.time() - began:.1f} s", flush=True)
        for test in tests:
            if only and test.__name__ not in only:
                continue
            began = time.time()
            print("-", test.__name__, flush=True)
            try:
                test(town)
            except Exception:  # the other tests still say something
                traceback.print_exc(file=sys.stdout)
                check(False, "script", f"{test.__name__} came to its end")
            print(f"  {time.time() - began:.1f} s", flush=True)
        if Checks.failed:
            show_trouble(node)
    print(f"{Checks.made} checks, {len(Checks.failed)} failed")
    for text in Checks.failed:
        print("FAILED", text)
    sys.exit(1 if Checks.failed else 0)
