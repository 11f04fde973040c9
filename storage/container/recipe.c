/*
 * recipe.c - see recipe.h
 */
#include "storage/container/recipe.h"

#include "storage/container/tlv.h"

uint64_t
av_recipe_base64_size(uint64_t size, uint8_t line, uint8_t form)
{
    uint64_t characters = (size + 2) / 3 * 4, full = line == 0 ? characters : 4ULL * line;
    uint64_t lines = (characters + full - 1) / full, ends = form & AV_BASE64_END ? lines : lines - 1;

    assert(size > 0 && size <= AV_RECIPE_OUTPUT_MAX / 8);
    return characters + ends * (form & AV_BASE64_CRLF ? 2 : 1);
}

bool
av_recipe_put(av_buf *out, const av_step *step, uint64_t record_lsn)
{
    if (step->kind == AV_STEP_SKELETON)
        return step->size == 0 || (av_buf_put_u8(out, AV_STEP_SKELETON) && av_var_put(out, step->size));
    assert(step->lsn > 0 && step->lsn < record_lsn && step->size > 0);
    if (!av_buf_put_u8(out, (uint8_t)step->kind) || !av_var_put(out, record_lsn - step->lsn) ||
        !av_var_put(out, step->size))
        return false;
    return step->kind == AV_STEP_PART || (av_buf_put_u8(out, step->line) && av_buf_put_u8(out, step->form));
}

/* What follows the kind. */
static bool
take_step(av_span *in, uint64_t record_lsn, av_step *step)
{
    uint64_t distance = 0;

    if (step->kind != AV_STEP_SKELETON) {
        if (!av_var_get(in, &distance) || distance == 0 || distance >= record_lsn)
            return false;
        step->lsn = record_lsn - distance;
    }
    /* The bound keeps base64's sizes and every sum far from overflow. */
    if (!av_var_get(in, &step->size) || step->size == 0 || step->size > AV_RECIPE_OUTPUT_MAX / 8)
        return false;
    step->output = step->size;
    if (step->kind != AV_STEP_BASE64)
        return true;
    if (!av_span_get_u8(in, &step->line) || !av_span_get_u8(in, &step->form) ||
        (step->form & ~(AV_BASE64_CRLF | AV_BASE64_END)) != 0)
        return false;
    step->output = av_recipe_base64_size(step->size, step->line, step->form);
    return true;
}

av_errc
av_recipe_next(av_recipe_reader *self, av_step *ret, bool *ret_end, av_error *err)
{
    av_span in = self->rest;
    av_step step = { .message_offset = self->message_offset, .skeleton_offset = self->skeleton_offset };
    uint8_t kind = 0;

    *ret_end = in.n == 0;
    if (*ret_end)
        return AV_OK;
    (void)av_span_get_u8(&in, &kind);
    if (kind > AV_STEP_BASE64)
        return av_error_set(err, AV_ERR_VERSION, "the recipe has a step of kind %u, which is of a newer version", kind);
    step.kind = (av_step_kind)kind;
    if (!take_step(&in, self->record_lsn, &step) || step.output > AV_RECIPE_OUTPUT_MAX - self->message_offset)
        return av_error_set(err, AV_ERR_CORRUPT, "the recipe has a bad step at byte %llu of the message",
            (unsigned long long)self->message_offset);
    self->rest = in;
    self->message_offset += step.output;
    if (step.kind == AV_STEP_SKELETON)
        self->skeleton_offset += step.size;
    *ret = step;
    return AV_OK;
}

av_errc
av_recipe_check(av_span recipe, uint64_t record_lsn, uint64_t skeleton_size, uint64_t *ret_size, av_error *err)
{
    av_recipe_reader reader = av_recipe_reader_of(recipe, record_lsn);

    for (;;) {
        av_step step;
        bool end = false;
        av_errc rc = av_recipe_next(&reader, &step, &end, err);

        if (rc != AV_OK)
            return rc;
        if (end)
            break;
    }
    if (reader.skeleton_offset != skeleton_size)
        return av_error_set(err, AV_ERR_CORRUPT, "the recipe takes %llu bytes of a skeleton of %llu",
            (unsigned long long)reader.skeleton_offset, (unsigned long long)skeleton_size);
    *ret_size = reader.message_offset;
    return AV_OK;
}
