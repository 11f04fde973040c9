"""RFC 3501, 6.1 and 6.2: greeting, capabilities, STARTTLS, logging in and failing to, states, LOGOUT."""
import base64
import time

from town import PASSWORD, Mail, check, expect, lit, quote, run


def fill(town):
    town.node.create_user("demo", "bob", PASSWORD)  # whose password is guessed: the instance slows that down
    town.put("Box", [Mail(b"Subject: %d\r\n\r\nhello %d\r\n" % (i, i), "S" if i % 2 else "") for i in range(7)])


def plain(user, password, act_as=""):
    return base64.b64encode(f"{act_as}\0{user}\0{password}".encode()).decode()


def test_capability(town):
    c = town.client(tls=False)
    words = c.greeting.code
    check(c.greeting.name == "OK" and words[0] == b"CAPABILITY", "RFC 3501, 7.1", "the greeting tells capabilities")
    listed = c.ask("CAPABILITY").one("CAPABILITY").tokens
    check(listed == words[1:], "RFC 3501, 6.1.1", "CAPABILITY says what the greeting said", listed, words)
    check(b"IMAP4rev1" in listed and b"STARTTLS" in listed and b"LOGINDISABLED" in listed, "RFC 3501, 6.2.3",
          "in clear: STARTTLS and LOGINDISABLED", listed)
    check(not [w for w in listed if w.startswith(b"AUTH=")], "RFC 3501, 6.2.2", "no mechanism in clear", listed)

    c = town.client()
    before = c.ask("CAPABILITY").one("CAPABILITY").tokens
    check(b"AUTH=PLAIN" in before and b"SASL-IR" in before, "RFC 4959, 3", "over TLS: AUTH=PLAIN, SASL-IR", before)
    check(b"STARTTLS" not in before and b"LOGINDISABLED" not in before, "RFC 3501, 6.2.1", "no second TLS", before)
    answer = c.ask("LOGIN demo/alice ", quote(PASSWORD))
    told = answer.codes().get(b"CAPABILITY") or answer.one("CAPABILITY").tokens
    after = c.ask("CAPABILITY").one("CAPABILITY").tokens
    check(told == after, "RFC 3501, 6.2.3", "the login tells the capabilities that hold from now on", told, after)
    check(not [w for w in after if w.startswith(b"AUTH=") or w in (b"STARTTLS", b"LOGINDISABLED", b"SASL-IR")],
          "RFC 3501, 6.2", "nothing about logging in when one is", after)
    for words in (listed, before, after):
        check(len(words) == len({w.upper() for w in words}), "RFC 3501, 7.2.1", "no capability twice", words)
    for word in (b"ID", b"ENABLE", b"IDLE", b"NAMESPACE", b"CHILDREN", b"UNSELECT"):
        check(word in after, "RFC 3501, 7.2.1", f"{word.decode()} is a capability", after)


def test_starttls(town):
    c = town.client(tls=False)
    expect(c.ask("LOGIN demo/alice ", quote(PASSWORD)), "NO", "RFC 3501, 6.2.3", "LOGIN in clear", "PRIVACYREQUIRED")
    expect(c.ask("AUTHENTICATE PLAIN ", plain("demo/alice", PASSWORD)), "NO", "RFC 3501, 6.2.2",
           "AUTHENTICATE in clear", "PRIVACYREQUIRED")
    expect(c.ask("STARTTLS now"), "BAD", "RFC 3501, 6.2.1", "STARTTLS has no arguments")
    c.send("s1 STARTTLS\r\ns2 NOOP\r\ns3 LOGIN demo/alice wrong\r\n")
    check(c.until("s1").ok, "RFC 3501, 6.2.1", "STARTTLS is taken")
    c.starttls()
    answer = c.ask("CAPABILITY", tag="s4")
    check(answer.ok and len(answer.untagged) == 1, "RFC 3501, 6.2.1",
          "what came in clear behind STARTTLS is dropped: nothing answers it", answer)
    check(b"LOGINDISABLED" not in answer.one("CAPABILITY").tokens, "RFC 3501, 6.2.1", "and one may log in", answer)
    expect(c.ask("STARTTLS"), "BAD", "RFC 3501, 6.2.1", "no TLS within TLS")
    expect(c.ask("LOGIN demo/alice ", quote(PASSWORD)), "OK", "RFC 3501, 6.2.3", "LOGIN over TLS")

    c = town.client(tls=False)
    c.send("s1 STARTTLS\r\n")
    check(c.until("s1").ok, "RFC 3501, 6.2.1", "STARTTLS is taken")
    c.send("s2 CAPABILITY\r\n" * 20)
    check(c.closed(), "RFC 3501, 6.2.1", "what is no handshake ends the connection")


def test_login(town):
    good = ("OK", None)
    wrong = ("NO", "AUTHENTICATIONFAILED")
    many = (("demo/alice", PASSWORD, good), ("DEMO/alice", PASSWORD, None), ("demo/bob", "wrong", wrong),
            ("demo/nobody", PASSWORD, wrong), ("nowhere/alice", PASSWORD, wrong), ("alice", PASSWORD, wrong),
            ("/alice", PASSWORD, wrong), ("demo/", PASSWORD, wrong), ("", "", wrong), ("demo/bob", "", wrong),
            ("demo/alice\u00e9", PASSWORD, wrong), ("demo/" + "x" * 300, "y", wrong), ("demo/bob", "x" * 600, wrong))
    texts = set()
    open_ones = [(town.client(), row) for row in many]
    for c, (user, password, _) in open_ones:  # side by side: each refusal waits a while
        c.tag = c.start("LOGIN ", lit(user, sync=False), " ", lit(password, sync=False))
    for c, (user, password, want) in open_ones:
        answer = c.until(c.tag)
        if want is not None:
            expect(answer, want[0], "RFC 3501, 6.2.3; RFC 5530, 3", f"LOGIN {user[:20]!r} {password[:20]!r}", want[1])
        if want == wrong:
            texts.add(answer.text)
    check(len(texts) == 1, "RFC 5530, 3", "the refusal does not tell what is wrong", texts)

    c = town.client()
    expect(c.ask("LOGIN demo/alice"), "BAD", "RFC 3501, 6.2.3", "LOGIN without a password")
    expect(c.ask("LOGIN demo/alice x y"), "BAD", "RFC 3501, 6.2.3", "LOGIN with a third argument")
    expect(c.ask("LOGIN  demo/alice ", quote(PASSWORD)), "BAD", "RFC 3501, 9", "two blanks")
    expect(c.ask('LOGIN demo/alice "correct horse 9'), "BAD", "RFC 3501, 9", "a string that does not end")
    expect(c.ask("LOGIN ", lit("demo/alice"), " ", lit(PASSWORD)), "OK", "RFC 3501, 4.3", "LOGIN by literals")
    expect(c.ask("LOGIN demo/alice ", quote(PASSWORD)), "BAD", "RFC 3501, 3", "a second LOGIN")
    expect(c.ask("AUTHENTICATE PLAIN"), "BAD", "RFC 3501, 3", "AUTHENTICATE when logged in")
    expect(c.ask("STARTTLS"), "BAD", "RFC 3501, 3", "STARTTLS when logged in")

    c = town.client()
    began = time.monotonic()
    while time.monotonic() - began < 60:
        answer = c.ask("LOGIN demo/bob wrong")
        if answer.data("BYE"):
            break
    check(answer.data("BYE") and c.closed(), "RFC 3501, 7.1.5", "who guesses passwords is sent away")


def test_authenticate(town):
    c = town.client()
    c.start("AUTHENTICATE PLAIN", tag="p1")
    c.go_ahead()
    c.send(plain("demo/alice", PASSWORD) + "\r\n")
    expect(c.until("p1"), "OK", "RFC 3501, 6.2.2; RFC 4616", "AUTHENTICATE PLAIN")
    expect(town.client().ask("AUTHENTICATE PLAIN ", plain("demo/alice", PASSWORD)), "OK", "RFC 4959, 3",
           "an initial response")
    expect(town.client().ask("authenticate plain ", plain("demo/alice", PASSWORD, "demo/alice")), "OK", "RFC 4616, 2",
           "to act for oneself")
    c = town.client()
    expect(c.ask("AUTHENTICATE PLAIN ", plain("demo/alice", PASSWORD, "demo/bob")), "NO", "RFC 4616, 2",
           "to act for another", "AUTHORIZATIONFAILED")
    expect(c.ask("AUTHENTICATE PLAIN ="), "BAD", "RFC 4959, 3", "= is an empty response, which PLAIN does not know")
    expect(c.ask("AUTHENTICATE PLAIN AAA"), "BAD", "RFC 3501, 6.2.2", "no base64")
    expect(c.ask("AUTHENTICATE PLAIN ", base64.b64encode(b"demo/alice").decode()), "BAD", "RFC 4616, 2", "no NUL in it")
    check(not c.ask("AUTHENTICATE PLAIN ",
                    base64.b64encode(b"\0demo/alice\0\xff").decode()).ok, "RFC 4616, 2", "a password is UTF-8")
    check(c.ask("AUTHENTICATE CRAM-MD5").no, "RFC 3501, 6.2.2", "a mechanism that is not there")
    c.start("AUTHENTICATE PLAIN", tag="p2")
    c.go_ahead()
    c.send("*\r\n")
    expect(c.until("p2"), "BAD", "RFC 3501, 6.2.2", "the client gives up")
    c.start("AUTHENTICATE PLAIN", tag="p3")
    c.go_ahead()
    c.send("A" * 100000 + "\r\n")
    answer = c.until("p3")
    check(answer.bad or answer.status == "BYE", "RFC 3501, 6.2.2", "a response of 100,000 bytes", answer)


def test_states(town):
    fresh = town.client()
    for command in ("SELECT INBOX", "EXAMINE INBOX", "CREATE x", 'LIST "" *', "STATUS INBOX (MESSAGES)", "NAMESPACE",
                    "IDLE", "APPEND INBOX {3}"):
        expect(fresh.ask(command), "BAD", "RFC 3501, 3", f"{command.split()[0]} before a login")
    c = town.login()
    for command in ("FETCH 1 UID", "SEARCH ALL", "STORE 1 FLAGS ()", "COPY 1 x", "EXPUNGE", "CLOSE", "CHECK",
                    "UNSELECT"):
        expect(c.ask(command), "BAD", "RFC 3501, 3", f"{command.split()[0]} with nothing selected")
    c = town.login(box="alice/Box")
    expect(c.ask("SELECT alice/nowhere"), "NO", "RFC 3501, 6.3.1", "SELECT of nothing", "NONEXISTENT")
    expect(c.ask("FETCH 1 UID"), "BAD", "RFC 3501, 6.3.1", "a SELECT that fails leaves nothing selected")
    for leave in ("CLOSE", "UNSELECT"):
        check(c.ask("SELECT alice/Box").ok, "RFC 3501, 6.3.1", "SELECT again")
        expect(c.ask(leave), "OK", "RFC 3501, 6.4.2; RFC 3691, 2", leave)
        expect(c.ask("FETCH 1 UID"), "BAD", "RFC 3501, 3", f"after {leave} nothing is selected")
    c = town.login(box="alice/Box")
    check(c.ask("CHECK").ok and c.ask("NOOP").ok, "RFC 3501, 6.1.2, 6.4.1", "CHECK and NOOP")
    answer = c.ask("LOGOUT")
    check(answer.ok and [r.name for r in answer.untagged][-1:] == ["BYE"] and c.closed(), "RFC 3501, 6.1.3",
          "LOGOUT: BYE, then OK, then the end", answer)
    c = town.client()
    answer = c.ask("LOGOUT")
    check(answer.ok and answer.data("BYE") and c.closed(), "RFC 3501, 6.1.3", "LOGOUT before a login", answer)


def test_id(town):
    c = town.client()
    for arguments in ("NIL", '("name" "x" "version" NIL)', "()", '("name" {3+}\r\nabc)'):
        answer = c.ask("ID ", arguments)
        check(answer.ok and isinstance(answer.one("ID").tokens[0], list), "RFC 2971, 3.1", f"ID {arguments}", answer)
    for arguments in ("", "x", '("name")', '("name" x)', "(" + " ".join(['"k" "v"'] * 31) + ")"):
        expect(c.ask("ID ", arguments), "BAD", "RFC 2971, 3.3", f"ID {arguments[:20]}")


def test_known_mail(town):
    c = town.login(box="alice/Box")
    rows = c.ask("FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])").rows()
    for i, mail in enumerate(town.boxes["alice/Box"], 1):
        row = rows[i]
        check(row[b"BODY[]"] == mail.wire and row[b"UID"] == b"%d" % i, "RFC 3501, 6.4.5", "BODY[] is the message", row)
        check(set(row[b"FLAGS"]) == mail.imap_flags(), "RFC 3501, 7.4.2", "FLAGS are those that were archived", row)
        check(row[b"INTERNALDATE"] == b"13-Sep-2020 12:26:40 +0000", "RFC 3501, 7.4.2", "INTERNALDATE", row)


if __name__ == "__main__":
    run(fill, test_capability, test_starttls, test_authenticate, test_states, test_id, test_known_mail, test_login,
        gateway="imap_login_free_tries = 1000\n")
