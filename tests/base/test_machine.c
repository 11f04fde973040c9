/*
 * test_machine.c - the machine this runs on has a name, memory and a processor
 */
#include "base/machine.h"

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

int
main(void)
{
    AV_RUN(test_read);
    return av_check_done();
}
