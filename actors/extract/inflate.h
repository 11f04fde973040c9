/*
 * inflate.h - deflated bytes, piece by piece
 */
#ifndef AV_ACTORS_EXTRACT_INFLATE_H
#define AV_ACTORS_EXTRACT_INFLATE_H

#include "actors/extract/job.h"

/* Where unpacked bytes go. false: enough, no more is wanted. */
typedef bool av_sink_fn(void *ctx, av_span piece);

typedef enum av_inflate_form { AV_INFLATE_RAW, AV_INFLATE_ZLIB, AV_INFLATE_GZIP } av_inflate_form;

/* Unpack in to sink, within the job's allowance. AV_ERR_CORRUPT, AV_ERR_LIMIT, AV_ERR_NOMEM; the sink had what
 * came before. */
av_errc av_inflate(av_job *job, av_inflate_form form, av_span in, av_sink_fn *sink, void *ctx, av_error *err);
/* A sink that appends to an av_buf (ctx) until that is full. */
bool av_sink_buf(void *ctx, av_span piece);

#endif
