/*
 * stores_info.c - what is known of stores without opening them, and who takes care of which
 */
#include "actors/instance/stores_priv.h"

/* ---- what is known ---- */

/* The problem of a store that is open, or what opening it said. */
static const char *
problem_of(const store_slot *slot)
{
    const char *problem = slot->state == SLOT_OPEN ? av_store_problem(slot->open.store) : NULL;

    if (slot->row->state == AV_STORE_DISABLED)
        return NULL;
    if (problem == NULL && slot->error.code != AV_OK)
        problem = slot->error.msg;
    return problem != NULL || !slot->unread ? problem : "it has to be read to its end before UIDs can be given again";
}

static void
tell(const store_slot *slot, av_store_info *ret)
{
    const char *problem = problem_of(slot);

    ret->row = av_store_row_copy(slot->row);
    ret->error = problem == NULL ? NULL : av_xstrdup(problem);
    ret->messages = slot->messages;
    ret->bytes = slot->bytes;
    ret->stored = slot->stored;
    ret->no = slot->open.no;
    ret->reserved = slot->reserved;
    ret->unread = slot->unread;
    ret->is_open = slot->state == SLOT_OPEN;
}

av_store_info *
av_stores_list(av_stores *self, size_t *ret_count)
{
    av_store_info *list;
    size_t n = 0;

    pthread_mutex_lock(&self->lock);
    for (store_slot *s = self->slots; s != NULL; s = s->next)
        n += !s->gone;
    list = av_xcalloc(n + 1, sizeof *list);
    n = 0;
    for (store_slot *s = self->slots; s != NULL; s = s->next)
        if (!s->gone)
            tell(s, &list[n++]);
    pthread_mutex_unlock(&self->lock);
    *ret_count = n;
    return list;
}

void
av_store_infos_free(av_store_info *list, size_t count)
{
    for (size_t i = 0; list != NULL && i < count; i++) {
        av_store_row_destroy(&list[i].row);
        free(list[i].error);
    }
    free(list);
}

av_errc
av_stores_info(av_stores *self, uint32_t id, av_store_info **ret, av_error *err)
{
    av_store_info *info = NULL;
    store_slot *slot;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    if (slot != NULL) {
        info = av_xcalloc(1, sizeof *info);
        tell(slot, info);
    }
    pthread_mutex_unlock(&self->lock);
    *ret = info;
    return info != NULL ? AV_OK : av_stores_no_store(id, err);
}

bool
av_stores_problem(av_stores *self, char *ret, size_t size)
{
    const char *problem = NULL;

    pthread_mutex_lock(&self->lock);
    for (store_slot *s = self->slots; problem == NULL && s != NULL; s = s->next)
        if (!s->gone && (problem = problem_of(s)) != NULL)
            (void)snprintf(ret, size, "%s: %s", s->row->name, problem);
    pthread_mutex_unlock(&self->lock);
    return problem != NULL;
}

bool
av_stores_current_problem(av_stores *self, char *ret, size_t size)
{
    const char *problem = "no archive store is current";

    pthread_mutex_lock(&self->lock);
    for (store_slot *s = self->slots; s != NULL; s = s->next)
        if (!s->gone && s->row->state == AV_STORE_CURRENT)
            problem = problem_of(s);
    if (problem != NULL)
        (void)snprintf(ret, size, "%s", problem);
    pthread_mutex_unlock(&self->lock);
    return problem != NULL;
}

/* ---- indexes ---- */

void
av_stores_index_settings(av_stores *self, av_buf *out)
{
    pthread_mutex_lock(&self->lock);
    (void)av_buf_append_span(out, av_buf_span(&self->index_settings));
    pthread_mutex_unlock(&self->lock);
}

bool
av_stores_index_made_with(av_stores *self, uint32_t id, av_buf *out)
{
    store_slot *slot;
    bool known;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    known = slot != NULL && slot->state == SLOT_OPEN && slot->open.index != NULL;
    if (known)
        av_index_made_with(slot->open.index, out);
    pthread_mutex_unlock(&self->lock);
    return known;
}

/* ---- care ---- */

av_errc
av_stores_care(av_stores *self, uint32_t id, unsigned kind, av_error *err)
{
    store_slot *slot;
    av_errc rc = AV_OK;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    if (slot == NULL)
        rc = av_stores_no_store(id, err);
    else if ((slot->cared & kind) != 0)
        rc = av_error_set(err, AV_ERR_BUSY, "the archive store %s is being %s already", slot->row->name,
            kind == AV_CARE_VERIFY ? "verified" : "compacted");
    else
        slot->cared |= kind;
    pthread_mutex_unlock(&self->lock);
    return rc;
}

void
av_stores_cared(av_stores *self, uint32_t id, unsigned kind)
{
    store_slot *slot;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    if (slot != NULL)
        slot->cared &= ~kind;
    pthread_mutex_unlock(&self->lock);
}
