/*
 * fuzz_rows.c - rows of users, runs, stores and summaries: any bytes give a value or an error; a value written again is read again
 */
#include "actors/instance/run_row.h"
#include "actors/instance/store_row.h"
#include "actors/instance/summary_row.h"
#include "actors/instance/user_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    AV_CLEANUP(av_user_destroy) av_user *again = NULL;
    AV_CLEANUP(av_run_row_destroy) av_run_row *run = NULL;
    AV_CLEANUP(av_store_row_destroy) av_store_row *store = NULL;
    AV_CLEANUP(av_store_row_destroy) av_store_row *store_again = NULL;
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_span in = av_span_of(data, size);
    av_summary summary;
    av_error err;

    av_buf_init(&out, AV_SUMMARY_ROW_MAX);
    if (av_user_decode(in, &user, &err) == AV_OK && av_user_encode(user, &out, &err) == AV_OK)
        assert(av_user_decode(av_buf_span(&out), &again, &err) == AV_OK && strcmp(user->name, again->name) == 0);
    (void)av_run_row_decode(in, &run, &err);
    av_buf_clear(&out);
    if (av_store_row_decode(in, &store, &err) == AV_OK && av_store_row_encode(store, &out, &err) == AV_OK)
        assert(av_store_row_decode(av_buf_span(&out), &store_again, &err) == AV_OK && store->id == store_again->id);
    av_buf_clear(&out);
    if (av_summary_row_decode(in, &summary, &err) == AV_OK)
        (void)av_summary_row_encode(&summary, &out, &err);
    return 0;
}
