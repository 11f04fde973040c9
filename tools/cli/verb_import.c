/*
 * verb_import.c - archivolt import: a run of the instance, watched until its account is known
 */
#include "tools/cli/cli.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/unicode.h"
#include "proto/instance.pb-c.h"

#define REASONS_SHOWN 5
#define PATH_BYTES    4096 /* proto/instance.proto */

/* ---- the account of a run ---- */

/* The run of an operation, as the instance lists it: *ret_index in *ret. false: not to be had. */
static bool
find_run(cli *self, const char *actor, const char *instance, const Archivolt__Operation *op,
    Archivolt__GetWorkerResultsReply **ret, const Archivolt__RunInfo **ret_run)
{
    Archivolt__GetWorkerResultsRequest request = ARCHIVOLT__GET_WORKER_RESULTS_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    char from[32];
    av_error err;

    request.instance_id = (char *)instance;
    request.time_zone_id = (char *)"UTC";
    if (op->has_started_unix_ms) { /* the runs of years before are of no use here */
        (void)av_clock_format(op->started_unix_ms - 60000, from);
        from[strlen("2026-11-22T11:33:31")] = '\0';
        request.from_including = from;
    }
    if (cli_try(self, actor, "archivolt.Instance.GetWorkerResults", &request.base, av_span_of(NULL, 0), 10000, &reply,
            &err) != AV_OK)
        return false;
    *ret = (Archivolt__GetWorkerResultsReply *)reply;
    for (size_t i = 0; i < (*ret)->n_runs; i++) {
        if (strcmp((*ret)->runs[i]->run, op->id) == 0) {
            *ret_run = (*ret)->runs[i];
            return true;
        }
    }
    return false;
}

/* The first reasons of refusals, on stderr: standard output has the account alone. */
static void
print_reasons(cli *self, const char *actor, const char *instance, const Archivolt__RunInfo *run)
{
    Archivolt__GetRunReportRequest request = ARCHIVOLT__GET_RUN_REPORT_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    const Archivolt__GetRunReportReply *reply;
    av_error err;

    request.instance_id = (char *)instance;
    request.id = run->id;
    if (cli_try(self, actor, "archivolt.Instance.GetRunReport", &request.base, av_span_of(NULL, 0), 10000, &message,
            &err) != AV_OK) {
        fprintf(stderr, "archivolt: the reasons of run %llu cannot be read: ", (unsigned long long)run->id);
        cli_put_text(stderr, err.msg);
        fprintf(stderr, "\n");
        return;
    }
    reply = (const Archivolt__GetRunReportReply *)message;
    for (size_t i = 0; i < AV_MIN(reply->n_refused, (size_t)REASONS_SHOWN); i++) {
        fprintf(stderr, "refused: ");
        cli_put_text(stderr, reply->refused[i]->path);
        fprintf(stderr, ": ");
        cli_put_text(stderr, reply->refused[i]->reason);
        fprintf(stderr, "\n");
    }
    fprintf(stderr, "Run %llu refused %llu messages; `archivolt call GetRunReport instanceID=%s id=%llu` tells why.\n",
        (unsigned long long)run->id, (unsigned long long)run->account->refused, instance, (unsigned long long)run->id);
    protobuf_c_message_free_unpacked(message, NULL);
}

/* error: a new reference or NULL. */
static void
print_account(const cli *self, const Archivolt__RunAccount *account, double seconds, json_t *error)
{
    json_t *value;

    if (!self->json) {
        printf("%llu offered: %llu stored, %llu duplicate, %llu refused, in %.1f s\n",
            (unsigned long long)account->offered, (unsigned long long)account->stored,
            (unsigned long long)account->duplicate, (unsigned long long)account->refused, seconds);
        json_decref(error);
        return;
    }
    value = json_pack("{s:I,s:I,s:I,s:I,s:f}", "offered", (json_int_t)account->offered, "stored",
        (json_int_t)account->stored, "duplicate", (json_int_t)account->duplicate, "refused",
        (json_int_t)account->refused, "seconds", seconds);
    if (error != NULL)
        json_object_set_new(value, "error", error);
    cli_print_json(self, value);
}

/* A failed or cancelled run: what was stored until then stays, so its account is told with the error. */
static int
report_failure(cli *self, const Archivolt__Operation *op, const Archivolt__RunInfo *run, double seconds)
{
    av_error err;

    (void)av_error_set(&err, op->has_error_code ? (av_errc)op->error_code : AV_ERR_CANCELLED, "import: %s",
        op->error_message != NULL ? op->error_message : "the run was cancelled; what was stored stays");
    if (run == NULL)
        return cli_fail(self, &err);
    if (!self->json) {
        print_account(self, run->account, seconds, NULL);
        return cli_fail(self, &err);
    }
    print_account(self, run->account, seconds,
        json_pack("{s:s,s:o}", "code", av_errc_word(err.code), "message", av_json_text(err.msg)));
    return cli_exit_status(err.code);
}

static int
report_success(cli *self, const Archivolt__Operation *op, double seconds)
{
    Archivolt__RunAccount *account = archivolt__run_account__unpack(NULL, op->result.len, op->result.data);
    int status;

    if (account == NULL)
        return cli_failf(self, AV_ERR_INTERNAL, "import: the instance gave no account of the run");
    status = account->refused > 0 ? CLI_INCOMPLETE : CLI_OK;
    print_account(self, account, seconds, NULL);
    archivolt__run_account__free_unpacked(account, NULL);
    return status;
}

static int
report(cli *self, const char *actor, const char *instance, const Archivolt__Operation *op, double seconds)
{
    Archivolt__GetWorkerResultsReply *runs = NULL;
    const Archivolt__RunInfo *run = NULL;
    int status;

    if (find_run(self, actor, instance, op, &runs, &run) && run->account->refused > 0)
        print_reasons(self, actor, instance, run);
    status = op->state == ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED
                 ? report_success(self, op, seconds)
                 : report_failure(self, op, run, seconds);
    archivolt__get_worker_results_reply__free_unpacked(runs, NULL);
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
            status = report(self, actor, request->instance_id, op, (double)(av_clock_mono_ms() - began) / 1000.0);
        archivolt__operation__free_unpacked(op, NULL);
    }
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

/*
 * Absolute paths, since the worker reads them from another folder. Each is owned by the list. Names on Linux are any
 * bytes, texts in messages are UTF-8: such a file comes in with the folder it lies in, whose worker reads the names itself.
 */
static int
absolute_paths(cli *self, int count, char **paths, char **ret)
{
    for (int i = 0; i < count; i++) {
        ret[i] = realpath(paths[i], NULL);
        if (ret[i] == NULL)
            return cli_failf(self, AV_ERR_NOT_FOUND, "%s: %s", paths[i], strerror(errno));
        if (!av_utf8_valid(av_span_str(ret[i])))
            return cli_failf(self, AV_ERR_INVALID,
                "%.200s: a path given here must be UTF-8; import the folder it lies in instead, names below that may "
                "be "
                "any bytes",
                paths[i]);
        if (strlen(ret[i]) > PATH_BYTES)
            return cli_failf(self, AV_ERR_LIMIT, "%.200s: a path has at most %d bytes", paths[i], PATH_BYTES);
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
    AV_CLEANUP(av_free) char *id = NULL;
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
    if (status == 0)
        status = cli_resolve(self, instance, &id);
    if (status == 0) {
        request.instance_id = id;
        request.archive = (char *)archive;
        request.folder = (char *)folder;
        request.paths = paths;
        request.n_paths = (size_t)(argc - 1);
        request.has_source = request.has_mbox = 1;
        request.source = (Archivolt__SourceKind)source_kind;
        request.mbox = (Archivolt__MboxKind)mbox_kind;
        actor = av_xasprintf("instance/%s", id);
        status = start(self, actor, &request, detach);
    }
    for (int i = 0; i < argc - 1; i++)
        free(paths[i]);
    free(paths);
    return status;
}
