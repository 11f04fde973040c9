/*
 * actors.c - who may speak: registering and revoking actors, administrators, their logins
 */
#include "actors/management/management_priv.h"

#include "actors/bus/names.h"
#include "base/log.h"

/* ---- registry ---- */

struct registering {
    av_management *m;
    av_task *task;
    uint64_t serial;
};

static void
on_held(void *ctx, const av_error *err)
{
    struct registering *r = ctx;
    Archivolt__RegisterActorReply reply = ARCHIVOLT__REGISTER_ACTOR_REPLY__INIT;

    reply.serial = r->serial;
    /* No result is kept: the same request again has the same effect and finds the same serial. */
    if (err != NULL)
        av_task_fail(&r->task, err);
    else
        av_task_reply(&r->task, &reply.base);
    free(r);
}

static void
reply_when_held(av_management *m, av_task *task, uint64_t serial)
{
    struct registering *r = av_xcalloc(1, sizeof *r);

    *r = (struct registering){ .m = m, .task = task, .serial = serial };
    av_registrar_when_held(m->registrar, serial, on_held, r);
}

/*
 * A host speaks for the workers of its own node alone, an operator for cli/ and monitor/ names. ret_node: the node the
 * actor will stand on.
 */
static av_errc
check_registrant(const av_management *m, const av_request *request, const char *name, char ret_node[64], av_error *err)
{
    av_span sender = av_sender_name(av_span_str(av_request_from(request))), actor = av_span_str(name);
    av_span sender_node = av_actor_name_node(sender), node = av_span_str(m->node->node);
    int class = av_actor_name_class(actor);
    bool ok;

    if (!av_actor_name_valid(actor))
        return av_error_set(err, AV_ERR_INVALID, "\"%.100s\" is not the name of an actor", name);
    if (av_request_caller(request) == ARCHIVOLT__CALLER__CALLER_HOST) {
        node = av_actor_name_node(actor);
        ok = class == ARCHIVOLT__CALLER__CALLER_WORKER && av_span_eq(node, sender_node);
    } else {
        ok = class == ARCHIVOLT__CALLER__CALLER_OPERATOR || class == ARCHIVOLT__CALLER__CALLER_MONITOR;
    }
    if (!ok)
        return av_error_set(
            err, AV_ERR_DENIED, "%.*s may not register or revoke %s", (int)sender.n, (const char *)sender.p, name);
    (void)snprintf(ret_node, 64, "%.*s", (int)node.n, (const char *)node.p);
    return AV_OK;
}

static void
on_register(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_management *m = owner;
    const Archivolt__RegisterActorRequest *ask = (const void *)body;
    av_task *task = av_tasks_begin(m->tasks, request, body);
    char node[64];
    uint64_t serial = 0;
    av_error err = { 0 };

    if (task == NULL)
        return;
    if (ask->public_key.len != AV_KEY_SIZE)
        (void)av_error_set(
            &err, AV_ERR_INVALID, "a public key has %d bytes, not %zu", AV_KEY_SIZE, ask->public_key.len);
    else if (check_registrant(m, request, ask->name, node, &err) == AV_OK)
        (void)av_registrar_register(m->registrar, ask->name, node, NULL, ask->public_key.data, &serial, &err);
    if (err.code != AV_OK)
        av_task_fail(&task, &err);
    else
        reply_when_held(m, task, serial);
}

static void
on_revoke(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_management *m = owner;
    const Archivolt__RevokeActorRequest *ask = (const void *)body;
    av_task *task = av_tasks_begin(m->tasks, request, body);
    char node[64];
    uint64_t serial = 0;
    av_error err = { 0 };

    if (task == NULL)
        return;
    if (check_registrant(m, request, ask->name, node, &err) != AV_OK ||
        av_registrar_revoke(m->registrar, ask->name, &serial, &err) != AV_OK)
        av_task_fail(&task, &err);
    else
        reply_when_held(m, task, serial);
}

/* ---- administrators ---- */

static void
on_get_admins(void *owner, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    av_management *m = owner;
    Archivolt__GetSystemAdministratorsReply reply = ARCHIVOLT__GET_SYSTEM_ADMINISTRATORS_REPLY__INIT;
    size_t count = av_admins_count(m->admins);
    AV_CLEANUP(av_free) const av_admin **list = av_admins_list(m->admins);
    AV_CLEANUP(av_free) Archivolt__SystemAdministrator **rows = av_xcalloc(count, sizeof *rows);

    for (size_t i = 0; i < count; i++)
        rows[i] = list[i]->config;
    reply.administrators = rows;
    reply.n_administrators = count;
    av_request_reply(request, &reply.base);
}

/* A change whose password is being hashed. */
struct hashing {
    av_management *m;
    av_task *task;
    Archivolt__SystemAdministrator *config; /* to create; NULL: set the password of user */
    char *user;
};

/* End the open group: committed with the empty answer, or dropped. */
static void
end_change(av_management *m, av_task *task, const char *user, av_errc rc, av_error *err)
{
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;

    if (rc != AV_OK) {
        av_meta_rollback(m->db);
        av_task_fail(&task, err);
        return;
    }
    av_login_forget(m->login, user);
    if (av_task_commit(&task, &empty.base, err) != AV_OK)
        av_admins_reload(m->admins, user);
    else
        AV_LOG(AV_LOG_INFO, "administrator.changed", AV_STR("user", user));
}

static void
hashing_free(struct hashing *h)
{
    if (h->config != NULL)
        archivolt__system_administrator__free_unpacked(h->config, NULL);
    free(h->user);
    free(h);
}

static void
on_hashed(void *ctx, const char *hash, bool right AV_UNUSED)
{
    struct hashing *h = ctx;
    av_error err = { 0 };
    av_errc rc;

    if (hash == NULL) {
        (void)av_error_set(&err, AV_ERR_NOMEM, "the password could not be hashed: not enough memory");
        av_task_fail(&h->task, &err);
        hashing_free(h);
        return;
    }
    av_meta_begin(h->m->db);
    rc = h->config != NULL ? av_admins_create(h->m->admins, h->config, hash, &err)
                           : av_admins_set_hash(h->m->admins, h->user, hash, &err);
    end_change(h->m, h->task, h->user, rc, &err);
    hashing_free(h);
}

static void
hash_then_change(av_management *m, av_task *task, const Archivolt__SystemAdministrator *config, const char *user,
    const char *password)
{
    struct hashing *h;
    av_error err = { 0 };

    if (av_password_check(password, &err) != AV_OK) {
        av_task_fail(&task, &err);
        return;
    }
    h = av_xcalloc(1, sizeof *h);
    *h = (struct hashing){ .m = m, .task = task, .user = av_xstrdup(user) };
    h->config = config == NULL ? NULL : (void *)av_message_clone(&config->base);
    if (av_hasher_hash(m->hasher, password, on_hashed, h))
        return;
    (void)av_error_set(&err, AV_ERR_BUSY, "too many passwords at once: try again in a moment");
    av_task_fail(&task, &err);
    hashing_free(h);
}

static void
on_create_admin(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_management *m = owner;
    const Archivolt__CreateSystemAdministratorRequest *ask = (const void *)body;
    av_task *task = av_tasks_begin(m->tasks, request, body);
    av_error err = { 0 };

    if (task == NULL)
        return;
    if (av_admins_find(m->admins, ask->config->user_name) != NULL) {
        (void)av_error_set(&err, AV_ERR_EXISTS, "there is an administrator \"%.80s\" already", ask->config->user_name);
        av_task_fail(&task, &err);
        return;
    }
    hash_then_change(m, task, ask->config, ask->config->user_name, ask->password);
}

static void
on_set_password(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_management *m = owner;
    const Archivolt__SetSystemAdministratorPasswordRequest *ask = (const void *)body;
    av_task *task = av_tasks_begin(m->tasks, request, body);
    av_error err = { 0 };

    if (task == NULL)
        return;
    if (av_admins_find(m->admins, ask->user_name) == NULL) {
        (void)av_error_set(&err, AV_ERR_NOT_FOUND, "there is no administrator \"%.80s\"", ask->user_name);
        av_task_fail(&task, &err);
        return;
    }
    hash_then_change(m, task, NULL, ask->user_name, ask->password);
}

static void
on_configure_admin(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_management *m = owner;
    const Archivolt__SetSystemAdministratorConfigurationRequest *ask = (const void *)body;
    av_task *task = av_tasks_begin(m->tasks, request, body);
    av_error err = { 0 };
    av_errc rc;

    if (task == NULL)
        return;
    av_meta_begin(m->db);
    rc = av_admins_configure(m->admins, ask->config, &err);
    end_change(m, task, ask->config->user_name, rc, &err);
}

static void
on_delete_admin(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_management *m = owner;
    const Archivolt__SystemAdministratorRequest *ask = (const void *)body;
    av_task *task = av_tasks_begin(m->tasks, request, body);
    av_error err = { 0 };
    av_errc rc;

    if (task == NULL)
        return;
    av_meta_begin(m->db);
    rc = av_admins_delete(m->admins, ask->user_name, &err);
    end_change(m, task, ask->user_name, rc, &err);
}

static void
on_login(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_login_serve(((av_management *)owner)->login, request, body);
}

static const av_handler handlers[] = {
    { "archivolt.Management.RegisterActor", on_register },
    { "archivolt.Management.RevokeActor", on_revoke },
    { "archivolt.Management.GetSystemAdministrators", on_get_admins },
    { "archivolt.Management.CreateSystemAdministrator", on_create_admin },
    { "archivolt.Management.SetSystemAdministratorConfiguration", on_configure_admin },
    { "archivolt.Management.SetSystemAdministratorPassword", on_set_password },
    { "archivolt.Management.DeleteSystemAdministrator", on_delete_admin },
    { "archivolt.Management.AdminLogin", on_login },
};

void
av_actors_serve(av_management *self)
{
    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
