/*
 * test_registry.c - the registry by itself: signatures, never going back, what is on disk, forgetting revocations
 */
#include "broker/registry.h"

#include "tests/broker/rig.h"

static rig r; /* for its folder and signing key: no broker is started */
static char path[256];
static unsigned changes;

static void
on_changed(void *ctx, const av_registry_entry *entry)
{
    (void)ctx;
    (void)entry;
    changes++;
}

static av_registry *
reopen(void)
{
    av_registry *ret = NULL;
    av_error err;

    AV_CHECK_RC(av_registry_open(path, r.sign_public, &ret, &err), AV_OK, &err);
    return ret;
}

static av_errc
update(av_registry *registry, Archivolt__SignedEntry *entry, av_error *err)
{
    av_errc rc = av_registry_update(registry, &entry, 1, on_changed, NULL, err);

    archivolt__signed_entry__free_unpacked(entry, NULL);
    return rc;
}

static void
test_serials(void)
{
    av_registry *registry = reopen();
    av_keypair a, b;
    av_error err;

    AV_CHECK(!av_registry_paired(registry));
    av_keypair_generate("instance/a", &a);
    av_keypair_generate("instance/a", &b);
    changes = 0;
    AV_CHECK_RC(update(registry, rig_entry(&r, &a, 5, false, "n1", "host/n1"), &err), AV_OK, &err);
    AV_CHECK(av_registry_paired(registry));
    AV_CHECK_INT(av_registry_by_name(registry, av_span_str("instance/a"))->serial, 5);
    AV_CHECK_STR(av_registry_by_key(registry, a.public_key)->host, "host/n1");
    AV_CHECK_RC(update(registry, rig_entry(&r, &a, 4, true, "n1", NULL), &err), AV_OK, &err);
    AV_CHECK_RC(update(registry, rig_entry(&r, &a, 5, true, "n1", NULL), &err), AV_OK, &err);
    AV_CHECK_INT(changes, 1);
    AV_CHECK(!av_registry_by_key(registry, a.public_key)->revoked);
    /* Rotation: the new key beside the old one, then the old one revoked. */
    AV_CHECK_RC(update(registry, rig_entry(&r, &b, 6, false, "n1", NULL), &err), AV_OK, &err);
    AV_CHECK_MEM(av_registry_by_name(registry, av_span_str("instance/a"))->key, (size_t)AV_KEY_SIZE, b.public_key,
        (size_t)AV_KEY_SIZE);
    AV_CHECK_RC(update(registry, rig_entry(&r, &a, 7, true, "n1", NULL), &err), AV_OK, &err);
    AV_CHECK_INT(av_registry_by_name(registry, av_span_str("instance/a"))->serial, 6);
    av_registry_destroy(&registry);

    registry = reopen(); /* all of it was on disk */
    AV_CHECK_INT(av_registry_serial(registry), 7);
    AV_CHECK(av_registry_by_key(registry, a.public_key)->revoked);
    AV_CHECK_RC(update(registry, rig_entry(&r, &a, 6, false, "n1", NULL), &err), AV_OK, &err);
    AV_CHECK(av_registry_by_key(registry, a.public_key)->revoked);
    AV_CHECK_RC(update(registry, rig_entry(&r, &b, 8, true, "n1", NULL), &err), AV_OK, &err);
    AV_CHECK(av_registry_by_name(registry, av_span_str("instance/a")) == NULL);
    av_registry_destroy(&registry);
}

static void
test_bad_signature(void)
{
    av_registry *registry = reopen();
    Archivolt__SignedEntry *entry;
    size_t before = av_registry_count(registry);
    av_keypair keys;
    av_error err;

    av_keypair_generate("management", &keys);
    entry = rig_entry(&r, &keys, 100, false, "n1", NULL);
    entry->signature.data[3] ^= 1;
    AV_CHECK(update(registry, entry, &err) != AV_OK);
    entry = rig_entry(&r, &keys, 100, false, "n1", NULL);
    entry->entry.data[1] ^= 1;
    AV_CHECK(update(registry, entry, &err) != AV_OK);
    AV_CHECK_INT(av_registry_count(registry), before);
    AV_CHECK_INT(av_registry_serial(registry), 8);
    av_registry_destroy(&registry);
}

static int
failing_rename(const char *from, const char *to)
{
    (void)from;
    (void)to;
    errno = EIO;
    return -1;
}

/* In memory only what is on disk: when the disk refuses, nothing has changed. */
static void
test_disk_refuses(void)
{
    av_registry *registry = reopen();
    av_file_ops ops = *av_file_ops_get();
    av_keypair keys;
    av_error err;

    av_keypair_generate("host/n1", &keys);
    ops.rename = failing_rename;
    av_file_ops_set(&ops);
    AV_CHECK_RC(update(registry, rig_entry(&r, &keys, 50, false, "n1", NULL), &err), AV_ERR_IO, &err);
    av_file_ops_set(NULL);
    AV_CHECK(av_registry_by_key(registry, keys.public_key) == NULL);
    AV_CHECK_INT(av_registry_serial(registry), 8);
    av_registry_destroy(&registry);
    registry = reopen();
    AV_CHECK(av_registry_by_key(registry, keys.public_key) == NULL);
    av_registry_destroy(&registry);
}

static void
test_bad_file(void)
{
    av_registry *registry = NULL;
    av_buf bytes;
    av_error err;

    av_buf_init(&bytes, 1 << 20);
    AV_CHECK_RC(av_file_read_all(path, &bytes, &err), AV_OK, &err);
    bytes.p[bytes.n - 5] ^= 1;
    AV_CHECK_RC(av_registry_parse(av_buf_span(&bytes), r.sign_public, &registry, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_RC(
        av_registry_parse(av_span_of(bytes.p, bytes.n - 1), r.sign_public, &registry, &err), AV_ERR_CORRUPT, &err);
    av_buf_release(&bytes);
    AV_CHECK_RC(av_registry_parse(av_span_str(""), r.sign_public, &registry, &err), AV_OK, &err);
    AV_CHECK(av_registry_paired(registry));
    AV_CHECK_INT(av_registry_count(registry), 0);
    av_registry_destroy(&registry);
}

/* More revocations than are kept: the oldest are forgotten, but their keys stay out. */
static void
test_forgetting(void)
{
    enum { COUNT = AV_REGISTRY_REVOKED_MAX + 10 };
    av_registry *registry = NULL;
    Archivolt__SignedEntry **entries = calloc(COUNT, sizeof(Archivolt__SignedEntry *));
    av_keypair first, keys;
    av_error err;

    (void)unlink(path);
    registry = reopen();
    av_keypair_generate("worker/n1/00000000000000000000000000000000", &first);
    entries[0] = rig_entry(&r, &first, 1, true, "n1", NULL);
    for (unsigned i = 1; i < COUNT; i++) {
        char name[64];

        (void)snprintf(name, sizeof name, "worker/n1/%032x", i);
        (void)snprintf(keys.name, sizeof keys.name, "%s", name);
        av_random_bytes(keys.public_key, sizeof keys.public_key);
        entries[i] = rig_entry(&r, &keys, i + 1, true, "n1", NULL);
    }
    AV_CHECK_RC(av_registry_update(registry, entries, COUNT, NULL, NULL, &err), AV_OK, &err);
    AV_CHECK_INT(av_registry_count(registry), AV_REGISTRY_REVOKED_MAX);
    AV_CHECK_INT(av_registry_floor(registry), 10);
    av_registry_destroy(&registry);
    registry = reopen();
    AV_CHECK_INT(av_registry_floor(registry), 10);
    AV_CHECK_RC(update(registry, rig_entry(&r, &first, 1, false, "n1", NULL), &err), AV_ERR_CONFLICT, &err);
    AV_CHECK_RC(update(registry, rig_entry(&r, &first, 1, true, "n1", NULL), &err), AV_OK, &err);
    AV_CHECK(av_registry_by_key(registry, first.public_key) == NULL);
    for (unsigned i = 0; i < COUNT; i++)
        archivolt__signed_entry__free_unpacked(entries[i], NULL);
    free(entries);
    av_registry_destroy(&registry);
}

int
main(void)
{
    rig_init(&r);
    (void)snprintf(path, sizeof path, "%s/broker/registry.bin", r.dir);
    AV_RUN(test_serials);
    AV_RUN(test_bad_signature);
    AV_RUN(test_disk_refuses);
    AV_RUN(test_bad_file);
    AV_RUN(test_forgetting);
    rig_release(&r);
    return av_check_done();
}
