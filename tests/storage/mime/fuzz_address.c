/*
 * fuzz_address.c - any bytes as an address list
 */
#include "base/unicode.h"
#include "storage/mime/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AV_CLEANUP(av_address_list_release) av_address_list list;
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 4 << 20 };
    bool in_group = false;

    av_address_list_init(&list);
    av_address_parse(av_span_of(data, size), 20, &list);
    if (list.count > 20)
        abort();
    for (size_t i = 0; i < list.count; i++) {
        const av_address *a = &list.items[i];

        if (!av_utf8_valid(a->name) || (a->kind == AV_ADDRESS_GROUP && in_group))
            abort();
        if (a->kind != AV_ADDRESS_MAILBOX)
            in_group = a->kind == AV_ADDRESS_GROUP;
    }
    (void)av_address_display(&list, &out);
    if (!av_utf8_valid(av_buf_span(&out)))
        abort();
    return 0;
}
