/*
 * fuzz_imap_command.c - any bytes as one complete command, and as the arguments of the two that have a grammar of their own
 */
#include "gateway/imap/command.h"
#include "gateway/imap/fetch_items.h"
#include "gateway/imap/list_request.h"
#include "gateway/imap/mailbox_name.h"
#include "gateway/imap/mailbox_tree.h"
#include "gateway/imap/search_keys.h"
#include "gateway/imap/select_params.h"
#include "gateway/imap/search_return.h"
#include "gateway/imap/search_scope.h"
#include "gateway/imap/sort_keys.h"
#include "gateway/imap/status_items.h"
#include "storage/mime/imap_items.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
as_fetch(av_span in)
{
    av_imap_fetch_items items;
    av_error err;

    if (av_imap_fetch_items_parse(in, &items, &err) == AV_OK) {
        for (size_t i = 0; i < items.section_count; i++) {
            av_imap_section section;

            /* The instance reads it again, and must understand. */
            assert(av_imap_section_parse(av_span_str(av_imap_fetch_items_section(&items, i)), &section));
        }
    }
    av_imap_fetch_items_release(&items);
}

static void
as_search(av_span in)
{
    const av_query_range ranges[] = { { 3, 70 }, { 90, 91 }, { 1000, 5000 } };
    av_imap_uids uids = { 0 };
    av_imap_search_options options = { .uids = &uids, .now_unix_s = 1700000000, .exact = (in.n & 1) != 0 };
    av_query *query = NULL;
    bool modseq;
    av_error err;

    assert(av_imap_uids_set(&uids, ranges, AV_COUNT(ranges)));
    av_imap_uids_save(&uids, ranges, 2);
    if (in.n % 3 == 0)
        options.uids = NULL;
    if (av_imap_search_parse(in, &options, &query, &modseq, &err) == AV_OK)
        assert(av_query_root(query) != AV_QUERY_NONE);
    else
        assert(err.msg[0] != '\0' && query == NULL);
    av_query_destroy(&query);
    av_imap_uids_release(&uids);
}

/* What may stand in front of the keys. */
static void
as_search_heads(av_span in)
{
    AV_CLEANUP(av_imap_scope_release) av_imap_scope scope = { .n = 0 };
    Archivolt__SortKey sort[4];
    Archivolt__ThreadAlgorithm thread;
    av_imap_return returns;
    av_span rest = in;
    av_error err;
    size_t n;

    if (av_imap_take_scope(&rest, (in.n & 1) != 0, &scope, &err) == AV_OK) {
        assert(scope.n > 0 && rest.n <= in.n);
        (void)av_imap_scope_has(&scope, in, rest);
    }
    if (av_imap_take_return(&rest, &returns, &err) == AV_OK && returns.given)
        assert(returns.options != 0 && ((returns.options & AV_IMAP_RETURN_PARTIAL) == 0 || returns.first > 0));
    if (av_imap_take_sort_keys(&rest, sort, AV_COUNT(sort), &n, &err) == AV_OK)
        assert(n > 0 && n <= AV_COUNT(sort));
    (void)av_imap_take_thread_algorithm(&rest, &thread, &err);
}

static void
as_select(av_span in)
{
    const av_query_range ranges[] = { { 3, 70 }, { 90, 91 }, { 1000, 5000 } };
    av_imap_select_params params;
    av_imap_uids uids = { 0 };
    av_query_range *gone = NULL;
    av_error err;
    size_t n = 0;

    assert(av_imap_uids_set(&uids, ranges, AV_COUNT(ranges)));
    if (av_imap_select_params_parse(in, &params, &err) == AV_OK && params.qresync) {
        av_imap_select_params_vanished(&params, &uids, 6000, &gone, &n);
        for (size_t i = 0; i < n; i++) { /* in order, and none of them is there */
            assert(
                gone[i].first <= gone[i].last && gone[i].last < 6000 && (i == 0 || gone[i].first > gone[i - 1].last));
            assert(av_imap_uids_seq(&uids, gone[i].first) == 0 && av_imap_uids_seq(&uids, gone[i].last) == 0);
        }
        free(gone);
    }
    av_imap_select_params_release(&params);
    av_imap_uids_release(&uids);
}

/* What an instance tells of UIDs, with a state that is known. */
static void
as_uids(av_span in)
{
    const av_query_range ranges[] = { { 3, 70 }, { 90, 91 } };
    av_imap_uids base = { 0 }, got = { 0 };
    uint32_t from = in.n > 0 ? in.p[0] : 1;

    assert(av_imap_uids_set(&base, ranges, AV_COUNT(ranges)));
    if (from > 0 && av_imap_uids_decode(&got, &base, from, in)) {
        for (size_t i = 0; i < got.n; i++)
            assert(got.runs[i].first <= got.runs[i].last && (i == 0 || got.runs[i].first > got.runs[i - 1].last + 1));
        assert(got.count == 0 || av_imap_uids_uid(&got, got.count) == av_imap_uids_last(&got));
    }
    av_imap_uids_release(&got);
    av_imap_uids_release(&base);
}

static void
as_name(av_span in, bool utf8)
{
    AV_CLEANUP(av_buf_release) av_buf name = { 0 };
    AV_CLEANUP(av_buf_release) av_buf wire = { 0 };

    if (in.n > 300)
        return;
    av_buf_init(&name, AV_IMAP_NAME_MAX);
    av_buf_init(&wire, AV_IMAP_NAME_MAX);
    if (!av_imap_name_decode(in, utf8, &name))
        return;
    assert(av_imap_name_put(av_buf_span(&name), utf8, &wire));
    for (size_t i = 0; i < wire.n; i++)
        assert(utf8 ? wire.p[i] != 0 : wire.p[i] >= 0x20 && wire.p[i] < 0x7f);
}

static void
as_list(av_span in, bool utf8)
{
    av_imap_list_request request;
    av_error err;

    if (av_imap_list_request_parse(in, utf8, &request, &err) == AV_OK) {
        for (size_t i = 0; i < request.count; i++) {
            assert(request.patterns[i].n <= AV_IMAP_PATTERN_MAX);
            (void)av_imap_name_matches(av_buf_span(&request.patterns[i]), av_span_str("alice/Old Mail/Sent"));
        }
        assert(request.status == 0 || (request.ret & AV_IMAP_LIST_STATUS) != 0);
    } else {
        assert(err.msg[0] != '\0');
    }
    av_imap_list_request_release(&request);
}

static void
as_status(av_span in)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    Archivolt__MailboxInfo info = av_imap_empty_inbox();
    unsigned items = 0;

    av_buf_init(&out, 4096);
    if (av_imap_status_items_take(&in, &items))
        assert(items != 0 && av_imap_status_items_put(items, &info, &out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const unsigned states[] = { AV_IMAP_NOT_AUTH, AV_IMAP_AUTH, AV_IMAP_SELECTED };
    av_span in = av_span_of(data, n);
    av_imap_command command;
    av_error err;

    if (n > 100000)
        return 0;
    for (size_t i = 0; i < AV_COUNT(states); i++) {
        if (av_imap_command_parse(in, av_imap_rows, states[i], &command, &err) == AV_OK) {
            assert(command.row != NULL && (command.row->states & states[i]) != 0 && command.tag.n > 0);
            for (size_t k = 0; k < command.arg_count; k++) {
                as_fetch(command.args[k]);
                as_search_heads(command.args[k]);
                as_search(command.args[k]);
                as_select(command.args[k]);
                as_name(command.args[k], k == 0);
                as_list(command.args[k], k == 0);
                as_status(command.args[k]);
            }
        }
        av_imap_command_release(&command);
    }
    as_fetch(in);
    as_search_heads(in);
    as_search(in);
    as_select(in);
    as_uids(in);
    as_name(in, false);
    as_name(in, true);
    as_list(in, false);
    as_list(in, true);
    as_status(in);
    return 0;
}
