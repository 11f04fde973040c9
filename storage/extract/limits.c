/*
 * limits.c - the settings of extractor.h
 */
#include "storage/extract/extractor.h"

#define ROW(key, member, fallback, min, max, help)                                                                     \
    {                                                                                                                  \
        "attachment_" key, AV_SETTING_U64, offsetof(av_extract_limits, member), fallback, min, max, help               \
    }

const av_setting av_extract_settings[] = {
    ROW("cpu_s", cpu_s, "10", 1, 600, "seconds of processor time for the text of one attachment"),
    ROW("wall_s", wall_s, "20", 1, 1200, "seconds until the reading of one attachment is given up"),
    ROW("memory_mb", memory_mb, "256", 64, 4096, "memory for the reading of one attachment"),
    ROW("input_mb", input_mb, "64", 1, 1024, "largest attachment that is read"),
    ROW("text_mb", text_mb, "16", 1, 256, "most text of one attachment; what is beyond is not found"),
    ROW("unpacked_mb", unpacked_mb, "256", 1, 16384, "most bytes that one compressed attachment may unpack to"),
    ROW("depth", depth, "4", 0, 16, "levels of documents inside documents that are read"),
    { NULL, AV_SETTING_U64, 0, NULL, 0, 0, NULL },
};
