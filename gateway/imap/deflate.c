/*
 * deflate.c - see deflate.h; zlib does the work
 */
#include "gateway/imap/deflate.h"

#define ZLIB_CONST
#include <zlib.h>

#define LARGEST_WINDOW 15    /* of the peer: it chooses its own */
#define PIECE          65536 /* zlib counts in unsigned int */

struct av_deflate {
    av_deflate_options options;
    z_stream packer, unpacker;
    bool packs;   /* packer is there */
    bool owes;    /* bytes went in since the last sync was through */
    bool syncing; /* a sync was begun and found no room for all of it */
};

static void *
take_memory(void *ctx AV_UNUSED, unsigned count, unsigned size)
{
    return av_xalloc((size_t)count * size);
}

static void
give_memory(void *ctx AV_UNUSED, void *p)
{
    free(p);
}

av_deflate *
av_deflate_new(const av_deflate_options *options)
{
    av_deflate *self = av_xcalloc(1, sizeof *self);
    int rc;

    self->options = *options;
    self->unpacker = (z_stream){ .zalloc = take_memory, .zfree = give_memory };
    rc = inflateInit2(&self->unpacker, -LARGEST_WINDOW);
    assert(rc == Z_OK);
    return self;
}

bool
av_deflate_rest(av_deflate *self)
{
    bool packed = self->packs;

    assert(!self->owes);
    if (packed)
        (void)deflateEnd(&self->packer);
    self->packs = false;
    return packed;
}

void
av_deflate_destroy(av_deflate **self)
{
    if (*self == NULL)
        return;
    (*self)->owes = false;
    (void)av_deflate_rest(*self);
    (void)inflateEnd(&(*self)->unpacker);
    free(*self);
    *self = NULL;
}

bool
av_deflate_owes(const av_deflate *self)
{
    return self->owes;
}

av_errc
av_deflate_unpack(av_deflate *self, av_span *in, uint8_t *to, size_t room, size_t *ret, av_error *err)
{
    static const uint8_t nothing[1];
    z_stream *z = &self->unpacker;
    size_t n = AV_MIN(in->n, (size_t)PIECE);
    int rc;

    room = AV_MIN(room, (size_t)PIECE);
    z->next_in = in->n == 0 ? nothing : in->p;
    z->avail_in = (uInt)n;
    z->next_out = to;
    z->avail_out = (uInt)room;
    rc = inflate(z, Z_SYNC_FLUSH);
    *in = av_span_skip(*in, n - z->avail_in);
    *ret = room - z->avail_out;
    z->next_in = NULL;
    z->next_out = NULL;
    if (rc == Z_OK || rc == Z_BUF_ERROR) /* Z_BUF_ERROR: nothing to do, which is no error (zlib.h) */
        return AV_OK;
    return av_error_set(err, AV_ERR_SYNTAX,
        rc == Z_STREAM_END ? "the client has ended its compressed stream" : "the client's bytes are no DEFLATE stream");
}

static void
begin_packing(av_deflate *self)
{
    const av_deflate_options *o = &self->options;
    int rc;

    self->packer = (z_stream){ .zalloc = take_memory, .zfree = give_memory };
    rc = deflateInit2(&self->packer, o->level, Z_DEFLATED, -o->window_bits, o->memory_level, Z_DEFAULT_STRATEGY);
    assert(rc == Z_OK);
    self->packs = true;
}

size_t
av_deflate_pack(av_deflate *self, av_span *in, bool sync, uint8_t *to, size_t room)
{
    static const uint8_t nothing[1];
    z_stream *z = &self->packer;
    size_t n = AV_MIN(in->n, (size_t)PIECE);

    room = AV_MIN(room, (size_t)PIECE);
    if (room == 0 || (n == 0 && !self->owes))
        return 0;
    if (!self->packs)
        begin_packing(self);
    self->owes = true;
    sync = n == in->n && (sync || self->syncing); /* not before all of it went in */
    z->next_in = n == 0 ? nothing : in->p;
    z->avail_in = (uInt)n;
    z->next_out = to;
    z->avail_out = (uInt)room;
    (void)deflate(z, sync ? Z_SYNC_FLUSH : Z_NO_FLUSH); /* Z_BUF_ERROR: nothing to do */
    *in = av_span_skip(*in, n - z->avail_in);
    self->syncing = sync && z->avail_out == 0;
    if (sync && z->avail_out > 0)
        self->owes = false;
    n = room - z->avail_out;
    z->next_in = NULL;
    z->next_out = NULL;
    return n;
}
