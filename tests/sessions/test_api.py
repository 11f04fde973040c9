"""The Management API over HTTPS, to the letter of its protocol."""
import json

from node import Node, main

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
KEYS = ["error", "token", "statusVersion", "statusCode", "percentProgress", "statusText", "result", "logOutput"]


def envelope(body):
    assert body.startswith(b"\xef\xbb\xbf"), "the body begins with a BOM"
    value = json.loads(body.decode("utf-8-sig"))
    assert list(value) == KEYS, list(value)
    return value


def test_protocol():
    with Node() as node:
        user, password = node.admin["user"], node.admin["password"]

        # 401 with a challenge, after the body was read; a wrong password as well.
        status, headers, _ = node.http("POST", "/api/invoke/GetUsers", "instanceID=demo", FORM)
        assert status == 401 and headers["WWW-Authenticate"].startswith("Basic realm="), (status, headers)
        status, _, _ = node.http("POST", "/api/invoke/Ping", "", FORM, user=user, password="wrong")
        assert status == 401
        status, _, _ = node.http("POST", "/api/get-metadata", "", FORM)
        assert status == 401

        # Metadata: a bare array, by POST and by GET.
        for method in ("POST", "GET"):
            status, headers, body = node.http(method, "/api/get-metadata", "" if method == "POST" else None, FORM,
                                              user=user, password=password)
            assert status == 200 and headers["Content-Type"].startswith("application/json"), (status, headers)
            metadata = {f["name"]: f for f in json.loads(body.decode("utf-8-sig"))}
        assert metadata["GetUserInfo"]["args"] == [
            {"name": "instanceID", "type": "string", "nullable": False},
            {"name": "userName", "type": "string", "nullable": False},
        ], metadata["GetUserInfo"]
        assert metadata["CreateInstance"]["args"] == [{"name": "config", "type": "json", "nullable": False}]
        assert not {"get-status", "cancel-async", "get-metadata"} & set(metadata)

        # Loose spellings.
        for path in ("/api/invoke/Ping", "/api/invoke/Ping/", "/api//invoke/Ping"):
            status, headers, body = node.post(path)
            assert status == 200, (path, status)
            assert envelope(body)["statusCode"] == "succeeded"
        assert "no-cache" in headers["Cache-Control"] and headers["Pragma"] == "no-cache"

        # No body and no Content-Length: 411.
        import socket
        import ssl
        import base64
        context = ssl.create_default_context(cafile=node.data + "/tls/cert.pem")
        with context.wrap_socket(socket.create_connection(("localhost", node.port(8474)), 10),
                                 server_hostname="localhost") as s:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            s.sendall(f"POST /api/invoke/Ping HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\n\r\n".encode())
            assert s.recv(4096).split(b" ")[1] == b"411"

        # Errors of a function come in a 200.
        status, _, body = node.post("/api/invoke/GetUserInfo", {"instanceID": "demo"})
        value = envelope(body)
        assert status == 200 and value["statusCode"] == "failed"
        assert value["error"]["message"] == "Missing API argument userName.", value
        assert value["error"]["details"].startswith("System.Exception: Missing API argument userName.\r\n   at "), value
        value = envelope(node.post("/api/invoke/Ping", {"what": "1"})[2])
        assert value["statusCode"] == "failed" and "what" in value["error"]["message"], value
        value = envelope(node.post("/api/invoke/GetUsers", {"instanceID": "nobody"})[2])
        assert value["statusCode"] == "failed" and "nobody" in value["error"]["message"], value
        assert node.post("/api/invoke/NoSuchFunction")[0] == 404
        assert node.post("/api/nothing")[0] == 404
        assert node.post("/api/get-status", {"token": "0" * 32})[0] == 404
        status, _, body = node.http("POST", "/api/invoke/GetUsers", b"instanceID=%ff%fe", FORM, user=user, password=password)
        assert status in (200, 400), status
        if status == 200:
            assert envelope(body)["statusCode"] == "failed"

        # Health without a login.
        assert node.http("GET", "/healthz")[0] == 200
        assert node.http("GET", "/readyz")[0] == 200


def test_functions():
    with Node() as node:
        config = json.dumps({"instanceID": "acme", "alias": "roadrunner", "displayName": "Acme Ä & Söhne"})
        made = node.api("CreateInstance", config=config)
        assert made["statusCode"] == "succeeded", made
        assert made["result"]["config"]["instanceID"] == "acme", made
        assert made["result"]["recoveryKey"].startswith("AVR1-") and made["result"]["recoveryKeyID"], made
        again = node.api("CreateInstance", config=config)
        assert again["statusCode"] == "failed", again
        listed = node.api("GetInstances", instanceFilter="*")["result"]
        assert list(listed[0]) == ["instanceID", "alias", "displayName", "instanceHost", "startMode", "processID", "status",
                                   "startStopError"], listed
        assert listed[0]["status"] == "running" and listed[0]["displayName"] == "Acme Ä & Söhne", listed

        assert node.api("CreateUser", instanceID="acme", userName="wile", privileges="login, archive",
                        password="genius at work 1")["statusCode"] == "succeeded"
        info = node.api("GetUserInfo", instanceID="acme", userName="wile")["result"]
        assert info["privileges"] == ["login", "archive"] and info["authentication"] == "integrated", info
        assert "password" not in json.dumps(info)
        assert node.api("SetUserEmailAddresses", instanceID="acme", userName="wile",
                        emailAddresses="a@acme.example, b@acme.example")["statusCode"] == "succeeded"
        assert node.api("SetUserPrivilegesOnFolder", instanceID="acme", userName="wile", folder="sales",
                        privileges="read")["statusCode"] == "succeeded"
        info = node.api("GetUserInfo", instanceID="acme", userName="wile")["result"]
        assert info["emailAddresses"] == ["a@acme.example", "b@acme.example"], info
        assert info["privilegesOnFolders"] == [{"folder": "sales", "privileges": ["read"]}], info
        assert node.api("RenameUser", instanceID="acme", oldUserName="wile", newUserName="coyote")["statusCode"] == "succeeded"
        assert [u["userName"] for u in node.api("GetUsers", instanceID="acme")["result"]] == ["coyote"]
        assert node.api("DeleteUser", instanceID="acme", userName="coyote")["statusCode"] == "succeeded"
        assert node.api("GetUsers", instanceID="acme")["result"] == []
        assert node.api("GetUsers", instanceID="RoadRunner")["result"] == [], "an alias, in any letter case"
        assert node.api("SetUserPrivileges", instanceID="acme", userName="x", privileges="none,login")["statusCode"] == "failed"

        # Long calls: stop, start, delete, with their tokens.
        assert node.api("StopInstances", instanceFilter="acme")["statusCode"] == "succeeded"
        assert node.api("GetInstances", instanceFilter="acme")["result"][0]["status"] == "stopped"
        assert node.api("StartInstances", instanceFilter="*")["statusCode"] == "succeeded"
        assert node.api("GetInstances", instanceFilter="* .running")["result"][0]["processID"] > 0
        assert node.api("GetServiceStatus")["result"]["serverInfos"]
        assert node.api("GetStores", instanceID="acme")["result"][0]["requestedState"] == "current"
        assert node.api("DeleteInstances", instanceFilter="acme")["statusCode"] == "succeeded"
        assert node.api("GetInstances", instanceFilter="*")["result"] == []

        # Administrators.
        assert node.api("CreateSystemAdministrator", config=json.dumps({"userName": "eve", "fullName": "Eve"}),
                        password="password of eve")["statusCode"] == "succeeded"
        status, _, _ = node.post("/api/invoke/Ping", user="eve", password="password of eve")
        assert status == 200
        assert node.api("DeleteSystemAdministrator", userName="eve")["statusCode"] == "succeeded"
        last = node.api("DeleteSystemAdministrator", userName=node.admin["user"])
        assert last["statusCode"] == "failed", last


def lines_of(path, trace):
    with open(path) as log:
        return [line for line in log if f"trace={trace}" in line]


def test_traces():
    """The trace that a client is told leads through the logs to the instance."""
    with Node(conf="log_level = debug\n") as node:
        config = json.dumps({"instanceID": "acme", "displayName": "Acme"})
        status, headers, body = node.post("/api/invoke/CreateInstance", {"config": config})
        assert status == 200 and envelope(body)["statusCode"] == "succeeded", body
        found = "".join(lines_of(f"{node.top}/node.log", headers["X-Archivolt-Trace"]))
        assert "Management.CreateInstance" in found and "Host.PrepareInstance" in found, found
        user = {"instanceID": "acme", "userName": "wile", "privileges": "login", "password": "genius at work 1"}
        for function, fields in (("CreateUser", user), ("GetUsers", {"instanceID": "acme"})):
            status, headers, body = node.post("/api/invoke/" + function, fields)
            assert status == 200 and envelope(body)["statusCode"] == "succeeded", body
            trace = headers["X-Archivolt-Trace"]
            assert len(trace) == 32, headers
            found = lines_of(f"{node.data}/logs/instance_acme.log", trace)
            assert any("event=request" in line and f"Instance.{function}" in line and "code=ok" in line
                       for line in found), (function, found)
            assert lines_of(f"{node.top}/node.log", trace), "the gateway logs to the node's"


if __name__ == "__main__":
    main(test_protocol, test_functions, test_traces)
