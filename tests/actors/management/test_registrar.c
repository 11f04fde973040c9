/*
 * test_registrar.c - entries, serials and names: on disk, after a restart, against misuse
 */
#include "actors/management/registrar.h"

#include "actors/management/db.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "proto/broker.pb-c.h"
#include "tests/check.h"

static char dir[] = "/tmp/av-registrar-XXXXXX";
static uint8_t secret[AV_SIGN_SECRET], public_key[AV_SIGN_PUBLIC];

struct world {
    av_meta *db;
    av_registrar *registrar;
};

static void
world_open(struct world *w, const char *name)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, name);
    av_meta_options options = { .key = (const uint8_t[32]){ 9 } };
    av_error err;

    AV_CHECK_RC(av_dir_make(path, &err), AV_OK, &err);
    AV_CHECK_RC(av_meta_open(path, &options, &w->db, &err), AV_OK, &err);
    AV_CHECK_RC(av_registrar_open(w->db, secret, &w->registrar, &err), AV_OK, &err);
}

static void
world_close(struct world *w)
{
    av_registrar_destroy(&w->registrar);
    av_meta_close(&w->db);
}

static void
key(uint8_t ret[AV_KEY_SIZE], uint8_t fill)
{
    memset(ret, fill, AV_KEY_SIZE);
}

static void
test_register_and_restart(void)
{
    struct world w;
    uint8_t a[AV_KEY_SIZE], b[AV_KEY_SIZE];
    uint64_t serial = 0;
    av_error err;

    key(a, 1);
    key(b, 2);
    world_open(&w, "plain");
    AV_CHECK_INT(av_registrar_serial(w.registrar), 0);
    AV_CHECK_RC(av_registrar_register(w.registrar, "instance/demo", "n1", "host/n1", a, &serial, &err), AV_OK, &err);
    AV_CHECK_INT(serial, 1);
    AV_CHECK_RC(av_registrar_register(w.registrar, "instance/demo", "n1", "host/n1", a, &serial, &err), AV_OK, &err);
    AV_CHECK_INT(serial, 1); /* the same again changes nothing */
    AV_CHECK_RC(av_registrar_register(w.registrar, "instance/demo", "n1", "host/n1", b, &serial, &err), AV_OK, &err);
    AV_CHECK_INT(serial, 3); /* the old key's revocation is 2 */
    AV_CHECK_MEM(av_registrar_key(w.registrar, "instance/demo"), AV_KEY_SIZE, b, sizeof b);
    world_close(&w);

    world_open(&w, "plain");
    AV_CHECK_INT(av_registrar_serial(w.registrar), 3);
    AV_CHECK_MEM(av_registrar_key(w.registrar, "instance/demo"), AV_KEY_SIZE, b, sizeof b);
    AV_CHECK_RC(av_registrar_register(w.registrar, "instance/demo", "n1", "host/n1", a, &serial, &err), AV_ERR_CONFLICT,
        &err); /* a revoked key never comes back */
    AV_CHECK_RC(av_registrar_revoke(w.registrar, "instance/demo", &serial, &err), AV_OK, &err);
    AV_CHECK_INT(serial, 4);
    AV_CHECK(av_registrar_key(w.registrar, "instance/demo") == NULL);
    AV_CHECK_RC(av_registrar_revoke(w.registrar, "instance/demo", &serial, &err), AV_ERR_NOT_FOUND, &err);
    world_close(&w);

    world_open(&w, "plain");
    AV_CHECK_INT(av_registrar_serial(w.registrar), 4);
    AV_CHECK(av_registrar_key(w.registrar, "instance/demo") == NULL);
    world_close(&w);
}

static void
test_misuse(void)
{
    struct world w;
    uint8_t a[AV_KEY_SIZE];
    uint64_t serial = 0;
    av_error err;

    key(a, 7);
    world_open(&w, "misuse");
    AV_CHECK_RC(av_registrar_register(w.registrar, "cli/ada", "n1", NULL, a, &serial, &err), AV_OK, &err);
    AV_CHECK_RC(av_registrar_register(w.registrar, "management", "n1", NULL, a, &serial, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(av_registrar_register(w.registrar, "no/such/kind", "n1", NULL, a, &serial, &err), AV_ERR_INVALID, &err);
    key(a, 8);
    AV_CHECK_RC(av_registrar_register(w.registrar, "host/n2", "n1", NULL, a, &serial, &err), AV_ERR_INVALID, &err);
    AV_CHECK_INT(av_registrar_serial(w.registrar), 1);
    world_close(&w);
}

/* The first entries come from archivolt init; those of another key are not taken. */
static void
test_import(void)
{
    struct world w;
    Archivolt__RegistryFile file = ARCHIVOLT__REGISTRY_FILE__INIT;
    Archivolt__RegistryEntry fields = ARCHIVOLT__REGISTRY_ENTRY__INIT;
    Archivolt__SignedEntry *entry;
    uint8_t a[AV_KEY_SIZE], other_public[AV_SIGN_PUBLIC], other_secret[AV_SIGN_SECRET], bytes[1024];
    size_t n;
    uint64_t serial = 0;
    av_buf packed;
    av_error err;

    key(a, 9);
    fields.serial = 5;
    fields.name = (char *)(uintptr_t) "host/n1";
    fields.node = (char *)(uintptr_t) "n1";
    fields.public_key = (ProtobufCBinaryData){ sizeof a, a };
    for (int mine = 1; mine >= 0; mine--) {
        av_buf_init(&packed, 1024);
        av_sign_generate(other_public, other_secret);
        AV_CHECK(av_registry_entry_sign(&fields, mine ? secret : other_secret, &packed));
        entry = archivolt__signed_entry__unpack(NULL, packed.n, packed.p);
        file.entries = &entry;
        file.n_entries = 1;
        n = archivolt__registry_file__pack(&file, bytes);
        world_open(&w, mine ? "import" : "foreign");
        AV_CHECK_RC(av_registrar_import(w.registrar, av_span_of(bytes, n), &err), mine ? AV_OK : AV_ERR_CORRUPT, &err);
        AV_CHECK_INT(av_registrar_serial(w.registrar), mine ? 5 : 0);
        if (mine) {
            AV_CHECK_RC(av_registrar_import(w.registrar, av_span_of(bytes, n), &err), AV_OK, &err);
            key(a, 10);
            AV_CHECK_RC(av_registrar_register(w.registrar, "monitor/m", "n1", NULL, a, &serial, &err), AV_OK, &err);
            AV_CHECK_INT(serial, 6); /* goes on from init's */
        }
        world_close(&w);
        archivolt__signed_entry__free_unpacked(entry, NULL);
        av_buf_release(&packed);
    }
    world_open(&w, "foreign");
    AV_CHECK_RC(av_registrar_import(w.registrar, av_span_str("\xff\xff"), &err), AV_ERR_CORRUPT, &err);
    world_close(&w);
}

/* Many runs leave no entries behind, but only once the broker has them: without one none is forgotten. */
static void
test_prune_waits_for_broker(void)
{
    struct world w;
    uint8_t a[AV_KEY_SIZE];
    uint64_t serial = 0;
    av_error err;

    key(a, 11);
    world_open(&w, "prune");
    AV_CHECK_RC(
        av_registrar_register(w.registrar, "worker/n1/0123456789abcdef0123456789abcdef", "n1", NULL, a, &serial, &err),
        AV_OK, &err);
    AV_CHECK_RC(
        av_registrar_revoke(w.registrar, "worker/n1/0123456789abcdef0123456789abcdef", &serial, &err), AV_OK, &err);
    AV_CHECK_RC(av_registrar_prune(w.registrar, av_clock_wall_ms() + INT64_C(7) * 86400000, &err), AV_OK, &err);
    AV_CHECK_RC(
        av_registrar_register(w.registrar, "worker/n1/0123456789abcdef0123456789abcdef", "n1", NULL, a, &serial, &err),
        AV_ERR_CONFLICT, &err);
    world_close(&w);
}

int
main(void)
{
    av_error err;

    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    av_sign_generate(public_key, secret);
    AV_CHECK(mkdtemp(dir) != NULL);
    AV_RUN(test_register_and_restart);
    AV_RUN(test_misuse);
    AV_RUN(test_import);
    AV_RUN(test_prune_waits_for_broker);
    (void)av_dir_remove(dir, "/tmp", &err);
    return av_check_done();
}
