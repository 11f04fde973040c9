"""
SEARCH, SORT and THREAD over real mail, held against Dovecot's answers for the same messages (RFC 3501, 6.4.4; RFC 5256, 3).
MESSAGES and SEARCHES in the environment make it larger. What may differ is listed with its reason and counted; anything
else fails. SKIP without Dovecot or without the corpus, or when not root (Dovecot changes users).

BODY and TEXT are asked of a gateway with imap_search_exact, as Dovecot means them, and of one without.
"""
import imaplib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from town import PASSWORD, SEED, Mail, Town, check, quote
from imap import Checks
from node import need_corpus, skip, unpack

MESSAGES = int(os.environ.get("MESSAGES", "300"))
SEARCHES = int(os.environ.get("SEARCHES", "60"))  # 0: orders alone

CONF = """
protocols = imap
base_dir = {top}/run
state_dir = {top}/run
log_path = {top}/log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{top}/mail
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = allow_all_users=yes uid=nobody gid=nogroup home={top}/home
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


class Dovecot:

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="av-dovecot-")
        os.chmod(self.top, 0o755)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        for name in ("mail", "home"):
            os.mkdir(os.path.join(self.top, name))
            shutil.chown(os.path.join(self.top, name), "nobody", "nogroup")
        conf = os.path.join(self.top, "dovecot.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(CONF.format(top=self.top, port=self.port))
        self.process = subprocess.Popen(["dovecot", "-F", "-c", conf])
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.05)
        self.imap = imaplib.IMAP4("127.0.0.1", self.port)
        self.imap.login("anna", "any")
        self.imap.create("Box")

    def fill(self, mails):
        for m in mails:
            when = time.strftime('"%d-%b-%Y %H:%M:%S +0000"', time.gmtime(m.at))
            assert self.imap.append("Box", None, when, m.wire)[0] == "OK"
        self.imap.select("Box")

    def ask(self, command, text=None):
        """Numbers of a SEARCH or SORT, or the line of a THREAD."""
        tag = self.imap._new_tag()
        self.imap.send(tag + b" " + command.encode())
        if text is not None:
            self.imap.send(b" {%d}\r\n" % len(text))
            self.imap.readline()
            self.imap.send(text)
        self.imap.send(b"\r\n")
        lines = []
        while True:
            line = self.imap.readline()
            if line.startswith(tag):
                return b"".join(lines) if b" OK " in line[:len(tag) + 8] else line
            lines.append(line)

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.top, ignore_errors=True)


def real_mail():
    folder = tempfile.mkdtemp(prefix="av-mail-")
    for name in ("lists", "spamassassin"):
        unpack(f"bulk/{name}.tar.zst", folder)
    paths = sorted(os.path.join(top, n) for top, _, names in os.walk(folder) for n in names)
    lists = [p for p in paths if "spamassassin" not in p]
    others = [p for p in paths if "spamassassin" in p]
    rng = random.Random(SEED)
    chosen = lists[:MESSAGES // 2] + rng.sample(others, MESSAGES // 2)
    mails = {}
    for path in chosen:
        with open(path, "rb") as f:
            data = f.read()
        if data.split(b"\n")[0].startswith(b"From "):
            data = data.split(b"\n", 1)[1]
        mails.setdefault(data, Mail(data, at=1000000000 + len(mails) * 7919))
    shutil.rmtree(folder)
    return list(mails.values())


def numbers(line):
    return [int(n) for n in re.findall(rb"\d+", line)]


def ours(client, command, text=None):
    answer = client.ask(command, *([" ", quote(text.decode())] if text is not None else []))
    return answer.untagged[0].raw if answer.ok and answer.untagged else repr(answer).encode()


def pieces(mails, rng):
    """Strings that stand in the mail: words, parts of words, several words, addresses."""
    while True:
        data = rng.choice(mails).data
        head, _, body = data.partition(b"\n\n")
        text = rng.choice([body, body, head])
        words = [w for w in re.findall(rb"[A-Za-z0-9@._'-]{2,20}", text)]
        if not words:
            continue
        at = rng.randrange(len(words))
        kind = rng.randrange(4)
        if kind == 0:
            found = words[at]
        elif kind == 1 and len(words[at]) > 4:
            found = words[at][1:rng.randrange(3, len(words[at]))]
        elif kind == 2:
            found = b" ".join(re.findall(rb"[A-Za-z]{2,12}", text)[at:at + 2])
        else:
            found = words[at].swapcase()
        if len(found) > 1:
            yield found.strip(b".")


def has_parts(mail):
    """
    Dovecot looks at HTML with its tags and at the headers of parts; here HTML is its text, part headers are not searched,
    and the text of attachments is.
    """
    return re.search(rb"(?i)text/html|boundary *=|message/rfc822", mail.data) is not None


def head_of(mail):
    return re.split(rb"\r?\n\r?\n", mail.data, maxsplit=1)[0]


def explained(mail, kind):
    if kind in ("BODY", "TEXT") and has_parts(mail):
        return True
    # Comments and broken addresses: Dovecot looks at the parsed list, here it is the field as it stands.
    return kind in ("FROM", "TO", "CC") and re.search(rb'(?im)^(from|to|cc):(.*\n[ \t])*.*[(:;"]', head_of(mail)) is not None


def is_odd(mail):
    """Its Date or addresses can be understood in more than one way, or names begin with a blank."""
    head = head_of(mail)
    date = re.search(rb"(?im)^date:.*?[a-z]{3} (\d+) ", head)
    if date is not None and not 1970 <= int(date.group(1)) < 2038:
        return True
    for field in re.findall(rb"(?im)^(?:from|to|cc):(.*(?:\n[ \t].*)*)", head):
        if re.search(rb'"" |" |[(:;`\\]|=\?', field) or b"@" not in field:
            return True
    return False


def compare_searches(c, dovecot, mails, exact):
    rng, wrong, asked = random.Random(SEED), [], 0
    kinds = ["SUBJECT", "FROM", "TO", "CC", "HEADER Message-ID", "HEADER X-Mailer", "HEADER Subject", "HEADER Received"]
    kinds += ["BODY", "TEXT"] * 3
    if not exact:
        kinds = ["BODY"]
    more = 0
    for text in pieces(mails, rng):
        if asked == SEARCHES:
            break
        kind = rng.choice(kinds)
        asked += 1
        a, b = set(numbers(ours(c, f"UID SEARCH {kind}", text))), set(numbers(dovecot.ask(f"UID SEARCH {kind}", text)))
        # Words in a row are found over the end of a line, too, where the index answers.
        left = [n for n in (a ^ b if exact else b - a) if not explained(mails[n - 1], kind)]
        if left:
            wrong.append((kind, text, sorted(left)[:8], len(a), len(b)))
        more += a != b
    print(f"  {asked} searches, {more} differ, {len(wrong)} not explained")
    for w in wrong[:40]:
        print("   ", w)
    return wrong


def compare_orders(c, dovecot, mails):
    wrong, plain = [], [i + 1 for i, m in enumerate(mails) if not is_odd(m)]
    among = "UID " + ",".join(map(str, plain))
    print(f"  orders of {len(plain)} messages whose fields are plain")
    for criteria in ("ARRIVAL", "DATE", "REVERSE DATE", "SIZE", "SUBJECT", "FROM", "TO", "CC", "REVERSE SUBJECT DATE",
                     "DISPLAYFROM", "DISPLAYTO"):
        a, b = numbers(ours(c, f"UID SORT ({criteria}) UTF-8 {among}")), numbers(
            dovecot.ask(f"UID SORT ({criteria}) UTF-8 {among}"))
        if a != b:
            at = next(i for i in range(min(len(a), len(b))) if a[i] != b[i]) if len(a) == len(b) else -1
            wrong.append((criteria, at, a[at:at + 5], b[at:at + 5], sum(x != y for x, y in zip(a, b))))
    for algorithm in ("REFERENCES", "ORDEREDSUBJECT"):
        a, b = (f(f"UID THREAD {algorithm} UTF-8 {among}").strip()
                for f in (lambda command: ours(c, command), dovecot.ask))
        if a != b:
            at = next((i for i in range(min(len(a), len(b))) if a[i] != b[i]), -1)
            wrong.append((algorithm, a[max(0, at - 60):at + 60], b[max(0, at - 60):at + 60]))
    for key in ("SENTBEFORE 1-Jan-2003", "SENTSINCE 1-Sep-2002", "SENTON 2-Sep-2002", "LARGER 5000", "SMALLER 3000",
                "BEFORE 13-Sep-2001", "SINCE 20-Sep-2001", 'HEADER References ""', 'HEADER List-Id ""'):
        a, b = numbers(ours(c, f"UID SEARCH {key}")), numbers(dovecot.ask(f"UID SEARCH {key}"))
        if a != b:
            wrong.append((key, sorted(set(a) - set(b))[:5], sorted(set(b) - set(a))[:5]))
    for w in wrong:
        print("   ", w)
    return wrong


def main():
    need_corpus()
    if shutil.which("dovecot") is None or os.geteuid() != 0:
        skip("no Dovecot, or not root")
    mails = real_mail()
    dovecot = Dovecot()
    try:
        dovecot.fill(mails)
        for exact in (True, False):
            town = Town(gateway="imap_search_exact = yes\n" if exact else "")
            with town.node:
                town.put("Box", mails)
                time.sleep(5)
                c = town.login(box="alice/Box")
                print(f"- exact: {exact}, {len(mails)} messages")
                check(not compare_searches(c, dovecot, mails, exact), "RFC 3501, 6.4.4", "SEARCH finds what Dovecot finds")
                if exact:
                    check(not compare_orders(c, dovecot, mails), "RFC 5256, 3", "SORT and THREAD as Dovecot has them")
    finally:
        dovecot.close()
    print(f"{Checks.made} checks, {len(Checks.failed)} failed")
    sys.exit(1 if Checks.failed else 0)


if __name__ == "__main__":
    main()
