/*
 * certificate.h - a self-signed TLS certificate for a fresh node, until the operator brings one
 */
#ifndef AV_TOOLS_CLI_CERTIFICATE_H
#define AV_TOOLS_CLI_CERTIFICATE_H

#include "base/error.h"

/*
 * Writes key (0600) and certificate (P-256, 825 days) for host, localhost, 127.0.0.1 and ::1. Existing files are replaced.
 */
av_errc cli_certificate_make(const char *host, const char *cert_path, const char *key_path, av_error *err);

#endif
