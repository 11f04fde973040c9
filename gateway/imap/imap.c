/*
 * imap.c - see imap.h: the doors
 */
#include "gateway/imap/session_priv.h"

av_errc
av_imap_open(av_gateway *gateway, av_imap **ret, av_error *err)
{
    AV_CLEANUP(av_imap_destroy) av_imap *self = av_xcalloc(1, sizeof *self);
    const av_gateway_settings *settings = av_gateway_get_settings(gateway);
    const av_node *node = av_gateway_node(gateway);
    const av_door plain = {
        .name = "imap",
        .port = node->port_imap,
        .max_connections = settings->imap_connections,
        .max_connections_per_address = settings->imap_connections_per_address,
        .refusal = "* BYE [UNAVAILABLE] too many connections, please try again later\r\n",
        .accept = av_imap_session_accept,
        .ctx = self,
    };
    AV_CLEANUP(av_free) char *logs = NULL;
    av_door secure = plain;
    av_errc rc;

    self->gateway = gateway;
    logs = av_node_path(node, "logs");
    self->logs = av_imap_logs_new(logs, settings->imap_log_mb * 1024 * 1024);
    self->by_address =
        av_throttle_new((unsigned)settings->imap_login_free_tries, (uint32_t)settings->imap_login_wait_max_s);
    secure.name = "imaps";
    secure.port = node->port_imaps;
    secure.implicit_tls = true;
    rc = av_gateway_open_door(gateway, &plain, err);
    if (rc == AV_OK)
        rc = av_gateway_open_door(gateway, &secure, err);
    if (rc == AV_OK)
        *ret = AV_TAKE(self);
    return rc;
}

void
av_imap_destroy(av_imap **self)
{
    if (*self == NULL)
        return;
    assert((*self)->sessions == NULL);
    if ((*self)->rest != NULL)
        av_loop_remove_timer(&(*self)->rest);
    av_throttle_destroy(&(*self)->by_address);
    av_imap_logs_destroy(&(*self)->logs);
    free(*self);
    *self = NULL;
}
