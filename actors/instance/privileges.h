/*
 * privileges.h - privilege lists of the contract to bits and back, with their rules
 *
 * Pure. "none" and "admin" stand alone; "none" is 0 bits. Bits are 1 << enum value.
 */
#ifndef AV_INSTANCE_PRIVILEGES_H
#define AV_INSTANCE_PRIVILEGES_H

#include "base/error.h"
#include "base/util.h"
#include "proto/instance.pb-c.h"

#define AV_PRIVILEGE_BIT(p) (1U << (unsigned)(p))
enum {
    AV_CAN_ADMIN = 1 << ARCHIVOLT__PRIVILEGE__PRIVILEGE_ADMIN,
    AV_CAN_LOGIN = 1 << ARCHIVOLT__PRIVILEGE__PRIVILEGE_LOGIN,
    AV_CAN_READ = 1 << ARCHIVOLT__FOLDER_PRIVILEGE__FOLDER_PRIVILEGE_READ
};

/* AV_ERR_INVALID: none or admin together with others. */
av_errc av_privileges_bits(const Archivolt__Privilege *list, size_t n, uint32_t *ret, av_error *err);
av_errc av_folder_privileges_bits(const Archivolt__FolderPrivilege *list, size_t n, uint32_t *ret, av_error *err);
/* Lists as a reply carries them (malloc); 0 bits give the one word "none". */
size_t av_privileges_list(uint32_t bits, Archivolt__Privilege **ret);
size_t av_folder_privileges_list(uint32_t bits, Archivolt__FolderPrivilege **ret);
/* The user may log in: "login", or "admin", which implies it. */
bool av_privileges_may_login(uint32_t bits);

#endif
