/*
 * fuzz_filter.c - any bytes as an instance filter: refused, or asked without falling over
 */
#include "actors/management/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_filter filter;
    av_error err;

    if (av_filter_parse(av_span_of(data, size), &filter, &err) != AV_OK)
        return 0;
    (void)av_filter_names(&filter, "a", NULL, "h");
    (void)av_filter_names(&filter, "demo", "alias", "host1");
    (void)av_filter_wants_state(&filter, ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_RUNNING);
    if (!filter.all && filter.id_count + filter.host_count == 0)
        __builtin_trap();
    av_filter_release(&filter);
    return 0;
}
