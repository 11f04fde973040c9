/*
 * connection_log.c - see connection_log.h
 */
#include "gateway/imap/connection_log.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"

#define LINE_MAX_BYTES 1024

struct av_imap_logs {
    char *dir;
    uint64_t max_bytes;
    av_map *by_instance;
};

struct av_imap_log {
    av_imap_logs *logs;
    char *instance, *path;
    size_t refs;
    int fd; /* -1: not open, or given up */
    uint64_t bytes;
};

av_imap_logs *
av_imap_logs_new(const char *dir, uint64_t max_bytes)
{
    av_imap_logs *self = av_xcalloc(1, sizeof *self);

    self->dir = av_xstrdup(dir);
    self->max_bytes = max_bytes;
    self->by_instance = av_map_new();
    return self;
}

void
av_imap_logs_destroy(av_imap_logs **self)
{
    if (*self == NULL)
        return;
    assert(av_map_count((*self)->by_instance) == 0);
    av_map_destroy(&(*self)->by_instance, NULL);
    free((*self)->dir);
    free(*self);
    *self = NULL;
}

static void
give_up(av_imap_log *self, const av_error *err)
{
    AV_LOG(AV_LOG_WARN, "imap.connection_log", AV_STR("file", self->path), AV_ERRF(err));
    av_file_close(&self->fd);
}

static av_errc
try_open(av_imap_log *self, av_error *err)
{
    av_errc rc = AV_OK;

    if (strchr(self->instance, '/') != NULL)
        rc = av_error_set(err, AV_ERR_INVALID, "\"%.80s\" is no part of a file name", self->instance);
    if (rc == AV_OK)
        rc = av_dir_make(self->logs->dir, err);
    if (rc == AV_OK)
        rc = av_file_open(self->path, O_WRONLY | O_CREAT | O_APPEND, 0600, &self->fd, err);
    return rc != AV_OK ? rc : av_file_size(self->fd, &self->bytes, err);
}

static void
open_file(av_imap_log *self)
{
    av_error err;

    if (try_open(self, &err) != AV_OK)
        give_up(self, &err);
}

av_imap_log *
av_imap_logs_ref(av_imap_logs *self, const char *instance)
{
    av_imap_log *log = av_map_get_str(self->by_instance, instance);

    if (log == NULL) {
        log = av_xcalloc(1, sizeof *log);
        log->logs = self;
        log->fd = -1;
        log->instance = av_xstrdup(instance);
        log->path = av_xasprintf("%s/imap-%s.log", self->dir, instance);
        (void)av_map_put_str(self->by_instance, instance, log);
        open_file(log);
    }
    log->refs++;
    return log;
}

void
av_imap_log_unref(av_imap_log **self)
{
    av_imap_log *log = AV_TAKE(*self);

    if (log == NULL || --log->refs > 0)
        return;
    (void)av_map_remove_str(log->logs->by_instance, log->instance);
    av_file_close(&log->fd);
    free(log->instance);
    free(log->path);
    free(log);
}

static void
begin_anew(av_imap_log *self)
{
    AV_CLEANUP(av_free) char *old = av_xasprintf("%s.old", self->path);
    av_error err;

    if (av_file_ops_get()->rename(self->path, old) != 0) {
        (void)av_error_errno(&err, "renaming %s", self->path);
        give_up(self, &err);
        return;
    }
    av_file_close(&self->fd);
    open_file(self);
}

/* At most size - 1 bytes, the last of them a line end. */
static size_t
make_line(char *line, size_t size, const av_imap_log_who *who, const char *fmt, va_list ap)
{
    char time[32];
    int n = snprintf(line, size, "%s %llu %s %s ", av_clock_format(av_clock_wall_ms(), time),
        (unsigned long long)who->conn, who->peer, who->user == NULL ? "-" : who->user);
    size_t at = AV_MIN((size_t)AV_MAX(n, 0), size - 2);

    n = vsnprintf(line + at, size - at, fmt, ap);
    at = AV_MIN(at + (size_t)AV_MAX(n, 0), size - 2);
    for (size_t i = 0; i < at; i++) {
        if ((uint8_t)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[at++] = '\n';
    return at;
}

void
av_imap_log_put(av_imap_log *self, const av_imap_log_who *who, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    av_error err;
    va_list ap;
    size_t n;

    if (self->fd < 0)
        return;
    va_start(ap, fmt);
    n = make_line(line, sizeof line, who, fmt, ap);
    va_end(ap);
    if (self->bytes + n > self->logs->max_bytes)
        begin_anew(self);
    if (self->fd < 0)
        return;
    if (av_file_write_at(self->fd, line, n, self->bytes, &err) != AV_OK)
        give_up(self, &err);
    self->bytes += n;
}
