/*
 * verb_init.c - archivolt init: a fresh node with keys, signed registry, certificate and first administrator
 *
 * Everything is written into the data folder and node.conf last of all: a folder without node.conf is not a node, so a crash
 * half way leaves nothing that starts.
 */
#include "tools/cli/cli.h"

#include <errno.h>
#include <unistd.h>

#include "actors/bus/names.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/secret.h"
#include "broker/registry.h"
#include "tools/cli/certificate.h"

typedef struct init_options {
    const char *node, *host_name, *listen, *admin, *admin_full_name, *admin_email;
    uint64_t port_offset;
} init_options;

typedef struct fresh {
    char *dir;
    uint8_t sign_public[AV_SIGN_PUBLIC], sign_secret[AV_SIGN_SECRET];
    Archivolt__SignedEntry *entries[8];
    size_t count;
} fresh;

static av_errc
write_file(const fresh *self, const char *name, av_span contents, mode_t mode, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", self->dir, name);

    return av_file_replace(path, contents, mode, err);
}

static av_errc
make_folders(const fresh *self, av_error *err)
{
    static const char *const names[] = { "keys", "broker", "tls", "management", "host", "instances", "run", "logs" };

    for (size_t i = 0; i < AV_COUNT(names); i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", self->dir, names[i]);
        av_errc rc = av_dir_make(path, err);

        if (rc != AV_OK)
            return rc;
    }
    return AV_OK;
}

/* A key pair in keys/, and a signed registry entry unless it is the broker's own (which is not admitted, it admits). */
static av_errc
make_key(fresh *self, const char *name, const char *node, bool admitted, uint8_t ret_public[AV_KEY_SIZE], av_error *err)
{
    av_keypair keys;
    char file[AV_ACTOR_NAME_MAX + 8];
    AV_CLEANUP(av_free) char *path = NULL;
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
    Archivolt__RegistryEntry entry = ARCHIVOLT__REGISTRY_ENTRY__INIT;
    av_errc rc;

    av_buf_init(&packed, 8192);
    av_keypair_generate(name, &keys);
    av_actor_name_file(name, file);
    path = av_xasprintf("%s/keys/%s.key", self->dir, file);
    rc = av_keypair_save(&keys, path, err);
    memcpy(ret_public, keys.public_key, AV_KEY_SIZE);
    av_keypair_wipe(&keys);
    if (rc != AV_OK || !admitted)
        return rc;
    assert(self->count < AV_COUNT(self->entries));
    entry.serial = self->count + 1;
    entry.name = (char *)name;
    entry.node = (char *)node;
    entry.public_key = (ProtobufCBinaryData){ .len = AV_KEY_SIZE, .data = ret_public };
    if (!av_registry_entry_sign(&entry, self->sign_secret, &packed))
        return av_error_set(err, AV_ERR_INTERNAL, "cannot sign the entry of %s", name);
    self->entries[self->count] = archivolt__signed_entry__unpack(NULL, packed.n, packed.p);
    if (self->entries[self->count] == NULL)
        return av_error_set(err, AV_ERR_INTERNAL, "cannot read back the entry of %s", name);
    self->count++;
    return AV_OK;
}

static av_errc
make_keys(fresh *self, const char *node, av_error *err)
{
    AV_CLEANUP(av_free) char *broker = av_xasprintf("broker@%s", node);
    AV_CLEANUP(av_free) char *host = av_xasprintf("host/%s", node);
    AV_CLEANUP(av_free) char *gateway = av_xasprintf("gateway@%s", node);
    const char *admitted[] = { "management", host, gateway, "cli/operator", "monitor/default" };
    uint8_t public_key[AV_KEY_SIZE];
    char z85[AV_KEY_Z85_MAX];
    AV_CLEANUP(av_free) char *line = NULL;
    av_errc rc = make_key(self, broker, node, false, public_key, err);

    if (rc != AV_OK)
        return rc;
    av_key_to_z85(public_key, z85);
    line = av_xasprintf("%s\n", z85);
    rc = write_file(self, "broker.pub", av_span_str(line), 0644, err);
    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(admitted); i++)
        rc = make_key(self, admitted[i], node, true, public_key, err);
    return rc;
}

static av_errc
write_registry(fresh *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/broker/registry.bin", self->dir);
    char hex[2 * AV_SIGN_SECRET + 2];
    av_registry *registry = NULL;
    av_errc rc;

    /* Left by an init that was interrupted: signed by a key that is gone. */
    if (av_file_ops_get()->unlink(path) != 0 && errno != ENOENT)
        return av_error_errno(err, "remove %s", path);
    av_hex_encode(av_span_of(self->sign_public, AV_SIGN_PUBLIC), hex);
    rc = write_file(self, "registry.pub", av_span_str(hex), 0644, err);
    if (rc == AV_OK) {
        av_hex_encode(av_span_of(self->sign_secret, AV_SIGN_SECRET), hex);
        rc = write_file(self, "management/registry.key", av_span_str(hex), 0600, err);
    }
    av_secret_wipe(hex, sizeof hex);
    if (rc == AV_OK)
        rc = av_registry_open(path, self->sign_public, &registry, err);
    if (rc == AV_OK)
        rc = av_registry_update(registry, self->entries, self->count, NULL, NULL, err);
    av_registry_destroy(&registry);
    return rc;
}

static av_errc
write_bootstrap(const fresh *self, const init_options *o, const char *password, av_error *err)
{
    char hash[AV_PASSWORD_HASH_MAX];
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_errc rc;

    av_buf_init(&text, 16384);
    rc = av_password_hash(password, hash, err);
    if (rc != AV_OK)
        return rc;
    av_buf_printf(&text,
        "node = %s\nfull_host_name = %s\nroles = management host access\nadmin_name = %s\n"
        "admin_full_name = %s\nadmin_email = %s\nadmin_password_hash = %s\n",
        o->node, o->host_name, o->admin, o->admin_full_name, o->admin_email, hash);
    return write_file(self, "management/bootstrap", av_buf_span(&text), 0600, err);
}

static av_errc
write_conf(const fresh *self, const init_options *o, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, 16384);
    av_buf_printf(&text,
        "# Settings of this node, for all its actors; archivolt-broker --help lists them with their defaults.\n"
        "node = %s\nfull_host_name = %s\nport_offset = %llu\nlisten = %s\n",
        o->node, o->host_name, (unsigned long long)o->port_offset, o->listen);
    return write_file(self, "node.conf", av_buf_span(&text), 0644, err);
}

static av_errc
make_node(fresh *self, const init_options *o, const char *password, av_error *err)
{
    AV_CLEANUP(av_free) char *cert = av_xasprintf("%s/tls/cert.pem", self->dir);
    AV_CLEANUP(av_free) char *key = av_xasprintf("%s/tls/key.pem", self->dir);
    av_errc rc = make_folders(self, err);

    av_sign_generate(self->sign_public, self->sign_secret);
    if (rc == AV_OK)
        rc = make_keys(self, o->node, err);
    if (rc == AV_OK)
        rc = write_registry(self, err);
    if (rc == AV_OK)
        rc = cli_certificate_make(o->host_name, cert, key, err);
    if (rc == AV_OK)
        rc = write_bootstrap(self, o, password, err);
    if (rc == AV_OK)
        rc = write_conf(self, o, err);
    for (size_t i = 0; i < self->count; i++)
        archivolt__signed_entry__free_unpacked(self->entries[i], NULL);
    av_secret_wipe(self->sign_secret, sizeof self->sign_secret);
    return rc;
}

/* A value that goes into a "key = value" line must stay on it. */
static bool
is_one_line(const char *s)
{
    return strpbrk(s, "\r\n") == NULL && strlen(s) < 256;
}

static int
check(const init_options *o)
{
    if (!av_node_name_valid(av_span_str(o->node)))
        return cli_usage("init", "--node must be lower-case letters, digits, dots and hyphens, not \"%s\"", o->node);
    if (!is_one_line(o->host_name) || !is_one_line(o->listen) || !is_one_line(o->admin) || o->admin[0] == '\0' ||
        !is_one_line(o->admin_full_name) || !is_one_line(o->admin_email) || strpbrk(o->host_name, " ,:/") != NULL)
        return cli_usage("init", "names must be one line of less than 256 bytes, a host name without spaces");
    if (strpbrk(o->admin, "/:\t") != NULL)
        return cli_usage("init", "--admin must be without slash, colon and tab: logins are split there");
    if (o->port_offset > 56000)
        return cli_usage("init", "--port-offset must be at most 56000");
    return 0;
}

static int
tell(cli *self, const fresh *f, const init_options *o, const char *password, bool generated)
{
    if (self->json)
        cli_print_json(self, json_pack("{s:s,s:s,s:{s:s,s:s?}}", "data", f->dir, "node", o->node, "admin", "user",
                                 o->admin, "password", generated ? password : NULL));
    else {
        printf("Node %s is ready in %s.\n", o->node, f->dir);
        if (generated)
            printf("First administrator: %s, password %s (shown once)\n", o->admin, password);
        printf("Start it: archivolt --data %s up\n", f->dir);
    }
    return CLI_OK;
}

int
verb_init(cli *self, int argc, char **argv)
{
    init_options o = { .node = "n1", .listen = "0.0.0.0", .admin = "admin", .admin_full_name = "", .admin_email = "" };
    const cli_option options[] = { { "--node", &o.node, NULL, NULL, "NAME", "node name (n1)" },
        { "--host-name", &o.host_name, NULL, NULL, "FQDN", "name clients connect to (this machine's)" },
        { "--port-offset", NULL, &o.port_offset, NULL, "N", "added to every port (0)" },
        { "--listen", &o.listen, NULL, NULL, "ADDRESS", "address clients are served at (0.0.0.0)" },
        { "--admin", &o.admin, NULL, NULL, "NAME", "first administrator (admin)" },
        { "--admin-full-name", &o.admin_full_name, NULL, NULL, "TEXT", "full name" },
        { "--admin-email", &o.admin_email, NULL, NULL, "ADDRESS", "e-mail address" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    fresh f = { 0 };
    char own_name[256] = "localhost";
    bool generated = false;
    AV_CLEANUP(av_secret_free) char *password = NULL;
    AV_CLEANUP(av_free) char *conf = NULL;
    AV_CLEANUP(av_free) char *dir = NULL;
    av_error err;
    int status;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (o.host_name == NULL) {
        (void)gethostname(own_name, sizeof own_name - 1);
        o.host_name = own_name;
    }
    status = check(&o);
    if (status != 0)
        return status;
    (void)umask(077);
    dir = av_xstrdup(av_node_data_dir(self->data_dir));
    if (av_dir_make(dir, &err) != AV_OK)
        return cli_fail(self, &err);
    f.dir = realpath(dir, NULL);
    if (f.dir == NULL)
        return cli_failf(self, AV_ERR_IO, "%s cannot be resolved", dir);
    conf = av_xasprintf("%s/node.conf", f.dir);
    if (av_file_exists(conf)) {
        status = cli_failf(self, AV_ERR_EXISTS, "%s holds a node already; nothing was changed", f.dir);
        free(f.dir);
        return status;
    }
    password = cli_new_password(&generated);
    if (make_node(&f, &o, password, &err) != AV_OK)
        status = cli_fail(self, &err);
    else
        status = tell(self, &f, &o, password, generated);
    free(f.dir);
    return status;
}
