/*
 * event_list.c - the lists that stand in events: built item by item, taken apart from the front
 */
#include "storage/container/tlv.h"
#include "storage/store/event.h"

bool
av_event_list_put_text(av_buf *out, av_span text)
{
    return text.n <= UINT32_MAX && av_varint_put(out, (uint32_t)text.n) && av_buf_append_span(out, text);
}

bool
av_event_list_next_text(av_span *list, av_span *ret)
{
    av_span in = *list;
    uint32_t n = 0;

    if (!av_varint_get(&in, &n) || !av_span_get_bytes(&in, n, ret))
        return false;
    *list = in;
    return true;
}

bool
av_event_list_put_refused(av_buf *out, uint64_t item, av_span path, av_span reason)
{
    path.n = AV_MIN(path.n, AV_EVENT_ITEM_TEXT);
    reason.n = AV_MIN(reason.n, AV_EVENT_ITEM_TEXT);
    return av_buf_put_u64(out, item) && av_event_list_put_text(out, path) && av_event_list_put_text(out, reason);
}

bool
av_event_list_next_refused(av_span *list, uint64_t *ret_item, av_span *ret_path, av_span *ret_reason)
{
    av_span in = *list;

    if (!av_span_get_u64(&in, ret_item) || !av_event_list_next_text(&in, ret_path) ||
        !av_event_list_next_text(&in, ret_reason))
        return false;
    *list = in;
    return true;
}

bool
av_event_list_put_item(av_buf *out, uint64_t item)
{
    return av_buf_put_u64(out, item);
}

bool
av_event_list_next_item(av_span *list, uint64_t *ret_item)
{
    return av_span_get_u64(list, ret_item);
}
