"""IDLE (RFC 2177; RFC 9051, 6.3.13): mail shows as it is archived, and what goes is told, to many clients at once."""
import signal
import threading
import time

from town import Mail, check, expect, run

SOON_S = 5  # it takes a moment; more than this is no hurry any more


def fill(town):
    town.put("Box", [Mail(b"Subject: %d\r\n\r\nhello %d\r\n" % (i, i)) for i in range(5)])
    town.put("Other", [Mail(b"Subject: other\r\n\r\nx\r\n")])
    town.put("Many", [Mail(b"Subject: many %d\r\n\r\nhello\r\n" % i) for i in range(3)])


def idle(town, box, *before):
    c = town.login()
    for command in before:
        assert c.ask(command).ok
    if box is not None:
        assert c.ask("SELECT ", box).ok
    c.tag = c.start("IDLE")
    c.go_ahead()
    return c


def done(c):
    c.send("DONE\r\n")
    return c.until(c.tag)


def news(c, seconds=SOON_S):
    """The responses that come within the time; it ends with the first pause of 0.5 s behind one."""
    found = []
    while c.waits(0.5 if found else seconds):
        response = c.response()
        if response is None:
            break
        found.append(response)
    return found


def arrive(town, folder, text):
    """One mail is archived; the time it took until an answer came back is not counted: mail shows before that."""
    thread = threading.Thread(target=town.put, args=(folder, [Mail(b"Subject: %s\r\n\r\nnew\r\n" % text)]))
    thread.start()
    return thread


def test_news(town):
    c, other = idle(town, "alice/Box"), idle(town, "alice/Other")
    none, empty = idle(town, None), idle(town, "INBOX")
    check(not c.waits(1.0), "RFC 2177, 3", "nothing new: silence")
    thread = arrive(town, "Box", b"one more")
    told = news(c, 30)
    thread.join()
    check([(r.number, r.name) for r in told] == [(6, "EXISTS")], "RFC 2177, 3", "EXISTS while idling", told)
    check(not other.waits(0.5), "RFC 2177, 3", "another mailbox has no news")
    check(done(c).ok, "RFC 2177, 3", "DONE")
    row = c.ask("FETCH 6 (UID BODY.PEEK[HEADER])").rows()[6]
    check(b"one more" in row[b"BODY[HEADER]"], "RFC 3501, 7.3.1", "it can be read", row)
    for end in (other, none, empty):
        check(done(end).ok, "RFC 2177, 3", "DONE in any state")
    c.tag = c.start("IDLE")
    c.go_ahead()
    c.send("NOOP\r\n")
    expect(c.until(c.tag), "BAD", "RFC 2177, 3", "anything but DONE")
    check(c.ask("NOOP").ok, "RFC 2177, 3", "and the session goes on")


def test_what_came_before(town):
    """Between SELECT and IDLE, and while another command ran."""
    c = town.login(box="alice/Other")
    town.put("Other", [Mail(b"Subject: before\r\n\r\nx\r\n")])
    c.tag = c.start("IDLE")
    c.go_ahead()
    told = news(c)
    check([(r.number, r.name) for r in told] == [(2, "EXISTS")], "RFC 2177, 3", "what came before IDLE is told", told)
    check(done(c).ok, "RFC 2177, 3", "DONE")


def test_going(town):
    c = idle(town, "alice/Many")
    q = idle(town, "alice/Many", "ENABLE QRESYNC")
    reader = town.login(box="alice/Many")
    victim = reader.ask("FETCH 2 EMAILID").rows()[2][b"EMAILID"][0].decode()
    town.node.cli("call", "DeleteMessage", "instanceID=demo", f"id={victim}", "reason=test")
    told = news(c)
    check([(r.number, r.name) for r in told] == [(2, "EXPUNGE")], "RFC 3501, 7.4.1", "EXPUNGE while idling", told)
    told = news(q)
    check([r.raw for r in told] == [b"* VANISHED 2\r\n"], "RFC 7162, 3.2.10", "VANISHED while idling", told)
    check(done(c).ok and done(q).ok, "RFC 2177, 3", "DONE")


def test_pipelined(town):
    c = town.login(box="alice/Box")
    c.send("i1 IDLE\r\nDONE\r\ni2 NOOP\r\n")
    answer = c.until("i1")
    check(answer.ok and answer.untagged[0].tag == "+", "RFC 2177, 3", "DONE right behind IDLE", answer)
    check(c.until("i2").ok, "RFC 2177, 3", "and a command behind it")
    c.send("i3 IDLE\r\n" + "x" * 100000 + "\r\n")
    answer = c.until("i3")
    check(answer.bad or answer.status == "BYE", "RFC 2177, 3", "a line that is no DONE, and long", answer)


def test_many(town):
    clients = [idle(town, "alice/Many") for _ in range(100)]
    began = time.monotonic()
    thread = arrive(town, "Many", b"for all")
    waited = [c.waits(30) for c in clients]
    spent = time.monotonic() - began
    thread.join()
    told = [c.response() for c in clients]
    check(all(waited) and all(t.name == "EXISTS" for t in told), "RFC 2177, 3", "100 clients are told", told[:3])
    print(f"    100 clients in {spent:.1f} s, the import of the message in it")
    for c in clients:
        c.close()


def test_restart(town):
    """The instance dies: its sessions are gone, and idling clients are told so instead of waiting for ever."""
    c = idle(town, "alice/Box")
    time.sleep(0.5)
    town.node.kill("instance/demo", signal.SIGKILL)
    told = news(c, 90)
    check(told and told[0] is not None and told[0].name == "BYE", "RFC 3501, 7.1.5", "BYE", told)
    c = town.login(box="alice/Box")
    check(c.ask("NOOP").ok, "RFC 3501, 6.1.2", "who logs in again goes on")


if __name__ == "__main__":
    run(fill, test_news, test_what_came_before, test_going, test_pipelined, test_many, test_restart)
