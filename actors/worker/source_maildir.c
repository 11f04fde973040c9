/*
 * source_maildir.c - what the names in a Maildir say
 *
 * Pure. Names are "<time>.<unique>.<host>:2,<flags>" (Maildir), folders ".Archive.2003" in modified UTF-7 (Maildir++).
 * The walk itself is source_files.c's.
 */
#include "actors/worker/source_priv.h"

#include "base/mutf7.h"

uint32_t
av_source_maildir_flags(const char *name)
{
    static const struct {
        char letter;
        uint32_t flag;
    } letters[] = {
        { 'S', AV_SOURCE_SEEN },
        { 'R', AV_SOURCE_ANSWERED },
        { 'F', AV_SOURCE_FLAGGED },
        { 'T', AV_SOURCE_DELETED },
        { 'D', AV_SOURCE_DRAFT },
        { 'P', AV_SOURCE_FORWARDED },
    };
    const char *info = strrchr(name, ',');
    uint32_t flags = 0;

    /* ":" can not stand in names on Windows; programs there write ";" or "!" */
    if (info == NULL || info - name < 2 || info[-1] != '2' || strchr(":;!", info[-2]) == NULL)
        return 0;
    for (info++; *info != '\0'; info++)
        for (size_t i = 0; i < AV_COUNT(letters); i++)
            if (*info == letters[i].letter)
                flags |= letters[i].flag;
    return flags;
}

bool
av_source_maildir_time(const char *name, int64_t *ret_unix_s)
{
    const char *dot = strchr(name, '.');
    uint64_t value;

    if (dot == NULL || !av_span_u64(av_span_of(name, (size_t)(dot - name)), (uint64_t)1 << 40, &value))
        return false;
    *ret_unix_s = (int64_t)value;
    return true;
}

bool
av_source_maildir_push(av_source_folder *folder, const char *name)
{
    av_span rest = av_span_str(name);

    while (rest.n > 0) {
        AV_CLEANUP(av_buf_release) av_buf decoded = { 0 };
        size_t n = av_span_find(rest, '.');
        av_span part = av_span_slice(rest, 0, n);

        rest = av_span_skip(rest, AV_MIN(n + 1, rest.n));
        if (part.n == 0)
            continue;
        av_buf_init(&decoded, 4096);
        if (av_mutf7_decode(part, &decoded))
            part = av_buf_span(&decoded);
        if (!av_source_folder_push(folder, part))
            return false;
    }
    return true;
}
