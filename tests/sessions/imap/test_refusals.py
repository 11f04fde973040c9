"""What would change the archive is refused with a sentence, and nothing changes (RFC 3501, 6.3, 6.4; RFC 5530)."""
from town import Mail, check, expect, lit, run


def fill(town):
    town.put("Box", [Mail(b"Subject: %d\r\n\r\nhello %d\r\n" % (i, i), "S" if i % 2 else "") for i in range(9)])


def state(c):
    rows = c.ask("UID FETCH 1:* (FLAGS RFC822.SIZE)")
    boxes = c.ask('LIST "" *')
    return sorted(r.raw for r in rows.data("FETCH")), sorted(r.raw for r in boxes.data("LIST"))


def refused(answer, rfc, command):
    codes = (b"NOPERM", b"READ-ONLY", b"CANNOT")
    check(answer.no and answer.code and answer.code[0] in codes and len(answer.text) > 10, rfc + "; RFC 5530, 3",
          f"{command[:50]}: NO with a code and a sentence", answer)


def test_refused(town):
    c = town.login(box="alice/Box")
    before = state(c)
    for rfc, command in (("RFC 3501, 6.3.3", "CREATE alice/New"), ("RFC 3501, 6.3.3", "CREATE alice/Box"),
                         ("RFC 6154, 3", "CREATE alice/New (USE (\\Sent))"), ("RFC 3501, 6.3.4", "DELETE alice/Box"),
                         ("RFC 3501, 6.3.4", "DELETE INBOX"), ("RFC 3501, 6.3.5", "RENAME alice/Box alice/Other"),
                         ("RFC 3501, 6.3.5", "RENAME INBOX alice/Other"), ("RFC 3501, 6.4.3",
                                                                           "EXPUNGE"), ("RFC 3501, 6.4.6",
                                                                                        "STORE 1 +FLAGS (\\Deleted)"),
                         ("RFC 3501, 6.4.6", "STORE 1:* FLAGS.SILENT ()"), ("RFC 3501, 6.4.6", "STORE 1 -FLAGS \\Seen"),
                         ("RFC 3501, 6.4.7", "COPY 1 INBOX"), ("RFC 3501, 6.4.7", "COPY 1 alice/nowhere"),
                         ("RFC 3501, 6.4.8", "UID STORE 1 +FLAGS (\\Seen)"), ("RFC 3501, 6.4.8", "UID COPY 1:* alice"),
                         ("RFC 6851, 3.1", "MOVE 1 INBOX"), ("RFC 6851, 3.2",
                                                             "UID MOVE 1:* INBOX"), ("RFC 4315, 2.1",
                                                                                     "UID EXPUNGE 1:*")):
        refused(c.ask(command), rfc, command)
    # What changes which mailboxes are subscribed: all are, so that it may be refused, or be true already.
    for command in ("SUBSCRIBE alice/Box", "UNSUBSCRIBE alice/Box"):
        answer = c.ask(command)
        check(not answer.bad and (answer.ok or answer.code), "RFC 3501, 6.3.6, 6.3.7", command, answer)
    check(state(c) == before, "RFC 3501, 6.4", "all is as it was")
    check(
        town.login(box="alice/Box").ask("FETCH 1 FLAGS").rows()[1][b"FLAGS"] == [], "RFC 3501, 6.4.6",
        "for another session, too")


def test_literals_are_not_asked_for(town):
    c = town.login(box="alice/Box")
    for command in ("APPEND alice/Box {10000000}", 'APPEND "alice/Box" (\\Seen) "01-Jan-2020 00:00:00 +0000" {5}',
                    "CREATE {9}", "RENAME {5}", "APPEND {10}", "STORE 1 +FLAGS {5}", "COPY 1 {5}", "UID MOVE 1 {9}"):
        answer = c.ask(command)
        check(not answer.data("+"), "RFC 3501, 7.5", f"no '+' for {command}: it is refused before the literal comes",
              answer)
        refused(answer, "RFC 3501, 7.5", command)
    for size in (3, 5000, 3000000):
        answer = c.ask("APPEND alice/Box (\\Seen) ", lit(b"x" * size, sync=False))
        refused(answer, "RFC 7888, 4", f"APPEND with {size} bytes that come unasked")
    c.send("m APPEND alice/Box {3+}\r\nabc (\\Flagged) {4+}\r\nabcd\r\nn NOOP\r\n")  # MULTIAPPEND, RFC 3502
    answer = c.until("n")
    check(answer.ok and [r.name for r in answer.untagged if r.tag == "m"] == ["NO"], "RFC 3502, 6.3.11",
          "several messages in one APPEND: one NO", answer)
    c.send("b APPEND alice/Box ~{3+}\r\na\0c\r\nn NOOP\r\n")
    answer = c.until("n")
    check(answer.ok and [r.name for r in answer.untagged if r.tag == "b"] in (["NO"], ["BAD"]), "RFC 3516, 4.4",
          "APPEND of a binary literal", answer)


def test_seen_stays(town):
    """BODY[] sets no \\Seen here: the mailbox is read-only (RFC 3501, 6.3.2), and flags are those of the archive."""
    c = town.client()
    c = town.login(box="alice/Box")
    answer = c.ask("FETCH 1 (FLAGS BODY[])")
    check(answer.rows()[1][b"FLAGS"] == [], "RFC 3501, 6.4.5", "BODY[] does not set \\Seen", answer)
    check(c.ask("FETCH 1 (FLAGS RFC822)").rows()[1][b"FLAGS"] == [], "RFC 3501, 6.4.5", "RFC822 does not, either")
    answer = c.ask("SELECT alice/Box")
    check(answer.codes().get(b"PERMANENTFLAGS") == [[]], "RFC 3501, 7.1", "no flag can be changed: PERMANENTFLAGS ()",
          answer)
    expect(answer, "OK", "RFC 3501, 6.3.1", "SELECT of what is read-only", "READ-ONLY")
    check(
        c.ask("CLOSE").ok and len(c.ask("STATUS alice/Box (MESSAGES)").data("STATUS")) == 1, "RFC 3501, 6.4.2", "CLOSE")


if __name__ == "__main__":
    run(fill, test_refused, test_literals_are_not_asked_for, test_seen_stays)
