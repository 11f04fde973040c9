/*
 * gmime_check.h - a message as GMime reads it, and how often it reads as we do
 */
#ifndef AV_TESTS_GMIME_CHECK_H
#define AV_TESTS_GMIME_CHECK_H

#include <gmime/gmime.h>

#include "base/span.h"
#include "tests/check.h"

/* It begins with a From_ line. */
static inline bool
gmime_is_mbox(av_span file)
{
    return file.n > 5 && memcmp(file.p, "From ", 5) == 0;
}

/* NULL: GMime sees no message. g_object_unref ends it. options: or NULL for its defaults. */
static inline GMimeMessage *
gmime_message(av_span file, GMimeParserOptions *options)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer((const char *)file.p, file.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message;

    g_mime_parser_set_format(parser, gmime_is_mbox(file) ? GMIME_FORMAT_MBOX : GMIME_FORMAT_MESSAGE);
    g_mime_parser_set_respect_content_length(parser, FALSE);
    message = g_mime_parser_construct_message(parser, options);
    g_object_unref(parser);
    g_object_unref(stream);
    return message;
}

/* Prints it. true: no lower than the floor. */
static inline bool
gmime_rate(const char *what, size_t same, size_t all, double floor_percent)
{
    double percent = all == 0 ? 0 : 100.0 * (double)same / (double)all;

    printf("  %s: %zu of %zu, %.2f %% (floor %.1f)\n", what, same, all, percent, floor_percent);
    return percent >= floor_percent;
}

#endif
