/*
 * sort_key.c - see sort_key.h
 */
#include "storage/index/sort_key.h"

#include "base/unicode.h"
#include "storage/mime/address.h"
#include "storage/mime/base_subject.h"

enum { FROM_ADDRESSES = 4 }; /* looked at for the first with a host */

void
av_sort_sender(av_span from, av_buf *out)
{
    av_address_list list;
    const av_address *found = NULL;

    av_buf_clear(out);
    av_address_list_init(&list);
    av_address_parse(from, FROM_ADDRESSES, &list);
    for (size_t i = 0; i < list.count && (found == NULL || found->host.n == 0); i++)
        if (list.items[i].kind == AV_ADDRESS_MAILBOX && (found == NULL || list.items[i].host.n > 0))
            found = &list.items[i];
    if (found != NULL) {
        AV_CLEANUP(av_buf_release) av_buf plain = { 0 };

        av_buf_init(&plain, AV_SORT_KEY_MAX);
        (void)av_buf_append_span(&plain, found->mailbox);
        if (found->host.n > 0)
            (void)(av_buf_putc(&plain, '@') && av_buf_append_span(&plain, found->host));
        if (!av_unicode_fold(av_buf_span(&plain), out)) {
            av_buf_clear(out);
            (void)av_buf_append_span(out, av_buf_span(&plain));
        }
    }
    av_address_list_release(&list);
}

void
av_sort_subject(av_span subjects, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf base = { 0 };

    av_buf_init(&base, AV_SORT_KEY_MAX);
    av_base_subject(av_span_slice(subjects, 0, av_span_find(subjects, '\n')), &base);
    av_buf_clear(out);
    if (!av_unicode_fold(av_buf_span(&base), out)) {
        av_buf_clear(out);
        (void)av_buf_append_span(out, av_buf_span(&base));
    }
}
