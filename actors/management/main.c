/*
 * main.c - archivolt-management
 */
#include "actors/management/management.h"

int
main(int argc, char **argv)
{
    return av_management_main(argc, argv);
}
