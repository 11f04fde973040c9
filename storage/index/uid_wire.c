/*
 * uid_wire.c - see uid_wire.h
 */
#include "storage/index/uid_wire.h"

#include "storage/container/tlv.h"

bool
av_uid_wire_put(av_buf *out, uint32_t before, av_query_range run)
{
    assert(run.first > before && run.last >= run.first);
    return av_var_put(out, run.first - before - 1) && av_var_put(out, run.last - run.first);
}

bool
av_uid_wire_take(av_span *in, uint32_t before, av_query_range *ret)
{
    uint64_t gap, more, first, last;
    av_span rest = *in;

    if (!av_var_get(&rest, &gap) || !av_var_get(&rest, &more) || gap >= UINT32_MAX || more >= UINT32_MAX)
        return false;
    first = before + gap + 1;
    last = first + more;
    if (last >= UINT32_MAX)
        return false;
    *in = rest;
    *ret = (av_query_range){ (uint32_t)first, (uint32_t)last };
    return true;
}
