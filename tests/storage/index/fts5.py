#!/usr/bin/python3
# What SQLite's FTS5 answers to the queries of test_fts5.c, against what an index answered.
#
#   fts5.py FILE     a line a record, fields parted by tabs:
#     D column...          a document: its fields as tokens, parted by blanks; m12 stands for what parts two words that are
#                          not parted by white space alone
#     Q kind query ids     the documents that match `query`, by the index
#     N kind low high ids  by the index those that match `low` and of those that match `high` (tokens m... left out)
#
# Documents count from 0 in both. Exit code 1 when an answer differs, 77 when this SQLite has no FTS5.
import re
import sqlite3
import sys

COLUMNS = ("subject", "body", "from_", "to_", "cc", "bcc", "filename", "attachment")


def open_tables():
    db = sqlite3.connect(":memory:")
    try:
        for name in ("marks", "plain"):
            db.execute("CREATE VIRTUAL TABLE %s USING fts5(%s, content='', detail=full, tokenize='ascii')"
                       % (name, ", ".join(COLUMNS)))
    except sqlite3.OperationalError as e:
        print("SKIP: SQLite without FTS5: %s" % e)
        sys.exit(77)
    return db


def add(db, number, columns):
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    names = ", ".join(COLUMNS)
    plain = [re.sub(r"\bm[0-9]+ ", "", c) for c in columns]
    db.execute("INSERT INTO marks(rowid, %s) VALUES (%s)" % (names, marks), [number + 1] + columns)
    db.execute("INSERT INTO plain(rowid, %s) VALUES (%s)" % (names, marks), [number + 1] + plain)


def ask(db, table, query):
    return {row[0] - 1 for row in db.execute("SELECT rowid FROM %s WHERE %s MATCH ?" % (table, table), [query])}


def numbers(text):
    return {int(n) for n in text.split()}


def main():
    db = open_tables()
    documents = wrong = 0
    asked = {}
    between = 0
    for line in open(sys.argv[1], encoding="ascii"):
        record = line.rstrip("\n").split("\t")
        if record[0] == "D":
            add(db, documents, record[1:])
            documents += 1
            continue
        ours = numbers(record[-1])
        if record[0] == "Q":
            low = high = ask(db, "marks", record[2])
        else:
            low, high = ask(db, "plain", record[2]), ask(db, "plain", record[3])
            between += len(high - low)
        kind = asked.setdefault(record[1], [0, 0])
        kind[0] += 1
        kind[1] += len(ours)
        if not low <= ours <= high:
            wrong += 1
            print("FAILED: %s %s: the index alone %s, FTS5 alone %s"
                  % (record[1], record[2], sorted(ours - high)[:5], sorted(low - ours)[:5]))
    for name, (queries, found) in sorted(asked.items()):
        print("    %-8s %6d queries, %7d documents found" % (name, queries, found))
    print("    SQLite %s, %d documents; %d answers to NEAR lie between both ways to count words"
          % (sqlite3.sqlite_version, documents, between))
    sys.exit(1 if wrong else 0)


main()
