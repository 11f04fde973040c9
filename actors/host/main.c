/*
 * main.c - archivolt-host
 */
#include "actors/host/host.h"

int
main(int argc, char **argv)
{
    return av_host_main(argc, argv);
}
