"""store_peers.py - other programs that keep the same mail: Dovecot by LMTP into sdbox with zstd, borg, restic

Part of tools/bench/store.py. Each has its own temporary folder, which is removed when it is done; what was started is
ended.
"""
import contextlib
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

CONNECTIONS = 4  # to Dovecot, each with a mailbox of its own, so that none waits for another's lock
DOVECOT_CONF = """
protocols = lmtp
base_dir = {top}/run
state_dir = {top}/run
log_path = {top}/log
listen = 127.0.0.1
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
first_valid_gid = 1
mail_location = sdbox:{top}/mail/%n
mail_plugins = zlib
mail_fsync = {fsync}
plugin {{
  zlib_save = zstd
  zlib_save_level = 3
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = allow_all_users=yes uid=nobody gid=nogroup home={top}/mail/%n
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


def missing(program):
    if shutil.which(program):
        return False
    print(f"SKIP: no {program}: tools/install-packages bench", file=sys.stderr)
    return True


def folder_bytes(folder):
    return sum(os.lstat(os.path.join(top, name)).st_size for top, _, names in os.walk(folder) for name in names)


# ---- Dovecot ----

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def as_sent(path):
    """The DATA of a message: without an mbox From_ line, lines end with CRLF, dots doubled (RFC 5321, 4.5.2)."""
    with open(path, "rb") as f:
        data = f.read()
    if data.startswith(b"From "):
        data = data[data.index(b"\n") + 1:]
    data = re.sub(rb"\r?\n", b"\r\n", data)
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    return re.sub(rb"^\.", b"..", data, flags=re.MULTILINE) + b".\r\n"


class Lmtp:
    def __init__(self, port, user):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.socket.makefile("rb")
        self.envelope = f"MAIL FROM:<b@example.org>\r\nRCPT TO:<{user}@example.com>\r\nDATA\r\n".encode()
        self.expect(b"220")
        self.socket.sendall(b"LHLO bench\r\n")
        self.expect(b"250")

    def expect(self, code):
        while True:
            line = self.replies.readline()
            if not line.startswith(code):
                raise RuntimeError(f"Dovecot answered {line!r} instead of {code.decode()}")
            if line[3:4] != b"-":
                return

    def deliver(self, data):
        self.socket.sendall(self.envelope)
        for code in (b"250", b"250", b"354"):
            self.expect(code)
        self.socket.sendall(data)
        self.expect(b"250")


def process_cpu(root):
    """CPU seconds of a process, its children and those they have waited for."""
    ticks, parents = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat") as f:
                words = f.read().rpartition(")")[2].split()
            parents[int(pid)], ticks[int(pid)] = int(words[1]), sum(map(int, words[11:15]))

    def is_below(pid):
        while pid in parents and pid != root:
            pid = parents[pid]
        return pid == root
    return sum(t for pid, t in ticks.items() if is_below(pid)) / os.sysconf("SC_CLK_TCK")


def start_dovecot(top, fsync):
    port, conf = free_port(), os.path.join(top, "dovecot.conf")
    os.makedirs(os.path.join(top, "run"))
    os.mkdir(os.path.join(top, "mail"))
    shutil.chown(os.path.join(top, "mail"), "nobody", pwd.getpwnam("nobody").pw_gid)
    with open(conf, "w") as f:
        f.write(DOVECOT_CONF.format(top=top, fsync=fsync, port=port))
    process = subprocess.Popen(["dovecot", "-F", "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(500):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process, port
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise RuntimeError(f"Dovecot does not start: see {top}/log")


def deliver_all(port, messages):
    errors = []

    def deliver_some(number):
        try:
            client = Lmtp(port, f"user{number}")
            for data in messages[number::CONNECTIONS]:
                client.deliver(data)
        except (OSError, RuntimeError) as e:
            errors.append(e)
    threads = [threading.Thread(target=deliver_some, args=(n,)) for n in range(CONNECTIONS)]
    began = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return time.perf_counter() - began


def dovecot(messages, raw, scratch, fsync):
    with tempfile.TemporaryDirectory(dir=scratch) as top:
        os.chmod(top, 0o755)
        process, port = start_dovecot(top, fsync)
        try:
            before = process_cpu(process.pid)
            seconds = deliver_all(port, messages)
            cpu = process_cpu(process.pid) - before
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        stored = folder_bytes(os.path.join(top, "mail"))
    return {"messages": len(messages), "seconds": seconds, "messages_per_s": len(messages) / seconds,
            "cpu_seconds": cpu, "stored_bytes": stored, "stored_ratio": stored / raw}


# ---- backup programs ----

def backup(init, create, environment, repository, count, raw):
    """Times the second command; the first makes the repository."""
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE,
             "env": {**os.environ, **environment}}
    subprocess.run(init, **quiet)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(create, **quiet)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    stored = folder_bytes(repository)
    return {"messages": count, "seconds": seconds, "messages_per_s": count / seconds,
            "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "stored_bytes": stored, "stored_ratio": stored / raw}


def borg(folder, count, raw, scratch):
    with tempfile.TemporaryDirectory(dir=scratch) as top:
        repository = os.path.join(top, "repository")
        return backup(["borg", "init", "--encryption=repokey", repository],
                      ["borg", "create", "--compression", "zstd,3", f"{repository}::mail", folder],
                      {"BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": top}, repository, count, raw)


def restic(folder, count, raw, scratch):
    with tempfile.TemporaryDirectory(dir=scratch) as top:
        repository = os.path.join(top, "repository")
        command = ["restic", "--repo", repository, "--cache-dir", os.path.join(top, "cache")]
        return backup(command + ["init"], command + ["backup", folder], {"RESTIC_PASSWORD": "bench"}, repository, count,
                      raw)


def run_all(folder, files, scratch):
    """Yields (what, figures)."""
    raw = sum(os.path.getsize(f) for f in files)
    if os.geteuid() != 0:
        print("SKIP: Dovecot is started by root only", file=sys.stderr)
    elif not missing("dovecot"):
        messages = [as_sent(f) for f in files]
        for fsync in ("always", "optimized"):
            yield f"dovecot {fsync}", dovecot(messages, raw, scratch, fsync)
    if not missing("borg"):
        yield "borg", borg(folder, len(files), raw, scratch)
    if not missing("restic"):
        yield "restic", restic(folder, len(files), raw, scratch)
