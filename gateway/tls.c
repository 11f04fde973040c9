/*
 * tls.c - see tls.h
 *
 * Suites: RFC 9325, 4.2 (recommended for TLS 1.2), TLS 1.3's own list is left as OpenSSL has it.
 */
#include "gateway/tls.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <sys/stat.h>

/* What tells one version of a file from the next. */
typedef struct file_mark {
    struct timespec changed;
    off_t size;
    ino_t inode;
} file_mark;

struct av_tls {
    char *certificate_path, *key_path;
    file_mark certificate_mark, key_mark;
    SSL_CTX *context;
};

static const char suites_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

const char *
av_tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    ERR_clear_error();
    return reason == NULL ? "no reason given" : reason;
}

static av_errc
check_key_file(const char *path, av_error *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return av_error_errno(err, "TLS key %s", path);
    if ((st.st_mode & S_IROTH) != 0)
        return av_error_set(err, AV_ERR_DENIED, "TLS key %s may be read by everybody: chmod 600 it", path);
    return AV_OK;
}

static av_errc
load_files(SSL_CTX *context, const char *certificate_path, const char *key_path, av_error *err)
{
    av_errc rc = check_key_file(key_path, err);

    if (rc != AV_OK)
        return rc;
    if (SSL_CTX_use_certificate_chain_file(context, certificate_path) != 1)
        return av_error_set(err, AV_ERR_INVALID, "TLS certificate %s: %s", certificate_path, av_tls_reason());
    if (SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) != 1)
        return av_error_set(err, AV_ERR_INVALID, "TLS key %s: %s", key_path, av_tls_reason());
    if (SSL_CTX_check_private_key(context) != 1)
        return av_error_set(
            err, AV_ERR_INVALID, "TLS key %s does not belong to the certificate %s", key_path, certificate_path);
    return AV_OK;
}

static bool
set_policy(SSL_CTX *context)
{
    static const unsigned char session_id[] = "archivolt";

    SSL_CTX_set_options(context,
        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    /* RELEASE_BUFFERS: an idle session holds no record buffers, some 34 KB less each. */
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    /* Resumption by tickets alone: no session of a peer stays in our memory. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, suites_12) == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 && SSL_CTX_set_num_tickets(context, 1) == 1 &&
           SSL_CTX_set_session_id_context(context, session_id, sizeof session_id - 1) == 1;
}

static file_mark
mark_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return (file_mark){ .size = -1 };
    return (file_mark){ .changed = st.st_mtim, .size = st.st_size, .inode = st.st_ino };
}

static bool
is_same(file_mark a, file_mark b)
{
    return a.changed.tv_sec == b.changed.tv_sec && a.changed.tv_nsec == b.changed.tv_nsec && a.size == b.size &&
           a.inode == b.inode;
}

bool
av_tls_has_changed(av_tls *self)
{
    file_mark certificate = mark_of(self->certificate_path), key = mark_of(self->key_path);
    bool changed = !is_same(certificate, self->certificate_mark) || !is_same(key, self->key_mark);

    self->certificate_mark = certificate;
    self->key_mark = key;
    return changed;
}

av_errc
av_tls_reload(av_tls *self, av_error *err)
{
    SSL_CTX *fresh = SSL_CTX_new(TLS_server_method());
    av_errc rc;

    (void)av_tls_has_changed(self); /* marks what is read now: a change while it is read is found by the next look */
    if (fresh == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "TLS context: %s", av_tls_reason());
    if (!set_policy(fresh))
        rc = av_error_set(err, AV_ERR_INTERNAL, "TLS policy is not known to this OpenSSL: %s", av_tls_reason());
    else
        rc = load_files(fresh, self->certificate_path, self->key_path, err);
    if (rc != AV_OK) {
        SSL_CTX_free(fresh);
        return rc;
    }
    SSL_CTX_free(self->context); /* sessions hold a reference of their own */
    self->context = fresh;
    return AV_OK;
}

av_errc
av_tls_new(const char *certificate_path, const char *key_path, av_tls **ret, av_error *err)
{
    AV_CLEANUP(av_tls_destroy) av_tls *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->certificate_path = av_xstrdup(certificate_path);
    self->key_path = av_xstrdup(key_path);
    rc = av_tls_reload(self, err);
    if (rc != AV_OK)
        return rc;
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_tls_destroy(av_tls **self)
{
    if (*self == NULL)
        return;
    SSL_CTX_free((*self)->context);
    free((*self)->certificate_path);
    free((*self)->key_path);
    free(*self);
    *self = NULL;
}

SSL *
av_tls_session(av_tls *self, int fd)
{
    SSL *session = SSL_new(self->context);

    if (session == NULL)
        return NULL;
    if (SSL_set_fd(session, fd) != 1) {
        SSL_free(session);
        return NULL;
    }
    SSL_set_accept_state(session);
    return session;
}

/* RFC 9266, 2; in TLS 1.2 only with the extended master secret. */
static bool
put_exporter(SSL *session, av_buf *out)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    uint8_t bytes[32];

    if (SSL_version(session) < TLS1_3_VERSION && SSL_get_extms_support(session) != 1)
        return false;
    return SSL_export_keying_material(
               session, bytes, sizeof bytes, label, sizeof label - 1, (const unsigned char *)"", 0, 1) == 1 &&
           av_buf_append(out, bytes, sizeof bytes);
}

/* RFC 5929, 4.1: the certificate by the hash of its signature, SHA-256 in place of what is weaker. */
static bool
put_end_point(const SSL *session, av_buf *out)
{
    const X509 *certificate = SSL_get_certificate(session);
    unsigned char bytes[EVP_MAX_MD_SIZE];
    int hash = NID_undef;
    unsigned n = 0;

    if (certificate == NULL || X509_get_signature_info((X509 *)(uintptr_t)certificate, &hash, NULL, NULL, NULL) != 1)
        return false;
    if (hash == NID_undef || hash == NID_md5 || hash == NID_sha1)
        hash = NID_sha256;
    return X509_digest(certificate, EVP_get_digestbynid(hash), bytes, &n) == 1 && av_buf_append(out, bytes, n);
}

bool
av_tls_channel_binding(SSL *session, av_span name, av_buf *out)
{
    bool ok = false;

    if (av_span_eq_str(name, "tls-exporter"))
        ok = put_exporter(session, out);
    else if (av_span_eq_str(name, "tls-server-end-point"))
        ok = put_end_point(session, out);
    ERR_clear_error();
    return ok;
}

static av_errc
put_der(CMS_ContentInfo *message, av_buf *out, av_error *err)
{
    int n = i2d_CMS_ContentInfo(message, NULL);
    uint8_t *at = n <= 0 ? NULL : av_buf_reserve(out, (size_t)n);

    if (n <= 0)
        return av_error_set(err, AV_ERR_INTERNAL, "signing failed: %s", av_tls_reason());
    if (at == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "the signed message is too long");
    out->n += (size_t)i2d_CMS_ContentInfo(message, &at);
    return AV_OK;
}

av_errc
av_tls_sign(const av_tls *self, av_span bytes, av_buf *out, av_error *err)
{
    STACK_OF(X509) *chain = NULL;
    BIO *in = BIO_new_mem_buf(bytes.p, (int)bytes.n);
    CMS_ContentInfo *message = NULL;
    av_errc rc;

    (void)SSL_CTX_get0_chain_certs(self->context, &chain);
    if (in != NULL)
        message = CMS_sign(SSL_CTX_get0_certificate(self->context), SSL_CTX_get0_privatekey(self->context), chain, in,
            CMS_BINARY | CMS_NOSMIMECAP);
    if (message != NULL)
        rc = put_der(message, out, err);
    else
        rc = av_error_set(err, AV_ERR_INTERNAL, "signing failed: %s", av_tls_reason());
    CMS_ContentInfo_free(message);
    BIO_free(in);
    ERR_clear_error();
    return rc;
}
