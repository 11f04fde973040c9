/*
 * rig.h - an archive in a folder of its own, and row streams to feed an intake with
 */
#ifndef AV_TESTS_INSTANCE_RIG_H
#define AV_TESTS_INSTANCE_RIG_H

#include <unistd.h>

#include "actors/bus/rows.h"
#include "actors/instance/intake.h"
#include "actors/instance/users.h"
#include "base/file.h"
#include "base/secret.h"
#include "proto/worker.pb-c.h"
#include "tests/check.h"

#define RIG_MAX_MESSAGE (32ULL * 1024 * 1024)

typedef struct rig {
    char dir[64];
    av_archive *archive;
    av_group *group;
    uint64_t max_message_bytes, search_bytes; /* 0: RIG_MAX_MESSAGE, the archive's default; set, then open again */
} rig;

__attribute__((unused)) static av_errc
rig_try_open(rig *self, av_error *err)
{
    av_archive_config config = { .dir = self->dir,
        .max_message_bytes = self->max_message_bytes != 0 ? self->max_message_bytes : RIG_MAX_MESSAGE,
        .search_bytes = self->search_bytes };
    av_errc rc;

    memset(config.instance_key, 7, sizeof config.instance_key);
    memset(config.recovery_public, 9, sizeof config.recovery_public);
    rc = av_archive_open(&config, &self->archive, err);
    if (rc == AV_OK)
        self->group = av_group_new(self->archive);
    return rc;
}

__attribute__((unused)) static void
rig_open(rig *self)
{
    av_error err = { 0 };

    AV_CHECK_RC(rig_try_open(self, &err), AV_OK, &err);
    if (self->archive == NULL)
        exit(1);
}

__attribute__((unused)) static void
rig_close(rig *self)
{
    av_group_destroy(&self->group);
    av_archive_close(&self->archive);
}

__attribute__((unused)) static void
rig_new(rig *self)
{
    memset(self, 0, sizeof *self);
    (void)snprintf(self->dir, sizeof self->dir, "/tmp/av-instance-XXXXXX");
    if (mkdtemp(self->dir) == NULL)
        exit(1);
    rig_open(self);
}

__attribute__((unused)) static void
rig_end(rig *self)
{
    av_error err;

    rig_close(self);
    (void)av_dir_remove(self->dir, "/tmp", &err);
}

/* One item and its bytes at the end of a stream. */
typedef struct rig_item {
    uint64_t number;
    const char *folder;  /* one component, or NULL */
    const char *refused; /* or NULL */
    av_span bytes;
    const uint8_t *sha256; /* NULL: right */
    const char *flag;      /* or NULL */
    int64_t received_ms;   /* 0: none */
} rig_item;

__attribute__((unused)) static void
rig_put(av_buf *stream, const rig_item *item)
{
    Archivolt__IntakeItem row = ARCHIVOLT__INTAKE_ITEM__INIT;
    char *folder = (char *)(uintptr_t)item->folder, *flag = (char *)(uintptr_t)item->flag, path[64];
    uint8_t digest[32];

    (void)snprintf(path, sizeof path, "box, message %llu", (unsigned long long)item->number);
    row.number = item->number;
    row.path = path;
    row.folder = &folder;
    row.n_folder = folder != NULL;
    row.flags = &flag;
    row.n_flags = flag != NULL;
    row.length = item->bytes.n;
    row.refused = (char *)(uintptr_t)item->refused;
    row.has_received_unix_ms = item->received_ms != 0;
    row.received_unix_ms = item->received_ms;
    if (item->sha256 != NULL)
        memcpy(digest, item->sha256, 32);
    else
        av_sha256(item->bytes, digest);
    row.has_sha256 = item->refused == NULL;
    row.sha256.data = digest;
    row.sha256.len = 32;
    AV_CHECK(av_rows_put(stream, &row.base));
    AV_CHECK(av_buf_append_span(stream, item->bytes));
}

__attribute__((unused)) static av_intake *
rig_intake(rig *self, uint8_t run)
{
    av_intake_config config = { self->archive, self->group, { 0 }, "alice", NULL };
    av_intake *intake = NULL;
    av_error err = { 0 };

    memset(config.run, run, sizeof config.run);
    AV_CHECK_RC(av_intake_new(&config, &intake, &err), AV_OK, &err);
    return intake;
}

/* The log of the current store. */
__attribute__((unused)) static av_store *
rig_store(rig *self)
{
    const av_open_store *current = NULL;
    av_error err = { 0 };

    AV_CHECK_RC(av_stores_current(self->archive->stores, &current, &err), AV_OK, &err);
    if (current == NULL)
        exit(1);
    return current->store;
}

__attribute__((unused)) static av_errc
rig_mailbox(rig *self, const char *path, av_mailbox *ret)
{
    av_error err;

    return av_catalog_mailbox_by_path(av_catalog_writer(self->archive->catalog), av_span_str(path), ret, &err);
}

__attribute__((unused)) static void
rig_user(rig *self, const char *name)
{
    Archivolt__CreateUserRequest body = ARCHIVOLT__CREATE_USER_REQUEST__INIT;
    av_ask ask = { .archive = self->archive, .body = &body.base, .caller = "cli/op" };
    av_error err = { 0 };

    body.instance_id = (char *)(uintptr_t) "demo";
    body.user_name = (char *)(uintptr_t)name;
    AV_CHECK_RC(av_ask_write(&ask, av_users_create, &archivolt__empty__descriptor, NULL, &err), AV_OK, &err);
    av_ask_release(&ask);
}

#endif
