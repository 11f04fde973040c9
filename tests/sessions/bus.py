"""bus.py - a client of the bus in Python: what docs/bus.md describes, with pyzmq and the messages of proto/.

The messages are compiled by protoc into a temporary folder at import time.
"""
import importlib
import os
import struct
import subprocess
import sys
import tempfile
import time

try:
    import zmq
    import google.protobuf  # noqa: F401
except ImportError:
    from node import skip
    skip("python3-zmq and python3-protobuf are needed")

from node import REPO

_generated = tempfile.TemporaryDirectory(prefix="av-proto-")
subprocess.run(["protoc", "-I", REPO, "-I", "/usr/include", "--python_out", _generated.name] + [
    os.path.join("proto", f) for f in sorted(os.listdir(os.path.join(REPO, "proto"))) if f.endswith(".proto")
], cwd=REPO, check=True)
sys.path.insert(0, _generated.name)
envelope = importlib.import_module("proto.envelope_pb2")
broker = importlib.import_module("proto.broker_pb2")
status = importlib.import_module("proto.status_pb2")
management = importlib.import_module("proto.management_pb2")
instance = importlib.import_module("proto.instance_pb2")
archive = importlib.import_module("proto.archive_pb2")


def read_key(node, actor):
    """(public, secret) of an actor's key file, as z85 bytes."""
    values = {}
    with open(os.path.join(node.data, "keys", actor.replace("/", "_") + ".key")) as f:
        for line in f:
            if "=" in line and not line.startswith("#"):
                key, value = line.split("=", 1)
                values[key.strip()] = value.strip()
    return values["public"].encode(), values["secret"].encode()


def curve(socket, node, keys):
    with open(os.path.join(node.data, "broker.pub")) as f:
        socket.curve_serverkey = f.read().strip().encode()
    socket.curve_publickey, socket.curve_secretkey = keys
    socket.linger = 0


class BusError(Exception):
    def __init__(self, error):
        super().__init__(f"{envelope.ErrorCode.Name(error.code)}: {error.message}")
        self.code = error.code


class Client:
    """One DEALER: hello, then requests one at a time; chunks of the reply are gathered."""

    def __init__(self, node, keys, hello_timeout=5.0):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        curve(self.socket, node, keys)
        self.socket.connect(f"tcp://127.0.0.1:{node.port(8473)}")
        self.next = 0
        hello = envelope.Envelope(version=1, kind=envelope.KIND_HELLO)
        self.send(b"broker", hello)
        _, answer, blob = self.receive(hello_timeout)
        assert answer.kind == envelope.KIND_HELLO, answer
        self.me = broker.HelloReply.FromString(blob)

    def close(self):
        self.socket.close()
        self.context.term()

    def send(self, to, header, blob=b""):
        self.socket.send_multipart([to, header.SerializeToString(), blob])

    def receive(self, seconds):
        if not self.socket.poll(int(seconds * 1000)):
            raise TimeoutError("no message")
        sender, header, blob = self.socket.recv_multipart()
        return sender, envelope.Envelope.FromString(header), blob

    def call(self, to, method, body, reply_type, session=None, seconds=30.0):
        """(reply, bytes of the downstream)."""
        self.next += 1
        number = self.next
        window = 1 << 20
        header = envelope.Envelope(version=1, kind=envelope.KIND_REQUEST, method=method, correlation=number,
                                   time_left_ms=int(seconds * 1000), credit=window, trace=os.urandom(16))
        if session is not None:
            header.session = session
        header.idempotency_key = os.urandom(16)
        self.send(to.encode(), header, body.SerializeToString())
        stream, granted = b"", window
        until = time.time() + seconds
        while True:
            sender, answer, blob = self.receive(until - time.time())
            if answer.correlation != number:
                continue
            if answer.kind == envelope.KIND_CHUNK:
                assert answer.offset == len(stream)
                stream += blob
                if granted - len(stream) < window // 2:
                    granted = len(stream) + window
                    self.send(sender, envelope.Envelope(version=1, kind=envelope.KIND_CREDIT, correlation=number,
                                                        from_caller=True, credit=granted))
            elif answer.kind == envelope.KIND_ERROR:
                raise BusError(answer.error)
            elif answer.kind == envelope.KIND_REPLY:
                if answer.body_in_stream:
                    return reply_type.FromString(stream), b""
                return reply_type.FromString(blob), stream


def rows(stream, row_type):
    """The rows of a row stream that announces no raw bytes."""
    at = 0
    while at < len(stream):
        size, = struct.unpack_from("<I", stream, at)
        yield row_type.FromString(stream[at + 4:at + 4 + size])
        at += 4 + size


def subscribe(node, keys, prefix=b"status/"):
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    curve(socket, node, keys)
    socket.setsockopt(zmq.SUBSCRIBE, prefix)
    socket.connect(f"tcp://127.0.0.1:{node.port(8475)}")
    return context, socket
