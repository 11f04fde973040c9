/*
 * table.c - look-ups in the written tables, see table.h
 */
#include "proto/table.h"

#include <ctype.h>

#include "base/util.h"
#include "proto/table_priv.h"

static int
compare_name(const void *key, const void *row)
{
    return strcmp(key, ((const av_method_info *)row)->name);
}

const av_method_info *
av_proto_method(const char *full_name)
{
    return bsearch(full_name, av_proto_methods, av_proto_method_count, sizeof av_proto_methods[0], compare_name);
}

const av_method_info *
av_proto_method_by_api(const char *api_name)
{
    for (size_t i = 0; i < av_proto_method_count; i++)
        if (av_proto_methods[i].api != NULL && strcmp(av_proto_methods[i].api, api_name) == 0)
            return &av_proto_methods[i];
    return NULL;
}

const av_method_info *
av_proto_method_by_any_name(const char *name)
{
    const av_method_info *found = av_proto_method(name);
    size_t hits = 0;

    if (found != NULL)
        return found;
    for (size_t i = 0; i < av_proto_method_count; i++) {
        const av_method_info *m = &av_proto_methods[i];

        if (strcmp(m->name + strlen("archivolt."), name) == 0)
            return m;
        if (strcmp(m->method, name) == 0) {
            found = m;
            hits++;
        }
    }
    return hits == 1 ? found : av_proto_method_by_api(name);
}

const av_message_info *
av_proto_message(const ProtobufCMessageDescriptor *descriptor)
{
    for (const av_message_info *m = av_proto_messages; m->descriptor != NULL; m++)
        if (m->descriptor == descriptor)
            return m;
    return NULL;
}

const av_message_info *
av_proto_message_by_name(const char *full_name)
{
    for (const av_message_info *m = av_proto_messages; m->descriptor != NULL; m++)
        if (strcmp(m->descriptor->name, full_name) == 0)
            return m;
    return NULL;
}

/* Length of "START_MODE_" for StartMode: what all value names of the type begin with. */
static size_t
prefix_length(const ProtobufCEnumDescriptor *type)
{
    const char *first = type->values[0].name;
    size_t n = strlen(first);

    for (unsigned i = 1; i < type->n_values; i++) {
        size_t k = 0;

        while (k < n && first[k] == type->values[i].name[k])
            k++;
        n = k;
    }
    while (n > 0 && first[n - 1] != '_')
        n--;
    return n;
}

/* SCREAMING_SNAKE behind the prefix -> lowerCamel. The words live in a table made once per value: 48 bytes are enough. */
static void
camel(const char *name, char ret[48])
{
    size_t n = 0;

    for (; *name != '\0' && n < 47; name++) {
        if (*name == '_' && name[1] != '\0')
            ret[n++] = *++name;
        else
            ret[n++] = (char)tolower((unsigned char)*name);
    }
    ret[n] = '\0';
}

const char *
av_proto_enum_word(const ProtobufCEnumDescriptor *type, int value)
{
    static _Thread_local char word[48];

    for (unsigned i = 0; i < type->n_values; i++) {
        if (type->values[i].value == value) {
            camel(type->values[i].name + prefix_length(type), word);
            return word;
        }
    }
    return NULL;
}

bool
av_proto_enum_value(const ProtobufCEnumDescriptor *type, const char *word, int *ret)
{
    size_t prefix = prefix_length(type);
    char have[48];

    for (unsigned i = 0; i < type->n_values; i++) {
        camel(type->values[i].name + prefix, have);
        if (strcmp(have, word) == 0) {
            *ret = type->values[i].value;
            return true;
        }
    }
    return false;
}
