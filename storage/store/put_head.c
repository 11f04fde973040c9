/*
 * put_head.c - the head of a message that looks like another copy of one the store has
 *
 * Copies of a message from several mailboxes differ in the fields the last hops put on top (Received, Delivered-To),
 * and their skeletons are stored again and again for that. So when all parts of a message were known, what stands below
 * these fields becomes a part, too: the next copy finds it. A message that comes once pays nothing for this.
 */
#include <strings.h>

#include "storage/store/store_priv.h"

#define HEAD_LEAST 512U /* bytes: a record of its own costs some hundred */

/* A field that delivery puts on top, or the line that begins a message in an mbox file. */
static bool
is_trace(av_span line)
{
    static const char *const names[] = { "Received:", "Delivered-To:", "Return-Path:", "X-Original-To:", "Envelope-To:",
        "X-Envelope-To:", "X-Envelope-From:", "X-Delivered-To:", "Delivery-Date:", "From " };

    for (size_t i = 0; i < AV_COUNT(names); i++) {
        size_t n = strlen(names[i]);

        if (line.n >= n && strncasecmp((const char *)line.p, names[i], n) == 0)
            return true;
    }
    return false;
}

/* Bytes of the trace fields that text begins with. */
static size_t
trace_length(av_span text)
{
    size_t at = 0;
    bool in_trace = false;

    while (at < text.n) {
        av_span line = av_span_skip(text, at);
        bool folded = line.p[0] == ' ' || line.p[0] == '\t';

        if (folded ? !in_trace : !is_trace(line))
            break;
        in_trace = true;
        at += AV_MIN(av_span_find(line, '\n') + 1, line.n);
    }
    return at;
}

av_errc
store_recipe_cut_head(av_store *self, store_recipe *recipe, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf steps = { 0 };
    store_step first, part = { .kind = AV_STEP_PART };
    size_t from;
    av_errc rc;

    if (recipe->steps.n == 0)
        return AV_OK;
    memcpy(&first, recipe->steps.p, sizeof first);
    if (first.kind != AV_STEP_SKELETON)
        return AV_OK;
    from = trace_length(av_span_of(recipe->skeleton.p, first.size));
    part.size = first.size - from;
    if (part.size < HEAD_LEAST)
        return AV_OK;
    rc = store_put_part(self, av_span_of(recipe->skeleton.p + from, part.size), &part.lsn, err);
    if (rc != AV_OK)
        return rc;
    av_buf_init(&steps, recipe->steps.max + 2 * sizeof part);
    first.size = from;
    if ((from > 0 && !av_buf_append(&steps, &first, sizeof first)) || !av_buf_append(&steps, &part, sizeof part) ||
        !av_buf_append_span(&steps, av_span_skip(av_buf_span(&recipe->steps), sizeof first)))
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a recipe");
    av_buf_release(&recipe->steps);
    recipe->steps = steps;
    steps = (av_buf){ 0 };
    memmove(recipe->skeleton.p + from, recipe->skeleton.p + from + part.size, recipe->skeleton.n - from - part.size);
    recipe->skeleton.n -= part.size;
    recipe->parts++;
    return AV_OK;
}
