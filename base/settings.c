/*
 * settings.c - see settings.h
 */
#include "base/settings.h"

#include "base/file.h"

#define FILE_MAX_BYTES (256U * 1024)
#define STRING_MAX     1024U

static void *
member(const av_setting *row, void *into)
{
    return (uint8_t *)into + row->offset;
}

static const av_setting *
find(const av_setting *table, av_span key)
{
    for (; table->key != NULL; table++)
        if (av_span_eq_str(key, table->key))
            return table;
    return NULL;
}

static av_errc
set_string(const av_setting *row, void *into, av_span value, const char *where, av_error *err)
{
    char **slot = member(row, into);
    uint64_t max = row->max == 0 ? STRING_MAX : row->max;

    if (value.n > max || av_span_find(value, 0) < value.n)
        return av_error_set(err, AV_ERR_INVALID, "%s: %s is longer than %llu bytes or holds a NUL byte", where,
            row->key, (unsigned long long)max);
    free(*slot);
    *slot = av_span_dup(value);
    return AV_OK;
}

static av_errc
set_u64(const av_setting *row, void *into, av_span value, const char *where, av_error *err)
{
    uint64_t v = 0;

    if (!av_span_u64(value, row->max, &v) || v < row->min)
        return av_error_set(err, AV_ERR_INVALID, "%s: %s must be a whole number from %llu to %llu, not \"%.*s\"", where,
            row->key, (unsigned long long)row->min, (unsigned long long)row->max, (int)AV_MIN(value.n, 40), value.p);
    *(uint64_t *)member(row, into) = v;
    return AV_OK;
}

static av_errc
set_bool(const av_setting *row, void *into, av_span value, const char *where, av_error *err)
{
    bool yes = av_span_ieq_str(value, "yes") || av_span_ieq_str(value, "true");

    if (!yes && !av_span_ieq_str(value, "no") && !av_span_ieq_str(value, "false"))
        return av_error_set(err, AV_ERR_INVALID, "%s: %s must be yes or no", where, row->key);
    *(bool *)member(row, into) = yes;
    return AV_OK;
}

av_errc
av_settings_set(const av_setting *table, void *into, av_span key, av_span value, const char *where, av_error *err)
{
    const av_setting *row = find(table, key);

    if (row == NULL)
        return av_error_set(
            err, AV_ERR_INVALID, "%s: there is no setting \"%.*s\"", where, (int)AV_MIN(key.n, 60), key.p);
    switch (row->type) {
    case AV_SETTING_STRING:
        return set_string(row, into, value, where, err);
    case AV_SETTING_U64:
        return set_u64(row, into, value, where, err);
    case AV_SETTING_BOOL:
        return set_bool(row, into, value, where, err);
    }
    return av_error_set(err, AV_ERR_INTERNAL, "setting %s has no type", row->key);
}

void
av_settings_defaults(const av_setting *table, void *into)
{
    av_error err;

    for (const av_setting *row = table; row->key != NULL; row++) {
        av_errc rc = av_settings_set(table, into, av_span_str(row->key), av_span_str(row->fallback), "default", &err);

        assert(rc == AV_OK);
        (void)rc;
    }
}

av_errc
av_settings_parse(const av_setting *table, void *into, av_span text, const char *name, av_error *err)
{
    AV_CLEANUP(av_free) bool *seen = NULL;
    size_t rows = 0, line_number = 0;

    while (table[rows].key != NULL)
        rows++;
    seen = av_xcalloc(rows + 1, sizeof *seen);
    while (text.n > 0) {
        size_t end = av_span_find(text, '\n'), eq;
        av_span line = av_span_trim(av_span_slice(text, 0, end)), key;
        const av_setting *row;
        char where[160];
        av_errc rc;

        text = av_span_skip(text, AV_MIN(end + 1, text.n));
        line_number++;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        (void)snprintf(where, sizeof where, "%s:%zu", name, line_number);
        eq = av_span_find(line, '=');
        if (eq == line.n)
            return av_error_set(err, AV_ERR_SYNTAX, "%s: expected \"key = value\"", where);
        key = av_span_trim(av_span_slice(line, 0, eq));
        row = find(table, key);
        if (row != NULL && seen[row - table])
            return av_error_set(err, AV_ERR_INVALID, "%s: %s is set twice", where, row->key);
        rc = av_settings_set(table, into, key, av_span_trim(av_span_skip(line, eq + 1)), where, err);
        if (rc != AV_OK)
            return rc;
        seen[row - table] = true;
    }
    return AV_OK;
}

av_errc
av_settings_load(const av_setting *table, void *into, const char *path, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_errc rc;

    av_buf_init(&text, FILE_MAX_BYTES);
    rc = av_file_read_all(path, &text, err);
    return rc != AV_OK ? rc : av_settings_parse(table, into, av_buf_span(&text), path, err);
}

void
av_settings_release(const av_setting *table, void *into)
{
    for (; table->key != NULL; table++) {
        if (table->type == AV_SETTING_STRING) {
            char **slot = member(table, into);

            free(*slot);
            *slot = NULL;
        }
    }
}

void
av_settings_help(const av_setting *table, FILE *to)
{
    for (; table->key != NULL; table++)
        (void)fprintf(to, "  %-28s %s (default: %s)\n", table->key, table->help,
            table->fallback[0] == '\0' ? "none" : table->fallback);
}
