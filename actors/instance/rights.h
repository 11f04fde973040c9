/*
 * rights.h - which mailboxes a user may read
 *
 * His own archive (the top folder of his name) and archives that were granted to him with "read". Administrators see no
 * mail but their own. Rights are checked on placements, never on ids; what is forbidden looks like what is not there.
 * Loaded anew for each request: a right that was taken away ends with the request that is running.
 */
#ifndef AV_INSTANCE_RIGHTS_H
#define AV_INSTANCE_RIGHTS_H

#include "base/map.h"
#include "storage/meta/accounts.h"
#include "storage/meta/catalog.h"

typedef struct av_rights {
    av_map *archives;                 /* folded names; the value is of no meaning */
    uint8_t known_guid[AV_GUID_SIZE]; /* the last mailbox asked for: placements come in runs of one mailbox */
    bool known, known_readable;
} av_rights;

/* AV_ERR_AUTH when the user does not exist any more. */
av_errc av_rights_load(const av_meta_view *accounts, const char *user, av_rights **ret, av_error *err);
void av_rights_destroy(av_rights **self);
/* path: of a mailbox, in normal form. */
bool av_rights_may_read(const av_rights *self, av_span path);
/* The same by GUID; false for an unknown one. */
bool av_rights_may_read_guid(av_rights *self, const av_meta_view *catalog, const uint8_t guid[AV_GUID_SIZE]);
/* Two names of archives are the same: compared in NFC, without case. */
bool av_rights_same_name(av_span a, av_span b);

#endif
