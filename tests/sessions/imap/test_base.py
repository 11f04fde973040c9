"""RFC 3501, 6.1 to 6.3: before a login, logging in, mailboxes; and how commands are cut from bytes (2.2, 4.3, 9)."""
import base64

from town import PASSWORD, Mail, check, expect, quote, run


def fill(town):
    town.put("Box", [Mail(b"Subject: %d\r\n\r\nhello %d\r\n" % (i, i), "S" if i % 2 else "") for i in range(7)])


def test_capability(town):
    c = town.client(tls=False)
    words = c.greeting.code
    check(c.greeting.name == "OK" and words[0] == b"CAPABILITY", "RFC 3501, 7.1", "the greeting tells capabilities")
    listed = c.ask("CAPABILITY").one("CAPABILITY").tokens
    check(listed == words[1:], "RFC 3501, 6.1.1", "CAPABILITY says what the greeting said", listed, words)
    check(b"IMAP4rev1" in listed and b"STARTTLS" in listed and b"LOGINDISABLED" in listed, "RFC 3501, 6.2.3",
          "in clear: STARTTLS and LOGINDISABLED", listed)
    check(not [w for w in listed if w.startswith(b"AUTH=")], "RFC 3501, 6.2.2", "no mechanism in clear", listed)
    check(len(listed) == len(set(listed)), "RFC 3501, 7.2.1", "no capability twice", listed)


def test_known_mail(town):
    c = town.login(box="alice/Box")
    rows = c.ask("FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])").rows()
    for i, mail in enumerate(town.boxes["alice/Box"], 1):
        row = rows[i]
        check(row[b"BODY[]"] == mail.wire and row[b"UID"] == b"%d" % i, "RFC 3501, 6.4.5", "BODY[] is the message", row)
        check(set(row[b"FLAGS"]) == mail.imap_flags(), "RFC 3501, 7.4.2", "FLAGS are those that were archived", row)
        check(row[b"INTERNALDATE"] == b"13-Sep-2020 12:26:40 +0000", "RFC 3501, 7.4.2", "INTERNALDATE", row)


if __name__ == "__main__":
    run(fill, test_capability, test_known_mail)
