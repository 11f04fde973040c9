/*
 * hasher.c - see hasher.h
 */
#include "actors/management/hasher.h"

#include <pthread.h>

#include "base/log.h"

struct job {
    char *password;
    char hash[AV_PASSWORD_HASH_MAX];
    bool is_check, right, failed;
    av_hasher_fn *done;
    void *ctx;
    struct job *next;
};

struct av_hasher {
    av_loop *loop;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the three below */
    pthread_cond_t wake;
    struct job *first, **last;
    bool stop;
    size_t waiting;       /* loop's thread alone: given in and not answered */
    struct job *answered; /* posted and not yet taken; under lock */
};

static void
job_free(struct job *job)
{
    av_secret_free(&job->password);
    av_secret_wipe(job->hash, sizeof job->hash);
    free(job);
}

/* In the loop's thread: the oldest answer. */
static void
on_answer(void *ctx)
{
    av_hasher *self = ctx;
    struct job *job, **at;

    (void)pthread_mutex_lock(&self->lock);
    for (at = &self->answered; (*at)->next != NULL; at = &(*at)->next)
        ;
    job = *at;
    *at = NULL;
    (void)pthread_mutex_unlock(&self->lock);
    self->waiting--;
    job->done(job->ctx, job->is_check || job->failed ? NULL : job->hash, job->right);
    job_free(job);
}

static void
work(struct job *job)
{
    av_error err;

    if (job->is_check) {
        job->right = av_password_verify(job->hash, job->password);
        return;
    }
    job->failed = av_password_hash(job->password, job->hash, &err) != AV_OK;
    if (job->failed)
        AV_LOG(AV_LOG_ERROR, "password.not_hashed", AV_ERRF(&err));
}

static void *
run(void *ctx)
{
    av_hasher *self = ctx;

    (void)pthread_mutex_lock(&self->lock);
    for (;;) {
        struct job *job;

        while (self->first == NULL && !self->stop)
            (void)pthread_cond_wait(&self->wake, &self->lock);
        if (self->stop)
            break;
        job = self->first;
        self->first = job->next;
        if (self->first == NULL)
            self->last = &self->first;
        (void)pthread_mutex_unlock(&self->lock);
        work(job);
        (void)pthread_mutex_lock(&self->lock);
        job->next = self->answered;
        self->answered = job;
        av_loop_post(self->loop, on_answer, self);
    }
    (void)pthread_mutex_unlock(&self->lock);
    return NULL;
}

av_errc
av_hasher_new(av_loop *loop, av_hasher **ret, av_error *err)
{
    av_hasher *self = av_xcalloc(1, sizeof *self);

    self->loop = loop;
    self->last = &self->first;
    (void)pthread_mutex_init(&self->lock, NULL);
    (void)pthread_cond_init(&self->wake, NULL);
    if (pthread_create(&self->thread, NULL, run, self) != 0) {
        free(self);
        return av_error_set(err, AV_ERR_NOMEM, "no thread for passwords");
    }
    *ret = self;
    return AV_OK;
}

static void
free_list(struct job *job)
{
    while (job != NULL) {
        struct job *next = job->next;

        job_free(job);
        job = next;
    }
}

void
av_hasher_destroy(av_hasher **self)
{
    av_hasher *s = *self;

    if (s == NULL)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    free_list(s->first);
    free_list(s->answered);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
    *self = NULL;
}

static bool
add(av_hasher *self, const char *password, const char *hash, av_hasher_fn *done, void *ctx)
{
    struct job *job;

    if (self->waiting >= AV_HASHER_WAITING)
        return false;
    job = av_xcalloc(1, sizeof *job);
    *job = (struct job){ .password = av_xstrdup(password), .is_check = hash != NULL, .done = done, .ctx = ctx };
    if (hash != NULL)
        (void)snprintf(job->hash, sizeof job->hash, "%s", hash);
    self->waiting++;
    (void)pthread_mutex_lock(&self->lock);
    *self->last = job;
    self->last = &job->next;
    (void)pthread_cond_signal(&self->wake);
    (void)pthread_mutex_unlock(&self->lock);
    return true;
}

bool
av_hasher_check(av_hasher *self, const char *password, const char *hash, av_hasher_fn *done, void *ctx)
{
    return add(self, password, hash, done, ctx);
}

bool
av_hasher_hash(av_hasher *self, const char *password, av_hasher_fn *done, void *ctx)
{
    return add(self, password, NULL, done, ctx);
}
