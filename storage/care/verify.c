/*
 * verify.c - see verify.h; the walk over the log, and keys against what the log calls erased
 */
#include "storage/care/verify_priv.h"
#include "storage/container/scan.h"
#include "storage/meta/store_view_check.h"

#define ERASED_MAX (64U * 1024 * 1024) /* bytes of LSNs: eight million contents */

const char *
av_fault_kind_word(av_fault_kind kind)
{
    static const char *const words[] = {
        [AV_FAULT_CONTAINER] = "container",
        [AV_FAULT_CONTENT] = "content",
        [AV_FAULT_EVENTS] = "events",
        [AV_FAULT_KEYS] = "keys",
        [AV_FAULT_VIEW] = "view",
    };

    return kind < AV_COUNT(words) && words[kind] != NULL ? words[kind] : "unknown";
}

bool
verify_is_fault(av_errc rc)
{
    return rc == AV_ERR_CORRUPT || rc == AV_ERR_VERSION || rc == AV_ERR_NOT_FOUND || rc == AV_ERR_GONE ||
           rc == AV_ERR_LIMIT || rc == AV_ERR_AUTH;
}

av_errc
verify_fault(verifier *self, av_fault_kind kind, uint64_t lsn, uint64_t message_lsn, const uint8_t *digest,
    const char *why, av_error *err)
{
    char sentence[sizeof err->msg];
    av_fault fault = { .kind = kind, .lsn = lsn, .message_lsn = message_lsn, .digest = digest, .sentence = sentence };

    (void)snprintf(sentence, sizeof sentence, "%s", why != NULL ? why : err->msg);
    self->result->faults++;
    return self->options->fault == NULL ? AV_OK : self->options->fault(self->options->ctx, &fault, err);
}

av_errc
verify_note(av_buf *list, uint64_t lsn, av_error *err)
{
    if (av_buf_append(list, &lsn, sizeof lsn))
        return AV_OK;
    return av_error_set(err, AV_ERR_LIMIT, "more than %u messages were erased: too many to be checked at once",
        ERASED_MAX / (unsigned)sizeof lsn);
}

/* --- the walk ---------------------------------------------------------------------------------------------------- */

static av_errc
on_record(void *ctx, const av_record_header *h, av_span body, av_error *err)
{
    verifier *self = ctx;

    self->result->records++;
    switch ((av_record_kind)h->kind) {
    case AV_RECORD_MESSAGE:
    case AV_RECORD_PART:
    case AV_RECORD_DICTIONARY:
        return verify_content(self, h, body, err);
    case AV_RECORD_EVENTS:
        return verify_events(self, h, body, err);
    case AV_RECORD_COMMIT:
        self->result->groups++;
        break;
    case AV_RECORD_SEGMENT:
    case AV_RECORD_DROPPED:
    case AV_RECORD_MAP:
        break;
    }
    return AV_OK;
}

static av_errc
on_damage(void *ctx, const av_care_damage *damage, av_error *err)
{
    verifier *self = ctx;
    bool message = damage->header != NULL && damage->header->kind == AV_RECORD_MESSAGE;
    bool events = damage->header != NULL && damage->header->kind == AV_RECORD_EVENTS;
    av_errc rc = av_care_ranges_add(&self->damaged, damage->from, damage->to, err);

    if (rc != AV_OK)
        return rc;
    return verify_fault(self, events ? AV_FAULT_EVENTS : AV_FAULT_CONTAINER, damage->from,
        message ? damage->header->lsn : 0, NULL, damage->sentence, err);
}

static av_errc
walk(verifier *self, uint64_t until_lsn, av_error *err)
{
    const av_care_visitor visitor = { .ctx = self, .record = on_record, .damage = on_damage };
    av_care_walk job = {
        .files = av_store_files(self->store),
        .log_key = av_store_keys_log(self->keys),
        .until_lsn = until_lsn,
        .visitor = &visitor,
        .watch = self->watch,
    };

    return av_care_walk_log(&job, &self->result->bytes, err);
}

/* --- what was erased --------------------------------------------------------------------------------------------- */

static int
compare_lsns(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* Erased while this ran: the event stands behind what was read, and was committed before the key went. */
av_errc
verify_read_on(verifier *self, uint64_t from_lsn, av_error *err)
{
    AV_CLEANUP(av_scan_destroy) av_scan *scan = NULL;
    av_error ignored;
    av_errc rc = av_scan_new(av_store_files(self->store), av_store_keys_log(self->keys), &scan, err);
    bool end = rc != AV_OK || av_scan_from(scan, from_lsn, &ignored) != AV_OK;

    while (rc == AV_OK && !end) {
        av_record_header header;
        av_span body;

        if (av_scan_next(scan, &header, &body, &end, &ignored) != AV_OK)
            break; /* the writer's open group */
        if (!end && header.kind == AV_RECORD_EVENTS)
            rc = verify_erasures(self, &header, body, err);
    }
    return rc;
}

static av_errc
check_gone(verifier *self, uint64_t until_lsn, av_error *err)
{
    size_t n = self->gone.n / sizeof(uint64_t);
    uint64_t before = 0, lsn;
    av_errc rc = AV_OK;

    if (n == 0)
        return AV_OK;
    if (until_lsn != UINT64_MAX)
        rc = verify_read_on(self, until_lsn, err);
    qsort(self->gone.p, n, sizeof lsn, compare_lsns);
    if (self->told.n > 0)
        qsort(self->told.p, self->told.n / sizeof lsn, sizeof lsn, compare_lsns);
    for (size_t i = 0; rc == AV_OK && i < n; i++) {
        char why[128];

        memcpy(&lsn, self->gone.p + i * sizeof lsn, sizeof lsn);
        if (lsn == before || (self->told.n > 0 && bsearch(&lsn, self->told.p, self->told.n / sizeof lsn, sizeof lsn,
                                                      compare_lsns) != NULL))
            continue;
        before = lsn;
        (void)snprintf(why, sizeof why, "the content at LSN %llx has no key, though nothing says that it was erased",
            (unsigned long long)lsn);
        rc = verify_fault(self, AV_FAULT_KEYS, lsn, lsn, NULL, why, err);
    }
    return rc;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static av_errc
find_end(verifier *self, uint64_t *ret_until, av_error *err)
{
    const av_verify_options *o = self->options;
    uint64_t until = o->until_lsn;
    av_errc rc = o->view != NULL ? av_store_view_lsn_of(o->view, &until, err) : AV_OK;

    if (o->view == NULL && until == 0)
        until = av_store_committed_lsn(self->store);
    *ret_until = av_store_is_corrupt(self->store) ? UINT64_MAX : AV_MAX(until, o->witnessed_lsn);
    return rc;
}

static av_errc
check_marker(verifier *self, av_error *err)
{
    av_errc rc = av_store_check_marker(self->store, err);

    return verify_is_fault(rc) ? verify_fault(self, AV_FAULT_CONTAINER, 0, 0, NULL, NULL, err) : rc;
}

static av_errc
verify(verifier *self, av_error *err)
{
    uint64_t until = 0;
    av_errc rc = find_end(self, &until, err);

    if (rc == AV_OK)
        rc = check_marker(self, err);
    if (rc == AV_OK && av_store_is_corrupt(self->store))
        av_care_say(self->watch, AV_LOG_WARN, 0, "the store was found damaged when it was opened: %s",
            av_store_problem(self->store));
    if (rc == AV_OK)
        rc = av_store_inspector_new(self->store, &self->inspector, err);
    if (rc == AV_OK)
        rc = walk(self, until, err);
    if (rc == AV_OK)
        rc = check_gone(self, until, err);
    if (rc != AV_OK || self->options->view == NULL || self->options->scratch_dir == NULL)
        return rc;
    if (self->result->faults == 0)
        return verify_view(self, until, err);
    av_care_say(self->watch, AV_LOG_WARN, 0, "the view was not compared, as the log itself has faults");
    return AV_OK;
}

av_errc
av_care_verify(const av_store *store, const av_verify_options *options, const av_care_watch *watch,
    av_verify_result *ret, av_error *err)
{
    verifier self = { .store = store, .options = options, .watch = watch, .result = ret };
    av_errc rc;

    *ret = (av_verify_result){ .containers = av_container_files_highest(av_store_files(store)) };
    self.keys = av_store_keys_of(store);
    av_buf_init(&self.gone, ERASED_MAX);
    av_buf_init(&self.told, ERASED_MAX);
    rc = verify(&self, err);
    av_store_inspector_destroy(&self.inspector);
    av_care_ranges_release(&self.damaged);
    av_buf_release(&self.gone);
    av_buf_release(&self.told);
    return rc;
}
