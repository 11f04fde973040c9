"""SEARCH (RFC 3501, 6.4.4): every key against what Python makes of the same mail; sets, charsets, groups, errors."""
import datetime
import email
import email.header
import email.policy
import email.utils
import random

from town import Mail, check, expect, lit, quote, run

WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "Foxtrot", "golf-club", "hotel", "don't", "a.b"]
WORDS += ["\u00fcber", "stra\u00dfe", "caf\u00e9", "\u65e5\u672c\u8a9e"]
NAMES = ("Anna <anna@example.com>", "bert@example.org", '"Carla, C." <carla@sub.example.net>',
         "=?utf-8?q?J=C3=B6rg?= <j@x.org>")


def made(i):
    pick = random.Random(i)
    words = [pick.choice(WORDS) for _ in range(12)]
    sent = datetime.datetime(2019, 12, 28, 12, tzinfo=datetime.timezone.utc) + datetime.timedelta(hours=9 * i)
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    text = f"From: {NAMES[i % 4]}\r\nTo: {NAMES[(i + 1) % 4]}\r\nCc: {NAMES[(i + 2) % 4]}\r\n"
    if i % 5 == 0:
        text += f"Bcc: {NAMES[3]}\r\n"
    if i % 3 != 2:
        zone = datetime.timezone(datetime.timedelta(hours=(i % 25) - 12))
        text += f"Date: {email.utils.format_datetime(sent.astimezone(zone))}\r\n"
    subject = email.header.Header(" ".join(words[:4]), "utf-8").encode() if i % 2 else " ".join(w for w in words[:4]
                                                                                                if w.isascii())
    text += f"Subject: {subject}\r\nX-Number: n{i}\r\n"
    if i % 4 == 0:
        text += "X-Empty:\r\n"
    message.set_content(" ".join(words[4:]) + "\n" + "x" * (i * 37 % 900) + "\n",
                        cte=("quoted-printable", "base64")[i % 2])
    body = message.as_bytes()
    flags = "".join(f for k, f in enumerate("SRFDT") if i >> k & 1)
    at = int((sent + datetime.timedelta(days=i % 7, hours=i % 24)).timestamp())
    return Mail(text.encode() + body, flags, at)


MAILS = [made(i) for i in range(64)]


class Known:
    """What Python knows of a message."""

    def __init__(self, mail):
        self.mail = mail
        self.message = email.message_from_bytes(mail.wire, policy=email.policy.compat32)
        self.body = self.message.get_payload(decode=True).decode().replace("\r\n", "\n")
        self.size = len(mail.wire)
        self.received = datetime.datetime.fromtimestamp(mail.at, datetime.timezone.utc).date()
        date = self.message["Date"]
        # RFC 3501, 6.4.4: disregarding time and timezone; without a Date header the internal date stands in
        self.sent = email.utils.parsedate_to_datetime(date).date() if date else self.received

    def header(self, name):
        values = self.message.get_all(name)
        return None if values is None else " ".join(
            str(email.header.make_header(email.header.decode_header(v))) for v in values)

    def has(self, text, *names):
        return any(text.lower() in (self.header(n) or "").lower() for n in names)

    def everything(self):
        return "\n".join(f"{n}: {self.header(n)}" for n in dict.fromkeys(self.message.keys())).lower()


def fill(town):
    town.known = [Known(m) for m in MAILS]
    town.put("Box", MAILS)


def compare(town, c, key, want, rfc="RFC 3501, 6.4.4", *parts):
    """A key, its negation and UID SEARCH, against a function of what is known."""
    meant = [i for i, k in enumerate(town.known, 1) if want(k)]
    answer = c.ask("SEARCH ", *(parts or (key, )))
    check(answer.ok and answer.hits() == meant, rfc, f"SEARCH {key}", answer, meant)
    return meant


def test_flags(town):
    c = town.login(box="alice/Box")
    for key, letter in (("SEEN", "S"), ("ANSWERED", "R"), ("FLAGGED", "F"), ("DRAFT", "D"), ("DELETED", "T")):
        compare(town, c, key, lambda k: letter in k.mail.flags)
        compare(town, c, "UN" + key, lambda k: letter not in k.mail.flags)
        compare(town, c, f"NOT {key.lower()}", lambda k: letter not in k.mail.flags)
    compare(town, c, "ALL", lambda k: True)
    compare(town, c, "OLD", lambda k: True)  # nothing is ever \Recent here
    compare(town, c, "NEW", lambda k: False)
    compare(town, c, "RECENT", lambda k: False)
    compare(town, c, "KEYWORD $Junk", lambda k: False)
    compare(town, c, "UNKEYWORD $Junk", lambda k: True)


def test_sizes_and_dates(town):
    c = town.login(box="alice/Box")
    sizes = sorted(k.size for k in town.known)
    for n in (0, sizes[0], sizes[20], sizes[-1], sizes[-1] + 1, 4294967295):
        compare(town, c, f"LARGER {n}", lambda k: k.size > n)
        compare(town, c, f"SMALLER {n}", lambda k: k.size < n)
    for back in (0, 3, 9, 10, 11, 12, 30):
        day = datetime.date(2019, 12, 28) + datetime.timedelta(days=back)
        text = f"{day.day}-{day:%b}-{day.year}"
        for name, value in (("", lambda k: k.received), ("SENT", lambda k: k.sent)):
            compare(town, c, f"{name}BEFORE {text}", lambda k: value(k) < day)
            compare(town, c, f"{name}ON {text}", lambda k: value(k) == day)
            compare(town, c, f'{name}SINCE "{text}"', lambda k: value(k) >= day)
    for bad in ("BEFORE 31-Feb-2020", "ON 1-Foo-2020", "SINCE 1-Jan-20", "SINCE 1 Jan 2020", "BEFORE", "SMALLER x",
                "LARGER -1", "LARGER", "SENTON 2020-01-01"):
        expect(town.login(box="alice/Box").ask("SEARCH ", bad), "BAD", "RFC 3501, 9 (date)", f"SEARCH {bad}")


def test_texts(town):
    c = town.login(box="alice/Box")
    for word in WORDS + [
            "alph", "LPHA", "foxtrot", "golf", "olf-cl", "n't", "\u00dcBER", "zzz", "xxxxxxx", "alpha bravo", " "
    ]:
        charset = "" if word.isascii() else "CHARSET UTF-8 "
        for key, want in (("SUBJECT", lambda k: k.has(word, "Subject")), ("BODY",
                                                                          lambda k: word.lower() in k.body.lower()),
                          ("TEXT", lambda k: word.lower() in k.body.lower() or word.lower() in k.everything())):
            if word == " " and key == "TEXT":
                continue  # blanks of folded and encoded headers are a matter of taste
            compare(town, c, f"{key} {word!r}", want, "RFC 3501, 6.4.4", charset + key + " ", lit(word, sync=False))
    for text in ("anna", "example.org", "Carla, C.", "\u00f6rg", "J\u00f6rg", "@", "bert@example.org", "nobody"):
        charset = "" if text.isascii() else "CHARSET UTF-8 "
        for key in ("FROM", "TO", "CC", "BCC"):
            compare(town, c, f"{key} {text!r}", lambda k: k.has(text, key), "RFC 3501, 6.4.4", charset + key + " ",
                    lit(text, sync=False))
    for name, text in (("X-Number", "n1"), ("x-number", "N63"), ("X-Empty", ""), ("X-Number", ""), ("X-None", ""),
                       ("Subject", "alpha"), ("Bcc", ""), ("X-Empty", "x"), ("Date", "2020"), ("From", "carla")):
        compare(town, c, f"HEADER {name} {text!r}",
                lambda k: k.header(name) is not None and text.lower() in k.header(name).lower(), "RFC 3501, 6.4.4",
                f"HEADER {name} ", quote(text))


def test_groups(town):
    c = town.login(box="alice/Box")
    n = len(MAILS)

    def seen(k):
        return "S" in k.mail.flags

    def flagged(k):
        return "F" in k.mail.flags

    compare(town, c, "SEEN FLAGGED", lambda k: seen(k) and flagged(k))
    compare(town, c, "OR SEEN FLAGGED", lambda k: seen(k) or flagged(k))
    compare(town, c, "NOT OR SEEN FLAGGED", lambda k: not (seen(k) or flagged(k)))
    compare(town, c, "(SEEN) (NOT (FLAGGED))", lambda k: seen(k) and not flagged(k))
    compare(town, c, "OR (SEEN FLAGGED) (UNSEEN UNFLAGGED)", lambda k: seen(k) == flagged(k))
    compare(town, c, "OR OR SEEN FLAGGED OR DRAFT DELETED", lambda k: bool(set(k.mail.flags) & set("SFDT")))
    compare(town, c, "NOT NOT SEEN", seen)
    compare(town, c, "((((((((SEEN))))))))", seen)
    for text, want in (("1:10", range(1, 11)), ("5,7,*", (5, 7, n)), (f"{n + 5}:*", (n, )), ("*:60", range(60, n + 1)),
                       ("10:1", range(1, 11)), ("UID 1:10", range(1, 11)), ("UID 1000:2000", ()), ("UID 1000:*", (n, )),
                       ("NOT 1:60", range(61, n + 1)), ("NOT UID 1:60", range(61, n + 1)), ("1:10 5:20", range(5, 11)),
                       ("OR 1 OR 2 3", (1, 2, 3))):
        answer = c.ask("SEARCH ", text)
        check(answer.ok and answer.hits() == list(want), "RFC 3501, 6.4.4 (sequence set)", f"SEARCH {text}", answer)
        check(c.ask("UID SEARCH ", text).hits() == list(want), "RFC 3501, 6.4.8", f"UID SEARCH {text}")
    for word in ("", "UID "):
        answer = c.ask(word + "SEARCH CHARSET US-ASCII SEEN")
        check(answer.ok, "RFC 3501, 6.4.4", "CHARSET US-ASCII", answer)
        expect(c.ask(word + "SEARCH CHARSET X-NOWHERE SEEN"), "NO", "RFC 3501, 6.4.4", "a charset that is not known",
               "BADCHARSET")
    for bad in ("", "FOO", "NOT", "OR SEEN", "OR", "(SEEN", "SEEN)", "()", "SEEN  FLAGGED", "SUBJECT", "HEADER X", "0",
                "1:", "UID", "UID x", "KEYWORD", "CHARSET", "CHARSET UTF-8", "SEEN CHARSET UTF-8 ALL", "NOT (",
                "KEYWORD (x)", 'SUBJECT "x', "FROM {3"):
        expect(town.login(box="alice/Box").ask("SEARCH ", bad), "BAD", "RFC 3501, 9 (search-key)", f"SEARCH {bad}")
    check(not town.login(box="alice/Box").ask("SEARCH CHARSET UTF-8 SUBJECT ", lit(b"\xff\xfe", sync=False)).ok,
          "RFC 3501, 6.4.4", "a text that is no UTF-8")
    # By chance: the boolean laws hold for what is found.
    for _ in range(25):
        a, b = (random.choice(("SEEN", "FLAGGED", "BODY alpha", "SUBJECT charlie", "LARGER 600", "SINCE 5-Jan-2020",
                               "1:30", "FROM anna", "TEXT hotel", "UID 20:50", "NOT ANSWERED")) for _ in range(2))
        left, right = (set(c.ask("SEARCH ", k).hits()) for k in (a, b))
        whole = set(range(1, n + 1))
        for text, want in ((f"{a} {b}", left & right), (f"OR {a} {b}", left | right), (f"NOT {a}", whole - left),
                           (f"{a} NOT {b}", left - right), (f"NOT ({a} {b})", whole - (left & right))):
            check(set(c.ask("SEARCH ", text).hits()) == want, "RFC 3501, 6.4.4", f"SEARCH {text}", want)


if __name__ == "__main__":
    run(fill, test_flags, test_sizes_and_dates, test_texts, test_groups)
