/*
 * work.c - methods with one request and one reply: a row each, run on a reader or on the writer
 *
 * Rows of the writer run in a group of accounts with their idempotency result (ask.h). A password in a body is hashed on a
 * reader first: Argon2id takes its time, and the writer has others to serve.
 */
#include "actors/instance/deletion.h"
#include "actors/instance/folders.h"
#include "actors/instance/heal.h"
#include "actors/instance/holds.h"
#include "actors/instance/index_settings.h"
#include "actors/instance/instance_priv.h"
#include "actors/instance/messages.h"
#include "actors/instance/runs.h"
#include "actors/instance/saved_searches.h"
#include "actors/instance/statistics.h"
#include "actors/instance/store_ops.h"
#include "actors/instance/stores_change.h"
#include "actors/instance/users.h"
#include "base/log.h"
#include "base/secret.h"

typedef enum work_kind {
    WORK_READS,  /* on a reader */
    WORK_WRITES, /* on the writer, in a group of accounts */
    WORK_STORES, /* the same between groups of events; the registry of stores follows */
    WORK_HOLDS,  /* the same; the stores' own holds follow */
    WORK_EVENTS  /* on the writer between groups of events, which it makes itself */
} work_kind;

typedef struct work_method {
    const char *name;
    av_ask_fn *fn;
    work_kind kind;
} work_method;

#define INSTANCE "archivolt.Instance."
#define ARCHIVE  "archivolt.Archive."
#define STORES   "archivolt.Stores."

static const work_method methods[] = {
    { INSTANCE "GetUsers", av_users_list, WORK_READS },
    { INSTANCE "GetUserInfo", av_users_info, WORK_READS },
    { INSTANCE "CreateUser", av_users_create, WORK_WRITES },
    { INSTANCE "SetUserAuthentication", av_users_set_authentication, WORK_WRITES },
    { INSTANCE "SetUserDistinguishedName", av_users_set_distinguished_name, WORK_WRITES },
    { INSTANCE "SetUserEmailAddresses", av_users_set_email_addresses, WORK_WRITES },
    { INSTANCE "SetUserFullName", av_users_set_full_name, WORK_WRITES },
    { INSTANCE "SetUserPassword", av_users_set_password, WORK_WRITES },
    { INSTANCE "SetUserPop3UserNames", av_users_set_pop3_user_names, WORK_WRITES },
    { INSTANCE "SetUserPrivileges", av_users_set_privileges, WORK_WRITES },
    { INSTANCE "RenameUser", av_users_rename, WORK_WRITES },
    { INSTANCE "DeleteUser", av_users_delete, WORK_WRITES },
    { INSTANCE "SetUserPrivilegesOnFolder", av_users_set_folder_privileges, WORK_WRITES },
    { INSTANCE "ClearUserPrivilegesOnFolders", av_users_clear_folder_privileges, WORK_WRITES },
    { INSTANCE "GetWorkerResults", av_runs_results, WORK_READS },
    { INSTANCE "GetRunReport", av_runs_report, WORK_READS },
    { INSTANCE "GetInstanceStatistics", av_statistics_instance, WORK_READS },
    { INSTANCE "GetFolderStatistics", av_statistics_folders, WORK_READS },
    { INSTANCE "GetMessages", av_messages_list, WORK_READS },
    { ARCHIVE "ListMailboxes", av_folders_list, WORK_READS },
    { ARCHIVE "SelectMailbox", av_folders_select, WORK_READS },
    { ARCHIVE "GetSavedSearches", av_saved_ask_list, WORK_READS },
    { ARCHIVE "SaveSearch", av_saved_ask_save, WORK_WRITES },
    { ARCHIVE "DeleteSavedSearch", av_saved_ask_delete, WORK_WRITES },
    { STORES "GetStores", av_stores_ask_list, WORK_READS },
    { STORES "ProposeStorePath", av_stores_ask_propose, WORK_READS },
    { STORES "GetStoreAutoCreateConfiguration", av_stores_ask_get_auto, WORK_READS },
    { STORES "GetPaths", av_stores_ask_paths, WORK_READS },
    { STORES "GetDeletedMessages", av_deletion_ask_list, WORK_READS },
    { STORES "GetHolds", av_holds_ask_list, WORK_READS },
    { STORES "DeleteMessage", av_deletion_ask_delete, WORK_EVENTS },
    { STORES "RestoreDeletedMessages", av_deletion_ask_restore, WORK_EVENTS },
    { STORES "EraseMessage", av_deletion_ask_erase, WORK_EVENTS },
    { STORES "EraseMessages", av_deletion_ask_erase_many, WORK_EVENTS },
    { STORES "SetHold", av_holds_ask_set, WORK_HOLDS },
    { STORES "LiftHold", av_holds_ask_lift, WORK_HOLDS },
    { STORES "CreateStore", av_stores_ask_create, WORK_STORES },
    { STORES "RenameStore", av_stores_ask_rename, WORK_STORES },
    { STORES "SetStorePath", av_stores_ask_set_path, WORK_STORES },
    { STORES "SetStoreRequestedState", av_stores_ask_set_state, WORK_STORES },
    { STORES "UnlockStore", av_stores_ask_unlock, WORK_STORES },
    { STORES "RetryOpenStores", av_stores_ask_retry, WORK_STORES },
    { STORES "SetStoreAutoCreateConfiguration", av_stores_ask_set_auto, WORK_STORES },
    { STORES "GetIndexConfiguration", av_index_ask_get, WORK_READS },
    { STORES "SetIndexConfiguration", av_index_ask_set, WORK_STORES },
    { STORES "SelectAllStoreIndexesForRebuild", av_index_ask_select_all, WORK_STORES },
    { STORES "RenewRecoveryKey", av_stores_ask_renew_recovery, WORK_STORES },
};

typedef struct work {
    av_job job;
    av_instance *in;
    av_request *request;
    const work_method *method;
    av_ask ask;
    char *user, *caller;
    char hash[AV_PASSWORD_HASH_MAX];
    av_scram_verifier scram;
    bool to_hash;
    bool has_key;
    uint8_t key[32];
    av_errc rc;
    av_error err;
} work;

static void
work_free(work *w)
{
    av_ask_release(&w->ask);
    av_secret_wipe(w->hash, sizeof w->hash);
    av_secret_wipe(&w->scram, sizeof w->scram);
    free(w->user);
    free(w->caller);
    free(w);
}

static void
answer(work *w)
{
    av_request *request = AV_TAKE(w->request);
    const av_method_info *info = av_request_method(request);
    void *empty = NULL;

    av_instance_touch(w->in);
    w->in->answered++;
    if (w->rc != AV_OK) {
        av_request_fail(request, &w->err);
        return;
    }
    if (w->ask.reply == NULL)
        empty = av_reply_new(info->output);
    av_request_reply(request, w->ask.reply != NULL ? w->ask.reply : empty);
    if (empty != NULL)
        protobuf_c_message_free_unpacked(empty, NULL);
}

/* What a change has to end, and its line in the log. Names only: bodies hold passwords. */
static void
after_change(work *w)
{
    size_t ended = 0;

    if (w->ask.ended_user != NULL) {
        av_login_forget(w->in, w->ask.ended_user);
        ended = av_sessions_end_user(w->in->sessions, w->ask.ended_user);
    }
    AV_LOG(AV_LOG_INFO, "instance.changed", AV_STR("method", w->method->name), AV_STR("caller", w->caller),
        AV_STR("trace", av_request_trace(w->request)), AV_U64("sessions_ended", ended));
    av_request_set_logged(w->request);
}

static av_errc
change(work *w)
{
    const uint8_t *key = w->has_key ? w->key : NULL;
    av_error why;
    av_errc rc = AV_OK;

    if (w->method->kind != WORK_WRITES)
        rc = av_group_commit(w->in->group, &w->err);
    if (rc == AV_OK && w->method->kind == WORK_EVENTS)
        rc = av_ask_do(&w->ask, w->method->fn, av_request_method(w->request)->output, key, &w->err);
    else if (rc == AV_OK)
        rc = av_ask_write(&w->ask, w->method->fn, av_request_method(w->request)->output, key, &w->err);
    /* Also after a failure: what was tried may have closed something. */
    if (w->method->kind == WORK_STORES && av_stores_sync(w->in->archive->stores, &why) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "stores.not_in_line", AV_ERRF(&why));
    if (w->method->kind == WORK_STORES) /* one that is there again brings messages */
        av_changes_all(w->in->archive->changes);
    if (w->method->kind == WORK_HOLDS && rc == AV_OK)
        av_holds_follow_all(w->in->archive);
    if (rc == AV_OK || w->method->kind == WORK_STORES) /* whose folders may lie on any disk: they are named already */
        return rc;
    return av_heal_explain(w->in, &w->err);
}

/* A password that SCRAM cannot take is no error: the user logs in by other ways. */
static void
hash(work *w)
{
    const char *password = av_users_password_of(w->ask.body);
    uint32_t rounds = (uint32_t)w->in->settings.scram_iterations;
    av_error why;

    w->rc = av_password_hash(password, w->hash, &w->err);
    if (w->rc == AV_OK && rounds > 0)
        (void)av_scram_verifier_make(password, AV_MAX(rounds, (uint32_t)AV_SCRAM_ROUNDS_MIN), &w->scram, &why);
}

static av_step
on_step(av_job *job)
{
    work *w = AV_CONTAINER(job, work, job);

    if (w->to_hash)
        hash(w);
    else if (w->method->kind == WORK_READS)
        w->rc = w->method->fn(&w->ask, &w->err);
    else
        w->rc = change(w);
    return AV_STEP_DONE;
}

static void
on_done(av_job *job)
{
    work *w = AV_CONTAINER(job, work, job);

    if (job->dropped)
        w->rc = av_error_set(&w->err, AV_ERR_UNAVAILABLE, "the instance is stopping");
    if (w->rc == AV_OK && w->to_hash) {
        w->to_hash = false;
        w->ask.password_hash = w->hash;
        w->ask.scram = w->scram.rounds == 0 ? NULL : &w->scram;
        av_pool_submit(w->in->writer, &w->job);
        return;
    }
    if (w->rc == AV_OK && w->method->kind != WORK_READS)
        after_change(w);
    if (w->rc == AV_OK && w->method->kind == WORK_STORES)
        av_store_ops_resume(w->in->store_ops); /* one that was unlocked or enabled is taken over now */
    answer(w);
    work_free(w);
}

static const work_method *
find(const char *name)
{
    size_t i = 0;

    while (i < AV_COUNT(methods) && strcmp(methods[i].name, name) != 0)
        i++;
    assert(i < AV_COUNT(methods)); /* a handler was registered for a method without a row */
    return &methods[i];
}

/* A new store on another disk may be the way out: the registry needs accounts alone. */
static av_heal_need
needs(work_kind kind)
{
    return kind == WORK_EVENTS || kind == WORK_HOLDS ? AV_HEAL_EVENTS : AV_HEAL_ACCOUNTS;
}

static void
on_request(void *self, av_request *request, const ProtobufCMessage *body)
{
    av_instance *in = self;
    const work_method *method = find(av_request_method(request)->name);
    av_span key = av_request_idempotency_key(request);
    const char *password = av_users_password_of(body), *admin = av_request_admin(request);
    av_session *session = av_request_session(request);
    av_error err;
    work *w;

    if (!av_instance_admit(in, request, method->kind != WORK_READS ? in->writer : in->readers) ||
        (method->kind != WORK_READS && av_heal_refuses(in->heal, request, needs(method->kind))))
        return;
    if (password != NULL && av_users_password_check(password, &err) != AV_OK) {
        av_request_fail(request, &err);
        return;
    }
    if (session != NULL && body->descriptor == &archivolt__select_mailbox_request__descriptor)
        av_session_set_mailbox(session, ((const Archivolt__SelectMailboxRequest *)body)->path);
    w = av_xcalloc(1, sizeof *w);
    w->in = in;
    w->request = request;
    w->method = method;
    w->job.step = on_step;
    w->job.done = on_done;
    w->job.lane = av_instance_lane(request);
    w->user = session == NULL ? NULL : av_xstrdup(session->user);
    w->caller = av_xstrdup(admin != NULL ? admin : av_request_from(request));
    w->ask = (av_ask){ .archive = in->archive, .body = body, .user = w->user, .caller = w->caller };
    w->has_key = key.n > 0;
    if (w->has_key)
        av_ask_key(av_request_from(request), method->name, key, w->key);
    w->to_hash = password != NULL;
    av_pool_submit(method->kind != WORK_READS && !w->to_hash ? in->writer : in->readers, &w->job);
}

void
av_work_serve(av_instance *self)
{
    size_t i;

    self->work_handlers = av_xcalloc(AV_COUNT(methods), sizeof *self->work_handlers);
    for (i = 0; i < AV_COUNT(methods); i++)
        self->work_handlers[i] = (av_handler){ methods[i].name, on_request };
    av_bus_serve(self->bus, self->work_handlers, AV_COUNT(methods), self);
}
