"""Strangers and friends on the bus: a Python client, status topics by CURVE, nothing for an unknown key."""
import time

import zmq

import bus
from node import Node, main


def test_client():
    with Node() as node:
        node.create_instance("demo")
        client = bus.Client(node, bus.read_key(node, "cli/operator"))
        assert client.me.you.startswith("cli/operator#"), client.me
        pong, _ = client.call("management", "archivolt.Actor.Ping", bus.status.Empty(), bus.status.PingReply)
        assert pong.actor == "management"
        found, _ = client.call("management", "archivolt.Management.GetInstances",
                               bus.management.InstanceFilterRequest(instance_filter="*"), bus.management.GetInstancesReply)
        assert [i.instance_id for i in found.instances] == ["demo"]
        for to, code in (("instance/nobody", bus.envelope.ERROR_NO_ACTOR), ("management", bus.envelope.ERROR_UNSUPPORTED)):
            try:
                client.call(to, "archivolt.Nothing.Nothing", bus.status.Empty(), bus.status.Empty)
                raise AssertionError("must be refused")
            except bus.BusError as e:
                assert e.code == code, e
        # The operator administers and reads no mail.
        try:
            client.call("instance/demo", "archivolt.Archive.ListMailboxes", bus.archive.ListMailboxesRequest(),
                        bus.archive.ListMailboxesReply)
            raise AssertionError("must be refused")
        except bus.BusError as e:
            assert e.code in (bus.envelope.ERROR_AUTH, bus.envelope.ERROR_DENIED), e
        client.close()


def test_status_topics():
    with Node() as node:
        node.create_instance("demo")
        context, socket = bus.subscribe(node, bus.read_key(node, "monitor/default"))
        want, until = {"status/broker@n1", "status/host/n1", "status/instance/demo", "status/management"}, time.time() + 20
        while want and time.time() < until:
            if socket.poll(500):
                topic, header, blob = socket.recv_multipart()
                value = bus.status.Status.FromString(blob)
                assert topic.decode() == "status/" + value.actor, topic
                assert bus.envelope.Envelope.FromString(header).sequence > 0
                want.discard(topic.decode())
        assert not want, want
        socket.close()
        context.term()


def test_stranger_sees_nothing():
    with Node() as node:
        context, socket = bus.subscribe(node, zmq.curve_keypair())
        try:
            bus.Client(node, zmq.curve_keypair(), hello_timeout=3)
            raise AssertionError("a stranger was admitted")
        except TimeoutError:
            pass
        assert not socket.poll(6000), "a stranger sees status topics"
        socket.close()
        context.term()
        # An admitted instance key may not listen either: topics are for operators and monitors.
        assert node.wait_ready()["ready"]


if __name__ == "__main__":
    main(test_client, test_status_topics, test_stranger_sees_nothing)
