/*
 * mail_setup.c - see mail_setup.h: which file for which request. The files themselves: mail_setup_files.c
 */
#include "gateway/http/mail_setup.h"

#include "gateway/http/health.h"

#define FILE_MAX     65536
#define ARGUMENT_MAX 1024
#define XML          "text/xml; charset=utf-8"
#define PROFILE      "application/x-apple-aspen-config"
#define BAD          "instance, user or emailaddress is not one."
#define WHO          "Say for whom: ?instance=NAME&user=NAME (the operator may have set mail_instance)."

typedef enum setup_kind { SETUP_NONE, SETUP_THUNDERBIRD, SETUP_OUTLOOK, SETUP_APPLE } setup_kind;

static const av_http_header no_store[] = { { "Cache-Control", "no-store" }, { NULL, NULL } };
static const av_http_header download[] = { { "Cache-Control", "no-store" },
    { "Content-Disposition", "attachment; filename=\"archive.mobileconfig\"" }, { NULL, NULL } };

static setup_kind
kind_of(const av_http_request *request)
{
    static const struct {
        const char *path;
        setup_kind kind;
    } rows[] = {
        { "/mail/config-v1.1.xml", SETUP_THUNDERBIRD },
        { "/.well-known/autoconfig/mail/config-v1.1.xml", SETUP_THUNDERBIRD },
        { "/autodiscover/autodiscover.xml", SETUP_OUTLOOK },
        { "/mail/archive.mobileconfig", SETUP_APPLE },
    };
    av_span path = av_span_str(av_http_request_path(request));

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        if (av_span_ieq_str(path, rows[i].path)) /* Outlook asks in any letter case */
            return rows[i].kind;
    }
    return SETUP_NONE;
}

/* The three of the query, decoded: the setup borrows from them. */
typedef struct query {
    av_buf instance, user, email;
} query;

static void
query_release(query *self)
{
    av_buf_release(&self->instance);
    av_buf_release(&self->user);
    av_buf_release(&self->email);
}

static bool
take_query(const av_http_request *request, const char *instance, query *ret)
{
    av_buf_init(&ret->instance, ARGUMENT_MAX);
    av_buf_init(&ret->user, ARGUMENT_MAX);
    av_buf_init(&ret->email, ARGUMENT_MAX);
    if (!av_http_request_argument(request, "instance", &ret->instance) ||
        !av_http_request_argument(request, "user", &ret->user) ||
        !av_http_request_argument(request, "emailaddress", &ret->email))
        return false;
    return ret->instance.n > 0 || av_buf_puts(&ret->instance, instance);
}

static av_mail_setup
setup_of(const av_gateway *gateway, const query *asked)
{
    const av_gateway_settings *s = av_gateway_get_settings(gateway);
    const av_node *node = av_gateway_node(gateway);

    return (av_mail_setup){
        .host = av_span_str(s->mail_host_name[0] != '\0' ? s->mail_host_name : node->full_host_name),
        .display_name = av_span_str(s->mail_display_name),
        .imap_port = av_node_port(node, node->port_imap),
        .imaps_port = av_node_port(node, node->port_imaps),
        .smtp_host = av_span_str(s->mail_smtp_host),
        .smtp_port = (unsigned)s->mail_smtp_port,
        .instance = av_buf_span(&asked->instance),
        .user = av_buf_span(&asked->user),
        .email = av_buf_span(&asked->email),
    };
}

/* Outlook names the address in its body. What stands before the "@" is the user, unless the query names one. */
static void
complete(av_mail_setup *setup, setup_kind kind, const av_http_request *request)
{
    size_t at;

    if (kind == SETUP_OUTLOOK && setup->email.n == 0)
        setup->email = av_mail_setup_asked_email(av_http_request_body(request));
    at = av_span_find(setup->email, '@');
    if (setup->user.n == 0 && at < setup->email.n)
        setup->user = av_span_slice(setup->email, 0, at);
}

static void
answer_profile(const av_gateway *gateway, av_http_request *request, av_buf *file)
{
    AV_CLEANUP(av_buf_release) av_buf sealed = { 0 };
    av_error err;

    if (!av_gateway_get_settings(gateway)->mail_profile_signed) {
        av_http_request_answer(request, 200, PROFILE, download, file);
        return;
    }
    av_buf_init(&sealed, FILE_MAX);
    if (av_gateway_sign(gateway, av_buf_span(file), &sealed, &err) == AV_OK)
        av_http_request_answer(request, 200, PROFILE, download, &sealed);
    else
        av_http_request_answer_text(request, 500, no_store, err.msg);
}

bool
av_http_mail_setup_answer(const av_gateway *gateway, av_http_request *request)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    AV_CLEANUP(query_release) query asked = { 0 };
    setup_kind kind = kind_of(request);
    av_mail_setup setup;
    bool ok;

    if (kind == SETUP_NONE)
        return false;
    ok = take_query(request, av_gateway_get_settings(gateway)->mail_instance, &asked);
    setup = setup_of(gateway, &asked);
    complete(&setup, kind, request);
    if (!ok || !av_mail_setup_is_sound(&setup)) {
        av_http_request_answer_text(request, 400, no_store, BAD);
        return true;
    }
    if (setup.instance.n == 0 || (setup.user.n == 0 && kind != SETUP_THUNDERBIRD)) {
        av_http_request_answer_text(request, 404, no_store, WHO);
        return true;
    }
    av_buf_init(&file, FILE_MAX);
    ok = kind == SETUP_THUNDERBIRD ? av_mail_setup_thunderbird(&setup, &file)
         : kind == SETUP_OUTLOOK   ? av_mail_setup_outlook(&setup, &file)
                                   : av_mail_setup_apple(&setup, &file);
    if (!ok)
        av_http_request_answer_text(request, 500, no_store, "The file is too large.");
    else if (kind == SETUP_APPLE)
        answer_profile(gateway, request, &file);
    else
        av_http_request_answer(request, 200, XML, no_store, &file);
    return true;
}

static void
handle(void *ctx, av_http_request *request)
{
    if (!av_http_health_answer(ctx, request) && !av_http_mail_setup_answer(ctx, request))
        av_http_request_answer_text(request, 404, NULL, "There is nothing at this address.");
}

static bool
wants_body(void *ctx AV_UNUSED, const av_http_request *request)
{
    return kind_of(request) == SETUP_OUTLOOK;
}

const av_http_site av_http_mail_setup_site_template = { .name = "https", .handle = handle, .wants_body = wants_body };
