"""Hostile and slow HTTPS clients against the real gateway: they cost themselves, its memory stays bounded, others are served."""
import base64
import os
import random
import resource
import signal
import socket
import ssl
import subprocess
import time
import warnings

from node import BIN, Node, main

IDLE, LIMIT = 1000, 1300
CONF = f"""handshake_timeout_s = 5
http_request_timeout_s = 5
http_idle_timeout_s = 120
output_stall_timeout_s = 5
http_connections = 1500
http_connections_per_address = {LIMIT}
"""


# A build with sanitizers keeps what was freed and is slow: figures are printed then, not judged.
with open(os.path.join(BIN, "archivolt-gateway"), "rb") as f:
    JUDGED = b"__asan_init" not in f.read() and b"__tsan_init" not in open(f.name, "rb").read()


def context():
    return ssl._create_unverified_context()


def judge(ok, figure):
    assert ok or not JUDGED, figure


def pss_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def connect(node, tls=True):
    s = socket.create_connection(("127.0.0.1", node.port(8474)), 20)
    return context().wrap_socket(s) if tls else s


def login(node):
    token = base64.b64encode(f"{node.admin['user']}:{node.admin['password']}".encode()).decode()
    return f"Authorization: Basic {token}\r\n".encode()


def ask_ms(node, n=30):
    """Times of a login-protected call on new connections, sorted, in ms."""
    times = []
    for _ in range(n):
        began = time.time()
        status, _, _ = node.post("/api/invoke/Ping")
        assert status == 200, status
        times.append((time.time() - began) * 1000)
    return sorted(times)


def is_closed(s, seconds):
    """The other side has closed within the time."""
    s.settimeout(seconds)
    try:
        while s.recv(65536):
            pass
        return True
    except (ConnectionError, ssl.SSLError):
        return True
    except TimeoutError:
        return False


def start():
    node = Node(start=False)
    with open(os.path.join(node.data, "archivolt-gateway.conf"), "w") as f:
        f.write(CONF)
    node.start()
    return node


def test_hostile_clients():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192) if hard > 0 else 8192, hard))
    with start() as node:
        pid, = node.pids("gateway")
        ask_ms(node)
        memory, open_files = pss_kb(pid), files(pid)
        print(f"  at rest: {memory} KB, {open_files} files, {ask_ms(node)[15]:.1f} ms a call")

        # 1,000 connections that say nothing: memory by the connection, no time of others.
        idle = [connect(node) for _ in range(IDLE)]
        used = pss_kb(pid) - memory
        p95 = ask_ms(node)[28]
        print(f"  {IDLE} idle: +{used} KB, {used / IDLE:.1f} KB each, p95 {p95:.1f} ms a call")
        judge(used < IDLE * 80, used)
        judge(p95 < 250, p95)

        # Half handshakes: closed in time.
        half = [connect(node, tls=False) for _ in range(200)]
        for i, s in enumerate(half):
            s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:random.randrange(12)])
        judge(ask_ms(node)[28] < 250, "p95 of a call")
        # Over the limit of one address: refused at once, others of it go on.
        over = [connect(node, tls=False) for _ in range(LIMIT - IDLE)]
        refused = sum(is_closed(s, 1) for s in over[-40:])
        assert refused == 40, refused
        began = time.time()
        assert all(is_closed(s, 12) for s in half), "half handshakes are cut"
        assert time.time() - began < 12
        for s in over + half:
            s.close()

        # Garbage, old TLS, plain HTTP.
        for bytes_ in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(3000), b"\x80\x2e\x01\x00\x02" + os.urandom(40)):
            s = connect(node, tls=False)
            s.sendall(bytes_)
            assert is_closed(s, 10)
            s.close()
        warnings.simplefilter("ignore", DeprecationWarning)
        old = ssl._create_unverified_context()
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        try:
            old.wrap_socket(socket.create_connection(("127.0.0.1", node.port(8474)), 10))
            raise AssertionError("TLS 1.1 was taken")
        except (ssl.SSLError, ConnectionError):
            pass

        # Requests that drip: cut when the time for a request is over, however often a byte comes.
        drips = [connect(node) for _ in range(50)]
        began = time.time()
        while time.time() - began < 8:
            for s in drips:
                try:
                    s.send(b"X")
                except (OSError, ssl.SSLError):
                    pass
            time.sleep(0.3)
        assert all(is_closed(s, 3) for s in drips)

        # Askers that never read: 3,000 requests each, sent as long as they are taken; they are cut, memory stays.
        deaf = []
        request = b"GET /api/get-metadata HTTP/1.1\r\nHost: x\r\n" + login(node) + b"\r\n"
        for _ in range(50):
            s = connect(node, tls=False)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s = context().wrap_socket(s)
            s.settimeout(0.05)
            try:
                for _ in range(3000):
                    s.sendall(request)
            except (OSError, ssl.SSLError):
                pass
            deaf.append(s)
        used = pss_kb(pid) - memory
        times = ask_ms(node)
        print(f"  50 that do not read: +{used} KB in all, p95 {times[28]:.1f} ms a call")
        judge(used < 160 * 1024, used)
        judge(times[28] < 500, times)
        time.sleep(8)
        assert all(is_closed(s, 3) for s in deaf)

        # Large bodies of strangers are read to their end, not kept.
        bodies = [connect(node) for _ in range(60)]
        head = b"POST /api/invoke/Ping HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        for s in bodies:
            s.sendall(head + b"a" * 900000)
        used = pss_kb(pid) - memory
        print(f"  60 strangers' bodies of 1 MB: +{used} KB in all")
        judge(used < 160 * 1024, used)
        for s in bodies:
            s.sendall(b"a" * 100000)
            assert s.recv(100).split(b" ")[1] == b"401"

        for s in idle + drips + deaf + bodies:
            s.close()
        time.sleep(2)
        assert node.pids("gateway") == [pid], "the gateway is the same process"
        left, left_files = pss_kb(pid) - memory, files(pid) - open_files
        print(f"  after all: {left:+d} KB, {left_files:+d} files")
        judge(left < 40 * 1024, left)
        assert left_files <= 5, left_files
        judge(ask_ms(node)[28] < 250, "p95 of a call")


def test_reload():
    """SIGHUP: new handshakes get the new certificate, sessions that run are not touched."""
    with Node() as node:
        pid, = node.pids("gateway")
        running = connect(node)
        before = running.getpeercert(True)
        tls = os.path.join(node.data, "tls")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", tls + "/key.pem", "-out", tls + "/cert.pem"], check=True, stderr=subprocess.DEVNULL)
        os.chmod(tls + "/key.pem", 0o600)
        os.kill(pid, signal.SIGHUP)
        time.sleep(0.5)
        assert connect(node).getpeercert(True) != before
        running.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert running.recv(1000).startswith(b"HTTP/1.1 200")
        # A certificate that does not fit is refused, the old one stays.
        with open(tls + "/cert.pem", "w") as f:
            f.write("nothing\n")
        os.kill(pid, signal.SIGHUP)
        time.sleep(0.5)
        assert connect(node).getpeercert(True) != before
        assert node.pids("gateway") == [pid]


if __name__ == "__main__":
    main(test_hostile_clients, test_reload)
