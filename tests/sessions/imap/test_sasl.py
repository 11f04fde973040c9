"""AUTHENTICATE: PLAIN, SCRAM-SHA-256 and -PLUS, what goes wrong in them, throttling, the list of sessions."""
import base64
import hashlib
import hmac
import os
import ssl
import time

from imap import check, expect
from town import PASSWORD, run

GATEWAY = "imap_scram = yes\nimap_login_free_tries = 60\nimap_failed_logins = 4\n"
INSTANCE = "scram_iterations = 5000\nlogin_free_tries = 30\nlogin_user_wait_s = 2\n"


def b64(data):
    return base64.b64encode(data).decode()


def escaped(name):
    return name.replace("=", "=3D").replace(",", "=2C")


class Scram:
    """The client's side (RFC 5802)."""

    def __init__(self, name, password, header="n,,", binding=b""):
        self.password, self.header, self.binding = password, header, binding
        self.nonce = b64(os.urandom(18))
        self.bare = f"n={escaped(name)},r={self.nonce}"

    def first(self):
        return b64((self.header + self.bare).encode())

    def final(self, challenge, spoil=None):
        server_first = base64.b64decode(challenge).decode()
        fields = dict(f.split("=", 1) for f in server_first.split(","))
        assert fields["r"].startswith(self.nonce) and len(fields["r"]) > len(self.nonce) + 15, fields
        self.salt, self.rounds = fields["s"], int(fields["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(self.salt), self.rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        bound = b64(self.header.encode() + self.binding)
        without = f"c={bound},r={fields['r']}"
        message = ",".join((self.bare, server_first, without)).encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        self.server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature))
        text = f"{without},p={b64(proof)}"
        return b64((spoil(text) if spoil else text).encode())


def scram(c, name, password, mechanism="SCRAM-SHA-256", spoil=None, **how):
    """A whole login; the answer, and the client's state."""
    s = Scram(name, password, **how)
    tag = c.start(f"AUTHENTICATE {mechanism} {s.first()}")
    r = c.response()
    if r.tag != "+":
        return r, s
    c.send(s.final(r.text, spoil) + "\r\n")
    r = c.response()
    if r.tag != "+":
        return r, s
    check(base64.b64decode(r.text) == b"v=" + b64(s.server).encode(), "RFC 5802, 5", "the server proves itself", r)
    c.send("\r\n")
    return c.until(tag).tagged, s


def test_plain(town):
    c = town.client()
    words = c.ask("CAPABILITY").one("CAPABILITY").tokens
    check({b"AUTH=PLAIN", b"SASL-IR", b"AUTH=SCRAM-SHA-256", b"AUTH=SCRAM-SHA-256-PLUS"} <= set(words), "RFC 3501, 6.1.1",
          "mechanisms are announced under TLS", words)
    plain = town.client(tls=False)
    words = plain.ask("CAPABILITY").one("CAPABILITY").tokens
    check(not any(w.startswith((b"AUTH=", b"SASL")) for w in words), "RFC 3501, 6.2.3", "and none in clear", words)
    expect(plain.ask("AUTHENTICATE SCRAM-SHA-256"), "NO", "RFC 5530, 3", "SCRAM in clear", "PRIVACYREQUIRED")
    right = b64(f"\0demo/alice\0{PASSWORD}".encode())
    expect(c.ask("AUTHENTICATE CRAM-MD5"), "NO", "RFC 3501, 6.2.2", "an unknown mechanism", "CANNOT")
    tag = c.start("AUTHENTICATE PLAIN")
    c.go_ahead()
    c.send("*\r\n")
    check(c.until(tag).bad, "RFC 3501, 6.2.2", "'*' gives up")
    for bad in ("no base64!", "AAAA=", b64(b"one"), b64(b"a\0b"), "QUFB" * 1500):
        check(c.ask(f"AUTHENTICATE PLAIN {bad}").bad, "RFC 3501, 6.2.2", f"{bad[:20]} is BAD")
    expect(c.ask(f"AUTHENTICATE PLAIN {b64(b'other' + chr(0).encode() + b'demo/alice' + chr(0).encode() + b'x')}"), "NO",
           "RFC 4616, 2", "acting for another", "AUTHORIZATIONFAILED")
    expect(c.ask("AUTHENTICATE PLAIN ="), "BAD", "RFC 4959, 3", "'=' is an empty response")
    check(c.ask(f"AUTHENTICATE PLAIN {right}").ok, "RFC 4959, 3", "an initial response")
    c = town.client()
    tag = c.start("AUTHENTICATE PLAIN")
    c.go_ahead()
    c.send(right + "\r\n")
    check(c.until(tag).ok, "RFC 3501, 6.2.2", "a response when asked")


def test_scram(town):
    c = town.client()
    r, s = scram(c, "demo/alice", PASSWORD)
    check(r.name == "OK", "RFC 7677, 3", "a right password", r)
    check(s.rounds == 5000, "RFC 5802, 5.1", "the rounds are those of the instance")
    check(c.ask("SELECT INBOX").ok, "RFC 3501, 6.3.1", "the session is a session")
    c = town.client()  # without an initial response
    s = Scram("DEMO/Alice", PASSWORD)
    tag = c.start("AUTHENTICATE SCRAM-SHA-256")
    check(c.go_ahead().text == "", "RFC 4959, 3", "an empty challenge")
    c.send(s.first() + "\r\n")
    c.send(s.final(c.go_ahead().text) + "\r\n")
    c.go_ahead()
    c.send("\r\n")
    check(c.until(tag).ok, "RFC 5802, 5", "letter case does not matter")


def test_scram_bound(town):
    c = town.client()
    certificate = hashlib.sha256(c.socket.getpeercert(True)).digest()
    r, _ = scram(c, "demo/alice", PASSWORD, "SCRAM-SHA-256-PLUS", header="p=tls-server-end-point,,", binding=certificate)
    check(r.name == "OK", "RFC 5929, 4", "bound to the certificate", r)
    c = town.client()
    r, _ = scram(c, "demo/alice", PASSWORD, "SCRAM-SHA-256-PLUS", header="p=tls-server-end-point,,", binding=b"x" * 32)
    check(r.name == "NO", "RFC 5802, 6", "another certificate", r)
    r, _ = scram(c, "demo/alice", PASSWORD, header="y,,")
    check(r.name == "NO", "RFC 5802, 6", "a client from whom -PLUS was hidden", r)
    r, _ = scram(c, "demo/alice", PASSWORD, "SCRAM-SHA-256-PLUS", header="p=tls-unique,,")
    check(r.name == "NO", "RFC 9266, 3", "tls-unique is not known", r)
    r, _ = scram(c, "demo/alice", PASSWORD, "SCRAM-SHA-256-PLUS")
    check(r.name == "NO", "RFC 5802, 6", "-PLUS without a binding", r)


def test_scram_refused(town):
    salts = set()
    for name in ("demo/nobody", "demo/nobody", "demo/NOBODY"):
        r, s = scram(town.client(), name, PASSWORD)
        check(r.name == "NO" and r.code[0] == b"AUTHENTICATIONFAILED", "RFC 5530, 3", "an unknown user", r)
        salts.add((s.salt, s.rounds))
    check(len(salts) == 1, "RFC 5802, 9", "has a salt of his own", salts)
    c = town.client()
    r, _ = scram(c, "demo/alice", "wrong")
    check(r.name == "NO" and r.code[0] == b"AUTHENTICATIONFAILED", "RFC 5530, 3", "a wrong password", r)
    r, _ = scram(c, "demo/alice", PASSWORD, header="n,a=demo/bob,")
    check(r.name == "NO" and r.code[0] == b"AUTHORIZATIONFAILED", "RFC 5802, 5.1", "acting for another", r)
    for spoil in (lambda t: t.replace("c=biws", "c=eSws"), lambda t: t.replace(",r=", ",r=x")):
        r, _ = scram(town.client(), "demo/alice", PASSWORD, spoil=spoil)
        check(r.name == "NO", "RFC 5802, 5.1", "header or nonce changed", r)
    for spoil in (lambda t: t[:-8], lambda t: "c=biws", lambda t: t + "," * 3000):
        r, _ = scram(town.client(), "demo/alice", PASSWORD, spoil=spoil)
        check(r.name == "BAD", "RFC 5802, 7", "a broken message", r)
    for first in ("", "n,,", "n,,n=demo/alice", "x,,n=a,r=b", "n,,m=1,n=demo/alice,r=b", "n,,n=demo=2calice,r=b"):
        answer = town.client().ask(f"AUTHENTICATE SCRAM-SHA-256 {b64(first.encode()) or '='}")
        check(answer.bad, "RFC 5802, 7", f"a broken first message {first!r}", answer)
    c = town.client()
    s = Scram("demo/alice", PASSWORD)
    tag = c.start(f"AUTHENTICATE SCRAM-SHA-256 {s.first()}")
    c.go_ahead()
    c.send("*\r\n")
    check(c.until(tag).bad, "RFC 3501, 6.2.2", "'*' in the middle")
    tag = c.start(f"AUTHENTICATE SCRAM-SHA-256 {s.first()}")
    c.send(s.final(c.go_ahead().text) + "\r\n")
    c.go_ahead()
    c.send("*\r\n")
    check(c.until(tag).bad, "RFC 3501, 6.2.2", "'*' at the end")
    check(c.ask("SELECT INBOX").bad, "RFC 3501, 6.2", "nobody is logged in")
    tag = c.start(f"AUTHENTICATE SCRAM-SHA-256 {Scram('demo/alice', PASSWORD).first()}")
    c.go_ahead()
    c.close()  # and gone


def test_elsewhere(town):
    node = town.node
    node.create_user("demo", "dora")
    node.api("SetUserAuthentication", instanceID="demo", userName="dora", authentication="directoryServices")
    answer = town.client().ask(f'LOGIN demo/dora "{PASSWORD}"')
    expect(answer, "NO", "RFC 5530, 3", "a user of directory services", "CONTACTADMIN")
    check("app password" in answer.text, "product document", "and what will serve", answer)


def test_sessions(town):
    node = town.node
    before = len(node.api("GetActiveSessions", instanceID="demo")["result"])
    c = town.login()
    c.ask("SELECT INBOX")
    c.ask("SELECT alice")
    rows = node.api("GetActiveSessions", instanceID="demo")["result"]
    check(len(rows) == before + 1, "GetActiveSessions", "the session is listed", rows)
    row = rows[-1]
    check(row["userName"] == "alice" and row["door"] == "imap" and row["address"] in ("127.0.0.1", "::1"),
          "GetActiveSessions", "who, door, address", row)
    check(row["from"].startswith("gateway@") and row["since"][:4] == time.strftime("%Y", time.gmtime()),
          "GetActiveSessions", "gateway and time", row)
    check(row["lastFunction"] is not None, "GetActiveSessions", "what was done last", row)
    check("token" not in str(row).lower() and "session" not in row, "GetActiveSessions", "no secret", row)
    c.ask("LOGOUT")
    deadline = time.time() + 20
    while len(node.api("GetActiveSessions", instanceID="demo")["result"]) > before and time.time() < deadline:
        time.sleep(0.1)
    check(len(node.api("GetActiveSessions", instanceID="demo")["result"]) == before, "GetActiveSessions", "and gone")


def test_throttled(town):
    """Last: the address of this test has to wait after it."""
    c = town.client()
    for i in range(4):
        answer = c.ask("LOGIN demo/alice wrong")
        check(answer.no, "RFC 3501, 6.2.3", "a wrong password", answer)
    check(c.closed(), "imap_failed_logins", "the connection is closed after four")
    waits = False
    tries = 0
    while not waits and tries < 120:
        c = town.client()
        for i in range(3):
            c.send(f"t{i} LOGIN demo/x{tries} wrong\r\n")
        for i in range(3):
            answer = c.until(f"t{i}")
            tries += 1
            waits = waits or answer.code == [b"UNAVAILABLE"]
        c.close()
        if tries == 3:  # the others at once
            crowd = [town.client() for _ in range(25)]
            for k, other in enumerate(crowd):
                for i in range(3):
                    other.send(f"t{i} LOGIN demo/y{k} wrong\r\n")
            for other in crowd:
                for i in range(3):
                    answer = other.until(f"t{i}")
                    tries += 1
                    waits = waits or answer.code == [b"UNAVAILABLE"]
                other.close()
    check(waits, "imap_login_free_tries, login_free_tries", "an address that guesses has to wait", tries)
    check(tries > 10, "login_free_tries", "but not at once", tries)


if __name__ == "__main__":
    run(None, test_plain, test_scram, test_scram_bound, test_scram_refused, test_elsewhere, test_sessions, test_throttled,
        gateway=GATEWAY, instance=INSTANCE)
