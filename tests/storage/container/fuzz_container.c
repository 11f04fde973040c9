/*
 * fuzz_container.c - any bytes as the one container of a store: it opens or says why not, reads, replays, goes on
 *
 * Half of the inputs are taken as they are. In the other half (first byte odd) the framing is put right first: CRCs,
 * LSNs and magic of what the input says are records, so that the fuzzer gets behind the checksums.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/container/format.h"
#include "storage/store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[40];
static av_store_config config = { .dir = dir };
static uint8_t uuid[16];

static void
clean_up(void)
{
    av_error err;

    (void)av_dir_remove(dir, strncmp(dir, "/tmp", 4) == 0 ? "/tmp" : "/dev/shm", &err);
}

static void
set_up(void)
{
    av_store *store = NULL;
    av_error err;

    av_secret_init();
    av_log_init("fuzz", AV_LOG_ERROR, false);
    /* In memory, where there is such a folder: the syncs are not what is tested here. */
    (void)snprintf(dir, sizeof dir, "%s/avfuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(dir) == NULL || av_store_create(&config, &err) != AV_OK ||
        av_store_open(&config, 0, &store, &err) != AV_OK)
        abort();
    memcpy(uuid, av_store_uuid(store), sizeof uuid);
    av_store_close(&store);
    (void)atexit(clean_up);
}

/* Walks bytes as records as far as their lengths go, and makes each one's framing right. */
static void
mend(uint8_t *p, size_t n)
{
    av_container_header header = { .container = 1 };
    size_t at = AV_CONTAINER_HEADER;

    if (n < AV_CONTAINER_HEADER)
        return;
    memcpy(header.store_uuid, uuid, sizeof uuid);
    av_container_header_encode(&header, p);
    while (n - at >= AV_RECORD_HEADER) {
        size_t room = n - at - AV_RECORD_HEADER;
        av_record_header h = { .kind = (uint8_t)(p[at] % 4 + 1), .lsn = av_lsn(1, at), .group = 1 };

        h.length = (uint32_t)AV_MIN((size_t)p[at + 1], room);
        if (h.kind == 4)
            h.length = (uint32_t)AV_MIN((size_t)AV_COMMIT_BODY, room);
        memcpy(h.salt, p + at + 32, sizeof h.salt);
        h.body_crc = av_crc32c(0, av_span_of(p + at + AV_RECORD_HEADER, h.length));
        av_record_header_encode(&h, p + at);
        at += AV_RECORD_HEADER + h.length;
    }
}

static av_errc
visit(void *ctx, uint64_t lsn, av_record_kind kind, av_span body, av_error *err)
{
    (void)ctx;
    (void)lsn;
    (void)kind;
    (void)body;
    (void)err;
    return AV_OK;
}

static void
exercise(uint64_t witness, size_t size)
{
    av_store *store = NULL;
    av_buf out;
    av_error err;
    uint64_t lsn = 0;

    if (av_store_open(&config, witness, &store, &err) != AV_OK)
        return;
    av_buf_init(&out, 1U << 20);
    for (size_t at = 0; at < size && at < 1000; at += 13)
        (void)av_store_read_message(store, av_lsn(1, at), &out, &err);
    (void)av_store_replay(store, 0, visit, NULL, &err);
    if (av_store_problem(store) == NULL && (av_store_put_event(store, av_span_str("x"), &lsn, &err) != AV_OK ||
                                               av_store_commit(store, &lsn, &err) != AV_OK))
        abort(); /* a store without a problem takes writes */
    av_buf_release(&out);
    av_store_close(&store);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    uint8_t *copy;
    FILE *f;

    if (dir[0] == '\0')
        set_up();
    if (size > 1U << 20)
        return 0;
    copy = malloc(size + 1);
    if (size > 0)
        memcpy(copy, data, size);
    if (size > 0 && data[0] % 2 == 1)
        mend(copy, size);
    (void)snprintf(path, sizeof path, "%s/00000001.avc", dir);
    for (unsigned witness = 0; witness < 2; witness++) {
        f = fopen(path, "wb");
        if (f == NULL || fwrite(copy, 1, size, f) != size)
            abort();
        (void)fclose(f);
        exercise(witness == 0 ? 0 : av_lsn(1, AV_CONTAINER_HEADER), size);
    }
    free(copy);
    return 0;
}
