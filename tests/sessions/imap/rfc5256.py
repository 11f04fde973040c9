"""rfc5256.py - SORT and THREAD written down step by step as RFC 5256 has them, to hold a server's answers against.

A message is anything with .number, .date (unix), .arrival (unix), .size, .subject (decoded), .id (message id or None),
.refs (ids, oldest first), .from_box, .to_box, .cc_box (local parts). Messages come in the order of their numbers.
"""
import re
import unicodedata


def casemap(text):
    """i;unicode-casemap, RFC 5051."""
    return "".join(unicodedata.normalize("NFKD", c.title() if len(c.title()) == 1 else c) for c in text).encode()


BLOB = r"\[[^\[\]]*\][ \t]*"
LEADER = re.compile(rf"(?:{BLOB})*(?:re|fwd?)[ \t]*(?:{BLOB})?:|[ \t]+", re.I)


def base_subject(subject):
    """The base subject, and whether it is that of a reply or forward (2.1)."""
    s = re.sub(r"[ \t\r\n]+", " ", subject)
    reply = False
    while True:
        while True:
            t = s.rstrip(" ")
            if t.lower().endswith("(fwd)"):
                t, reply = t[:-5], True
            if t == s:
                break
            s = t
        while True:
            m = LEADER.match(s)
            if m and m.end() > 0:
                reply = reply or m.group().strip() != ""
                s = s[m.end():]
                continue
            m = re.match(BLOB, s)
            if m and s[m.end():] != "":
                s = s[m.end():]
                continue
            break
        if s.lower().startswith("[fwd:") and s.endswith("]"):
            s, reply = s[5:-1], True
            continue
        return s, reply


def sort_key(message, field):
    if field == "SUBJECT":
        return casemap(base_subject(message.subject)[0])
    if field in ("FROM", "TO", "CC"):
        return casemap(getattr(message, field.lower() + "_box"))
    return {"DATE": message.date, "ARRIVAL": message.arrival, "SIZE": message.size}[field]


def sort(messages, criteria):
    """criteria: "REVERSE DATE SUBJECT"."""
    order = sorted(messages, key=lambda m: m.number)
    words = criteria.split()
    keys = [(w, i > 0 and words[i - 1] == "REVERSE") for i, w in enumerate(words) if w != "REVERSE"]
    for field, reverse in reversed(keys):
        values = {id(m): sort_key(m, field) for m in order}
        order = sorted(order, key=lambda m: values[id(m)], reverse=reverse)  # ties stay as they are either way
    return [m.number for m in order]


class Node:

    def __init__(self, message=None):
        self.message, self.parent, self.children = message, None, []

    def adopt(self, child):
        if child.parent is not None:
            child.parent.children.remove(child)
        child.parent = self
        if self is not None:
            self.children.append(child)

    def leave(self):
        if self.parent is not None:
            self.parent.children.remove(self)
        self.parent = None

    def is_above(self, other):
        while other is not None:
            if other is self:
                return True
            other = other.parent
        return False

    def first(self):
        return self.message if self.message else self.children[0].message

    def shape(self):
        return (self.message.number if self.message else 0, [c.shape() for c in self.children])


def by_date(nodes):
    nodes.sort(key=lambda n: (n.first().date, n.first().number))


def link(messages):
    nodes, ids = [], {}
    for m in messages:
        node = Node(m)
        nodes.append(node)
        if m.id and m.id not in ids:
            ids[m.id] = node
    every = list(nodes)
    for node in nodes:
        before = None
        for ref in node.message.refs:
            if ref not in ids:
                ids[ref] = Node()
                every.append(ids[ref])
            at = ids[ref]
            if before is not None and at.parent is None and not at.is_above(before):
                before.adopt(at)
            before = at
        node.leave()
        if before is not None and not node.is_above(before):
            before.adopt(node)
    return [n for n in every if n.parent is None]


def prune(nodes, top=True):
    kept = []
    for n in nodes:
        n.children = prune(n.children, False)
        if n.message is None and (not n.children or not top or len(n.children) == 1):
            kept += n.children
        else:
            kept.append(n)
    return kept


def references(messages):
    roots = prune(link(sorted(messages, key=lambda m: m.number)))

    def settle(nodes):
        for n in nodes:
            settle(n.children)
        by_date(nodes)

    settle(roots)
    subject = {}
    for root in roots:
        subject[id(root)] = base_subject(root.first().subject)
    table = {}

    def text(root):
        return casemap(subject[id(root)][0])

    def is_reply(root):
        return root.message is not None and base_subject(root.message.subject)[1]

    for root in roots:
        if text(root) == b"":
            continue
        old = table.get(text(root))
        if old is None or (old.message is not None and
                           (root.message is None or (is_reply(old) and not is_reply(root)))):
            table[text(root)] = root
    left = list(roots)
    for root in roots:
        if text(root) == b"" or table[text(root)] is root:
            continue
        old = table[text(root)]
        left.remove(root)
        if old.message is None and root.message is None:
            old.children += root.children
        elif old.message is None or (is_reply(root) and not is_reply(old)):
            old.children.append(root)
        else:
            over = Node()
            over.children = [old, root]
            left[left.index(old)] = over
            table[text(root)] = over
    settle(left)
    return [n.shape() for n in left]


def ordered_subject(messages):
    threads = {}
    for m in sorted(messages, key=lambda m: (m.date, m.number)):
        threads.setdefault(casemap(base_subject(m.subject)[0]), []).append(m)
    rows = sorted(threads.values(), key=lambda t: (t[0].date, t[0].number))
    return [(t[0].number, [(m.number, []) for m in t[1:]]) for t in rows]


def write(threads):
    """As a THREAD response has them (4)."""

    def one(node):
        number, children = node
        text = str(number) if number else ""
        if len(children) == 1:
            return text + " " + one(children[0])
        if children:
            return text + (" " if text else "") + "".join(f"({one(c)})" for c in children)
        return text

    return "".join(f"({one(t)})" for t in threads)
