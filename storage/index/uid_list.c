/*
 * uid_list.c - see uid_list.h
 */
#include "storage/index/uid_list.h"

#include "storage/container/tlv.h"

bool
av_uid_list_put(av_uid_list *self, uint32_t uid, av_buf *out)
{
    uint32_t step = uid - self->last;

    self->last = uid;
    return av_varint_put(out, step << 1 ^ ((step >> 31) != 0 ? UINT32_MAX : 0));
}

bool
av_uid_list_take(av_uid_list *self, av_span *in, uint32_t *ret)
{
    uint32_t v;

    if (!av_varint_get(in, &v))
        return false;
    self->last += v >> 1 ^ ((v & 1) != 0 ? UINT32_MAX : 0);
    *ret = self->last;
    return true;
}

bool
av_uid_list_put_node(av_uid_list *self, uint32_t uid, uint32_t children, av_buf *out)
{
    return av_uid_list_put(self, uid, out) && av_varint_put(out, children);
}

bool
av_uid_list_take_node(av_uid_list *self, av_span *in, uint32_t *ret_uid, uint32_t *ret_children)
{
    av_span rest = *in;
    av_uid_list at = *self;

    if (!av_uid_list_take(&at, &rest, ret_uid) || !av_varint_get(&rest, ret_children))
        return false;
    *self = at;
    *in = rest;
    return true;
}
