/*
 * fuzz_event.c - any bytes as an event; what decodes encodes again and decodes to the same
 */
#include <stdlib.h>

#include "storage/store/event.h"
#include "storage/store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk_lists(const av_event *e)
{
    av_span list, a, b;
    uint64_t item;

    if (e->kind == AV_EVENT_PLACEMENT_ADDED) {
        list = e->placement.keywords;
        while (av_event_list_next_text(&list, &a))
            ;
        if (list.n != 0)
            abort(); /* a decoded list is whole */
    }
    if (e->kind == AV_EVENT_RUN_PROGRESS) {
        list = e->run.refused_items;
        while (av_event_list_next_refused(&list, &item, &a, &b))
            ;
        if (list.n != 0)
            abort();
    }
    if (e->kind == AV_EVENT_CONTENT_ERASED) {
        list = e->erased.lsns;
        while (av_event_list_next_item(&list, &item))
            ;
        if (list.n != 0)
            abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_event event, again;
    av_buf out, twice;
    av_error err;

    if (av_event_decode(av_span_of(data, size), &event, &err) != AV_OK || event.kind == AV_EVENT_UNKNOWN)
        return 0;
    walk_lists(&event);
    av_buf_init(&out, AV_STORE_EVENT_MAX);
    av_buf_init(&twice, AV_STORE_EVENT_MAX);
    if (av_event_encode(&event, &out, &err) != AV_OK || av_event_decode(av_buf_span(&out), &again, &err) != AV_OK ||
        av_event_encode(&again, &twice, &err) != AV_OK || !av_span_eq(av_buf_span(&out), av_buf_span(&twice)))
        abort();
    av_buf_release(&out);
    av_buf_release(&twice);
    return 0;
}
