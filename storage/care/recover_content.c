/*
 * recover_content.c - one message out of the damaged store into the new one, unless that has it
 */
#include "storage/care/bring.h"
#include "storage/care/recover_priv.h"

static bool
has_message(recovery *self, const uint8_t *digest, av_errc *ret_rc, av_error *err)
{
    uint64_t lsn = 0;
    av_store_view *view = self->job->target_view;
    av_errc rc = av_store_view_find_message(view, av_store_view_writer(view), digest, &lsn, err);

    *ret_rc = rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    return rc == AV_OK;
}

/* Is it the source that cannot be read (then the message is lost), and not the target that cannot be written? */
static bool
is_of_source(av_errc rc)
{
    return rc == AV_ERR_CORRUPT || rc == AV_ERR_NOT_FOUND || rc == AV_ERR_GONE || rc == AV_ERR_VERSION;
}

av_errc
recover_message(recovery *self, uint64_t lsn, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    uint64_t put_lsn;
    av_errc rc = av_store_reader_open(self->source, lsn, &reader, err);

    if (rc == AV_OK && has_message(self, av_store_reader_digest(reader), &rc, err))
        return AV_OK;
    if (rc == AV_OK) {
        rc = av_care_bring(reader, self->job->target, &self->bytes, &put_lsn, err);
        self->group_bytes += av_store_reader_size(reader);
        self->group_events++;
    }
    if (!is_of_source(rc))
        return rc;
    if (rc == AV_ERR_CORRUPT) /* its placement tells of it as lost */
        av_care_say(self->watch, AV_LOG_WARN, lsn, "%s", err->msg);
    return AV_OK;
}
