/*
 * machine.c - see machine.h
 */
#include "base/machine.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"

#define PROCESSORS_MAX 1024
#define FILE_MAX_BYTES (4U * 1024 * 1024) /* /proc/cpuinfo of a large machine */

static av_span
take_line(av_span *rest)
{
    size_t n = av_span_find(*rest, '\n');
    av_span line = av_span_slice(*rest, 0, n);

    *rest = av_span_skip(*rest, n < rest->n ? n + 1 : n);
    return line;
}

/* The text behind `separator` of a line that begins with key. */
static bool
line_value(av_span line, const char *key, uint8_t separator, av_span *ret)
{
    size_t n = strlen(key), at;

    if (line.n < n || memcmp(line.p, key, n) != 0)
        return false;
    at = av_span_find(line, separator);
    if (at == line.n)
        return false;
    *ret = av_span_trim(av_span_skip(line, at + 1));
    return true;
}

static char *
distribution(void)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_error err;
    av_span rest, value;

    av_buf_init(&text, FILE_MAX_BYTES);
    if (av_file_read_all("/etc/os-release", &text, &err) == AV_OK)
        for (rest = av_buf_span(&text); rest.n > 0;)
            if (line_value(take_line(&rest), "PRETTY_NAME=", '=', &value)) {
                if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
                    value = av_span_slice(value, 1, value.n - 1);
                return av_span_dup(value);
            }
    return av_xstrdup("unknown distribution");
}

static void
read_processors(av_machine *ret)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_error err;
    av_span rest, value;

    av_buf_init(&text, FILE_MAX_BYTES);
    if (av_file_read_all("/proc/cpuinfo", &text, &err) != AV_OK)
        return;
    for (rest = av_buf_span(&text); rest.n > 0 && ret->processor_count < PROCESSORS_MAX;) {
        if (!line_value(take_line(&rest), "model name", ':', &value))
            continue;
        ret->processors = av_xrealloc(ret->processors, (ret->processor_count + 1) * sizeof *ret->processors);
        ret->processors[ret->processor_count++] = av_span_dup(value);
    }
}

void
av_machine_read(av_machine *ret)
{
    AV_CLEANUP(av_free) char *name = distribution();
    struct utsname system = { 0 };
    struct sysinfo info = { 0 };

    *ret = (av_machine){ 0 };
    (void)uname(&system);
    ret->operating_system = av_xasprintf("%s, %s %s", name, system.sysname, system.release);
    if (sysinfo(&info) == 0)
        ret->memory_bytes = (uint64_t)info.totalram * info.mem_unit;
    read_processors(ret);
}

void
av_machine_release(av_machine *self)
{
    for (size_t i = 0; i < self->processor_count; i++)
        free(self->processors[i]);
    free(self->processors);
    free(self->operating_system);
    *self = (av_machine){ 0 };
}

uint64_t
av_machine_own_memory_bytes(void)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_error err;
    av_span rest;
    uint64_t pages;

    av_buf_init(&text, 4096);
    if (av_file_read_all("/proc/self/statm", &text, &err) != AV_OK)
        return 0;
    rest = av_buf_span(&text); /* "total resident shared ...", in pages */
    rest = av_span_skip(rest, AV_MIN(av_span_find(rest, ' ') + 1, rest.n));
    if (!av_span_u64(av_span_slice(rest, 0, av_span_find(rest, ' ')), UINT32_MAX, &pages))
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
