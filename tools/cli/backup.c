/*
 * backup.c - see backup.h
 */
#include "tools/cli/backup.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/unicode.h"

#define SECRET_MAX 16384

int
cli_read_secret(cli *self, const char *path, av_buf *ret)
{
    av_error err;

    av_buf_init(ret, SECRET_MAX);
    if (av_file_read_all(strcmp(path, "-") == 0 ? "/dev/stdin" : path, ret, &err) != AV_OK)
        return cli_fail(self, &err);
    while (ret->n > 0 && (ret->p[ret->n - 1] == '\n' || ret->p[ret->n - 1] == '\r'))
        ret->n--;
    if (ret->n == 0 || memchr(ret->p, 0, ret->n) != NULL)
        return cli_failf(self, AV_ERR_INVALID, "%s holds no text", path);
    return 0;
}

int
cli_read_key(cli *self, const char *path, av_buf *ret)
{
    static const char mark[] = "Recovery key:\n\n"; /* of av_key_recovery_sheet */
    int status = cli_read_secret(self, path, ret);
    const char *text, *key, *end;

    if (status != 0)
        return status;
    text = av_buf_cstr(ret);
    key = strstr(text, mark);
    if (key == NULL)
        return 0;
    key += strlen(mark);
    end = strstr(key, "\n\n");
    if (end != NULL)
        ret->n = (size_t)(end - text);
    av_buf_consume(ret, (size_t)(key - text));
    return 0;
}

char *
cli_absolute(cli *self, const char *path, int *status)
{
    AV_CLEANUP(av_free) char *cwd = NULL;
    char *real = realpath(path, NULL);

    *status = 0;
    if (!av_utf8_valid(av_span_str(path))) {
        free(real);
        *status = cli_failf(self, AV_ERR_INVALID, "%.200s: a path must be UTF-8", path);
        return NULL;
    }
    if (real != NULL || path[0] == '/')
        return real != NULL ? real : av_xstrdup(path);
    cwd = getcwd(NULL, 0);
    if (cwd == NULL) {
        *status = cli_failf(self, AV_ERR_IO, "the current folder: %s", strerror(errno));
        return NULL;
    }
    return av_xasprintf("%s/%s", cwd, strncmp(path, "./", 2) == 0 ? path + 2 : path);
}

int
cli_finish_operation(cli *self, const char *actor, const Archivolt__Operation *started, const char *cancelled,
    ProtobufCMessage **ret_result)
{
    Archivolt__Operation *op = NULL;
    const av_message_info *type;
    int status = cli_wait_operation(self, actor, started->id, &op);

    *ret_result = NULL;
    if (status != 0)
        return status;
    if (!self->json && op->log != NULL)
        cli_put_lines(stderr, op->log);
    type = op->result_type == NULL ? NULL : av_proto_message_by_name(op->result_type);
    if (op->state != ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED)
        status = cli_failf(self, op->has_error_code ? (av_errc)op->error_code : AV_ERR_CANCELLED, "%s",
            op->error_message != NULL ? op->error_message : cancelled);
    else if (type != NULL)
        *ret_result = protobuf_c_message_unpack(type->descriptor, NULL, op->result.len, op->result.data);
    archivolt__operation__free_unpacked(op, NULL);
    return status;
}

static bool
on_go_on(void *ctx, uint64_t done, uint64_t total)
{
    char text[80], of[32], n[32];

    (void)snprintf(text, sizeof text, "%s of %s", cli_bytes(done, n), cli_bytes(total, of));
    cli_progress(ctx, total == 0 ? -1 : (int)(done * 100 / total), text);
    return !cli_interrupted();
}

static void
on_say(void *ctx, av_log_level level, uint64_t lsn, const char *sentence)
{
    (void)level;
    (void)lsn;
    cli_progress_end(ctx);
    cli_put_text(stderr, sentence);
    fprintf(stderr, "\n");
}

av_care_watch
cli_watch(cli *self)
{
    cli_catch_interrupt();
    return (av_care_watch){ .ctx = self, .go_on = on_go_on, .say = on_say };
}

const char *
cli_bytes(uint64_t bytes, char ret[32])
{
    static const char *const units[] = { "bytes", "KB", "MB", "GB", "TB" };
    double n = (double)bytes;
    size_t unit = 0;

    while (n >= 1000 && unit + 1 < AV_COUNT(units)) {
        n /= 1024;
        unit++;
    }
    (void)snprintf(ret, 32, unit == 0 ? "%.0f %s" : "%.1f %s", n, units[unit]);
    return ret;
}
