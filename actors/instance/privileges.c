/*
 * privileges.c - privilege lists to bits and back
 */
#include "actors/instance/privileges.h"

av_errc
av_privileges_bits(const Archivolt__Privilege *list, size_t n, uint32_t *ret, av_error *err)
{
    uint32_t none = AV_PRIVILEGE_BIT(ARCHIVOLT__PRIVILEGE__PRIVILEGE_NONE), bits = 0;
    size_t i;

    for (i = 0; i < n; i++)
        bits |= AV_PRIVILEGE_BIT(list[i]);
    if ((bits & none) != 0 && bits != none)
        return av_error_set(err, AV_ERR_INVALID, "privilege \"none\" cannot be combined with others");
    if ((bits & (uint32_t)AV_CAN_ADMIN) != 0 && bits != (uint32_t)AV_CAN_ADMIN)
        return av_error_set(err, AV_ERR_INVALID, "privilege \"admin\" includes all others and stands alone");
    *ret = bits & ~none;
    return AV_OK;
}

av_errc
av_folder_privileges_bits(const Archivolt__FolderPrivilege *list, size_t n, uint32_t *ret, av_error *err)
{
    uint32_t none = AV_PRIVILEGE_BIT(ARCHIVOLT__FOLDER_PRIVILEGE__FOLDER_PRIVILEGE_NONE), bits = 0;
    size_t i;

    for (i = 0; i < n; i++)
        bits |= AV_PRIVILEGE_BIT(list[i]);
    if ((bits & none) != 0 && bits != none)
        return av_error_set(err, AV_ERR_INVALID, "folder privilege \"none\" cannot be combined with others");
    *ret = bits & ~none;
    return AV_OK;
}

size_t
av_privileges_list(uint32_t bits, Archivolt__Privilege **ret)
{
    const ProtobufCEnumDescriptor *type = &archivolt__privilege__descriptor;
    size_t n = 0;
    unsigned i;

    *ret = av_xcalloc(type->n_values, sizeof **ret);
    for (i = 0; i < type->n_values; i++) {
        if ((bits & AV_PRIVILEGE_BIT(type->values[i].value)) != 0)
            (*ret)[n++] = (Archivolt__Privilege)type->values[i].value;
    }
    if (n == 0)
        (*ret)[n++] = ARCHIVOLT__PRIVILEGE__PRIVILEGE_NONE;
    return n;
}

size_t
av_folder_privileges_list(uint32_t bits, Archivolt__FolderPrivilege **ret)
{
    const ProtobufCEnumDescriptor *type = &archivolt__folder_privilege__descriptor;
    size_t n = 0;
    unsigned i;

    *ret = av_xcalloc(type->n_values, sizeof **ret);
    for (i = 0; i < type->n_values; i++) {
        if ((bits & AV_PRIVILEGE_BIT(type->values[i].value)) != 0)
            (*ret)[n++] = (Archivolt__FolderPrivilege)type->values[i].value;
    }
    if (n == 0)
        (*ret)[n++] = ARCHIVOLT__FOLDER_PRIVILEGE__FOLDER_PRIVILEGE_NONE;
    return n;
}

bool
av_privileges_may_login(uint32_t bits)
{
    return (bits & (uint32_t)(AV_CAN_ADMIN | AV_CAN_LOGIN)) != 0;
}
