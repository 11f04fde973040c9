/*
 * test_limits.c - counting connections by address
 */
#include "gateway/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/check.h"

static struct sockaddr_storage
address(const char *text)
{
    struct sockaddr_storage ss = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&ss;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&ss;

    if (strchr(text, ':') != NULL) {
        v6->sin6_family = AF_INET6;
        AV_CHECK(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1);
    } else {
        v4->sin_family = AF_INET;
        AV_CHECK(inet_pton(AF_INET, text, &v4->sin_addr) == 1);
    }
    return ss;
}

static const struct {
    bool enter; /* else leave */
    const char *from;
    bool want;
} steps[] = {
    { true, "192.0.2.1", true },
    { true, "192.0.2.1", true },
    { true, "192.0.2.1", false },        /* two from one address */
    { true, "::ffff:192.0.2.1", false }, /* the same one */
    { true, "192.0.2.2", true },
    { true, "2001:db8::1", true },
    { true, "2001:db8::2", true },
    { true, "2001:db8::3", false },     /* one /64 */
    { true, "2001:db8:0:1::3", false }, /* five in all */
    { false, "192.0.2.1", true },
    { true, "2001:db8:0:1::3", true },
};

static void
test_steps(void)
{
    AV_CLEANUP(av_limits_destroy) av_limits *limits = av_limits_new(5, 2);

    for (size_t i = 0; i < AV_COUNT(steps); i++) {
        struct sockaddr_storage ss = address(steps[i].from);

        av_check_row = (long)i;
        if (steps[i].enter)
            AV_CHECK(av_limits_enter(limits, (struct sockaddr *)&ss) == steps[i].want);
        else
            av_limits_leave(limits, (struct sockaddr *)&ss);
    }
    AV_CHECK_INT(av_limits_total(limits), 5);
}

int
main(void)
{
    AV_RUN(test_steps);
    return av_check_done();
}
