/*
 * test_meta.c - a database opened and closed many times without a change: no files gather
 */
#include "storage/meta/meta.h"

#include <dirent.h>

#include "tests/storage/store/help.h"

static const uint8_t key[32] = { 5 };
static av_error err;

static unsigned
count_files(const char *path)
{
    DIR *dir = opendir(path);
    unsigned n = 0;

    AV_CHECK(dir != NULL);
    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}

static void
test_opened_often(void)
{
    static const av_meta_options options = { .key = key };
    test_dir d = dir_new();
    av_meta *meta = NULL;
    av_buf row;

    av_buf_init(&row, 16);
    for (int i = 0; i < 40; i++) {
        AV_CHECK_RC(av_meta_open(d.path, &options, &meta, &err), AV_OK, &err);
        if (i == 0) {
            av_meta_begin(meta);
            av_meta_put(meta, av_span_str("k"), av_span_str("v"));
            AV_CHECK_RC(av_meta_commit(meta, true, &err), AV_OK, &err);
        }
        AV_CHECK_RC(av_meta_get(av_meta_writer(meta), av_span_str("k"), &row, &err), AV_OK, &err);
        AV_CHECK_RC(av_meta_get(av_meta_writer(meta), av_span_str(""), &row, &err), AV_ERR_NOT_FOUND, &err);
        av_meta_close(&meta);
        AV_CHECK(count_files(d.path) < 24);
    }
    av_buf_release(&row);
    dir_remove(&d);
}

static void
test_trim(void)
{
    static const av_meta_options options = { .key = key };
    test_dir d = dir_new();
    av_meta *meta = NULL;
    uint64_t before;
    av_buf row;

    av_buf_init(&row, 16);
    AV_CHECK_RC(av_meta_open(d.path, &options, &meta, &err), AV_OK, &err);
    av_meta_begin(meta);
    for (uint32_t i = 0; i < 20000; i++)
        av_meta_put(meta, av_span_of(&i, sizeof i), av_span_str("0123456789"));
    AV_CHECK_RC(av_meta_commit(meta, false, &err), AV_OK, &err);
    before = av_meta_memory(meta);
    AV_CHECK_RC(av_meta_trim(meta, &err), AV_OK, &err);
    AV_CHECK(av_meta_memory(meta) < before / 4);
    for (uint32_t i = 0; i < 20000; i += 500)
        AV_CHECK_RC(av_meta_get(av_meta_writer(meta), av_span_of(&i, sizeof i), &row, &err), AV_OK, &err);
    av_meta_close(&meta);
    av_buf_release(&row);
    dir_remove(&d);
}

int
main(void)
{
    test_opened_often();
    test_trim();
    return av_check_done();
}
