"""
SEARCH with every key, ESEARCH, SEARCHRES, WITHIN, PARTIAL, MULTISEARCH, SORT, ESORT and THREAD: answers are held against
a plain look at the messages (RFC 3501, 6.4.4; RFC 9051, 6.4.4; RFC 4731, 5032, 5182, 5256, 5267, 5957, 7377, 8474, 8514,
9394).
"""
import base64
import quopri
import random
import time
from email.utils import formatdate

import rfc5256
from town import SEED, Mail, check, expect, lit, quote, run

COUNT = 240
WORDS = ["invoice", "Grüße", "paper", "alpha", "beta", "naïve", "日本語", "привет", "x@y.example", "10:30", "end."]
NAMES = ["Zoë", "bob", "Carol", "alice", "Ärger", "dave", "_under", "Eve"]
SUBJECTS = ["plan", "Plan B", "grüße", "Ärger", "[list] news", "zebra", "", "budget (fwd)"]


class Made:
    """A message whose every fact is known."""

    def __init__(self, rng, number, before):
        self.number = number
        self.arrival = 1400000000 + rng.randrange(0, 40) * 86400 + rng.randrange(86400)
        self.sent = self.arrival - rng.randrange(0, 4) * 3600
        self.has_date = rng.random() < 0.9
        self.date = self.sent if self.has_date else self.arrival
        self.zone = rng.choice([0, 120, -300])
        self.from_box, self.to_box, self.cc_box = (rng.choice(["ann", "Bob", "carl", "zed", "Yve"]) for _ in range(3))
        self.from_name = rng.choice(NAMES)
        self.subject = rng.choice(["", "", "Re: ", "re: [x] ", "Fwd: "]) + rng.choice(SUBJECTS)
        self.id = f"m{number}@example.org" if rng.random() < 0.95 else None
        if before and rng.random() < 0.05:
            self.id = rng.choice(before).id
        self.refs = []
        answered = [m for m in before[-30:] if m.id]
        if answered and rng.random() < 0.6:
            parent = rng.choice(answered)
            self.refs = (parent.refs + [parent.id])[-rng.choice([1, 2, 9]):]
        elif rng.random() < 0.2:
            self.refs = [f"gone{rng.randrange(6)}@example.org", f"m{rng.randrange(COUNT)}@example.org"]
        self.body = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 30)))
        self.flags = "".join(f for f in "SRFDT" if rng.random() < 0.3)
        self.mark = f"mark{number:04d}" if number % 7 == 0 else ""
        self.data = self.make(rng)
        self.size = len(self.data)

    def make(self, rng):
        word = "=?utf-8?b?%s?=" % base64.b64encode(self.subject.encode()).decode()
        name = "=?utf-8?q?%s?=" % quopri.encodestring(self.from_name.encode(), header=True).decode()
        head = [f"From: {name} <{self.from_box}@from.example>", f"To: {self.to_box}@to.example",
                f"Cc: {self.cc_box}@cc.example", f"Subject: {self.subject if self.subject.isascii() else word}"]
        if self.has_date:
            head.append("Date: " + self.written())
        if self.id:
            head.append(f"Message-ID: <{self.id}>")
        if len(self.refs) == 1 and rng.random() < 0.5:
            head.append(f"In-Reply-To: <{self.refs[0]}>")
        elif self.refs:
            head.append("References: " + "\r\n ".join(f"<{r}>" for r in self.refs))
        if self.mark:
            head.append(f"X-Mark: {self.mark}")
        way = rng.choice(["8bit", "base64", "quoted-printable"])
        raw = self.body.encode()
        if way == "base64":
            raw = base64.encodebytes(raw).replace(b"\n", b"\r\n")
        elif way == "quoted-printable":
            raw = quopri.encodestring(raw).replace(b"\n", b"\r\n")
        head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", f"Content-Transfer-Encoding: {way}"]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + raw + b"\r\n"

    def written(self):
        local = formatdate(self.sent + self.zone * 60)[:-5]
        return local + "%s%02d%02d" % ("-" if self.zone < 0 else "+", abs(self.zone) // 60, abs(self.zone) % 60)

    def day(self):
        """Of the Date header as written (SENTON); the day it arrived where there is none."""
        return (self.sent + self.zone * 60 if self.has_date else self.arrival) // 86400


MADE = []


def fill(town):
    rng = random.Random(SEED)
    for i in range(COUNT):
        MADE.append(Made(rng, i + 1, MADE))
    town.put("Box", [Mail(m.data, m.flags, m.arrival) for m in MADE])
    town.put("Other", [Mail(b"Subject: other %d\r\n\r\nalpha %d\r\n" % (i, i)) for i in range(3)])
    town.put("Other/Below", [Mail(b"Subject: below\r\n\r\nalpha beta\r\n")])
    town.put("Other/Below/Deep", [Mail(b"Subject: deep\r\n\r\nalpha deep\r\n")])
    town.put("Empty", [Mail(b"Subject: gamma\r\n\r\ngamma\r\n")])
    time.sleep(3)  # most of it in an index, which answers differently


def numbers(condition):
    return [m.number for m in MADE if condition(m)]


def day(n):
    return time.strftime("%d-%b-%Y", time.gmtime(n * 86400))


def fold(text):
    return text.lower()


def keys():
    """Keys, and what they mean."""
    mid = 1400000000 // 86400 + 20
    yield "ALL", lambda m: True
    yield "OLD", lambda m: True
    yield "NEW", lambda m: False
    yield "RECENT", lambda m: False
    for word, letter in ("SEEN", "S"), ("ANSWERED", "R"), ("FLAGGED", "F"), ("DRAFT", "D"), ("DELETED", "T"):
        yield word, lambda m, f=letter: f in m.flags
        yield "UN" + word, lambda m, f=letter: f not in m.flags
    yield "KEYWORD x", lambda m: False
    yield "UNKEYWORD $Junk", lambda m: True
    for field, value in ("FROM", "ann"), ("FROM", "NN@from"), ("FROM", "Carol"), ("FROM", '"l <"'), ("FROM", "zoë"):
        yield f"{field} {value if value.isascii() else ''}" if value.isascii() else (field, value), \
            lambda m, v=value.strip('"'): fold(v) in fold(f"{m.from_name} <{m.from_box}@from.example>")
    yield "TO ZED", lambda m: m.to_box == "zed"
    yield "CC y", lambda m: "y" in fold(m.cc_box + "@cc.example")
    yield "BCC ann", lambda m: False
    for value in ("plan", "PLAN b", "re:", "[x]", "grüße", "ebr", "ÄRG", ""):
        yield ("SUBJECT", value), lambda m, v=value: fold(v) in fold(m.subject)
    for value in ("invoice", "NVOI", "grüße", "naïve", "日本", "本語", "прив", "y.exam", "10:3", "end.", "alpha beta"):
        yield ("BODY", value), lambda m, v=value: fold(v) in fold(m.body)
        yield ("TEXT", value), lambda m, v=value: fold(v) in fold(m.body) or fold(v) in fold(m.subject)
    yield "HEADER X-Mark mark0007", lambda m: m.mark == "mark0007"
    yield 'HEADER X-Mark ""', lambda m: m.mark != ""
    yield 'HEADER Subject "plan"', lambda m: "plan" in fold(m.subject)
    yield 'HEADER Message-ID "<m5@example.org>"', lambda m: m.id == "m5@example.org"
    for word, low, high in ("BEFORE", 0, mid), ("ON", mid, mid + 1), ("SINCE", mid, 1 << 40):
        yield f"{word} {day(mid)}", lambda m, a=low, b=high: a <= m.arrival // 86400 < b
        yield f"SENT{word} {day(mid)}", lambda m, a=low, b=high: a <= m.day() < b
    size = sorted(m.size for m in MADE)[COUNT // 2]
    yield f"LARGER {size}", lambda m: m.size > size
    yield f"SMALLER {size}", lambda m: m.size < size
    yield "UID 3:9,200", lambda m: 3 <= m.number <= 9 or m.number == 200
    yield "5:7,*", lambda m: 5 <= m.number <= 7 or m.number == COUNT
    yield "SAVEDATESUPPORTED", lambda m: True
    yield f"SAVEDSINCE {day(int(time.time()) // 86400 - 1)}", lambda m: True
    yield "SAVEDBEFORE 1-Jan-2020", lambda m: False
    yield f"OLDER {int(time.time()) - mid * 86400}", lambda m: m.arrival <= mid * 86400
    yield "YOUNGER 3600", lambda m: False
    yield "MODSEQ 1", lambda m: True
    yield "THREADID Tnone", lambda m: False
    yield "EMAILID Mnone", lambda m: False


def words(key):
    """A command's parts."""
    if isinstance(key, str):
        return [key]
    return [key[0] + " ", quote(key[1]) if key[1].isascii() else lit(key[1].encode())]


def test_keys(town):
    c = town.login(box="alice/Box")
    every = list(keys())
    for key, condition in every:
        found = c.ask("UID SEARCH CHARSET UTF-8 ", *words(key))
        want = numbers(condition)
        hits = [int(n) for n in found.one("SEARCH").tokens if not isinstance(n, list)] if found.ok else found
        check(hits == want, "RFC 3501, 6.4.4", f"{key}", hits, want)
    rng = random.Random(SEED + 1)
    for _ in range(120):
        (a, ca), (b, cb), (d, cd) = rng.sample(every, 3)
        want = numbers(lambda m: (ca(m) or not cb(m)) and cd(m))
        found = c.ask("SEARCH CHARSET UTF-8 (OR (", *words(a), ") NOT ", *words(b), ") ", *words(d))
        hits = [int(n) for n in found.one("SEARCH").tokens if not isinstance(n, list)] if found.ok else found
        check(hits == want, "RFC 3501, 6.4.4", f"(OR ({a}) NOT {b}) {d}", hits, want)


def test_charsets(town):
    c = town.login(box="alice/Box")
    want = numbers(lambda m: "grüße" in fold(m.subject))
    for charset, data in ("ISO-8859-1", "grüße".encode("latin1")), ("UTF-8", "GRÜßE".encode()), ("UTF-16", None):
        if data is not None:
            hits = c.ask(f"SEARCH CHARSET {charset} SUBJECT ", lit(data)).hits()
            check(hits == want, "RFC 3501, 6.4.4", charset, hits, want)
    expect(c.ask("SEARCH CHARSET NO-SUCH ALL"), "NO", "RFC 3501, 6.4.4", "an unknown charset", "BADCHARSET")
    expect(c.ask("SEARCH CHARSET"), "BAD", "RFC 3501, 6.4.4", "CHARSET without a name")
    for wrong in ("SEARCH NOT", "SEARCH (ALL", "SEARCH FOO", "SEARCH BEFORE 32-Jan-2000", "SEARCH RETURN (X) ALL",
                  "SEARCH RETURN (ALL PARTIAL 1:2) ALL", "SORT (DATE) ALL", "SORT () UTF-8 ALL", "SORT (X) UTF-8 ALL",
                  "THREAD X UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL", "ESEARCH IN (x) ALL"):
        expect(c.ask(wrong), "BAD", "RFC 9051, 6.4.4", wrong)
        c.ask("NOOP")
        c.close()
        c = town.login(box="alice/Box")
    expect(c.ask("SEARCH " + "(" * 5000 + "ALL" + ")" * 5000), "NO", "RFC 9051, 6.4.4", "too deep", "LIMIT")


def extended(answer):
    """Items of the one ESEARCH: {"MIN": "1"}."""
    r = answer.one("ESEARCH").raw.decode().strip()
    text = r[r.index(")") + 1:].replace(" UID", "", 1)
    parts, items = text.replace("(", "").replace(")", "").split(), {}
    while parts:
        name = parts.pop(0)
        items[name] = [parts.pop(0), parts.pop(0)] if name == "PARTIAL" else parts.pop(0)
    return items


def spread(text):
    out = []
    for part in text.split(","):
        a, _, b = part.partition(":")
        out += range(int(a), int(b or a) + 1)
    return out


def test_esearch(town):
    c = town.login(box="alice/Box")
    want = numbers(lambda m: "S" in m.flags)
    e = extended(c.ask("SEARCH RETURN (MIN MAX COUNT ALL) SEEN"))
    check((int(e["MIN"]), int(e["MAX"]), int(e["COUNT"]), spread(e["ALL"])) ==
          (want[0], want[-1], len(want), want), "RFC 4731, 3.1", "MIN MAX COUNT ALL", e, want)
    check(spread(extended(c.ask("UID SEARCH RETURN () SEEN"))["ALL"]) == want, "RFC 4731, 3.1", "RETURN () is ALL")
    check(extended(c.ask("SEARCH RETURN (MIN MAX COUNT ALL) NEW")) == {"COUNT": "0"}, "RFC 4731, 3.1", "nothing found")
    check(b'(TAG "t9") UID' in c.ask("UID SEARCH RETURN (MIN) SEEN", tag="t9").one("ESEARCH").raw, "RFC 4731, 3.1",
          "the tag, and UID")
    for part, said in (("1:5", want[:5]), ("3:4", want[2:4]), ("4:3", want[2:4]), ("-1:-5", want[-5:]),
                       ("-3:-4", want[-4:-2]), ("900:905", None)):
        e = extended(c.ask(f"UID SEARCH RETURN (PARTIAL {part} COUNT) SEEN"))
        got = None if e["PARTIAL"][1] == "NIL" else spread(e["PARTIAL"][1])
        check(got == said and int(e["COUNT"]) == len(want), "RFC 9394, 3.1", f"PARTIAL {part}", e, said)
    c.ask("ENABLE IMAP4rev2")
    found = c.ask("SEARCH SEEN")
    if found.data("ESEARCH"):
        check(spread(extended(found)["ALL"]) == want, "RFC 9051, 6.4.4", "IMAP4rev2: always an ESEARCH")


def test_partial_fetch(town):
    c = town.login(box="alice/Box")
    for part, said in (("1:3", [1, 2, 3]), ("-1:-2", [COUNT - 1, COUNT]), ("3:900", list(range(3, COUNT + 1))),
                       ("900:901", [])):
        rows = c.ask(f"UID FETCH 1:* (UID) (PARTIAL {part})").rows()
        check(sorted(rows) == said, "RFC 9394, 3.3", f"UID FETCH PARTIAL {part}", sorted(rows))
    rows = c.ask("UID FETCH 5:9,20:30 (FLAGS) (PARTIAL 5:7)").rows()
    check(sorted(rows) == [9, 20, 21], "RFC 9394, 3.3", "a part of a set", sorted(rows))
    expect(c.ask("FETCH 1:* (UID) (PARTIAL 1:2)"), "BAD", "RFC 9394, 3.3", "PARTIAL without UID")
    expect(c.ask("UID FETCH 1:* (UID) (PARTIAL 0:2)"), "BAD", "RFC 9394, 3.3", "PARTIAL 0:2")
    c.ask("SEARCH RETURN (SAVE) NEW")
    expect(c.ask("FETCH $ (UID)"), "OK", "RFC 5182, 2.1", "an empty $ is no error")


def test_searchres(town):
    c = town.login(box="alice/Box")
    want = numbers(lambda m: "F" in m.flags)
    check(c.ask("SEARCH $").hits() == [], "RFC 5182, 2.1", "nothing is saved at first")
    answer = c.ask("SEARCH RETURN (SAVE) FLAGGED")
    check(answer.ok and not answer.untagged, "RFC 5182, 2.1", "SAVE alone tells nothing", answer)
    check(c.ask("SEARCH $").hits() == want, "RFC 5182, 2.1", "$ is what was found")
    check(sorted(c.ask("FETCH $ (UID)").rows()) == want, "RFC 5182, 2.1", "FETCH $")
    check(sorted(c.ask("UID FETCH $ (FLAGS)").rows()) == want, "RFC 5182, 2.1", "UID FETCH $")
    check(c.ask("UID SEARCH UID $ SEEN").hits() == numbers(lambda m: "F" in m.flags and "S" in m.flags),
          "RFC 5182, 2.1", "UID $ among other keys")
    c.ask("SEARCH RETURN (SAVE MIN MAX) FLAGGED")
    check(c.ask("SEARCH $").hits() == [want[0], want[-1]], "RFC 5182, 2.4", "MIN and MAX alone are what is saved")
    c.ask("SEARCH RETURN (SAVE COUNT MIN) FLAGGED")
    check(c.ask("SEARCH $").hits() == want, "RFC 5182, 2.4", "with COUNT all is saved")
    c.ask("SEARCH RETURN (SAVE PARTIAL 2:3) FLAGGED")
    check(c.ask("SEARCH $").hits() == want[1:3], "RFC 9394, 3.1", "of PARTIAL the part is saved")
    c.ask("SEARCH RETURN (SAVE) NO-SUCH-KEY")
    check(c.ask("SEARCH $").hits() == want[1:3], "RFC 5182, 2.1", "a BAD changes nothing")
    c.ask("SEARCH RETURN (SAVE) CHARSET X-NONE ALL")
    c.ask("SORT RETURN (SAVE) (DATE) UTF-8 FLAGGED")
    check(c.ask("SEARCH $").hits() == want, "RFC 5267, 3", "SORT saves, too")
    c.ask("SELECT alice/Box")
    check(c.ask("SEARCH $").hits() == [], "RFC 5182, 2.1", "SELECT forgets it")


def test_sort(town):
    c = town.login(box="alice/Box")
    for criteria in ("ARRIVAL", "DATE", "REVERSE DATE", "SIZE", "REVERSE SIZE ARRIVAL", "SUBJECT", "REVERSE SUBJECT",
                     "SUBJECT REVERSE DATE", "FROM", "TO SUBJECT", "CC REVERSE FROM DATE", "DATE DATE"):
        for key, condition in (("ALL", lambda m: True), ("SEEN", lambda m: "S" in m.flags)):
            want = rfc5256.sort([m for m in MADE if condition(m)], criteria)
            answer = c.ask(f"UID SORT ({criteria}) UTF-8 {key}")
            got = [int(n) for n in answer.one("SORT").tokens]
            check(got == want, "RFC 5256, 3", f"SORT ({criteria}) {key}", got, want)
    check(c.ask("SORT (DATE) US-ASCII NEW").one("SORT").tokens == [], "RFC 5256, 4", "nothing found")
    want = rfc5256.sort(MADE, "REVERSE DATE")
    e = extended(c.ask("SORT RETURN (MIN MAX COUNT ALL) (REVERSE DATE) UTF-8 ALL"))
    check((int(e["MIN"]), int(e["MAX"]), int(e["COUNT"])) == (want[0], want[-1], COUNT), "RFC 5267, 3",
          "MIN is the first of the order, MAX the last", e)
    check(spread(e["ALL"]) == want, "RFC 5267, 3", "ALL is in that order", e["ALL"], want)
    e = extended(c.ask("UID SORT RETURN (PARTIAL 11:20) (REVERSE DATE) UTF-8 ALL"))
    check(spread(e["PARTIAL"][1]) == want[10:20], "RFC 9394, 3.1", "a part of the order", e, want[10:20])
    display = sorted(MADE, key=lambda m: (rfc5256.casemap(m.from_name), m.number))
    got = [int(n) for n in c.ask("SORT (DISPLAYFROM) UTF-8 ALL").one("SORT").tokens]
    check(got == [m.number for m in display], "RFC 5957, 3", "DISPLAYFROM", got)
    display = sorted(MADE, key=lambda m: (rfc5256.casemap(m.to_box + "@to.example"), m.number))
    got = [int(n) for n in c.ask("SORT (DISPLAYTO) UTF-8 ALL").one("SORT").tokens]
    check(got == [m.number for m in display], "RFC 5957, 3", "DISPLAYTO without names", got)


def test_thread(town):
    c = town.login(box="alice/Box")
    for key, condition in (("ALL", lambda m: True), ("SEEN", lambda m: "S" in m.flags),
                           ("UID 1:40", lambda m: m.number <= 40), ("NEW", lambda m: False)):
        chosen = [m for m in MADE if condition(m)]
        for word, function in ("REFERENCES", rfc5256.references), ("ORDEREDSUBJECT", rfc5256.ordered_subject):
            want = "* THREAD" + (" " + rfc5256.write(function(chosen)) if chosen else "")
            for prefix in ("", "UID "):
                answer = c.ask(f"{prefix}THREAD {word} UTF-8 {key}")
                got = answer.one("THREAD").raw.decode().rstrip("\r\n")
                check(got == want, "RFC 5256, 3", f"{prefix}THREAD {word} {key}", got, want)


def test_multisearch(town):
    c = town.login()
    expect(c.ask("ESEARCH RETURN (ALL) ALL"), "BAD", "RFC 7377, 2.1", "nothing is selected")

    def told(command):
        found = {}
        for r in c.ask(command, tag="m1").data("ESEARCH"):
            raw = r.raw.decode()
            name = raw.split("MAILBOX ")[1].split(" UIDVALIDITY")[0].strip('"')
            check('(TAG "m1" MAILBOX ' in raw and ") UID " in raw, "RFC 7377, 2.1", "tag, mailbox, UID", raw)
            found[name] = raw.split(" ALL ")[1].strip() if " ALL " in raw else raw
        return found

    check(told('ESEARCH IN (mailboxes ("alice/Other" "alice/Empty")) RETURN (ALL) BODY alpha') ==
          {"alice/Other": "1:3"}, "RFC 7377, 2.2", "mailboxes; those without a match are not told")
    check(told("ESEARCH IN (subtree alice/Other) BODY alpha") ==
          {"alice/Other": "1:3", "alice/Other/Below": "1", "alice/Other/Below/Deep": "1"}, "RFC 7377, 2.2", "subtree")
    check(told("ESEARCH IN (subtree-one alice/Other) BODY alpha") == {"alice/Other": "1:3", "alice/Other/Below": "1"},
          "RFC 7377, 2.2", "subtree-one")
    check(told("ESEARCH IN (personal) SUBJECT gamma") == {"alice/Empty": "1"}, "RFC 7377, 2.2", "personal")
    check(told("ESEARCH IN (inboxes) ALL") == {}, "RFC 7377, 2.2", "inboxes")
    check(told("ESEARCH IN (mailboxes none/such) ALL") == {}, "RFC 7377, 2.2", "an unknown mailbox")
    expect(c.ask("ESEARCH IN (personal) RETURN (SAVE) ALL"), "BAD", "RFC 7377, 2.2", "SAVE over several")
    expect(c.ask("ESEARCH IN (personal) 1:5"), "BAD", "RFC 7377, 2.1", "sequence numbers over several")
    c.ask("SELECT alice/Other")
    check(told("ESEARCH UID 2") == {"alice/Other": "2"}, "RFC 7377, 2.2", "without IN: the selected one")


if __name__ == "__main__":
    run(fill, test_keys, test_charsets, test_esearch, test_partial_fetch, test_searchres, test_sort, test_thread,
        test_multisearch)
