/*
 * address.h - RFC 5322 address lists
 *
 * Pure and tolerant: groups, comments, quoted strings, routes and other obsolete forms, missing commas and hosts. What
 * cannot be understood is skipped up to the next comma. Source: RFC 5322, 3.4 and 4.4.
 */
#ifndef AV_STORAGE_MIME_ADDRESS_H
#define AV_STORAGE_MIME_ADDRESS_H

#include "base/buf.h"
#include "storage/mime/pool.h"

#define AV_ADDRESS_PART_MAX 4096 /* bytes of one name, mailbox or host; what is longer is cut */

typedef enum av_address_kind {
    AV_ADDRESS_MAILBOX,
    AV_ADDRESS_GROUP,    /* `name:` opens a group */
    AV_ADDRESS_GROUP_END /* all fields empty */
} av_address_kind;

typedef struct av_address {
    av_address_kind kind;
    av_span name_raw; /* display name (or group name): unquoted, unfolded, encoded-words kept; a lone comment counts */
    av_span name;     /* the same as UTF-8 */
    av_span mailbox;  /* local part, unquoted; may be empty */
    av_span host;     /* domain; empty when missing */
    av_span route;    /* RFC 5322, 4.4: `@a,@b`; empty in all mail of this century */
} av_address;

typedef struct av_address_list {
    av_address *items;
    size_t count, cap;
    bool cut; /* there were more than max */
    av_mime_pool pool;
} av_address_list;

void av_address_list_init(av_address_list *self);
void av_address_list_release(av_address_list *self);
/*
 * Parse a raw header value (folds allowed); at most max items, 256 KB of value and 1 MB of strings. ret was initialised; earlier contents
 * are forgotten. Spans of ret live until the next parse or release.
 */
void av_address_parse(av_span value, size_t max, av_address_list *ret);
/* `Name <a@b>, c@d` decoded, for people and search; appends what fits, false when out is full. */
bool av_address_display(const av_address_list *self, av_buf *out);

#endif
