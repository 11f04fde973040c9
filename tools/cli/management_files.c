/*
 * management_files.c - the management database and what a node needs to be that node again, in one sealed file
 *
 * Runs on the management's node and reads its data folder; the running Management Server gives a checkpoint of its
 * database. In the bundle: node.conf, the public keys, keys/, broker/, tls/, management/ and of host/ what says which
 * instances it runs. Not in it: the keys that open mail (sealed instance keys, node.seal): those come back with a
 * recovery key.
 */
#include <errno.h>
#include <fts.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"
#include "proto/management.pb-c.h"
#include "storage/backup/bundle.h"
#include "storage/keys/key_text.h"
#include "tools/cli/backup.h"

#define BUNDLE "management.avm"

/* ---- the secret ---- */

typedef struct secret {
    av_buf text;
    av_key key;
    uint8_t public_half[32];
    av_bundle_secret bundle; /* for what is to be done */
    av_bundle_secret opens;  /* the same for reading */
} secret;

static void
secret_release(secret *self)
{
    av_buf_release_secret(&self->text);
    av_key_wipe(&self->key);
}

static int
get_secret(cli *self, const cli_seal *seal, bool to_write, secret *ret)
{
    const char *given = getenv("ARCHIVOLT_PASSPHRASE");
    int status = 0;
    av_error err;

    if (seal->recovery_key_file != NULL) {
        status = cli_read_key(self, seal->recovery_key_file, &ret->text);
        if (status != 0)
            return status;
        if (av_key_parse(av_buf_span(&ret->text), &ret->key, &err) != AV_OK)
            return cli_fail(self, &err);
        if (ret->key.kind != AV_KEY_RECOVERY)
            return cli_failf(self, AV_ERR_INVALID, "a recovery key is needed, not an instance key");
        av_key_recovery_public(&ret->key, ret->public_half);
        ret->opens.recovery = ret->key.bytes;
        ret->bundle.recovery = to_write ? ret->public_half : ret->key.bytes;
        return 0;
    }
    if (seal->passphrase_file != NULL) {
        status = cli_read_secret(self, seal->passphrase_file, &ret->text);
        ret->bundle.passphrase = ret->opens.passphrase = status == 0 ? av_buf_cstr(&ret->text) : NULL;
        return status;
    }
    if (given == NULL)
        return cli_usage(to_write ? "backup" : "restore",
            "--management needs --passphrase-file, --recovery-key-file or ARCHIVOLT_PASSPHRASE");
    ret->bundle.passphrase = ret->opens.passphrase = given;
    return 0;
}

/* ---- what goes in ---- */

static bool
ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* name: below the data folder. */
static bool
is_left_out(const char *name)
{
    static const char *const folders[] = { "management/db", "management/checkpoint", "host/workers" };

    for (size_t i = 0; i < AV_COUNT(folders); i++)
        if (strncmp(name, folders[i], strlen(folders[i])) == 0 && strchr("/", name[strlen(folders[i])]) != NULL)
            return true;
    if (strncmp(name, "host/keys/", 10) == 0)
        return ends_with(name, ".sealed") || ends_with(name, "/node.seal");
    return ends_with(name, ".new") || ends_with(name, ".lock") || ends_with(name, "/lock") || ends_with(name, ".sock");
}

static av_errc
add_tree(av_bundle_writer *bundle, const char *data, const char *from, const char *as, av_error *err)
{
    AV_CLEANUP(av_free) char *top = av_xasprintf("%s/%s", data, from);
    char *tops[] = { top, NULL };
    FTS *walk = av_file_exists(top) ? fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    const FTSENT *entry;
    av_errc rc = AV_OK;

    while (walk != NULL && rc == AV_OK && (entry = fts_read(walk)) != NULL) {
        AV_CLEANUP(av_free) char *name = av_xasprintf("%s%s", as, entry->fts_path + strlen(top));

        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
            errno = entry->fts_errno;
            rc = av_error_errno(err, "%s", entry->fts_path);
        } else if (entry->fts_info == FTS_F && (strcmp(from, as) != 0 || !is_left_out(name))) {
            rc = av_bundle_add(bundle, name, entry->fts_path, err);
        }
    }
    if (walk != NULL)
        (void)fts_close(walk);
    return rc;
}

static av_errc
write_bundle(const char *data, const char *path, const av_bundle_secret *seal, av_error *err)
{
    static const char *const parts[] = { "node.conf", "broker.pub", "registry.pub", "keys", "broker", "tls",
        "management", "host" };
    av_bundle_writer *bundle = NULL;
    av_errc rc = av_bundle_create(path, seal, &bundle, err);

    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(parts); i++)
        rc = add_tree(bundle, data, parts[i], parts[i], err);
    if (rc == AV_OK)
        rc = add_tree(bundle, data, "management/checkpoint", "management/db", err);
    if (rc == AV_OK)
        return av_bundle_finish(&bundle, err);
    av_bundle_destroy(&bundle);
    return rc;
}

/* ---- the verbs ---- */

int
cli_backup_management(cli *self, const char *folder, const cli_seal *seal)
{
    AV_CLEANUP(secret_release) secret s = { 0 };
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/" BUNDLE, folder);
    AV_CLEANUP(av_free) char *checkpoint = NULL;
    Archivolt__Empty request = ARCHIVOLT__EMPTY__INIT;
    size_t files = 0;
    av_error err, other;
    av_errc rc;
    int status = get_secret(self, seal, true, &s);

    if (status == 0)
        status = cli_connect(self);
    if (status == 0)
        status = cli_call(
            self, "management", "archivolt.Management.MakeCheckpoint", &request.base, av_span_of(NULL, 0), NULL);
    if (status != 0)
        return status;
    checkpoint = av_xasprintf("%s/management/checkpoint", self->node.data_dir);
    rc = av_file_exists(checkpoint)
             ? av_dir_make(folder, &err)
             : av_error_set(&err, AV_ERR_NOT_FOUND,
                   "%s is not there: run this on the node of the Management Server, as a user who may read its files",
                   checkpoint);
    if (rc == AV_OK)
        rc = write_bundle(self->node.data_dir, path, &s.bundle, &err);
    if (rc == AV_OK)
        rc = av_bundle_unpack(path, &s.opens, NULL, &files, &err); /* it opens again, and all of it is sound */
    (void)av_dir_remove(checkpoint, self->node.data_dir, &other);
    if (rc != AV_OK)
        return cli_fail(self, &err);
    if (self->json)
        cli_print_json(self, json_pack("{s:s}", "file", path));
    else
        printf("The management database is in %s, sealed %s.\n", path,
            s.bundle.passphrase != NULL ? "under your passphrase" : "to your recovery key");
    return CLI_OK;
}

int
cli_restore_management(cli *self, const char *from, const cli_seal *seal)
{
    AV_CLEANUP(secret_release) secret s = { 0 };
    AV_CLEANUP(av_free) char *inside = av_xasprintf("%s/" BUNDLE, from);
    const char *path = av_file_exists(inside) ? inside : from;
    AV_CLEANUP(av_free) char *data = NULL;
    size_t files = 0;
    av_error err;
    int status = get_secret(self, seal, false, &s);

    if (status == 0)
        data = cli_absolute(self, av_node_data_dir(self->data_dir), &status);
    if (status != 0)
        return status;
    if (av_bundle_unpack(path, &s.bundle, data, &files, &err) != AV_OK)
        return cli_fail(self, &err);
    if (self->json)
        cli_print_json(self, json_pack("{s:s,s:I}", "dataFolder", data, "files", (json_int_t)files));
    else
        printf("The node is restored in %s (%zu files). Start it (archivolt up), then restore its instances:\n"
               "archivolt restore DIR --as ID --recovery-key-file FILE\n",
            data, files);
    return CLI_OK;
}
