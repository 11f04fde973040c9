/*
 * rights.c - which mailboxes a user may read
 */
#include "actors/instance/rights.h"

#include "actors/instance/privileges.h"
#include "actors/instance/user_row.h"
#include "base/unicode.h"

#define FOLDED_MAX (AV_MAILBOX_COMPONENT_MAX * 8)

static const char yes[] = "yes";

bool
av_rights_same_name(av_span a, av_span b)
{
    AV_CLEANUP(av_buf_release) av_buf x = { 0 };
    AV_CLEANUP(av_buf_release) av_buf y = { 0 };

    av_buf_init(&x, FOLDED_MAX);
    av_buf_init(&y, FOLDED_MAX);
    return av_unicode_fold(a, &x) && av_unicode_fold(b, &y) && av_span_eq(av_buf_span(&x), av_buf_span(&y));
}

static void
add(av_rights *self, const char *archive)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };

    av_buf_init(&folded, FOLDED_MAX);
    if (av_unicode_fold(av_span_str(archive), &folded))
        (void)av_map_put(self->archives, av_buf_span(&folded), (void *)(uintptr_t)yes);
}

av_errc
av_rights_load(const av_meta_view *accounts, const char *user, av_rights **ret, av_error *err)
{
    AV_CLEANUP(av_user_destroy) av_user *row = NULL;
    av_rights *self;
    size_t i;
    av_errc rc = av_user_load(accounts, av_span_str(user), &row, err);

    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_AUTH, "the session's user does not exist any more");
    if (rc != AV_OK)
        return rc;
    self = av_xcalloc(1, sizeof *self);
    self->archives = av_map_new();
    add(self, row->name);
    for (i = 0; i < row->grant_count; i++) {
        if ((row->grants[i].rights & (uint32_t)AV_CAN_READ) != 0)
            add(self, row->grants[i].archive);
    }
    *ret = self;
    return AV_OK;
}

void
av_rights_destroy(av_rights **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->archives, NULL);
    free(*self);
    *self = NULL;
}

bool
av_rights_may_read(const av_rights *self, av_span path)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };

    av_buf_init(&folded, FOLDED_MAX);
    return av_unicode_fold(av_span_slice(path, 0, av_span_find(path, '/')), &folded) &&
           av_map_get(self->archives, av_buf_span(&folded)) != NULL;
}

bool
av_rights_may_read_guid(av_rights *self, const av_meta_view *catalog, const uint8_t guid[AV_GUID_SIZE])
{
    av_mailbox mailbox;
    av_error ignored;

    if (!self->known || memcmp(self->known_guid, guid, AV_GUID_SIZE) != 0) {
        self->known = true;
        memcpy(self->known_guid, guid, AV_GUID_SIZE);
        self->known_readable = av_catalog_mailbox_by_guid(catalog, guid, &mailbox, &ignored) == AV_OK &&
                               av_rights_may_read(self, av_span_of(mailbox.path, mailbox.path_n));
    }
    return self->known_readable;
}
