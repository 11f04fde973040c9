/*
 * bootstrap.c - see bootstrap.h
 */
#include "actors/management/bootstrap.h"

#include "base/settings.h"

#define STRING(name, text)                                                                                             \
    {                                                                                                                  \
#name, AV_SETTING_STRING, offsetof(av_bootstrap, name), "", 0, 1024, text                                      \
    }

static const av_setting table[] = {
    STRING(node, "node name"),
    STRING(full_host_name, "name clients connect to"),
    { "roles", AV_SETTING_STRING, offsetof(av_bootstrap, roles_text), "management", 0, 256, "roles of the node" },
    STRING(admin_name, "first system administrator"),
    STRING(admin_full_name, "full name"),
    STRING(admin_email, "e-mail address"),
    STRING(admin_password_hash, "Argon2id hash"),
    { 0 },
};

static bool
is_separator(uint8_t c)
{
    return c == ' ' || c == ',' || c == '\t';
}

static unsigned
role_of(av_span word)
{
    if (av_span_eq_str(word, "management"))
        return AV_ROLE_MANAGEMENT;
    if (av_span_eq_str(word, "host"))
        return AV_ROLE_HOST;
    return av_span_eq_str(word, "access") ? AV_ROLE_ACCESS : 0;
}

bool
av_roles_parse(av_span text, unsigned *ret)
{
    unsigned roles = 0;
    size_t begin = 0;

    for (size_t i = 0; i <= text.n; i++) {
        unsigned role;

        if (i < text.n && !is_separator(text.p[i]))
            continue;
        role = role_of(av_span_slice(text, begin, i));
        if (i > begin && role == 0)
            return false;
        roles |= role;
        begin = i + 1;
    }
    *ret = roles;
    return true;
}

av_errc
av_bootstrap_parse(av_span text, av_bootstrap *ret, av_error *err)
{
    av_errc rc;

    *ret = (av_bootstrap){ 0 };
    av_settings_defaults(table, ret);
    rc = av_settings_parse(table, ret, text, "bootstrap", err);
    if (rc != AV_OK)
        return rc;
    if (ret->node[0] == '\0')
        return av_error_set(err, AV_ERR_INVALID, "bootstrap: node is missing");
    if (!av_roles_parse(av_span_str(ret->roles_text), &ret->roles) || ret->roles == 0)
        return av_error_set(err, AV_ERR_INVALID, "bootstrap: roles must be some of management, host, access");
    if (ret->admin_name[0] != '\0' && strncmp(ret->admin_password_hash, "$argon2id$", 10) != 0)
        return av_error_set(err, AV_ERR_INVALID, "bootstrap: admin_password_hash must be an Argon2id hash");
    return AV_OK;
}

void
av_bootstrap_release(av_bootstrap *self)
{
    av_settings_release(table, self);
    *self = (av_bootstrap){ 0 };
}
