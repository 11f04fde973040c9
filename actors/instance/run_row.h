/*
 * run_row.h - what an instance keeps of a run: what was asked for and how it ended, in accounts
 *
 * What became of each message is in the log and its catalog (av_catalog_run): this row never counts anything.
 */
#ifndef AV_INSTANCE_RUN_ROW_H
#define AV_INSTANCE_RUN_ROW_H

#include "actors/instance/user_row.h"
#include "storage/store/event.h"

typedef struct av_run_row {
    uint64_t number; /* 1, 2, 3 ... within the instance */
    uint8_t run[AV_GUID_SIZE];
    char *top_folder; /* archive */
    char *folder;     /* below it, or NULL */
    av_texts paths;
    uint32_t source, mbox;        /* SourceKind, MboxKind */
    int64_t started_ms, ended_ms; /* ended 0: running */
    uint32_t result;              /* RunResult */
    uint32_t error_code;          /* of a failed one */
    char *error;                  /* its sentence, or NULL */
    char *machine;                /* node */
} av_run_row;

void av_run_row_destroy(av_run_row **self);
/* AV_ERR_LIMIT: the paths together are too long for a row. */
av_errc av_run_row_encode(const av_run_row *self, av_buf *out, av_error *err);
av_errc av_run_row_decode(av_span row, av_run_row **ret, av_error *err);

/* In the open group of accounts: gives self its number. */
av_errc av_run_row_create(av_accounts *accounts, av_run_row *self, av_error *err);
av_errc av_run_row_put(av_accounts *accounts, const av_run_row *self, av_error *err);
/* AV_ERR_NOT_FOUND: run 7 does not exist. */
av_errc av_run_row_get(const av_meta_view *view, uint64_t number, av_run_row **ret, av_error *err);
/* All, newest first: while ((rc = av_run_row_next(it, &row, err)) == AV_OK && row != NULL). Ends with av_meta_iter_destroy. */
av_meta_iter *av_run_rows(const av_meta_view *view);
av_errc av_run_row_next(av_meta_iter *it, av_run_row **ret, av_error *err);

#endif
