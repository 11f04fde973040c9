"""Mailboxes (RFC 3501, 5.1, 6.3): names in modified UTF-7, LIST and its patterns, SELECT, EXAMINE, STATUS."""
import re

from town import Mail, check, expect, lit, quote, run, utf7

NAMES = ("Box", "Old Mail/2003/June", "Entw\u00fcrfe", "\u65e5\u672c\u8a9e/\u4e8c", "a&b", 'quo"te', "back\\slash",
         "Caf\u00e9 \U0001f600", "plus+100%", "star*", "{3}", "[brackets]", "(round)", "Trailing ", "~tilde",
         "deep/" + "/".join("abcdefgh"))


def fill(town):
    for i, name in enumerate(NAMES):
        town.put(name, [Mail(b"Subject: %d.%d\r\n\r\n" % (i, k), "S" if k < 2 else "") for k in range(i % 4 + 1)])


def listed(answer, word="LIST"):
    return {bytes(r.tokens[2]).decode(): [bytes(a) for a in r.tokens[0]] for r in answer.data(word)}


def pattern_matches(pattern, name):
    expression = "".join(".*" if c == "*" else "[^/]*" if c == "%" else re.escape(c) for c in pattern)
    return re.fullmatch(expression, name, re.S) is not None


def test_list(town):
    c = town.login()
    every = listed(c.ask('LIST "" *'))
    want = {"INBOX", "alice"}
    for name in town.boxes:
        parts = name.split("/")
        want |= {"/".join(parts[:i + 1]) for i in range(len(parts))}
    plain = {utf7(name): name for name in want}
    want = set(plain)
    check(set(every) == want, "RFC 3501, 6.3.8", "LIST: all mailboxes, and those above them", set(every) ^ want)
    for name, attributes in every.items():
        below = any(other.startswith(name + "/") for other in every)
        check((b"\\HasChildren" in attributes) == below and (b"\\HasNoChildren" in attributes) != below, "RFC 3348, 3",
              f"children of {name}", attributes)
        check(b"\\Noinferiors" not in attributes or not below, "RFC 3501, 7.2.2", f"attributes of {name}", attributes)
    for row in c.ask('LIST "" *').data("LIST"):
        check(row.tokens[1] == b"/", "RFC 3501, 7.2.2", "the separator", row)

    for reference, pattern in (("", "%"), ("", "alice/%"), ("", "*2003*"), ("", "alice/Old Mail/%"), ("", "alice/%/%"),
                               ("", "a%"), ("", "%/%e%"), ("alice/", "%"), ("alice/Old Mail/",
                                                                            "*"), ("alice", "/B*"), ("", "*h"),
                               ("", "alice/deep/*/h"), ("", "nothing*"), ("", "alice/Box"), ("", "**"), ("", "%%%"),
                               ("", "alice/deep/a/b/c/d/e/f/g/h"), ("", "*\u00e9*"), ("", "inbox"), ("", "INB%")):
        got = set(listed(c.ask("LIST ", quote(reference), " ", quote(utf7(pattern)))))
        whole = reference + pattern  # a wildcard stands for characters, not for what they are encoded as
        meant = {
            n
            for n in want if pattern_matches(whole, plain[n]) or (n == "INBOX" and pattern_matches(whole.upper(), n))
        }
        check(got == meant, "RFC 3501, 6.3.8", f"LIST {reference!r} {pattern!r}", got, meant)
    answer = c.ask('LIST "" ""')
    row = answer.one("LIST")
    check(b"\\Noselect" in [bytes(a) for a in row.tokens[0]] and row.tokens[1] == b"/" and row.tokens[2] == b"",
          "RFC 3501, 6.3.8", "LIST with an empty pattern tells the separator", answer)
    check(len(listed(c.ask('LIST "" {1+}\r\n*'))) == len(want), "RFC 3501, 9", "a pattern as a literal")
    check(
        set(listed(c.ask("LIST alice/ %"))) == set(listed(c.ask('LIST "alice/" "%"'))), "RFC 3501, 9",
        "a pattern as it is")
    check(
        set(listed(c.ask('LSUB "" *'), "LSUB")) >= set(n for n in want if n != "INBOX"), "RFC 3501, 6.3.9",
        "all are subscribed")
    for bad in ('LIST ""', "LIST", 'LIST "" * x', 'LIST "" (', 'LIST "" "\\x"'):
        expect(c.ask(bad), "BAD", "RFC 3501, 6.3.8", bad)
    for odd in ("&", "&AGE", "&AGE-", "&Jjo", "&!!-", "&2D3-", "&2D3eAA-", "\u00fc", "\udcff"):
        answer = town.login().ask("LIST ", '"" ', lit(odd.encode("utf-8", "surrogateescape"), False))
        check(not answer.data("LIST"), "RFC 3501, 5.1.3", f"{odd!a} names no mailbox", answer)
    star = "*" * 2000
    check(not c.ask("LIST ", '"" ', quote("%".join("a" * 300))).bad and not c.ask("LIST ", '"" ', quote(star)).bad,
          "RFC 3501, 6.3.8", "thousands of wildcards cost nothing")


def test_select(town):
    c = town.login()
    for name, mails in town.boxes.items():
        for word in ("SELECT", "EXAMINE"):
            answer = c.ask(word, " ", quote(utf7(name)))
            if not expect(answer, "OK", "RFC 3501, 6.3.1, 6.3.2", f"{word} {name}", "READ-ONLY"):
                continue
            codes = answer.codes()
            check(answer.one("EXISTS").number == len(mails), "RFC 3501, 7.3.1", f"EXISTS of {name}", answer)
            check(
                len(answer.data("FLAGS")) == 1 and b"PERMANENTFLAGS" in codes and b"UIDNEXT" in codes
                and b"UIDVALIDITY" in codes, "RFC 3501, 6.3.1", f"what {word} has to tell", answer)
            check(
                int(codes[b"UIDNEXT"][0]) == len(mails) + 1 and int(codes[b"UIDVALIDITY"][0]) > 0, "RFC 3501, 2.3.1.1",
                "UIDNEXT is above all UIDs", answer)
    answer = c.ask("SELECT inbox")
    check(answer.ok and answer.one("EXISTS").number == 0, "RFC 3501, 5.1", "INBOX in any case is there", answer)
    check(
        c.ask("FETCH 1:* FLAGS").data("FETCH") == [] and c.ask("SEARCH ALL").hits() == [], "RFC 3501, 6.4", "and empty")
    for name in ("nowhere", "alice/nowhere", "/alice", "alice/", "alice//Box", "bob", "*", "%", "alice/\u00fc", "&",
                 "../alice", "alice/../alice/Box", "x" * 4000):
        answer = c.ask("SELECT ", lit(name, False))
        expect(answer, "NO", "RFC 3501, 6.3.1; RFC 5530, 3", f"SELECT {name[:30]!r}", "NONEXISTENT")
        check(c.ask("FETCH 1 UID").bad, "RFC 3501, 6.3.1", "and nothing is selected", answer)
        if answer.no:
            c = town.login()
    check(c.ask("SELECT ALICE").no, "RFC 3501, 5.1", "other names are told apart by case")


def test_status(town):
    c = town.login()
    for name, mails in town.boxes.items():
        row = c.ask("STATUS ", quote(utf7(name)), " (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)").one("STATUS")
        values = {k: int(v) for k, v in row.items().items()}
        unseen = sum("S" not in m.flags for m in mails)
        check(
            bytes(row.tokens[0]).decode() == utf7(name), "RFC 3501, 7.2.4", "the name comes back as it was asked", row)
        check(
            values[b"MESSAGES"] == len(mails) and values[b"UNSEEN"] == unseen and values[b"RECENT"] == 0
            and values[b"UIDNEXT"] == len(mails) + 1, "RFC 3501, 6.3.10", f"STATUS of {name}", row)
        selected = c.ask("EXAMINE ", quote(utf7(name)))
        check(values[b"UIDVALIDITY"] == int(selected.codes()[b"UIDVALIDITY"][0]), "RFC 3501, 2.3.1.1",
              "one UIDVALIDITY for STATUS and EXAMINE", row, selected)
    answer = c.ask("STATUS alice/Box (UNSEEN)")
    check(list(answer.one("STATUS").items()) == [b"UNSEEN"], "RFC 3501, 6.3.10", "what was asked, no more", answer)
    answer = c.ask("status alice/Box (messages Unseen)")
    check(len(answer.one("STATUS").items()) == 2, "RFC 3501, 9", "case does not count", answer)
    check(c.ask("STATUS INBOX (MESSAGES)").one("STATUS").items()[b"MESSAGES"] == b"0", "RFC 3501, 5.1", "STATUS INBOX")
    expect(c.ask("STATUS alice/nowhere (MESSAGES)"), "NO", "RFC 3501, 6.3.10", "STATUS of nothing", "NONEXISTENT")
    for bad in ("STATUS alice/Box", "STATUS alice/Box ()", "STATUS alice/Box (FOO)", "STATUS alice/Box MESSAGES",
                "STATUS alice/Box (MESSAGES) x", "STATUS (MESSAGES)", "STATUS alice/Box (MESSAGES  UNSEEN)"):
        expect(town.login().ask(bad), "BAD", "RFC 3501, 6.3.10", bad)
    c = town.login(box="alice/Box")
    check(
        c.ask("STATUS alice/Box (MESSAGES)").ok and c.ask("FETCH 1 UID").ok, "RFC 3501, 6.3.10",
        "STATUS of another or the same mailbox leaves the selected one")


def test_namespace(town):
    answer = town.login().ask("NAMESPACE")
    check(
        answer.one("NAMESPACE").tokens[0] == [[b"", b"/"]] and len(answer.one("NAMESPACE").tokens) == 3, "RFC 2342, 5",
        "NAMESPACE: one, personal, with /", answer)


if __name__ == "__main__":
    run(fill, test_list, test_select, test_status, test_namespace)
