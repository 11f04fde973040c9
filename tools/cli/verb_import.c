/*
 * verb_import.c - archivolt import: a run of the instance, watched until its account is known
 */
#include "tools/cli/cli.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "proto/instance.pb-c.h"

static int
report(cli *self, const Archivolt__Operation *op, double seconds)
{
    Archivolt__RunAccount *account;
    int status;

    if (op->state != ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED)
        return cli_failf(self, op->has_error_code ? (av_errc)op->error_code : AV_ERR_CANCELLED, "import: %s",
            op->error_message != NULL ? op->error_message : "the run was cancelled; what was stored stays");
    account = archivolt__run_account__unpack(NULL, op->result.len, op->result.data);
    if (account == NULL)
        return cli_failf(self, AV_ERR_INTERNAL, "import: the instance gave no account of the run");
    status = account->refused > 0 ? CLI_INCOMPLETE : CLI_OK;
    if (self->json)
        cli_print_json(self, json_pack("{s:I,s:I,s:I,s:I,s:f}", "offered", (json_int_t)account->offered, "stored",
                                 (json_int_t)account->stored, "duplicate", (json_int_t)account->duplicate, "refused",
                                 (json_int_t)account->refused, "seconds", seconds));
    else
        printf("%llu offered: %llu stored, %llu duplicate, %llu refused, in %.1f s\n",
            (unsigned long long)account->offered, (unsigned long long)account->stored,
            (unsigned long long)account->duplicate, (unsigned long long)account->refused, seconds);
    archivolt__run_account__free_unpacked(account, NULL);
    return status;
}

static int
start(cli *self, const char *actor, const Archivolt__ImportFilesRequest *request, bool detach)
{
    int64_t began = av_clock_mono_ms();
    ProtobufCMessage *reply = NULL;
    Archivolt__Operation *op = NULL;
    int status = cli_call(self, actor, "archivolt.Instance.ImportFiles", &request->base, av_span_of(NULL, 0), &reply);

    if (status != 0)
        return status;
    if (detach) {
        if (self->json)
            cli_print_json(self, json_pack("{s:s}", "operation", ((Archivolt__Operation *)reply)->id));
        else
            printf("%s\n", ((Archivolt__Operation *)reply)->id);
    } else {
        status = cli_wait_operation(self, actor, ((Archivolt__Operation *)reply)->id, &op);
        if (status == 0)
            status = report(self, op, (double)(av_clock_mono_ms() - began) / 1000.0);
        archivolt__operation__free_unpacked(op, NULL);
    }
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

/* Absolute paths, since the worker reads them from another folder. Each is owned by the list. */
static int
absolute_paths(cli *self, int count, char **paths, char **ret)
{
    for (int i = 0; i < count; i++) {
        ret[i] = realpath(paths[i], NULL);
        if (ret[i] == NULL)
            return cli_failf(self, AV_ERR_NOT_FOUND, "%s: %s", paths[i], strerror(errno));
    }
    return 0;
}

int
verb_import(cli *self, int argc, char **argv)
{
    const char *instance = NULL, *archive = NULL, *folder = NULL, *source = "auto", *mbox = "auto";
    bool detach = false;
    const cli_option options[] = { { "--instance", &instance, NULL, NULL, "ID", "the instance" },
        { "--archive", &archive, NULL, NULL, "NAME", "archive to write to" },
        { "--folder", &folder, NULL, NULL, "PATH", "folder below the archive" },
        { "--source", &source, NULL, NULL, "KIND", "auto, eml, directory, maildir or mbox" },
        { "--mbox", &mbox, NULL, NULL, "KIND", "auto, mboxo, mboxrd, mboxcl or mboxcl2" },
        { "--detach", NULL, NULL, &detach, NULL, "do not wait; print the operation's id" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    Archivolt__ImportFilesRequest request = ARCHIVOLT__IMPORT_FILES_REQUEST__INIT;
    AV_CLEANUP(av_free) char *actor = NULL;
    char **paths;
    int source_kind = 0, mbox_kind = 0, status;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (instance == NULL || archive == NULL || argc < 2)
        return cli_usage("import", "--instance, --archive and at least one path are needed");
    if (!av_proto_enum_value(&archivolt__source_kind__descriptor, source, &source_kind))
        return cli_usage("import", "--source is auto, eml, directory, maildir or mbox");
    if (!av_proto_enum_value(&archivolt__mbox_kind__descriptor, mbox, &mbox_kind))
        return cli_usage("import", "--mbox is auto, mboxo, mboxrd, mboxcl or mboxcl2");
    paths = av_xcalloc((size_t)argc, sizeof *paths);
    status = absolute_paths(self, argc - 1, argv + 1, paths);
    if (status == 0)
        status = cli_connect(self);
    if (status == 0) {
        request.instance_id = (char *)instance;
        request.archive = (char *)archive;
        request.folder = (char *)folder;
        request.paths = paths;
        request.n_paths = (size_t)(argc - 1);
        request.has_source = request.has_mbox = 1;
        request.source = (Archivolt__SourceKind)source_kind;
        request.mbox = (Archivolt__MboxKind)mbox_kind;
        actor = av_xasprintf("instance/%s", instance);
        status = start(self, actor, &request, detach);
    }
    for (int i = 0; i < argc - 1; i++)
        free(paths[i]);
    free(paths);
    return status;
}
