/*
 * statistics.c - sizes, folders, the process
 */
#include "actors/instance/statistics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define MB           (1024ULL * 1024)
#define FOLDER_DEPTH 4

/* Bytes of all regular files below dir. Files come and go while RocksDB works: what is not there counts nothing. */
static uint64_t
folder_bytes(const char *dir, unsigned depth)
{
    uint64_t bytes = 0;
    struct dirent *entry;
    struct stat st;
    DIR *d = opendir(dir);

    while (d != NULL && (entry = readdir(d)) != NULL) {
        AV_CLEANUP(av_free) char *path = NULL;

        if (entry->d_name[0] == '.' || fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISREG(st.st_mode))
            bytes += (uint64_t)st.st_size;
        path = S_ISDIR(st.st_mode) && depth > 0 ? av_xasprintf("%s/%s", dir, entry->d_name) : NULL;
        if (path != NULL)
            bytes += folder_bytes(path, depth - 1);
    }
    if (d != NULL)
        (void)closedir(d);
    return bytes;
}

static uint64_t
part_bytes(const av_archive *archive, const char *sub)
{
    AV_CLEANUP(av_free) char *path = av_archive_path(archive, sub);

    return folder_bytes(path, FOLDER_DEPTH);
}

static uint64_t
store_bytes(const av_archive *archive, const char *kept)
{
    AV_CLEANUP(av_free) char *path = av_store_path_resolve(archive->dir, kept);

    return folder_bytes(path, FOLDER_DEPTH);
}

av_errc
av_statistics_instance(av_ask *ask, AV_UNUSED av_error *err)
{
    Archivolt__InstanceStatistics *reply = av_reply_new(&archivolt__instance_statistics__descriptor);
    uint64_t database = part_bytes(ask->archive, "catalog") + part_bytes(ask->archive, "accounts"), content = 0;
    uint64_t index = 0;
    size_t n = 0;
    av_store_info *list = av_stores_list(ask->archive->stores, &n);

    for (size_t i = 0; i < n; i++) {
        database += store_bytes(ask->archive, list[i].row->database);
        content += store_bytes(ask->archive, list[i].row->content);
        index += store_bytes(ask->archive, list[i].row->index);
        reply->number_of_messages += list[i].messages;
    }
    av_store_infos_free(list, n);
    ask->reply = &reply->base;
    reply->database_file_size_mb = database / MB;
    reply->content_file_size_mb = content / MB;
    reply->index_file_size_mb = index / MB;
    reply->total_size_mb = (database + content + index) / MB;
    return AV_OK;
}

av_errc
av_statistics_folders(av_ask *ask, av_error *err)
{
    Archivolt__GetFolderStatisticsReply *reply = av_reply_new(&archivolt__get_folder_statistics_reply__descriptor);
    av_meta_view *view = av_catalog_snapshot(ask->archive->catalog);
    av_catalog_iter *it = av_catalog_mailboxes(view, (av_span){ NULL, 0 });
    Archivolt__FolderStatistics *row;
    av_mailbox mailbox;
    av_errc rc;

    ask->reply = &reply->base;
    while (av_catalog_next_mailbox(it, &mailbox)) {
        row = av_reply_new(&archivolt__folder_statistics__descriptor);
        row->folder = av_span_dup(av_span_of(mailbox.path, mailbox.path_n));
        row->count = mailbox.messages;
        row->size = mailbox.bytes;
        av_reply_push(&reply->folders, &reply->n_folders, row);
    }
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    av_meta_view_destroy(&view);
    return rc;
}

/* The number behind "name:" in a file of /proc, times 1; 0 when it is not there. */
static uint64_t
proc_value(const char *path, const char *name)
{
    char line[256];
    unsigned long long value = 0;
    size_t n = strlen(name);
    FILE *f = fopen(path, "re");

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, n) == 0 && line[n] == ':')
            value = strtoull(line + n + 1, NULL, 10);
    }
    if (f != NULL)
        (void)fclose(f);
    return value;
}

void
av_process_read(av_process_counters *ret)
{
    struct rusage usage;

    memset(ret, 0, sizeof *ret);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        ret->cpu_ms = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                      (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    ret->read_bytes = proc_value("/proc/self/io", "read_bytes");
    ret->written_bytes = proc_value("/proc/self/io", "write_bytes");
    ret->private_bytes = proc_value("/proc/self/status", "RssAnon") * 1024;
}
