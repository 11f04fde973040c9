"""FETCH (RFC 3501, 6.4.5, 7.4.2): every item of made, real and torturous messages against bytes and Python's email."""
import email.utils
import os
import re

from bodies import (chosen, envelope_faults, fields, parsed, python_leaves, python_shape, read_structure, split,
                    unfolded)
from imap import Violation
from town import Mail, check, expect, fixtures, quote, run

NESTED = b"""From: "Outer, A." <outer@example.org>
To: b@example.org, Friends: c@example.org, "D \\"q\\" E" <d@example.org>;, undisclosed:;
Cc: =?utf-8?q?Caf=C3=A9?= <cafe@example.org>
Subject: =?utf-8?b?w7xiZXI=?= outer
 folded
Date: Tue, 3 Nov 2020 10:00:00 +0100
Message-ID: <outer@example.org>
In-Reply-To: <first@example.org>
X-Twice: one
X-Twice: two
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b1"

preamble
--b1
Content-Type: multipart/alternative; boundary=b2
Content-Language: de, en

--b2
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable
Content-ID: <one@x>
Content-Description: first
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==

eins =3D zwei
drei
--b2
Content-Type: text/html; charset="us-ascii"
Content-Location: http://example.org/x

<p>one</p>
--b2--
--b1
Content-Type: message/rfc822
Content-Disposition: attachment; filename="inner.eml"; size=10

From: inner@example.org
Sender: sender@example.org
Reply-To: reply@example.org
Subject: inner
Content-Type: multipart/mixed; boundary=b3

--b3

plain of the inner
--b3
Content-Type: application/octet-stream; name="x.bin"
Content-Transfer-Encoding: base64

AAECAwQF
--b3--
--b1
Content-Type: message/rfc822

Subject: single

only text
--b1
Content-Type: IMAGE/GIF

GIF89a
--b1--
epilogue
"""

MADE = [
    Mail(b"From: a@example.org\r\nSubject: plain\r\n\r\nhello\r\nworld\r\n", "S", 1500000000),
    Mail(NESTED, "RF", 1234567890),
    Mail(NESTED.replace(b"\n", b"\r\n"), "D", 1),
    Mail(b"Subject: header only\r\n", "T", 1700000000),
    Mail(b"Subject: header and end\r\n\r\n"),
    Mail(b"Subject: no end of line\r\n\r\nlast"),
    Mail(b"Subject: mixed ends\n\nlf\ncrlf\r\ncr\rcrcr\r\r\n.\n..\n"),
    Mail(b"Subject: 8 bit \xc3\xbc\xff\r\nFrom: \"\xe4\" <a@example.org>\r\n\r\n\xff\xfe\x00bytes\x00\r\n"),
    Mail(b"Subject: long\r\nX-Long: " + b"x" * 20000 + b"\r\n\r\n" + b"y" * 100000 + b"\r\n"),
    Mail(b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 62 + b"\r\n" * 3 + b"line of text\r\n" * 60000),
    Mail(b"From:\r\nTo:\r\nSubject:\r\nDate:\r\nMessage-ID:\r\n\r\nempty fields\r\n"),
    Mail(b"Subject : blank before the colon\r\nsubject: second\r\nSUBJECT: third\r\n\r\nx\r\n"),
]


def fill(town):
    town.put("Made", MADE)
    town.put("Torture", fixtures(220), strict=False)
    town.put("Attached", fixtures(60, "mime/mimekit") + fixtures(40, "mime/mikel-mail"), strict=False)


def test_fixed(town):
    c = town.login(box="alice/Made")
    for i, m in enumerate(MADE, 1):
        wire = m.wire
        header, text = split(wire)
        names = (
            "BODY.PEEK[] RFC822 RFC822.HEADER RFC822.TEXT BODY.PEEK[HEADER] BODY.PEEK[TEXT] RFC822.SIZE FLAGS UID "
            "INTERNALDATE BODY.PEEK[HEADER.FIELDS (subject X-Twice)] BODY.PEEK[HEADER.FIELDS.NOT (\"Subject\" To)] "
            "BODY.PEEK[HEADER.FIELDS (X-None)]")
        answer = c.ask(f"FETCH {i} ({names})")
        row = answer.rows()[i]
        whole = row[b"BODY[]"]
        check(whole == wire, "RFC 3501, 6.4.5", f"BODY[] of message {i}", whole[:200], wire[:200])
        check(
            int(row[b"RFC822.SIZE"]) == len(whole), "RFC 3501, 7.4.2", f"RFC822.SIZE of message {i}",
            row[b"RFC822.SIZE"])
        check(row[b"RFC822"] == whole and row[b"RFC822.HEADER"] == header and row[b"RFC822.TEXT"] == text,
              "RFC 3501, 6.4.5", f"RFC822, .HEADER, .TEXT of message {i}", row[b"RFC822.HEADER"][:300], header[:300])
        check(row[b"BODY[HEADER]"] == header and row[b"BODY[TEXT]"] == text, "RFC 3501, 6.4.5",
              f"BODY[HEADER], BODY[TEXT] of message {i}")
        found = {k: v for k, v in row.items() if b"FIELDS" in k}
        want = [
            chosen(header, [b"subject", b"x-twice"]),
            chosen(header, [b"subject", b"to"], True),
            chosen(header, [b"x-none"])
        ]
        check(list(found.values()) == want, "RFC 3501, 6.4.5", f"HEADER.FIELDS of message {i}", found, want)
        check(set(row[b"FLAGS"]) == m.imap_flags(), "RFC 3501, 7.4.2", f"FLAGS of message {i}", row[b"FLAGS"])
        date = email.utils.formatdate(m.at)  # Fri, 13 Feb 2009 23:31:30 -0000
        words = date.split()
        check(row[b"INTERNALDATE"].decode() == f"{int(words[1]):2d}-{words[2]}-{words[3]} {words[4]} +0000",
              "RFC 3501, 9 (date-time)", f"INTERNALDATE of message {i}", row[b"INTERNALDATE"], date)
        check([bytes(k) for k in answer.one("FETCH").items()].count(b"UID") == 1, "RFC 3501, 7.4.2", "UID once")


def test_partials(town):
    c = town.login(box="alice/Made")
    for i in (1, 2, 6, 10):
        wire = MADE[i - 1].wire
        n = len(wire)
        for at, size in ((0, 1), (0, n), (0, n + 1), (1, 3), (n - 1, 1), (n - 1, 100), (n, 1), (n + 5, 10),
                         (4, 4294967295), (8190, 5), (1 << 62, 7)):
            answer = c.ask(f"FETCH {i} BODY.PEEK[]<{at}.{size}>")
            row = answer.rows()[i]
            check(
                list(row) == [b"BODY[]<%d>" % at] and list(row.values())[0] == wire[at:at + size], "RFC 3501, 6.4.5",
                f"partial <{at}.{size}> of {n} bytes",
                str(answer)[:300])
        text = split(wire)[1]
        row = c.ask(f"FETCH {i} (BODY.PEEK[TEXT]<2.5> BODY.PEEK[HEADER]<0.7> BODY.PEEK[HEADER.FIELDS (Subject)]<3.4>)"
                    ).rows()[i]
        check([v for v in row.values()] == [text[2:7], wire[:7],
                                            chosen(split(wire)[0], [b"subject"])[3:7]], "RFC 3501, 6.4.5",
              "partials of sections", row)
    for bad in ("<0.0>", "<5>", "<.5>", "<1.>", "<-1.5>", "<1.2", "<a.b>", "<1.2>x", "<18446744073709551616.1>"):
        expect(
            town.login(box="alice/Made").ask("FETCH 1 BODY.PEEK[]" + bad), "BAD", "RFC 3501, 9 (section)",
            f"partial {bad}")


def test_nested(town):
    c = town.login(box="alice/Made")
    wire = MADE[1].wire
    plain = b"eins =3D zwei\r\ndrei"
    inner = wire[wire.index(b"From: inner@"):wire.
                 index(b"\r\n--b1\r\nContent-Type: message/rfc822\r\n\r\nSubject: single")]
    want = {
        "1.1": plain, "1.2": b"<p>one</p>", "1.MIME": b"Content-Type: multipart/alternative; boundary=b2\r\n"
        b"Content-Language: de, en\r\n\r\n", "2": inner, "2.HEADER": split(inner)[0], "2.TEXT": split(inner)[1], "2.1":
        b"plain of the inner", "2.2": b"AAECAwQF", "2.1.MIME": b"\r\n", "2.MIME": b"Content-Type: message/rfc822\r\n"
        b"Content-Disposition: attachment; filename=\"inner.eml\"; size=10\r\n\r\n", "2.HEADER.FIELDS (Subject Sender)":
        b"Sender: sender@example.org\r\nSubject: inner\r\n\r\n", "2.HEADER.FIELDS.NOT (Subject Content-Type)":
        b"From: inner@example.org\r\nSender: sender@example.org\r\nReply-To: reply@example.org\r\n\r\n", "3.1":
        b"only text", "3.TEXT": b"only text", "3": b"Subject: single\r\n\r\nonly text", "4": b"GIF89a", "4.MIME":
        b"Content-Type: IMAGE/GIF\r\n\r\n", "5": None, "1.3": None, "4.1": None, "1.1.1": None, "9.9.9": None, "1.TEXT":
        None, "4.HEADER": None, "2.3": None
    }
    for section, data in want.items():
        answer = c.ask(f"FETCH 2 BODY.PEEK[{section}]")
        row = answer.rows()[2]
        got = list(row.values())[0]
        # RFC 3501, 6.4.5: HEADER, TEXT are of MESSAGE/RFC822 parts; of others nothing is said, NIL and "" are in use
        check(got == data or (data is None and got in (None, b"")), "RFC 3501, 6.4.5", f"BODY[{section}]", got, data)
        check(
            list(row)[0].startswith(b"BODY[" + section[:4].encode()), "RFC 3501, 7.4.2", f"the name of BODY[{section}]",
            row)
    check(
        c.ask("FETCH 1 BODY.PEEK[1]").rows()[1][b"BODY[1]"] == b"hello\r\nworld\r\n", "RFC 3501, 6.4.5",
        "part 1 of what is no multipart")

    for i in (2, 3):
        row = c.ask(f"FETCH {i} (ENVELOPE BODYSTRUCTURE BODY)").rows()[i]
        e = row[b"ENVELOPE"]
        check(not envelope_faults(e), "RFC 3501, 9 (envelope)", "the envelope's shape", envelope_faults(e), e)
        outer = [[b"Outer, A.", None, b"outer", b"example.org"]]
        check(e[0] == b"Tue, 3 Nov 2020 10:00:00 +0100" and e[1] == b"=?utf-8?b?w7xiZXI=?= outer folded",
              "RFC 3501, 7.4.2", "date and subject as they stand, unfolded", e[:2])
        check(e[2] == outer and e[3] == outer and e[4] == outer, "RFC 3501, 7.4.2", "sender and reply-to are from's",
              e[2:5])
        check(
            e[5] == [[None, None, b"b", b"example.org"], [None, None, b"Friends", None],
                     [None, None, b"c", b"example.org"], [b'D "q" E', None, b"d", b"example.org"],
                     [None, None, None, None], [None, None, b"undisclosed", None], [None, None, None, None]],
            "RFC 3501, 7.4.2", "groups in to", e[5])
        check(
            e[6] == [[b"=?utf-8?q?Caf=C3=A9?=", None, b"cafe", b"example.org"]] and e[7] is None
            and e[8] == b"<first@example.org>" and e[9] == b"<outer@example.org>", "RFC 3501, 7.4.2", "cc, bcc, ids",
            e[6:])
        s = row[b"BODYSTRUCTURE"]
        tree = read_structure(s)
        check(
            tree.shape() == [
                "multipart/mixed",
                [["multipart/alternative", ["text/plain", "text/html"]],
                 ["message/rfc822", ["multipart/mixed", ["text/plain", "application/octet-stream"]]],
                 ["message/rfc822", "text/plain"], "image/gif"]
            ], "RFC 3501, 7.4.2", "the tree", tree.shape())
        alternative, one = s[0], s[0][0]
        check([bytes(x) for x in alternative[3]][0].lower() == b"boundary" and alternative[5] == [b"de", b"en"],
              "RFC 3501, 7.4.2", "parameters and languages of a multipart", alternative[2:])
        check([bytes(p).lower()
               for p in one[2]] == [b"charset", b"utf-8"] and one[3] == b"<one@x>" and one[4] == b"first"
              and one[5].lower() == b"quoted-printable" and int(one[6]) == len(plain) and int(one[7]) in (1, 2)
              and one[8] == b"Q2hlY2sgSW50ZWdyaXR5IQ==", "RFC 3501, 7.4.2", "all fields of a text part", one)
        check(s[0][1][-1] == b"http://example.org/x", "RFC 2557; RFC 3501, 7.4.2", "Content-Location", s[0][1])
        check(
            s[1][11] == [b"attachment", [b"filename", b"inner.eml", b"size", b"10"]]
            or [x.lower() if isinstance(x, bytes) else x for x in s[1][11]][0] == b"attachment",
            "RFC 2183; RFC 3501, 7.4.2", "Content-Disposition", s[1][10:])
        check(
            s[1][7][1] == b"inner" and s[1][7][3] == [[None, None, b"sender", b"example.org"]]
            and s[1][7][4] == [[None, None, b"reply", b"example.org"]], "RFC 3501, 7.4.2", "the envelope within",
            s[1][7])


def test_macros_and_names(town):
    c = town.login(box="alice/Made")
    for macro, names in (("FAST", {b"FLAGS", b"INTERNALDATE",
                                   b"RFC822.SIZE"}), ("ALL", {b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"}),
                         ("FULL", {b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"})):
        check(set(c.ask(f"FETCH 2 {macro}").rows()[2]) == names, "RFC 3501, 6.4.5", macro)
        check(
            set(c.ask(f"UID FETCH 2 {macro.lower()}").rows()[2]) == names | {b"UID"}, "RFC 3501, 6.4.8",
            f"UID FETCH {macro}")
    answer = c.ask("FETCH 1 (flags uid Body.Peek[header.fields (FROM)]<0.4>)")
    check(len(answer.rows()[1]) == 3, "RFC 3501, 9", "names in any case", answer)
    answer = c.ask("FETCH 1 (BODY.PEEK[HEADER.FIELDS ({7+}\r\nSubject \"From\")])")
    check(
        list(answer.rows()[1].values()) == [split(MADE[0].wire)[0]], "RFC 3501, 9 (header-fld-name)",
        "names of fields as strings", answer)
    for bad in ("FOO", "(FLAGS", "FLAGS)", "()", "(FLAGS  UID)", "FLAGS UID", "(ALL)", "(FLAGS FAST)", "BODY[FOO]",
                "BODY[0]", "BODY[1.0]", "BODY[MIME]", "BODY[1.]", "BODY[.1]", "BODY[TEXT.1]", "BODY[HEADER.FIELDS]",
                "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS From]", "BODY[", "BODY[]]", "RFC822.PEEK", "ENVELOPE[]",
                "BODY.PEEK", "BODYSTRUCTURE[]", "RFC822.HEADER.LINES (From)", "BODY[4294967296]", "BODY[1]<",
                "FLAGS ()"):
        expect(town.login(box="alice/Made").ask("FETCH 1 ", bad), "BAD", "RFC 3501, 9 (fetch-att)", f"FETCH 1 {bad}")


def test_sets(town):
    c = town.login(box="alice/Made")
    n = len(MADE)
    for text, want in (("1", [1]), ("1:3", [1, 2, 3]), ("3:1", [1, 2, 3]), ("*", [n]), ("*:*", [n]), (f"{n}:*", [n]),
                       ("1,3,5", [1, 3, 5]), ("1:2,2:3", [1, 2, 3]), ("5,1", [1, 5]), (f"*:{n - 1}", [n - 1, n]),
                       ("1,1,1", [1]), ("2:*", list(range(2, n + 1)))):
        for prefix in ("", "UID "):
            answer = c.ask(f"{prefix}FETCH {text} FLAGS")
            check(
                sorted(answer.rows()) == want and len(answer.data("FETCH")) == len(want), "RFC 3501, 9 (sequence-set)",
                f"{prefix}FETCH {text}", answer)
    for text, want in (("1000:*", [n]), ("1000", []), ("999:1000", []), ("1,1000", [1]), ("4294967295", []), ("*:1000",
                                                                                                              [n])):
        answer = c.ask(f"UID FETCH {text} FLAGS")
        check(answer.ok and sorted(answer.rows()) == want, "RFC 3501, 6.4.8",
              f"UID FETCH {text}: UIDs that are not there", answer)
    for bad in ("0", "1:0", "a", "1,", ",1", "1:", ":1", "1::2", "-1", "1 :2", "4294967296", "", "1;2", "1.2", "**",
                "$x"):
        expect(
            town.login(box="alice/Made").ask(f"FETCH {bad} FLAGS"), "BAD", "RFC 3501, 9 (sequence-set)", f"FETCH {bad}")
    expect(c.ask(f"FETCH {n + 1} FLAGS"), "BAD", "RFC 3501, 6.4.5; 9 (seq-number)",
           "a message number that is not there")


def check_message(c, seq, row, figures):
    """Everything that must be so whatever the message is."""
    wire, size = row[b"BODY[]"], int(row[b"RFC822.SIZE"])
    where = f"message {seq}"
    check(len(wire) == size, "RFC 3501, 7.4.2", f"RFC822.SIZE of {where}", size, len(wire))
    # An mbox's "From " line or a byte order mark in front is kept in BODY[], and is no part of the header.
    front = re.match(rb"(\xef\xbb\xbf)?(From [^\r\n]*\r\n)?", wire).end()
    check(row[b"BODY[HEADER]"] + row[b"BODY[TEXT]"] == wire[front:], "RFC 3501, 6.4.5",
          f"header and text are the whole of {where}", row[b"BODY[HEADER]"][-300:], row[b"BODY[TEXT]"][:300],
          wire[:600])
    check(not envelope_faults(row[b"ENVELOPE"]), "RFC 3501, 9 (envelope)", f"envelope of {where}", row[b"ENVELOPE"])
    try:
        tree, plain = read_structure(row[b"BODYSTRUCTURE"]), read_structure(row[b"BODY"], extended=False)
    except ValueError as e:
        check(False, "RFC 3501, 9 (body)", f"structure of {where}: {e}", row[b"BODYSTRUCTURE"])
        return
    check(tree.shape() == plain.shape(), "RFC 3501, 7.4.2", f"BODY and BODYSTRUCTURE of {where}", tree.shape(),
          plain.shape())
    parts = [p for p in tree.all() if p.octets is not None][:40]
    got = {}
    if parts:
        got = c.ask(f"FETCH {seq} (" + " ".join(f"BODY.PEEK[{p.number}]" for p in parts) + ")").rows()[seq]
    for p in parts:
        data = got[b"BODY[%s]" % p.number.encode()]
        check(data is not None and len(data) == p.octets, "RFC 3501, 7.4.2", f"octets of part {p.number} of {where}",
              p.octets, None if data is None else len(data))
        if p.lines is not None and data is not None:
            lines = data.count(b"\r\n")
            check(p.lines in (lines, lines + 1), "RFC 3501, 7.4.2", f"lines of part {p.number} of {where}", p.lines,
                  lines)
    figures["messages"] += 1
    message, faulty = parsed(wire)
    if faulty:
        return
    # Python takes a digest's parts, and types it cannot read, in ways of its own: the trees must agree where it could.
    figures["judged"] += 1
    if python_shape(message) != tree.shape():
        figures["other trees"].append((seq, python_shape(message), tree.shape()))
        return
    for number, raw in python_leaves(message):
        key = b"BODY[%s]" % number.encode()
        if key in got and got[key] != raw:
            figures["other parts"].append((seq, number, got[key][:80], raw[:80]))
    e = row[b"ENVELOPE"]
    head = fields(row[b"BODY[HEADER]"])
    for at, name in ((0, b"date"), (1, b"subject"), (8, b"in-reply-to"), (9, b"message-id")):
        values = [unfolded(data.partition(b":")[2]) for n, data in head if n == name]
        if len(values) == 1 and len(values[0]) < 4000 and b"\0" not in values[0] and (e[at] or b"") != values[0]:
            figures["other fields"].append((seq, name, e[at], values[0]))


def test_any_mail(town):
    items = "UID RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[]"
    for box in ("alice/Made", "alice/Torture", "alice/Attached"):
        c = town.login(box=box)
        figures = {"messages": 0, "judged": 0, "other trees": [], "other parts": [], "other fields": []}
        rows = c.ask(f"FETCH 1:* ({items})").rows()
        for seq, row in rows.items():
            try:
                check_message(c, seq, row, figures)
            except Violation as e:
                check(False, "RFC 3501, 9", f"message {seq} of {box}: {e}")
                c = town.login(box=box)
        print("  ", box, {k: v if isinstance(v, int) else len(v) for k, v in figures.items()})
        for kind in ("other trees", "other parts", "other fields"):
            for row in figures[kind] if os.environ.get("AV_SHOW") else ():
                print("     ", kind, row)
        check(figures["judged"] < 20 or len(figures["other trees"]) <= figures["judged"] // 10,
              "RFC 2045; RFC 3501, 7.4.2", f"{box}: Python sees the same trees", figures["other trees"])
        check(
            len(figures["other parts"]) <= figures["judged"] // 20, "RFC 2046, 5.1.1",
            f"{box}: Python sees the same parts", figures["other parts"])
        check(
            len(figures["other fields"]) <= figures["judged"] // 20, "RFC 3501, 7.4.2",
            f"{box}: envelopes have the fields", figures["other fields"])


if __name__ == "__main__":
    run(fill, test_fixed, test_partials, test_nested, test_macros_and_names, test_sets, test_any_mail)
