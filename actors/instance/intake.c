/*
 * intake.c - the stream of a run and its account
 *
 * One message: intake_item.c. Invariant at every commit: last_item = stored + duplicate + refused, and the run event in the
 * group says just that.
 */
#include "actors/instance/intake_priv.h"

#define ROW_MAX 16384 /* of an IntakeItem: path 4,096 bytes, folders, flags */

static av_intake *
of_member(av_group_member *member)
{
    return AV_CONTAINER(member, av_intake, member);
}

/* The run's progress, as the last record of the group. */
static av_errc
closing(av_group_member *member, av_error *err)
{
    av_intake *self = of_member(member);
    av_event event = { .kind = AV_EVENT_RUN_PROGRESS };

    memcpy(event.run.run, self->run, sizeof event.run.run);
    event.run.state = self->state;
    event.run.last_item = self->seen.last_item;
    event.run.stored = self->seen.stored;
    event.run.duplicate = self->seen.duplicate;
    event.run.refused = self->seen.refused;
    event.run.refused_items = av_buf_span(&self->refused_items);
    event.run.duplicate_items = av_buf_span(&self->duplicate_items);
    return av_archive_event(self->archive, &event, (av_span){ NULL, 0 }, err);
}

static void
clear_lists(av_intake *self)
{
    av_buf_clear(&self->refused_items);
    av_buf_clear(&self->duplicate_items);
}

static void
committed(av_group_member *member)
{
    av_intake *self = of_member(member);

    self->durable = self->seen;
    clear_lists(self);
}

static void
rolled_back(av_group_member *member, AV_UNUSED const av_error *why)
{
    av_intake *self = of_member(member);

    /* The stream is ahead of the account now: feeding on would leave items out. */
    self->seen = self->durable;
    self->state = AV_RUN_FAILED;
    clear_lists(self);
}

/* The reader of rows stops at an error that is set; what was looked for on the way and not there is none. */
static uint64_t
on_row(void *ctx, const ProtobufCMessage *row, av_error *err)
{
    const Archivolt__IntakeItem *item = (const Archivolt__IntakeItem *)row;
    av_error why;

    if (av_intake_item_begin(ctx, item, &why) == AV_OK)
        return item->length;
    *err = why;
    return 0;
}

static void
on_bytes(void *ctx, av_span bytes, av_error *err)
{
    av_intake *self = ctx;
    av_error why;

    if (av_intake_item_bytes(self, bytes, &why) == AV_OK)
        return;
    self->broken = true;
    *err = why;
}

static void
on_row_end(void *ctx, av_error *err)
{
    av_intake *self = ctx;
    av_error why;
    av_errc rc = av_intake_item_end(self, &why);

    if (rc == AV_OK && av_group_is_full(self->group))
        rc = av_group_commit(self->group, &why);
    if (rc == AV_OK)
        return;
    self->broken = true;
    *err = why;
}

static const av_rows_events rows_events = { on_row, on_bytes, on_row_end };

static av_errc
go_on(av_intake *self, av_error *err)
{
    av_run run;
    av_errc rc = av_archive_catch_up(self->archive, err);

    if (rc == AV_OK)
        rc = av_catalog_run(av_catalog_writer(self->archive->catalog), self->run, &run, err);
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK;
    if (rc != AV_OK)
        return rc;
    if (run.state != AV_RUN_RUNNING)
        return av_error_set(err, AV_ERR_CANCELLED, "the run has ended");
    self->durable = (av_account){ run.last_item, run.stored, run.duplicate, run.refused };
    self->seen = self->durable;
    return AV_OK;
}

static av_errc
set_base(av_intake *self, const av_intake_config *config, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf folder = { 0 };
    av_span rest;
    size_t n;
    av_errc rc;

    av_buf_init(&folder, AV_MAILBOX_PATH_MAX);
    rc = av_mailbox_path_append(&self->base, av_span_str(config->top_folder), err);
    if (rc != AV_OK || config->folder == NULL || config->folder[0] == '\0')
        return rc;
    rc = av_mailbox_path_normalize(av_span_str(config->folder), &folder, err);
    for (rest = av_buf_span(&folder); rc == AV_OK && rest.n > 0;) {
        n = av_span_find(rest, '/');
        rc = av_mailbox_path_append(&self->base, av_span_slice(rest, 0, n), err);
        rest = av_span_skip(rest, AV_MIN(n + 1, rest.n));
    }
    return rc;
}

av_errc
av_intake_new(const av_intake_config *config, av_intake **ret, av_error *err)
{
    AV_CLEANUP(av_intake_destroy) av_intake *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->member.closing = closing;
    self->member.committed = committed;
    self->member.rolled_back = rolled_back;
    self->archive = config->archive;
    self->group = config->group;
    self->state = AV_RUN_RUNNING;
    memcpy(self->run, config->run, sizeof self->run);
    av_buf_init(&self->base, AV_MAILBOX_PATH_MAX);
    av_buf_init(&self->refused_items, AV_INTAKE_LISTS);
    av_buf_init(&self->duplicate_items, AV_INTAKE_LISTS);
    av_buf_init(&self->summary, AV_SUMMARY_ROW_MAX);
    av_buf_init(&self->item.mailbox, AV_MAILBOX_PATH_MAX);
    av_buf_init(&self->item.keywords, AV_INTAKE_TEXT * 8);
    av_buf_init(&self->item.bytes, AV_INTAKE_SPOOL);
    av_summarizer_init(&self->tools);
    rc = set_base(self, config, err);
    if (rc == AV_OK)
        rc = go_on(self, err);
    if (rc != AV_OK)
        return rc;
    self->rows = av_rows_reader_new(&archivolt__intake_item__descriptor, ROW_MAX, &rows_events, self);
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_intake_destroy(av_intake **self)
{
    av_intake *in = *self;

    if (in == NULL)
        return;
    assert(!in->member.joined);
    av_intake_item_drop(in);
    av_rows_reader_destroy(&in->rows);
    av_buf_release(&in->base);
    av_buf_release(&in->refused_items);
    av_buf_release(&in->duplicate_items);
    av_buf_release(&in->summary);
    av_buf_release(&in->item.mailbox);
    av_buf_release(&in->item.keywords);
    av_buf_release(&in->item.bytes);
    av_summarizer_release(&in->tools);
    free(in);
    *self = NULL;
}

av_errc
av_intake_feed(av_intake *self, av_span bytes, av_error *err)
{
    av_errc rc;

    if (self->state != AV_RUN_RUNNING)
        return av_error_set(err, AV_ERR_BUSY, "the open group of this run was dropped: begin anew");
    rc = av_rows_reader_feed(self->rows, bytes, err);
    if (rc == AV_OK)
        return AV_OK;
    /* A failure in the middle of an item leaves records in the group that belong together: all or nothing. A stream that is
       only malformed has done no harm to the items before. */
    if (self->broken || (rc != AV_ERR_SYNTAX && rc != AV_ERR_LIMIT && rc != AV_ERR_INVALID))
        av_group_rollback(self->group, err);
    av_intake_item_drop(self);
    self->state = AV_RUN_FAILED;
    return rc;
}

av_errc
av_intake_end(av_intake *self, av_run_state state, av_error *err)
{
    av_errc rc = AV_OK;

    if (state == AV_RUN_FINISHED && self->state != AV_RUN_RUNNING)
        rc = av_error_set(err, AV_ERR_BUSY, "the open group of this run was dropped: begin anew");
    if (rc == AV_OK && state == AV_RUN_FINISHED)
        rc = av_rows_reader_finish(self->rows, err);
    if (rc != AV_OK)
        return rc;
    av_intake_item_drop(self);
    rc = av_group_join(self->group, &self->member, err);
    if (rc != AV_OK)
        return rc;
    self->state = state;
    return av_group_commit(self->group, err);
}

const av_account *
av_intake_durable(const av_intake *self)
{
    return &self->durable;
}

const av_account *
av_intake_seen(const av_intake *self)
{
    return &self->seen;
}

/* Lists of one event are bounded: a group with many refusals is closed early. */
static av_errc
close_full_lists(av_intake *self, av_error *err)
{
    if (self->refused_items.n + self->duplicate_items.n < AV_INTAKE_LISTS - 3 * AV_INTAKE_TEXT)
        return AV_OK;
    return av_group_commit(self->group, err);
}

av_errc
av_intake_count_refused(av_intake *self, av_error *err)
{
    self->seen.last_item = self->item.number;
    self->seen.refused++;
    av_group_count(self->group, 0);
    if (!av_event_list_put_refused(
            &self->refused_items, self->item.number, av_span_str(self->item.path), av_span_str(self->item.reason)))
        return av_error_set(err, AV_ERR_INTERNAL, "the list of refused items is full");
    return close_full_lists(self, err);
}

av_errc
av_intake_count_duplicate(av_intake *self, av_error *err)
{
    self->seen.last_item = self->item.number;
    self->seen.duplicate++;
    av_group_count(self->group, 0);
    if (!av_event_list_put_item(&self->duplicate_items, self->item.number))
        return av_error_set(err, AV_ERR_INTERNAL, "the list of duplicate items is full");
    return close_full_lists(self, err);
}

void
av_intake_count_stored(av_intake *self)
{
    self->seen.last_item = self->item.number;
    self->seen.stored++;
    av_group_count(self->group, self->item.mode == AV_ITEM_STREAM ? 0 : self->item.length); /* or it was already */
}
