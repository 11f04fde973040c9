"""LIST with all options (RFC 5258, 5819, 6154, 8440), STATUS items, ENABLE and UTF8=ACCEPT, ACL, QUOTA, SUBSCRIBE."""
import os
import time

from town import PASSWORD, Mail, check, expect, lit, quote, run, utf7

FOLDERS = {  # and what each is for
    "Box": None, "Sent": b"\\Sent", "Old Mail/Entw\u00fcrfe": b"\\Drafts", "Old Mail/Papierkorb": b"\\Trash",
    "Old Mail/Deep/Junk": None, "Spam": b"\\Junk", "Archiv": b"\\Archive", "a&b": None, 'quo"te': None}
MANY = 1500
TEXT = b"Subject: line ends\n\nof Unix\n"


def fill(town):
    for i, name in enumerate(FOLDERS):
        town.put(name, [Mail(TEXT + b"%d %d\n" % (i, k), "ST" if k == 1 else "") for k in range(i % 3 + 1)])
    town.node.create_user("demo", "bob", PASSWORD)
    folder = town.node.top + "/bob.mbox"
    with open(folder, "wb") as f:
        f.write(b"From x Thu Jan  1 00:00:00 2004\nSubject: bob\n\nhis\n")
    town.node.import_files("demo", "bob", folder, options=("--folder", "Sent"))


    town.node.create_user("demo", "carol", PASSWORD)
    top = os.path.join(town.node.top, "many")
    for i in range(MANY):
        for name in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(top, f".A folder among many others.{i:04d} of them", name))
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(top, name))
    for i in range(MANY):
        with open(os.path.join(top, f".A folder among many others.{i:04d} of them", "cur", "m:2,"), "wb") as f:
            f.write(b"Subject: one of many\n\n")
    town.node.import_files("demo", "carol", top)


def rows(answer, word="LIST"):
    """name -> attributes, in lower case."""
    return {bytes(r.tokens[2]): {bytes(a).lower() for a in r.tokens[0]} for r in answer.data(word)}


def boxes(town):
    """Every mailbox of alice's, in modified UTF-7."""
    want = {"INBOX"}
    for name in town.boxes:
        parts = name.split("/")
        want |= {"/".join(parts[:i + 1]) for i in range(len(parts))}
    return {utf7(n).encode() for n in want}


def test_basic(town):
    c = town.login()
    every = rows(c.ask('LIST "" *'))
    check(set(every) == boxes(town), "RFC 3501, 6.3.8", "LIST *", set(every) ^ boxes(town))
    check(not any(b"\\subscribed" in a for a in every.values()), "RFC 5258, 3.4", "\\Subscribed is told when asked for")
    answer = c.ask("LIST alice/ \"\"")
    check(rows(answer) == {b"": {b"\\noselect"}}, "RFC 3501, 6.3.8", "the root of a reference", answer)
    for name, use in FOLDERS.items():
        attributes = every[utf7("alice/" + name).encode()]
        told = attributes & {b"\\sent", b"\\drafts", b"\\trash", b"\\junk", b"\\archive", b"\\all", b"\\flagged"}
        check(told == ({use.lower()} if use else set()), "RFC 6154, 2", f"what {name} is for", attributes)


def test_selection(town):
    c = town.login()
    every, above = boxes(town), {n.rsplit(b"/", 1)[0] for n in boxes(town) if b"/" in n}
    answer = c.ask('LIST (SUBSCRIBED) "" *')
    check(set(rows(answer)) == every and all(b"\\subscribed" in a for a in rows(answer).values()), "RFC 5258, 3.1",
          "SUBSCRIBED: all of them, and said so", answer)
    check(set(rows(c.ask('LIST (REMOTE) "" *'))) == every, "RFC 5258, 3.1", "REMOTE: no mailbox is, none is left out")
    check(set(rows(c.ask('LIST () "" *'))) == every, "RFC 5258, 6", "no option at all")
    answer = c.ask('LIST (SPECIAL-USE) "" *')
    want = {utf7("alice/" + n).encode() for n, use in FOLDERS.items() if use}
    check(set(rows(answer)) == want, "RFC 6154, 5.1", "SPECIAL-USE: only those", answer)

    answer = c.ask('LIST (SUBSCRIBED RECURSIVEMATCH) "" %')
    for r in answer.data("LIST"):
        info = r.tokens[3] if len(r.tokens) > 3 else None
        check((info == [b"CHILDINFO", [b"SUBSCRIBED"]]) == (bytes(r.tokens[2]) in above), "RFC 5258, 3.5", "CHILDINFO", r)
    check(set(rows(answer)) == {b"INBOX", b"alice"}, "RFC 5258, 3.1", "RECURSIVEMATCH matches as usual", answer)
    answer = c.ask('LIST (SPECIAL-USE SUBSCRIBED RECURSIVEMATCH) "" (% alice/%)')
    check(set(rows(answer)) == {b"alice", b"alice/Sent", b"alice/Spam", b"alice/Archiv", b"alice/Old Mail"},
          "RFC 5258, 3.1; RFC 6154, 5.1", "RECURSIVEMATCH: those above a special one, too", answer)

    for bad in ('LIST (RECURSIVEMATCH) "" *', 'LIST (RECURSIVEMATCH REMOTE) "" *', 'LIST (FOO) "" *', 'LIST (SUBSCRIBED "" *',
                'LIST (SUBSCRIBED)"" *', 'LIST ( SUBSCRIBED) "" *', 'LIST "" * RETURN', 'LIST "" * RETURN (FOO)',
                'LIST "" * RETURN (STATUS)', 'LIST "" * RETURN (STATUS (FOO))', 'LIST "" * RETURN (CHILDREN) x',
                'LIST "" ()', 'LIST "" (a', 'LSUB "" (a b)', 'LSUB (SUBSCRIBED) "" *', 'LSUB "" * RETURN (CHILDREN)'):
        expect(town.login().ask(bad), "BAD", "RFC 5258, 6", bad)


def test_patterns(town):
    c = town.login()
    answer = c.ask('LIST "" (alice/Box alice/S% INBOX alice/Box)')
    check(sorted(rows(answer)) == [b"INBOX", b"alice/Box", b"alice/Sent", b"alice/Spam"] and
          len(answer.data("LIST")) == 4, "RFC 5258, 3", "several patterns, each mailbox once", answer)
    check(not c.ask('LIST () "" ""').data("LIST"), "RFC 5258, 3", "no question about the separator in the extended form")
    answer = c.ask("LIST alice/ (", lit("Box"), " ", lit("S*", False), ")")
    check(len(answer.data("LIST")) == 3, "RFC 5258, 6", "patterns as literals", answer)
    expect(c.ask('LIST "" (' + " ".join("x%d" % i for i in range(65)) + ")"), "NO", "RFC 5530, 3", "65 patterns", "LIMIT")
    expect(c.ask('LIST "" "' + "x" * 1025 + '"'), "NO", "RFC 5530, 3", "a pattern of 1025 bytes", "LIMIT")
    many = " ".join('"' + "*a%" * 300 + '"' for _ in range(60))
    answer = c.ask(f'LIST "" ({many})')
    check(answer.ok or answer.no, "RFC 3501, 6.3.8", "60 patterns of 600 wildcards end in an answer", answer.status)


def test_return(town):
    c = town.login()
    answer = c.ask('LIST "" * RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)')
    check(set(rows(answer)) == boxes(town) and all(b"\\subscribed" in a for a in rows(answer).values()), "RFC 5258, 3.2",
          "RETURN (SUBSCRIBED)", answer)
    for name, attributes in rows(answer).items():
        below = any(n.startswith(name + b"/") for n in boxes(town))
        check((b"\\haschildren" in attributes) == below and (b"\\hasnochildren" in attributes) != below, "RFC 5258, 4",
              f"children of {name}", attributes)
    answer = c.ask('LIST "" alice/% RETURN (STATUS (MESSAGES UNSEEN) MYRIGHTS)')
    named = set(rows(answer))
    told = {bytes(r.tokens[0]): r.items() for r in answer.data("STATUS")}
    rights = {bytes(r.tokens[0]): bytes(r.tokens[1]) for r in answer.data("MYRIGHTS")}
    check(named == set(told) == set(rights), "RFC 5819, 2; RFC 8440, 3", "a STATUS and a MYRIGHTS for each row", answer)
    check(set(rights.values()) == {b"lr"}, "RFC 4314, 2.1", "one may look and read", rights)
    for name, mails in town.boxes.items():
        got = told.get(utf7(name).encode())
        check(got is None or got[b"MESSAGES"] == b"%d" % len(mails), "RFC 5819, 2", f"messages of {name}", got)
    order = [r.name for r in answer.untagged]
    check(order[:3] == ["LIST", "MYRIGHTS", "STATUS"], "RFC 5819, 2", "behind the row they belong to", order[:6])


def test_status(town):
    c = town.login()
    ids = set()
    for name, mails in town.boxes.items():
        row = c.ask("STATUS ", quote(utf7(name)), " (SIZE DELETED DELETED-STORAGE HIGHESTMODSEQ MAILBOXID)").one("STATUS")
        values = row.items()
        check(int(values[b"SIZE"]) == sum(len(m.wire) for m in mails), "RFC 8438, 2",
              "SIZE is the sum of RFC822.SIZE, with CRLF", row)
        check(int(values[b"DELETED"]) == sum("T" in m.flags for m in mails), "RFC 9051, 6.3.11", "DELETED", row)
        check(values[b"DELETED-STORAGE"] == b"0", "RFC 9208, 4.1.4", "no EXPUNGE gives anything back", row)
        check(int(values[b"HIGHESTMODSEQ"]) > 0, "RFC 7162, 3.1.7", "HIGHESTMODSEQ", row)
        ids.add(bytes(values[b"MAILBOXID"][0]))
        c.ask("EXAMINE ", quote(utf7(name)))
        sizes = [int(r[b"RFC822.SIZE"]) for r in c.ask("FETCH 1:* RFC822.SIZE").rows().values()]
        check(sum(sizes) == int(values[b"SIZE"]), "RFC 8438, 2", "as FETCH tells it", sizes, row)
    check(len(ids) == len(town.boxes) and all(0 < len(i) <= 255 for i in ids), "RFC 8474, 4", "an id for each mailbox", ids)
    values = c.ask("STATUS inbox (MESSAGES SIZE HIGHESTMODSEQ UIDNEXT UIDVALIDITY MAILBOXID)").one("STATUS").items()
    check(values[b"MESSAGES"] == b"0" and values[b"UIDVALIDITY"] != b"0", "RFC 3501, 5.1", "the empty INBOX", values)


def test_utf8(town):
    c = town.login()
    name = "alice/Old Mail/Entw\u00fcrfe"
    expect(c.ask("STATUS ", quote(name), " (MESSAGES)"), "NO", "RFC 3501, 5.1.3", "UTF-8 before ENABLE", "NONEXISTENT")
    check(rows(c.ask("LIST \"\" ", quote(name))) == {}, "RFC 3501, 5.1.3", "matches nothing")
    answer = c.ask("ENABLE X-NONE UTF8=ACCEPT")
    check(answer.ok and answer.one("ENABLED").tokens == [b"UTF8=ACCEPT"], "RFC 5161, 3.1", "what is enabled is told", answer)
    answer = c.ask("ENABLE utf8=accept")
    check(answer.ok and answer.one("ENABLED").tokens == [], "RFC 5161, 3.1", "once", answer)
    c.utf8 = True
    answer = c.ask("LIST \"\" ", quote("alice/Old Mail/Entw\u00fc*"))
    check(set(rows(answer)) == {name.encode()}, "RFC 6855, 3", "names in UTF-8, both ways", answer)
    check(c.ask("STATUS ", lit(name, False), " (MESSAGES)").ok and c.ask("EXAMINE ", quote(name)).ok, "RFC 6855, 3",
          "as a literal, and selected")
    check(rows(c.ask('LIST "" "alice/a&b"')).keys() == {b"alice/a&b"}, "RFC 6855, 3", "& is &, no escape")
    expect(c.ask("STATUS ", quote(utf7(name)), " (MESSAGES)"), "NO", "RFC 6855, 3", "modified UTF-7 is no more", "NONEXISTENT")
    check(set(rows(c.ask('LIST "" *'))) == {n for n in (x.encode() for x in town.boxes)} |
          {b"INBOX", b"alice", b"alice/Old Mail", b"alice/Old Mail/Deep"}, "RFC 6855, 3", "all names")
    expect(c.ask("STATUS ", lit(b"\xff\xfe", False), " (MESSAGES)"), "NO", "RFC 6855, 3", "no UTF-8", "NONEXISTENT")
    for bad in ("ENABLE", "ENABLE ", "ENABLE (UTF8=ACCEPT)", "ENABLE UTF8=ACCEPT  X", 'ENABLE "UTF8=ACCEPT"'):
        expect(town.login().ask(bad), "BAD", "RFC 5161, 3.1", bad)
    expect(town.client().ask("ENABLE UTF8=ACCEPT"), "BAD", "RFC 5161, 3.1", "before the login")
    words = c.ask("CAPABILITY").one("CAPABILITY").tokens
    for word in (b"LIST-EXTENDED", b"LIST-STATUS", b"LIST-MYRIGHTS", b"SPECIAL-USE", b"STATUS=SIZE", b"UTF8=ACCEPT", b"ACL",
                 b"RIGHTS=texk", b"QUOTA", b"QUOTA=RES-STORAGE"):
        check(word in words, "RFC 3501, 7.2.1", f"{word.decode()} is a capability", words)


def test_rights(town):
    c = town.login()
    row = c.ask("MYRIGHTS alice/Box").one("MYRIGHTS")
    check(row.tokens == [b"alice/Box", b"lr"], "RFC 4314, 3.5", "MYRIGHTS", row)
    check(c.ask("MYRIGHTS inbox").one("MYRIGHTS").tokens == [b"INBOX", b"lr"], "RFC 4314, 3.5", "of INBOX")
    expect(c.ask("MYRIGHTS alice/nowhere"), "NO", "RFC 4314, 3.5", "of nothing", "NONEXISTENT")
    expect(c.ask("MYRIGHTS bob/Sent"), "NO", "RFC 4314, 3.5", "of what one may not see", "NONEXISTENT")
    for command in ("GETACL alice/Box", "LISTRIGHTS alice/Box bob", "SETACL alice/Box bob lrs", "DELETEACL alice/Box bob",
                    'SETQUOTA "" (STORAGE 512)'):
        expect(c.ask(command), "NO", "RFC 4314, 4; RFC 5530, 3", command, "NOPERM")
    answer = c.ask("GETQUOTAROOT alice/Box")
    check(answer.ok and answer.one("QUOTAROOT").tokens == [b"alice/Box"] and not answer.data("QUOTA"), "RFC 9208, 3.2",
          "nothing limits a mailbox: no quota root", answer)
    expect(c.ask("GETQUOTAROOT alice/nowhere"), "NO", "RFC 9208, 4.1.2", "of nothing", "NONEXISTENT")
    expect(c.ask('GETQUOTA ""'), "NO", "RFC 9208, 4.1.1", "no such root", "NONEXISTENT")
    expect(c.ask("SUBSCRIBE alice/Box"), "OK", "RFC 3501, 6.3.6", "it is subscribed already")
    expect(c.ask("SUBSCRIBE alice/nowhere"), "NO", "RFC 3501, 6.3.6", "no such mailbox", "NONEXISTENT")
    expect(c.ask("UNSUBSCRIBE alice/Box"), "NO", "RFC 3501, 6.3.7", "all stay subscribed", "NOPERM")
    for bad in ("MYRIGHTS", "MYRIGHTS a b", "GETQUOTA", "GETQUOTAROOT", "GETQUOTAROOT a b", "SUBSCRIBE", "SUBSCRIBE a b"):
        expect(town.login().ask(bad), "BAD", "RFC 4314, 4; RFC 9208, 7", bad)


def test_others(town):
    """An archive that was granted: in the same tree, and what its folders are for is not told to its guest."""
    c = town.login()
    check(not c.ask('LIST "" bob*').data("LIST"), "RFC 3501, 6.3.8", "others' mailboxes are not there")
    assert town.node.api("SetUserPrivilegesOnFolder", instanceID="demo", userName="alice", folder="bob",
                         privileges="read")["statusCode"] == "succeeded"
    listed = rows(c.ask('LIST "" bob*'))
    check(b"bob" in listed and any(n.startswith(b"bob/Sent") for n in listed), "RFC 3501, 6.3.8", "until one may read", listed)
    check(not any(b"\\sent" in a for a in listed.values()), "RFC 6154, 2", "not alice's sent mail", listed)
    check(c.ask("MYRIGHTS bob").one("MYRIGHTS").tokens == [b"bob", b"lr"], "RFC 4314, 3.5", "she may read there")
    assert town.node.api("SetUserPrivilegesOnFolder", instanceID="demo", userName="alice", folder="bob",
                         privileges="none")["statusCode"] == "succeeded"
    check(not c.ask('LIST "" bob*').data("LIST"), "RFC 3501, 6.3.8", "and gone again")


def test_long(town):
    """A tree whose rows do not all find room in the connection at once, asked for by a client that reads late."""
    c = town.login(user="demo/carol")
    command = 'LIST "" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED HIGHESTMODSEQ MAILBOXID) MYRIGHTS)'
    for i in range(8):
        c.send(f"l{i} {command}\r\n")
    time.sleep(1)
    for i in range(8):
        answer = c.until(f"l{i}")
        names = {bytes(r.tokens[2]) for r in answer.data("LIST")}
        if not check(answer.ok and sum(b"of them" in n for n in names) == MANY and
                     len(names) == len(answer.data("STATUS")) == len(answer.data("MYRIGHTS")), "RFC 5819, 2",
                     f"LIST {i} of a tree of {MANY} mailboxes comes in full", answer.status, len(names)):
            break
    answer = c.ask('LIST "" "*1499*"')
    check(len(answer.data("LIST")) == 1, "RFC 3501, 6.3.8", "one of many", answer)


if __name__ == "__main__":
    run(fill, test_basic, test_selection, test_patterns, test_return, test_status, test_utf8, test_rights, test_others, test_long)
