"""How bytes become commands (RFC 3501, 2.2, 4.3, 5.5, 9; RFC 7888): tags, blanks, literals, pipelines, ceilings."""
import random

from town import Mail, check, expect, lit, run

LIMITS = "imap_line_bytes = 65536\nimap_literal_bytes = 1048576\n"


def fill(town):
    town.put("Box", [Mail(b"Subject: %d\r\n\r\nhello %d\r\n" % (i, i)) for i in range(30)])


def test_tags(town):
    c = town.login()
    for tag in ("a", "A0001", "1", "NIL", "x.y-z_", "]", "!#$&',-./:;<=>?@^_`|~", "t" * 128):
        check(c.ask("NOOP", tag=tag).ok, "RFC 3501, 9 (tag)", f"tag {tag[:30]}")
    for line in ("+ NOOP", "(a NOOP", "a* NOOP", '"a" NOOP', "a% NOOP", "a\\ NOOP", "{a NOOP", " a NOOP"):
        town_client = town.login()  # a few are enough to be sent away
        town_client.send(line + "\r\nlast NOOP\r\n")
        answer = town_client.until("last")
        bad = answer.data("BAD")
        check(answer.ok and len(bad) == 1 and bad[0].tag == "*", "RFC 3501, 9 (tag); 7.1.3", f"untagged BAD: {line!r}",
              answer)
    c = town.login()
    c.send("\r\nlast NOOP\r\n")
    check(c.until("last").ok, "RFC 3501, 9", "an empty line harms nobody")
    c.send("a\r\nb \r\nlast NOOP\r\n")
    answer = c.until("last")
    check(answer.ok and len(answer.data("BAD")) == 2, "RFC 3501, 9", "a tag alone is BAD", answer)
    c.send("t" * 200 + " NOOP\r\nlast NOOP\r\n")
    check(c.until("last").ok, "RFC 3501, 9", "a tag of 200 characters ends nothing")
    for command, why in (("NOOP ", "a blank at the end"), ("NOOP x", "an argument too many"),
                         ("FOO", "an unknown command"), ("UID", "UID alone"),
                         ("UID NOOP", "UID with a command that has none"), ("SELECT", "no argument"),
                         ("SELECT a b", "two arguments"), ("NO OP", "a word within a word"), ("\0NOOP", "NUL")):
        expect(town.login().ask(command), "BAD", "RFC 3501, 9", why)
    for command in ("noop", "NoOp", "NOOP"):
        check(c.ask(command).ok, "RFC 3501, 9", f"{command}: case does not count")


def test_literals(town):
    c = town.login()
    for sync in (True, False):
        answer = c.ask("STATUS ", lit("alice/Box", sync), " (MESSAGES)")
        check(answer.ok and answer.one("STATUS").items()[b"MESSAGES"] == b"30", "RFC 3501, 4.3; RFC 7888, 4",
              f"a literal as a mailbox, sync={sync}", answer)
    answer = c.ask("LIST ", lit(""), " ", lit("alice/B%"))
    check(len(answer.data("LIST")) == 1, "RFC 3501, 4.3", "a literal of no bytes, and one with a wildcard", answer)
    answer = c.ask("STATUS alice/Box (MESSAGES", lit(" ", False), ")")
    check(answer.bad, "RFC 3501, 9", "a literal where none can be", answer)
    c.send("t STATUS {99999999999999999999}\r\nlast NOOP\r\n")
    check(c.until("last").ok, "RFC 3501, 4.3", "a size beyond 64 bits is no literal")
    for text in ("{-1}", "{}", "{1", "{1 }", "{+}", "{3++}", "{1x}"):
        c = town.login()
        c.send(f"t STATUS {text}\r\nlast NOOP\r\n")
        answer = c.until("last")
        check(answer.ok and [r for r in answer.untagged if r.tag == "t" and r.name == "BAD"], "RFC 3501, 9 (literal)",
              f"{text} is no literal", answer)
    c = town.login()
    check(c.ask("STATUS ", lit(b"a\0b", False), " (MESSAGES)").bad, "RFC 3501, 9 (CHAR8)", "NUL in a literal")
    answer = c.ask("STATUS {4294967296}")
    check(answer.bad or answer.no, "RFC 7888, 4", "4 GB asked for: refused before it comes", answer)
    check(c.ask("NOOP").ok, "RFC 7888, 4", "and the session goes on")
    answer = c.ask("FOO {5}")
    check(answer.bad, "RFC 3501, 7.5", "no '+' for a command that is unknown", answer)
    size = 2000000
    c.send(b"big STATUS {%d+}\r\n" % size + b"x" * size + b" (MESSAGES)\r\nlast NOOP\r\n")
    answer = c.until("last")
    big = [r for r in answer.untagged if r.tag == "big"]
    check(answer.ok and len(big) == 1 and big[0].name in ("BAD", "NO"), "RFC 7888, 4",
          "a literal above the ceiling is read past, the next command is found", answer)
    for size in (4096, 4097):
        answer = c.ask("STATUS ", lit("x" * size, False), " (MESSAGES)")
        expect(answer, "NO" if size == 4096 else "BAD", "RFC 7888, 5", f"a literal of {size} bytes that was not asked for",
               "NONEXISTENT" if size == 4096 else "TOOBIG")
    check(b"LITERAL-" in c.ask("CAPABILITY").one("CAPABILITY").tokens, "RFC 7888, 5", "LITERAL- is a capability")
    for size in (20000000, 4294967296, 9223372036854775807):
        c = town.login()
        c.send(b"huge APPEND INBOX {%d+}\r\n" % size)
        answer = c.until("huge")
        check(answer.data("BYE") and c.closed(), "RFC 7888, 4", f"{size} bytes under way: the connection ends", answer)
    c = town.client()
    c.send("big LOGIN {100000+}\r\n" + "x" * 100000 + " y\r\nlast NOOP\r\n")
    answer = c.until("last")
    check(answer.ok, "RFC 7888, 4", "before a login, too", answer)
    c = town.login()
    c.send("many SEARCH" + " SUBJECT {1+}\r\nx" * 100 + "\r\nlast NOOP\r\n")
    check(c.until("last").ok, "RFC 3501, 4.3", "100 literals in one command")


def test_pipeline(town):
    c = town.login()
    # Commands in one segment, then cut at every place by chance: the same answers.
    commands = ("p1 NOOP\r\np2 EXAMINE {9+}\r\nalice/Box\r\np3 UID SEARCH UID 3:4\r\np4 FETCH 30 (UID FLAGS)\r\n"
                'p5 STATUS "alice/Box" (MESSAGES)\r\np6 FETCH 1 BODY.PEEK[]\r\np7 UNSELECT\r\n').encode()
    c.send(commands)
    whole = [r.raw for r in c.until("p7").untagged]
    tagged = [r.split()[0] for r in whole if r[:1] == b"p"]
    check(tagged == [b"p%d" % i for i in range(1, 7)], "RFC 3501, 5.5", "a pipeline is answered in order", whole)
    for _ in range(8):
        c = town.login()
        at = 0
        while at < len(commands):
            n = random.choice((1, 1, 2, 5, 40))
            c.send(commands[at:at + n])
            at += n
        check([r.raw for r in c.until("p7").untagged] == whole, "RFC 3501, 2.2", "however the bytes are cut")
    c = town.login(box="alice/Box")
    c.send(b"".join(b"m%d UID FETCH %d (BODY.PEEK[HEADER])\r\n" % (i, i % 30 + 1) for i in range(500)))
    for i in range(500):
        answer = c.until(f"m{i}")
        if not (answer.ok and i % 30 + 1 in answer.rows()):
            check(False, "RFC 3501, 5.5", f"command {i} of 500 in a pipeline", answer)
            break
    # Everything up to LOGOUT is answered, what stands behind it is not.
    c.send("x1 NOOP\r\nx2 LOGOUT\r\nx3 NOOP\r\n")
    check(c.until("x2").ok and c.closed(), "RFC 3501, 6.1.3", "nothing after LOGOUT")


def test_ceilings(town):
    c = town.login()
    answer = c.ask("X" * 200000)
    check(answer.bad and c.ask("NOOP").ok, "RFC 9051, 4", "a line of 200,000 bytes: BAD, and the session goes on",
          answer)
    deep = "(" * 100000
    for command in ("SEARCH " + deep[:60000], 'LIST "" ' + deep[:60000], "FETCH 1 " + deep[:60000],
                    "ID " + deep[:60000], "STATUS INBOX " + deep[:60000], "ENABLE " + deep[:60000]):
        c = town.login(box="alice/Box")
        answer = c.ask(command)
        check(answer.bad or answer.no, "RFC 3501, 9", f"{command.split()[0]} with 60,000 open parentheses", answer)
    c = town.login(box="alice/Box")
    check(not c.ask("SEARCH " + "NOT " * 10000 + "ALL").ok, "RFC 3501, 6.4.4", "NOT ten thousand times", answer)
    answer = c.ask("FETCH " + ",".join("1" for _ in range(30000)) + " UID")
    check(answer.ok and list(answer.rows()) == [1], "RFC 3501, 9 (sequence-set)", "one message 30,000 times is one row",
          answer)
    answer = c.ask("FETCH 1 (" + " ".join(f"BODY.PEEK[]<{i}.1>" for i in range(2000)) + ")")
    check(not answer.bad or answer.text, "RFC 3501, 6.4.5", "2,000 sections in one command end in an answer", answer)
    check(c.ask("NOOP").ok, "RFC 3501, 6.1.2", "and the session goes on")
    c = town.client()
    for i in range(60):
        answer = c.ask("NONSENSE")
        if answer.data("BYE") or answer.status == "BYE":
            break
    check(i < 59 and c.closed(), "RFC 3501, 7.1.5", "who only talks nonsense is sent away")
    c = town.client()
    c.send(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"y" * 20000 + b"\r\n\r\n" * 40)
    while c.line():
        pass
    check(town.login().ask("NOOP").ok, "RFC 3501, 3.1", "a browser harms nobody")


if __name__ == "__main__":
    run(fill, test_tags, test_literals, test_pipeline, test_ceilings, gateway=LIMITS)
