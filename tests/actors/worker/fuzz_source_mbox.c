/*
 * fuzz_source_mbox.c - any bytes as a mailbox: no byte is lost or made up by the splitter, and the reader over a file
 * of them delivers exactly the sizes it told, in every kind
 */
#include "actors/worker/mbox_split.h"
#include "actors/worker/source.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Pieces put together are the input again; offered in a small window or whole they are the same bytes and kinds. */
static void
split_all(const uint8_t *data, size_t size, av_mbox_kind kind, bool separators)
{
    av_span in = av_span_of(data, size);
    const uint8_t *at = data;
    av_mbox_split split;
    av_mbox_piece piece;

    av_mbox_split_init(&split, kind, separators);
    while (in.n > 0) {
        av_span window = av_span_slice(in, 0, AV_MIN(in.n, (size_t)AV_MBOX_WINDOW_MIN));
        size_t before = window.n;
        av_parse rc = av_mbox_split_next(&split, &window, window.n == in.n, &piece);

        assert(rc == AV_PARSE_OK && piece.bytes.n > 0 && piece.bytes.p == at);
        assert(before - window.n == piece.bytes.n);
        assert(separators || piece.kind != AV_MBOX_SEPARATOR);
        at += piece.bytes.n;
        in = av_span_skip(in, piece.bytes.n);
    }
    assert(at == data + size || size == 0);
}

static void
read_item(av_source *src, const av_source_item *item)
{
    uint8_t room[333];
    uint64_t total = 0;
    size_t n = 1;
    av_error err;

    while (n > 0) {
        av_errc rc = av_source_read(src, room, sizeof room, &n, &err);

        assert(rc == AV_OK);
        total += n;
    }
    assert(total == item->size_bytes);
}

static void
read_all(const char *path, av_mbox_kind kind)
{
    AV_CLEANUP(av_source_destroy) av_source *src = NULL;
    av_source_options options = { .kind = AV_SOURCE_MBOX, .mbox = kind, .max_message_bytes = 10000 };
    bool more = true;
    av_error err;
    av_errc rc = av_source_open(&options, &path, 1, &src, &err);

    assert(rc == AV_OK);
    while (more) {
        av_source_item item;

        rc = av_source_next(src, &item, &more, &err);
        if (rc == AV_ERR_NOT_FOUND)
            continue;
        assert(rc == AV_OK);
        if (more)
            read_item(src, &item);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("mbox", MFD_CLOEXEC);
    char path[64];

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (int kind = AV_MBOX_GUESS; kind <= AV_MBOX_CL2; kind++) {
        if (kind != AV_MBOX_GUESS) {
            split_all(data, size, (av_mbox_kind)kind, true);
            split_all(data, size, (av_mbox_kind)kind, false);
        }
        read_all(path, (av_mbox_kind)kind);
    }
    (void)close(fd);
    return 0;
}
