/*
 * put.c - messages that are in memory: taken apart, their parts found or written, then skeleton and recipe
 *
 * What a message is made of is gathered here for messages that arrive in pieces, too (put_stream.c).
 */
#include "storage/store/store_priv.h"

#define LITERAL_MAX (1024U * 1024)
#define PARTS_MAX   10000U
#define STEPS_MAX   (2U * PARTS_MAX + 1)

void
store_recipe_init(store_recipe *self)
{
    *self = (store_recipe){ 0 };
    av_buf_init(&self->skeleton, LITERAL_MAX);
    av_buf_init(&self->steps, STEPS_MAX * sizeof(store_step));
}

void
store_recipe_release(store_recipe *self)
{
    av_buf_release(&self->skeleton);
    av_buf_release(&self->steps);
}

static av_errc
add_step(store_recipe *self, const store_step *step, av_error *err)
{
    if (!av_buf_append(&self->steps, step, sizeof *step))
        return av_error_set(err, AV_ERR_LIMIT, "the message is made of more pieces than a record can name");
    return AV_OK;
}

av_errc
store_recipe_literal(store_recipe *self, av_span bytes, av_error *err)
{
    store_step step = { .kind = AV_STEP_SKELETON, .size = bytes.n };
    uint8_t *last = self->steps.n == 0 ? NULL : self->steps.p + self->steps.n - sizeof step;

    if (bytes.n == 0)
        return AV_OK;
    if (!av_buf_append_span(&self->skeleton, bytes))
        return av_error_set(err, AV_ERR_LIMIT, "the message has more than %u bytes outside its parts", LITERAL_MAX);
    self->output += bytes.n;
    if (last != NULL) {
        store_step before;

        memcpy(&before, last, sizeof before);
        if (before.kind == AV_STEP_SKELETON) {
            before.size += bytes.n;
            memcpy(last, &before, sizeof before);
            return AV_OK;
        }
    }
    return add_step(self, &step, err);
}

av_errc
store_recipe_part(store_recipe *self, uint64_t lsn, const av_split_part *part, av_error *err)
{
    store_step step = { .kind = AV_STEP_PART, .lsn = lsn, .size = part->size };

    if (part->coding == AV_SPLIT_BASE64) {
        step.kind = AV_STEP_BASE64;
        step.line = (uint8_t)(part->lines.line_chars / 4);
        step.form = (uint8_t)((part->lines.crlf ? AV_BASE64_CRLF : 0) | (part->lines.last_newline ? AV_BASE64_END : 0));
    }
    self->output += part->raw_size;
    self->parts++;
    return add_step(self, &step, err);
}

static bool
encode_steps(const store_recipe *self, uint64_t lsn, av_buf *out)
{
    for (size_t at = 0; at < self->steps.n; at += sizeof(store_step)) {
        store_step s;
        av_step step;

        memcpy(&s, self->steps.p + at, sizeof s);
        step = (av_step){ .kind = (av_step_kind)s.kind, .lsn = s.lsn, .size = s.size, .line = s.line, .form = s.form };
        if (!av_recipe_put(out, &step, lsn))
            return false;
    }
    return true;
}

static int
compare_lsns(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

bool
store_recipe_lsns(av_span recipe, uint64_t record_lsn, av_buf *out)
{
    av_recipe_reader reader = av_recipe_reader_of(recipe, record_lsn);
    av_step step;
    bool end = false;
    av_error ignored;
    uint64_t *lsns;
    size_t n = 0;

    while (av_recipe_next(&reader, &step, &end, &ignored) == AV_OK && !end)
        if (step.kind != AV_STEP_SKELETON && !av_buf_append(out, &step.lsn, sizeof step.lsn))
            return false;
    if (out->n == 0)
        return true;
    qsort(out->p, out->n / sizeof *lsns, sizeof *lsns, compare_lsns);
    lsns = (uint64_t *)(void *)out->p; /* av_buf's memory is malloc's */
    for (size_t i = 0; i < out->n / sizeof *lsns; i++)
        if (n == 0 || lsns[i] != lsns[n - 1])
            lsns[n++] = lsns[i];
    out->n = n * sizeof *lsns;
    return true;
}

av_errc
store_recipe_finish(av_store *self, store_recipe *recipe, const av_span *whole, uint64_t size, const uint8_t *digest,
    uint64_t *ret_lsn, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 }, lsns = { 0 };
    av_content_table table = { 0 };
    av_store_content about = { .kind = AV_RECORD_MESSAGE, .size = size };
    av_span data = av_buf_span(&recipe->skeleton);
    uint64_t lsn = 0;
    av_errc rc = store_next_lsn(self, &lsn, err);

    if (rc != AV_OK)
        return rc;
    av_buf_init(&bytes, AV_CONTENT_TABLE_MAX);
    av_buf_init(&lsns, (PARTS_MAX + 1) * sizeof(uint64_t)); /* one more: the head */
    /* A splitter that lost a byte would be our mistake; the message is not to suffer for it. */
    if (recipe->output != size && whole == NULL)
        return av_error_set(err, AV_ERR_INTERNAL, "the message does not come out of its parts: %llu bytes of %llu",
            (unsigned long long)recipe->output, (unsigned long long)size);
    if (whole != NULL && (recipe->parts == 0 || recipe->output != size)) {
        data = *whole;
    } else if (recipe->parts > 0) {
        if (!encode_steps(recipe, lsn, &bytes) || !store_recipe_lsns(av_buf_span(&bytes), lsn, &lsns))
            return av_error_set(err, AV_ERR_LIMIT, "the message is made of more pieces than a record can name");
        table.recipe = av_buf_span(&bytes);
        about.parts = (const uint64_t *)(const void *)lsns.p;
        about.part_count = (uint32_t)(lsns.n / sizeof(uint64_t));
    }
    memcpy(table.digest, digest, AV_SHA256_SIZE);
    av_store_dedup_of(self, digest, about.dedup);
    rc = store_put_content(self, &table, data, &about, err);
    *ret_lsn = lsn;
    return rc;
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

av_errc
store_find_part(
    av_store *self, const uint8_t *digest, uint8_t ret_dedup[AV_STORE_DEDUP_SIZE], uint64_t *ret_lsn, av_error *err)
{
    av_errc rc = AV_OK;

    *ret_lsn = 0;
    av_store_dedup_of(self, digest, ret_dedup);
    if (self->watch.find_part != NULL)
        rc = self->watch.find_part(self->watch.ctx, ret_dedup, ret_lsn, err);
    self->group.known_parts += rc == AV_OK && *ret_lsn != 0;
    return rc;
}

av_errc
store_put_part(av_store *self, av_span data, uint64_t *ret_lsn, av_error *err)
{
    av_store_content about = { .kind = AV_RECORD_PART, .size = data.n };
    av_content_table table = { .is_part = true };
    uint8_t digest[AV_SHA256_SIZE];
    av_errc rc;

    av_sha256(data, digest);
    rc = store_find_part(self, digest, about.dedup, ret_lsn, err);
    if (rc != AV_OK || *ret_lsn != 0)
        return rc;
    memcpy(table.digest, about.dedup, AV_PART_DIGEST);
    rc = store_put_content(self, &table, data, &about, err);
    *ret_lsn = about.lsn;
    return rc;
}

/* --- one message in memory ---------------------------------------------------------------------------------------- */

struct job {
    av_store *store;
    store_recipe recipe;
    av_split_coding coding;
    av_span raw;    /* a raw part: of the message */
    av_buf decoded; /* a base64 part */
};

static av_errc
take_literal(void *ctx, av_span bytes, av_error *err)
{
    struct job *job = ctx;

    return store_recipe_literal(&job->recipe, bytes, err);
}

static av_errc
take_begin(void *ctx, av_split_coding coding, AV_UNUSED av_error *err)
{
    struct job *job = ctx;

    job->coding = coding;
    job->raw = (av_span){ 0 };
    av_buf_clear(&job->decoded);
    return AV_OK;
}

static av_errc
take_data(void *ctx, av_span bytes, av_error *err)
{
    struct job *job = ctx;

    if (job->coding == AV_SPLIT_RAW && job->raw.n == 0 && job->decoded.n == 0) {
        job->raw = bytes;
        return AV_OK;
    }
    if (!av_buf_append_span(&job->decoded, job->raw) || !av_buf_append_span(&job->decoded, bytes))
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a part");
    job->raw = (av_span){ 0 };
    return AV_OK;
}

static av_errc
take_end(void *ctx, const av_split_part *part, av_error *err)
{
    struct job *job = ctx;
    av_span data = job->raw.n > 0 ? job->raw : av_buf_span(&job->decoded);
    uint64_t lsn = 0, known = job->store->group.known_parts;
    av_errc rc = store_put_part(job->store, data, &lsn, err);

    job->recipe.known += job->store->group.known_parts > known;
    return rc == AV_OK ? store_recipe_part(&job->recipe, lsn, part, err) : rc;
}

av_errc
av_store_put_message(
    av_store *self, av_span bytes, const uint8_t digest[AV_SHA256_SIZE], uint64_t *ret_lsn, av_error *err)
{
    struct job job = { .store = self };
    av_split_sink sink = { &job, take_literal, take_begin, take_data, take_end };
    uint8_t computed[AV_SHA256_SIZE];
    av_errc rc = store_writable(self, err);

    if (rc != AV_OK)
        return rc;
    if (bytes.n > self->spool_bytes || bytes.n > self->max_message_bytes)
        return av_error_set(err, AV_ERR_LIMIT, "a message of %zu bytes is more than %llu", bytes.n,
            (unsigned long long)AV_MIN(self->spool_bytes, self->max_message_bytes));
    if (digest == NULL) {
        av_sha256(bytes, computed);
        digest = computed;
    }
    if (self->splitter == NULL)
        self->splitter = av_splitter_new();
    store_recipe_init(&job.recipe);
    av_buf_init(&job.decoded, self->spool_bytes);
    rc = av_splitter_message(self->splitter, bytes, &self->split, &sink, err);
    if (rc == AV_OK && job.recipe.known > 0 && job.recipe.known == job.recipe.parts)
        rc = store_recipe_cut_head(self, &job.recipe, err);
    if (rc == AV_OK)
        rc = store_recipe_finish(self, &job.recipe, &bytes, bytes.n, digest, ret_lsn, err);
    store_recipe_release(&job.recipe);
    av_buf_release(&job.decoded);
    return rc;
}
