/*
 * verb_get.c - archivolt get --as INSTANCE/USER ID: the bytes as they arrived, on standard output
 */
#include "tools/cli/cli.h"

#include <errno.h>

#include "proto/archive.pb-c.h"

static void
on_data(void *ctx, av_stream *stream, av_span bytes)
{
    int *write_error = ctx;

    if (*write_error == 0 && fwrite(bytes.p, 1, bytes.n, stdout) != bytes.n)
        *write_error = errno == 0 ? EIO : errno;
    av_stream_consumed(stream, bytes.n);
}

int
verb_get(cli *self, int argc, char **argv)
{
    static const av_stream_events events = { .on_data = on_data };
    const char *as = NULL;
    const cli_option options[] = { { "--as", &as, NULL, NULL, "INSTANCE/USER", "whose archives" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    Archivolt__GetMessageRequest request = ARCHIVOLT__GET_MESSAGE_REQUEST__INIT;
    AV_CLEANUP(av_free) char *actor = NULL;
    AV_CLEANUP(av_buf_release_secret) av_buf session = { 0 };
    av_call_spec spec = { .method = "archivolt.Archive.GetMessage", .downstream = &events };
    int status, write_error = 0;
    av_error err;

    av_buf_init(&session, 4096);
    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (as == NULL || argc != 2)
        return cli_usage("get", "--as INSTANCE/USER and a message id are needed");
    status = cli_connect(self);
    if (status == 0)
        status = cli_login(self, as, &session, &actor);
    if (status != 0)
        return status;
    request.id = argv[1];
    spec.to = actor;
    spec.body = &request.base;
    spec.session = av_buf_span(&session);
    spec.timeout_ms = (uint32_t)self->timeout_ms;
    spec.ctx = &write_error;
    if (av_bus_call_wait(self->bus, &spec, NULL, &err) != AV_OK)
        status = cli_fail(self, &err);
    else if (write_error != 0 || fflush(stdout) != 0)
        status = cli_failf(self, AV_ERR_IO, "standard output: %s", strerror(write_error != 0 ? write_error : errno));
    return status;
}
