/*
 * test_bootstrap.c - the file archivolt init leaves
 */
#include "actors/management/bootstrap.h"

#include "base/util.h"
#include "tests/check.h"

#define HASH "admin_password_hash = $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA\n"

static void
test_parse(void)
{
    av_bootstrap b;
    av_error err;

    AV_CHECK_RC(av_bootstrap_parse(
                    av_span_str("node = n1\nfull_host_name = a.example\nroles = management host, access\n"
                                "admin_name = ada\nadmin_full_name = Ada Example\nadmin_email = a@b.example\n" HASH),
                    &b, &err),
        AV_OK, &err);
    AV_CHECK_STR(b.node, "n1");
    AV_CHECK_STR(b.admin_full_name, "Ada Example");
    AV_CHECK_INT(b.roles, AV_ROLE_MANAGEMENT | AV_ROLE_HOST | AV_ROLE_ACCESS);
    AV_CHECK(strncmp(b.admin_password_hash, "$argon2id$", 10) == 0);
    av_bootstrap_release(&b);

    AV_CHECK_RC(av_bootstrap_parse(av_span_str("node = n1\n"), &b, &err), AV_OK, &err); /* no administrator yet */
    AV_CHECK_INT(b.roles, AV_ROLE_MANAGEMENT);
    AV_CHECK_STR(b.admin_name, "");
    av_bootstrap_release(&b);
}

static void
test_refused(void)
{
    static const char *const bad[] = { "", "full_host_name = x\n", "node = n1\nroles = cook\n",
        "node = n1\nroles = ,\n", "node = n1\nadmin_name = ada\n",
        "node = n1\nadmin_name = ada\nadmin_password_hash = secret\n", "node = n1\ncolour = red\n",
        "node = n1\nnode = n2\n" };

    for (size_t i = 0; i < AV_COUNT(bad); i++) {
        av_bootstrap b;
        av_error err;

        av_check_row = (long)i;
        AV_CHECK_RC(av_bootstrap_parse(av_span_str(bad[i]), &b, &err), AV_ERR_INVALID, &err);
        av_bootstrap_release(&b);
    }
}

int
main(void)
{
    AV_RUN(test_parse);
    AV_RUN(test_refused);
    return av_check_done();
}
