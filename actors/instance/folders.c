/*
 * folders.c - mailboxes as a user sees them
 */
#include "actors/instance/folders.h"

av_errc
av_look_init(av_look *self, av_archive *archive, const char *user, av_error *err)
{
    av_meta_view *accounts = av_accounts_snapshot(archive->accounts);
    av_errc rc;

    memset(self, 0, sizeof *self);
    assert(user != NULL);
    rc = av_rights_load(accounts, user, &self->rights, err);
    av_meta_view_destroy(&accounts);
    if (rc == AV_OK)
        self->catalog = av_catalog_snapshot(archive->catalog);
    return rc;
}

void
av_look_release(av_look *self)
{
    av_rights_destroy(&self->rights);
    av_meta_view_destroy(&self->catalog);
}

static av_errc
no_mailbox(av_error *err)
{
    return av_error_set(err, AV_ERR_NOT_FOUND, "there is no such mailbox");
}

av_errc
av_look_mailbox(av_look *self, av_span guid, av_mailbox *ret, av_error *err)
{
    av_errc rc;

    if (guid.n != AV_GUID_SIZE)
        return no_mailbox(err);
    rc = av_catalog_mailbox_by_guid(self->catalog, guid.p, ret, err);
    if (rc == AV_ERR_NOT_FOUND ||
        (rc == AV_OK && !av_rights_may_read(self->rights, av_span_of(ret->path, ret->path_n))))
        return no_mailbox(err);
    return rc;
}

void
av_uid_ranges_add(Archivolt__UidRange ***ranges, size_t *n, uint32_t uid)
{
    Archivolt__UidRange *range;

    if (*n > 0 && (*ranges)[*n - 1]->last + 1 == uid) {
        (*ranges)[*n - 1]->last = uid;
        return;
    }
    range = av_reply_new(&archivolt__uid_range__descriptor);
    range->first = range->last = uid;
    av_reply_push(ranges, n, range);
}

/* Counters of a mailbox, and its UIDs when ranges is not NULL. One walk gives both. */
static av_errc
fill(const av_meta_view *view, const av_mailbox *mailbox, Archivolt__MailboxInfo *ret, Archivolt__UidRange ***ranges,
    size_t *n_ranges, av_error *err)
{
    av_catalog_iter *it = av_catalog_placements(view, mailbox->guid, 1, UINT32_MAX);
    av_placement placement;
    av_errc rc;

    av_reply_bytes(&ret->guid, mailbox->guid, AV_GUID_SIZE);
    ret->path = av_span_dup(av_span_of(mailbox->path, mailbox->path_n));
    ret->uidvalidity = mailbox->uidvalidity;
    ret->uidnext = mailbox->uidnext;
    ret->messages = mailbox->messages;
    ret->bytes = mailbox->bytes;
    ret->highest_modseq = mailbox->highestmodseq;
    while (av_catalog_next_placement(it, &placement)) {
        if ((placement.flags & AV_FLAG_SEEN) == 0)
            ret->unseen++;
        if (ranges != NULL)
            av_uid_ranges_add(ranges, n_ranges, placement.uid);
    }
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc;
}

av_errc
av_folders_list(av_ask *ask, av_error *err)
{
    Archivolt__ListMailboxesReply *reply = av_reply_new(&archivolt__list_mailboxes_reply__descriptor);
    AV_CLEANUP(av_look_release) av_look look = { 0 };
    av_catalog_iter *it;
    Archivolt__MailboxInfo *info;
    av_mailbox mailbox;
    av_errc rc = av_look_init(&look, ask->archive, ask->user, err);

    ask->reply = &reply->base;
    if (rc != AV_OK)
        return rc;
    it = av_catalog_mailboxes(look.catalog, (av_span){ NULL, 0 });
    while (rc == AV_OK && av_catalog_next_mailbox(it, &mailbox)) {
        if (!av_rights_may_read(look.rights, av_span_of(mailbox.path, mailbox.path_n)))
            continue;
        info = av_reply_new(&archivolt__mailbox_info__descriptor);
        av_reply_push(&reply->mailboxes, &reply->n_mailboxes, info);
        rc = fill(look.catalog, &mailbox, info, NULL, NULL, err);
    }
    if (rc == AV_OK)
        rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc;
}

av_errc
av_folders_select(av_ask *ask, av_error *err)
{
    const Archivolt__SelectMailboxRequest *body = (const Archivolt__SelectMailboxRequest *)ask->body;
    AV_CLEANUP(av_look_release) av_look look = { 0 };
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };
    Archivolt__SelectMailboxReply *reply;
    av_mailbox mailbox;
    av_error why;
    av_errc rc = av_look_init(&look, ask->archive, ask->user, err);

    av_buf_init(&path, AV_MAILBOX_PATH_MAX);
    if (rc != AV_OK)
        return rc;
    if (av_mailbox_path_normalize(av_span_str(body->path), &path, &why) != AV_OK)
        return no_mailbox(err);
    rc = av_catalog_mailbox_by_path(look.catalog, av_buf_span(&path), &mailbox, err);
    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && !av_rights_may_read(look.rights, av_buf_span(&path))))
        return no_mailbox(err);
    if (rc != AV_OK)
        return rc;
    reply = av_reply_new(&archivolt__select_mailbox_reply__descriptor);
    ask->reply = &reply->base;
    reply->mailbox = av_reply_new(&archivolt__mailbox_info__descriptor);
    return fill(look.catalog, &mailbox, reply->mailbox, &reply->uids, &reply->n_uids, err);
}
