#!/usr/bin/env python3
"""
imap_select.py - SELECT of a large mailbox: how long, cold and warm, dense and with gaps

    AV_BIN=build/release/bin python3 tools/bench/imap_select.py [--messages 1000000] [--gaps 0] [--clients 200]

Archives that many small messages from one mbox file, takes some out in the middle, and measures over TLS on this machine,
from the client's side: SELECT by a session of its own (p50, p95, worst of 50), the first one after a restart of the
instance, a state that is known already (NOOP), and what many sessions with this mailbox selected add to the gateway.
"""
import argparse
import os
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "tests", "sessions", "imap")))
sys.path.insert(0, os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "tests", "sessions")))
from imap import quote  # noqa: E402
from town import Town  # noqa: E402

BOX = "alice/Large"


def mbox(path, n):
    with open(path, "wb") as f:
        for i in range(n):
            f.write(b"From a@example.org Sun Nov 22 10:00:00 2026\nFrom: a%d@example.org\nSubject: message %d\n"
                    b"Message-ID: <%d@example.org>\n\nhello %d\n\n" % (i % 1000, i, i, i))


def spread(times):
    times = sorted(times)
    return "p50 {:.1f} ms, p95 {:.1f} ms, worst {:.1f} ms".format(
        *(1000 * times[min(len(times) - 1, int(len(times) * q))] for q in (0.5, 0.95, 1)))


def timed(client, command):
    began = time.perf_counter()
    answer = client.ask(command)
    spent = time.perf_counter() - began
    assert answer.ok, answer
    return spent


def memory(node, actor):
    pid = node.pids(actor)[0]
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) / 1024


def take_out(town, every, gaps):
    """Messages with a distance of `every` between them."""
    c = town.login(box=BOX)
    ids = []
    for at in range(0, gaps, 500):
        numbers = ",".join(str(every * i + 2) for i in range(at, min(at + 500, gaps)))
        ids += [row[b"EMAILID"][0].decode() for row in c.ask("FETCH " + numbers + " (EMAILID)").rows().values()]
    assert len(ids) == gaps, len(ids)

    def work(part):
        for one in part:
            town.node.api("DeleteMessage", instanceID="demo", id=one, reason="bench")

    threads = [threading.Thread(target=work, args=(ids[i::8], )) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000000)
    parser.add_argument("--gaps", type=int, default=0)
    parser.add_argument("--clients", type=int, default=200)
    arguments = parser.parse_args()
    town = Town()
    with town.node as node:
        path = os.path.join(node.top, "Large")
        mbox(path, arguments.messages)
        began = time.monotonic()
        report = node.import_files("demo", "alice", path, timeout=7200)
        print(f"{report['stored']} messages archived in {time.monotonic() - began:.0f} s", flush=True)
        os.unlink(path)
        if arguments.gaps:
            began = time.monotonic()
            take_out(town, arguments.messages // arguments.gaps, arguments.gaps)
            print(f"{arguments.gaps} taken out in {time.monotonic() - began:.0f} s", flush=True)
        box = quote(BOX)
        first = town.login()
        print(f"first SELECT: {1000 * timed(first, 'SELECT ' + BOX):.1f} ms", flush=True)
        first.close()
        # Nobody else has it selected: nothing is known to the gateway.
        alone = []
        for _ in range(50):
            c = town.login()
            alone.append(timed(c, "SELECT " + BOX))
            c.ask("LOGOUT")
        print("SELECT, nobody else has it:", spread(alone), flush=True)
        c = town.login(box=BOX)
        print("SELECT again in a session:", spread([timed(c, "SELECT " + BOX) for _ in range(50)]), flush=True)
        print("NOOP:", spread([timed(c, "NOOP") for _ in range(50)]), flush=True)
        print("UID FETCH * (UID):", spread([timed(c, "UID FETCH * (UID)") for _ in range(50)]), flush=True)
        print("UID FETCH 1:* (FLAGS) (CHANGEDSINCE of the last state):",
              spread([timed(c, f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {arguments.messages * 2})") for _ in range(20)]),
              flush=True)
        before = memory(node, "gateway")
        clients = [town.login() for _ in range(arguments.clients)]
        logged_in = memory(node, "gateway")
        for client in clients:
            client.ask("SELECT ", box)
        selected = memory(node, "gateway")
        print(f"{arguments.clients} sessions: {logged_in - before:.1f} MB, with the mailbox selected "
              f"{selected - logged_in:.1f} MB more ({1024 * (selected - logged_in) / arguments.clients:.1f} KB each)", flush=True)
        for client in clients:
            client.close()
        c.close()
        node.kill("instance/demo")
        time.sleep(1)
        deadline = time.monotonic() + 60
        while True:
            try:
                c = town.login()
                break
            except (AssertionError, ssl.SSLError, OSError):
                assert time.monotonic() < deadline
        print(f"first SELECT after the instance was killed: {1000 * timed(c, 'SELECT ' + BOX):.1f} ms", flush=True)


if __name__ == "__main__":
    main()
