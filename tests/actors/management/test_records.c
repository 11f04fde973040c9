/*
 * test_records.c - administrators, instances and their names, tickets: what the database gives back after a restart
 */
#include "actors/management/admins.h"
#include "actors/management/db.h"
#include "actors/management/instances.h"
#include "actors/management/login.h"
#include "actors/management/nodes.h"
#include "base/file.h"
#include "base/log.h"
#include "tests/check.h"

static char dir[] = "/tmp/av-records-XXXXXX";
static const uint8_t database_key[32] = { 9 };

static av_meta *
open_db(const char *name)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, name);
    av_meta_options options = { .key = database_key };
    av_meta *db = NULL;
    av_error err;

    AV_CHECK_RC(av_dir_make(path, &err), AV_OK, &err);
    AV_CHECK_RC(av_meta_open(path, &options, &db, &err), AV_OK, &err);
    return db;
}

/* ---- administrators ---- */

static av_errc
create_admin(av_meta *db, av_admins *admins, const char *name, const char *mail, av_error *err)
{
    Archivolt__SystemAdministrator config = ARCHIVOLT__SYSTEM_ADMINISTRATOR__INIT;
    av_errc rc;

    config.user_name = (char *)(uintptr_t)name;
    config.email_address = (char *)(uintptr_t)mail;
    av_meta_begin(db);
    rc = av_admins_create(admins, &config, "$argon2id$x", err);
    if (rc != AV_OK) {
        av_meta_rollback(db);
        return rc;
    }
    return av_meta_commit(db, true, err);
}

static void
test_admins(void)
{
    av_meta *db = open_db("admins");
    av_admins *admins = NULL;
    const av_admin **list;
    av_error err;

    AV_CHECK_RC(av_admins_open(db, &admins, &err), AV_OK, &err);
    AV_CHECK_RC(create_admin(db, admins, "Zo\xc3\xab", NULL, &err), AV_OK, &err);
    AV_CHECK_RC(create_admin(db, admins, "ada", "ada@example.com", &err), AV_OK, &err);
    AV_CHECK_RC(create_admin(db, admins, "ADA", NULL, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(create_admin(db, admins, "ZOE\xcc\x88", NULL, &err), AV_ERR_EXISTS, &err); /* NFD, upper case */
    AV_CHECK_RC(create_admin(db, admins, "", NULL, &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(create_admin(db, admins, "a/b", NULL, &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(create_admin(db, admins, "\xff", NULL, &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(create_admin(db, admins, "bob", "no address", &err), AV_ERR_INVALID, &err);
    AV_CHECK(av_admins_find(admins, "Ada") != NULL && av_admins_find(admins, "bob") == NULL);
    av_admins_destroy(&admins);
    av_meta_close(&db);

    db = open_db("admins");
    AV_CHECK_RC(av_admins_open(db, &admins, &err), AV_OK, &err);
    AV_CHECK_INT(av_admins_count(admins), 2);
    list = av_admins_list(admins);
    AV_CHECK_STR(list[0]->config->user_name, "ada");
    AV_CHECK_STR(list[0]->config->email_address, "ada@example.com");
    AV_CHECK_STR(list[1]->config->user_name, "Zo\xc3\xab");
    free(list);
    av_meta_begin(db);
    AV_CHECK_RC(av_admins_delete(admins, "ada", &err), AV_OK, &err);
    AV_CHECK_RC(av_admins_delete(admins, "zo\xc3\xab", &err), AV_ERR_INVALID, &err); /* the last one */
    av_meta_rollback(db);
    av_admins_reload(admins, "ada");
    AV_CHECK_INT(av_admins_count(admins), 2);
    av_admins_destroy(&admins);
    av_meta_close(&db);
}

static void
test_password_rule(void)
{
    av_error err;

    AV_CHECK_RC(av_password_check("1234567", &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_password_check("12345678", &err), AV_OK, &err);
}

/* ---- instances ---- */

static av_errc
normalise(const char *id, const char *alias, Archivolt__InstanceConfig **ret, av_error *err)
{
    Archivolt__InstanceConfig config = ARCHIVOLT__INSTANCE_CONFIG__INIT;

    config.instance_id = (char *)(uintptr_t)id;
    config.alias = (char *)(uintptr_t)alias;
    config.instance_host = (char *)(uintptr_t) "n1";
    return av_instance_config_normalise(&config, ret, err);
}

static av_errc
add(av_instances *instances, const char *id, const char *alias, av_error *err)
{
    Archivolt__InstanceConfig *config = NULL;
    av_instance *made = NULL;
    av_errc rc = normalise(id, alias, &config, err);

    if (rc == AV_OK)
        rc = av_instances_names_free(instances, config, NULL, err);
    if (rc == AV_OK)
        rc = av_instances_add_take(
            instances, &config, av_span_str("key"), av_span_of("0123456789abcdef0123456789abcdef", 32), &made, err);
    if (config != NULL)
        archivolt__instance_config__free_unpacked(config, NULL);
    return rc;
}

static void
test_config_rules(void)
{
    static const struct {
        const char *id, *alias;
        av_errc want;
    } rows[] = { { "demo", NULL, AV_OK }, { "Demo", "D", AV_OK }, { "demo", "", AV_OK }, { "", NULL, AV_ERR_INVALID },
        { "-a", NULL, AV_ERR_INVALID }, { "a b", NULL, AV_ERR_INVALID }, { "a/b", NULL, AV_ERR_INVALID },
        { "\xc3\xa4", NULL, AV_ERR_INVALID }, { "demo", "demo", AV_ERR_INVALID }, { "demo", "DEMO", AV_ERR_INVALID },
        { "demo", "a b", AV_ERR_INVALID },
        { "a234567890123456789012345678901234567890123456789012345678901234", NULL, AV_ERR_INVALID } };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        Archivolt__InstanceConfig *config = NULL;
        av_error err;

        av_check_row = (long)i;
        AV_CHECK_RC(normalise(rows[i].id, rows[i].alias, &config, &err), rows[i].want, &err);
        if (config == NULL)
            continue;
        AV_CHECK_STR(config->instance_id, "demo");
        AV_CHECK(config->has_sleep_allowed && config->sleep_allowed);
        AV_CHECK_INT(config->start_mode, ARCHIVOLT__START_MODE__START_MODE_AUTOMATIC);
        archivolt__instance_config__free_unpacked(config, NULL);
    }
}

static void
test_names(void)
{
    av_meta *db = open_db("names");
    av_instances *instances = NULL;
    av_error err;

    AV_CHECK_RC(av_instances_open(db, &instances, &err), AV_OK, &err);
    AV_CHECK_RC(add(instances, "demo", "acme", &err), AV_OK, &err);
    AV_CHECK_RC(add(instances, "ACME", NULL, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(add(instances, "other", "Demo", &err), AV_ERR_EXISTS, &err);
    AV_CHECK(av_instances_find(instances, "AcMe") == av_instances_find(instances, "demo"));
    AV_CHECK(av_instances_find(instances, "acme")->stage == AV_STAGE_CREATING);
    av_instances_destroy(&instances);
    av_meta_close(&db);

    db = open_db("names");
    AV_CHECK_RC(av_instances_open(db, &instances, &err), AV_OK, &err);
    AV_CHECK_INT(av_instances_count(instances), 1);
    AV_CHECK_INT(av_instances_find(instances, "demo")->task_key_n, 3);
    AV_CHECK_RC(av_instances_remove(instances, av_instances_find(instances, "demo"), 86400000, &err), AV_OK, &err);
    AV_CHECK_RC(add(instances, "demo", NULL, &err), AV_ERR_EXISTS, &err); /* not for a day */
    AV_CHECK(strstr(err.msg, "free again on 20") != NULL);
    AV_CHECK_RC(add(instances, "acme", NULL, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(add(instances, "fresh", NULL, &err), AV_OK, &err);
    AV_CHECK_RC(av_instances_remove(instances, av_instances_find(instances, "fresh"), 0, &err), AV_OK, &err);
    AV_CHECK_RC(add(instances, "fresh", NULL, &err), AV_OK, &err); /* never was used */
    av_instances_destroy(&instances);
    av_meta_close(&db);
}

static void
test_alias_comes_back(void)
{
    av_meta *db = open_db("alias");
    av_instances *instances = NULL;
    av_instance *demo;
    Archivolt__InstanceConfig *config = NULL;
    av_error err;

    AV_CHECK_RC(av_instances_open(db, &instances, &err), AV_OK, &err);
    AV_CHECK_RC(add(instances, "demo", "acme", &err), AV_OK, &err);
    demo = av_instances_find(instances, "demo");
    AV_CHECK_RC(normalise("demo", NULL, &config, &err), AV_OK, &err);
    av_meta_begin(db);
    av_instances_configure_take(instances, demo, &config, 86400000);
    AV_CHECK_RC(av_meta_commit(db, true, &err), AV_OK, &err);
    AV_CHECK(av_instances_find(instances, "acme") == NULL);
    AV_CHECK_RC(add(instances, "acme", NULL, &err), AV_ERR_EXISTS, &err); /* kept for demo */
    AV_CHECK_RC(normalise("demo", "acme", &config, &err), AV_OK, &err);
    AV_CHECK_RC(av_instances_names_free(instances, config, demo, &err), AV_OK, &err);
    archivolt__instance_config__free_unpacked(config, NULL);
    av_instances_destroy(&instances);
    av_meta_close(&db);
}

/* ---- nodes, tickets ---- */

static void
test_nodes(void)
{
    av_meta *db = open_db("nodes");
    av_nodes *nodes = NULL;
    av_error err;

    AV_CHECK_RC(av_nodes_open(db, &nodes, &err), AV_OK, &err);
    av_meta_begin(db);
    av_nodes_put(nodes, "n2", "b.example", AV_ROLE_HOST);
    av_nodes_put(nodes, "n1", "a.example", AV_ROLE_MANAGEMENT);
    av_nodes_put(nodes, "n1", "a.example", AV_ROLE_MANAGEMENT | AV_ROLE_HOST);
    AV_CHECK_RC(av_meta_commit(db, true, &err), AV_OK, &err);
    av_nodes_destroy(&nodes);
    AV_CHECK_RC(av_nodes_open(db, &nodes, &err), AV_OK, &err);
    AV_CHECK_INT(av_nodes_count(nodes), 2);
    AV_CHECK_STR(av_nodes_at(nodes, 0)->name, "n1");
    AV_CHECK_INT(av_nodes_find(nodes, "n1")->roles, AV_ROLE_MANAGEMENT | AV_ROLE_HOST);
    AV_CHECK(av_nodes_find(nodes, "n3") == NULL);
    av_nodes_destroy(&nodes);
    av_meta_close(&db);
}

static void
test_ticket(void)
{
    uint8_t public_key[AV_SIGN_PUBLIC], secret[AV_SIGN_SECRET];
    Archivolt__AdminTicket *ticket;
    av_buf out;

    av_sign_generate(public_key, secret);
    av_buf_init(&out, 4096);
    AV_CHECK(av_ticket_issue("ada", "gateway@n1#0000002a", 12345, secret, &out));
    AV_CHECK(av_sign_verify(av_span_skip(av_buf_span(&out), AV_SIGNATURE_SIZE), out.p, public_key));
    ticket = archivolt__admin_ticket__unpack(NULL, out.n - AV_SIGNATURE_SIZE, out.p + AV_SIGNATURE_SIZE);
    AV_CHECK(ticket != NULL);
    AV_CHECK_STR(ticket->user_name, "ada");
    AV_CHECK_STR(ticket->issued_to, "gateway@n1#0000002a");
    AV_CHECK_INT(ticket->expires_unix_ms, 12345);
    archivolt__admin_ticket__free_unpacked(ticket, NULL);
    av_buf_release(&out);
}

int
main(void)
{
    av_error err;

    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_CHECK(mkdtemp(dir) != NULL);
    AV_RUN(test_admins);
    AV_RUN(test_password_rule);
    AV_RUN(test_config_rules);
    AV_RUN(test_names);
    AV_RUN(test_alias_comes_back);
    AV_RUN(test_nodes);
    AV_RUN(test_ticket);
    (void)av_dir_remove(dir, "/tmp", &err);
    return av_check_done();
}
