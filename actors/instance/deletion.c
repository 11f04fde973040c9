/*
 * deletion.c - what deleting, listing, restoring and erasing share: sets of ids, and where a message stands
 */
#include "actors/instance/deletion_priv.h"

#define IDS_MOST 10000U

void
av_id_set_release(av_id_set *self)
{
    free(self->v);
    *self = (av_id_set){ 0 };
}

av_errc
av_id_set_take(char *const *texts, size_t n, av_id_set *ret, av_error *err)
{
    if (n == 0 || n > IDS_MOST)
        return av_error_set(err, AV_ERR_INVALID, "give 1 to %u message ids", IDS_MOST);
    ret->v = av_xcalloc(n, sizeof *ret->v);
    for (; ret->n < n; ret->n++)
        if (!av_message_id_parse(av_span_str(texts[ret->n]), ret->v[ret->n]))
            return av_error_set(err, AV_ERR_INVALID, "\"%.40s\" is not a message id", texts[ret->n]);
    return AV_OK;
}

bool
av_id_set_has(const av_id_set *self, const uint8_t *digest)
{
    for (size_t i = 0; i < self->n; i++)
        if (memcmp(self->v[i], digest, AV_MESSAGE_ID_BYTES) == 0)
            return true;
    return false;
}

av_errc
av_deletion_digest(const av_open_store *store, uint64_t lsn, uint8_t ret[AV_SHA256_SIZE], av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    av_errc rc = av_store_reader_open(store->store, lsn, &reader, err);

    if (rc == AV_OK)
        memcpy(ret, av_store_reader_digest(reader), AV_SHA256_SIZE);
    return rc;
}

av_errc
av_deletion_placements(av_archive *archive, const uint8_t *id, const uint8_t *guid, av_buf *out, av_error *err)
{
    av_catalog_iter *it = av_catalog_by_id(archive->catalog, av_catalog_writer(archive->catalog), id);
    av_placement placement;
    av_errc rc;

    while (av_catalog_next_placement(it, &placement))
        if (guid == NULL || memcmp(guid, placement.guid, AV_GUID_SIZE) == 0)
            (void)av_buf_append(out, &placement, sizeof placement);
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    if (rc == AV_OK && out->full)
        rc = av_error_set(err, AV_ERR_LIMIT, "the message stands in too many mailboxes to be deleted at once");
    return rc;
}
