/*
 * args.c - see args.h
 */
#include "actors/bus/args.h"

#include <fcntl.h>

static av_errc
take_fd(const char *option, const char *value, int *ret, av_error *err)
{
    uint64_t fd;

    if (!av_span_u64(av_span_str(value), 1U << 20, &fd) || fcntl((int)fd, F_GETFD) < 0)
        return av_error_set(
            err, AV_ERR_SYNTAX, "%s needs the number of an open descriptor, not \"%.40s\"", option, value);
    (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC); /* not for the children of this program */
    *ret = (int)fd;
    return AV_OK;
}

static av_errc
take_pair(const char *option, const char *value, const char **list, size_t *n, av_error *err)
{
    if (strchr(value, '=') == NULL)
        return av_error_set(err, AV_ERR_SYNTAX, "%s needs KEY=VALUE, not \"%.60s\"", option, value);
    if (*n == AV_ACTOR_ARGS_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "more than %d times %s", AV_ACTOR_ARGS_MAX, option);
    list[(*n)++] = value;
    return AV_OK;
}

static av_errc
take(const char *option, const char *value, av_actor_args *ret, av_error *err)
{
    if (strcmp(option, "--data") == 0) {
        ret->data = value;
        return AV_OK;
    }
    if (strcmp(option, "--name") == 0) {
        ret->name = value;
        return AV_OK;
    }
    if (strcmp(option, "--keys-fd") == 0)
        return take_fd(option, value, &ret->keys_fd, err);
    if (strcmp(option, "--ready-fd") == 0)
        return take_fd(option, value, &ret->ready_fd, err);
    if (strcmp(option, "--set") == 0)
        return take_pair(option, value, ret->set, &ret->set_n, err);
    return take_pair(option, value, ret->arg, &ret->arg_n, err);
}

static bool
takes_value(const char *option)
{
    static const char *const options[] = { "--data", "--name", "--keys-fd", "--ready-fd", "--set", "--arg" };

    for (size_t i = 0; i < AV_COUNT(options); i++)
        if (strcmp(option, options[i]) == 0)
            return true;
    return false;
}

av_errc
av_actor_args_parse(int argc, char **argv, av_actor_args *ret, av_error *err)
{
    memset(ret, 0, sizeof *ret);
    ret->keys_fd = ret->ready_fd = -1;
    for (int i = 1; i < argc; i++) {
        av_errc rc;

        if (strcmp(argv[i], "--help") == 0) {
            ret->help = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            ret->version = true;
        } else if (!takes_value(argv[i])) {
            return av_error_set(err, AV_ERR_SYNTAX, "there is no option %.60s", argv[i]);
        } else if (i + 1 == argc) {
            return av_error_set(err, AV_ERR_SYNTAX, "%s needs a value", argv[i]);
        } else {
            rc = take(argv[i], argv[i + 1], ret, err);
            if (rc != AV_OK)
                return rc;
            i++;
        }
    }
    return AV_OK;
}

void
av_actor_args_release(av_actor_args *self)
{
    av_fd_close(&self->keys_fd);
    av_fd_close(&self->ready_fd);
}

void
av_actor_args_split(av_span pair, av_span *ret_key, av_span *ret_value)
{
    size_t eq = av_span_find(pair, '=');

    *ret_key = av_span_slice(pair, 0, eq);
    *ret_value = av_span_skip(pair, AV_MIN(eq + 1, pair.n));
}

const char *
av_actor_args_get(const av_actor_args *self, const char *key)
{
    for (size_t i = self->arg_n; i > 0; i--) {
        size_t n = strlen(key);

        if (strncmp(self->arg[i - 1], key, n) == 0 && self->arg[i - 1][n] == '=')
            return self->arg[i - 1] + n + 1;
    }
    return NULL;
}
