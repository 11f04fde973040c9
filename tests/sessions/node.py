"""node.py - a whole single-server node of its own for a test: made, started, spoken to, killed, removed.

Binaries come from AV_BIN (the build's bin folder). Every node has a free port range on loopback and a throw-away data folder.
Python is a test tool here, nothing of it is installed.
"""
import base64
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zlib

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.environ.get("AV_BIN", os.path.join(REPO, "build", "dev", "bin"))
CORPUS = os.environ.get("ARCHIVOLT_CORPUS", os.path.join(REPO, "..", "shared", "corpus"))
SEED = int(os.environ.get("ARCHIVOLT_SEED", "1"))
PORTS = (143, 993, 443, 8470, 8471, 8472, 8473, 8474, 8475, 2525, 9470)


def skip(why):
    print("SKIP:", why)
    sys.exit(77)


def need_corpus():
    if not os.path.exists(os.path.join(CORPUS, "README.md")):
        skip("no corpus: set ARCHIVOLT_CORPUS")


def unpack(name, into):
    """One archive of the corpus, unpacked below `into`."""
    need_corpus()
    subprocess.run(["tar", "--zstd", "-xf", os.path.join(CORPUS, name), "-C", into], check=True)


def sanitized():
    """Are the programs built with sanitizers? Then memory and time say nothing."""
    with open(os.path.join(BIN, "archivolt"), "rb") as f:
        return b"__asan_init" in f.read()


def free_offset():
    """An offset at which all our ports are free. Not of the seed: scripts that run side by side must not meet."""
    for _ in range(200):
        offset = random.SystemRandom().randrange(11000, 50000)
        try:
            for port in PORTS:
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port + offset))
            return offset
        except OSError:
            continue
    raise RuntimeError("no free ports")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def crlf(data):
    """The CRLF view: each bare LF as CRLF, nothing else changed."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") if b"\r" not in data.replace(b"\r\n", b"") else \
        b"".join(_crlf_pieces(data))


def _crlf_pieces(data):
    last = 0
    for byte in data:
        if byte == 10 and last != 13:
            yield b"\r"
        yield bytes((byte,))
        last = byte


class Failed(Exception):
    def __init__(self, status, stdout, stderr):
        super().__init__(f"status {status}: {stderr.decode(errors='replace')}{stdout.decode(errors='replace')[:500]}")
        self.status, self.stdout, self.stderr = status, stdout, stderr


class Node:
    def __init__(self, start=True, conf=""):
        self.top = tempfile.mkdtemp(prefix="av-node-")
        self.data = os.path.join(self.top, "d")
        self.offset = free_offset()
        self.process = None
        out = self.cli("init", "--json", "--host-name", "localhost", "--port-offset", str(self.offset), "--listen",
                       "127.0.0.1")
        self.admin = json.loads(out)["admin"]
        if conf:
            with open(os.path.join(self.data, "node.conf"), "a") as f:
                f.write(conf)
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.show_log()
        self.stop()
        shutil.rmtree(self.top, ignore_errors=True)

    # ---- processes ----

    def start(self):
        self.log = open(os.path.join(self.top, "node.log"), "ab")
        self.process = subprocess.Popen([os.path.join(BIN, "archivolt"), "--data", self.data, "up"], stdout=self.log,
                                        stderr=self.log)
        self.wait_ready()

    def wait_ready(self, seconds=60):
        return json.loads(self.cli("status", "--json", "--wait", str(seconds), timeout=seconds + 30))

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the node did not stop within 60 s")
        finally:
            self.process = None

    def show_log(self, lines=60):
        for name in [os.path.join(self.top, "node.log")] + [
                os.path.join(self.data, "logs", f) for f in sorted(os.listdir(os.path.join(self.data, "logs")))
        ]:
            try:
                with open(name, "rb") as f:
                    text = f.read().decode(errors="replace").splitlines()[-lines:]
                print(f"--- {os.path.basename(name)}")
                print("\n".join(text))
            except OSError:
                pass

    def pids(self, actor):
        """Process ids by actor name: management, host, gateway, broker, instance/ID, worker."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    argv = f.read().decode(errors="replace").split("\0")
                with open(f"/proc/{pid}/stat") as f:
                    state = f.read().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if self.data not in argv or state == "Z":
                continue
            program = os.path.basename(argv[0])
            kind = actor.split("/")[0]
            if program == f"archivolt-{kind}" and ("/" not in actor or actor in argv):
                found.append(int(pid))
        return found

    def kill(self, actor, number=signal.SIGKILL):
        """End the processes of an actor of this node; how many there were."""
        pids = self.pids(actor)
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return len(pids)

    # ---- CLI ----

    def run(self, *args, env=None, timeout=120, stdin=None):
        environment = dict(os.environ)
        environment.update(env or {})
        return subprocess.run([os.path.join(BIN, "archivolt"), "--data", self.data, *args], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, input=stdin)

    def cli(self, *args, env=None, timeout=120, ok=(0,)):
        done = self.run(*args, env=env, timeout=timeout)
        if done.returncode not in ok:
            raise Failed(done.returncode, done.stdout, done.stderr)
        return done.stdout

    def create_instance(self, name, *options):
        self.cli("instance", "create", name, *options)

    def create_user(self, instance, name, password="correct horse 9", privileges="login"):
        self.cli("user", "create", "--instance", instance, name, "--privileges", privileges,
                 env={"ARCHIVOLT_NEW_PASSWORD": password})
        return password

    def import_files(self, instance, archive, *paths, timeout=900, ok=(0,), options=()):
        out = self.cli("import", "--instance", instance, "--archive", archive, *paths, *options, "--json",
                       timeout=timeout, ok=ok)
        return json.loads(out.decode().strip().splitlines()[-1])

    def search(self, who, query, password="correct horse 9", limit=50, timeout=600):
        out = self.cli("search", "--as", who, "--json", "--limit", str(limit), query,
                       env={"ARCHIVOLT_PASSWORD": password}, timeout=timeout)
        return json.loads(out)

    def get(self, who, message, password="correct horse 9"):
        return self.cli("get", "--as", who, message, env={"ARCHIVOLT_PASSWORD": password})

    # ---- Management API ----

    def http(self, method, path, body=None, headers=None, user=None, password=None, port=8474, timeout=60):
        context = ssl.create_default_context(cafile=os.path.join(self.data, "tls", "cert.pem"))
        connection = http.client.HTTPSConnection("localhost", port + self.offset, context=context, timeout=timeout)
        headers = dict(headers or {})
        if user is not None:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            headers["Authorization"] = "Basic " + token
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def post(self, path, fields=None, **more):
        body = urllib.parse.urlencode(fields or {})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        more.setdefault("user", self.admin["user"])
        more.setdefault("password", self.admin["password"])
        return self.http("POST", path, body, headers, **more)

    def api(self, function, **fields):
        """One function of the Management API: the whole envelope; long calls are waited for."""
        status, _, body = self.post("/api/invoke/" + function, fields)
        assert status == 200, (status, body)
        reply = json.loads(body.decode("utf-8-sig"))
        while reply["statusCode"] == "running":
            status, _, body = self.post("/api/get-status", {
                "token": reply["token"], "lastKnownStatusVersion": reply["statusVersion"], "millisecondsTimeout": 1000
            })
            assert status == 200, (status, body)
            reply = json.loads(body.decode("utf-8-sig"))
        return reply

    def port(self, number):
        return number + self.offset


def main(*tests):
    """Run tests one after the other on nodes of their own; print what ran."""
    random.seed(SEED ^ zlib.crc32(os.path.basename(sys.argv[0]).encode()))
    only = sys.argv[1:]
    for test in tests:
        if only and test.__name__ not in only:
            continue
        began = time.time()
        print("-", test.__name__, flush=True)
        test()
        print(f"  {time.time() - began:.1f} s", flush=True)
