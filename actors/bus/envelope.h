/*
 * envelope.h - the Envelope frame: bytes to a checked message and back; pure
 *
 * After av_envelope_open each field a kind needs is there and within its bounds, so nobody checks again. What the frame
 * says about its sender is nothing: that is the broker's frame.
 */
#ifndef AV_ACTORS_BUS_ENVELOPE_H
#define AV_ACTORS_BUS_ENVELOPE_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/envelope.pb-c.h"

#define AV_ENVELOPE_VERSION     1U
#define AV_ENVELOPE_KNOWN_BITS  UINT64_C(0) /* required_bits this library understands */
#define AV_ENVELOPE_FRAME_MAX   16384U
#define AV_ENVELOPE_KEY_SIZE    16U
#define AV_ENVELOPE_TRACE_SIZE  16U
#define AV_ENVELOPE_TICKET_SIZE 32U
#define AV_ENVELOPE_SESSION_MAX 1024U
#define AV_ENVELOPE_METHOD_MAX  128U
#define AV_ENVELOPE_TOPIC_MAX   220U
#define AV_ENVELOPE_TEXT_MAX    1024U

/*
 * Unpack and check a frame.
 *
 * ret   set on AV_OK; owned by the caller (av_envelope_free). Set on AV_ERR_VERSION and AV_ERR_INVALID too, so that the
 * sender
 *       can be told: then only kind, correlation and from_caller may be used.
 * Returns AV_OK; AV_ERR_LIMIT (frame too long), AV_ERR_SYNTAX (not an Envelope), AV_ERR_INVALID (a field is missing or
 * out of bounds), AV_ERR_VERSION (a newer major version or an unknown required bit, decisions.md 21).
 */
av_errc av_envelope_open(av_span frame, Archivolt__Envelope **ret, av_error *err);
void av_envelope_free(Archivolt__Envelope **self); /* NULL and *NULL are no-ops */

/* A zeroed envelope of a kind, with the version filled in. */
void av_envelope_init(Archivolt__Envelope *self, Archivolt__Kind kind, uint64_t correlation);
/* Packed bytes onto out. false: out is full. */
bool av_envelope_pack(const Archivolt__Envelope *self, av_buf *out);

/*
 * Make self an error envelope. error and its text are borrowed and must live until it is packed; text that is not UTF-8
 * must not come here. actor may be NULL.
 */
void av_envelope_set_error(Archivolt__Envelope *self, Archivolt__Error *error, const av_error *err, const char *actor);
/* What an error envelope says. A code this library does not know becomes AV_ERR_INTERNAL. */
void av_envelope_get_error(const Archivolt__Envelope *self, av_error *ret);

#endif
