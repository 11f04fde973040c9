/*
 * threading_references.c - THREAD=REFERENCES, step by step as RFC 5256, 3 has it
 */
#include "actors/instance/threading_priv.h"

#define CANCEL_EVERY 65536U /* nodes walked over between two looks */

typedef struct linking {
    av_forest forest;
    struct {
        uint64_t id; /* 0: free */
        uint32_t node;
    } * slots;
    size_t slot_count; /* a power of two */
    size_t slots_used;
    uint32_t *child_count; /* as long as forest.cap */
    size_t child_cap;
    uint64_t steps;
} linking;

static void
linking_release(linking *self)
{
    av_forest_release(&self->forest);
    free(self->slots);
    free(self->child_count);
}

/* ---- step 1: ids to nodes, and links between them ---- */

static size_t
find(const linking *self, uint64_t id)
{
    size_t at = (size_t)(id ^ id >> 32) & (self->slot_count - 1); /* ids are digests */

    while (self->slots[at].id != 0 && self->slots[at].id != id)
        at = (at + 1) & (self->slot_count - 1);
    return at;
}

static void
put(linking *self, uint64_t id, uint32_t node)
{
    size_t at = find(self, id);

    self->slots[at].id = id;
    self->slots[at].node = node;
    self->slots_used++;
}

static void
init_slots(linking *self, size_t ids)
{
    self->slot_count = 1024;
    while (self->slot_count < 2 * ids)
        self->slot_count *= 2;
    self->slots = av_xcalloc(self->slot_count, sizeof *self->slots);
}

static void
reserve_children(linking *self)
{
    if (self->child_cap >= self->forest.cap)
        return;
    self->child_count = av_xrealloc(self->child_count, self->forest.cap * sizeof *self->child_count);
    memset(self->child_count + self->child_cap, 0, (self->forest.cap - self->child_cap) * sizeof *self->child_count);
    self->child_cap = self->forest.cap;
}

/* The node of an id: a message that has it, or the dummy that stands for it. */
static uint32_t
node_of(linking *self, uint64_t id)
{
    size_t at = find(self, id);

    if (self->slots[at].id == 0) {
        put(self, id, av_forest_add(&self->forest));
        reserve_children(self);
    }
    return self->slots[at].node;
}

/* Would the child, as a child of this node, be its own ancestor? Who has no children is nobody's. */
static bool
makes_loop(linking *self, uint32_t parent, uint32_t child)
{
    if (parent == child)
        return true;
    if (self->child_count[child] == 0)
        return false;
    for (uint32_t at = parent; at != AV_NOBODY; at = self->forest.parent[at], self->steps++)
        if (at == child)
            return true;
    return false;
}

static void
link_to(linking *self, uint32_t parent, uint32_t child)
{
    if (self->forest.parent[child] != AV_NOBODY || makes_loop(self, parent, child))
        return;
    self->forest.parent[child] = parent;
    self->child_count[parent]++;
}

static void
unlink_from(linking *self, uint32_t child)
{
    uint32_t parent = self->forest.parent[child];

    if (parent != AV_NOBODY)
        self->child_count[parent]--;
    self->forest.parent[child] = AV_NOBODY;
}

static av_errc
link_all(linking *self, av_error *err)
{
    const av_threading_input *in = self->forest.in;
    uint64_t looked = 0;

    for (size_t i = 0; i < in->n; i++) {
        const av_threading_message *m = &in->messages[i];
        uint32_t before = AV_NOBODY;

        for (size_t k = 0; k < m->id_count; k++) {
            uint32_t node = node_of(self, in->ids[m->ids + k]);

            if (before != AV_NOBODY)
                link_to(self, before, node);
            before = node;
        }
        unlink_from(self, (uint32_t)i);
        if (before != AV_NOBODY)
            link_to(self, before, (uint32_t)i);
        self->steps += m->id_count + 1;
        if (self->steps - looked > CANCEL_EVERY && in->cancel != NULL) {
            looked = self->steps;
            if (in->cancel(in->cancel_ctx))
                return av_error_set(err, AV_ERR_CANCELLED, "the search was cancelled");
        }
    }
    return AV_OK;
}

static av_errc
link_messages(linking *self, av_error *err)
{
    const av_threading_input *in = self->forest.in;
    size_t ids = in->n;

    for (size_t i = 0; i < in->n; i++)
        ids += in->messages[i].id_count;
    init_slots(self, ids);
    reserve_children(self);
    for (size_t i = 0; i < in->n; i++) { /* of several with one id the first has it */
        uint64_t own = in->messages[i].own;

        if (own != 0 && self->slots[find(self, own)].id == 0)
            put(self, own, (uint32_t)i);
    }
    return link_all(self, err);
}

/* ---- steps 2 and 3: dummies go, but for those at the top with several children ---- */

/* The next message above, or the topmost dummy; of dummies on the way it is kept. */
static uint32_t
settle(uint32_t *parent, size_t n, uint32_t node)
{
    uint32_t top = parent[node], at;

    while (top != AV_NOBODY && top >= n && parent[top] != AV_NOBODY)
        top = parent[top];
    for (at = parent[node]; at != AV_NOBODY && at >= n && at != top;) {
        uint32_t next = parent[at];

        parent[at] = top;
        at = next;
    }
    return top;
}

/* ret: count bytes; dummies that are left have 0. */
static void
prune(linking *self, uint8_t *gone)
{
    av_forest *f = &self->forest;
    size_t n = f->in->n;
    AV_CLEANUP(av_free) uint32_t *children = av_xcalloc(f->count + 1, sizeof *children);

    for (size_t i = 0; i < n; i++) {
        f->parent[i] = settle(f->parent, n, (uint32_t)i);
        if (f->parent[i] != AV_NOBODY)
            children[f->parent[i]]++;
    }
    for (size_t i = 0; i < n; i++)
        if (f->parent[i] != AV_NOBODY && f->parent[i] >= n && children[f->parent[i]] == 1)
            f->parent[i] = AV_NOBODY;
    for (size_t i = n; i < f->count; i++) {
        gone[i] = children[i] < 2;
        f->parent[i] = AV_NOBODY;
    }
}

/* ---- step 5: threads of one subject ---- */

typedef struct merging {
    av_forest *forest;
    uint32_t *by_subject; /* subject table: a root, or AV_NOBODY */
    uint8_t *gone;
    size_t gone_cap;
} merging;

/* The message whose subject is the thread's. */
static const av_threading_message *
voice(const av_forest *f, uint32_t root)
{
    return &f->in->messages[root < f->in->n ? root : f->children[f->first[root]]];
}

static bool
is_dummy(const av_forest *f, uint32_t node)
{
    return node >= f->in->n;
}

static bool
is_reply(const av_forest *f, uint32_t node)
{
    return !is_dummy(f, node) && f->in->messages[node].is_reply;
}

static void
fill_table(merging *self, const uint32_t *roots, size_t n)
{
    const av_forest *f = self->forest;

    for (size_t i = 0; i < n; i++) {
        uint32_t subject = voice(f, roots[i])->subject, *row;

        if (subject == AV_THREADING_NO_SUBJECT)
            continue;
        row = &self->by_subject[subject];
        if (*row == AV_NOBODY ||
            (!is_dummy(f, *row) && (is_dummy(f, roots[i]) || (is_reply(f, *row) && !is_reply(f, roots[i])))))
            *row = roots[i];
    }
}

static void
put_over(merging *self, uint32_t *row, uint32_t root)
{
    av_forest *f = self->forest;
    uint32_t over = av_forest_add(f);

    if (over >= self->gone_cap) {
        size_t cap = f->cap;

        self->gone = av_xrealloc(self->gone, cap);
        memset(self->gone + self->gone_cap, 0, cap - self->gone_cap);
        self->gone_cap = cap;
    }
    f->parent[*row] = over;
    f->parent[root] = over;
    *row = over;
}

/* Children of a dummy are those of children and first: links made meanwhile are in parent alone. */
static void
move_children(av_forest *f, uint32_t from, uint32_t to)
{
    for (size_t i = f->first[from]; i < f->first[from + 1]; i++)
        f->parent[f->children[i]] = to;
}

static void
merge_roots(merging *self, const uint32_t *roots, size_t n)
{
    av_forest *f = self->forest;

    for (size_t i = 0; i < n; i++) {
        uint32_t subject = voice(f, roots[i])->subject, *row;

        if (subject == AV_THREADING_NO_SUBJECT || self->by_subject[subject] == roots[i])
            continue;
        row = &self->by_subject[subject];
        if (is_dummy(f, *row) && is_dummy(f, roots[i])) {
            move_children(f, roots[i], *row);
            self->gone[roots[i]] = 1;
        } else if (is_dummy(f, *row) || (is_reply(f, roots[i]) && !is_reply(f, *row))) {
            f->parent[roots[i]] = *row;
        } else {
            put_over(self, row, roots[i]);
        }
    }
}

static void
merge_subjects(merging *self)
{
    av_forest *f = self->forest;
    size_t n = f->first[f->count + 1] - f->first[f->count];
    AV_CLEANUP(av_free) uint32_t *roots = av_xcalloc(n + 1, sizeof *roots);
    uint32_t subjects = 0;

    if (n > 0)
        memcpy(roots, f->children + f->first[f->count], n * sizeof *roots);
    for (size_t i = 0; i < f->in->n; i++)
        if (f->in->messages[i].subject != AV_THREADING_NO_SUBJECT)
            subjects = AV_MAX(subjects, f->in->messages[i].subject + 1);
    self->by_subject = av_xalloc(((size_t)subjects + 1) * sizeof *self->by_subject);
    memset(self->by_subject, 0xFF, ((size_t)subjects + 1) * sizeof *self->by_subject); /* AV_NOBODY */
    fill_table(self, roots, n);
    merge_roots(self, roots, n);
    free(self->by_subject);
}

av_errc
av_threading_references(const av_threading_input *in, av_buf *out, av_error *err)
{
    AV_CLEANUP(linking_release) linking self = { .steps = 0 };
    merging merge = { .forest = &self.forest };
    av_errc rc;

    av_forest_init(&self.forest, in);
    rc = link_messages(&self, err);
    if (rc != AV_OK)
        return rc;
    merge.gone_cap = self.forest.cap;
    merge.gone = av_xcalloc(merge.gone_cap, 1);
    prune(&self, merge.gone);
    av_forest_group(&self.forest, merge.gone);
    av_forest_sort(&self.forest); /* step 4 asks for the upper levels alone */
    merge_subjects(&merge);
    av_forest_group(&self.forest, merge.gone);
    av_forest_sort(&self.forest);
    rc = av_forest_write(&self.forest, out, err);
    free(merge.gone);
    return rc;
}
