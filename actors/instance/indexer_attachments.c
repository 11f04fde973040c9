/*
 * indexer_attachments.c - text of attachments for the indexer: whom it asks, and what could not be read
 *
 * An index takes attachments by the settings it was made with, whatever the configuration says by now: so all it has is of
 * one kind until it is made again.
 */
#include "actors/instance/index_settings.h"
#include "actors/instance/indexer_priv.h"
#include "base/log.h"
#include "storage/meta/message_id.h"

#define UNREAD_LOGGED 1000U /* one by one since start; what is beyond is counted (StoreInfo.indexUnreadAttachments) */

av_errc
indexer_attachments_begin(av_indexer *self, const av_index *index, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf settings = { 0 };
    av_extensions extensions;
    bool pdf_files;
    av_errc rc;

    av_buf_init(&settings, AV_INDEX_SETTINGS_MAX);
    av_index_made_with((av_index *)(uintptr_t)index, &settings);
    if (self->extractor != NULL && av_span_eq(av_buf_span(&settings), av_buf_span(&self->made_for)))
        return AV_OK;
    rc = av_index_settings_read(av_buf_span(&settings), &extensions, &pdf_files, err);
    if (rc != AV_OK)
        return rc;
    av_extractor_destroy(&self->extractor);
    self->extractor = av_extractor_new(NULL, &extensions, &self->limits);
    av_extractor_set_pdf_files(self->extractor, pdf_files);
    av_buf_clear(&self->made_for);
    (void)av_buf_append_span(&self->made_for, av_buf_span(&settings));
    return AV_OK;
}

/* Its name is the user's and stays out of the log. */
static void
note_unread(av_indexer *self, const av_error *why)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    uint64_t lsn = av_store_source_at(self->source);
    char id[AV_MESSAGE_ID_TEXT + 1] = "";
    av_error ignored;

    if (++self->unread > UNREAD_LOGGED)
        return;
    if (av_store_reader_open(self->at->store, lsn, &reader, &ignored) == AV_OK)
        av_message_id_format(av_store_reader_digest(reader), id);
    AV_LOG(AV_LOG_WARN, "index.attachment_unread", AV_U64("store", self->at->id), AV_U64("lsn", lsn), AV_STR("id", id),
        AV_ERRF(why));
    if (self->unread == UNREAD_LOGGED)
        AV_LOG(AV_LOG_WARN, "index.attachments_unread", AV_STR("detail", "further ones are counted and not logged"));
}

av_errc
indexer_attachment(void *ctx, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err)
{
    av_indexer *self = ctx;
    av_errc rc = av_extractor_text(self->extractor, name, type, bytes, out, err);

    if (rc != AV_OK && rc != AV_ERR_UNSUPPORTED)
        note_unread(self, err);
    return rc;
}
