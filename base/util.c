/*
 * util.c - allocation that cannot fail, see util.h
 */
#include "base/util.h"

#include <stdarg.h>

static _Noreturn void
out_of_memory(size_t n)
{
    fprintf(stderr, "event=memory.exhausted level=fatal bytes=%zu\n", n);
    abort();
}

void *
av_xalloc(size_t n)
{
    void *p = malloc(n == 0 ? 1 : n);

    if (p == NULL)
        out_of_memory(n);
    return p;
}

void *
av_xcalloc(size_t count, size_t size)
{
    void *p = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);

    if (p == NULL)
        out_of_memory(count * size);
    return p;
}

void *
av_xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n == 0 ? 1 : n);

    if (q == NULL)
        out_of_memory(n);
    return q;
}

char *
av_xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(av_xalloc(n), s, n);
}

char *
av_xasprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        out_of_memory(0);
    va_end(ap);
    return s;
}
