/*
 * warm.c - see warm.h
 */
#include "actors/extract/warm.h"

#include <iconv.h>
#include <stddef.h>

#include "base/util.h"

/* As storage/mime/charset.c, the code pages of RTF and Office, and the encodings of XML ask for them. */
static const char *const charsets[] = { "UTF-16", "UTF-16LE", "UTF-16BE", "UTF-7", "ISO-8859-2", "ISO-8859-3",
    "ISO-8859-4", "ISO-8859-5", "ISO-8859-6", "ISO-8859-7", "ISO-8859-8", "ISO-8859-10", "ISO-8859-13", "ISO-8859-14",
    "ISO-8859-15", "ISO-8859-16", "CP1250", "CP1251", "CP1253", "CP1254", "CP1255", "CP1256", "CP1257", "CP1258",
    "CP874", "CP437", "CP850", "CP852", "CP855", "CP866", "KOI8-R", "KOI8-U", "GB18030", "BIG5-HKSCS", "CP932",
    "EUC-JP", "ISO-2022-JP", "ISO-2022-KR", "CP949", "MACINTOSH", "MAC-CYRILLIC", "MAC-CENTRALEUROPE" };

void
av_warm_charsets(void)
{
    /* Never closed: an open conversion keeps its tables loaded. One that this system lacks costs those documents. */
    for (size_t i = 0; i < AV_COUNT(charsets); i++)
        (void)iconv_open("UTF-8", charsets[i]);
}
