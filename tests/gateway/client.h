/*
 * client.h - for tests of the gateway: a certificate, a gateway on loopback without a bus, a blocking TLS client
 *
 * The gateway's loop runs in the test's process; clients speak from a process of their own.
 */
#ifndef AV_TESTS_GATEWAY_CLIENT_H
#define AV_TESTS_GATEWAY_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "gateway/gateway.h"
#include "tests/check.h"

typedef struct gw_rig {
    char dir[64];
    av_loop *loop;
    av_node node;
    av_gateway_settings settings;
    av_gateway *gateway;
    unsigned port;
} gw_rig;

static bool
write_pem(const char *path, EVP_PKEY *key, X509 *certificate)
{
    FILE *f = fopen(path, "w");
    bool ok = f != NULL && fchmod(fileno(f), 0600) == 0;

    if (ok && certificate != NULL)
        ok = PEM_write_X509(f, certificate) == 1;
    else if (ok)
        ok = PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    return ok;
}

/* A self-signed certificate and its key in dir/tls. */
__attribute__((unused)) static bool
make_certificate(const char *dir)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    char path[128];
    bool ok;

    (void)snprintf(path, sizeof path, "%s/tls", dir);
    (void)mkdir(path, 0700);
    (void)ASN1_INTEGER_set_int64(X509_get_serialNumber(x), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(x), -60);
    (void)X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    (void)X509_set_pubkey(x, key);
    (void)X509_NAME_add_entry_by_txt(
        X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    (void)X509_set_issuer_name(x, X509_get_subject_name(x));
    ok = X509_sign(x, key, EVP_sha256()) > 0;
    (void)snprintf(path, sizeof path, "%s/tls/cert.pem", dir);
    ok = ok && write_pem(path, key, x);
    (void)snprintf(path, sizeof path, "%s/tls/key.pem", dir);
    ok = ok && write_pem(path, key, NULL);
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}

/* A port that was free a moment ago. */
static unsigned
free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    unsigned port = 0;

    if (bind(fd, (struct sockaddr *)&at, n) == 0 && getsockname(fd, (struct sockaddr *)&at, &n) == 0)
        port = ntohs(at.sin_port);
    (void)close(fd);
    return port;
}

__attribute__((unused)) static void
gw_start(gw_rig *self)
{
    av_gateway_config config = { .node = &self->node, .name = "gateway@t", .settings = &self->settings };
    av_error err = { 0 };

    *self = (gw_rig){ .dir = "/tmp/av-gateway-XXXXXX" };
    AV_CHECK(mkdtemp(self->dir) != NULL && make_certificate(self->dir));
    self->port = free_port();
    self->node =
        (av_node){ .data_dir = self->dir, .node = (char *)(uintptr_t) "t", .listen = (char *)(uintptr_t) "127.0.0.1" };
    av_settings_defaults(av_gateway_setting_rows, &self->settings);
    AV_CHECK_RC(av_loop_new(&self->loop, &err), AV_OK, &err);
    config.loop = self->loop;
    AV_CHECK_RC(av_gateway_new(&config, &self->gateway, &err), AV_OK, &err);
}

struct gw_client {
    av_loop *loop;
    pid_t pid;
    int status;
};

static void
look_for_client(void *ctx)
{
    struct gw_client *self = ctx;

    if (waitpid(self->pid, &self->status, WNOHANG) == self->pid)
        av_loop_stop(self->loop);
}

/* Run speak(ctx) in a process of its own against the loop; its failed checks are one failed check here. */
__attribute__((unused)) static void
gw_run_client(av_loop *loop, void (*speak)(void *ctx), void *ctx)
{
    struct gw_client self = { .loop = loop, .status = -1 };
    av_loop_timer *timer;

    (void)fflush(stdout);
    self.pid = fork();
    if (self.pid == 0) {
        av_check_failed = 0;
        speak(ctx);
        (void)fflush(stdout);
        _exit(av_check_failed == 0 ? 0 : 1);
    }
    timer = av_loop_add_timer(loop, 20, 20, look_for_client, &self);
    av_loop_run(loop);
    av_loop_remove_timer(&timer);
    AV_CHECK_INT(self.status, 0);
}

/* After av_gateway_close, and the end of all protocols. */
__attribute__((unused)) static void
gw_end(gw_rig *self)
{
    static const char *const files[] = { "/tls/cert.pem", "/tls/key.pem", NULL };
    char path[128];

    av_gateway_destroy(&self->gateway);
    av_loop_destroy(&self->loop);
    av_settings_release(av_gateway_setting_rows, &self->settings);
    for (size_t i = 0; files[i] != NULL; i++) {
        (void)snprintf(path, sizeof path, "%s%s", self->dir, files[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/tls", self->dir);
    (void)rmdir(path);
    (void)rmdir(self->dir);
}

/* ---- the client ---- */

typedef struct peer {
    int fd;
    SSL_CTX *context;
    SSL *tls;
} peer;

/* Blocking, with 10 s for each read and write. */
__attribute__((unused)) static bool
peer_connect(peer *self, unsigned port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)
    };
    struct timeval patience = { .tv_sec = 10 };

    *self = (peer){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    (void)setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return connect(self->fd, (struct sockaddr *)&at, sizeof at) == 0;
}

__attribute__((unused)) static bool
peer_start_tls(peer *self)
{
    self->context = SSL_CTX_new(TLS_client_method());
    self->tls = SSL_new(self->context);
    return SSL_set_fd(self->tls, self->fd) == 1 && SSL_connect(self->tls) == 1;
}

__attribute__((unused)) static bool
peer_send(peer *self, const void *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        const uint8_t *at = (const uint8_t *)p + done;
        ssize_t put = self->tls != NULL ? SSL_write(self->tls, at, (int)AV_MIN(n - done, 65536))
                                        : send(self->fd, at, n - done, MSG_NOSIGNAL);

        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

/* Bytes until the other side closes, or until `until` has been seen (NULL: to the end); false: the time was up. */
__attribute__((unused)) static bool
peer_read(peer *self, const char *until, av_buf *out)
{
    uint8_t bytes[16384];

    for (;;) {
        ssize_t n;

        if (until != NULL && memmem(av_buf_cstr(out), out->n, until, strlen(until)) != NULL)
            return true;
        errno = 0;
        n = self->tls != NULL ? SSL_read(self->tls, bytes, sizeof bytes) : recv(self->fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            return until == NULL && errno != EAGAIN;
        if (!av_buf_append(out, bytes, (size_t)n))
            return false;
    }
}

__attribute__((unused)) static void
peer_close(peer *self)
{
    SSL_free(self->tls);
    SSL_CTX_free(self->context);
    if (self->fd >= 0)
        (void)close(self->fd);
    *self = (peer){ .fd = -1 };
}

#endif
