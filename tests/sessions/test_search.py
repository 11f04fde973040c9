"""Search end to end: indexes on real processes against counts that Python makes of the same messages, and against an instance
that is set to use no index. Imports, kills, damaged and missing index files, rebuilds, configuration, saved searches, rights."""
import email
import email.policy
import glob
import io
import json
import os
import random
import re
import shutil
import threading
import time
import zipfile

from node import CORPUS, Failed, Node, main, need_corpus, unpack

WORDS = ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon "
         "phi chi psi omega").split()
SENDERS = ("anna@example.com", "bert@example.org", "carla@example.net", "dora@mail.example.com")


class Town:
    """A node with an instance and a user."""

    def __init__(self, node, instance="acme"):
        self.node = node
        self.id = instance
        node.create_instance(instance)
        node.create_user(instance, "alice")

    def api(self, function, ok=True, **fields):
        reply = self.node.api(function, instanceID=self.id, **fields)
        assert (reply["statusCode"] == "succeeded") == ok, reply
        return reply["result"] if ok else reply["error"]["message"]

    def stores(self):
        return {s["name"]: s for s in self.api("GetStores")}


class Made:
    """A message whose words are known."""

    def __init__(self, number, text="made"):
        self.number = number
        self.sender = random.choice(SENDERS)
        self.subject = [random.choice(WORDS) for _ in range(4)]
        self.body = [random.choice(WORDS) for _ in range(random.randrange(5, 60))]
        self.all = self.subject + self.body + re.findall(r"\w+", self.sender + " box@example.com")
        self.year = random.randrange(2010, 2026)
        self.bytes = (f"From: {self.sender}\nTo: box@example.com\nSubject: {' '.join(self.subject)}\n"
                      f"Date: Mon, 02 Nov {self.year} 10:{number // 60 % 60:02d}:{number % 60:02d} +0000\n"
                      f"Message-ID: <{text}.{number}@example.com>\n\n{' '.join(self.body)}\n").encode()


def has(message, *words):
    return all(w in message.subject or w in message.body for w in words)


def has_phrase(message, *words):
    n = len(words)
    return any(tuple(t[i:i + n]) == words for t in (message.subject, message.body) for i in range(len(t) - n + 1))


def queries():
    """A query and the function that says which messages it means."""
    for _ in range(12):
        a, b, c = random.sample(WORDS, 3)
        sender, year = random.choice(SENDERS), random.randrange(2010, 2026)
        yield a, lambda m, a=a: has(m, a)
        yield f"{a} {b}", lambda m, a=a, b=b: has(m, a, b)
        yield f"{a} -{b}", lambda m, a=a, b=b: has(m, a) and not has(m, b)
        yield f"({a} OR {b}) {c}", lambda m, a=a, b=b, c=c: (has(m, a) or has(m, b)) and has(m, c)
        yield f'"{a} {b}"', lambda m, a=a, b=b: has_phrase(m, a, b)
        yield f"subject:{a}", lambda m, a=a: a in m.subject
        yield f"from:{sender} {a}", lambda m, s=sender, a=a: m.sender == s and has(m, a)
        yield f"{a[:2]}*", lambda m, p=a[:2]: any(w.startswith(p) for w in m.all)
        yield f"date:{year} {a}", lambda m, y=year, a=a: m.year == y and has(m, a)
    yield "*", lambda m: True
    yield "nowhere", lambda m: False


def put(town, messages, archive="alice"):
    path = os.path.join(town.node.top, f"{archive}-{messages[0].number}-{time.monotonic_ns()}.mbox")
    with open(path, "wb") as f:
        for m in messages:
            f.write(b"From a@example.com Mon Nov  2 10:00:00 2026\n" + m.bytes + b"\n")
    report = town.node.import_files(town.id, archive, path)
    assert report["stored"] == len(messages), report


def put_bytes(town, messages):
    """Files of their own: an mbox would quote lines of an attachment."""
    paths = []
    for m in messages:
        paths.append(os.path.join(town.node.top, f"file-{m.number}.eml"))
        with open(paths[-1], "wb") as f:
            f.write(m.bytes)
    report = town.node.import_files(town.id, "alice", *paths)
    assert report["stored"] == len(messages), report


def wait_covered(town, seconds=120):
    """Until every message is in an index, as GetStores tells."""
    deadline = time.time() + seconds
    while True:
        try:
            stores = list(town.stores().values())
            if all(s["indexCoverage"] == 1 for s in stores) and all(s["indexProblem"] is None for s in stores):
                return stores
        except AssertionError:
            stores = None  # the instance is being started again
        assert time.time() < deadline, stores
        time.sleep(0.2)


def wait_up(town, seconds=60):
    """The instance was stopped or killed: its host starts it again."""
    deadline = time.time() + seconds
    while True:
        reply = town.node.api("GetStores", instanceID=town.id)
        if reply["statusCode"] == "succeeded":
            return
        assert time.time() < deadline, reply
        time.sleep(0.2)


def search(town, query, user="alice", **options):
    words = []
    for key, value in options.items():
        words += [f"--{key}"] + ([] if value is True else [str(value)])
    out = town.node.cli("search", "--as", f"{town.id}/{user}", "--json", *words, *([query] if query is not None else []),
                        env={"ARCHIVOLT_PASSWORD": "correct horse 9"}, timeout=300)
    return json.loads(out)


def check_all(town, messages, user="alice"):
    n = 0
    for query, means in queries():
        found = search(town, query, user, limit=1)
        want = sum(1 for m in messages if means(m))
        assert found["coverage"] == 1 and found["total"] == want, (query, found["total"], want, found["coverage"])
        n += 1
    return n


def use_no_index(node):
    with open(os.path.join(node.data, "archivolt-instance.conf"), "a") as f:
        f.write("search_index = no\n")


def log_of(node):
    with open(os.path.join(node.data, "logs", "instance_acme.log"), encoding="utf-8", errors="replace") as f:
        return f.read()


def index_of(town):
    return list(town.stores().values())[0]["indexPath"]


def subjects(found):
    return [m["subject"] for m in found["messages"]]


# ---- what is found ----


def test_words():
    with Node() as node:
        town = Town(node)
        messages = [Made(i) for i in range(400)]
        put(town, messages)
        stores = wait_covered(town)
        assert stores[0]["searchIndexesNeedRebuild"] is False and stores[0]["indexSize"] >= 0, stores
        count = check_all(town, messages)
        # Orders, and what lies beside the rows.
        found = search(town, "alpha", limit=1000, sort="subject", facets=True, snippets=True, explain=True)
        mine = [m for m in messages if has(m, "alpha")]
        assert subjects(found) == sorted(subjects(found)), found
        years = {f["value"]: f["count"] for f in found["facets"] if f["facet"] == "year"}
        for year in years:
            assert years[year] == sum(1 for m in mine if str(m.year) == year), (year, years)
        for row in found["messages"]:
            for at, n in row.get("marks", []):
                assert row["snippet"].encode()[at:at + n].decode().lower() == "alpha", row
        assert found["explain"], found
        sizes = [m["size"] for m in search(town, "alpha", limit=1000, sort="largest")["messages"]]
        assert sizes == sorted(sizes, reverse=True) and sorted(sizes) == sorted(len(m.bytes) for m in mine)
        dates = [m["date"] for m in search(town, "alpha", limit=1000)["messages"]]
        assert dates == sorted(dates, reverse=True)
        # Paging by cursor while mail arrives: every message of the beginning once, whatever came meanwhile.
        want = {m["id"] for m in search(town, "alpha", limit=1000, sort="oldest")["messages"]}
        pages, cursor, more = [], None, 1000
        while True:
            options = {"limit": 17, "sort": "oldest"}
            if cursor is not None:
                options["after"] = cursor
            page = search(town, "alpha", **options)["messages"]
            if not page:
                break
            pages += [m["id"] for m in page]
            cursor = page[-1]["cursor"]
            if more < 1100:
                fresh = [Made(i, "later") for i in range(more, more + 20)]
                put(town, fresh)
                messages += fresh
                more += 20
        assert len(pages) == len(set(pages)) and want <= set(pages), (len(pages), len(want))
        assert len(pages) <= sum(1 for m in messages if has(m, "alpha"))
        check_all(town, messages)
        print(count, "queries of", len(messages), "messages")
        # The same questions of an instance that uses no index.
        use_no_index(node)
        node.cli("instance", "restart", "acme")
        check_all(town, messages)
        assert "indexCoverage" not in list(town.stores().values())[0] or \
            list(town.stores().values())[0]["indexCoverage"] is None
        try:
            node.cli("stores", "index", "rebuild", "1", "--instance", "acme")
            raise AssertionError("rebuilt what is not used")
        except Failed as e:
            assert b"search_index" in e.stderr, e.stderr


def test_rights():
    with Node() as node:
        town = Town(node)
        node.create_user(town.id, "bob")
        hers, his = [Made(i) for i in range(60)], [Made(i, "his") for i in range(1000, 1080)]
        put(town, hers)
        put(town, his, "bob")
        wait_covered(town)
        check_all(town, hers)
        check_all(town, his, "bob")
        found = search(town, "*", facets=True)
        assert sum(f["count"] for f in found["facets"] if f["facet"] == "folder") == len(hers), found["facets"]
        # Erased mail is found no more, and its words leave the index.
        secret = Made(5000)
        secret.bytes = secret.bytes.replace(b"\n\n", b"\n\nxylophonist ")
        put(town, [secret])
        wait_covered(town)
        victim = search(town, "xylophonist")["messages"]
        assert len(victim) == 1
        town.api("DeleteMessage", id=victim[0]["id"], reason="test")
        assert search(town, "xylophonist")["total"] == 0
        town.api("EraseMessage", id=victim[0]["id"], reason="test")
        check_all(town, hers)
        wait_covered(town)
        deadline = time.time() + 30
        while "event=index.purged store=1" not in log_of(node) and time.time() < deadline:
            time.sleep(0.2)
        assert "event=index.purged store=1 state=ok" in log_of(node)
        town.api("VerifyStore", id=1, includeIndexes="true")
        check_all(town, hers)


# ---- what may happen to it ----


def test_kill():
    """Killed while it indexes and is searched: whatever answers with coverage 1 is right."""
    with Node() as node:
        town = Town(node)
        messages, wrong, answers = [], [], [0]
        done = threading.Event()

        def ask():
            while not done.is_set():
                word = random.choice(WORDS)
                before = sum(1 for m in list(messages) if has(m, word))
                try:
                    found = search(town, word, limit=1)
                except (Failed, AssertionError, OSError):
                    continue
                after = sum(1 for m in list(messages) if has(m, word)) + len(coming)
                if found["coverage"] == 1 and not before <= found["total"] <= after:
                    wrong.append((word, before, found["total"], after))
                answers[0] += 1

        coming = []
        askers = [threading.Thread(target=ask) for _ in range(2)]
        for a in askers:
            a.start()
        try:
            for i in range(4):
                coming[:] = [Made(n) for n in range(i * 300, i * 300 + 300)]
                put(town, coming)
                messages.extend(coming)
                coming.clear()
                assert node.kill("instance/acme") == 1
                wait_up(town)
        finally:
            done.set()
            for a in askers:
                a.join()
        assert not wrong, wrong[:5]
        wait_covered(town)
        print(answers[0], "answers,", check_all(town, messages), "queries after 4 kills")


def test_damage():
    with Node() as node:
        town = Town(node)
        messages = [Made(i) for i in range(300)]
        put(town, messages)
        wait_covered(town)
        check_all(town, messages)
        folder = index_of(town)
        # Without its folder it is made again by itself.
        node.cli("instance", "stop", "acme")
        shutil.rmtree(folder)
        node.cli("instance", "start", "acme")
        wait_up(town)
        check_all(town, messages)
        wait_covered(town)
        # Damaged it never gives a wrong answer, and mends itself.
        for round_number in range(4):
            node.cli("instance", "stop", "acme")
            files = [f for f in glob.glob(os.path.join(folder, "**"), recursive=True) if os.path.isfile(f)]
            for path in random.sample(files, min(len(files), 3)):
                size = os.path.getsize(path)
                if size == 0:
                    continue
                with open(path, "r+b") as f:
                    for _ in range(4):
                        at = random.randrange(size)
                        f.seek(at)
                        byte = f.read(1)
                        f.seek(at)
                        f.write(bytes([byte[0] ^ random.randrange(1, 256)]))
            node.cli("instance", "start", "acme")
            wait_up(town)
            check_all(town, messages)
            # Verify finds what no search has touched; a broken index is no broken mail.
            node.cli("stores", "verify", "1", "--include-indexes", "--instance", "acme", ok=(0, 3))
            wait_covered(town)
            check_all(town, messages)


def digest(node):
    log = node.cli("stores", "verify", "1", "--include-indexes", "--instance", "acme", "--json")
    done = node.run("stores", "verify", "1", "--include-indexes", "--instance", "acme")
    assert done.returncode == 0 and log, done
    return re.search(rb"digest ([0-9a-f]{64})", done.stderr).group(1)


def test_rebuild():
    with Node() as node:
        town = Town(node)
        messages = [Made(i) for i in range(500)]
        put(town, messages)
        wait_covered(town)
        before = digest(node)
        wrong, done = [], threading.Event()

        def ask():
            while not done.is_set():
                word = random.choice(WORDS)
                found = search(town, word, limit=1)
                want = sum(1 for m in messages if has(m, word))
                if found["coverage"] == 1 and found["total"] != want:
                    wrong.append((word, found["total"], want))

        asker = threading.Thread(target=ask)
        asker.start()
        try:
            for _ in range(3):
                node.cli("stores", "index", "rebuild", "1", "--instance", "acme")
            node.cli("stores", "index", "rebuild", "--all", "--instance", "acme")
        finally:
            done.set()
            asker.join()
        assert not wrong, wrong[:5]
        assert digest(node) == before
        check_all(town, messages)
        # Marked by hand: said until it is done, and over a restart.
        town.api("SelectAllStoreIndexesForRebuild")
        assert town.stores()["store-1"]["searchIndexesNeedRebuild"] is True
        node.cli("instance", "restart", "acme")
        assert "marked" in town.stores()["store-1"]["indexProblem"]
        assert town.api("RebuildSelectedStoreIndexes")["stores"] == 1
        assert town.stores()["store-1"]["searchIndexesNeedRebuild"] is False
        assert town.api("RebuildSelectedStoreIndexes")["stores"] == 0
        assert "store" in town.api("RebuildStoreIndex", ok=False, id=99)


# ---- attachments, configuration ----


def with_attachment(number, name, data, kind="application/octet-stream"):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"], m["To"], m["Subject"] = "anna@example.com", "box@example.com", f"with a file {number}"
    m["Date"], m["Message-ID"] = "Mon, 02 Nov 2026 10:00:00 +0000", f"<file.{number}@example.com>"
    m["X-Project"] = f"crocodile{number}"
    m.set_content("see the file")
    m.add_attachment(data, maintype=kind.split("/")[0], subtype=kind.split("/")[1], filename=name)
    made = Made(number)
    made.bytes = bytes(m)
    return made


def docx(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/'
                   '2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/'
                   'document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.'
                   'main+xml"/></Types>')
        z.writestr("word/document.xml", '<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/'
                   f'wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>')
    return out.getvalue()


def test_attachments():
    with Node() as node:
        town = Town(node)
        messages = [with_attachment(1, "plan.docx", docx("hippopotamus in a river")),
                    with_attachment(2, "broken.docx", docx("rhinoceros in a field")[:200]),
                    with_attachment(3, "sheet.xyz", b"\x00\x01\x02")]
        put(town, messages)
        stores = wait_covered(town)
        assert search(town, "attachment:hippopotamus")["total"] == 1
        assert search(town, "attachment:hippopotamus")["total"] == 1
        assert search(town, "body:hippopotamus")["total"] == 0
        assert stores[0]["indexUnreadAttachments"] == 1, stores
        # Another list: said, and in force for what is made with it only.
        shown = json.loads(node.cli("stores", "index", "--instance", "acme", "--json"))
        assert shown["config"]["attachmentExtensions"] is None and shown["config"]["includeAttachmentsOfPDFs"] is True
        node.cli("stores", "index", "set", "--extensions", "PDF .odt", "--headers", "X-Project", "--instance", "acme")
        assert town.api("GetIndexConfiguration")["attachmentExtensions"] == "odt pdf"
        store = town.stores()["store-1"]
        assert store["searchIndexesNeedRebuild"] is True and "configuration" in store["indexProblem"], store
        put(town, [with_attachment(4, "second.docx", docx("hippopotamus again"))])
        deadline = time.time() + 60
        while search(town, "attachment:hippopotamus")["total"] != 2 and time.time() < deadline:
            time.sleep(0.2)
        assert search(town, "attachment:hippopotamus")["total"] == 2, "an index is of one kind until it is made again"
        node.cli("instance", "restart", "acme")
        assert town.stores()["store-1"]["searchIndexesNeedRebuild"] is True
        node.cli("stores", "index", "rebuild", "--instance", "acme")
        wait_covered(town)
        assert town.stores()["store-1"]["searchIndexesNeedRebuild"] is False
        assert search(town, "attachment:hippopotamus")["total"] == 0
        assert search(town, "header:X-Project:crocodile4")["total"] == 1
        # A change and back again marks nothing.
        node.cli("stores", "index", "set", "--extensions", "odt", "--instance", "acme")
        assert town.stores()["store-1"]["searchIndexesNeedRebuild"] is True
        node.cli("stores", "index", "set", "--extensions", "pdf odt odt", "--instance", "acme")
        assert town.stores()["store-1"]["searchIndexesNeedRebuild"] is False
        try:
            node.cli("stores", "index", "set", "--headers", "a:b", "--instance", "acme")
            raise AssertionError("took what is no header field")
        except Failed as e:
            assert b"headerFields" in e.stderr, e.stderr


def test_documents():
    """Documents of the corpus, each in a message of its own, are found by words that another tool took from them."""
    need_corpus()
    with open(os.path.join(CORPUS, "expect", "docs-words.json")) as f:
        expected = json.load(f)
    with Node() as node:
        town = Town(node)
        unpack("docs.tar.zst", node.top)
        chosen = []
        for kind in ("docx", "pdf", "xlsx", "odt", "rtf"):
            names = sorted(n for n in expected if n.startswith(kind + "/") and expected[n]["words"])
            chosen += random.sample(names, min(4, len(names)))
        messages = []
        for number, name in enumerate(chosen):
            with open(os.path.join(node.top, "docs", name), "rb") as f:
                messages.append(with_attachment(number, os.path.basename(name), f.read()))
        put_bytes(town, messages)
        wait_covered(town)
        for number, name in enumerate(chosen):
            for word in expected[name]["words"]:
                if word == "paragraphthis":  # two words of two paragraphs, which the other tool glued
                    continue
                # The other tool took words of ASCII alone: they may be pieces of words.
                for query in (f'attachment:"{word}"', f"attachment:*{word}*"):
                    found = search(town, query, limit=1000)
                    if f"with a file {number}" in subjects(found):
                        break
                else:
                    raise AssertionError((name, word, found["total"]))
        print(len(chosen), "documents")


def test_corpus():
    """Terms of real mail: an index and the messages themselves give the same messages."""
    need_corpus()
    with open(os.path.join(CORPUS, "expect", "bulk-search.json")) as f:
        expected = json.load(f)["terms"]
    terms = [t["term"] if isinstance(t, dict) else t for t in expected]
    with Node() as node:
        town = Town(node)
        unpack("bulk/phishing-pot.tar.zst", node.top)
        files = sorted(f for f in glob.glob(os.path.join(node.top, "**", "phishing-pot", "**"), recursive=True)
                       if os.path.isfile(f))
        files = random.sample(files, min(300, len(files)))
        for i in range(0, len(files), 100):
            node.import_files(town.id, "alice", *files[i:i + 100], ok=(0, 3))
        wait_covered(town)
        queries = [f'"{t}"' for t in terms] + ["has:attachment", "size:>10K", "-the", "invo* OR account", "from:*.com"]
        with_index = {q: search(town, q, limit=1000) for q in queries}
        use_no_index(node)
        node.cli("instance", "restart", "acme")
        for q in queries:
            without = search(town, q, limit=1000)
            assert with_index[q]["total"] == without["total"], (q, with_index[q]["total"], without["total"])
            assert {m["id"] for m in with_index[q]["messages"]} == {m["id"] for m in without["messages"]}, q
        print(len(queries), "queries of", len(files), "messages,", sum(w["total"] > 0 for w in with_index.values()),
              "found something")


def test_saved():
    with Node() as node:
        town = Town(node)
        node.create_user(town.id, "bob")
        put(town, [Made(i) for i in range(30)])
        want = search(town, "alpha OR beta", limit=100, sort="oldest")
        assert search(town, "alpha OR beta", limit=100, sort="oldest", save="Greek letters") == want
        assert search(town, None, limit=100, saved="GREEK letters") == want
        env = {"ARCHIVOLT_PASSWORD": "correct horse 9"}
        listed = json.loads(node.cli("searches", "--as", "acme/alice", "--json", env=env))
        assert listed == [{"name": "Greek letters", "sort": "oldest", "query": "alpha OR beta"}], listed
        assert json.loads(node.cli("searches", "--as", "acme/bob", "--json", env=env)) == []
        assert node.run("search", "--as", "acme/bob", "--saved", "Greek letters", env=env).returncode == 6
        assert node.run("search", "--as", "acme/alice", "--save", "bad", "(alpha OR", env=env).returncode != 0
        node.cli("instance", "restart", "acme")
        assert len(json.loads(node.cli("searches", "--as", "acme/alice", "list", "--json", env=env))) == 1
        node.cli("searches", "--as", "acme/alice", "delete", "greek letters", env=env)
        assert json.loads(node.cli("searches", "--as", "acme/alice", "--json", env=env)) == []


main(test_words, test_rights, test_kill, test_damage, test_rebuild, test_attachments, test_documents,
     test_corpus, test_saved)
