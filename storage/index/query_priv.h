/*
 * query_priv.h - what the files of the query share
 */
#ifndef AV_STORAGE_INDEX_QUERY_PRIV_H
#define AV_STORAGE_INDEX_QUERY_PRIV_H

#include "storage/index/query.h"

/* White space as Unicode has it, the no-break spaces included. */
bool av_query_is_space(uint32_t c);

/* Something an index could find: a letter, a digit, or any character beyond ASCII (an emoji, say). */
bool av_query_is_searchable(av_span text);

/* What makes a text unfit for a term of this kind (SUFFIX, WILDCARD, NEAR, STEM...): NULL, or a sentence without a
 * stop. */
const char *av_query_wrong_with(av_query_kind kind, av_span text);

/* Keep the first failure; always AV_QUERY_NONE. */
av_query_id av_query_fail(av_query *self, av_errc code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A new leaf, or AV_QUERY_NONE. What the caller allocated for it is then still the caller's. */
av_query_id av_query_add(av_query *self, av_query_kind kind);
/* A node to fill in. */
av_query_node *av_query_node_of(av_query *self, av_query_id id);
/* A building function has failed: av_query_finish() will say how. */
bool av_query_failed(const av_query *self);
/* The bounds in force, cut to what is possible at all. */
const av_query_limits *av_query_limits_of(const av_query *self);

/*
 * The period of a typed date: 2015, 2015-03, 2015-03-07, as [start, end) of a clock zone_min minutes east of UTC.
 * false: no such date.
 */
bool av_query_period(av_span text, int32_t zone_min, int64_t *ret_start, int64_t *ret_end);
/* 2015, 2015-03..2015-07, 2015.., ..2016: last included; open ends are INT64_MIN, INT64_MAX. */
bool av_query_period_range(av_span text, int32_t zone_min, int64_t *ret_from, int64_t *ret_to);
/* 1234, >10K, >=10K, <2M, <=2M, 10K..2M, 10K.., ..2M; both ends included in what is returned. false: no size. */
bool av_query_size_range(av_span text, uint64_t *ret_min, uint64_t *ret_max);

#endif
