/*
 * warm.h - conversion tables that glibc reads from files when they are first asked for
 */
#ifndef AV_ACTORS_EXTRACT_WARM_H
#define AV_ACTORS_EXTRACT_WARM_H

/* Open a conversion from each charset that documents use, and keep them: in the sandbox no file can be opened. */
void av_warm_charsets(void);

#endif
