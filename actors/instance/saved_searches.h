/*
 * saved_searches.h - searches that a user keeps under a name
 *
 * Rows in accounts, each user's own; names are compared without case (NFC, full folding). A query is checked when it is
 * saved. How many one user may have is a setting (saved_searches).
 */
#ifndef AV_INSTANCE_SAVED_SEARCHES_H
#define AV_INSTANCE_SAVED_SEARCHES_H

#include "actors/instance/ask.h"

#define AV_SAVED_NAME_MAX 255 /* bytes */

/* SaveSearch, DeleteSavedSearch: writer, in a group of accounts. GetSavedSearches: any thread. ask->user is set. */
av_errc av_saved_ask_save(av_ask *ask, av_error *err);
av_errc av_saved_ask_delete(av_ask *ask, av_error *err);
av_errc av_saved_ask_list(av_ask *ask, av_error *err);

/* In the open group of accounts: a user is gone, or has another name. */
av_errc av_saved_forget(av_accounts *accounts, const char *user, av_error *err);
av_errc av_saved_rename(av_accounts *accounts, const char *from, const char *to, av_error *err);

#endif
