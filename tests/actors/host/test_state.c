/*
 * test_state.c - the host's state file and the rules for names and folders
 */
#include "actors/host/state.h"

#include "base/util.h"
#include "tests/check.h"

#define HEAD "archivolt-host-state 1\nboot b1\n"
#define RUN  "0123456789abcdef0123456789abcdef"

static void
test_round_trip(void)
{
    static const char text[] = HEAD "instance demo automatic sleep running /srv/a b/demo\n"
                                    "instance x.y manual awake stopped /d\n"
                                    "instance z disabled awake asleep /d/z\n"
                                    "instance half automatic sleep deleting /d/half\n"
                                    "worker " RUN " demo\n";
    av_state state;
    av_buf out;
    av_error err;

    AV_CHECK_RC(av_state_parse(av_span_str(text), &state, &err), AV_OK, &err);
    AV_CHECK_INT(state.instance_count, 4);
    AV_CHECK_INT(state.worker_count, 1);
    AV_CHECK_STR(state.boot, "b1");
    AV_CHECK_STR(state.instances[0].base_dir, "/srv/a b/demo");
    AV_CHECK(state.instances[0].sleep_allowed && !state.instances[1].sleep_allowed);
    AV_CHECK_INT(state.instances[2].wanted, AV_WANTED_ASLEEP);
    AV_CHECK_INT(state.instances[3].wanted, AV_WANTED_DELETING);
    AV_CHECK_STR(state.workers[0].instance, "demo");
    av_buf_init(&out, 4096);
    av_state_write_head(&out, state.boot);
    for (size_t i = 0; i < state.instance_count; i++)
        av_state_write_instance(&out, &state.instances[i]);
    av_state_write_worker(&out, &state.workers[0]);
    AV_CHECK_STR(av_buf_cstr(&out), text);
    av_buf_release(&out);
    av_state_release(&state);
}

static void
test_refused(void)
{
    static const char *const bad[] = { "", "archivolt-host-state 1\n", "archivolt-host-state 2\nboot b\n",
        HEAD "instance demo automatic sleep running /d", HEAD "instance Demo automatic sleep running /d\n",
        HEAD "instance demo sometimes sleep running /d\n", HEAD "instance demo automatic maybe running /d\n",
        HEAD "instance demo automatic sleep gone /d\n", HEAD "instance demo automatic sleep running d\n",
        HEAD "instance demo automatic sleep running /d/../e\n", HEAD "instance demo automatic sleep running\n",
        HEAD "instance a manual awake stopped /d\ninstance a manual awake stopped /e\n", HEAD "worker 01 demo\n",
        HEAD "worker " RUN "\n", HEAD "something else\n", HEAD "\n" };

    for (size_t i = 0; i < AV_COUNT(bad); i++) {
        av_state state;
        av_error err;

        av_check_row = (long)i;
        AV_CHECK_RC(av_state_parse(av_span_str(bad[i]), &state, &err), AV_ERR_CORRUPT, &err);
    }
}

static void
test_names(void)
{
    static const struct {
        const char *text;
        bool id, dir;
    } rows[] = { { "demo", true, false }, { "a.b-c_9", true, false }, { ".a", false, false }, { "", false, false },
        { "a/b", false, false }, { "/", false, false }, { "/a", false, true }, { "/a/b c", false, true },
        { "/a//b", false, false }, { "/a/", false, false }, { "/a/./b", false, false }, { "/../a", false, false },
        { "/a\nb", false, false }, { "/a/...", false, true },
        { "a123456789012345678901234567890123456789012345678901234567890123", false, false } };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(av_instance_id_valid(av_span_str(rows[i].text)), rows[i].id);
        AV_CHECK_INT(av_base_dir_valid(av_span_str(rows[i].text)), rows[i].dir);
    }
}

int
main(void)
{
    AV_RUN(test_round_trip);
    AV_RUN(test_refused);
    AV_RUN(test_names);
    return av_check_done();
}
