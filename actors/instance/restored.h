/*
 * restored.h - the first start of an instance that was restored from a backup (docs/backup.md, 5)
 *
 * Its rows still say where the stores lay in the instance it was backed up from, which may be at work beside this one.
 * Where they lie now is <dir>/stores/<uuid>.
 */
#ifndef AV_INSTANCE_RESTORED_H
#define AV_INSTANCE_RESTORED_H

#include "storage/meta/accounts.h"
#include "storage/meta/catalog.h"

/*
 * Nothing to do unless <dir>/restored is there. Before the stores are opened: one synced group of accounts. All stores are marked to be caught up with, since a backup need not hold the catalog.
 */
av_errc av_restored_settle(const char *dir, av_accounts *accounts, av_error *err);
/*
 * The other half, when the stores were caught up with: nothing is given again that the original gave after the backup
 * (av_floors_jump), then the file goes. A crash before that does both once more, which does no harm.
 */
av_errc av_restored_go_on(const char *dir, av_accounts *accounts, av_catalog *catalog, av_error *err);

#endif
