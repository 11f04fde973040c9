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
    unsigned long from, to, inode;
    char perms[8];

    if (sscanf(line, "%lx-%lx %4s %*x %*x:%*x %lu", &from, &to, perms, &inode) != 4)
        return false;
    ret->from = from;
    ret->to = to;
    ret->is_file = inode != 0 && perms[0] == 'r' && perms[1] == '-' && perms[3] == 'p';
    return true;
}

void
av_memory_trim(void)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    mapping current = { 0 };
    unsigned long kb;
    char line[512];

    (void)malloc_trim(0);
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (parse_mapping(line, &current))
            continue;
        /* ISO C has no address from a number but this; the kernel gave it. */
        if (sscanf(line, "Anonymous: %lu kB", &kb) == 1 && kb == 0 && current.is_file)
            (void)madvise((void *)current.from, current.to - current.from, MADV_DONTNEED);
    }
    if (f != NULL)
        (void)fclose(f);
}
