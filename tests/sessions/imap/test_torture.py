"""
Extensions on real and torturous mail: BINARY beside Python's decoding (RFC 3516), PREVIEW (RFC 8970), SAVEDATE (RFC
8514), EMAILID and THREADID (RFC 8474), MODSEQ (RFC 7162), and what SORT and THREAD make of it (RFC 5256).
"""
import re

from bodies import parsed, python_shape, read_structure
from town import check, fixtures, run

BOXES = {"Torture": (160, "mime"), "Attached": (60, "mime/mimekit"), "Mikel": (50, "mime/mikel-mail")}


def fill(town):
    for name, (most, below) in BOXES.items():
        town.put(name, fixtures(most, below), strict=False)


def decoded_parts(message, path=(), top=True):
    """(part number, transfer encoding, bytes as Python decodes them) of what has no parts below it."""
    kind = message.get_content_type()
    if kind == "message/rfc822":
        yield from decoded_parts(message.get_payload(0), path or (1, ), True)
    elif message.is_multipart():
        for i, part in enumerate(message.get_payload() if message.get_content_maintype() != "message" else (), 1):
            yield from decoded_parts(part, path + (i, ), False)
    else:
        encoding = str(message.get("Content-Transfer-Encoding", "7bit")).strip().lower()
        yield ".".join(map(str, path + (1, ) if top else path)), encoding, message.get_payload(decode=True)


def is_clean(encoding, raw):
    """Encoded as the RFC has it: then there is only one way to decode it (RFC 2045, 6.7, 6.8)."""
    if encoding == "base64":
        return re.fullmatch(rb"[A-Za-z0-9+/]*={0,2}", re.sub(rb"[\r\n \t]", b"", raw)) is not None and \
            len(re.sub(rb"[\r\n \t]", b"", raw)) % 4 == 0
    if encoding == "quoted-printable":
        return re.fullmatch(rb"(?:[\x20-\x3c\x3e-\x7e\t\r\n]|=[0-9A-F]{2}|=\r\n)*", raw) is not None and \
            re.search(rb"[ \t]\r\n|[ \t]$", raw) is None
    return encoding in ("7bit", "8bit", "binary")


def check_binary(c, seq, row, figures):
    message, faulty = parsed(row[b"BODY[]"])
    if faulty or python_shape(message) != read_structure(row[b"BODYSTRUCTURE"]).shape():
        return
    for number, encoding, data in list(decoded_parts(message))[:12]:
        answer = c.ask(f"FETCH {seq} (BINARY.PEEK[{number}] BINARY.SIZE[{number}] BODY.PEEK[{number}])")
        if encoding not in ("7bit", "8bit", "binary", "base64", "quoted-printable"):
            figures["other encodings"] += 1
            check(answer.no or answer.ok, "RFC 3516, 4.3", f"an encoding of no known name: {encoding[:30]}", answer)
            continue
        if not check(answer.ok, "RFC 3516, 4.2", f"BINARY[{number}] of message {seq}", answer):
            continue
        items = answer.rows()[seq]
        got, size = items[b"BINARY[%s]" % number.encode()], items[b"BINARY.SIZE[%s]" % number.encode()]
        raw = items[b"BODY[%s]" % number.encode()]
        check(
            len(got or b"") == int(size), "RFC 3516, 4.3", f"BINARY.SIZE[{number}] of message {seq}", size,
            len(got or b""))
        if raw is not None and is_clean(encoding, raw):
            figures["judged"] += 1
            check(got == data, "RFC 3516, 4.2", f"BINARY[{number}] of message {seq}, {encoding}", got[:200], data[:200])
        if len(got or b"") > 10:
            part = c.ask(f"FETCH {seq} BINARY.PEEK[{number}]<3.5>").rows()[seq]
            check(
                list(part.values()) == [got[3:8]], "RFC 3516, 4.2", f"a partial of BINARY[{number}] of message {seq}",
                part)


def test_binary(town):
    for box in BOXES:
        c = town.login(box="alice/" + box)
        figures = {"judged": 0, "other encodings": 0}
        for seq, row in c.ask("FETCH 1:* (BODY.PEEK[] BODYSTRUCTURE)").rows().items():
            check_binary(c, seq, row, figures)
        print("  ", box, figures)
        check(figures["judged"] > 10, "script", f"parts of {box} that could be judged", figures)


def test_ids_and_previews(town):
    for box in BOXES:
        c = town.login(box="alice/" + box)
        answer = c.ask("FETCH 1:* (UID EMAILID THREADID PREVIEW SAVEDATE MODSEQ INTERNALDATE BODY.PEEK[HEADER])")
        check(answer.ok, "RFC 8474; RFC 8970; RFC 8514", f"all of {box}", answer.tagged)
        rows, emails = answer.rows(), set()
        for seq, row in rows.items():
            for name in (b"EMAILID", b"THREADID"):
                value = row[name]
                good = isinstance(value, list) and len(value) == 1 and re.fullmatch(rb"[A-Za-z0-9_-]{1,255}", value[0])
                check(good or (name == b"THREADID" and value is None), "RFC 8474, 7", f"{name.decode()} of {seq}",
                      value)
            emails.add(row[b"EMAILID"][0])
            preview = row[b"PREVIEW"]
            text = (preview or b"").decode("utf-8", "surrogateescape")
            check(
                len(text) <= 256 and not re.search(r"[\r\n\0\udc80-\udcff]", text), "RFC 8970, 3.1, 6",
                f"the preview of {seq}: at most 256 characters on one line", preview)
            check(
                isinstance(row[b"MODSEQ"], list) and int(row[b"MODSEQ"][0]) > 0, "RFC 7162, 3.1.4.2",
                f"MODSEQ of {seq}", row)
            check(re.fullmatch(rb"[ 0-3]\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}", row[b"SAVEDATE"] or b""),
                  "RFC 8514, 4.2", f"SAVEDATE of {seq}", row[b"SAVEDATE"])
        check(len(emails) == len(rows), "RFC 8474, 5.1", "other messages, other ids", len(emails), len(rows))
        # The same again, one by one and in another session.
        for seq in list(rows)[::9]:
            again = town.login(box="alice/" + box).ask(f"FETCH {seq} (EMAILID THREADID PREVIEW)").rows()[seq]
            check(all(again[k] == rows[seq][k] for k in again), "RFC 8474, 4, 5", f"ids of {seq} stay", again)


def test_sort_and_thread(town):
    """The order is judged by test_search.py on mail that is known; here: nothing is lost, nothing is twice."""
    for box in BOXES:
        c = town.login(box="alice/" + box)
        uids = sorted(c.ask("UID SEARCH ALL").hits())
        messages = int(c.ask(f"STATUS alice/{box} (MESSAGES)").one("STATUS").items()[b"MESSAGES"])
        check(len(uids) == messages, "RFC 3501, 6.4.4", f"UID SEARCH ALL of {box}", len(uids), messages)
        for key in ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO"):
            for words in (key, f"REVERSE {key}"):
                answer = c.ask(f"UID SORT ({words}) UTF-8 ALL")
                got = [int(n) for n in answer.one("SORT").tokens] if answer.ok else None
                check(got is not None and sorted(got) == uids, "RFC 5256, 3; RFC 5957, 3",
                      f"UID SORT ({words}) of {box}", answer.tagged)
        for algorithm in ("REFERENCES", "ORDEREDSUBJECT"):
            answer = c.ask(f"UID THREAD {algorithm} UTF-8 ALL")
            flat = [int(n) for n in re.findall(rb"\d+", answer.one("THREAD").raw)] if answer.ok else None
            check(flat is not None and sorted(flat) == uids, "RFC 5256, 3", f"UID THREAD {algorithm} of {box}",
                  answer.tagged)
        sizes = {seq: int(row[b"RFC822.SIZE"]) for seq, row in c.ask("FETCH 1:* RFC822.SIZE").rows().items()}
        got = [int(n) for n in c.ask("SORT (SIZE) US-ASCII ALL").one("SORT").tokens]
        check(got == sorted(sizes, key=lambda n: (sizes[n], n)), "RFC 5256, 3", f"SORT (SIZE) of {box}", got)


if __name__ == "__main__":
    run(fill, test_binary, test_ids_and_previews, test_sort_and_thread)
