/*
 * types.c - see types.h
 */
#include "storage/index/types.h"

static const char *const words[AV_TYPES] = {
    [AV_TYPE_PDF] = "pdf",
    [AV_TYPE_WORD] = "word",
    [AV_TYPE_SHEET] = "sheet",
    [AV_TYPE_SLIDES] = "slides",
    [AV_TYPE_IMAGE] = "image",
    [AV_TYPE_AUDIO] = "audio",
    [AV_TYPE_VIDEO] = "video",
    [AV_TYPE_ARCHIVE] = "archive",
    [AV_TYPE_TEXT] = "text",
    [AV_TYPE_HTML] = "html",
    [AV_TYPE_MAIL] = "mail",
    [AV_TYPE_CALENDAR] = "calendar",
    [AV_TYPE_CONTACT] = "contact",
    [AV_TYPE_OTHER] = "other",
};

/* Extensions of a kind, with one space between. */
static const char *const extensions[AV_TYPES] = {
    [AV_TYPE_PDF] = "pdf",
    [AV_TYPE_WORD] = "doc docx docm dot dotx odt ott rtf pages wpd",
    [AV_TYPE_SHEET] = "xls xlsx xlsm xlsb xlt xltx ods csv tsv numbers",
    [AV_TYPE_SLIDES] = "ppt pptx pptm pps ppsx odp key",
    [AV_TYPE_IMAGE] = "jpg jpeg png gif bmp tif tiff webp heic heif svg ico",
    [AV_TYPE_AUDIO] = "mp3 wav ogg oga m4a flac aac wma opus amr",
    [AV_TYPE_VIDEO] = "mp4 avi mov mkv wmv webm mpg mpeg m4v 3gp",
    [AV_TYPE_ARCHIVE] = "zip rar 7z tar gz tgz bz2 xz zst tbz2 txz cab",
    [AV_TYPE_TEXT] = "txt log md patch diff asc",
    [AV_TYPE_HTML] = "html htm xhtml mht mhtml",
    [AV_TYPE_MAIL] = "eml msg mbox",
    [AV_TYPE_CALENDAR] = "ics vcs ical",
    [AV_TYPE_CONTACT] = "vcf vcard",
};

/* Media types, first match; one that ends with "/" or "." stands for all that begin so. */
static const struct {
    const char *media;
    av_type type;
} media_types[] = {
    { "application/pdf", AV_TYPE_PDF },
    { "application/msword", AV_TYPE_WORD },
    { "application/rtf", AV_TYPE_WORD },
    { "text/rtf", AV_TYPE_WORD },
    { "application/vnd.ms-word.", AV_TYPE_WORD },
    { "application/vnd.openxmlformats-officedocument.wordprocessingml.", AV_TYPE_WORD },
    { "application/vnd.oasis.opendocument.text", AV_TYPE_WORD },
    { "application/vnd.ms-excel", AV_TYPE_SHEET },
    { "application/vnd.ms-excel.", AV_TYPE_SHEET },
    { "application/vnd.openxmlformats-officedocument.spreadsheetml.", AV_TYPE_SHEET },
    { "application/vnd.oasis.opendocument.spreadsheet", AV_TYPE_SHEET },
    { "text/csv", AV_TYPE_SHEET },
    { "application/vnd.ms-powerpoint", AV_TYPE_SLIDES },
    { "application/vnd.ms-powerpoint.", AV_TYPE_SLIDES },
    { "application/vnd.openxmlformats-officedocument.presentationml.", AV_TYPE_SLIDES },
    { "application/vnd.oasis.opendocument.presentation", AV_TYPE_SLIDES },
    { "image/", AV_TYPE_IMAGE },
    { "audio/", AV_TYPE_AUDIO },
    { "video/", AV_TYPE_VIDEO },
    { "application/zip", AV_TYPE_ARCHIVE },
    { "application/x-zip-compressed", AV_TYPE_ARCHIVE },
    { "application/gzip", AV_TYPE_ARCHIVE },
    { "application/x-gzip", AV_TYPE_ARCHIVE },
    { "application/x-tar", AV_TYPE_ARCHIVE },
    { "application/x-7z-compressed", AV_TYPE_ARCHIVE },
    { "application/vnd.rar", AV_TYPE_ARCHIVE },
    { "text/html", AV_TYPE_HTML },
    { "text/calendar", AV_TYPE_CALENDAR },
    { "text/vcard", AV_TYPE_CONTACT },
    { "text/x-vcard", AV_TYPE_CONTACT },
    { "message/", AV_TYPE_MAIL },
    { "application/vnd.ms-outlook", AV_TYPE_MAIL },
    { "text/", AV_TYPE_TEXT },
};

static bool
lists(const char *list, av_span word)
{
    while (list != NULL && *list != '\0') {
        size_t n = strcspn(list, " ");

        if (av_span_ieq(av_span_of(list, n), word))
            return true;
        list += n + (list[n] == ' ');
    }
    return false;
}

static av_type
type_of_extension(av_span name)
{
    size_t dot = name.n;

    while (dot > 0 && name.p[dot - 1] != '.')
        dot--;
    if (dot > 0 && dot < name.n)
        for (unsigned i = 0; i < AV_TYPES; i++)
            if (lists(extensions[i], av_span_skip(name, dot)))
                return (av_type)i;
    return AV_TYPE_OTHER;
}

static av_type
type_of_media(av_span type)
{
    for (size_t i = 0; i < AV_COUNT(media_types); i++) {
        size_t n = strlen(media_types[i].media);
        uint8_t last = (uint8_t)media_types[i].media[n - 1];
        bool open = last == '/' || last == '.';

        if (type.n >= n && (open || type.n == n) && av_span_ieq_str(av_span_slice(type, 0, n), media_types[i].media))
            return media_types[i].type;
    }
    return AV_TYPE_OTHER;
}

av_type
av_type_of(av_span name, av_span media_type)
{
    av_type type = type_of_extension(name);

    return type == AV_TYPE_OTHER ? type_of_media(media_type) : type;
}

bool
av_type_find(av_span word, av_type *ret)
{
    for (unsigned i = 0; i < AV_TYPES; i++)
        if (av_span_ieq_str(word, words[i])) {
            *ret = (av_type)i;
            return true;
        }
    return false;
}

const char *
av_type_word(av_type self)
{
    return words[self];
}
