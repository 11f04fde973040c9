"""imap.py - a small exact IMAP client for scripts: sends the bytes it is told to, forgives nothing in what it reads.

    c = Client(town)                    # implicit TLS; Client(town, tls=False) for port 143, then c.starttls()
    a = c.ask('LOGIN demo/alice "x"')   # "a1 LOGIN ..." and all that came up to the tagged line
    a.status, a.code, a.text            # "OK", [b"READ-ONLY"], "selected"
    a.data("EXISTS")[0].number          # untagged responses by name
    a.rows()[7][b"BODY[]"]              # FETCH rows by sequence number, items by name
    c.ask("STATUS ", lit(b"box"), " (MESSAGES)")    # a literal, sent when the server says "+"
    check(a.ok, "RFC 3501, 6.3.1", "SELECT of a mailbox that is there")

An answer that breaks the grammar (RFC 3501, 9; RFC 9051, 9) raises Violation. Not here: the node, its mail (town.py).
"""
import os
import re
import select
import socket
import ssl
import sys
import time
import zlib

TIMEOUT_S = 120

# ---- tokens ----


class Atom(bytes):
    pass


class Quoted(bytes):
    pass


class Literal(bytes):
    pass


class Literal8(bytes):
    """RFC 3516, 3: ~{n}, may hold NUL."""


class Violation(Exception):
    """The server said what the grammar does not allow."""


class Lit:

    def __init__(self, data, sync=True, binary=False):
        self.data, self.sync, self.binary = data, sync, binary

    def head(self):
        return b"%s{%d%s}\r\n" % (b"~" if self.binary else b"", len(self.data), b"" if self.sync else b"+")


def lit(data, sync=True, binary=False):
    """A literal as a part of ask(): synchronizing, or {n+} (RFC 7888)."""
    return Lit(data if isinstance(data, bytes) else data.encode(), sync, binary)


def quote(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class Tokens:
    """Values of one response, its literals in place."""
    SECTIONS = (b"BODY", b"BINARY", b"BINARY.SIZE")

    def __init__(self, data, at=0, utf8=False):
        self.data, self.at, self.utf8 = data, at, utf8

    def fail(self, why):
        raise Violation(f"{why} at byte {self.at} of {self.data[:300]!r}")

    def peek(self):
        return self.data[self.at:self.at + 1]

    def take(self, char):
        if self.peek() != char:
            self.fail(f"{char!r} is missing")
        self.at += 1

    def value(self):
        c = self.peek()
        if c == b"(":
            return self.list()
        if c == b'"':
            return self.quoted()
        if c == b"{" or self.data[self.at:self.at + 2] == b"~{":
            return self.literal()
        return self.atom()

    def list(self):
        values = []
        self.take(b"(")
        while self.peek() != b")":
            # "(" 1*address ")" and 1*body have nothing between their members, all others one space.
            if values and not (isinstance(values[-1], list) and self.peek() == b"("):
                self.take(b" ")
            values.append(self.value())
        self.take(b")")
        return values

    def quoted(self):
        out = bytearray()
        self.take(b'"')
        while self.peek() != b'"':
            c = self.peek()
            if c == b"\\":
                self.at += 1
                c = self.peek()
                if c not in (b'"', b"\\"):
                    self.fail("only a quote or a backslash may be escaped")
            if c in (b"", b"\r", b"\n", b"\0") or (c[0] > 127 and not self.utf8):
                self.fail("a quoted string holds what it may not")
            out += c
            self.at += 1
        self.take(b'"')
        return Quoted(out)

    def literal(self):
        match = re.compile(rb"(~?)\{(0|[1-9]\d*)\}\r\n").match(self.data, self.at)
        if match is None:
            self.fail("not a literal")
        end = match.end() + int(match.group(2))
        data = self.data[match.end():end]
        # NUL: RFC 3501, 9 (CHAR8) has no place for it, yet clients want the archive's bytes as they are; literal8 is
        # the legal way (BINARY).
        self.at = end
        return Literal8(data) if match.group(1) else Literal(data)

    def atom(self):
        start = self.at
        match = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\[]*").match(self.data, self.at)
        self.at = match.end()
        while self.peek() == b"[":
            if match.group().upper() in self.SECTIONS:
                self.section()
            else:
                self.at += 1
            self.at = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\[]*").match(self.data, self.at).end()
        if self.at == start:
            self.fail("a value is missing")
        atom = self.data[start:self.at]
        return None if atom == b"NIL" else Atom(atom)

    def section(self):
        """[HEADER.FIELDS (From "x y")]: part of the item's name."""
        self.take(b"[")
        while self.peek() != b"]":
            if self.peek() in (b"(", b'"', b"{"):
                self.value()
            elif self.peek() in (b"", b"\r", b"\n"):
                self.fail("a section does not end")
            else:
                self.at += 1
        self.take(b"]")

    def rest(self):
        """Values up to the end of the response, one space between them."""
        values = []
        while self.data[self.at:] != b"\r\n":
            if values:
                self.take(b" ")
            values.append(self.value())
        return values


# ---- responses ----


class Response:
    """One response: tag "*", "+" or a command's; name in upper case; tokens are what stands behind it."""
    STATUS = ("OK", "NO", "BAD", "BYE", "PREAUTH")

    def __init__(self, raw, utf8=False):
        self.raw = raw
        self.number = self.code = None
        self.text, self.tokens = "", []
        if raw.startswith(b"+"):
            self.tag, self.name, self.text = "+", "+", raw[1:].strip().decode()
            if not raw.startswith(b"+ "):
                raise Violation(f"a continuation request is '+' SP: {raw!r}")
            return
        match = re.match(rb"([^\x00-\x20\x7f-\xff]+) (?:(\d+) )?([A-Za-z][A-Za-z0-9.-]*)", raw)
        if match is None:
            raise Violation(f"not a response: {raw[:200]!r}")
        self.tag, self.name = match.group(1).decode(), match.group(3).decode().upper()
        self.number = int(match.group(2)) if match.group(2) else None
        if self.name in self.STATUS:
            self.status(raw, match.end(), utf8)
            return
        if self.tag != "*":
            raise Violation(f"a tagged response is OK, NO or BAD: {raw[:200]!r}")
        if self.name == "THREAD":  # RFC 5256, 4: lists with no blank between them; raw says it all
            return
        t = Tokens(raw, match.end(), utf8)
        if raw[t.at:] != b"\r\n":
            t.take(b" ")
            self.tokens = t.rest()

    def status(self, raw, at, utf8):
        t = Tokens(raw, at, utf8)
        t.take(b" ")
        if t.peek() == b"[":
            t.take(b"[")
            end = self.code_end(raw, t.at)
            self.code = Tokens(raw[t.at:end] + b"\r\n", 0, utf8).rest()
            t.at = end + 1
            t.take(b" ")
        self.text = raw[t.at:-2].decode("utf-8" if utf8 else "ascii")
        if not self.text or re.search(r"[\x00-\x1f\x7f]", self.text):
            raise Violation(f"resp-text is at least one printable character: {raw[:200]!r}")

    @staticmethod
    def code_end(raw, at):
        quoted = False
        while raw[at:at + 1] != b"]" or quoted:
            if raw[at:at + 1] in (b"", b"\r"):
                raise Violation(f"a response code does not end: {raw[:200]!r}")
            if quoted and raw[at:at + 1] == b"\\":
                at += 1
            elif raw[at:at + 1] == b'"':
                quoted = not quoted
            at += 1
        return at

    def items(self):
        """Of a list of names and values: FETCH, STATUS. Names in upper case up to a bracket's contents."""
        values = self.tokens[-1]
        if len(values) % 2 != 0:
            raise Violation(f"names and values do not pair up: {self.raw[:200]!r}")
        return {bytes(values[i]).upper(): values[i + 1] for i in range(0, len(values), 2)}

    def __repr__(self):
        return f"<{self.raw[:400]!r}>"


class Answer:
    """All that came for a command: untagged responses, "+" lines, the tagged end (None: the connection ended)."""

    def __init__(self, untagged, tagged):
        self.untagged, self.tagged = untagged, tagged
        self.status = tagged.name if tagged else "BYE"
        self.code = tagged.code if tagged else None
        self.text = tagged.text if tagged else ""
        self.ok, self.no, self.bad = (self.status == s for s in ("OK", "NO", "BAD"))

    def data(self, name):
        return [r for r in self.untagged if r.name == name]

    def one(self, name):
        found = self.data(name)
        if len(found) != 1:
            raise Violation(f"{len(found)} {name} responses where one is due: {self}")
        return found[0]

    def rows(self):
        """FETCH rows: sequence number to items; a message's rows are put together."""
        rows = {}
        for r in self.data("FETCH"):
            rows.setdefault(r.number, {}).update(r.items())
        return rows

    def codes(self):
        """Names of all response codes, untagged and tagged: {b"UIDNEXT": [b"7"]}."""
        every = self.untagged + ([self.tagged] if self.tagged else [])
        return {bytes(r.code[0]).upper(): r.code[1:] for r in every if r.code}

    def hits(self):
        """Numbers of a SEARCH response."""
        return [int(n) for n in self.one("SEARCH").tokens]

    def __repr__(self):
        return f"{self.untagged} {self.tagged}"


# ---- the connection ----


class Client:
    """A connection. node: node.Node (or anything with .port and .data); the greeting is read at once."""

    def __init__(self, node, tls=True, timeout=TIMEOUT_S, greeting=True):
        node = getattr(node, "node", node)
        self.context = ssl.create_default_context(cafile=os.path.join(node.data, "tls", "cert.pem"))
        self.socket = socket.create_connection(("localhost", node.port(993 if tls else 143)), timeout)
        if tls:
            self.socket = self.context.wrap_socket(self.socket, server_hostname="localhost")
        self.held = bytearray()
        self.number, self.utf8, self.inflate = 0, False, None
        self.greeting = self.response() if greeting else None

    def starttls(self):
        """The handshake alone: after the OK."""
        self.socket = self.context.wrap_socket(self.socket, server_hostname="localhost")

    def compress(self):
        """RFC 4978: after the OK, both ways."""
        self.inflate, self.deflate = zlib.decompressobj(-15), zlib.compressobj(6, zlib.DEFLATED, -15)
        if self.held:
            self.held = bytearray(self.inflate.decompress(bytes(self.held)))

    # bytes

    def send(self, data):
        data = data if isinstance(data, bytes) else data.encode()
        if self.inflate:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def more(self):
        """Read something; False at the end of the connection."""
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionError, ssl.SSLError):
            data = b""
        if data and self.inflate:
            data = self.inflate.decompress(data)
            self.held += data
            return True
        self.held += data
        return bool(data)

    def waits(self, seconds):
        """Something has come, or comes within the time."""
        deadline = time.monotonic() + seconds
        while not self.held:
            left = max(0, deadline - time.monotonic())
            pending = self.socket.pending() if isinstance(self.socket, ssl.SSLSocket) else 0
            if not pending and not select.select([self.socket], [], [], left)[0]:
                return False
            if not self.more():
                return True
        return True

    def line(self):
        """One line with its CRLF; b"" at the end."""
        at = 0
        while True:
            end = self.held.find(b"\n", at)
            if end >= 0:
                line = bytes(self.held[:end + 1])
                del self.held[:end + 1]
                if not line.endswith(b"\r\n"):
                    raise Violation(f"a line does not end with CRLF: {line[:200]!r}")
                return line
            at = len(self.held)
            if not self.more():
                if self.held:
                    raise Violation(f"the connection ended within a line: {bytes(self.held[:200])!r}")
                return b""

    def exactly(self, n):
        while len(self.held) < n:
            if not self.more():
                raise Violation(f"the connection ended within a literal of {n} bytes")
        data = bytes(self.held[:n])
        del self.held[:n]
        return data

    def closed(self):
        """Nothing more comes, and the server has closed."""
        return self.line() == b""

    # responses

    def raw_response(self):
        data = self.line()
        if re.match(rb"(\+|\S+ (OK|NO|BAD|BYE|PREAUTH) )", data):
            return data
        pieces = [data]
        while True:
            match = re.search(rb"\{(\d+)\}\r\n$", pieces[-1])
            if match is None:
                return b"".join(pieces)
            pieces += [self.exactly(int(match.group(1))), self.line()]

    def response(self):
        """The next response; None at the end of the connection."""
        raw = self.raw_response()
        return Response(raw, self.utf8) if raw else None

    def until(self, tag):
        """All responses up to the one with the tag, or to the end of the connection."""
        untagged = []
        while True:
            r = self.response()
            if r is None or r.tag == tag:
                return Answer(untagged, r)
            untagged.append(r)

    def go_ahead(self):
        """The next response must be a continuation request."""
        r = self.response()
        if r is None or r.tag != "+":
            raise Violation(f"'+' is missing: {r}")
        return r

    # commands

    def start(self, *parts, tag=None):
        """Send a command; literals that are to be asked for wait. The tag; or an Answer when a literal was refused."""
        self.number += 1
        tag = tag or f"a{self.number}"
        pending = tag.encode() + b" "
        for part in parts + (b"\r\n", ):
            if isinstance(part, Lit):
                pending += part.head()
                if part.sync:
                    self.send(pending)
                    pending = b""
                    untagged = []
                    while True:
                        r = self.response()
                        if r is None or r.tag == tag:
                            return Answer(untagged, r)
                        if r.tag == "+":
                            break
                        untagged.append(r)
                pending += part.data
            else:
                pending += part if isinstance(part, bytes) else part.encode()
        self.send(pending)
        return tag

    def ask(self, *parts, tag=None):
        """Send a command and read all of its answer."""
        tag = self.start(*parts, tag=tag)
        return tag if isinstance(tag, Answer) else self.until(tag)

    def close(self):
        self.socket.close()


# ---- checks ----


class Checks:
    """What was checked, and what was not so: a script goes on, and fails at its end."""
    made = 0
    failed = []


def check(condition, rfc, text, *shown):
    """One statement of a standard about the server. Says what was seen where it does not hold; returns condition."""
    Checks.made += 1
    if not condition:
        frame = sys._getframe(1)
        while "check" in frame.f_code.co_name or "expect" in frame.f_code.co_name:
            frame = frame.f_back
        where = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        Checks.failed.append(f"{where}: [{rfc}] {text}")
        print("  FAILED", Checks.failed[-1], *(f"\n      {str(s)[:2000]}" for s in shown), flush=True)
    return bool(condition)


def expect(answer, status, rfc, text, code=None):
    """The tagged end is `status`, with this response code where one is named."""
    got = bytes(answer.code[0]).decode() if answer.code else None
    return check(answer.status == status and (code is None or got == code), rfc,
                 f"{text}: {status}{f' [{code}]' if code else ''}", answer)
