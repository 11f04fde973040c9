/*
 * sessions.c - end users' sessions
 */
#include "actors/instance/sessions.h"

#include "base/map.h"
#include "base/secret.h"
#include "base/unicode.h"

#define CLIENT_MAX  100
#define MAILBOX_MAX 250

struct av_sessions {
    av_map *by_token;
    int64_t idle_ms;
    size_t per_user, total;
};

/* Bytes of text up to most, not within a character. */
static size_t
cut(const char *text, size_t most)
{
    size_t n = strnlen(text, most + 1);

    if (n > most) {
        for (n = most; n > 0 && ((uint8_t)text[n] & 0xC0) == 0x80; n--)
            continue;
    }
    return n;
}

static void
session_free(void *value)
{
    av_session *s = value;

    av_secret_wipe(s->token, sizeof s->token);
    free(s->mailbox);
    free(s);
}

static av_session *
session_new(const char *from, const char *user, const char *folded, const char *client)
{
    size_t from_size = strlen(from) + 1, user_size = strlen(user) + 1, folded_size = strlen(folded) + 1;
    size_t client_n = strnlen(client, CLIENT_MAX);
    av_session *s = av_xcalloc(1, sizeof *s + from_size + user_size + folded_size + client_n + 1);

    s->from = memcpy(s->texts, from, from_size);
    s->user = memcpy(s->texts + from_size, user, user_size);
    s->folded = memcpy(s->texts + from_size + user_size, folded, folded_size);
    s->client = memcpy(s->texts + from_size + user_size + folded_size, client, client_n);
    return s;
}

void
av_session_set_mailbox(av_session *self, const char *path)
{
    if (self->mailbox != NULL && strcmp(self->mailbox, path) == 0)
        return;
    free(self->mailbox);
    self->mailbox = av_span_dup(av_span_of(path, cut(path, MAILBOX_MAX)));
}

static char *
fold(const char *name)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };

    av_buf_init(&folded, 4096);
    if (!av_unicode_fold(av_span_str(name), &folded))
        return av_xstrdup(name);
    return av_span_dup(av_buf_span(&folded));
}

av_sessions *
av_sessions_new(int64_t idle_ms, size_t per_user, size_t total)
{
    av_sessions *self = av_xcalloc(1, sizeof *self);

    self->by_token = av_map_new();
    self->idle_ms = idle_ms;
    self->per_user = per_user;
    self->total = total;
    return self;
}

void
av_sessions_destroy(av_sessions **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->by_token, session_free);
    free(*self);
    *self = NULL;
}

void
av_sessions_end(av_sessions *self, av_session *session)
{
    (void)av_map_remove(self->by_token, av_span_of(session->token, sizeof session->token));
    session_free(session);
}

/* The user's number of sessions, and the one not used for the longest. */
static size_t
count_of(const av_sessions *self, const char *folded, av_session **ret_oldest)
{
    size_t at = 0, n = 0;
    av_span key;
    void *value;

    *ret_oldest = NULL;
    while (av_map_next(self->by_token, &at, &key, &value)) {
        av_session *s = value;

        if (strcmp(s->folded, folded) != 0)
            continue;
        n++;
        if (*ret_oldest == NULL || s->used_mono_ms < (*ret_oldest)->used_mono_ms)
            *ret_oldest = s;
    }
    return n;
}

av_errc
av_sessions_issue(av_sessions *self, const char *from, const char *user, const char *client, int64_t now_mono_ms,
    av_session **ret, av_error *err)
{
    AV_CLEANUP(av_free) char *folded = fold(user);
    av_session *s, *oldest;

    if (count_of(self, folded, &oldest) >= self->per_user) {
        assert(oldest != NULL); /* per_user is at least 1 */
        av_sessions_end(self, oldest);
    }
    if (av_map_count(self->by_token) >= self->total)
        return av_error_set(err, AV_ERR_LIMIT, "all %zu sessions of this instance are in use", self->total);
    s = session_new(from, user, folded, client);
    av_random_bytes(s->token, sizeof s->token);
    s->lane = av_random_u64();
    s->began_mono_ms = s->used_mono_ms = now_mono_ms;
    (void)av_map_put(self->by_token, av_span_of(s->token, sizeof s->token), s);
    *ret = s;
    return AV_OK;
}

av_session *
av_sessions_check(av_sessions *self, const char *from, av_span token, int64_t now_mono_ms)
{
    /* The map's keyed hash tells nothing of tokens by its timing. */
    av_session *s = token.n == AV_SESSION_SIZE ? av_map_get(self->by_token, token) : NULL;

    if (s == NULL || strcmp(s->from, from) != 0)
        return NULL;
    if (now_mono_ms - s->used_mono_ms > self->idle_ms) {
        av_sessions_end(self, s);
        return NULL;
    }
    s->used_mono_ms = now_mono_ms;
    return s;
}

size_t
av_sessions_end_user(av_sessions *self, const char *user)
{
    AV_CLEANUP(av_free) char *folded = fold(user);
    size_t at = 0, n = 0;
    av_span key;
    void *value;

    while (av_map_next(self->by_token, &at, &key, &value)) {
        if (strcmp(((av_session *)value)->folded, folded) == 0) {
            av_sessions_end(self, value);
            n++;
        }
    }
    return n;
}

size_t
av_sessions_expire(av_sessions *self, int64_t now_mono_ms)
{
    size_t at = 0, n = 0;
    av_span key;
    void *value;

    while (av_map_next(self->by_token, &at, &key, &value)) {
        if (now_mono_ms - ((av_session *)value)->used_mono_ms > self->idle_ms) {
            av_sessions_end(self, value);
            n++;
        }
    }
    return n;
}

size_t
av_sessions_count(const av_sessions *self)
{
    return av_map_count(self->by_token);
}

static int
by_age(const void *a, const void *b)
{
    const av_session *x = *(av_session *const *)a, *y = *(av_session *const *)b;

    return (x->began_mono_ms > y->began_mono_ms) - (x->began_mono_ms < y->began_mono_ms);
}

av_session **
av_sessions_all(const av_sessions *self, size_t *ret_count)
{
    av_session **all = av_xcalloc(av_map_count(self->by_token) + 1, sizeof(av_session *));
    size_t at = 0, n = 0;
    av_span key;
    void *value;

    while (av_map_next(self->by_token, &at, &key, &value))
        all[n++] = value;
    qsort(all, n, sizeof(av_session *), by_age);
    *ret_count = n;
    return all;
}
