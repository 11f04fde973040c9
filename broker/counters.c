/*
 * counters.c - see counters.h
 */
#include "broker/counters.h"

#include "base/util.h"

#define ROW(name, help) { #name, help, offsetof(av_counters, name) },
const av_counter_row av_counter_rows[] = { AV_BROKER_COUNTERS(ROW) };
#undef ROW
const size_t av_counter_count = AV_COUNT(av_counter_rows);

uint64_t
av_counters_get(const av_counters *self, size_t row)
{
    uint64_t value;

    assert(row < av_counter_count);
    memcpy(&value, (const uint8_t *)self + av_counter_rows[row].offset, sizeof value);
    return value;
}
