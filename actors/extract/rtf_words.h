/*
 * rtf_words.h - control words of RTF and what becomes of them (for rtf.c only)
 */
#ifndef AV_ACTORS_EXTRACT_RTF_WORDS_H
#define AV_ACTORS_EXTRACT_RTF_WORDS_H

#include <stdint.h>

/* Destinations that hold no text of the document, and those marked \* that do. */
static const char *const no_text[] = { "colortbl", "stylesheet", "pict", "objdata", "themedata", "colorschememapping",
    "datastore", "latentstyles", "listtable", "listoverridetable", "rsidtbl", "generator", "xmlnstbl", "filetbl",
    "revtbl", "nonshppict", "sn", "sv", "bkmkstart", "bkmkend", "objclass", "objname", "pgptbl", "wgrffmtfilter",
    "mmathPr", "panose", "falt", "htmltag", "mhtmltag", "datafield", "blipuid", "creatim", "revtim", "printim",
    "buptim" };
static const char *const starred_text[] = { "fldinst", "annotation", "shpinst", "shptxt", "atnauthor", "shppict",
    "company", "manager", "category", "hlinkbase", "ftnsep", "footnote", "pntext" };

/* Destinations whose text stands by itself. */
static const char *const apart_text[] = { "title", "subject", "author", "keywords", "doccomm", "operator", "company",
    "manager", "category", "hlinkbase", "fldinst", "footnote", "annotation", "atnauthor", "header", "headerl",
    "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "shptxt" };

/* Control words that are a character, or end a line. */
static const struct character {
    const char *word;
    uint32_t c;
} characters[] = { { "par", '\n' }, { "line", '\n' }, { "sect", '\n' }, { "page", '\n' }, { "row", '\n' },
    { "cell", '\t' }, { "nestcell", '\t' }, { "nestrow", '\n' }, { "tab", '\t' }, { "emdash", 0x2014 },
    { "endash", 0x2013 }, { "lquote", 0x2018 }, { "rquote", 0x2019 }, { "ldblquote", 0x201C }, { "rdblquote", 0x201D },
    { "bullet", 0x2022 }, { "emspace", 0x2003 }, { "enspace", 0x2002 } };

/* \fcharset (RTF 1.9.1, font table) to code pages. */
static const struct font_charset {
    uint8_t charset;
    uint16_t codepage;
} font_charsets[] = { { 77, 10000 }, { 128, 932 }, { 129, 949 }, { 134, 936 }, { 136, 950 }, { 161, 1253 },
    { 162, 1254 }, { 163, 1258 }, { 177, 1255 }, { 178, 1256 }, { 186, 1257 }, { 204, 1251 }, { 222, 874 },
    { 238, 1250 } };

#endif
