/*
 * settings.h - one table a program: key, type, default, limits, help
 *
 * From the table come the parser, the checks, the defaults and the text of --help and of the man page. A file holds
 * lines "key = value"; '#' begins a comment line; an unknown key, a doubled key or a value out of bounds is an error that
 * names file and line. Values land in a struct of the program's own, at each row's offset.
 */
#ifndef AV_BASE_SETTINGS_H
#define AV_BASE_SETTINGS_H

#include "base/buf.h"
#include "base/error.h"

typedef enum av_setting_type {
    AV_SETTING_STRING, /* char *, owned by the settings struct */
    AV_SETTING_U64,    /* uint64_t, between min and max */
    AV_SETTING_BOOL    /* bool: yes, no, true, false */
} av_setting_type;

typedef struct av_setting {
    const char *key;
    av_setting_type type;
    size_t offset; /* offsetof(struct, member) */
    const char *fallback;
    uint64_t min, max; /* AV_SETTING_U64; for a string the longest value in bytes in max (0: 1024) */
    const char *help;
} av_setting;

/* Fill into (zeroed) with the defaults. Table ends with key NULL. A bad default is our own mistake: assert. */
void av_settings_defaults(const av_setting *table, void *into);
/* One value, from a command line or a test. where names the origin in errors ("--set", "node.conf:3"). */
av_errc av_settings_set(
    const av_setting *table, void *into, av_span key, av_span value, const char *where, av_error *err);
/* A whole text; on failure `into` may hold the values before the bad line. */
av_errc av_settings_parse(const av_setting *table, void *into, av_span text, const char *name, av_error *err);
/* Reads path; a missing file is AV_ERR_NOT_FOUND. */
av_errc av_settings_load(const av_setting *table, void *into, const char *path, av_error *err);
/* Frees the strings. */
void av_settings_release(const av_setting *table, void *into);
/* "key = default    help" lines for --help. */
void av_settings_help(const av_setting *table, FILE *to);

#endif
