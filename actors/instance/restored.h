/*
 * restored.h - the first start of an instance that was restored from a backup (docs/backup.md, 5)
 *
 * Its rows still say where the stores lay in the instance it was backed up from, which may be at work beside this one.
 * Where they lie now is <dir>/stores/<uuid>.
 */
#ifndef AV_INSTANCE_RESTORED_H
#define AV_INSTANCE_RESTORED_H

#include "storage/meta/accounts.h"

/*
 * Nothing to do unless <dir>/restored is there. Before the stores are opened: one synced group of accounts, then the
 * file goes. All stores are marked to be caught up with, since a backup need not hold the catalog.
 */
av_errc av_restored_settle(const char *dir, av_accounts *accounts, av_error *err);

#endif
