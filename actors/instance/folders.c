/*
 * folders.c - mailboxes as a user sees them
 */
#include "actors/instance/folders.h"

#include "storage/index/uid_wire.h"

#define UIDS_BYTES (7U * 1024 * 1024) /* of an answer: the bus takes 8 MB */

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
    (void)av_error_set(err, AV_ERR_NOT_FOUND, "there is no such mailbox");
    return AV_ERR_NOT_FOUND;
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

/* The catalog keeps them: no message is looked at. */
static void
fill(const av_mailbox *mailbox, Archivolt__MailboxInfo *ret)
{
    av_reply_bytes(&ret->guid, mailbox->guid, AV_GUID_SIZE);
    ret->path = av_span_dup(av_span_of(mailbox->path, mailbox->path_n));
    ret->uidvalidity = mailbox->uidvalidity;
    ret->uidnext = mailbox->uidnext;
    ret->messages = mailbox->messages;
    ret->bytes = mailbox->bytes;
    ret->highest_modseq = mailbox->highestmodseq;
    ret->unseen = mailbox->unseen;
    ret->has_removed_modseq = true;
    ret->removed_modseq = mailbox->removed_modseq;
    ret->has_deleted = ret->has_crlf_bytes = true;
    ret->deleted = mailbox->deleted;
    ret->crlf_bytes = mailbox->crlf_bytes;
}

/* UIDs from `from` on as runs, and how many they are. */
static av_errc
put_uids(
    const av_meta_view *view, const av_mailbox *mailbox, uint32_t from, av_buf *out, uint64_t *ret_count, av_error *err)
{
    av_catalog_iter *it = av_catalog_uid_runs(view, mailbox->guid, from, 0);
    uint32_t before = 0;
    bool fits = true;
    av_uid_run run;
    av_errc rc;

    av_buf_clear(out);
    *ret_count = 0;
    while (fits && av_catalog_next_uid_run(it, &run)) {
        fits = av_uid_wire_put(out, before, (av_query_range){ run.first, run.last });
        *ret_count += (uint64_t)run.last - run.first + 1;
        before = run.last;
    }
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc != AV_OK || fits ? rc
                               : av_error_set(err, AV_ERR_LIMIT, "the UIDs of this mailbox are in too many pieces");
}

/*
 * The UIDs the caller does not know. It knows those below its UIDNEXT when nothing was removed since, and nothing came
 * back (a store attached again): then they are as many as they were.
 */
static av_errc
answer_uids(const Archivolt__SelectMailboxRequest *body, const av_meta_view *view, const av_mailbox *mailbox,
    Archivolt__SelectMailboxReply *reply, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    bool known = body->has_known_uidvalidity && body->known_uidvalidity == mailbox->uidvalidity &&
                 body->has_known_uidnext && body->known_uidnext > 0 && body->has_known_modseq &&
                 mailbox->removed_modseq <= body->known_modseq && body->has_known_messages;
    uint64_t count = 0;
    av_errc rc = AV_OK;

    av_buf_init(&out, UIDS_BYTES);
    reply->uids_from = known ? body->known_uidnext : 1;
    rc = put_uids(view, mailbox, reply->uids_from, &out, &count, err);
    if (rc == AV_OK && known && body->known_messages + count != mailbox->messages) {
        reply->uids_from = 1;
        rc = put_uids(view, mailbox, 1, &out, &count, err);
    }
    if (rc == AV_OK)
        av_reply_bytes(&reply->uids, out.p, out.n);
    return rc;
}

static void
push(Archivolt__ListMailboxesReply *reply, const av_mailbox *mailbox)
{
    Archivolt__MailboxInfo *info = av_reply_new(&archivolt__mailbox_info__descriptor);

    fill(mailbox, info);
    av_reply_push(&reply->mailboxes, &reply->n_mailboxes, info);
}

static av_errc
list_all(av_look *look, Archivolt__ListMailboxesReply *reply, av_error *err)
{
    av_catalog_iter *it = av_catalog_mailboxes(look->catalog, (av_span){ NULL, 0 });
    av_mailbox mailbox;
    av_errc rc;

    while (av_catalog_next_mailbox(it, &mailbox)) {
        if (av_rights_may_read(look->rights, av_span_of(mailbox.path, mailbox.path_n)))
            push(reply, &mailbox);
    }
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc;
}

/* path: as somebody wrote it. */
static av_errc
find(av_look *look, const char *path, av_mailbox *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf normal = { 0 };
    av_error why;
    av_errc rc;

    av_buf_init(&normal, AV_MAILBOX_PATH_MAX);
    if (av_mailbox_path_normalize(av_span_str(path), &normal, &why) != AV_OK)
        return no_mailbox(err);
    rc = av_catalog_mailbox_by_path(look->catalog, av_buf_span(&normal), ret, err);
    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && !av_rights_may_read(look->rights, av_buf_span(&normal))))
        return no_mailbox(err);
    return rc;
}

av_errc
av_folders_list(av_ask *ask, av_error *err)
{
    const Archivolt__ListMailboxesRequest *body = (const Archivolt__ListMailboxesRequest *)ask->body;
    Archivolt__ListMailboxesReply *reply = av_reply_new(&archivolt__list_mailboxes_reply__descriptor);
    AV_CLEANUP(av_look_release) av_look look = { 0 };
    av_mailbox mailbox;
    av_errc rc = av_look_init(&look, ask->archive, ask->user, err);

    ask->reply = &reply->base;
    if (rc != AV_OK)
        return rc;
    reply->archive = av_xstrdup(ask->user);
    if (body->path == NULL)
        return list_all(&look, reply, err);
    rc = find(&look, body->path, &mailbox, err);
    if (rc == AV_OK)
        push(reply, &mailbox);
    return rc;
}

av_errc
av_folders_select(av_ask *ask, av_error *err)
{
    const Archivolt__SelectMailboxRequest *body = (const Archivolt__SelectMailboxRequest *)ask->body;
    AV_CLEANUP(av_look_release) av_look look = { 0 };
    Archivolt__SelectMailboxReply *reply;
    av_mailbox mailbox;
    av_errc rc = av_look_init(&look, ask->archive, ask->user, err);

    if (rc == AV_OK)
        rc = find(&look, body->path, &mailbox, err);
    if (rc != AV_OK)
        return rc;
    reply = av_reply_new(&archivolt__select_mailbox_reply__descriptor);
    ask->reply = &reply->base;
    reply->mailbox = av_reply_new(&archivolt__mailbox_info__descriptor);
    fill(&mailbox, reply->mailbox);
    return answer_uids(body, look.catalog, &mailbox, reply, err);
}
