"""Files from which mail programs set themselves up; a certificate that is changed while sessions run."""
import imaplib
import os
import plistlib
import ssl
import subprocess
import time
import urllib.parse
import xml.etree.ElementTree as ET

from node import Node, main

CONF = """mail_display_name = Archive & <Co>
mail_smtp_host = smtp.example.com
tls_watch_s = 1
"""
AUTODISCOVER = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>alice@example.com</EMailAddress>
<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
</Request></Autodiscover>"""
NS = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"


def node_with(conf):
    node = Node(start=False)
    with open(os.path.join(node.data, "archivolt-gateway.conf"), "w") as f:
        f.write(conf)
    node.start()
    return node


def get(node, path, query=None, **more):
    if query:
        path += "?" + urllib.parse.urlencode(query)
    return node.http("GET", path, port=443, **more)


def test_files():
    with node_with(CONF) as node:
        who = {"instance": "demo", "user": "alice", "emailaddress": "alice@example.com"}
        for path in ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"):
            status, headers, body = get(node, path, who)
            assert status == 200 and headers["Content-Type"].startswith("text/xml"), (status, headers)
            top = ET.fromstring(body)
            provider = top.find("emailProvider")
            assert top.tag == "clientConfig" and top.get("version") == "1.1" and provider.get("id") == "example.com"
            assert provider.findtext("displayName") == "Archive & <Co>"
            servers = provider.findall("incomingServer")
            assert [s.findtext("socketType") for s in servers] == ["SSL", "STARTTLS"]
            assert [int(s.findtext("port")) for s in servers] == [node.port(993), node.port(143)]
            assert {s.findtext("username") for s in servers} == {"demo/alice"}
            assert {s.findtext("hostname") for s in servers} == {"localhost"}
            assert provider.find("outgoingServer").findtext("hostname") == "smtp.example.com"
        _, _, body = get(node, "/mail/config-v1.1.xml", {"instance": "demo"})
        assert ET.fromstring(body).find("emailProvider/incomingServer/username").text == "demo/%EMAILLOCALPART%"

        status, _, body = node.http("POST", "/Autodiscover/Autodiscover.xml?instance=demo", AUTODISCOVER.encode(),
                                    {"Content-Type": "text/xml"}, port=443)
        assert status == 200, (status, body)
        protocols = {p.findtext(NS + "Type"): p for p in ET.fromstring(body).iter(NS + "Protocol")}
        imap = protocols["IMAP"]
        assert imap.findtext(NS + "LoginName") == "demo/alice" and imap.findtext(NS + "SSL") == "on"
        assert int(imap.findtext(NS + "Port")) == node.port(993)
        assert protocols["SMTP"].findtext(NS + "Server") == "smtp.example.com"

        status, headers, sealed = get(node, "/mail/archive.mobileconfig", who)
        assert status == 200 and headers["Content-Type"] == "application/x-apple-aspen-config", headers
        certificate = os.path.join(node.data, "tls", "cert.pem")
        out = subprocess.run(["openssl", "cms", "-verify", "-inform", "DER", "-CAfile", certificate, "-purpose", "any"],
                             input=sealed, capture_output=True)
        assert out.returncode == 0, out.stderr
        profile = plistlib.loads(out.stdout)
        mail, = profile["PayloadContent"]
        assert profile["PayloadType"] == "Configuration" and mail["PayloadType"] == "com.apple.mail.managed"
        assert mail["IncomingMailServerUsername"] == "demo/alice" and mail["EmailAddress"] == "alice@example.com"
        assert mail["IncomingMailServerPortNumber"] == node.port(993) and mail["IncomingMailServerUseSSL"] is True
        assert mail["PayloadDisplayName"] == "Archive & <Co>" and mail["PayloadUUID"] != profile["PayloadUUID"]

        # What a stranger may put in: kept apart from the markup, or refused.
        status, _, body = get(node, "/mail/config-v1.1.xml", {"instance": "demo", "user": '</username><x a="&'})
        assert status == 400 and b"username>" not in body, (status, body)
        _, _, body = get(node, "/mail/config-v1.1.xml", {"instance": "demo", "user": '<x a="&">'})
        assert ET.fromstring(body).find("emailProvider/incomingServer/username").text == 'demo/<x a="&">'
        for bad in ({"instance": "../x"}, {"instance": "demo", "user": "a/b"}, {"instance": "demo", "user": "a\nb"},
                    {"instance": "demo", "emailaddress": "nobody"}, {"instance": "demo", "emailaddress": "a@b@c"},
                    {"instance": "x" * 64}, {"instance": "demo", "user": "u" * 256}):
            status, _, body = get(node, "/mail/config-v1.1.xml", bad)
            assert status == 400, (bad, status, body)
        assert get(node, "/mail/config-v1.1.xml")[0] == 404
        assert get(node, "/mail/archive.mobileconfig", {"instance": "demo"})[0] == 404
        assert get(node, "/autodiscover/autodiscover.xml", {"instance": "demo"})[0] == 404
        assert get(node, "/healthz")[0] == 200 and get(node, "/mail")[0] == 404


def test_no_sender():
    """Without a server for outgoing mail: none is named, but where one must be it leads nowhere."""
    with node_with("mail_instance = demo\nmail_host_name = mail.example.org\nmail_profile_signed = no\n") as node:
        _, _, body = get(node, "/mail/config-v1.1.xml", {"emailaddress": "bob@example.org"})
        provider = ET.fromstring(body).find("emailProvider")
        assert provider.find("outgoingServer") is None
        assert provider.findtext("incomingServer/username") == "demo/bob"
        assert provider.findtext("incomingServer/hostname") == "mail.example.org"
        _, _, body = get(node, "/mail/archive.mobileconfig", {"user": "bob"})
        mail, = plistlib.loads(body)["PayloadContent"]
        assert mail["OutgoingMailServerHostName"] == "smtp.invalid", mail
        again = get(node, "/mail/archive.mobileconfig", {"user": "bob"})[2]
        assert again == body, "the same profile for the same account"


def make_certificate(tls):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                    tls + "/key.new", "-out", tls + "/cert.new"], check=True, stderr=subprocess.DEVNULL)
    os.chmod(tls + "/key.new", 0o600)
    os.rename(tls + "/key.new", tls + "/key.pem")
    os.rename(tls + "/cert.new", tls + "/cert.pem")


def shown(node):
    return ssl.get_server_certificate(("localhost", node.port(993)))


def test_certificate():
    """New files are loaded by themselves; an IMAP session that runs goes on, and keeps its own."""
    with node_with("tls_watch_s = 1\n") as node:
        node.create_instance("demo")
        password = node.create_user("demo", "alice")
        context = ssl.create_default_context(cafile=os.path.join(node.data, "tls", "cert.pem"))
        running = imaplib.IMAP4_SSL("localhost", node.port(993), ssl_context=context, timeout=60)
        running.login("demo/alice", password)
        before, own = shown(node), running.sock.getpeercert(True)
        make_certificate(os.path.join(node.data, "tls"))
        deadline = time.time() + 30
        while shown(node) == before and time.time() < deadline:
            time.sleep(0.2)
        after = shown(node)
        assert after != before, "new handshakes get the new certificate"
        assert running.noop()[0] == "OK" and running.sock.getpeercert(True) == own
        with open(os.path.join(node.data, "tls", "cert.pem"), "w") as f:
            f.write("not a certificate\n")
        time.sleep(3)
        assert shown(node) == after, "what cannot be loaded changes nothing"
        assert running.noop()[0] == "OK"
        context = ssl._create_unverified_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        fresh = imaplib.IMAP4_SSL("localhost", node.port(993), ssl_context=context, timeout=60)
        assert fresh.sock.version() == "TLSv1.2"
        fresh.login("demo/alice", password)
        fresh.logout()
        running.logout()


if __name__ == "__main__":
    main(test_files, test_no_sender, test_certificate)
