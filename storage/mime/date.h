/*
 * date.h - RFC 5322 date-times, and the broken ones found in real mail
 */
#ifndef AV_STORAGE_MIME_DATE_H
#define AV_STORAGE_MIME_DATE_H

#include "base/span.h"

typedef struct av_mime_date {
    int64_t unix_s;
    int zone_minutes; /* east of UTC; 0 when missing or unknown */
} av_mime_date;

/*
 * Parse a raw Date value: with or without weekday and seconds, two- and three-digit years (RFC 5322, 4.3), zones as
 * numbers or names, comments, `Mon Jan  2 15:04:05 2006` (asctime), `2006-01-02 15:04:05 +0100` (ISO 8601). false: no
 * date can be made of it, ret is untouched. Years 1900 to 9999; a 60th second counts as 59.
 */
bool av_mime_date_parse(av_span value, av_mime_date *ret);

#endif
