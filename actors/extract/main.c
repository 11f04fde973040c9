/*
 * main.c - archivolt-extract: text of attachments for the search index, read in a sandbox
 *
 * No actor: it knows no bus and holds no key. An instance starts it with a socket as descriptor 0 and asks it for
 * documents (storage/extract/extractor.h); it ends when that socket is closed. What it warms before the first
 * document is what the sandbox denies later: conversion tables and poppler's data.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/extract/readers.h"
#include "actors/extract/serve.h"
#include "actors/extract/warm.h"

static const char usage[] =
    "archivolt-extract reads attachments for the search index. archivolt-instance starts it, with a socket as "
    "standard\n"
    "input; there is nothing to start by hand (docs/attachments.md). --version prints the version.\n";

/* When memory runs out, what reads a stranger's document goes first, not what holds an archive. */
static void
offer_itself(void)
{
    FILE *f = fopen("/proc/self/oom_score_adj", "we");

    if (f == NULL)
        return;
    fputs("1000\n", f);
    (void)fclose(f);
}

int
main(int argc, char **argv)
{
    struct rlimit none = { 0, 0 };
    int type = 0;
    socklen_t size = sizeof type;

    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("archivolt-extract " AV_VERSION "\n");
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc > 1 || getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
        fputs(usage, stderr);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    offer_itself();
    av_warm_charsets();
    av_pdf_init();
    return av_extract_serve(0);
}
