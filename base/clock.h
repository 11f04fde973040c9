/*
 * clock.h - the two clocks: wall time for people and records, monotonic time for deadlines
 */
#ifndef AV_BASE_CLOCK_H
#define AV_BASE_CLOCK_H

#include <stdint.h>

int64_t av_clock_wall_ms(void); /* ms since 1970, UTC; may jump */
int64_t av_clock_mono_ms(void); /* ms since an unknown moment; never goes back */
int64_t av_clock_mono_us(void);
/* "2026-11-22T11:33:31.250Z"; ret holds at least 32 bytes. Returns ret. */
char *av_clock_format(int64_t wall_ms, char *ret);

#endif
