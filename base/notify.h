/*
 * notify.h - tell the service manager (sd_notify(3)'s protocol: a datagram to $NOTIFY_SOCKET)
 */
#ifndef AV_BASE_NOTIFY_H
#define AV_BASE_NOTIFY_H

/* state: "READY=1", "STOPPING=1", "RELOADING=1"... Does nothing when no service manager asked. Never blocks. */
void av_notify(const char *state);

#endif
