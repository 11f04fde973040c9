/*
 * serve.h - a process for each document: forked off one that is warm and has seen no document
 *
 * The server itself never maps or reads a document: it takes two descriptors and a fixed struct, forks, waits,
 * answers. What a helper process leaves behind ends with it, so no document can reach the next one.
 */
#ifndef AV_ACTORS_EXTRACT_SERVE_H
#define AV_ACTORS_EXTRACT_SERVE_H

/* Answer requests on this socket (storage/extract/wire.h) until its other end is closed. Returns an exit status. */
int av_extract_serve(int socket_fd);

#endif
