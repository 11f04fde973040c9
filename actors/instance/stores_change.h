/*
 * stores_change.h - the store functions of the contract that are done at once, in the shape of ask.h
 *
 * They change rows and, some, files; the registry follows with av_stores_sync when the group of accounts is committed
 * (work.c). On the writer, no group of events open.
 */
#ifndef AV_INSTANCE_STORES_CHANGE_H
#define AV_INSTANCE_STORES_CHANGE_H

#include "actors/instance/ask.h"

av_errc av_stores_ask_list(av_ask *ask, av_error *err); /* any thread */
av_errc av_stores_ask_propose(av_ask *ask, av_error *err);
av_errc av_stores_ask_create(av_ask *ask, av_error *err);
av_errc av_stores_ask_rename(av_ask *ask, av_error *err);
av_errc av_stores_ask_set_path(av_ask *ask, av_error *err);
av_errc av_stores_ask_set_state(av_ask *ask, av_error *err);
av_errc av_stores_ask_unlock(av_ask *ask, av_error *err);
av_errc av_stores_ask_retry(av_ask *ask, av_error *err);
av_errc av_stores_ask_get_auto(av_ask *ask, av_error *err); /* any thread */
av_errc av_stores_ask_set_auto(av_ask *ask, av_error *err);
av_errc av_stores_ask_renew_recovery(av_ask *ask, av_error *err);
av_errc av_stores_ask_paths(av_ask *ask, av_error *err); /* any thread */

#endif
