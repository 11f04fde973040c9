/*
 * banned.h - functions nobody here may call
 *
 * Included before everything else by the build. Each of these has no bound, or hides an error.
 */
#ifndef AV_BANNED_H
#define AV_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll gmtime localtime ctime   \
    asctime

#endif
