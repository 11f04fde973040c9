#!/usr/bin/env python3
"""make_seeds.py: writes the small documents in corpus_ole, corpus_rtf, corpus_streams, corpus_tnef and corpus_zip anew.

Each holds the word "Walnuss" and a word of its own, which test_readers.c looks for. Run in this folder.
"""
import io
import os
import struct
import zipfile
import zlib


def put(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def package(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in files:
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            z.writestr(info, text)
    return out.getvalue()


OFFICE = [("[Content_Types].xml", "<Types/>"), ("_rels/.rels", "<Relationships/>")]


def zips():
    put("corpus_zip", "docx", package(OFFICE + [
        ("word/document.xml", "<w:document><w:body><w:p><w:r><w:t>Walnuss </w:t><w:tab/><w:t>docx</w:t></w:r></w:p>"
         "<w:p><w:r><w:instrText>HYPERLINK x</w:instrText></w:r></w:p></w:body></w:document>"),
        ("word/header1.xml", "<w:hdr><w:p><w:r><w:t>Kopfzeile</w:t></w:r></w:p></w:hdr>"),
        ("docProps/core.xml", "<c><dc:title>Titel</dc:title></c>")]))
    put("corpus_zip", "xlsx", package(OFFICE + [
        ("xl/workbook.xml", "<workbook><sheets><sheet name='Blatt'/></sheets></workbook>"),
        ("xl/sharedStrings.xml", "<sst><si><t>Walnuss</t></si><si><r><t>xl</t></r><r><t>sx</t></r></si></sst>"),
        ("xl/worksheets/sheet1.xml", "<worksheet><sheetData><row><c t='s'><v>1</v></c><c t='s'><v>0</v></c><c><v>4711"
         "</v></c><c t='inlineStr'><is><t>inline</t></is></c></row></sheetData><headerFooter><oddHeader>&amp;L&amp;8Kopf"
         "</oddHeader></headerFooter></worksheet>")]))
    put("corpus_zip", "pptx", package(OFFICE + [
        ("ppt/slides/slide10.xml", "<p:sld><a:p><a:t>zehnte</a:t></a:p></p:sld>"),
        ("ppt/slides/slide2.xml", "<p:sld><a:p><a:t>Walnuss</a:t><a:br/><a:t>pptx</a:t></a:p></p:sld>")]))
    put("corpus_zip", "odt", package([("mimetype", "application/vnd.oasis.opendocument.text"),
        ("content.xml", "<o:document-content><o:body><text:p>Wal<text:span>nuss</text:span> odt</text:p></o:body>"
         "</o:document-content>"), ("meta.xml", "<m><dc:title>Titel</dc:title></m>")]))
    put("corpus_zip", "epub", package([("mimetype", "application/epub+zip"), ("META-INF/container.xml", "<c/>"),
        ("one.xhtml", "<html><p>Walnuss <b>epub</b></html>")]))
    put("corpus_zip", "files", package([("a.txt", "Walnuss files"), ("b.bin", "\0\1\2"), ("inner.zip",
        package([("c.txt", "innermost")]))]))


def cfb(streams):
    """streams: [(path of names, bytes)]; all small ones padded to 4096, so that there is no mini stream."""
    storages, entries = {(): 0}, [["Root Entry", 5, None, b""]]
    for path, data in streams:
        for i in range(1, len(path)):
            if path[:i] not in storages:
                storages[path[:i]] = len(entries)
                entries.append([path[i - 1], 1, storages[path[:i - 1]], b""])
        entries.append([path[-1], 2, storages[path[:-1]], data])
    children = {}
    for i, e in enumerate(entries):
        if e[2] is not None:
            children.setdefault(e[2], []).append(i)
    sibling = {}
    for kids in children.values():
        for a, b in zip(kids, kids[1:]):
            sibling[a] = b
    while len(entries) % 4:
        entries.append(["", 0, None, b""])
    fat, body, none = [], b"", 0xFFFFFFFF

    def add(data):
        nonlocal body
        if not data:
            return 0xFFFFFFFE
        first, n = len(fat), (len(data) + 511) // 512
        for i in range(n):
            fat.append(first + i + 1 if i + 1 < n else 0xFFFFFFFE)
        body += data.ljust(n * 512, b"\0")
        return first

    directory = b""
    for i, (name, kind, _parent, data) in enumerate(entries):
        start = add(data) if kind == 2 else 0
        units = (name + "\0").encode("utf-16le") if name else b""
        directory += (units.ljust(64, b"\0") + struct.pack("<HBBIII", len(units), kind, 1, none, sibling.get(i, none),
                      children[i][0] if i in children else none) + bytes(36) + struct.pack("<IQ", start, len(data)))
    dir_at = add(directory)
    fat_at = len(fat)
    fat.append(0xFFFFFFFD)
    assert len(fat) <= 128
    body += struct.pack("<%dI" % len(fat), *fat).ljust(512, b"\xff")
    head = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10) +
            struct.pack("<IIIIIIIII", 1, dir_at, 0, 0, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, fat_at)).ljust(512, b"\xff")
    return head + body


def word():
    text = "Walnuss doc\x07Zelle\rWört"
    stream = bytearray(0x200)
    struct.pack_into("<HHHHHH", stream, 0, 0xA5EC, 0xC1, 0, 0, 0, 0x0200)
    eight, wide = text[:12].encode("cp1252"), text[12:].encode("utf-16le")
    struct.pack_into("<II", stream, 0x1A2, 0, 0)
    pieces = struct.pack("<III", 0, len(eight), len(text))
    pieces += struct.pack("<HIH", 0, 0x40000000 | 0x200 * 2, 0) + struct.pack("<HIH", 0, 0x200 + len(eight), 0)
    table = b"\2" + struct.pack("<I", len(pieces)) + pieces
    struct.pack_into("<II", stream, 0x1A2, 0, len(table))
    return bytes(stream) + eight + wide, table


def record(kind, data):
    return struct.pack("<HH", kind, len(data)) + data


def book():
    sst = struct.pack("<II", 2, 2) + struct.pack("<HB", 7, 0) + b"Wal"
    more = b"\1" + "nuss".encode("utf-16le") + struct.pack("<HB", 3, 0) + b"xls"
    return (record(0x809, struct.pack("<HH", 0x600, 5) + bytes(12)) + record(0x85, struct.pack("<IHBB", 0, 0, 5, 0) + b"Blatt") +
            record(0xFC, sst) + record(0x3C, more) + record(0xFD, struct.pack("<HHHI", 0, 0, 0, 0)) +
            record(0xFD, struct.pack("<HHHI", 0, 1, 0, 1)) + record(0x203, struct.pack("<HHHd", 1, 0, 0, 4711.5)) +
            record(0x27E, struct.pack("<HHHI", 1, 1, 0, 42 << 2 | 2)) + record(0x0A, b""))


def atom(kind, data, version=0):
    return struct.pack("<HHI", version, kind, len(data)) + data


def deck():
    inner = cfb([(("Workbook",), book().ljust(4096, b"\0"))])
    return atom(0x03E8, atom(0x0FA0, "Walnuss".encode("utf-16le")) + atom(0x0FA8, b"ppt\x0bLine") +
                struct.pack("<HHI", 0x10, 0x1011, len(zlib.compress(inner)) + 4) + struct.pack("<I", len(inner)) +
                zlib.compress(inner), 15)


def message():
    def pad(b):
        return b.ljust(4096, b"\0")
    # Streams are padded: the text ends at the first of the NULs that fill the stream.
    return cfb([(("__properties_version1.0",), pad(b"")), (("__substg1.0_0037001F",), pad("Walnuss msg".encode("utf-16le"))),
                (("__substg1.0_1000001E",), pad(b"Rumpf")),
                (("__attach_version1.0_#00000000", "__substg1.0_3707001F"), pad("a.txt".encode("utf-16le"))),
                (("__attach_version1.0_#00000000", "__substg1.0_37010102"), b"Anlage ".ljust(4096, b"."))])


def oles():
    stream, table = word()
    # What is shorter than 4096 bytes would lie in the mini stream, which these files have not.
    put("corpus_ole", "doc", cfb([(("WordDocument",), stream.ljust(4096, b"\0")), (("1Table",), table.ljust(4096, b"\0"))]))
    put("corpus_ole", "xls", cfb([(("Workbook",), book().ljust(4096, b"\0"))]))
    put("corpus_ole", "ppt", cfb([(("PowerPoint Document",), deck().ljust(4096, b"\0"))]))
    put("corpus_ole", "msg", message())
    put("corpus_ole", "native", cfb([(("\1Ole10Native",), (struct.pack("<IH", 50, 2) + b"a.txt\0c:\\a.txt\0" + struct.pack(
        "<II", 3, 9) + b"c:\\a.txt\0" + struct.pack("<I", 14) + b"Walnuss native").ljust(4096, b"\0"))]))
    put("corpus_streams", "doc", bytes([0]) + struct.pack("<H", len(table)) + table + stream)
    put("corpus_streams", "xls", bytes([1]) + book())
    put("corpus_streams", "ppt", bytes([2]) + deck()[:60])
    put("corpus_streams", "lzfu", bytes([3]) + bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"))
    put("corpus_streams", "xml", bytes([4]) + b"<a xmlns:w='x'><w:p>Walnuss<w:r>xml</w:r></w:p><!-- c --><![CDATA[d]]></a>")
    put("corpus_streams", "html", bytes([5]) + b"<meta charset=iso-8859-2><p>Walnuss</p>")
    put("corpus_streams", "tar", bytes([6]) + tar("a.txt", b"Walnuss tar"))
    put("corpus_streams", "gzip", bytes([7]) + b"\x1f\x8b\x08\0\0\0\0\0\0\3" + zlib.compress(b"Walnuss gzip")[2:-4] +
        struct.pack("<II", zlib.crc32(b"Walnuss gzip"), 12))
    put("corpus_streams", "mail", bytes([8]) + b"Subject: =?utf-8?q?Walnuss?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"
        b"mail\n--b\nContent-Disposition: attachment; filename=a.rtf\n\n{\\rtf1 attached}\n--b--\n")


def tar(name, data):
    head = bytearray(512)
    head[0:len(name)] = name.encode()
    head[124:136] = b"%011o\0" % len(data)
    head[156:157] = b"0"
    head[257:263] = b"ustar\0"
    return bytes(head) + data.ljust((len(data) + 511) // 512 * 512, b"\0")


def rtfs():
    put("corpus_rtf", "plain", rb"{\rtf1\ansi\ansicpg1252 Walnuss\tab rtf\par W\'f6rt {\b fe}tt}")
    put("corpus_rtf", "fonts", rb"{\rtf1{\fonttbl{\f0\fcharset204 Arial Cyr;}{\f1\fcharset128 MS;}}Walnuss \f0 \'cf\'f0\'e8"
        rb"\f1 \'83A\'83\'42 fonts}")
    put("corpus_rtf", "unicode", rb"{\rtf1\uc1 Walnuss \u8364? \u-10179?\u-9085? {\uc0\u228}h unicode}")
    put("corpus_rtf", "skipped", rb"{\rtf1{\colortbl;\red0;}{\pict 0011}{\*\unknown hidden}{\info{\title Titel}}{\bin3 }}}}"
        rb"{\field{\*\fldinst HYPERLINK x}{\fldrslt Walnuss skipped}}}")


def attribute(level, ident, data):
    return struct.pack("<BII", level, ident, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def prop(kind, ident, data):
    return struct.pack("<HHII", kind, ident, 1, len(data)) + data + bytes(-len(data) % 4)


def tnefs():
    begin = b"\x78\x9f\x3e\x22\1\0"
    inner = begin + attribute(1, 0x00018004, b"inner subject\0")
    put("corpus_tnef", "plain", begin + attribute(1, 0x00069007, struct.pack("<II", 1252, 0)) +
        attribute(1, 0x00018004, b"Walnuss tnef\0") + attribute(1, 0x0002800C, b"Rumpf W\xf6rter\0") +
        attribute(2, 0x00069002, bytes(14)) + attribute(2, 0x00018010, b"a.txt\0") + attribute(2, 0x0006800F, b"Anlage"))
    named = struct.pack("<HH", 0x1F, 0x8001) + bytes(16) + struct.pack("<II", 1, 4) + "n\0".encode("utf-16le")
    named += struct.pack("<II", 1, 4) + "v\0".encode("utf-16le")
    props = struct.pack("<I", 3) + prop(0x1F, 0x1000, "Walnuss props\0".encode("utf-16le")) + struct.pack(
        "<HHI", 3, 0x3FFD, 1252) + named
    put("corpus_tnef", "props", begin + attribute(1, 0x00069003, props) + attribute(2, 0x00069002, bytes(14)) +
        attribute(2, 0x00069005, struct.pack("<I", 2) + prop(0x1E, 0x3707, b"inner\0") + prop(0x0D, 0x3701, bytes(16) + inner)))


if __name__ == "__main__":
    zips()
    oles()
    rtfs()
    tnefs()
