/*
 * status.c - see status.h
 */
#include "storage/sealed/status.h"

#include <rocksdb/c.h>

#include "base/util.h"
#include "storage/sealed/env.h"

static bool
says(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

/* What does not suit is in the database; or a file could not be read or made at open, and RocksDB takes that for it. */
static av_errc
code_of_invalid(const char *text)
{
    if (says(text, "create_if_missing is false"))
        return AV_ERR_NOT_FOUND;
    return says(text, "IO error") || says(text, "Direct I/O is not supported") ? AV_ERR_IO : AV_ERR_CORRUPT;
}

/* RocksDB's status comes as a text alone; its first words are its code. */
av_errc
av_sealed_status(char *text, av_error *err)
{
    av_errc code = AV_ERR_IO;

    if (text == NULL)
        return AV_OK;
    if (says(text, "No space left on device"))
        code = AV_ERR_NOSPACE;
    else if (says(text, AV_SEALED_SAYS_KEY))
        code = AV_ERR_AUTH;
    else if (says(text, AV_SEALED_SAYS_NEWER))
        code = AV_ERR_VERSION;
    else if (strncmp(text, "Corruption", 10) == 0 || says(text, AV_SEALED_SAYS_DAMAGED))
        code = AV_ERR_CORRUPT;
    else if (says(text, "lock file") || says(text, "lock hold"))
        code = AV_ERR_BUSY;
    else if (strncmp(text, "Invalid argument", 16) == 0)
        code = code_of_invalid(text);
    av_error_set(err, code, "database: %s", text);
    rocksdb_free(text);
    return code;
}

bool
av_sealed_status_is_disk(const char *text)
{
    return text != NULL && strncmp(text, "IO error", 8) == 0;
}

av_errc
av_sealed_status_of_open(char *text, av_error *err)
{
    bool lost_file = text != NULL && says(text, "No such file");
    av_errc rc = av_sealed_status(text, err);

    if (rc == AV_ERR_IO && lost_file)
        rc = err->code = AV_ERR_CORRUPT;
    return rc;
}
