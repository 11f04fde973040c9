/*
 * floors.h - what a store that leaves takes along and nobody may give again: UIDs, MODSEQs, UIDVALIDITYs, the sequence
 *
 * The catalog knows them as long as it is; made anew from the logs at hand it would not. So they are noted in accounts when
 * a store is disabled or detached, and the catalog is raised to them whenever it may have been made anew. Writer thread.
 */
#ifndef AV_INSTANCE_FLOORS_H
#define AV_INSTANCE_FLOORS_H

#include "storage/meta/accounts.h"
#include "storage/meta/catalog.h"

/*
 * How far an instance that was restored from a backup jumps ahead (docs/backup.md, 5): more than is given between two
 * backups, and little of what there is. UIDs have 32 bits, MODSEQs 63 (RFC 7162, 3.1), UIDVALIDITYs are seconds.
 */
#define AV_FLOOR_JUMP_UID         (1U << 24)
#define AV_FLOOR_JUMP_MODSEQ      (1ULL << 32)
#define AV_FLOOR_JUMP_SEQUENCE    (1ULL << 32)
#define AV_FLOOR_JUMP_UIDVALIDITY 1000000U

/* Of all mailboxes this store (its number in the catalog; 0: nothing to do) has a part in. In the open group of accounts. */
av_errc av_floors_note(
    av_accounts *accounts, const av_catalog *catalog, const av_meta_view *view, uint32_t store_no, av_error *err);
/* Of a store of which nothing is known: all mailboxes jump (av_floors_jump). In the open group of accounts. */
av_errc av_floors_note_jump(av_accounts *accounts, av_catalog *catalog, av_error *err);
/* Between groups. */
av_errc av_floors_apply(av_accounts *accounts, av_catalog *catalog, av_error *err);
/* Between groups, every store caught up with: nothing that this instance gives from now on was given behind its backup. */
av_errc av_floors_jump(av_accounts *accounts, av_catalog *catalog, av_error *err);
/* UIDVALIDITYs of new mailboxes are above it; 0: none is noted. */
av_errc av_floors_uidvalidity(av_accounts *accounts, uint32_t *ret, av_error *err);

#endif
