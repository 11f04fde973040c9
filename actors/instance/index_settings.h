/*
 * index_settings.h - what the search indexes of an instance have of attachments and header fields
 *
 * The configuration stands in accounts, in normal form; from it comes the text that an index keeps as the settings it was
 * made with (av_index_config.settings). Two configurations that mean the same have the same text:
 *
 *   attachments: csv doc docx
 *   pdf-files: yes
 *   header: list-id reply-to sender
 *
 * An index is followed with the settings it was made with until it is made again, so that what it has is always of one kind.
 */
#ifndef AV_INSTANCE_INDEX_SETTINGS_H
#define AV_INSTANCE_INDEX_SETTINGS_H

#include "actors/instance/ask.h"
#include "proto/stores.pb-c.h"
#include "storage/extract/extensions.h"

#define AV_INDEX_SETTINGS_MAX (64U * 1024)
#define AV_INDEX_FIELDS_MAX   64U /* header fields of choice */

/*
 * In normal form: extensions and field names in lower case, sorted, none twice. Left out fields stay so: all that can be
 * read, the usual header fields. ret: heap, free_unpacked. Pure. AV_ERR_INVALID names the word, AV_ERR_LIMIT.
 */
av_errc av_index_settings_normal(
    const Archivolt__IndexConfiguration *given, Archivolt__IndexConfiguration **ret, av_error *err);
/* The text of one in normal form, appended. Pure. AV_ERR_LIMIT: it does not fit. */
av_errc av_index_settings_text(const Archivolt__IndexConfiguration *config, av_buf *out, av_error *err);
/* What such a text says of attachments. Pure. AV_ERR_CORRUPT: it is none. */
av_errc av_index_settings_read(av_span text, av_extensions *ret_extensions, bool *ret_pdf_files, av_error *err);

/* The configuration in accounts; the defaults when it was never set. Heap: free_unpacked. */
av_errc av_index_settings_get(const av_meta_view *accounts, Archivolt__IndexConfiguration **ret, av_error *err);
/* Its text, appended: what indexes are to be made with. */
av_errc av_index_settings_wanted(const av_meta_view *accounts, av_buf *out, av_error *err);

/* GetIndexConfiguration (any thread); SetIndexConfiguration and SelectAllStoreIndexesForRebuild (writer, in a group of
 * accounts; the registry follows with av_stores_sync). */
av_errc av_index_ask_get(av_ask *ask, av_error *err);
av_errc av_index_ask_set(av_ask *ask, av_error *err);
av_errc av_index_ask_select_all(av_ask *ask, av_error *err);

#endif
