/*
 * fuzz_wire_hello.c - the greeting on a local socket, in any pieces
 */
#include "actors/bus/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char name[AV_SENDER_MAX];
    av_span ticket;

    for (size_t have = 1; have <= n && have <= AV_WIRE_HELLO_HEAD + AV_SENDER_MAX; have++) {
        av_span in = av_span_of(data, have);
        size_t size = av_wire_hello_size(in);

        if (size == 0)
            break;
        if (size < AV_WIRE_HELLO_HEAD || size >= AV_WIRE_HELLO_HEAD + AV_SENDER_MAX)
            __builtin_trap();
        if (size == have && av_wire_hello_open(in, &ticket, name) &&
            (ticket.n != AV_WIRE_TICKET || !av_sender_valid(av_span_str(name))))
            __builtin_trap();
    }
    return 0;
}
