/*
 * settings.c - see settings.h: one row a setting
 */
#include "gateway/settings.h"

#define U64(member, fallback_, min_, max_, help_)                                                                      \
    {                                                                                                                  \
        .key = #member, .type = AV_SETTING_U64, .offset = offsetof(av_gateway_settings, member),                       \
        .fallback = (fallback_), .min = (min_), .max = (max_), .help = (help_)                                         \
    }
#define BOOL(member, fallback_, help_)                                                                                 \
    {                                                                                                                  \
        .key = #member, .type = AV_SETTING_BOOL, .offset = offsetof(av_gateway_settings, member),                      \
        .fallback = (fallback_), .help = (help_)                                                                       \
    }
#define TEXT(member, fallback_, max_, help_)                                                                           \
    {                                                                                                                  \
        .key = #member, .type = AV_SETTING_STRING, .offset = offsetof(av_gateway_settings, member),                    \
        .fallback = (fallback_), .max = (max_), .help = (help_)                                                        \
    }
#define STRING(member, help_) TEXT(member, "", 4096, help_)

#define KB                    1024ULL
#define MB                    (1024ULL * KB)

const av_setting av_gateway_setting_rows[] = {
    U64(max_connections, "4000", 1, 1000000, "open client connections of all doors together"),
    U64(handshake_timeout_s, "10", 1, 600, "time for a TLS handshake"),
    U64(output_buffer_bytes, "262144", 16 * KB, 64 * MB, "bytes queued for one client before its protocol waits"),
    U64(output_stall_timeout_s, "60", 1, 3600, "a client that takes no byte for so long is cut"),
    STRING(tls_certificate, "certificate chain, PEM; empty: <data>/tls/cert.pem"),
    STRING(tls_key, "private key, PEM; empty: <data>/tls/key.pem"),
    U64(tls_watch_s, "10", 0, 86400,
        "certificate and key are looked at so often and loaded when they have changed; 0: on SIGHUP alone"),
    TEXT(mail_host_name, "", 253, "host name in the files for mail programs; empty: full_host_name of node.conf"),
    TEXT(mail_instance, "", 63, "instance in them where the request names none; empty: it must"),
    TEXT(mail_display_name, "Archive", 100, "name of the account in them"),
    TEXT(mail_smtp_host, "", 253, "server for outgoing mail in them; empty: none, an archive sends no mail"),
    U64(mail_smtp_port, "587", 1, 65535, "its port; 465: TLS from the start"),
    BOOL(mail_profile_signed, "yes", "sign Apple profiles with the server's certificate"),
    U64(http_connections, "1000", 1, 1000000, "open connections of each HTTP door"),
    U64(http_connections_per_address, "100", 1, 1000000, "of them from one address (IPv6: one /64)"),
    U64(http_header_bytes, "65536", 4 * KB, 1 * MB, "request line and headers of one request"),
    U64(http_form_bytes, "1048576", 1 * KB, 64 * MB, "body of one request"),
    U64(http_form_budget_bytes, "33554432", 1 * MB, 16384 * MB, "bodies over 16 KB of all requests together"),
    U64(http_reply_budget_bytes, "134217728", 16 * MB, 16384 * MB, "replies not yet sent of all requests together"),
    U64(http_request_timeout_s, "30", 1, 3600, "time for the whole of a request to arrive"),
    U64(http_idle_timeout_s, "60", 1, 3600, "time an open connection may wait between requests"),
    U64(http_reply_bytes_per_s, "4096", 1, 1 * MB,
        "slowest pace at which a reply must be taken, beyond its first minute"),
    U64(api_call_timeout_s, "120", 1, 3600, "time for an actor to answer one call"),
    U64(api_long_poll_max_s, "60", 1, 60, "longest wait of get-status"),
    U64(api_calls, "256", 1, 100000, "calls and long polls in work at once"),
    U64(api_calls_per_administrator, "64", 1, 100000, "of them for one administrator"),
    U64(api_logins, "8", 1, 1000, "logins of administrators asked of management at once"),
    U64(imap_connections, "2000", 1, 1000000, "open connections of each IMAP door"),
    U64(imap_connections_per_address, "200", 1, 1000000, "of them from one address (IPv6: one /64)"),
    U64(imap_login_timeout_s, "60", 1, 3600, "time until a login has succeeded"),
    U64(imap_idle_timeout_s, "1800", 60, 86400, "time without a command; RFC 9051, 5.4 demands 30 minutes"),
    U64(imap_line_bytes, "65536", 1 * KB, 1 * MB, "one command without its literals"),
    U64(imap_literal_bytes, "65536", 1 * KB, 64 * MB, "literals of one command"),
    U64(imap_bad_commands, "10", 1, 1000000, "commands that make no sense, until the client is sent away"),
    U64(imap_failed_logins, "5", 1, 1000, "failed logins of one connection, until it is closed"),
    U64(imap_login_free_tries, "10", 1, 1000000,
        "failed logins from one address (IPv6: one /64) that cost no waiting; each further one doubles it"),
    U64(imap_login_wait_max_s, "60", 1, 86400, "longest time an address waits after failed logins"),
    U64(imap_log_mb, "64", 1, 65536, "size of an instance's IMAP connection log; one older file of that size is kept"),
    BOOL(imap_search_exact, "no",
        "SEARCH BODY and TEXT look at the text of every message for the exact characters: slow (docs/search.md)"),
    BOOL(imap_scram, "no",
        "offer SCRAM-SHA-256; for users whose instance keeps what it needs (its setting scram_iterations)"),
    BOOL(imap_compress, "yes", "offer COMPRESS=DEFLATE"),
    U64(imap_compress_window_bits, "15", 9, 15, "window of the compressor: 2^n bytes"),
    U64(imap_compress_memory_level, "8", 1, 9, "hash of the compressor: 2^(n+9) bytes; freed while a session rests"),
    U64(imap_compress_level, "3", 1, 9, "1 fast, 9 small"),
    { .key = NULL },
};
