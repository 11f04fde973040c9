/*
 * instance_remove.c - taking an instance off this host: its files on a thread of their own, then keys and record
 */
#include "actors/host/instances_priv.h"

#include <pthread.h>

struct removal {
    av_host_instance *instance;
    av_loop *loop;
    av_errc rc;
    av_error err;
};

static void
on_removed(void *ctx)
{
    struct removal *job = ctx;
    av_host_instance *self = job->instance;
    av_host *host = self->host;
    av_host_answer_fn *done = self->removed;
    void *done_ctx = self->removed_ctx;
    AV_CLEANUP(av_free) char *group = av_xasprintf("instance_%s", self->id);
    Archivolt__HostInstance reply;

    self->remove_busy = false;
    if (job->rc != AV_OK) {
        self->removing = false;
        if (job->rc == AV_ERR_CONFLICT) { /* nothing was deleted: it may be started again */
            self->wanted = AV_WANTED_STOPPED;
            av_host_save_quietly(host);
        }
        done(done_ctx, NULL, &job->err);
    } else {
        av_assets_forget(host, self->id, self->delete_files);
        if (host->settings.cgroup_dir[0] != '\0')
            av_limits_cgroup_remove(host->settings.cgroup_dir, group);
        (void)av_map_remove_str(host->instances, self->id);
        job->rc = av_host_save(host, &job->err);
        av_host_instance_describe(self, &reply);
        done(done_ctx, job->rc == AV_OK ? &reply : NULL, job->rc == AV_OK ? NULL : &job->err);
        av_host_instance_free(self);
    }
    free(job);
    av_host_check_stopped(host);
}

/* A big archive has many files: not on the bus thread. */
static void *
remove_files(void *ctx)
{
    struct removal *job = ctx;
    av_host_instance *self = job->instance;

    if (self->delete_files)
        job->rc = av_assets_remove_dir(self->base_dir, self->id, &job->err);
    else
        av_assets_remove_empty_dir(self->base_dir);
    av_loop_post(job->loop, on_removed, job);
    return NULL;
}

void
av_host_begin_removal(av_host_instance *self)
{
    struct removal *job;
    pthread_t thread;

    if (self->remove_busy || av_supervisor_get_state(self->supervisor) != AV_SUPERVISOR_DOWN)
        return;
    job = av_xcalloc(1, sizeof *job);
    *job = (struct removal){ .instance = self, .loop = self->host->loop };
    self->remove_busy = true;
    if (pthread_create(&thread, NULL, remove_files, job) != 0) {
        job->rc = av_error_set(&job->err, AV_ERR_NOMEM, "no thread to remove the files of instance %s", self->id);
        on_removed(job);
        return;
    }
    (void)pthread_detach(thread);
}
