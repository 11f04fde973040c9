/*
 * test_map.c - the hash table against a plain array, with removals while walking
 */
#include "base/map.h"
#include "tests/check.h"

enum { KEYS = 5000 };

static void
test_against_array(void)
{
    static int values[KEYS];
    static bool there[KEYS];
    av_map *map = av_map_new();
    uint32_t random = 12345;
    size_t live = 0, at = 0, seen = 0;
    void *value;
    av_span key;

    for (int round = 0; round < 60000; round++) {
        char name[32];
        int i;

        random = random * 1664525 + 1013904223;
        i = (int)(random >> 8) % KEYS;
        (void)snprintf(name, sizeof name, "key/%d", i);
        if ((random & 0x80) != 0) {
            AV_CHECK(av_map_put_str(map, name, &values[i]) == (there[i] ? (void *)&values[i] : NULL));
            live += there[i] ? 0 : 1;
            there[i] = true;
        } else {
            AV_CHECK(av_map_remove_str(map, name) == (there[i] ? (void *)&values[i] : NULL));
            live -= there[i] ? 1 : 0;
            there[i] = false;
        }
        AV_CHECK(av_map_count(map) == live);
    }
    while (av_map_next(map, &at, &key, &value)) {
        char *name = av_span_dup(key);

        seen++;
        AV_CHECK(av_map_remove(map, key) == value);
        AV_CHECK(av_map_get_str(map, name) == NULL);
        free(name);
    }
    AV_CHECK(seen == live && av_map_count(map) == 0);
    av_map_destroy(&map, NULL);
    AV_CHECK(map == NULL);
}

static void
test_binary_keys(void)
{
    av_map *map = av_map_new();
    uint64_t a = 0, b = 256;
    int x, y;

    (void)av_map_put(map, av_map_key_u64(&a), &x);
    (void)av_map_put(map, av_map_key_u64(&b), &y);
    (void)av_map_put(map, av_span_of("", 0), &x);
    AV_CHECK(av_map_get(map, av_map_key_u64(&a)) == &x);
    AV_CHECK(av_map_get(map, av_map_key_u64(&b)) == &y);
    AV_CHECK(av_map_get(map, av_span_of(NULL, 0)) == &x);
    av_map_destroy(&map, NULL);
}

int
main(void)
{
    AV_RUN(test_against_array);
    AV_RUN(test_binary_keys);
    return av_check_done();
}
