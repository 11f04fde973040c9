/*
 * test_names.c - resolved names: ids for good, aliases for half a minute, never more than the ceiling
 */
#include "gateway/api/names.h"

#include "tests/check.h"

static void
test_life(void)
{
    AV_CLEANUP(av_api_names_destroy) av_api_names *names = av_api_names_new();

    AV_CHECK(av_api_names_get(names, "demo", 0) == NULL);
    av_api_names_put(names, "demo", "demo", 0);
    av_api_names_put(names, "show", "demo", 0);
    AV_CHECK_STR(av_api_names_get(names, "show", AV_API_ALIAS_MS - 1), "demo");
    AV_CHECK(av_api_names_get(names, "show", AV_API_ALIAS_MS) == NULL);
    AV_CHECK_STR(av_api_names_get(names, "demo", INT64_MAX - 1), "demo");
    av_api_names_put(names, "show", "other", AV_API_ALIAS_MS);
    AV_CHECK_STR(av_api_names_get(names, "show", AV_API_ALIAS_MS), "other");
    av_api_names_drop(names, "demo");
    av_api_names_drop(names, "nobody");
    AV_CHECK(av_api_names_get(names, "demo", 0) == NULL);
    av_api_names_clear(names);
    AV_CHECK(av_api_names_get(names, "show", AV_API_ALIAS_MS) == NULL);
}

static void
test_bound(void)
{
    AV_CLEANUP(av_api_names_destroy) av_api_names *names = av_api_names_new();
    unsigned known = 0;
    char name[16];

    for (unsigned i = 0; i <= AV_API_NAMES_MAX; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        av_api_names_put(names, name, name, 0);
        AV_CHECK_STR(av_api_names_get(names, name, 0), name);
    }
    for (unsigned i = 0; i <= AV_API_NAMES_MAX; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        known += av_api_names_get(names, name, 0) != NULL;
    }
    AV_CHECK_INT(known, 1);
}

int
main(void)
{
    AV_RUN(test_life);
    AV_RUN(test_bound);
    return av_check_done();
}
