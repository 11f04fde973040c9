"""The IMAP connection log of an instance: what it says, what it never says, its size."""
import json
import os
import time

from imap import check, lit, quote
from town import PASSWORD, Mail, run


def fill(town):
    town.put("Box", [Mail(b"Subject: hello\r\n\r\nsecret contents\r\n")])
    config = town.node.api("GetInstanceConfiguration", instanceID="demo")["result"]
    config["imapServerConnectionLogEnabled"] = True
    town.node.api("SetInstanceConfiguration", config=json.dumps(config))


def path(town):
    return os.path.join(town.node.data, "logs", "imap-demo.log")


def lines(town):
    with open(path(town), encoding="utf-8", errors="strict") as f:
        return f.read().splitlines()


def test_log(town):
    town.node.create_instance("quiet")
    quiet = town.node.create_user("quiet", "quentin")
    check(town.client().ask(f'LOGIN quiet/quentin "{quiet}"').ok, "product document", "another instance")
    check(not os.path.exists(path(town).replace("demo", "quiet")), "product document", "no log where none is wanted")
    c = town.client()
    c.ask("LOGIN demo/alice ", quote("wrong word"))
    c.ask("LOGIN demo/alice ", quote(PASSWORD))
    c.ask("SELECT ", lit(b"alice/Box"))
    c.ask("LOGIN demo/alice ", quote(PASSWORD))  # not allowed now, and it holds a password
    c.ask("LOGGIN demo/alice ", quote(PASSWORD))
    c.ask("FETCH 1 BODY.PEEK[]")
    c.ask("SEARCH SUBJECT ", lit("\x01\x07 grün".encode()))
    c.ask("LOGOUT")
    deadline = time.time() + 20
    while not any("closed" in line for line in lines(town)) and time.time() < deadline:
        time.sleep(0.1)
    said = lines(town)
    text = "\n".join(said)
    check(all(len(line.split(" ")) > 4 and line[:2] == "20" for line in said), "connection log", "each line is whole", text)
    check("login by LOGIN failed" in text and "login by LOGIN, TLSv1" in text, "connection log", "logins", text)
    check("demo/alice > " in text and "SELECT {9}??alice/Box" in text, "connection log", "commands", text)
    check("FETCH 1 BODY.PEEK[]" in text and " OK after " in text, "connection log", "answers and times", text)
    check("horse" not in text and "wrong word" not in text and "secret contents" not in text, "connection log",
          "no password, no message", text)
    check("closed: " in text, "connection log", "the end", text)
    check(os.stat(path(town)).st_mode & 0o777 == 0o600, "connection log", "for its owner alone")


def test_size(town):
    c = town.login()
    for i in range(3000):
        c.send(f"s{i} NOOP" + "\r\n" + f"r{i} LIST {quote('x' * 400).decode()} x\r\n")
        if i % 100 == 99:
            c.until(f"r{i}")
    sizes = [os.path.getsize(p) for p in (path(town), path(town) + ".old")]
    check(max(sizes) <= 1 << 20, "imap_log_mb", "a full log becomes .old", sizes)


if __name__ == "__main__":
    run(fill, test_log, test_size, gateway="imap_log_mb = 1\n")
