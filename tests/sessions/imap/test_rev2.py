"""IMAP4rev2 (RFC 9051): what changes when a client enables it, and the extensions it takes in."""
from town import Mail, check, expect, quote, run, utf7

# RFC 9051, Appendix E, 3: what a server of both revisions shows to those who know the older one.
TAKEN_IN = (b"NAMESPACE", b"UNSELECT", b"ESEARCH", b"SEARCHRES", b"ENABLE", b"IDLE", b"SASL-IR", b"LIST-EXTENDED",
            b"LIST-STATUS", b"LITERAL-", b"BINARY", b"SPECIAL-USE", b"STATUS=SIZE")
NAME = "Entw\u00fcrfe & mehr"


def fill(town):
    town.put("Box", [Mail(b"Subject: %d\r\n\r\nhello\r\n" % i, "S" if i % 2 else "T" if i == 2 else "") for i in range(5)])
    town.put(NAME, [Mail(b"Subject: x\r\n\r\nx\r\n")])


def rev2(town):
    c = town.login()
    answer = c.ask("ENABLE IMAP4rev2")
    check(answer.ok and answer.one("ENABLED").tokens == [b"IMAP4rev2"], "RFC 9051, 6.3.1", "ENABLE IMAP4rev2", answer)
    c.utf8 = True
    return c


def test_capability(town):
    before = town.client().ask("CAPABILITY").one("CAPABILITY").tokens
    after = town.login().ask("CAPABILITY").one("CAPABILITY").tokens
    for words in (before, after):
        check(b"IMAP4rev1" in words and b"IMAP4rev2" in words, "RFC 9051, 7.2.2", "both revisions", words)
    for word in TAKEN_IN:
        check(word in after or word in before, "RFC 9051, Appendix E", f"{word.decode()} is told to IMAP4rev1, too", after)


def test_names(town):
    c = rev2(town)
    full = "alice/" + NAME
    answer = c.ask('LIST "" "alice/%"')
    check(full.encode() in [bytes(r.tokens[2]) for r in answer.data("LIST")], "RFC 9051, 5.1", "names are UTF-8", answer)
    answer = c.ask("STATUS ", quote(full), " (MESSAGES SIZE DELETED)")
    check(answer.ok and bytes(answer.one("STATUS").tokens[0]) == full.encode(), "RFC 9051, 6.3.11", "and are taken so", answer)
    expect(c.ask("STATUS ", quote(utf7(full)), " (MESSAGES)"), "NO", "RFC 9051, 5.1", "modified UTF-7 is not", "NONEXISTENT")
    plain = town.login()
    check(plain.ask("STATUS ", quote(utf7(full)), " (MESSAGES)").ok, "RFC 9051, Appendix A", "it is for who enabled nothing")
    values = c.ask("STATUS alice/Box (DELETED)").one("STATUS").items()
    check(values[b"DELETED"] == b"1", "RFC 9051, 6.3.11", "STATUS DELETED", values)


def test_select(town):
    c = rev2(town)
    answer = c.ask("SELECT ", quote("alice/" + NAME))
    check(answer.ok and not answer.data("RECENT"), "RFC 9051, 6.3.2", "no RECENT", answer)
    row = answer.one("LIST")
    check(bytes(row.tokens[2]) == ("alice/" + NAME).encode(), "RFC 9051, 6.3.2", "the mailbox's name in a LIST", answer)
    for name in (b"UIDVALIDITY", b"UIDNEXT", b"PERMANENTFLAGS"):
        check(name in answer.codes(), "RFC 9051, 6.3.2", f"{name.decode()} is told", answer)
    answer = c.ask("EXAMINE alice/Box")
    check(b"CLOSED" in answer.codes(), "RFC 9051, 7.1", "CLOSED parts the mailboxes", answer)
    answer = town.login(box="alice/Box").ask("SELECT alice/Box")
    check(len(answer.data("RECENT")) == 1, "RFC 3501, 6.3.1", "RECENT for who enabled nothing", answer)


def test_search(town):
    c = rev2(town)
    check(c.ask("SELECT alice/Box").ok, "RFC 9051, 6.3.2", "SELECT")
    for word in ("SEARCH", "UID SEARCH"):
        answer = c.ask(word, " UNSEEN")
        check(answer.ok and not answer.data("SEARCH") and len(answer.data("ESEARCH")) == 1, "RFC 9051, 6.4.4",
              f"{word} is answered by ESEARCH", answer)
        row = answer.one("ESEARCH")
        check((b"UID" in row.tokens) == word.startswith("UID") and b"ALL" in row.tokens, "RFC 9051, 7.3.4", "with ALL", row)
    check(not c.ask("SEARCH DELETED UNDELETED").one("ESEARCH").tokens[1:], "RFC 9051, 7.3.4", "nothing found: no ALL")
    check(c.ask("FETCH 1:* (FLAGS BINARY.SIZE[1])").ok, "RFC 9051, 6.4.5", "BINARY belongs to it")
    for command in ("MOVE 1 INBOX", "UID EXPUNGE 1", "STORE 1 +FLAGS (\\Seen)"):
        check(c.ask(command).no, "RFC 9051, 6.4", f"{command} is refused", command)


if __name__ == "__main__":
    run(fill, test_capability, test_names, test_select, test_search)
