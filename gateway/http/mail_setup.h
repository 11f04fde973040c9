/*
 * mail_setup.h - files from which mail programs set themselves up for an archive, on the HTTPS door and without a login
 *
 *   GET  /mail/config-v1.1.xml, /.well-known/autoconfig/mail/config-v1.1.xml      Thunderbird and its kin
 *   POST /autodiscover/autodiscover.xml                                           Outlook (POX Autodiscover)
 *   GET  /mail/archive.mobileconfig                                               iPhone, iPad, Mac: a profile
 *
 * Query: instance=, user=, emailaddress=. They are put into the file and looked up nowhere: who asks learns nothing of who is
 * there. Settings: mail_host_name, mail_instance, mail_display_name, mail_smtp_host, mail_smtp_port, mail_profile_signed
 * (docs/mail-clients.md).
 */
#ifndef AV_GATEWAY_HTTP_MAIL_SETUP_H
#define AV_GATEWAY_HTTP_MAIL_SETUP_H

#include "gateway/http/server.h"

/* Answers when the path is one of the above. false: another path, nothing was answered. */
bool av_http_mail_setup_answer(const av_gateway *gateway, av_http_request *request);
/* A site that has this and health.h; ctx of the site is the gateway. */
extern const av_http_site av_http_mail_setup_site_template;

/* ---- the files, pure ---- */

typedef struct av_mail_setup {
    av_span host, display_name;
    unsigned imap_port, imaps_port;
    av_span smtp_host; /* empty: none, the archive sends no mail */
    unsigned smtp_port;
    av_span instance, user; /* user empty: not known */
    av_span email;          /* empty: not known */
} av_mail_setup;

/*
 * What may stand in a file: instance by the rule of names, user of 1 to 255 bytes of UTF-8 without control bytes and slash,
 * email with one "@" inside. Empty ones are fine. false: something else.
 */
bool av_mail_setup_is_sound(const av_mail_setup *self);
/* Each appends to out; false: out is full. instance is not empty. */
bool av_mail_setup_thunderbird(const av_mail_setup *self, av_buf *out);
bool av_mail_setup_outlook(const av_mail_setup *self, av_buf *out);
/* user is not empty. */
bool av_mail_setup_apple(const av_mail_setup *self, av_buf *out);
/* The address in an Autodiscover request (MS-OXDSCLI, 2.2.3.1.1.1: EMailAddress), or empty. */
av_span av_mail_setup_asked_email(av_span body);

#endif
