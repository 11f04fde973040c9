/*
 * extensions.c - see extensions.h
 */
#include "storage/extract/extensions.h"

static const char *const all =
    "csv doc docm docx dot dotm dotx eml epub fodp fods fodt gz htm html ics json key log md mht mhtml msg "
    "numbers odg odp ods odt otp ots ott pages pdf pot potm potx pps ppsm ppsx ppt pptm pptx rtf tar text tgz "
    "tnef tsv txt vcf xhtml xls xlsm xlsx xlt xltm xltx xml zip";

const char *
av_extensions_default(void)
{
    return all;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Where name stands, or where it would. */
static size_t
place_of(const av_extensions *self, const char *name)
{
    size_t low = 0, high = self->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(self->names[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool
av_extensions_has(const av_extensions *self, const char *extension)
{
    size_t at = place_of(self, extension);

    return extension[0] != '\0' && at < self->count && strcmp(self->names[at], extension) == 0;
}

static av_errc
add(av_extensions *self, av_span word, av_error *err)
{
    char name[AV_EXTENSION_MAX + 1];
    char dotted[64];
    size_t at;

    (void)snprintf(dotted, sizeof dotted, ".%.*s", (int)AV_MIN(word.n, (size_t)60), (const char *)word.p);
    while (word.n > 0 && (word.p[0] == '.' || word.p[0] == '*'))
        word = av_span_skip(word, 1);
    (void)snprintf(dotted, sizeof dotted, ".%.*s", (int)AV_MIN(word.n, (size_t)60), (const char *)word.p);
    av_kind_extension(av_span_str(dotted), name);
    if (strlen(name) != word.n || word.n == 0)
        return av_error_set(err, AV_ERR_INVALID,
            "\"%s\" is not a file extension: letters, digits, _ - + and at most %d of them, separated by blanks",
            dotted + 1, AV_EXTENSION_MAX);
    if (av_extensions_has(self, name))
        return AV_OK;
    if (self->count == AV_EXTENSIONS_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "more than %d file extensions", AV_EXTENSIONS_MAX);
    at = place_of(self, name);
    memmove(self->names + at + 1, self->names + at, (self->count - at) * sizeof self->names[0]);
    memcpy(self->names[at], name, sizeof name);
    self->count++;
    return AV_OK;
}

av_errc
av_extensions_parse(av_span text, av_extensions *ret, av_error *err)
{
    av_extensions list = { .count = 0 };

    while (text.n > 0) {
        size_t n = 0;
        av_errc rc;

        if (is_blank(text.p[0])) {
            text = av_span_skip(text, 1);
            continue;
        }
        while (n < text.n && !is_blank(text.p[n]))
            n++;
        rc = add(&list, av_span_slice(text, 0, n), err);
        if (rc != AV_OK)
            return rc;
        text = av_span_skip(text, n);
    }
    *ret = list;
    return AV_OK;
}

bool
av_extensions_text(const av_extensions *self, av_buf *out)
{
    for (size_t i = 0; i < self->count; i++)
        if (!av_buf_printf(out, "%s%s", i == 0 ? "" : " ", self->names[i]))
            return false;
    return true;
}

static bool
is_package(av_kind kind)
{
    return kind == AV_KIND_ZIP || kind == AV_KIND_OLE || kind == AV_KIND_GZIP || kind == AV_KIND_TAR;
}

bool
av_extensions_want(const av_extensions *self, av_span name, av_span type, av_span bytes, av_kind *ret)
{
    char extension[AV_EXTENSION_MAX + 1];
    av_kind by_bytes = av_kind_of_bytes(bytes), by_type = av_kind_of_type(type), by_name;
    bool wanted;

    av_kind_extension(name, extension);
    by_name = av_kind_of_extension(extension);
    wanted = av_extensions_has(self, extension);
    if (!wanted && by_bytes != AV_KIND_NONE && (!is_package(by_bytes) || extension[0] == '\0'))
        wanted = by_name != by_bytes && av_extensions_has(self, av_kind_canonical(by_bytes));
    if (!wanted && extension[0] == '\0' && by_type != AV_KIND_NONE)
        wanted = av_extensions_has(self, av_kind_canonical(by_type));
    if (!wanted)
        return false;
    *ret = av_kind_of(extension, type, bytes);
    return *ret != AV_KIND_NONE;
}
