/*
 * notify.h - sd_notify(3) without libsystemd: one datagram to NOTIFY_SOCKET
 */
#ifndef AV_ACTORS_BUS_NOTIFY_H
#define AV_ACTORS_BUS_NOTIFY_H

/* "READY=1", "STOPPING=1", "STATUS=...". Without NOTIFY_SOCKET nothing happens; failures are of no consequence. */
void av_notify(const char *state);

#endif
