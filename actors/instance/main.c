/*
 * main.c - archivolt-instance (instance.h)
 */
#include "actors/instance/instance.h"

int
main(int argc, char **argv)
{
    return av_instance_main(argc, argv);
}
