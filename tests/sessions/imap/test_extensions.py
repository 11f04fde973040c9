"""FETCH and SELECT beyond RFC 3501: RFC 3516, 7162, 8474, 8514, 8970, 9394."""
import base64
import email
import quopri
import re
import time

from town import Mail, check, expect, fixtures, run

NUL = bytes(range(256)) * 40
PARTS = b"".join(
    line + b"\r\n" for line in [
        b"From: a@example.org", b"Subject: parts", b"MIME-Version: 1.0",
        b"Content-Type: multipart/mixed; boundary=b", b"", b"--b", b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: quoted-printable", b"", b"eins =3D zwei  ", b"drei=", b"=20vier=E2=82=AC", b"--b",
        b"Content-Type: application/octet-stream", b"Content-Transfer-Encoding: base64", b"",
        base64.encodebytes(NUL).replace(b"\n", b"\r\n").rstrip(), b"--b", b"Content-Type: text/x-odd",
        b"Content-Transfer-Encoding: x-odd", b"", b"what is this", b"--b", b"Content-Type: message/rfc822", b"",
        b"Subject: inner", b"Content-Transfer-Encoding: base64", b"", b"aGVsbG8=", b"--b--"
    ])


def fill(town):
    town.put("Parts", [Mail(PARTS, "S"), Mail(PARTS.replace(b"\r\n", b"\n").replace(b"parts", b"bare LF"))])
    town.put("Box", [
        Mail(b"From: x@example.org\r\nSubject: %d\r\n\r\nhello   number %d,\r\nand more.\r\n" % (i, i)) for i in range(9)
    ] + [Mail(b"Subject: empty\r\n\r\n")])
    town.put("Real", fixtures(250), strict=False)


def test_binary(town):
    c = town.login(box="alice/Parts")
    for n in (1, 2):
        row = c.ask(f"FETCH {n} (BINARY.PEEK[1] BINARY[2] BINARY.SIZE[1] BINARY.SIZE[2] BINARY[9] BINARY.SIZE[9])").rows()[n]
        check(row[b"BINARY[1]"] == "eins = zwei\r\ndrei vier\u20ac".encode(), "RFC 3516, 4.2", "quoted-printable is decoded", row)
        check(row[b"BINARY[2]"] == NUL, "RFC 3516, 4.2", "base64 is decoded", len(row[b"BINARY[2]"]))
        check(type(row[b"BINARY[2]"]).__name__ == "Literal8", "RFC 3516, 4.2", "bytes with a NUL are a literal8",
              type(row[b"BINARY[2]"]))
        check(type(row[b"BINARY[1]"]).__name__ == "Literal", "RFC 3516, 4.2", "others are a literal")
        check(int(row[b"BINARY.SIZE[1]"]) == len(row[b"BINARY[1]"]) and int(row[b"BINARY.SIZE[2]"]) == len(NUL),
              "RFC 3516, 4.2", "BINARY.SIZE is the size when decoded", row[b"BINARY.SIZE[1]"])
        check(row[b"BINARY[9]"] is None and row[b"BINARY.SIZE[9]"] == b"0", "RFC 3516, 4.3", "a part that is not there")
        row = c.ask(f"FETCH {n} (BINARY[4] BODY.PEEK[4] BINARY[4.1] BINARY[] BODY.PEEK[])").rows()[n]
        check(row[b"BINARY[4]"] == row[b"BODY[4]"] and row[b"BINARY[]"] == row[b"BODY[]"], "RFC 3516, 4.2",
              "a message as a part, and the whole, have no encoding of their own", row)
        check(row[b"BINARY[4.1]"] == b"hello", "RFC 3516, 4.2", "a part of the message in it is decoded", row)
        for at, size in ((0, 1), (1, 255), (0, 256), (255, 2), (10000, 500), (10239, 9), (10240, 1), (99999, 5)):
            row = c.ask(f"FETCH {n} BINARY[2]<{at}.{size}>").rows()[n]
            want = NUL[at:at + size]
            got = row[b"BINARY[2]<%d>" % at]
            check(got == want, "RFC 3516, 4.2", f"<{at}.{size}> of the decoded bytes", got[:20], want[:20])
            check((type(got).__name__ == "Literal8") == (b"\0" in want), "RFC 3516, 4.2", "literal8 for a NUL in it")
        answer = c.ask(f"FETCH {n} (UID BINARY[1] BINARY[3])")
        expect(answer, "NO", "RFC 3516, 4.3", "an encoding of no known name", "UNKNOWN-CTE")
        check(answer.rows()[n][b"BINARY[1]"].startswith(b"eins"), "RFC 3516, 4.3", "the rest is given", answer)
        answer = c.ask(f"FETCH {n} BINARY.SIZE[3]")
        expect(answer, "NO", "RFC 3516, 4.3", "and its size", "UNKNOWN-CTE")
    for wrong in ("BINARY", "BINARY[HEADER]", "BINARY[1.MIME]", "BINARY.SIZE[1]<0.5>", "BINARY[1]<0.0>", "BINARY.SIZE",
                  "BINARY.PEEK[TEXT]"):
        expect(c.ask("FETCH 1 ", wrong), "BAD", "RFC 3516, 7", wrong)
    expect(c.ask("STATUS alice/Parts (UNSEEN)"), "OK", "RFC 3516, 4.2", "and nothing became seen")


def leaves(message, path=""):
    """Part numbers of what is no container, and its decoded bytes, as Python's email has it."""
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for i, part in enumerate(message.get_payload(), 1):
            yield from leaves(part, f"{path}{i}.")
    elif message.get_content_maintype() not in ("message", "multipart"):
        encoding = str(message.get("Content-Transfer-Encoding", "7bit")).strip().lower()
        if encoding in ("base64", "quoted-printable"):
            yield (path or "1.")[:-1], encoding, message


def test_binary_of_real_mail(town):
    """Python's email is asked where it and we cannot differ: base64 and quoted-printable that keep to the rules."""
    c = town.login(box="alice/Real")
    rows = c.ask("FETCH 1:* (UID BODY.PEEK[])").rows()
    asked = 0
    for n, row in rows.items():
        message = email.message_from_bytes(row[b"BODY[]"])
        for path, encoding, part in leaves(message):
            body = c.ask(f"FETCH {n} (BODY.PEEK[{path}] BINARY.PEEK[{path}])").rows().get(n, {})
            raw, got = body.get(b"BODY[%s]" % path.encode()), body.get(b"BINARY[%s]" % path.encode())
            if raw is None or got is None:
                continue  # the two see another structure: the messages' own script is about that
            if encoding == "base64":
                if not re.fullmatch(rb"(?:[A-Za-z0-9+/]{4}|\s)*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\s*", raw):
                    continue
                want = base64.b64decode(raw)
            else:
                if re.search(rb"=(?![0-9A-F]{2}|\r\n)|=\Z|[ \t\r]+(\r\n|\Z)|\r(?!\n)|(?<!\r)\n", raw):
                    continue
                want = quopri.decodestring(raw)
            asked += 1
            check(got == want, "RFC 3516, 4.2", f"part {path} of message {n} ({encoding})", len(got), len(want))
    print(f"    {asked} parts of {len(rows)} messages")
    check(asked > 20, "script", "some parts were compared", asked)


def test_ids_and_dates(town):
    c = town.login(box="alice/Box")
    rows = c.ask("FETCH 1:* (EMAILID THREADID SAVEDATE MODSEQ INTERNALDATE)").rows()
    check(len(rows) == 10, "RFC 3501, 6.4.5", "rows", rows)
    ids = {row[b"EMAILID"][0] for row in rows.values()}
    check(len(ids) == 10 and all(re.fullmatch(rb"M[A-Za-z0-9_-]{24}", i) for i in ids), "RFC 8474, 5.1", "EMAILID", ids)
    check(all(re.fullmatch(rb"T[A-Za-z0-9_-]{22}", r[b"THREADID"][0]) for r in rows.values()), "RFC 8474, 5.2",
          "THREADID", rows[1])
    for row in rows.values():
        at = time.mktime(time.strptime(row[b"SAVEDATE"].decode()[:20].strip(), "%d-%b-%Y %H:%M:%S")) - time.timezone
        check(abs(at - time.time()) < 3600 and b"2020" in row[b"INTERNALDATE"], "RFC 8514, 4.2",
              "SAVEDATE is when it was archived", row)
    seqs = [int(row[b"MODSEQ"][0]) for row in rows.values()]
    check(seqs == sorted(set(seqs)) and seqs[0] > 0, "RFC 7162, 3.1.4.2", "MODSEQ rises", seqs)
    again = c.ask("FETCH 1:* (EMAILID)").rows()
    check({r[b"EMAILID"][0] for r in again.values()} == ids, "RFC 8474, 5.1", "and is the same again")
    one = c.ask("SELECT alice/Box").codes()[b"MAILBOXID"][0]
    two = c.ask("SELECT alice/Parts").codes()[b"MAILBOXID"][0]
    check(one != two and re.fullmatch(rb"[A-Za-z0-9_-]{1,255}", one[0] if isinstance(one, list) else one), "RFC 8474, 4.1",
          "MAILBOXID", one, two)


def test_preview(town):
    c = town.login(box="alice/Box")
    for form in ("PREVIEW", "(PREVIEW)", "PREVIEW (LAZY)", "(UID PREVIEW (LAZY) FLAGS)"):
        rows = c.ask("FETCH 1:* ", form).rows()
        check(rows[3][b"PREVIEW"] == b"hello number 2, and more.", "RFC 8970, 3.2", form, rows[3])
        check(rows[10][b"PREVIEW"] == b"", "RFC 8970, 4", "of a message without text: empty", rows[10])
    expect(c.ask("FETCH 1 PREVIEW (EAGER)"), "BAD", "RFC 8970, 6", "another modifier")
    rows = town.login(box="alice/Real").ask("FETCH 1:* (PREVIEW)").rows()
    for row in rows.values():
        text = row[b"PREVIEW"]
        check(text is None or (len(text.decode("utf-8")) <= 256 and b"\n" not in text), "RFC 8970, 3.2",
              "at most 256 characters of UTF-8", text)


def test_condstore(town):
    c = town.login()
    first = c.ask("SELECT alice/Box (CONDSTORE)")
    codes = first.codes()
    high = int(codes[b"HIGHESTMODSEQ"][0])
    check(first.ok and high > 0, "RFC 7162, 3.1.2.1", "HIGHESTMODSEQ", codes)
    rows = c.ask("FETCH 1:* (MODSEQ)").rows()
    seqs = {n: int(r[b"MODSEQ"][0]) for n, r in rows.items()}
    check(max(seqs.values()) <= high, "RFC 7162, 3.1.2.1", "none is higher", seqs, high)
    for since in (0, 1, seqs[1], seqs[5], seqs[10], high, high + 100, 2**63 - 1):
        answer = c.ask(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {since})")
        want = {n for n, seq in seqs.items() if seq > since}
        check(answer.ok and set(answer.rows()) == want, "RFC 7162, 3.1.4.1", f"CHANGEDSINCE {since}", set(answer.rows()), want)
        check(all(b"MODSEQ" in r and b"FLAGS" in r for r in answer.rows().values()), "RFC 7162, 3.1.4.1",
              "MODSEQ is told, too")
    answer = c.ask(f"UID FETCH 4:6 FAST (CHANGEDSINCE {seqs[4]})")
    check(set(answer.rows()) == {5, 6} and b"INTERNALDATE" in answer.rows()[5], "RFC 7162, 3.1.4.1", "with a macro", answer)
    for wrong in ("1 UID (CHANGEDSINCE)", "1 UID (CHANGEDSINCE x)", "1 UID (CHANGEDSINCE 9223372036854775808)",
                  "1 UID (SINCE 4)", "1 UID ()", "1 UID (CHANGEDSINCE 1 CHANGEDSINCE 2)", "1 UID (CHANGEDSINCE 1) x",
                  "1 UID (VANISHED)", "1 UID (CHANGEDSINCE 1 VANISHED)"):
        expect(c.ask("FETCH ", wrong), "BAD", "RFC 7162, 7", f"FETCH {wrong}")
        c = town.login(box="alice/Box")
    expect(c.ask("UID FETCH 1 UID (CHANGEDSINCE 1 VANISHED)"), "BAD", "RFC 7162, 3.2.6", "VANISHED before ENABLE QRESYNC")
    for wrong in ("()", "(X)", "(CONDSTORE", "CONDSTORE", "(CONDSTORE) x"):
        expect(c.ask("SELECT alice/Box ", wrong), "BAD", "RFC 4466, 2.1", f"SELECT {wrong}")
    expect(c.ask("STORE 1 (UNCHANGEDSINCE 5) FLAGS ()"), "NO", "RFC 7162, 3.1.3", "a conditional STORE is refused, too")


def test_partial(town):
    c = town.login(box="alice/Box")
    every = list(range(1, 11))
    seqs = {int(r[b"UID"]): int(r[b"MODSEQ"][0]) for r in c.ask("FETCH 1:* (UID MODSEQ)").rows().values()}

    def asked(command):
        answer = c.ask(command)
        check(answer.ok, "RFC 9394, 3.4", command, answer)
        return sorted(int(r.items()[b"UID"]) for r in answer.data("FETCH"))

    for page, want in (("1:3", every[:3]), ("2:4", every[1:4]), ("4:2", every[1:4]), ("9:50", every[8:]), ("11:20", []),
                       ("-1:-3", every[-3:]), ("-3:-1", every[-3:]), ("-2:-4", every[-4:-1]), ("-9:-50", every[:2]),
                       ("-11:-20", []), ("1:1", every[:1]), ("-1:-1", every[-1:])):
        check(asked(f"UID FETCH 1:* (FLAGS) (PARTIAL {page})") == want, "RFC 9394, 3.4", f"PARTIAL {page}", want)
        some = [u for u in every if seqs[u] > seqs[4]]
        first, last = sorted(abs(int(x)) for x in page.split(":"))
        cut = some[first - 1:last] if page[0] != "-" else some[::-1][first - 1:last][::-1]
        got = asked(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {seqs[4]} PARTIAL {page})")
        check(got == cut, "RFC 9394, 3.4", f"PARTIAL {page} of what has changed", got, cut)
    check(asked("UID FETCH 3,7:9 (UID) (PARTIAL 2:3)") == [7, 8], "RFC 9394, 3.4", "of a set")
    for wrong in ("UID FETCH 1 UID (PARTIAL 0:1)", "UID FETCH 1 UID (PARTIAL 1:-1)", "UID FETCH 1 UID (PARTIAL 1)",
                  "FETCH 1 UID (PARTIAL 1:1)"):
        expect(c.ask(wrong), "BAD", "RFC 9394, 4", wrong)


def flat(text):
    uids = set()
    for piece in text.decode().split(","):
        first, _, last = piece.partition(":")
        uids |= set(range(int(first), int(last or first) + 1))
    return uids


def vanished(answer):
    """UIDs of all VANISHED (EARLIER) of an answer."""
    uids = set()
    for response in answer.untagged:
        raw = response.raw if isinstance(response.raw, bytes) else b""
        if raw.startswith(b"* VANISHED (EARLIER) "):
            uids |= flat(raw.split()[3])
    return uids


def test_qresync(town):
    c = town.login()
    expect(c.ask("SELECT alice/Box (QRESYNC (1 1))"), "BAD", "RFC 7162, 3.2.5", "QRESYNC that was not enabled")
    c = town.login()
    answer = c.ask("ENABLE QRESYNC")
    check(b"QRESYNC" in answer.one("ENABLED").tokens, "RFC 7162, 3.2.3", "ENABLE QRESYNC", answer)
    box = town.put("Going", [Mail(b"Subject: g %d\r\n\r\nx\r\n" % i) for i in range(20)])
    codes = c.ask("SELECT ", box).codes()
    validity, high = int(codes[b"UIDVALIDITY"][0]), int(codes[b"HIGHESTMODSEQ"][0])
    ids = {n: row[b"EMAILID"][0].decode() for n, row in c.ask("FETCH 1:* (EMAILID)").rows().items()}
    watcher = town.login(box=box)
    for n in (3, 4, 9, 20):
        town.node.cli("call", "DeleteMessage", "instanceID=demo", f"id={ids[n]}", "reason=test")
    gone = {3, 4, 9, 20}

    answer = c.ask("NOOP")
    told = [r for r in answer.untagged if r.raw.startswith(b"* VANISHED ")]
    check(not answer.data("EXPUNGE") and told and flat(told[0].raw.split()[2]) == gone, "RFC 7162, 3.2.10",
          "VANISHED instead of EXPUNGE", answer)
    answer = watcher.ask("NOOP")
    numbers = [int(r.number) for r in answer.untagged if r.name == "EXPUNGE"]
    check(numbers == [20, 9, 4, 3], "RFC 3501, 7.4.1", "who did not enable it is told EXPUNGE", answer)

    answer = c.ask("SELECT ", box)
    check("CLOSED" in str(answer.untagged[0].raw), "RFC 7162, 3.2.11", "CLOSED comes first", answer)
    now = int(answer.codes()[b"HIGHESTMODSEQ"][0])
    check(now > high, "RFC 7162, 3.2.10", "a removal raises HIGHESTMODSEQ", high, now)

    c = town.login()
    c.ask("ENABLE QRESYNC")
    answer = c.ask(f"SELECT {box} (QRESYNC ({validity} {high}))")
    check(answer.ok and vanished(answer) >= gone and not vanished(answer) & (set(range(1, 21)) - gone), "RFC 7162, 3.2.5.1",
          "what has gone since", answer)
    check(not answer.rows(), "RFC 7162, 3.2.5.1", "and nothing else changed", answer)
    answer = c.ask(f"SELECT {box} (QRESYNC ({validity} {high} 1:5,9,15))")
    check(vanished(answer) == {3, 4, 9}, "RFC 7162, 3.2.5.1", "of the UIDs that are known", answer)
    answer = c.ask(f"SELECT {box} (QRESYNC ({validity} {high} 1:20 (5,10,16 5,10,16)))")
    check(vanished(answer) == gone, "RFC 7162, 3.2.5.2", "matches that are wrong", answer)
    answer = c.ask(f"SELECT {box} (QRESYNC ({validity} {high} 1:20 (1,2,6,16 1,2,8,19)))")
    check(vanished(answer) == {20}, "RFC 7162, 3.2.5.2", "nothing is told up to the last match", answer)
    answer = c.ask(f"SELECT {box} (QRESYNC ({validity} {now} 1:20))")
    check(answer.ok and not vanished(answer) and not answer.rows(), "RFC 7162, 3.2.5.1", "nothing since", answer)
    answer = c.ask(f"SELECT {box} (QRESYNC ({validity + 1} {high} 1:20))")
    check(answer.ok and not vanished(answer) and not answer.rows(), "RFC 7162, 3.2.5.1", "another UIDVALIDITY", answer)

    town.put("Going", [Mail(b"Subject: new\r\n\r\nnew\r\n", "S")])
    answer = c.ask(f"SELECT {box} (QRESYNC ({validity} {now}))")
    rows = answer.rows()
    check(len(rows) == 1 and rows[17][b"UID"] == b"21" and b"MODSEQ" in rows[17] and rows[17][b"FLAGS"] == [b"\\Seen"],
          "RFC 7162, 3.2.5.1", "what is new since", answer)
    answer = c.ask(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {high} VANISHED)")
    check(answer.ok and vanished(answer) == gone and set(answer.rows()) == {17}, "RFC 7162, 3.2.6", "UID FETCH VANISHED", answer)
    answer = c.ask(f"UID FETCH 3:5,100:200 (FLAGS) (CHANGEDSINCE {high} VANISHED)")
    check(vanished(answer) == {3, 4}, "RFC 7162, 3.2.6", "of those asked for", answer)
    for wrong in ("(QRESYNC)", "(QRESYNC ())", "(QRESYNC (1))", "(QRESYNC (0 5))", "(QRESYNC (1 0))", "(QRESYNC (1 2 1:*))",
                  "(QRESYNC (1 2 3 (1)))", "(QRESYNC (1 2 3 (1 2)) QRESYNC (1 2))", "(QRESYNC (1 2 3 4))"):
        expect(c.ask(f"SELECT {box} ", wrong), "BAD", "RFC 7162, 7", wrong)
        c = town.login()
        c.ask("ENABLE QRESYNC")


if __name__ == "__main__":
    run(fill, test_binary, test_binary_of_real_mail, test_ids_and_dates, test_preview, test_condstore, test_partial, test_qresync)
