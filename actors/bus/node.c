/*
 * node.c - see node.h
 */
#include "actors/bus/node.h"

#include <stdio.h>
#include <unistd.h>

#include "actors/bus/names.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "proto/options.pb-c.h"

#define PORT(key, fallback, help)                                                                                      \
    {                                                                                                                  \
#key, AV_SETTING_U64, offsetof(av_node, key), fallback, 1, 65535, help                                         \
    }
#define TEXT(key, fallback, max, help)                                                                                 \
    {                                                                                                                  \
#key, AV_SETTING_STRING, offsetof(av_node, key), fallback, 0, max, help                                        \
    }
#define FLAG(key, fallback, help)                                                                                      \
    {                                                                                                                  \
#key, AV_SETTING_BOOL, offsetof(av_node, key), fallback, 0, 0, help                                            \
    }

const av_setting av_node_settings[] = {
    TEXT(node, "", 63, "name of this node: lower-case letters, digits, dots and hyphens"),
    TEXT(full_host_name, "", 253, "name under which people and other servers reach this node"),
    { "port_offset", AV_SETTING_U64, offsetof(av_node, port_offset), "0", 0, 56000, "added to every port" },
    TEXT(listen, "0.0.0.0", 255, "address the gateway listens on"),
    TEXT(bus_listen, "127.0.0.1", 255, "address the broker listens on; other nodes need more than 127.0.0.1"),
    TEXT(bus_address, "127.0.0.1", 255, "address at which this node's actors reach the broker"),
    PORT(port_imap, "143", "IMAP with STARTTLS"),
    PORT(port_imaps, "993", "IMAP over TLS"),
    PORT(port_https, "443", "web access"),
    PORT(port_console, "8470", "management console"),
    PORT(port_management, "8471", "broker, management role"),
    PORT(port_host, "8472", "broker, instance host role"),
    PORT(port_access, "8473", "broker, client access role"),
    PORT(port_api, "8474", "Management API"),
    PORT(port_status, "8475", "status topics"),
    PORT(port_smtp, "2525", "SMTP journal intake"),
    PORT(port_metrics, "9470", "metrics"),
    TEXT(instances_dir, "", 4096, "base directory of new instances; empty: instances/ in the data folder"),
    TEXT(log_level, "info", 5, "least level that is logged: debug, info, warn or error"),
    FLAG(log_json, "no", "log lines as JSON"),
    FLAG(local_streams, "yes", "large answers between actors of this node by a local socket, not through the broker"),
    FLAG(role_management, "yes", "this node is the Management Server"),
    FLAG(role_host, "yes", "this node runs instances"),
    FLAG(role_access, "yes", "this node serves clients"),
    { .key = NULL },
};

/* First line of a small public file in the data folder. */
static av_errc
read_line(const av_node *self, const char *file, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_node_path(self, "%s", file);
    av_errc rc = av_file_read_all(path, out, err);

    if (rc == AV_OK)
        out->n = av_span_find(av_buf_span(out), '\n');
    return rc;
}

static av_errc
load_public_keys(av_node *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf registry = { 0 }, broker = { 0 };
    av_errc rc;

    av_buf_init(&registry, 256);
    av_buf_init(&broker, 256);
    rc = read_line(self, "registry.pub", &registry, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    self->paired = rc == AV_OK;
    if (self->paired && !av_hex_decode(av_span_trim(av_buf_span(&registry)), self->registry_key, AV_SIGN_PUBLIC))
        return av_error_set(err, AV_ERR_CORRUPT, "%s/registry.pub: not a key of 64 hex digits", self->data_dir);
    rc = read_line(self, "broker.pub", &broker, err);
    if (rc != AV_OK)
        return rc;
    if (!av_key_from_z85(av_span_trim(av_buf_span(&broker)), self->broker_key))
        return av_error_set(err, AV_ERR_CORRUPT, "%s/broker.pub: not a key of 40 characters", self->data_dir);
    return AV_OK;
}

static av_errc
check(const av_node *self, const char *path, av_error *err)
{
    av_log_level level;

    if (!av_node_name_valid(av_span_str(self->node)))
        return av_error_set(err, AV_ERR_INVALID,
            "%s: node must be set to a name of lower-case letters, digits, dots and hyphens", path);
    if (!av_log_level_parse(self->log_level, &level))
        return av_error_set(err, AV_ERR_INVALID, "%s: log_level must be debug, info, warn or error", path);
    if (!self->role_management && !self->role_host && !self->role_access)
        return av_error_set(err, AV_ERR_INVALID, "%s: the node has no role; set one of the three to yes", path);
    return AV_OK;
}

const char *
av_node_data_dir(const char *given)
{
    const char *from_env = getenv("ARCHIVOLT_DATA");

    if (given != NULL && given[0] != '\0')
        return given;
    return from_env != NULL && from_env[0] != '\0' ? from_env : "/var/lib/archivolt";
}

av_errc
av_node_load(const char *data_dir, av_node *ret, av_error *err)
{
    AV_CLEANUP(av_free) char *path = NULL;
    const char *dir = av_node_data_dir(data_dir);
    av_node node = { 0 };
    av_errc rc;

    node.data_dir = realpath(dir, NULL);
    if (node.data_dir == NULL)
        return av_error_errno(err, "data folder %s", dir);
    av_settings_defaults(av_node_settings, &node);
    path = av_node_path(&node, "node.conf");
    rc = av_settings_load(av_node_settings, &node, path, err);
    if (rc == AV_ERR_NOT_FOUND)
        (void)av_error_set(err, rc, "%s is missing: make a node there with \"archivolt --data %s init\"", path, dir);
    if (rc == AV_OK)
        rc = check(&node, path, err);
    if (rc == AV_OK)
        rc = load_public_keys(&node, err);
    if (rc != AV_OK) {
        av_node_release(&node);
        return rc;
    }
    *ret = node;
    return AV_OK;
}

void
av_node_release(av_node *self)
{
    free(self->data_dir);
    self->data_dir = NULL;
    av_settings_release(av_node_settings, self);
}

char *
av_node_path(const av_node *self, const char *fmt, ...)
{
    AV_CLEANUP(av_free) char *below = NULL;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&below, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    return av_xasprintf("%s/%s", self->data_dir, below);
}

char *
av_node_key_path(const av_node *self, const char *actor_name)
{
    char file[AV_ACTOR_NAME_MAX + 8];

    av_actor_name_file(actor_name, file);
    return av_node_path(self, "keys/%s.key", file);
}

unsigned
av_node_port(const av_node *self, uint64_t port)
{
    return (unsigned)(port + self->port_offset);
}

/* The endpoint of the role an actor belongs to; a node without that role still reaches its one ROUTER by another. */
static uint64_t
bus_port(const av_node *self, const char *actor_name)
{
    switch (av_actor_name_class(av_span_str(actor_name))) {
    case ARCHIVOLT__CALLER__CALLER_MANAGEMENT:
        if (self->role_management)
            return self->port_management;
        break;
    case ARCHIVOLT__CALLER__CALLER_HOST:
    case ARCHIVOLT__CALLER__CALLER_INSTANCE:
    case ARCHIVOLT__CALLER__CALLER_WORKER:
        if (self->role_host)
            return self->port_host;
        break;
    default:
        if (self->role_access)
            return self->port_access;
        break;
    }
    if (self->role_management)
        return self->port_management;
    return self->role_host ? self->port_host : self->port_access;
}

char *
av_node_bus_endpoint(const av_node *self, const char *actor_name)
{
    return av_xasprintf("tcp://%s:%u", self->bus_address, av_node_port(self, bus_port(self, actor_name)));
}
