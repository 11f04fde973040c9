/*
 * test_machine.c - the machine this runs on has a name, memory and a processor
 */
#include "base/machine.h"

#include "base/util.h"
#include "tests/check.h"

static void
test_read(void)
{
    av_machine machine;

    av_machine_read(&machine);
    AV_CHECK(strstr(machine.operating_system, "Linux") != NULL);
    AV_CHECK(machine.memory_bytes > 16U * 1024 * 1024);
    for (size_t i = 0; i < machine.processor_count; i++)
        AV_CHECK(machine.processors[i][0] != '\0');
    av_machine_release(&machine);
    AV_CHECK(machine.processors == NULL);
}

static void
test_own_memory(void)
{
    const size_t n = 32U * 1024 * 1024;
    uint64_t before = av_machine_own_memory_bytes();
    uint8_t *p = av_xalloc(n);

    memset(p, 1, n);
    AV_CHECK(before > 64U * 1024);
    AV_CHECK(av_machine_own_memory_bytes() >= before + n / 2);
    AV_CHECK(p[n - 1] == 1);
    free(p);
}

int
main(void)
{
    AV_RUN(test_read);
    AV_RUN(test_own_memory);
    return av_check_done();
}
