"""bodies.py - what a server says of a message's structure, checked against the grammar, its own sections and the bytes.

Source: RFC 3501, 7.4.2 and 9 (body, envelope). The oracle for real mail is Python's email, where that finds no fault.
"""
import email
import email.policy
import re

from imap import Literal, Quoted


def is_string(value):
    return isinstance(value, (Quoted, Literal))


def is_nstring(value):
    return value is None or is_string(value)


def is_number(value):
    return isinstance(value, bytes) and not is_string(value) and value.isdigit()


def is_params(value):
    return value is None or (isinstance(value, list) and value and len(value) % 2 == 0 and all(map(is_string, value)))


def is_address_list(value):
    return value is None or (isinstance(value, list) and value
                             and all(isinstance(a, list) and len(a) == 4 and all(map(is_nstring, a)) for a in value))


def envelope_faults(e):
    """RFC 3501, 9: envelope. Sentences, none when it is right."""
    if not isinstance(e, list) or len(e) != 10:
        return ["an envelope has ten members"]
    found = [f"member {i} is no nstring" for i in (0, 1, 8, 9) if not is_nstring(e[i])]
    return found + [f"member {i} is no list of addresses" for i in range(2, 8) if not is_address_list(e[i])]


class Part:
    """One part of a body structure: its number, and what was said of it."""

    def __init__(self, path, kind, params=None, encoding=None, octets=None, lines=None, inner=None, children=()):
        self.path, self.kind, self.params, self.encoding = path, kind, params, encoding
        self.octets, self.lines, self.inner, self.children = octets, lines, inner, list(children)

    @property
    def number(self):
        return ".".join(map(str, self.path))

    def all(self):
        yield self
        for child in self.children + ([self.inner] if self.inner else []):
            yield from child.all()

    def shape(self):
        if self.inner:
            return [self.kind, self.inner.shape()]
        return [self.kind, [c.shape() for c in self.children]] if self.children else self.kind


def need(condition, why):
    if not condition:
        raise ValueError(why)


def extension(rest, names):
    """What stands at the end of a BODYSTRUCTURE, in order; anything may be left out from the right."""
    tests = {
        "params": is_params, "md5": is_nstring, "location": is_nstring, "disposition":
        lambda v: v is None or (isinstance(v, list) and len(v) == 2 and is_string(v[0]) and is_params(v[1])),
        "language": lambda v: is_nstring(v) or (isinstance(v, list) and v and all(map(is_string, v)))
    }
    need(len(rest) <= len(names), f"{len(rest)} members at the end")
    for name, value in zip(names, rest):
        need(tests[name](value), f"{name}: {value!r}")


def read_structure(b, path=(), extended=True):
    """RFC 3501, 9: body. Part numbers by RFC 3501, 6.4.5. ValueError says what is wrong."""
    need(isinstance(b, list) and b, "not a body")
    if isinstance(b[0], list):
        n = next(i for i, v in enumerate(b + [None]) if not isinstance(v, list))
        need(n < len(b) and is_string(b[n]), "a multipart has a subtype")
        need(extended or n + 1 == len(b), "BODY has no extension data")
        extension(b[n + 1:], ("params", "disposition", "language", "location"))
        children = [read_structure(c, path + (i + 1, ), extended) for i, c in enumerate(b[:n])]
        return Part(path, "multipart/" + b[n].decode().lower(), children=children)
    need(len(b) >= 7 and is_string(b[0]) and is_string(b[1]), "type and subtype are strings")
    kind = (b[0] + b"/" + b[1]).decode("latin-1").lower()
    need(
        is_params(b[2]) and is_nstring(b[3]) and is_nstring(b[4]) and is_string(b[5]) and is_number(b[6]),
        "body-fields")
    part = Part(path or (1, ), kind, b[2], b[5], int(b[6]))
    rest = b[7:]
    if kind == "message/rfc822":
        need(len(rest) >= 3 and not envelope_faults(rest[0]) and is_number(rest[2]), "message: envelope, body, lines")
        inner_path = part.path if isinstance(rest[1][0], list) else part.path + (1, )
        part.inner, part.lines = read_structure(rest[1], inner_path, extended), int(rest[2])
        rest = rest[3:]
    elif kind.startswith("text/"):
        need(rest and is_number(rest[0]), "text has its number of lines")
        part.lines, rest = int(rest[0]), rest[1:]
    need(extended or not rest, "BODY has no extension data")
    extension(rest, ("md5", "disposition", "language", "location"))
    return part


# ---- the bytes themselves ----


def split(wire):
    """Header with its empty line, text."""
    if wire.startswith(b"\r\n"):
        return b"\r\n", wire[2:]
    at = wire.find(b"\r\n\r\n")
    return (wire[:at + 4], wire[at + 4:]) if at >= 0 else (wire, b"")


def fields(header):
    """Fields of a header as they stand, folded lines and all: (name, bytes)."""
    found = []
    for line in header.split(b"\r\n")[:-1]:
        if line[:1] in (b" ", b"\t") and found:
            found[-1] = (found[-1][0], found[-1][1] + line + b"\r\n")
        elif line:
            found.append((line.partition(b":")[0].rstrip(b" \t").lower(), line + b"\r\n"))
    return found


def chosen(header, names, others=False):
    """BODY[HEADER.FIELDS (...)], or .NOT."""
    names = [n.lower() for n in names]
    return b"".join(data for name, data in fields(header) if (name in names) != others) + b"\r\n"


# ---- Python's email package ----


def parsed(wire):
    """The message as Python reads it, and whether it finds a fault anywhere in it."""
    message = email.message_from_bytes(wire, policy=email.policy.compat32)
    return message, any(part.defects for part in message.walk())


def python_shape(message):
    kind = message.get_content_type()
    if kind == "message/rfc822":
        return [kind, python_shape(message.get_payload(0))]
    if message.is_multipart() and message.get_content_maintype() != "message":
        return [kind, [python_shape(p) for p in message.get_payload()]]
    return kind


def python_leaves(message, path=(), top=True):
    """(part number, bytes as they stand) of what has no parts below it."""
    kind = message.get_content_type()
    if kind == "message/rfc822":
        inner = message.get_payload(0)
        yield from python_leaves(inner, path or (1, ), True)
    elif message.is_multipart() and message.get_content_maintype() == "message":
        return  # a report, which Python takes apart and IMAP does not: its bytes are not to be had
    elif message.is_multipart():
        for i, part in enumerate(message.get_payload(), 1):
            yield from python_leaves(part, path + (i, ), False)
    else:
        payload = message._payload  # get_payload() decodes 8-bit text
        raw = payload.encode("ascii", "surrogateescape") if isinstance(payload, str) else b""
        yield ".".join(map(str, path + (1, ) if top else path)), raw


def unfolded(value):
    """A header's value as an envelope has it: folds undone, outer blanks gone."""
    return re.sub(rb"\r\n(?=[ \t])", b"", value).strip(b" \t\r\n")
