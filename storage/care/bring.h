/*
 * bring.h - one message of a store into the log of another, its digest compared on the way
 */
#ifndef AV_CARE_BRING_H
#define AV_CARE_BRING_H

#include "storage/store/store.h"

/*
 * The message that reader stands on, as a new content of target's open group. One smaller than room's ceiling is read
 * into room, a larger one twice: nothing that fails half way goes into the target.
 *
 * room     initialised; what it held is gone
 * ret_lsn  in the target; set on success only
 *
 * AV_ERR_CORRUPT: the bytes are not those their digest names. Else what reading, and what putting says. Blocks on disk.
 */
av_errc av_care_bring(av_store_reader *reader, av_store *target, av_buf *room, uint64_t *ret_lsn, av_error *err);

#endif
