/*
 * settings.h - limits and times of the gateway: D/archivolt-gateway.conf, then --set
 */
#ifndef AV_GATEWAY_SETTINGS_H
#define AV_GATEWAY_SETTINGS_H

#include "base/settings.h"

typedef struct av_gateway_settings {
    /* all doors */
    uint64_t max_connections;
    uint64_t handshake_timeout_s;
    uint64_t output_buffer_bytes;
    uint64_t output_stall_timeout_s;
    char *tls_certificate, *tls_key; /* empty: D/tls/cert.pem, D/tls/key.pem */
    uint64_t tls_watch_s;            /* 0: the files are looked at on SIGHUP alone */
    /* files for mail programs (http/mail_setup.h) */
    char *mail_host_name, *mail_instance, *mail_display_name, *mail_smtp_host;
    uint64_t mail_smtp_port;
    bool mail_profile_signed;
    /* HTTP */
    uint64_t http_connections, http_connections_per_address;
    uint64_t http_header_bytes, http_form_bytes, http_form_budget_bytes, http_reply_budget_bytes;
    uint64_t http_request_timeout_s, http_idle_timeout_s, http_reply_bytes_per_s;
    /* Management API */
    uint64_t api_call_timeout_s;
    uint64_t api_long_poll_max_s;
    uint64_t api_calls, api_calls_per_administrator;
    uint64_t api_logins;
    /* IMAP */
    uint64_t imap_connections, imap_connections_per_address;
    uint64_t imap_login_timeout_s, imap_idle_timeout_s;
    uint64_t imap_line_bytes, imap_literal_bytes;
    uint64_t imap_bad_commands, imap_failed_logins;
    uint64_t imap_login_free_tries, imap_login_wait_max_s;
    uint64_t imap_log_mb;
    bool imap_search_exact;
    bool imap_scram;
    bool imap_compress;
    uint64_t imap_compress_window_bits, imap_compress_memory_level, imap_compress_level;
} av_gateway_settings;

extern const av_setting av_gateway_setting_rows[];

#endif
