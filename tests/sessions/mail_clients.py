"""mail_clients.py - real mail programs read whole mailboxes; what they got, byte for byte as far as they keep it.

Each function takes an Account and a folder to work in, reads all of account.boxes and yields the bytes of every
message. What a program itself changes on the way to the disk is undone or avoided where it can be, and said where it
cannot: the last member of a row of PROGRAMS turns bytes that were served into those that are due. Nothing here judges:
test_imap_clients.py.
"""
import fcntl
import imaplib
import os
import pty
import re
import select
import shutil
import signal
import ssl
import struct
import subprocess
import termios
import time

import thunderbird

TIMEOUT_S, STALL_S = 3600, 300


class Account:
    """Where to log in, and the mailboxes (plain ASCII names) with their numbers of messages."""

    def __init__(self, node, user, password, boxes):
        self.host, self.port, self.starttls_port = "localhost", node.port(993), node.port(143)
        self.certificate = os.path.join(node.data, "tls", "cert.pem")
        self.user, self.password, self.boxes = user, password, boxes


def run(argv, home, **environment):
    done = subprocess.run(argv,
                          env=dict(os.environ, HOME=home, **environment),
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          timeout=TIMEOUT_S)
    return done.returncode, done.stdout


def write(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def files(top):
    """The bytes of all files below, but for those in tmp folders and hidden ones."""
    for root, _, names in os.walk(top):
        for name in names:
            if os.path.basename(root) != "tmp" and not name.startswith("."):
                with open(os.path.join(root, name), "rb") as f:
                    yield f.read()


def as_lf(wire):
    return wire.replace(b"\r\n", b"\n")


def typed(argv, home, steps, **environment):
    """
    A program on a terminal of its own. steps: (text that must have come since the last step, keys); one whose text ends
    with "?" need not come: it is passed over when the next one's text is there.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, dict(os.environ, HOME=home, TERM="xterm", **environment))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen, heard, steps = b"", time.time(), list(steps)
    while time.time() < heard + STALL_S:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # it has ended
                break
            if not data:
                break
            seen, heard = seen + data, time.time()
            continue
        # It is quiet: the screen is drawn.
        if len(steps) > 1 and steps[0][0].endswith(b"?") and steps[1][0] in seen:
            steps.pop(0)
        if steps and steps[0][0].rstrip(b"?") in seen:
            os.write(terminal, steps.pop(0)[1])
            seen = b""
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    os.waitpid(pid, 0)
    screen = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]", b" ", seen[-3000:])
    assert not steps, f"{argv[0]}: what was waited for did not come: {steps[0][0]!r} in {screen!r}"


# ---- the programs ----


def read_imaplib(account, folder):
    context = ssl.create_default_context(cafile=account.certificate)
    client = imaplib.IMAP4_SSL(account.host, account.port, ssl_context=context, timeout=300)
    client.login(account.user, account.password)
    for box, count in account.boxes.items():
        assert client.select(f'"{box}"', readonly=True) == ("OK", [b"%d" % count])
        for first in range(1, count + 1, 500):
            _, rows = client.fetch(f"{first}:{min(first + 499, count)}", "(BODY.PEEK[])")
            yield from (r[1] for r in rows if isinstance(r, tuple))
    client.logout()


def read_curl(account, folder):
    for box, count in account.boxes.items():
        name = box.replace("/", "%2F").replace(" ", "%20")
        status, out = run([
            "curl", "-sS", "--fail", "--cacert", account.certificate, "--user", f"{account.user}:{account.password}",
            f"imaps://{account.host}:{account.port}/{name};MAILINDEX=[1-{count}]", "-o", folder + "/#1"
        ], folder)
        assert status == 0, out
        for i in range(1, count + 1):
            with open(os.path.join(folder, str(i)), "rb") as f:
                yield f.read()


def read_mutt(account, folder, program="mutt"):
    """Its cache of messages is what it has read; what it copies to a folder has fields of its own."""
    for i, box in enumerate(account.boxes):
        cache = os.path.join(folder, f"cache-{i}")
        rc = write(
            folder, "muttrc", f"""set certificate_file="{account.certificate}"
set imap_user="{account.user}" imap_pass="{account.password}" imap_check_subscribed=no
set folder="imaps://{account.host}:{account.port}/"
set header_cache="" message_cachedir="{cache}" message_cache_clean=no
set confirmappend=no confirmcreate=no mbox_type=Maildir quit=yes wait_key=no copy=no mail_check=0 read_inc=0
push "<tag-pattern>~z 1- | ~s .<enter><tag-prefix><copy-message>{folder}/saved-{i}<enter><quit>"
""")
        os.mkdir(cache)
        typed([program, "-F", rc, "-f", f"imaps://{account.host}:{account.port}/{box}"], folder, [])
        yield from files(cache)


def read_neomutt(account, folder):
    yield from read_mutt(account, folder, "neomutt")


def read_mbsync(account, folder):
    mail = os.path.join(folder, "mail")
    os.mkdir(mail)
    conf = write(
        folder, "mbsyncrc", f"""IMAPAccount a
Host {account.host}
Port {account.port}
User {account.user}
Pass "{account.password}"
SSLType IMAPS
CertificateFile {account.certificate}

IMAPStore far
Account a

MaildirStore near
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Near
Sync PullNew
""")
    status, out = run(["mbsync", "-q", "-c", conf, "-a"], folder)
    assert status == 0, out
    for data in files(mail):
        yield re.sub(rb"^X-TUID: \S+\n", b"", data, count=1, flags=re.M)  # its own mark


def read_fetchmail(account, folder):
    """
    It marks what it has kept as \\Seen and gives up when that is refused; it does not mark what could not be delivered.
    So the program that takes the messages says that it failed.
    """
    took = write(folder, "take", f"#!/bin/sh\ncat >{folder}/mail-$$-$(date +%N)\nexit 1\n", 0o700)
    names = " ".join(f'"{box}"' for box in account.boxes)
    rc = write(
        folder, "fetchmailrc", f"""set invisible
poll {account.host} protocol IMAP port {account.port} auth password:
  user "{account.user}" password "{account.password}" folder {names}
  ssl sslcertck sslcertfile "{account.certificate}" sslcommonname "localhost"
  keep fetchall no rewrite pass8bits no forcecr no stripcr no mimedecode no dropstatus no dropdelivered
  fetchlimit 0 batchlimit 0 mda "{took}"
""")
    _, out = run(["fetchmail", "-f", rc, "--nodetach", "--nosyslog", "--silent", "--pidfile", f"{folder}/pid"],
                 folder,
                 FETCHMAILHOME=folder)
    assert b"synchronization error" not in out, out[-2000:]
    for name in os.listdir(folder):
        if name.startswith("mail-"):
            with open(os.path.join(folder, name), "rb") as f:
                yield f.read()


def read_offlineimap(account, folder):
    """Python's email package writes what it stores, and not always what was read; a hook keeps what came."""
    hook = write(
        folder, "hook.py", f"""import email.parser
import os
taken = email.parser.BytesParser.parsebytes
def parsebytes(self, data, headersonly=False):
    if self.parser.policy.linesep == "\\r\\n":
        parsebytes.n += 1
        with open(os.path.join({folder!r}, "raw", str(parsebytes.n)), "wb") as f:
            f.write(data)
    return taken(self, data, headersonly)
parsebytes.n = 0
email.parser.BytesParser.parsebytes = parsebytes
""")
    rc = write(
        folder, "offlineimaprc", f"""[general]
accounts = a
metadata = {folder}/meta
maxsyncaccounts = 1
pythonfile = {hook}
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {folder}/mail
[Repository far]
type = IMAP
remotehost = {account.host}
remoteport = {account.port}
remoteuser = {account.user}
remotepass = {account.password}
ssl = yes
sslcacertfile = {account.certificate}
readonly = True
maxconnections = 1
""")
    os.mkdir(os.path.join(folder, "raw"))
    _, out = run(["offlineimap", "-c", rc, "-o", "-u", "quiet"], folder)
    raw = list(files(os.path.join(folder, "raw")))
    assert raw, out[-3000:]
    yield from raw


def read_alpine(account, folder):
    """Saved to a folder in the form mbx, which keeps bytes as they are; not with a message of no bytes among them."""
    for i, (box, count) in enumerate(account.boxes.items()):
        if count == 0:
            continue
        saved = os.path.join(folder, f"saved-{i}")
        rc = write(
            folder, "pinerc", f"""inbox-path={{{account.host}:{account.port}/ssl/user="{account.user}"}}{box}
user-domain=example.org
feature-list=save-will-not-delete,quit-without-confirm,expunge-without-confirm,enable-aggregate-command-set
last-version-used=6.26
personal-name=x
""")
        os.makedirs(os.path.join(folder, "mail"), exist_ok=True)
        typed(["alpine", "-p", rc, "-i"],
              folder, [(b"PASSWORD", account.password.encode() + b"\r"), (b"Preserve password?", b"n"),
                       (b"opened with", b";"), (b"SELECT criteria", b"z"), (b"larger than", b"1\r"),
                       (b"Select matched", b"a"), (b"APPLY", b"s"), (b"SAVE", f"#driver.mbx/{saved}\r".encode()),
                       (b"Create", b"y"), (b"MESSAGE INDEX", b"q")],
              SSL_CERT_FILE=account.certificate)
        yield from mbx(saved)


def read_thunderbird(account, folder):
    yield from thunderbird.read(account, folder, run)


def mbx(path):
    """c-client's mbx: a head of 2,048 bytes; before each message a line with its size."""
    with open(path, "rb") as f:
        f.seek(2048)
        while line := f.readline():
            yield f.read(int(re.match(rb"[^,]*,(\d+);", line).group(1)))


def header_only_from_fields(wire):
    """What is read as header and text has no "From " line or byte order mark in front: they are no part of a header."""
    return wire[re.match(rb"(\xef\xbb\xbf)?(From [^\r\n]*\r\n)?", wire).end():]


def ended(wire):
    """Thunderbird goes by the line: the last one ends, too. It does not keep a message of no bytes."""
    return wire if wire.endswith(b"\n") or not wire else wire + b"\r\n"


def fetched(wire):
    """
    fetchmail reads header and text, by the line; it puts bytes of its own into lines of more than 8 KB, and a message
    of its own in the place of one of no bytes.
    """
    wire = ended(header_only_from_fields(wire))
    return wire if wire and max(map(len, wire.split(b"\r\n"))) < 8000 else None


def not_empty(wire):
    """A message of no bytes at all is no message to mutt, which stops there, nor to mbsync, which leaves it out."""
    return as_lf(wire) or None


def cached_by_neomutt(wire):
    """neomutt reads a message whose text has no line end and does not put it into its cache."""
    return as_lf(wire) if b"\n" in wire.partition(b"\r\n\r\n")[2] else None


# name: (program that must be there, how it reads, what is to be expected of the bytes that are served; None: nothing)
PROGRAMS = {
    "imaplib": (None, read_imaplib, lambda wire: wire),
    "curl": ("curl", read_curl, lambda wire: wire),
    "mutt": ("mutt", read_mutt, not_empty),
    "neomutt": ("neomutt", read_neomutt, cached_by_neomutt),
    "mbsync": ("mbsync", read_mbsync, not_empty),
    "fetchmail": ("fetchmail", read_fetchmail, fetched),
    "offlineimap": ("offlineimap", read_offlineimap, lambda wire: wire),
    "alpine": ("alpine", read_alpine, lambda wire: header_only_from_fields(wire) or None),
    "thunderbird": ("thunderbird", read_thunderbird, lambda wire: ended(wire) or None),
}


def is_there(name):
    program = PROGRAMS[name][0]
    return program is None or shutil.which(program) is not None
