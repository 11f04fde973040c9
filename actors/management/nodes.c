/*
 * nodes.c - see nodes.h
 */
#include "actors/management/nodes.h"

#include "actors/management/db.h"

struct av_nodes {
    av_meta *db;
    av_node_record *records; /* sorted by name */
    size_t count;
};

static void
remember(av_nodes *self, av_span name, av_span full_host_name, unsigned roles)
{
    size_t at = 0;
    AV_CLEANUP(av_free) char *copy = av_span_dup(name);
    int order = 1;

    while (at < self->count && (order = strcmp(self->records[at].name, copy)) < 0)
        at++;
    if (at == self->count || order != 0) {
        self->records = av_xrealloc(self->records, (self->count + 1) * sizeof *self->records);
        memmove(&self->records[at + 1], &self->records[at], (self->count - at) * sizeof *self->records);
        self->records[at] = (av_node_record){ .name = AV_TAKE(copy) };
        self->count++;
    }
    free(self->records[at].full_host_name);
    self->records[at].full_host_name = av_span_dup(full_host_name);
    self->records[at].roles = roles;
}

static av_errc
load_row(void *ctx, av_span key, av_span row, av_error *err)
{
    uint32_t roles = 0;
    av_span full_host_name;

    if (!av_span_get_u32(&row, &roles) || !av_db_get_blob(&row, &full_host_name))
        return av_error_set(err, AV_ERR_CORRUPT, "the record of node \"%.*s\" cannot be read", (int)AV_MIN(key.n, 63),
            (const char *)key.p);
    remember(ctx, key, full_host_name, roles);
    return AV_OK;
}

av_errc
av_nodes_open(av_meta *db, av_nodes **ret, av_error *err)
{
    av_nodes *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->db = db;
    rc = av_db_each(db, AV_DB_NODE, load_row, self, err);
    if (rc != AV_OK)
        av_nodes_destroy(&self);
    else
        *ret = self;
    return rc;
}

void
av_nodes_destroy(av_nodes **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < (*self)->count; i++) {
        free((*self)->records[i].name);
        free((*self)->records[i].full_host_name);
    }
    free((*self)->records);
    free(*self);
    *self = NULL;
}

void
av_nodes_put(av_nodes *self, const char *name, const char *full_host_name, unsigned roles)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_buf_init(&row, AV_DB_ROW_MAX);
    (void)av_buf_put_u32(&row, roles);
    (void)av_db_put_blob(&row, av_span_str(full_host_name));
    av_db_put(self->db, AV_DB_NODE, av_span_str(name), av_buf_span(&row));
    remember(self, av_span_str(name), av_span_str(full_host_name), roles);
}

const av_node_record *
av_nodes_find(const av_nodes *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->records[i].name, name) == 0)
            return &self->records[i];
    return NULL;
}

size_t
av_nodes_count(const av_nodes *self)
{
    return self->count;
}

const av_node_record *
av_nodes_at(const av_nodes *self, size_t index)
{
    assert(index < self->count);
    return &self->records[index];
}
