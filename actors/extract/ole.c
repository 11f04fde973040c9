/*
 * ole.c - what a compound file is: a Word, Excel or PowerPoint document, a message, a package inside another document
 */
#include "actors/extract/ole.h"

#include <stdio.h>

#include "actors/extract/readers.h"

/* A stream's bytes into out (initialised here), also when its end is missing. false: there is no such stream. */
static bool
stream(const av_cfb *file, uint32_t parent, const char *name, av_buf *out, av_errc *rc, av_error *err)
{
    uint32_t entry = av_cfb_find(file, parent, name);

    av_buf_init(out, file->bytes.n + 4096);
    if (entry == AV_CFB_NONE || !file->entries[entry].is_stream)
        return false;
    *rc = av_cfb_read(file, entry, out, err);
    return true;
}

static av_errc
read_doc(av_job *job, const av_cfb *file, uint32_t storage, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf word = { 0 };
    AV_CLEANUP(av_buf_release) av_buf table_0 = { 0 };
    AV_CLEANUP(av_buf_release) av_buf table_1 = { 0 };
    av_errc rc = AV_OK, ignored, text_rc;
    av_error ignored_err;

    (void)stream(file, storage, "WordDocument", &word, &rc, err);
    (void)stream(file, storage, "0Table", &table_0, &ignored, &ignored_err);
    (void)stream(file, storage, "1Table", &table_1, &ignored, &ignored_err);
    text_rc = av_doc_text(job, av_buf_span(&word), (const av_span[2]){ av_buf_span(&table_0), av_buf_span(&table_1) },
        rc == AV_OK ? err : &ignored_err);
    return rc != AV_OK ? rc : text_rc;
}

/* The document whose streams lie in this storage. AV_ERR_UNSUPPORTED: none of ours. */
static av_errc
read_storage(av_job *job, const av_cfb *file, uint32_t storage, av_error *err)
{
    static const struct one {
        const char *name;
        av_errc (*read)(av_job *job, av_span bytes, av_error *err);
    } streams[] = { { "Workbook", av_xls_text }, { "Book", av_xls_text }, { "PowerPoint Document", av_ppt_text } };

    if (av_cfb_find(file, storage, "WordDocument") != AV_CFB_NONE)
        return read_doc(job, file, storage, err);
    for (size_t i = 0; i < AV_COUNT(streams); i++) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        av_errc rc = AV_OK, text_rc;
        av_error ignored;

        if (!stream(file, storage, streams[i].name, &bytes, &rc, err))
            continue;
        text_rc = streams[i].read(job, av_buf_span(&bytes), rc == AV_OK ? err : &ignored);
        return rc != AV_OK ? rc : text_rc;
    }
    return av_error_set(err, AV_ERR_UNSUPPORTED, "of a program whose files are not read");
}

/* [MS-PPT] 2.3.2: beside the presentation, a stream says that the one is encrypted. */
static bool
is_encrypted_deck(const av_cfb *file)
{
    AV_CLEANUP(av_buf_release) av_buf user = { 0 };
    av_errc rc;
    av_error err;

    return stream(file, AV_CFB_ROOT, "Current User", &user, &rc, &err) && user.n >= 16 &&
           memcmp(user.p + 12, "\xDF\xC4\xD1\xF3", 4) == 0;
}

/* [MS-OLEDS] 2.3.6: a file put into a document: size, label, file name, path, size, bytes. */
static void
put_native(av_job *job, av_span s)
{
    av_span name, bytes;
    uint32_t n;
    uint16_t flags;

    if (!av_span_get_u32(&s, &n) || !av_span_get_u16(&s, &flags))
        return;
    name = av_span_slice(s, 0, av_span_find(s, 0));
    s = av_span_skip(s, AV_MIN(name.n + 1, s.n));
    s = av_span_skip(s, AV_MIN(av_span_find(s, 0) + 1, s.n));
    if (s.n < 8)
        return;
    s = av_span_skip(s, 4);
    if (!av_span_get_u32(&s, &n) || n > s.n)
        return;
    s = av_span_skip(s, n);
    if (!av_span_get_u32(&s, &n))
        return;
    bytes = av_span_slice(s, 0, AV_MIN((size_t)n, s.n));
    (void)av_job_nested(job, name, (av_span){ 0 }, bytes);
}

/* Documents put into this one: as a package, as a whole file, or as the streams of their own program. */
static void
put_embedded(av_job *job, const av_cfb *file)
{
    for (uint32_t i = 0; i < file->count && !job->out.full && job->items_left > 0; i++) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        const av_cfb_entry *e = &file->entries[i];
        av_error err;
        bool native = strcmp(e->name, "\1Ole10Native") == 0;

        if (i != AV_CFB_ROOT && e->is_storage && e->parent != AV_CFB_NONE) {
            job->items_left--;
            (void)av_job_line(job);
            (void)read_storage(job, file, i, &err);
        }

        if (!e->is_stream || e->parent == AV_CFB_NONE ||
            !(native || strcmp(e->name, "Package") == 0 || strcmp(e->name, "CONTENTS") == 0))
            continue;
        av_buf_init(&bytes, file->bytes.n + 4096);
        if (av_cfb_read(file, i, &bytes, &err) != AV_OK || av_job_unpacked(job, bytes.n, &err) != AV_OK)
            continue;
        if (native)
            put_native(job, av_buf_span(&bytes));
        else
            (void)av_job_nested(job, av_span_str(""), (av_span){ 0 }, av_buf_span(&bytes));
    }
}

av_errc
av_read_ole(av_job *job, av_span bytes, av_error *err)
{
    AV_CLEANUP(av_cfb_release) av_cfb file = { 0 };
    av_errc rc = av_cfb_open(bytes, &file, err);

    if (rc != AV_OK)
        return rc;
    if (av_cfb_find(&file, AV_CFB_ROOT, "EncryptedPackage") != AV_CFB_NONE ||
        is_encrypted_deck(&file)) /* [MS-OFFCRYPTO] 2.3.4.4 */
        return av_error_set(err, AV_ERR_CORRUPT, "is encrypted");
    if (av_cfb_find(&file, AV_CFB_ROOT, "__properties_version1.0") != AV_CFB_NONE)
        return av_msg_text(job, &file, AV_CFB_ROOT, false, err);
    rc = read_storage(job, &file, AV_CFB_ROOT, err);
    put_embedded(job, &file);
    return rc == AV_ERR_UNSUPPORTED && job->out.n > 0 ? AV_OK : rc;
}

const char *
av_codepage_name(unsigned codepage, char *ret)
{
    static const struct named {
        unsigned codepage;
        const char *name;
    } names[] = { { 65001, "utf-8" }, { 20127, "us-ascii" }, { 28591, "iso-8859-1" }, { 10000, "macintosh" },
        { 10007, "MAC-CYRILLIC" }, { 936, "gbk" }, { 54936, "GB18030" }, { 950, "big5" }, { 932, "shift_jis" },
        { 949, "ks_c_5601-1987" }, { 51932, "EUC-JP" }, { 50220, "ISO-2022-JP" }, { 20866, "KOI8-R" },
        { 21866, "KOI8-U" } };

    ret[0] = '\0';
    for (size_t i = 0; i < AV_COUNT(names); i++)
        if (names[i].codepage == codepage)
            (void)snprintf(ret, 24, "%s", names[i].name);
    if (ret[0] == '\0' && codepage >= 28592 && codepage <= 28606)
        (void)snprintf(ret, 24, "iso-8859-%u", codepage - 28590);
    else if (ret[0] == '\0' && codepage >= 1250 && codepage <= 1258)
        (void)snprintf(ret, 24, "windows-%u", codepage);
    else if (ret[0] == '\0' && codepage >= 437 && codepage <= 950)
        (void)snprintf(ret, 24, "CP%u", codepage);
    return ret;
}
