/*
 * certificate.c - see certificate.h
 */
#include "tools/cli/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "base/secret.h"

#define DAYS 825

static bool
add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static X509 *
make_certificate(EVP_PKEY *key, const char *host)
{
    X509 *cert = X509_new();
    X509_NAME *name = cert == NULL ? NULL : X509_get_subject_name(cert);
    AV_CLEANUP(av_free) char *names = av_xasprintf("DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1", host);
    uint8_t serial[16];
    BIGNUM *number = NULL;
    bool ok = name != NULL;

    ok = ok && X509_set_version(cert, 2) == 1;
    av_random_bytes(serial, sizeof serial);
    serial[0] &= 0x7f; /* positive */
    number = BN_bin2bn(serial, sizeof serial, NULL);
    ok = ok && number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    ok = ok && X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL;
    ok = ok && X509_gmtime_adj(X509_getm_notAfter(cert), 60L * 60 * 24 * DAYS) != NULL;
    ok = ok && X509_set_pubkey(cert, key) == 1;
    ok = ok && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)host, -1, -1, 0) == 1;
    ok = ok && X509_set_issuer_name(cert, name) == 1;
    ok = ok && add_extension(cert, NID_subject_alt_name, names);
    ok = ok && add_extension(cert, NID_basic_constraints, "critical,CA:FALSE");
    ok = ok && add_extension(cert, NID_key_usage, "critical,digitalSignature");
    ok = ok && add_extension(cert, NID_ext_key_usage, "serverAuth");
    ok = ok && X509_sign(cert, key, EVP_sha256()) != 0;
    if (!ok) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static av_errc
write_bio(BIO *bio, const char *path, mode_t mode, av_error *err)
{
    char *bytes = NULL;
    long n = BIO_get_mem_data(bio, &bytes);

    return av_file_replace(path, av_span_of(bytes, (size_t)n), mode, err);
}

av_errc
cli_certificate_make(const char *host, const char *cert_path, const char *key_path, av_error *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key == NULL ? NULL : make_certificate(key, host);
    BIO *cert_text = BIO_new(BIO_s_mem()), *key_text = BIO_new(BIO_s_secmem());
    av_errc rc;

    if (cert == NULL || cert_text == NULL || key_text == NULL || PEM_write_bio_X509(cert_text, cert) != 1 ||
        PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) != 1)
        rc = av_error_set(err, AV_ERR_INTERNAL, "cannot make a certificate for \"%s\": %s", host,
            ERR_reason_error_string(ERR_peek_last_error()));
    else
        rc = write_bio(key_text, key_path, 0600, err);
    if (rc == AV_OK)
        rc = write_bio(cert_text, cert_path, 0644, err);
    BIO_free(cert_text);
    BIO_free(key_text);
    X509_free(cert);
    EVP_PKEY_free(key);
    return rc;
}
