/*
 * store_ops.c - the long operations on stores: which there are, what starts and stops them
 */
#include "actors/instance/store_ops_priv.h"

#include "base/log.h"

#define ACTIVE_MOST 32

static const store_op_kind kinds[] = {
    { "archivolt.Stores.AttachStore", "AttachStore", store_op_attach, true },
    { "archivolt.Stores.DetachStore", "DetachStore", store_op_detach, true },
    { "archivolt.Stores.RefreshAllStoreStatistics", "RefreshAllStoreStatistics", store_op_refresh, false },
    { "archivolt.Stores.MaintainFileSystemDatabases", "MaintainFileSystemDatabases", store_op_maintain, false },
    { "archivolt.Stores.RepairStoreDatabase", "RepairStoreDatabase", store_op_repair, true },
    { "archivolt.Stores.UpgradeStore", "UpgradeStore", store_op_upgrade, false },
    { "archivolt.Stores.UpgradeStores", "UpgradeStores", store_op_upgrade, false },
    { "archivolt.Stores.VerifyStore", "VerifyStore", store_op_verify, false },
    { "archivolt.Stores.VerifyStores", "VerifyStores", store_op_verify_all, false },
    { "archivolt.Stores.RecoverStore", "RecoverStore", store_op_recover, true },
    { "archivolt.Stores.RecreateRecoveryRecords", "RecreateRecoveryRecords", store_op_recover, true },
    { "archivolt.Stores.MergeStore", "MergeStore", store_op_merge, true },
    { "archivolt.Stores.CompactStore", "CompactStore", store_op_compact, false },
    { "archivolt.Stores.RebuildStoreIndex", "RebuildStoreIndex", store_op_rebuild, false },
    { "archivolt.Stores.RebuildSelectedStoreIndexes", "RebuildSelectedStoreIndexes", store_op_rebuild_selected, false },
    { "archivolt.Stores.Backup", "Backup", store_op_backup, false },
};
static const store_op_kind adopt_kind = { "", "AttachStore", store_op_adopt, true };

/* ---- requests ---- */

static const store_op_kind *
kind_of(const char *method)
{
    size_t i = 0;

    while (i < AV_COUNT(kinds) && strcmp(kinds[i].method, method) != 0)
        i++;
    assert(i < AV_COUNT(kinds)); /* a handler was registered for a method without a row */
    return &kinds[i];
}

static ProtobufCMessage *
copy_of(const ProtobufCMessage *body)
{
    AV_CLEANUP(av_buf_release_secret) av_buf packed = { 0 };

    av_ask_pack(body, &packed);
    return protobuf_c_message_unpack(body->descriptor, NULL, packed.n, packed.p);
}

static store_op *
same(av_store_ops *self, const uint8_t key[32])
{
    for (store_op *op = self->ops; op != NULL; op = op->next)
        if (op->has_key && memcmp(op->key, key, 32) == 0)
            return op;
    return NULL;
}

/* Two backups would be of the same containers to the same end. */
static bool
has_backup(const av_store_ops *self)
{
    for (const store_op *op = self->ops; op != NULL; op = op->next)
        if (op->kind->step == store_op_backup)
            return true;
    return false;
}

static void
on_request(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    const char *method = av_request_method(request)->name, *admin = av_request_admin(request);
    av_span given = av_request_idempotency_key(request);
    av_store_ops *self = ctx;
    uint8_t key[32] = { 0 };
    store_op *op;

    if (!av_instance_admit(self->in, request, self->in->writer))
        return;
    if (given.n > 0)
        av_ask_key(av_request_from(request), method, given, key);
    op = given.n > 0 ? same(self, key) : NULL;
    if (op != NULL) {
        av_request_reply(request, &av_operation_get(op->operation)->base);
        return;
    }
    if (self->active >= ACTIVE_MOST) {
        av_request_failf(request, AV_ERR_BUSY, "%d operations on stores are at work: try again", ACTIVE_MOST);
        return;
    }
    if (kind_of(method)->step == store_op_backup && has_backup(self)) {
        av_request_failf(request, AV_ERR_BUSY, "a backup of this instance is at work: wait for it, or cancel it");
        return;
    }
    op = store_op_start(self, kind_of(method), NULL, admin != NULL ? admin : av_request_from(request));
    op->body = copy_of(body);
    op->has_key = given.n > 0;
    memcpy(op->key, key, sizeof op->key);
    self->in->answered++;
    av_request_reply(request, &av_operation_get(op->operation)->base);
    av_pool_submit(self->in->writer, &op->job);
}

/* ---- what the last process left ---- */

static bool
is_at_work(const av_store_ops *self, uint32_t store_id)
{
    for (const store_op *op = self->ops; op != NULL; op = op->next)
        if (op->store_id == store_id &&
            (op->kind == &adopt_kind || op->kind->step == store_op_attach || op->kind->step == store_op_detach))
            return true;
    return false;
}

void
av_store_ops_resume(av_store_ops *self)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(self->in->archive->stores, &n);

    for (size_t i = 0; i < n; i++) {
        const av_store_row *row = list[i].row;
        bool adopt = row->task == AV_STORE_TASK_ADOPT && !row->locked && row->state != AV_STORE_DISABLED;
        const char *id = row->operation[0] == '\0' ? NULL : row->operation;
        store_op *op;

        if ((!adopt && row->task != AV_STORE_TASK_DETACH) || is_at_work(self, row->id))
            continue;
        op = store_op_start(self, adopt ? &adopt_kind : kind_of("archivolt.Stores.DetachStore"), id, "instance");
        op->store_id = row->id;
        AV_LOG(AV_LOG_INFO, "store.operation_goes_on", AV_STR("name", op->kind->name), AV_U64("store", row->id));
        av_pool_submit(self->in->writer, &op->job);
    }
    av_store_infos_free(list, n);
}

/* ---- beginning and end ---- */

av_errc
av_store_ops_new(av_instance *in, av_store_ops **ret, AV_UNUSED av_error *err)
{
    av_store_ops *self = av_xcalloc(1, sizeof *self);

    self->in = in;
    self->housekeeping = store_housekeeping_new(self);
    self->handlers = av_xcalloc(AV_COUNT(kinds), sizeof *self->handlers);
    for (size_t i = 0; i < AV_COUNT(kinds); i++)
        self->handlers[i] = (av_handler){ kinds[i].method, on_request };
    av_bus_serve(in->bus, self->handlers, AV_COUNT(kinds), self);
    *ret = self;
    return AV_OK;
}

void
av_store_ops_tick(av_store_ops *self, int64_t now_mono_ms)
{
    for (store_op *op = self->ops; op != NULL; op = op->next)
        store_op_tell(op);
    if (!self->in->stopping)
        store_housekeeping_tick(self->housekeeping, now_mono_ms);
}

size_t
av_store_ops_active(const av_store_ops *self)
{
    return self->active;
}

void
av_store_ops_stop(av_store_ops *self)
{
    /* The pool has handed all back; what works beside it is asked to end. */
    for (store_op *op = self == NULL ? NULL : self->ops; op != NULL; op = op->next) {
        atomic_store(&op->cancel, true);
        store_op_join(op);
    }
}

void
av_store_ops_destroy(av_store_ops **self)
{
    store_op *op, *next;

    if (*self == NULL)
        return;
    for (op = (*self)->ops; op != NULL; op = next) {
        next = op->next;
        store_op_free(op);
    }
    free((*self)->housekeeping);
    free((*self)->handlers);
    free(*self);
    *self = NULL;
}
