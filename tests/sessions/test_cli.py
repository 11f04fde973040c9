"""The command line: names, any method, secrets, accounts of imports, options, odd paths, help, status."""
import json
import os
import signal
import subprocess
import tempfile
import time

from node import BIN, Node, main
from test_bad_input import message, refused, write

RIGHT = {"ARCHIVOLT_PASSWORD": "correct horse 9"}


def last_line(done):
    return json.loads(done.stdout.decode().splitlines()[-1])


def bare(*args):
    return subprocess.run([os.path.join(BIN, "archivolt"), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60)


def test_names():
    """Every verb takes id or alias in any letter case; an unknown instance is one sentence and status 6."""
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo", "--alias", "letters")
        mail = write(folder, "a.eml", message("by alias"))
        for i, name in enumerate(("demo", "DEMO", "letters", "Letters")):
            user = f"user{i}"
            node.create_user(name, user)
            assert user in node.cli("user", "list", "--instance", name).decode()
            assert node.import_files(name, user, mail)["stored"] == 1
            assert node.search(name + "/" + user, "subject:alias")["total"] >= 1
            for extra in ((), ("--to", "instance/" + name)):
                users = json.loads(node.cli("call", "GetUsers", "instanceID=" + name, "--json", *extra))
                assert user in [u["userName"] for u in users], users
        for verb in (("user", "list", "--instance", "nowhere"), ("user", "create", "--instance", "nowhere", "x"),
                     ("import", "--instance", "nowhere", "--archive", "x", mail),
                     ("call", "GetUsers", "instanceID=nowhere"),
                     ("call", "Actor.Ping", "--to", "instance/nowhere"), ("search", "--as", "nowhere/x", "y"),
                     ("get", "--as", "nowhere/x", "y"), ("call", "ListMailboxes", "--as", "nowhere/x")):
            done = node.run(*verb, env=RIGHT)
            refused(done, 6, 'there is no instance "nowhere"')
            assert b"actor" not in done.stderr, done.stderr
            refused(node.run("--json", *verb, env=RIGHT), 6, '"code":"not_found"')


def test_arguments():
    """One too many or too few is said in a sentence, before anything is asked of a node."""
    for args, says in ((("stores", "list", "demo"), '"demo" is one argument too many'),
                       (("stores", "verify", "1", "2"), '"2" is one argument too many'),
                       (("stores", "auto-create", "x"), '"x" is one argument too many'),
                       (("stores", "rename", "1"), "an argument is missing: stores rename STORE NAME"),
                       (("stores", "nope"), 'there is no "nope"'),
                       (("user", "list", "demo"), '"demo" is one argument too many'),
                       (("instance", "show", "a", "b"), '"b" is one argument too many')):
        done = bare(*args)
        assert done.returncode == 2 and says in done.stderr.decode(), (args, done.stderr)
        assert done.stderr.count(b"\n") == 1, done.stderr


def test_call():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo", "--alias", "letters")
        node.create_user("demo", "alice")
        for i in range(3):
            write(folder, f"{i}.eml", message(f"number {i}"))
        node.import_files("demo", "alice", folder)

        # As a user: the session goes along, the instance is the login's.
        boxes = json.loads(node.cli("call", "--as", "letters/alice", "ListMailboxes", "--json", env=RIGHT))
        assert sum(b["messages"] for b in boxes["mailboxes"]) == 3, boxes
        found = json.loads(node.cli("call", "Search", "--as", "demo/alice", "query=subject:number", "--json", env=RIGHT))
        assert found["total"] == 3 and found["coverage"] == 1.0, found
        assert sorted(r["subject"] for r in found["rows"]) == ["number 0", "number 1", "number 2"], found
        pong = json.loads(node.cli("call", "Actor.Ping", "--as", "demo/alice", "--json", env=RIGHT))
        assert pong["actor"].startswith("instance/demo"), pong
        refused(node.run("call", "ListMailboxes", "--as", "demo/alice", env={"ARCHIVOLT_PASSWORD": "wrong"}), 4)
        refused(node.run("call", "ListMailboxes"), 2, "--as INSTANCE/USER")
        refused(node.run("call", "GetMessage", "--as", "demo/alice", "id=x", env=RIGHT), 2, "archivolt get")
        refused(node.run("call", "Fetch", "--as", "demo/alice", env=RIGHT), 2, "archivolt search")
        refused(node.run("call", "Intake.Put"), 2, "worker")

        # Which method, which actor.
        refused(node.run("call", "GetStatus"), 2, "--to management", "instance/ID")
        refused(node.run("call", "Operations.List"), 2, "--to management")
        status = json.loads(node.cli("call", "Actor.GetStatus", "--to", "management", "--json"))
        assert status["state"] == "ready", status
        rows = json.loads(node.cli("call", "--list", "--json"))
        by_name = {r["method"]: r for r in rows}
        assert by_name["Archive.Search"]["callers"] == ["session"], by_name["Archive.Search"]
        assert "worker" in by_name["Intake.Put"]["callers"] and "operator" in by_name["Instance.GetUsers"]["callers"]
        text = node.cli("call", "--list").decode()
        assert all(name in text for name in by_name) and "WHO MAY CALL" in text

        # The help of a function, wherever --help stands; help in columns.
        want = node.cli("call", "GetWorkerResults", "--help")
        assert want == node.cli("call", "--help", "GetWorkerResults")
        assert want == node.cli("help", "call", "GetWorkerResults")
        rows = [r for r in want.decode().splitlines() if "=" in r and r.startswith("  ")]
        assert len(rows) == 6 and "timeZoneID=" in want.decode(), rows
        helps = ("instance id", "YYYY-MM-DDThh:mm:ss; unset: from", "YYYY-MM-DDThh:mm:ss; unset: until", "$Local")
        starts = {r.replace("(needed) ", "").index(h) for r in rows for h in helps if h in r}
        assert len(starts) == 1, want.decode()


def test_secrets():
    """Passwords come from standard input or a file; administrators have a verb."""
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo")
        node.create_user("demo", "alice")
        assert b"KEY=@-" in node.cli("call", "--help")
        assert b"@-" in node.cli("call", "SetUserPassword", "--help")
        for source, given in (("@-", b"from standard in\n"), ("@" + write(folder, "pw", b"from a file 1\r\n"), None),
                              ("@@literal at 1", None)):
            done = node.run("call", "SetUserPassword", "instanceID=demo", "userName=alice", "password=" + source,
                            stdin=given)
            assert done.returncode == 0, done.stderr
            password = {"@-": "from standard in", "@@literal at 1": "@literal at 1"}.get(source, "from a file 1")
            assert node.search("demo/alice", "x", password=password)["total"] == 0
        refused(node.run("call", "SetUserPassword", "instanceID=@-", "userName=alice", "password=@-", stdin=b"demo"), 1,
                "only one")
        refused(node.run("call", "GetUsers", "instanceID=@" + folder + "/missing"), 6, "instanceID", "missing")
        refused(node.run("call", "GetUsers", "instanceID=@-", stdin=b"x" * 1100000), 1, "1048576")

        made = json.loads(node.cli("admin", "create", "second", "--full-name", "Second One", "--json"))
        assert made["user"] == "second" and len(made["password"]) >= 16, made
        status, _, _ = node.post("/api/invoke/Ping", user="second", password=made["password"])
        assert status == 200
        assert b"Second One" in node.cli("admin", "list")
        node.cli("admin", "passwd", "second", env={"ARCHIVOLT_NEW_PASSWORD": "changed it 99"})
        status, _, _ = node.post("/api/invoke/Ping", user="second", password="changed it 99")
        assert status == 200
        node.cli("admin", "delete", "second")
        refused(node.run("admin", "delete", "second"), 6, "second")
        refused(node.run("admin", "create"), 2)
        refused(node.run("admin", "nonsense", "x"), 2)
        admins = json.loads(node.cli("admin", "list", "--json"))
        assert [a["userName"] for a in admins] == [node.admin["user"]], admins


def test_import_account():
    keys = ["offered", "stored", "duplicate", "refused", "seconds"]
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo")
        node.create_user("demo", "alice")
        good = os.path.join(folder, "good")
        write(good, "a.eml", message("fine"))
        done = node.run("import", "--instance", "demo", "--archive", "alice", good, "--json")
        assert done.returncode == 0 and list(last_line(done)) == keys and done.stdout.count(b"\n") == 1, done

        # Refused ones: unreadable to the worker. Reasons and the run's number on stderr, the account alone on stdout.
        bad = os.path.join(folder, "bad")
        write(bad, "fine.eml", message("fine too"))
        for i in range(7):
            with open(write(bad, f"huge{i}.eml", b"From: a@b.example\n\n"), "r+b") as f:
                f.truncate(3 << 30)  # sparse: beyond the largest message
        done = node.run("import", "--instance", "demo", "--archive", "alice", bad, "--json", timeout=300)
        account = last_line(done)
        assert done.returncode == 3 and list(account) == keys and done.stdout.count(b"\n") == 1, done
        assert account["refused"] == 7 and account["stored"] == 1, account
        text = done.stderr.decode()
        assert text.count("refused: ") == 5 and "huge" in text and "Run 2 refused 7" in text, text
        report = json.loads(node.cli("call", "GetRunReport", "instanceID=demo", "id=2", "--json"))
        assert len(report["refused"]) == 7, report
        done = node.run("import", "--instance", "demo", "--archive", "alice", bad, timeout=300)
        assert b"7 refused" in done.stdout.splitlines()[-1] and b"Run 3 refused 7" in done.stderr, done

        # Cancelled: the account of what was stored stands beside the error.
        many = os.path.join(folder, "many")
        write(many, "0.mbox", b"".join(b"From a@b.example Mon Jan  1 10:00:00 2024\n" + message(f"m{i}") + b"\n"
                                       for i in range(120000)))
        process = subprocess.Popen([os.path.join(BIN, "archivolt"), "--data", node.data, "--json", "import", "--instance",
                                    "demo", "--archive", "alice", many], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until = time.time() + 60
        while time.time() < until and "running" not in [r["result"] for r in json.loads(
                node.cli("call", "GetWorkerResults", "instanceID=demo", "--json"))]:
            time.sleep(0.1)
        time.sleep(0.3)  # the command has the operation's id by now
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
        account = json.loads(out.decode().splitlines()[-1])
        print("   cancelled:", account)
        assert process.returncode == 130 and list(account) == keys + ["error"], (process.returncode, out)
        assert account["error"]["code"] == "cancelled" and account["stored"] <= account["offered"] < 120000, account
        assert node.search("demo/alice", "size:>=0")["total"] == 2 + account["stored"], account


def test_options():
    with Node() as node:
        for before in ((), ("--timeout", "20"), ("--timeout=20",), ("--json", "--quiet"), ("--timeout", "20", "--json")):
            assert node.run(*before, "status").returncode == 0, before
        assert json.loads(node.cli("--json", "status"))["ready"] is True
    for args, word in ((("--timeout",), "needs a value"), (("--data",), "needs a value"),
                       (("--timeout", "x", "status"), "whole"), (("--nonsense", "status"), "no option"),
                       (("--json=1", "status"), "takes no value"), ((), "verb"),
                       (("status", "--timeout"), "needs a value"), (("status", "--data"), "needs a value"),
                       (("import", "--instance"), "needs a value")):
        done = bare(*args)
        refused(done, 2, word)
        assert b"see `archivolt" in done.stderr, done.stderr


def test_odd_paths():
    with tempfile.TemporaryDirectory() as folder, Node() as node:
        node.create_instance("demo")
        node.create_user("demo", "alice")
        odd = os.fsencode(os.path.join(folder, "in", "caf")) + b"\xe9.eml"
        os.makedirs(os.path.dirname(odd))
        with open(odd, "wb") as f:
            f.write(message("odd name"))
        refused(node.run("import", "--instance", "demo", "--archive", "alice", odd), 1, "UTF-8", "import the folder")
        done = node.run("--json", "import", "--instance", "demo", "--archive", "alice", odd)
        assert done.returncode == 1 and "\ufffd.eml" in last_line(done)["error"]["message"], done
        done = node.run("--json", "import", "--instance", "demo", "--archive", "alice", odd + b"\xff")
        assert done.returncode == 6 and last_line(done)["error"]["code"] == "not_found", done
        assert node.import_files("demo", "alice", os.path.join(folder, "in"))["stored"] == 1
        for verb in (("call", b"\xff\xfe"), ("ping", b"\xff\xfe"), ("user", "list", "--instance", b"\xff"),
                     ("search", "--as", b"\xff/x", "y")):
            done = node.run("--json", *verb, env=RIGHT)
            assert done.returncode != 0 and last_line(done), done


def test_man_page():
    text = bare("help", "--man").stdout.decode()
    for section in ("OPTIONS", "QUERIES", "FILES", "EXIT STATUS", "ENVIRONMENT"):
        assert f"\n.SH {section}\n" in text, section
    for word in ("has:attachment", "node.conf", "\\-\\-timeout", "admin", "docs/"):
        assert (word in text) == (word != "docs/"), word
    assert "archivolt\\-broker" not in text and "SEE ALSO" not in text


def test_status():
    """What a stopped or sleeping instance once published is not shown as if it ran."""
    with Node() as node:
        for name in ("one", "two", "three"):
            node.create_instance(name)
        node.cli("instance", "stop", "one")
        node.cli("instance", "sleep", "two")
        status = json.loads(node.cli("status", "--json"))
        state = {i["instanceID"]: (i["status"], i.get("processID")) for i in status["instances"]}
        assert state["one"] == ("stopped", None) and state["two"] == ("asleep", None), state
        assert state["three"][0] == "running" and state["three"][1], state
        shown = [a["actor"] for a in status["actors"] if a["actor"].startswith("instance/")]
        assert shown == ["instance/three"], shown
        listed = {i["instanceID"]: i["processID"] for i in json.loads(node.cli("instance", "list", "--json"))}
        assert listed["one"] is None and listed["two"] is None and listed["three"], listed
        node.cli("instance", "start", "one")
        shown = [a["actor"] for a in node.wait_ready()["actors"]]
        assert "instance/one" in shown, shown


if __name__ == "__main__":
    main(test_man_page, test_options, test_arguments, test_names, test_call, test_secrets, test_import_account, test_odd_paths,
         test_status)
