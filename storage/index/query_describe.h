/*
 * query_describe.h - a node of a query in words, for `explain` and logs of it
 */
#ifndef AV_STORAGE_INDEX_QUERY_DESCRIBE_H
#define AV_STORAGE_INDEX_QUERY_DESCRIBE_H

#include "base/buf.h"
#include "storage/index/query.h"

/* One line without its end: `word "invoice" in subject, body`. Children are not followed. What does not fit is left out. */
void av_query_describe(const av_query_node *node, av_buf *out);

#endif
