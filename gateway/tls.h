/*
 * tls.h - the certificate in force and the TLS settings of every listener
 *
 * OpenSSL 3, TLS 1.2 and later, forward secrecy and AEAD only, no renegotiation, no compression. The session of a
 * connection keeps the certificate it began with; a reload changes what new handshakes get.
 */
#ifndef AV_GATEWAY_TLS_H
#define AV_GATEWAY_TLS_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/util.h"

typedef struct av_tls av_tls;

/*
 * Load certificate chain and key from PEM files (paths copied). AV_ERR_IO, AV_ERR_INVALID (not PEM, key of another
 * certificate), AV_ERR_DENIED (a key file that everybody may read).
 */
av_errc av_tls_new(const char *certificate_path, const char *key_path, av_tls **ret, av_error *err);
void av_tls_destroy(av_tls **self);
/* The files again; on failure the old ones stay. */
av_errc av_tls_reload(av_tls *self, av_error *err);
/* The files are others than at the last load or the last time this said so. */
bool av_tls_has_changed(av_tls *self);
/* bytes as a signed CMS message (RFC 5652, 5) onto out, DER, the chain inside. AV_ERR_LIMIT, AV_ERR_INTERNAL. */
av_errc av_tls_sign(const av_tls *self, av_span bytes, av_buf *out, av_error *err);
/* The server side of one new session on a non-blocking socket, to be freed by SSL_free. NULL: out of memory. */
SSL *av_tls_session(av_tls *self, int fd);
/* av_conn_channel_binding. */
bool av_tls_channel_binding(SSL *session, av_span name, av_buf *out);
/* The reason of OpenSSL's oldest queued error, cleared; never NULL. */
const char *av_tls_reason(void);

#endif
