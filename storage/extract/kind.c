/*
 * kind.c - see kind.h
 */
#include "storage/extract/kind.h"

#include <stdio.h>

static const struct by_extension {
    const char *extension;
    av_kind kind;
} extensions[] = {
    { "pdf", AV_KIND_PDF },
    { "docx", AV_KIND_ZIP },
    { "docm", AV_KIND_ZIP },
    { "dotx", AV_KIND_ZIP },
    { "dotm", AV_KIND_ZIP },
    { "xlsx", AV_KIND_ZIP },
    { "xlsm", AV_KIND_ZIP },
    { "xltx", AV_KIND_ZIP },
    { "xltm", AV_KIND_ZIP },
    { "pptx", AV_KIND_ZIP },
    { "pptm", AV_KIND_ZIP },
    { "ppsx", AV_KIND_ZIP },
    { "ppsm", AV_KIND_ZIP },
    { "potx", AV_KIND_ZIP },
    { "potm", AV_KIND_ZIP },
    { "odt", AV_KIND_ZIP },
    { "ott", AV_KIND_ZIP },
    { "ods", AV_KIND_ZIP },
    { "ots", AV_KIND_ZIP },
    { "odp", AV_KIND_ZIP },
    { "otp", AV_KIND_ZIP },
    { "odg", AV_KIND_ZIP },
    { "epub", AV_KIND_ZIP },
    { "pages", AV_KIND_ZIP },
    { "numbers", AV_KIND_ZIP },
    { "key", AV_KIND_ZIP },
    { "zip", AV_KIND_ZIP },
    { "doc", AV_KIND_OLE },
    { "dot", AV_KIND_OLE },
    { "xls", AV_KIND_OLE },
    { "xlt", AV_KIND_OLE },
    { "ppt", AV_KIND_OLE },
    { "pps", AV_KIND_OLE },
    { "pot", AV_KIND_OLE },
    { "msg", AV_KIND_OLE },
    { "rtf", AV_KIND_RTF },
    { "htm", AV_KIND_HTML },
    { "html", AV_KIND_HTML },
    { "xhtml", AV_KIND_HTML },
    { "xml", AV_KIND_XML },
    { "fodt", AV_KIND_XML },
    { "fods", AV_KIND_XML },
    { "fodp", AV_KIND_XML },
    { "eml", AV_KIND_MAIL },
    { "mht", AV_KIND_MAIL },
    { "mhtml", AV_KIND_MAIL },
    { "tnef", AV_KIND_TNEF },
    { "gz", AV_KIND_GZIP },
    { "tgz", AV_KIND_GZIP },
    { "tar", AV_KIND_TAR },
    { "txt", AV_KIND_TEXT },
    { "text", AV_KIND_TEXT },
    { "csv", AV_KIND_TEXT },
    { "tsv", AV_KIND_TEXT },
    { "md", AV_KIND_TEXT },
    { "log", AV_KIND_TEXT },
    { "ics", AV_KIND_TEXT },
    { "vcf", AV_KIND_TEXT },
    { "json", AV_KIND_TEXT },
};

static const struct by_type {
    const char *type;
    av_kind kind;
} types[] = {
    { "application/pdf", AV_KIND_PDF },
    { "application/x-pdf", AV_KIND_PDF },
    { "application/msword", AV_KIND_OLE },
    { "application/vnd.ms-excel", AV_KIND_OLE },
    { "application/vnd.ms-powerpoint", AV_KIND_OLE },
    { "application/vnd.ms-outlook", AV_KIND_OLE },
    { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", AV_KIND_ZIP },
    { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", AV_KIND_ZIP },
    { "application/vnd.openxmlformats-officedocument.presentationml.presentation", AV_KIND_ZIP },
    { "application/vnd.oasis.opendocument.text", AV_KIND_ZIP },
    { "application/vnd.oasis.opendocument.spreadsheet", AV_KIND_ZIP },
    { "application/vnd.oasis.opendocument.presentation", AV_KIND_ZIP },
    { "application/epub+zip", AV_KIND_ZIP },
    { "application/zip", AV_KIND_ZIP },
    { "application/x-zip-compressed", AV_KIND_ZIP },
    { "application/rtf", AV_KIND_RTF },
    { "text/rtf", AV_KIND_RTF },
    { "text/html", AV_KIND_HTML },
    { "application/xhtml+xml", AV_KIND_HTML },
    { "text/xml", AV_KIND_XML },
    { "application/xml", AV_KIND_XML },
    { "message/rfc822", AV_KIND_MAIL },
    { "application/ms-tnef", AV_KIND_TNEF },
    { "application/vnd.ms-tnef", AV_KIND_TNEF },
    { "application/gzip", AV_KIND_GZIP },
    { "application/x-gzip", AV_KIND_GZIP },
    { "application/x-tar", AV_KIND_TAR },
    { "text/plain", AV_KIND_TEXT },
    { "text/csv", AV_KIND_TEXT },
    { "text/calendar", AV_KIND_TEXT },
    { "text/vcard", AV_KIND_TEXT },
    { "application/json", AV_KIND_TEXT },
};

static const char *const canonical[AV_KIND_COUNT] = { [AV_KIND_NONE] = "",
    [AV_KIND_PDF] = "pdf",
    [AV_KIND_ZIP] = "zip",
    [AV_KIND_OLE] = "doc",
    [AV_KIND_RTF] = "rtf",
    [AV_KIND_HTML] = "html",
    [AV_KIND_XML] = "xml",
    [AV_KIND_MAIL] = "eml",
    [AV_KIND_TNEF] = "tnef",
    [AV_KIND_GZIP] = "gz",
    [AV_KIND_TAR] = "tar",
    [AV_KIND_TEXT] = "txt" };

void
av_kind_extension(av_span name, char *ret)
{
    size_t dot, n = 0;

    ret[0] = '\0';
    name = av_span_trim(name);
    dot = name.n;
    while (dot > 0 && name.p[dot - 1] != '.')
        dot--;
    if (dot == 0 || dot == name.n || name.n - dot > AV_EXTENSION_MAX)
        return;
    for (size_t i = dot; i < name.n; i++) {
        uint8_t c = name.p[i];

        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + ('a' - 'A'));
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+')) {
            ret[0] = '\0';
            return;
        }
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
}

av_kind
av_kind_of_extension(const char *extension)
{
    for (size_t i = 0; i < AV_COUNT(extensions); i++)
        if (strcmp(extensions[i].extension, extension) == 0)
            return extensions[i].kind;
    return AV_KIND_NONE;
}

av_kind
av_kind_of_type(av_span type)
{
    for (size_t i = 0; i < AV_COUNT(types); i++)
        if (av_span_ieq_str(type, types[i].type))
            return types[i].kind;
    return AV_KIND_NONE;
}

static bool
has_at(av_span bytes, size_t at, const char *what, size_t n)
{
    return bytes.n >= at + n && memcmp(bytes.p + at, what, n) == 0;
}

static bool
begins_with(av_span text, const char *what)
{
    size_t n = strlen(what);

    return text.n >= n && av_span_ieq(av_span_slice(text, 0, n), av_span_str(what));
}

av_kind
av_kind_of_bytes(av_span bytes)
{
    av_span text = av_span_trim(av_span_slice(bytes, 0, AV_MIN(bytes.n, (size_t)1024)));

    if (has_at(bytes, 0, "PK\3\4", 4) || has_at(bytes, 0, "PK\5\6", 4))
        return AV_KIND_ZIP;
    if (has_at(bytes, 0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8))
        return AV_KIND_OLE;
    if (has_at(bytes, 0, "\x1F\x8B\x08", 3))
        return AV_KIND_GZIP;
    if (has_at(bytes, 0, "\x78\x9F\x3E\x22", 4))
        return AV_KIND_TNEF;
    if (has_at(bytes, 257, "ustar", 5))
        return AV_KIND_TAR;
    if (begins_with(text, "{\\rtf"))
        return AV_KIND_RTF;
    for (size_t i = 0; i + 5 <= text.n; i++) /* readers take a PDF whose header lies anywhere in the first KB */
        if (memcmp(text.p + i, "%PDF-", 5) == 0)
            return AV_KIND_PDF;
    if (begins_with(text, "\xEF\xBB\xBF"))
        text = av_span_trim(av_span_skip(text, 3));
    if (begins_with(text, "<!doctype html") || begins_with(text, "<html"))
        return AV_KIND_HTML;
    if (begins_with(text, "<?xml"))
        return AV_KIND_XML;
    if (begins_with(text, "MIME-Version:"))
        return AV_KIND_MAIL;
    return AV_KIND_NONE;
}

static bool
is_text_kind(av_kind kind)
{
    return kind == AV_KIND_TEXT || kind == AV_KIND_HTML || kind == AV_KIND_XML || kind == AV_KIND_MAIL;
}

av_kind
av_kind_of(const char *extension, av_span type, av_span bytes)
{
    av_kind found = av_kind_of_bytes(bytes);
    av_kind named = av_kind_of_extension(extension);

    if (named == AV_KIND_NONE)
        named = av_kind_of_type(type);
    if (found == AV_KIND_NONE)
        return named == AV_KIND_NONE && extension[0] != '\0' ? AV_KIND_TEXT : named;
    if (found == AV_KIND_XML && named == AV_KIND_HTML)
        return named;
    if (found == AV_KIND_PDF && is_text_kind(named) && !has_at(bytes, 0, "%PDF-", 5))
        return named; /* text about PDF */
    return found;
}

const char *
av_kind_canonical(av_kind kind)
{
    assert(kind < AV_KIND_COUNT);
    return canonical[kind];
}
