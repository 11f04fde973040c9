/*
 * test_base_dir.c - whose a folder is: links, overlaps, marks above and below, and folders that are deleted
 */
#include "actors/host/base_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "actors/host/host_priv.h"
#include "base/file.h"
#include "tests/check.h"

static char top[] = "/tmp/av-base-dir-XXXXXX";

static char *
path_of(const char *name)
{
    return av_xasprintf("%s/%s", top, name);
}

static void
put(const char *folder, const char *name, const char *text)
{
    AV_CLEANUP(av_free) char *dir = path_of(folder);
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, name);
    av_error err;

    AV_CHECK_RC(av_dir_make(dir, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_replace(path, av_span_str(text), 0600, &err), AV_OK, &err);
}

static bool
exists(const char *name)
{
    AV_CLEANUP(av_free) char *path = path_of(name);

    return access(path, F_OK) == 0;
}

static void
test_overlap(void)
{
    AV_CHECK(av_base_dir_overlap("/x/a", "/x/a") && av_base_dir_overlap("/x/a", "/x/a/b"));
    AV_CHECK(av_base_dir_overlap("/x/a/b", "/x/a") && av_base_dir_overlap("/", "/x"));
    AV_CHECK(!av_base_dir_overlap("/x/a", "/x/ab") && !av_base_dir_overlap("/x/a", "/x/b/a"));
}

static void
test_resolve(void)
{
    static const struct {
        const char *path, *want; /* NULL: refused */
    } rows[] = { { "real", "real" }, { "link/new/deep", "real/new/deep" }, { "new/deep", "new/deep" },
        { "nowhere", NULL }, { "nowhere/a", NULL }, { "real/file/a", NULL } };
    AV_CLEANUP(av_free) char *link_path = path_of("link");
    AV_CLEANUP(av_free) char *nowhere = path_of("nowhere");
    AV_CLEANUP(av_free) char *real = path_of("real");

    put("real", "file", "x");
    AV_CHECK(symlink(real, link_path) == 0 && symlink("/none/at/all", nowhere) == 0);
    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        AV_CLEANUP(av_free) char *path = path_of(rows[i].path);
        AV_CLEANUP(av_free) char *want = rows[i].want == NULL ? NULL : path_of(rows[i].want);
        AV_CLEANUP(av_free) char *got = NULL;
        av_error err;

        av_check_row = (long)i;
        AV_CHECK_RC(av_base_dir_resolve(path, &got, &err), want == NULL ? AV_ERR_INVALID : AV_OK, &err);
        if (want != NULL)
            AV_CHECK_STR(got, want);
    }
}

static void
test_marks(void)
{
    static const char large[200] = { [0 ... 198] = 'x' };
    AV_CLEANUP(av_free) char *a = path_of("a");
    AV_CLEANUP(av_free) char *below = path_of("a/stores/b");
    AV_CLEANUP(av_free) char *program = path_of("bin/instances/a");
    AV_CLEANUP(av_free) char *mark = path_of("a/stores/b/archivolt-instance");
    av_error err;

    AV_CHECK_RC(av_assets_make_dir(a, "a", &err), AV_OK, &err);
    AV_CHECK_RC(av_assets_make_dir(a, "b", &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_base_dir_check_above(a, &err), AV_OK, &err);
    AV_CHECK_RC(av_base_dir_check_above(below, &err), AV_ERR_INVALID, &err);
    put("bin", "archivolt-instance", large); /* the program of that name */
    AV_CHECK_RC(av_base_dir_check_above(program, &err), AV_OK, &err);
    put("a/stores/b", "archivolt-instance", "b\n");
    put("a/stores/b", "mail", "kept");
    AV_CHECK_RC(av_base_dir_check_tree(a, "a", &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_assets_remove_dir(a, "a", &err), AV_ERR_CONFLICT, &err);
    AV_CHECK(exists("a/archivolt-instance") && exists("a/stores/b/mail"));
    AV_CHECK(unlink(mark) == 0);
    AV_CHECK_RC(av_assets_remove_dir(a, "a", &err), AV_OK, &err);
    AV_CHECK(!exists("a"));
}

/* What a deletion leaves behind when it is cut off at each of its steps: the same call ends it. */
static void
test_interrupted(void)
{
    static const struct {
        bool tree, mark;
    } rows[] = { { true, true }, { false, true }, { false, false } };
    AV_CLEANUP(av_free) char *c = path_of("c");
    av_error err;

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        AV_CLEANUP(av_free) char *aside = path_of("c.deleting-c");

        av_check_row = (long)i;
        AV_CHECK_RC(av_dir_make(aside, &err), AV_OK, &err);
        if (rows[i].tree)
            put("c.deleting-c/store/deep", "mail", "x");
        if (rows[i].mark)
            put("c.deleting-c", "archivolt-instance", "c\n");
        AV_CHECK_RC(av_assets_remove_dir(c, "c", &err), AV_OK, &err);
        AV_CHECK(!exists("c.deleting-c"));
        AV_CHECK_RC(av_assets_remove_dir(c, "c", &err), AV_OK, &err);
    }
    /* What is not known to be this instance's is never deleted, and never called "nothing was deleted". */
    put("c.deleting-c", "mail", "x");
    AV_CHECK(av_assets_remove_dir(c, "c", &err) != AV_OK);
    AV_CHECK(err.code != AV_ERR_CONFLICT && exists("c.deleting-c/mail"));
    put("c.deleting-c", "archivolt-instance", "d\n");
    AV_CHECK(av_assets_remove_dir(c, "c", &err) != AV_OK);
    AV_CHECK(err.code != AV_ERR_CONFLICT && exists("c.deleting-c/mail"));
}

static int
fail_unlink(const char *path AV_UNUSED)
{
    errno = EIO;
    return -1;
}

/* The mark is the last that goes. */
static void
test_mark_goes_last(void)
{
    AV_CLEANUP(av_free) char *e = path_of("e");
    av_file_ops broken = *av_file_ops_get();
    av_error err;

    broken.unlink = fail_unlink;
    AV_CHECK_RC(av_assets_make_dir(e, "e", &err), AV_OK, &err);
    put("e/store/deep", "mail", "x");
    put("e", "zzz", "x");
    av_file_ops_set(&broken);
    AV_CHECK_RC(av_assets_remove_dir(e, "e", &err), AV_ERR_IO, &err);
    av_file_ops_set(NULL);
    AV_CHECK(!exists("e") && exists("e.deleting-e/archivolt-instance"));
    AV_CHECK(!exists("e.deleting-e/store") && !exists("e.deleting-e/zzz"));
    AV_CHECK_RC(av_assets_remove_dir(e, "e", &err), AV_OK, &err);
    AV_CHECK(!exists("e.deleting-e"));
}

int
main(void)
{
    av_error err;

    if (mkdtemp(top) == NULL)
        return 1;
    AV_RUN(test_overlap);
    AV_RUN(test_resolve);
    AV_RUN(test_marks);
    AV_RUN(test_interrupted);
    AV_RUN(test_mark_goes_last);
    (void)av_dir_remove(top, "/tmp", &err);
    return av_check_done();
}
