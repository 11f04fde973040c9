/*
 * names.c - see names.h and keys.h; pure
 */
#include "actors/bus/names.h"

#include "proto/options.pb-c.h"

#define PART_MAX 63

enum part { PART_NONE, PART_NODE, PART_INSTANCE, PART_WORD, PART_WORKER };

/* Every kind of actor: how its name begins, what follows, what it may call as. */
static const struct kind {
    const char *prefix;
    enum part rest;
    int caller;
} kinds[] = {
    { "management", PART_NONE, ARCHIVOLT__CALLER__CALLER_MANAGEMENT },
    { "host/", PART_NODE, ARCHIVOLT__CALLER__CALLER_HOST },
    { "gateway@", PART_NODE, ARCHIVOLT__CALLER__CALLER_GATEWAY },
    { "cli/", PART_WORD, ARCHIVOLT__CALLER__CALLER_OPERATOR },
    { "instance/", PART_INSTANCE, ARCHIVOLT__CALLER__CALLER_INSTANCE },
    { "worker/", PART_WORKER, ARCHIVOLT__CALLER__CALLER_WORKER },
    { "monitor/", PART_WORD, ARCHIVOLT__CALLER__CALLER_MONITOR },
    { "broker@", PART_NODE, -1 },
};

static bool
is_low_alnum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One to 63 bytes; the first is a letter or digit, the others may also be one of `more`. */
static bool
part_valid(av_span s, const char *more, bool upper)
{
    if (s.n == 0 || s.n > PART_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];

        if (is_low_alnum(c) || (upper && c >= 'A' && c <= 'Z'))
            continue;
        if (i == 0 || c == 0 || strchr(more, c) == NULL)
            return false;
    }
    return true;
}

bool
av_node_name_valid(av_span name)
{
    return part_valid(name, ".-", false);
}

static bool
is_hex(av_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return s.n > 0;
}

static bool
rest_valid(enum part part, av_span rest)
{
    size_t slash = av_span_find(rest, '/');

    switch (part) {
    case PART_NONE:
        return rest.n == 0;
    case PART_NODE:
        return av_node_name_valid(rest);
    case PART_INSTANCE: /* decisions.md 12 */
        return part_valid(rest, "._-", false);
    case PART_WORD:
        return part_valid(rest, "._-", true);
    case PART_WORKER: /* <node>/<run: 32 hex digits> */
        return slash < rest.n && av_node_name_valid(av_span_slice(rest, 0, slash)) && rest.n - slash - 1 == 32 &&
               is_hex(av_span_skip(rest, slash + 1));
    }
    return false;
}

/* The row of a valid name, or NULL. */
static const struct kind *
kind_of(av_span name)
{
    if (name.n > AV_ACTOR_NAME_MAX)
        return NULL;
    for (size_t i = 0; i < AV_COUNT(kinds); i++) {
        size_t n = strlen(kinds[i].prefix);

        if (name.n >= n && memcmp(name.p, kinds[i].prefix, n) == 0)
            return rest_valid(kinds[i].rest, av_span_skip(name, n)) ? &kinds[i] : NULL;
    }
    return NULL;
}

bool
av_actor_name_valid(av_span name)
{
    return kind_of(name) != NULL;
}

int
av_actor_name_class(av_span name)
{
    const struct kind *kind = kind_of(name);

    return kind == NULL ? -1 : kind->caller;
}

av_span
av_actor_name_node(av_span name)
{
    const struct kind *kind = kind_of(name);
    av_span rest = { NULL, 0 };

    if (kind == NULL || (kind->rest != PART_NODE && kind->rest != PART_WORKER))
        return rest;
    rest = av_span_skip(name, strlen(kind->prefix));
    return av_span_slice(rest, 0, av_span_find(rest, '/'));
}

void
av_actor_name_file(const char *name, char *ret)
{
    size_t n = strlen(name);

    assert(n <= AV_ACTOR_NAME_MAX);
    memcpy(ret, name, n + 1);
    for (size_t i = 0; i < n; i++) /* unique: '_' follows the kind, and no kind and no node has one */
        if (ret[i] == '/')
            ret[i] = '_';
}

av_span
av_sender_name(av_span sender)
{
    return av_span_slice(sender, 0, av_span_find(sender, '#'));
}

bool
av_sender_valid(av_span sender)
{
    size_t hash = av_span_find(sender, '#');

    if (hash == sender.n || sender.n - hash - 1 > 16)
        return false;
    return av_actor_name_valid(av_span_slice(sender, 0, hash)) && is_hex(av_span_skip(sender, hash + 1));
}

bool
av_sender_is_broker(av_span sender)
{
    av_span name = av_sender_name(sender);

    return name.n > strlen("broker@") && memcmp(name.p, "broker@", strlen("broker@")) == 0 && av_actor_name_valid(name);
}
