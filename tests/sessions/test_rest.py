"""An instance that rests: what it gave back while idle is there again for whoever comes next."""
import glob
import os
import tempfile
import time

from node import Node, main
from test_bad_input import message, write


def logged(node, *words):
    """How many lines of the logs hold all the words."""
    n = 0
    for path in glob.glob(os.path.join(node.data, "logs", "*")):
        with open(path, errors="replace") as f:
            n += sum(all(word in line for word in words) for line in f)
    return n


def wait_rest(node, times):
    """Until memory was given back that often more: the second time in a pause tables are closed and threads changed."""
    wanted = logged(node, "instance.trimmed") + times
    until = time.time() + 120
    while logged(node, "instance.trimmed") < wanted:
        assert time.time() < until, "the instance does not rest"
        time.sleep(0.2)


def test_rest():
    with tempfile.TemporaryDirectory() as folder, Node(start=False, conf="log_level = debug\n") as node:
        with open(os.path.join(node.data, "archivolt-instance.conf"), "w") as f:
            f.write("rest_after_s = 1\n")
        node.start()
        node.create_instance("demo")
        node.create_user("demo", "alice")
        for i in range(3):
            mail = write(folder, f"{i}.eml", message(f"rest {i}"))
            assert node.import_files("demo", "alice", mail)["stored"] == 1
            wait_rest(node, 2)
            found = node.search("demo/alice", f"rest {i}")
            assert found["total"] == 1, found
            wait_rest(node, 2)
            with open(mail, "rb") as f:
                assert node.get("demo/alice", found["messages"][0]["id"]) == f.read()
        assert node.search("demo/alice", "subject:rest")["total"] == 3
        assert not logged(node, "level=error") and not logged(node, "event=instance.trim "), "see the logs"


def test_logout():
    """The command line ends the sessions it made: they would keep an instance awake for half an hour."""
    with Node(start=False) as node:
        with open(os.path.join(node.data, "archivolt-host.conf"), "w") as f:
            f.write("sleep_after_s = 3\n")
        node.start()
        node.create_instance("demo")
        node.create_user("demo", "alice")
        assert node.search("demo/alice", "x")["total"] == 0
        until = time.time() + 60
        while node.pids("instance/demo"):
            assert time.time() < until, "the instance stays awake"
            time.sleep(0.2)


if __name__ == "__main__":
    main(test_rest, test_logout)
