/*
 * holds_follow.c - every store has the events of the holds that stand, and accounts the holds an attached store brought
 */
#include "actors/instance/hold_row.h"
#include "actors/instance/holds.h"
#include "base/log.h"

static av_hold_row *
find(av_hold_list *list, const uint8_t id[AV_GUID_SIZE])
{
    for (size_t i = 0; i < list->n; i++)
        if (memcmp(list->v[i].id, id, AV_GUID_SIZE) == 0)
            return &list->v[i];
    return NULL;
}

static void
add_found(av_hold_list *list, const av_hold *hold)
{
    av_hold_row *row;

    list->v = av_xrealloc(list->v, (list->n + 1) * sizeof *list->v);
    row = &list->v[list->n++];
    *row = (av_hold_row){ .has_mailbox = hold->has_mailbox, .has_digest = hold->has_digest, .time_ms = hold->time_ms };
    memcpy(row->id, hold->hold, sizeof row->id);
    memcpy(row->mailbox, hold->mailbox, sizeof row->mailbox);
    memcpy(row->digest, hold->digest, sizeof row->digest);
    row->name = av_span_dup(hold->name);
    row->who = av_span_dup(hold->who);
}

static av_errc
in_store(const av_open_store *store, av_hold_list *ret, av_error *err)
{
    av_store_view_iter *it = av_store_view_holds(av_store_view_writer(store->view));
    av_hold hold;
    av_errc rc;

    while (av_store_view_next_hold(it, &hold))
        add_found(ret, &hold);
    rc = av_store_view_iter_error(it, err);
    av_store_view_iter_destroy(&it);
    return rc;
}

static av_errc
put_event(av_archive *self, const av_hold_row *row, bool lift, av_error *err)
{
    av_event event = { .kind = lift ? AV_EVENT_HOLD_LIFTED : AV_EVENT_HOLD_SET };
    av_event_hold *h = &event.hold;

    memcpy(h->hold, row->id, sizeof h->hold);
    memcpy(h->mailbox, row->mailbox, sizeof h->mailbox);
    memcpy(h->digest, row->digest, sizeof h->digest);
    h->has_mailbox = row->has_mailbox && !lift;
    h->has_digest = row->has_digest && !lift;
    h->name = lift ? (av_span){ NULL, 0 } : av_span_str(row->name);
    h->time_ms = lift ? row->lifted_ms : row->time_ms;
    h->who = av_span_str(row->who);
    return av_archive_event(self, &event, (av_span){ NULL, 0 }, err);
}

/* Holds an attached store brought. */
static av_errc
take_over(av_archive *self, av_hold_list *known, const av_hold_list *there, av_error *err)
{
    bool any = false;
    av_errc rc = AV_OK;

    for (size_t i = 0; i < there->n; i++)
        any = any || find(known, there->v[i].id) == NULL;
    if (!any)
        return AV_OK;
    av_accounts_begin(self->accounts);
    for (size_t i = 0; rc == AV_OK && i < there->n; i++)
        if (find(known, there->v[i].id) == NULL)
            rc = av_hold_row_put(self->accounts, &there->v[i], err);
    if (rc == AV_OK)
        return av_accounts_commit(self->accounts, err);
    av_accounts_rollback(self->accounts);
    return rc;
}

av_errc
av_holds_follow(av_archive *self, const av_open_store *store, av_error *err)
{
    AV_CLEANUP(av_hold_list_release) av_hold_list known = { 0 };
    AV_CLEANUP(av_hold_list_release) av_hold_list there = { 0 };
    bool open = false;
    av_errc rc = av_hold_list_read(av_accounts_writer(self->accounts), &known, err);

    if (rc == AV_OK)
        rc = in_store(store, &there, err);
    if (rc == AV_OK)
        rc = take_over(self, &known, &there, err);
    for (size_t i = 0; rc == AV_OK && i < known.n; i++) {
        bool lifted = known.v[i].lifted_ms != 0;

        if ((find(&there, known.v[i].id) != NULL) != lifted)
            continue; /* stands there and shall, or neither */
        if (!open)
            rc = av_archive_begin(self, store, err);
        open = rc == AV_OK;
        if (rc == AV_OK)
            rc = put_event(self, &known.v[i], lifted, err);
    }
    if (open && rc == AV_OK)
        return av_archive_commit(self, err);
    av_archive_rollback(self);
    return rc;
}

void
av_holds_follow_all(av_archive *self)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(self->stores, &n);
    const av_open_store *store = NULL;
    av_error err;

    for (size_t i = 0; i < n; i++) {
        if (list[i].row->state == AV_STORE_DISABLED || list[i].row->locked)
            continue;
        if (av_stores_write(self->stores, list[i].row->id, true, &store, &err) != AV_OK ||
            av_holds_follow(self, store, &err) != AV_OK)
            AV_LOG(AV_LOG_WARN, "holds.not_in_store", AV_STR("store", list[i].row->name), AV_ERRF(&err));
        av_stores_written(self->stores, &store);
    }
    av_store_infos_free(list, n);
}
