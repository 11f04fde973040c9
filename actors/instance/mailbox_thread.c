/*
 * mailbox_thread.c - see mailbox_thread.h
 */
#include "actors/instance/mailbox_thread.h"

#include "actors/instance/mailbox_rows.h"
#include "actors/instance/text_ranks.h"
#include "actors/instance/threading.h"
#include "storage/index/casemap.h"
#include "storage/mime/base_subject.h"

#define SUBJECTS_MAX ((size_t)96 << 20) /* bytes of different subjects */
#define IDS_MAX      ((size_t)256 << 20)
#define SUBJECT_MAX  1024U

typedef struct gathering {
    av_threading_message *messages;
    size_t n, cap;
    av_buf ids; /* uint64_t each */
    av_text_ranks subjects;
    av_buf base, subject;
    bool references;
} gathering;

static void
gathering_release(gathering *self)
{
    free(self->messages);
    av_buf_release(&self->ids);
    av_text_ranks_release(&self->subjects);
    av_buf_release(&self->base);
    av_buf_release(&self->subject);
}

static av_errc
add_ids(gathering *self, const av_summary *summary, av_threading_message *m, av_error *err)
{
    av_span ids = summary->ids;

    m->ids = self->ids.n / sizeof(uint64_t);
    if (!summary->has_ids || ids.n < sizeof m->own)
        return AV_OK;
    memcpy(&m->own, ids.p, sizeof m->own);
    ids = av_span_skip(ids, sizeof m->own);
    m->id_count = (uint32_t)(ids.n / sizeof(uint64_t));
    if (!av_buf_append(&self->ids, ids.p, m->id_count * sizeof(uint64_t)))
        return av_error_set(err, AV_ERR_LIMIT, "the messages refer to too many others: search for less");
    return AV_OK;
}

/* Without REFERENCES the column's base subject does, and no row is read. */
static av_errc
add_subject(gathering *self, av_mailbox_rows *rows, const av_mailbox_row *row, av_threading_message *m, av_error *err)
{
    av_span base;
    av_errc rc;

    if (self->references) {
        m->is_reply = av_base_subject(av_mailbox_rows_summary(rows, row)->subject, &self->base);
        base = av_buf_span(&self->base);
    } else {
        rc = av_mailbox_rows_subject(rows, row, &base, err);
        if (rc != AV_OK)
            return rc;
    }
    m->subject = AV_THREADING_NO_SUBJECT;
    if (base.n == 0)
        return AV_OK;
    av_buf_clear(&self->subject);
    (void)av_casemap(base, &self->subject);
    return av_text_ranks_add(&self->subjects, av_buf_span(&self->subject), &m->subject, err);
}

static av_errc
add_row(void *ctx, av_mailbox_rows *rows, const av_mailbox_row *row, av_error *err)
{
    gathering *self = ctx;
    av_threading_message m = { .uid = row->uid };
    av_errc rc = av_mailbox_rows_date(rows, row, &m.date_unix_s, err);

    if (rc == AV_OK)
        rc = add_subject(self, rows, row, &m, err);
    if (rc == AV_OK && self->references)
        rc = add_ids(self, av_mailbox_rows_summary(rows, row), &m, err);
    if (rc != AV_OK)
        return rc;
    if (self->n == self->cap) {
        self->cap = self->cap == 0 ? 256 : self->cap + self->cap / 2;
        self->messages = av_xrealloc(self->messages, self->cap * sizeof *self->messages);
    }
    self->messages[self->n++] = m;
    return AV_OK;
}

static int
by_uid(const void *a, const void *b)
{
    const av_threading_message *x = a, *y = b;

    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

av_errc
av_mailbox_thread(av_mailbox_scan *scan, Archivolt__ThreadAlgorithm algorithm, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_mailbox_rows_destroy) av_mailbox_rows *rows = av_mailbox_rows_new(scan);
    AV_CLEANUP(gathering_release) gathering self = { .n = 0 };
    av_threading_input in = { .cancel = scan->wish.cancel, .cancel_ctx = scan->wish.cancel_ctx };
    av_errc rc;

    if (algorithm != ARCHIVOLT__THREAD_ALGORITHM__THREAD_ALGORITHM_ORDEREDSUBJECT &&
        algorithm != ARCHIVOLT__THREAD_ALGORITHM__THREAD_ALGORITHM_REFERENCES)
        return av_error_set(err, AV_ERR_INVALID, "thread algorithm %u is not known", (unsigned)algorithm);
    self.references = algorithm == ARCHIVOLT__THREAD_ALGORITHM__THREAD_ALGORITHM_REFERENCES;
    av_buf_init(&self.ids, IDS_MAX);
    av_text_ranks_init(&self.subjects, SUBJECTS_MAX);
    av_buf_init(&self.base, SUBJECT_MAX);
    av_buf_init(&self.subject, 4 * SUBJECT_MAX);
    rc = av_mailbox_rows_each(rows, add_row, &self, err);
    if (rc != AV_OK)
        return rc;
    if (self.n > 0)
        qsort(self.messages, self.n, sizeof *self.messages, by_uid);
    in.messages = self.messages;
    in.n = self.n;
    in.ids = (const uint64_t *)(const void *)self.ids.p;
    return self.references ? av_threading_references(&in, out, err) : av_threading_subjects(&in, out, err);
}
