/*
 * mapi.h - what .msg files and TNEF have in common: properties of messages ([MS-OXPROPS])
 */
#ifndef AV_ACTORS_EXTRACT_MAPI_H
#define AV_ACTORS_EXTRACT_MAPI_H

#include "actors/extract/job.h"

enum { /* types of properties ([MS-OXCDATA] 2.11.1) */
    AV_MAPI_OBJECT = 0x000D,
    AV_MAPI_STRING8 = 0x001E,
    AV_MAPI_UNICODE = 0x001F,
    AV_MAPI_BINARY = 0x0102
};

enum { /* properties */
    AV_MAPI_SUBJECT = 0x0037,
    AV_MAPI_SENDER_NAME = 0x0C1A,
    AV_MAPI_SENDER_EMAIL = 0x0C1F,
    AV_MAPI_DISPLAY_CC = 0x0E03,
    AV_MAPI_DISPLAY_TO = 0x0E04,
    AV_MAPI_BODY = 0x1000,
    AV_MAPI_RTF = 0x1009,
    AV_MAPI_HTML = 0x1013,
    AV_MAPI_ATTACH_DATA = 0x3701,
    AV_MAPI_ATTACH_NAME = 0x3704,
    AV_MAPI_ATTACH_LONG_NAME = 0x3707,
    AV_MAPI_ATTACH_TYPE = 0x370E,
    AV_MAPI_CODEPAGE = 0x3FFD,
    AV_MAPI_DISPLAY_NAME = 0x3001,
    AV_MAPI_SMTP_ADDRESS = 0x39FE
};

/* The forms of a message's body; empty spans: it has none of these. */
typedef struct av_mapi_bodies {
    av_span plain, html, rtf;
    unsigned plain_type, codepage;
} av_mapi_bodies;

/* A string property as text, its final NULs ignored. false: the allowance is used up. */
bool av_mapi_string(av_job *job, unsigned type, unsigned codepage, av_span value);
/* The first form there is. What is wrong with it goes to ret_first, unless that has an error already. */
void av_mapi_body(av_job *job, const av_mapi_bodies *bodies, av_error *ret_first);
/* Compressed RTF ([MS-OXRTFCP]) as text. */
av_errc av_mapi_rtf(av_job *job, av_span compressed, av_error *err);

#endif
