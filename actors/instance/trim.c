/*
 * trim.c - give memory back when there is nothing to do
 *
 * Only mappings of files that nobody can write to and of which this process holds no changed page (Anonymous: 0 in smaps) are
 * let go: relocated tables (RELRO) look the same but for that number, and would be lost.
 */
#include "actors/instance/trim.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/util.h"

typedef struct mapping {
    uintptr_t from, to;
    bool is_file;
} mapping;

/* "7f00-7f10 r-xp 00000000 08:01 123 /usr/lib/x.so": false when the line begins no mapping. */
static bool
parse_mapping(const char *line, mapping *ret)
{
    char *end;
    unsigned long from = strtoul(line, &end, 16), to;
    int inode_at = 0;

    if (end == line || *end != '-')
        return false;
    line = end + 1;
    to = strtoul(line, &end, 16);
    if (end == line || strlen(end) < 6 || end[5] != ' ')
        return false;
    ret->from = from;
    ret->to = to;
    (void)sscanf(end + 6, "%*x %*x:%*x %n", &inode_at);
    ret->is_file =
        inode_at != 0 && strtoul(end + 6 + inode_at, NULL, 10) != 0 && end[1] == 'r' && end[2] == '-' && end[4] == 'p';
    return true;
}

void
av_memory_trim(void)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    mapping current = { 0 };
    const char *const key = "Anonymous:";
    char line[512];

    (void)malloc_trim(0);
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (parse_mapping(line, &current))
            continue;
        /* ISO C has no address from a number but this; the kernel gave it. */
        if (current.is_file && strncmp(line, key, strlen(key)) == 0 && strtoul(line + strlen(key), NULL, 10) == 0)
            (void)madvise((void *)current.from, current.to - current.from, MADV_DONTNEED);
    }
    if (f != NULL)
        (void)fclose(f);
}
