/*
 * mail_setup_files.c - see mail_setup.h: the three files, and what may stand in them
 *
 * Sources: the format of Thunderbird's config-v1.1 (Mozilla wiki, "Autoconfiguration: FileFormat"); MS-OXDSCLI, 2.2.4.1 (POX
 * Autodiscover, IMAP as in [MS-OXDSCLI] 2.2.4.1.1.2.14); Apple's "Configuration Profile Reference", payload
 * com.apple.mail.managed.
 */
#include "base/encode.h"
#include "base/unicode.h"
#include "gateway/http/mail_setup.h"

#define INSTANCE_MAX 63
#define USER_MAX     255
#define EMAIL_MAX    320
/* A name that leads nowhere (RFC 6761, 6.4): where a program demands a server for outgoing mail and there is none. */
#define NO_SERVER    "smtp.invalid"

/* ---- what may stand in a file ---- */

static bool
is_plain(av_span text, size_t most)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < 0x20 || text.p[i] == 0x7f)
            return false;
    }
    return text.n <= most && av_utf8_valid(text);
}

static bool
is_instance(av_span name)
{
    static const char others[] = "._-";

    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && (i == 0 || strchr(others, c) == NULL || c == '\0'))
            return false;
    }
    return name.n <= INSTANCE_MAX;
}

static bool
is_email(av_span address)
{
    size_t at = av_span_find(address, '@');

    if (address.n == 0)
        return true;
    return is_plain(address, EMAIL_MAX) && at > 0 && at + 1 < address.n &&
           av_span_find(av_span_skip(address, at + 1), '@') == address.n - at - 1 &&
           av_span_find(address, ' ') == address.n;
}

bool
av_mail_setup_is_sound(const av_mail_setup *self)
{
    return is_instance(self->instance) && is_plain(self->user, USER_MAX) &&
           av_span_find(self->user, '/') == self->user.n && is_email(self->email);
}

/* ---- XML ---- */

static void
put_escaped(av_buf *out, av_span text)
{
    for (size_t i = 0; i < text.n; i++) {
        switch (text.p[i]) {
        case '&':
            (void)av_buf_puts(out, "&amp;");
            break;
        case '<':
            (void)av_buf_puts(out, "&lt;");
            break;
        case '>':
            (void)av_buf_puts(out, "&gt;");
            break;
        case '"':
            (void)av_buf_puts(out, "&quot;");
            break;
        default:
            (void)av_buf_putc(out, text.p[i]);
        }
    }
}

/* <name>text</name>, indented. */
static void
put_element(av_buf *out, unsigned indent, const char *name, av_span text)
{
    (void)av_buf_printf(out, "%*s<%s>", (int)indent, "", name);
    put_escaped(out, text);
    (void)av_buf_printf(out, "</%s>\n", name);
}

static void
put_number(av_buf *out, unsigned indent, const char *name, unsigned number)
{
    (void)av_buf_printf(out, "%*s<%s>%u</%s>\n", (int)indent, "", name, number, name);
}

/* instance/user, onto out as it is. */
static void
put_login(av_buf *out, const av_mail_setup *self, const char *unknown_user)
{
    (void)av_buf_append_span(out, self->instance);
    (void)av_buf_putc(out, '/');
    (void)av_buf_append_span(out, self->user.n > 0 ? self->user : av_span_str(unknown_user));
}

/* ---- Thunderbird ---- */

static void
put_incoming(av_buf *out, const av_mail_setup *self, av_span login, bool implicit)
{
    (void)av_buf_puts(out, "    <incomingServer type=\"imap\">\n");
    put_element(out, 6, "hostname", self->host);
    put_number(out, 6, "port", implicit ? self->imaps_port : self->imap_port);
    put_element(out, 6, "socketType", av_span_str(implicit ? "SSL" : "STARTTLS"));
    put_element(out, 6, "authentication", av_span_str("password-cleartext")); /* inside TLS */
    put_element(out, 6, "username", login);
    (void)av_buf_puts(out, "    </incomingServer>\n");
}

bool
av_mail_setup_thunderbird(const av_mail_setup *self, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf login = { 0 };
    size_t at = av_span_find(self->email, '@');
    av_span domain = at < self->email.n ? av_span_skip(self->email, at + 1) : self->host;

    av_buf_init(&login, 1024);
    put_login(&login, self, "%EMAILLOCALPART%");
    (void)av_buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n");
    (void)av_buf_puts(out, "  <emailProvider id=\"");
    put_escaped(out, domain);
    (void)av_buf_puts(out, "\">\n");
    put_element(out, 4, "domain", domain);
    put_element(out, 4, "displayName", self->display_name);
    put_element(out, 4, "displayShortName", self->display_name);
    put_incoming(out, self, av_buf_span(&login), true);
    put_incoming(out, self, av_buf_span(&login), false);
    if (self->smtp_host.n > 0) {
        (void)av_buf_puts(out, "    <outgoingServer type=\"smtp\">\n");
        put_element(out, 6, "hostname", self->smtp_host);
        put_number(out, 6, "port", self->smtp_port);
        put_element(out, 6, "socketType", av_span_str(self->smtp_port == 465 ? "SSL" : "STARTTLS"));
        put_element(out, 6, "authentication", av_span_str("password-cleartext"));
        put_element(out, 6, "username", av_span_str("%EMAILADDRESS%"));
        (void)av_buf_puts(out, "    </outgoingServer>\n");
    }
    return av_buf_puts(out, "  </emailProvider>\n</clientConfig>\n");
}

/* ---- Outlook ---- */

static void
put_protocol(av_buf *out, const char *type, av_span host, unsigned port, av_span login, bool implicit)
{
    (void)av_buf_puts(out, "      <Protocol>\n");
    put_element(out, 8, "Type", av_span_str(type));
    put_element(out, 8, "Server", host);
    put_number(out, 8, "Port", port);
    put_element(out, 8, "DomainRequired", av_span_str("off"));
    put_element(out, 8, "LoginName", login);
    put_element(out, 8, "SPA", av_span_str("off"));
    put_element(out, 8, "SSL", av_span_str("on"));
    put_element(out, 8, "Encryption", av_span_str(implicit ? "SSL" : "TLS"));
    put_element(out, 8, "AuthRequired", av_span_str("on"));
    (void)av_buf_puts(out, "      </Protocol>\n");
}

bool
av_mail_setup_outlook(const av_mail_setup *self, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf login = { 0 };

    av_buf_init(&login, 1024);
    put_login(&login, self, "");
    (void)av_buf_puts(out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n"
        "  <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\">\n"
        "    <Account>\n");
    put_element(out, 6, "AccountType", av_span_str("email"));
    put_element(out, 6, "Action", av_span_str("settings"));
    put_protocol(out, "IMAP", self->host, self->imaps_port, av_buf_span(&login), true);
    if (self->smtp_host.n > 0)
        put_protocol(out, "SMTP", self->smtp_host, self->smtp_port, self->email, self->smtp_port == 465);
    return av_buf_puts(out, "    </Account>\n  </Response>\n</Autodiscover>\n");
}

av_span
av_mail_setup_asked_email(av_span body)
{
    static const char begin[] = "<EMailAddress>";
    const uint8_t *at = body.n == 0 ? NULL : memmem(body.p, body.n, begin, sizeof begin - 1);
    av_span rest;

    if (at == NULL)
        return av_span_of(NULL, 0);
    rest = av_span_skip(body, (size_t)(at - body.p) + sizeof begin - 1);
    return av_span_trim(av_span_slice(rest, 0, av_span_find(rest, '<')));
}

/* ---- Apple ---- */

static void
put_string(av_buf *out, unsigned indent, const char *key, av_span text)
{
    put_element(out, indent, "key", av_span_str(key));
    put_element(out, indent, "string", text);
}

static void
put_integer(av_buf *out, unsigned indent, const char *key, unsigned number)
{
    put_element(out, indent, "key", av_span_str(key));
    put_number(out, indent, "integer", number);
}

static void
put_bool(av_buf *out, unsigned indent, const char *key, bool value)
{
    put_element(out, indent, "key", av_span_str(key));
    (void)av_buf_printf(out, "%*s<%s/>\n", (int)indent, "", value ? "true" : "false");
}

/* The same profile for the same account each time: installed again it takes the place of the old one (RFC 9562, 5.8). */
static void
put_uuid(av_buf *out, unsigned indent, const char *what, av_span login, av_span host)
{
    AV_CLEANUP(av_buf_release) av_buf name = { 0 };
    uint8_t d[AV_SHA256_SIZE];
    char hex[33], text[40];

    av_buf_init(&name, 4096);
    (void)av_buf_printf(&name, "archivolt %s ", what);
    (void)av_buf_append_span(&name, host);
    (void)av_buf_putc(&name, ' ');
    (void)av_buf_append_span(&name, login);
    av_sha256(av_buf_span(&name), d);
    d[6] = (uint8_t)((d[6] & 0x0f) | 0x80);
    d[8] = (uint8_t)((d[8] & 0x3f) | 0x80);
    av_hex_encode(av_span_of(d, 16), hex);
    (void)snprintf(text, sizeof text, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    put_string(out, indent, "PayloadUUID", av_span_str(text));
}

static void
put_mail_payload(const av_mail_setup *self, av_span login, av_buf *out)
{
    bool sends = self->smtp_host.n > 0;

    put_string(out, 6, "PayloadType", av_span_str("com.apple.mail.managed"));
    put_integer(out, 6, "PayloadVersion", 1);
    put_string(out, 6, "PayloadIdentifier", av_span_str("org.archivolt.archive.mail"));
    put_uuid(out, 6, "mail", login, self->host);
    put_string(out, 6, "PayloadDisplayName", self->display_name);
    put_string(out, 6, "EmailAccountDescription", self->display_name);
    put_string(out, 6, "EmailAccountType", av_span_str("EmailTypeIMAP"));
    put_string(out, 6, "EmailAddress", self->email.n > 0 ? self->email : login);
    put_string(out, 6, "IncomingMailServerAuthentication", av_span_str("EmailAuthPassword"));
    put_string(out, 6, "IncomingMailServerHostName", self->host);
    put_integer(out, 6, "IncomingMailServerPortNumber", self->imaps_port);
    put_bool(out, 6, "IncomingMailServerUseSSL", true);
    put_string(out, 6, "IncomingMailServerUsername", login);
    put_string(out, 6, "OutgoingMailServerAuthentication", av_span_str(sends ? "EmailAuthPassword" : "EmailAuthNone"));
    put_string(out, 6, "OutgoingMailServerHostName", sends ? self->smtp_host : av_span_str(NO_SERVER));
    put_integer(out, 6, "OutgoingMailServerPortNumber", sends ? self->smtp_port : 587);
    put_bool(out, 6, "OutgoingMailServerUseSSL", true);
    if (sends)
        put_string(out, 6, "OutgoingMailServerUsername", self->email);
    put_bool(out, 6, "PreventMove", false);
}

bool
av_mail_setup_apple(const av_mail_setup *self, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf login = { 0 };

    av_buf_init(&login, 1024);
    put_login(&login, self, "");
    (void)av_buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                           "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                           "<plist version=\"1.0\">\n<dict>\n"
                           "  <key>PayloadContent</key>\n  <array>\n    <dict>\n");
    put_mail_payload(self, av_buf_span(&login), out);
    (void)av_buf_puts(out, "    </dict>\n  </array>\n");
    put_string(out, 2, "PayloadType", av_span_str("Configuration"));
    put_integer(out, 2, "PayloadVersion", 1);
    put_string(out, 2, "PayloadIdentifier", av_span_str("org.archivolt.archive"));
    put_uuid(out, 2, "profile", av_buf_span(&login), self->host);
    put_string(out, 2, "PayloadDisplayName", self->display_name);
    put_bool(out, 2, "PayloadRemovalDisallowed", false);
    return av_buf_puts(out, "</dict>\n</plist>\n");
}
