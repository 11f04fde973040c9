/*
 * package.h - the parts of an Office Open XML, OpenDocument or EPUB package, and in which order they are read
 */
#ifndef AV_ACTORS_EXTRACT_PACKAGE_H
#define AV_ACTORS_EXTRACT_PACKAGE_H

#include "actors/extract/xml.h"
#include "actors/extract/zip.h"

/* Each reads the whole package. ret: AV_OK, or what was wrong with the first part that could not be read in whole. */
av_errc av_package_ooxml(av_job *job, const av_zip *zip, av_error *err);
av_errc av_package_odf(av_job *job, const av_zip *zip, av_error *err);
av_errc av_package_epub(av_job *job, const av_zip *zip, av_error *err);
av_errc av_package_files(av_job *job, const av_zip *zip, av_error *err);

/* Worksheets of a spreadsheet (xl/): cells in their order, shared strings where they stand. */
av_errc av_package_sheets(av_job *job, const av_zip *zip, av_error *err);

/* A header or footer of a sheet, UTF-8: its codes ("&L&8left&Cmiddle &P", ECMA-376, part 1, 18.3.1.39) are no
 * text. */
void av_package_sheet_header(av_job *job, av_span text);

/* Names of entries that begin with prefix and end with suffix, by the number in them; at most AV_PACKAGE_PARTS. */
#define AV_PACKAGE_PARTS 2000
size_t av_package_parts(
    const av_zip *zip, const char *prefix, const char *suffix, const av_zip_entry *ret[AV_PACKAGE_PARTS]);
/* Read one XML part by rules. The first error of several parts is kept: rc is what came before. */
av_errc av_package_xml(av_job *job, const av_zip *zip, const av_zip_entry *entry, const av_xml_rule *rules,
    bool all_text, av_errc rc, av_error *err);
/* Read one part as a document inside this one. As above. */
av_errc av_package_nested(av_job *job, const av_zip *zip, const av_zip_entry *entry, av_errc rc, av_error *err);

#endif
