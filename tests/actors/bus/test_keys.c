/*
 * test_keys.c - names, key files, signatures, registry entries, sealed values
 */
#include "actors/bus/keys.h"

#include <unistd.h>

#include "actors/bus/names.h"
#include "base/file.h"
#include "base/secret.h"
#include "proto/options.pb-c.h"
#include "tests/check.h"

#define HEX32 "00112233445566778899aabbccddeeff"

static const struct {
    const char *name;
    bool valid;
    int caller;
    const char *node, *file;
} names[] = {
    { "management", true, ARCHIVOLT__CALLER__CALLER_MANAGEMENT, "", "management" },
    { "host/n1", true, ARCHIVOLT__CALLER__CALLER_HOST, "n1", "host_n1" },
    { "gateway@n1.example", true, ARCHIVOLT__CALLER__CALLER_GATEWAY, "n1.example", "gateway@n1.example" },
    { "cli/Anna_1", true, ARCHIVOLT__CALLER__CALLER_OPERATOR, "", "cli_Anna_1" },
    { "instance/a.b_c-d", true, ARCHIVOLT__CALLER__CALLER_INSTANCE, "", "instance_a.b_c-d" },
    { "worker/n1/" HEX32, true, ARCHIVOLT__CALLER__CALLER_WORKER, "n1", "worker_n1_" HEX32 },
    { "monitor/grafana", true, ARCHIVOLT__CALLER__CALLER_MONITOR, "", "monitor_grafana" },
    { "broker@n1", true, -1, "n1", "broker@n1" },
    { "", false, -1, NULL, NULL },
    { "management/x", false, -1, NULL, NULL },
    { "managemen", false, -1, NULL, NULL },
    { "host/", false, -1, NULL, NULL },
    { "host/N1", false, -1, NULL, NULL },
    { "host/.n", false, -1, NULL, NULL },
    { "host/a/b", false, -1, NULL, NULL },
    { "instance/..", false, -1, NULL, NULL },
    { "instance/a/../b", false, -1, NULL, NULL },
    { "instance/a#1", false, -1, NULL, NULL },
    { "worker/n1/" HEX32 "0", false, -1, NULL, NULL },
    { "worker/n1", false, -1, NULL, NULL },
    { "cli/a b", false, -1, NULL, NULL },
    { "gateway@", false, -1, NULL, NULL },
    { "instance/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false, -1, NULL, NULL },
};

static void
test_names(void)
{
    for (size_t i = 0; i < AV_COUNT(names); i++) {
        av_span name = av_span_str(names[i].name);
        char file[AV_ACTOR_NAME_MAX + 8];

        av_check_row = (long)i;
        AV_CHECK_INT(av_actor_name_valid(name), names[i].valid);
        AV_CHECK_INT(av_actor_name_class(name), names[i].caller);
        if (!names[i].valid)
            continue;
        AV_CHECK(av_span_eq_str(av_actor_name_node(name), names[i].node));
        av_actor_name_file(names[i].name, file);
        AV_CHECK_STR(file, names[i].file);
    }
    av_check_row = -1;
    AV_CHECK(!av_actor_name_valid(av_span_of("cli/a\0b", 7)));
}

static void
test_senders(void)
{
    AV_CHECK(av_sender_valid(av_span_str("gateway@n1#0000002a")));
    AV_CHECK(!av_sender_valid(av_span_str("gateway@n1")));
    AV_CHECK(!av_sender_valid(av_span_str("gateway@n1#")));
    AV_CHECK(!av_sender_valid(av_span_str("gateway@n1#2A")));
    AV_CHECK(!av_sender_valid(av_span_str("gateway@n1#1#2")));
    AV_CHECK(!av_sender_valid(av_span_str("nobody#1")));
    AV_CHECK(av_span_eq_str(av_sender_name(av_span_str("host/n1#01")), "host/n1"));
    AV_CHECK(av_sender_is_broker(av_span_str("broker@n1")));
    AV_CHECK(av_sender_is_broker(av_span_str("broker@n1#1")));
    AV_CHECK(!av_sender_is_broker(av_span_str("broker@")));
    AV_CHECK(!av_sender_is_broker(av_span_str("cli/broker@n1")));
}

static void
test_key_file(void)
{
    char path[] = "/tmp/av-test-keys.XXXXXX", text[400];
    int fd = mkstemp(path), n;
    av_keypair key, back;
    char public_z85[AV_KEY_Z85_MAX], secret_z85[AV_KEY_Z85_MAX];
    av_error err;

    (void)close(fd);
    av_keypair_generate("host/n1", &key);
    AV_CHECK_RC(av_keypair_save(&key, path, &err), AV_OK, &err);
    AV_CHECK_RC(av_keypair_load(path, &back, &err), AV_OK, &err);
    AV_CHECK_MEM(&back, sizeof back, &key, sizeof key);
    (void)chmod(path, 0640);
    AV_CHECK_RC(av_keypair_load(path, &back, &err), AV_ERR_DENIED, &err);
    (void)unlink(path);
    AV_CHECK_RC(av_keypair_load(path, &back, &err), AV_ERR_NOT_FOUND, &err);

    av_key_to_z85(key.public_key, public_z85);
    av_key_to_z85(key.secret_key, secret_z85);
    n = snprintf(text, sizeof text, "# a comment\n\nname=host/n1\n public =  %s\nsecret = %s", public_z85, secret_z85);
    AV_CHECK_RC(av_keypair_parse(av_span_of(text, (size_t)n), &back, &err), AV_OK, &err);
    n = snprintf(text, sizeof text, "name = host/n1\npublic = %s\n", public_z85);
    AV_CHECK_RC(av_keypair_parse(av_span_of(text, (size_t)n), &back, &err), AV_ERR_SYNTAX, &err);
    n = snprintf(text, sizeof text, "name = host/n1\npublic = %s\nsecret = %s\n", secret_z85, secret_z85);
    AV_CHECK_RC(av_keypair_parse(av_span_of(text, (size_t)n), &back, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK(strstr(err.msg, secret_z85) == NULL);
    n = snprintf(text, sizeof text, "name = host/n1\nsecret = %s\nsecret = %s\n", secret_z85, secret_z85);
    AV_CHECK_RC(av_keypair_parse(av_span_of(text, (size_t)n), &back, &err), AV_ERR_SYNTAX, &err);
    AV_CHECK(strstr(err.msg, secret_z85) == NULL);
    AV_CHECK_RC(av_keypair_parse(av_span_str("name = nobody\n"), &back, &err), AV_ERR_SYNTAX, &err);
}

/* An entry with one thing changed, signed; what opening it gives. */
static av_errc
open_entry(void (*change)(Archivolt__RegistryEntry *), bool break_signature)
{
    Archivolt__RegistryEntry entry = ARCHIVOLT__REGISTRY_ENTRY__INIT, *back = NULL;
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
    uint8_t public_key[AV_SIGN_PUBLIC], secret[AV_SIGN_SECRET], curve[AV_KEY_SIZE] = { 9 };
    Archivolt__SignedEntry *wrapped;
    av_error err;
    av_errc rc;

    av_buf_init(&packed, 4096);
    av_sign_generate(public_key, secret);
    entry.serial = 3;
    entry.name = (char *)(uintptr_t) "host/n1";
    entry.node = (char *)(uintptr_t) "n1";
    entry.public_key = (ProtobufCBinaryData){ sizeof curve, curve };
    if (change != NULL)
        change(&entry);
    AV_CHECK(av_registry_entry_sign(&entry, secret, &packed));
    wrapped = archivolt__signed_entry__unpack(NULL, packed.n, packed.p);
    if (break_signature)
        wrapped->entry.data[1] ^= 1;
    rc = av_registry_entry_open(wrapped, public_key, &back, &err);
    if (rc == AV_OK)
        archivolt__registry_entry__free_unpacked(back, NULL);
    archivolt__signed_entry__free_unpacked(wrapped, NULL);
    return rc;
}

static void
other_node(Archivolt__RegistryEntry *e)
{
    e->node = (char *)(uintptr_t) "n2";
}
static void
bad_name(Archivolt__RegistryEntry *e)
{
    e->name = (char *)(uintptr_t) "root";
}
static void
short_key(Archivolt__RegistryEntry *e)
{
    e->public_key.len = 31;
}
static void
bad_host(Archivolt__RegistryEntry *e)
{
    e->host = (char *)(uintptr_t) "cli/x";
}
static void
good_host(Archivolt__RegistryEntry *e)
{
    e->host = (char *)(uintptr_t) "host/n1";
}

static void
test_registry_entry(void)
{
    AV_CHECK_INT(open_entry(NULL, false), AV_OK);
    AV_CHECK_INT(open_entry(good_host, false), AV_OK);
    AV_CHECK_INT(open_entry(NULL, true), AV_ERR_DENIED);
    AV_CHECK_INT(open_entry(other_node, false), AV_ERR_INVALID);
    AV_CHECK_INT(open_entry(bad_name, false), AV_ERR_INVALID);
    AV_CHECK_INT(open_entry(short_key, false), AV_ERR_INVALID);
    AV_CHECK_INT(open_entry(bad_host, false), AV_ERR_INVALID);
}

static void
test_sign_and_seal(void)
{
    uint8_t public_key[AV_SIGN_PUBLIC], secret[AV_SIGN_SECRET], signature[AV_SIGNATURE_SIZE],
        zero[AV_SIGN_PUBLIC] = { 0 };
    av_buf sealed, plain;
    av_keypair key, other;
    av_error err;

    av_sign_generate(public_key, secret);
    av_sign(av_span_str("text"), secret, signature);
    AV_CHECK(av_sign_verify(av_span_str("text"), signature, public_key));
    AV_CHECK(!av_sign_verify(av_span_str("texT"), signature, public_key));
    AV_CHECK(!av_sign_verify(av_span_str("text"), signature, zero)); /* a node never paired trusts nobody */
    av_keypair_generate("instance/demo", &key);
    av_keypair_generate("instance/other", &other);
    av_buf_init(&sealed, 1000);
    av_buf_init(&plain, 1000);
    AV_CHECK(av_seal(av_span_str("password"), key.public_key, &sealed));
    AV_CHECK_RC(av_unseal(av_buf_span(&sealed), &other, &plain, &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_unseal(av_buf_span(&sealed), &key, &plain, &err), AV_OK, &err);
    AV_CHECK_MEM(plain.p, plain.n, "password", 8);
    AV_CHECK_RC(av_unseal(av_span_str("short"), &key, &plain, &err), AV_ERR_SYNTAX, &err);
    av_buf_release(&sealed);
    av_buf_release_secret(&plain);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_names);
    AV_RUN(test_senders);
    AV_RUN(test_key_file);
    AV_RUN(test_registry_entry);
    AV_RUN(test_sign_and_seal);
    return av_check_done();
}
