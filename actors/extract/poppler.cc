/*
 * poppler.cc - see poppler.h
 *
 * Fonts and tables that poppler would look for in files are not there in the sandbox: text does not need the
 * former, and does without the latter where a document does not bring its own.
 */
#include "actors/extract/poppler.h"

#include <memory>
#include <new>
#include <string>

#include <poppler-document.h>
#include <poppler-embedded-file.h>
#include <poppler-global.h>
#include <poppler-page.h>

namespace
{

bool
put(const av_poppler_sink *sink, const poppler::ustring &text)
{
    poppler::byte_array utf8 = text.to_utf8();

    return utf8.empty() || sink->text(sink->ctx, utf8.data(), utf8.size());
}

bool
put_properties(const av_poppler_sink *sink, const poppler::document &pdf)
{
    return put(sink, pdf.get_title()) && put(sink, pdf.get_author()) && put(sink, pdf.get_subject()) &&
           put(sink, pdf.get_keywords());
}

/* Files inside the PDF. */
bool
put_files(const av_poppler_sink *sink, const poppler::document &pdf)
{
    if (!pdf.has_embedded_files())
        return true;
    for (const poppler::embedded_file *file : pdf.embedded_files()) {
        if (file == nullptr || !file->is_valid())
            continue;
        std::string name = file->name(), type = file->mime_type();
        poppler::byte_array bytes = file->data();

        if (!sink->file(sink->ctx, name.data(), name.size(), type.data(), type.size(), bytes.data(), bytes.size()))
            return false;
    }
    return true;
}

av_poppler_end
read(const void *bytes, size_t n, const av_poppler_sink *sink, int *broken_pages)
{
    std::unique_ptr<poppler::document> pdf(
        poppler::document::load_from_raw_data(static_cast<const char *>(bytes), static_cast<int>(n)));

    if (pdf == nullptr)
        return AV_POPPLER_BROKEN;
    if (pdf->is_locked())
        return AV_POPPLER_LOCKED;
    for (int i = 0; i < pdf->pages(); i++) {
        std::unique_ptr<poppler::page> page(pdf->create_page(i));

        if (page == nullptr)
            (*broken_pages)++;
        else if (!put(sink, page->text(poppler::rectf(), poppler::page::non_raw_non_physical_layout)))
            return AV_POPPLER_OK;
    }
    (void)(put_properties(sink, *pdf) && put_files(sink, *pdf));
    return AV_POPPLER_OK;
}

void
silent(const std::string &, void *)
{
}

} // namespace

av_poppler_end
av_poppler_read(const void *bytes, size_t n, const av_poppler_sink *sink, int *broken_pages)
{
    *broken_pages = 0;
    try {
        return read(bytes, n, sink, broken_pages);
    } catch (const std::bad_alloc &) {
        return AV_POPPLER_NOMEM;
    } catch (...) {
        return AV_POPPLER_BROKEN;
    }
}

void
av_poppler_silence(void)
{
    poppler::set_debug_error_function(silent, nullptr);
}
