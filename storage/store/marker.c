/*
 * marker.c - store.avs: that a folder is a store, of which format, which one, and for which key
 */
#include "base/secret.h"
#include "storage/store/store_priv.h"

#define MARKER_MAX 512U
#define CHECK_SIZE 16U

bool
store_is_mailstore(const char *dir)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/MailStoreFileGroup.fdb", dir);

    return av_file_exists(path);
}

char *
store_marker_path(const char *dir)
{
    return av_xasprintf("%s/store.avs", dir);
}

static void
key_check(const uint8_t *log_key, const uint8_t *uuid, uint8_t ret[CHECK_SIZE])
{
    static const char label[] = "archivolt store check";
    uint8_t data[sizeof label - 1 + AV_STORE_UUID_SIZE], mac[32];

    memcpy(data, label, sizeof label - 1);
    memcpy(data + sizeof label - 1, uuid, AV_STORE_UUID_SIZE);
    av_seal_hmac(log_key, av_span_of(data, sizeof data), mac);
    memcpy(ret, mac, CHECK_SIZE);
}

static void
make_text(const uint8_t *uuid, const uint8_t *log_key, av_buf *ret)
{
    uint8_t check[CHECK_SIZE];
    char uuid_hex[2 * AV_STORE_UUID_SIZE + 1], check_hex[2 * CHECK_SIZE + 1];

    key_check(log_key, uuid, check);
    av_hex_encode(av_span_of(uuid, AV_STORE_UUID_SIZE), uuid_hex);
    av_hex_encode(av_span_of(check, CHECK_SIZE), check_hex);
    av_buf_init(ret, MARKER_MAX);
    (void)av_buf_printf(
        ret, "archivolt store\nformat = %u\nuuid = %s\ncheck = %s\n", AV_FORMAT_NUMBER, uuid_hex, check_hex);
}

av_errc
store_marker_write(const char *dir, const uint8_t *uuid, const uint8_t *log_key, av_error *err)
{
    AV_CLEANUP(av_free) char *path = store_marker_path(dir);
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    make_text(uuid, log_key, &text);
    return av_file_replace(path, av_buf_span(&text), 0600, err);
}

av_errc
store_marker_check(const char *dir, const uint8_t *uuid, const uint8_t *log_key, av_error *err)
{
    AV_CLEANUP(av_free) char *path = store_marker_path(dir);
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    AV_CLEANUP(av_buf_release) av_buf want = { 0 };
    av_errc rc;

    av_buf_init(&text, MARKER_MAX);
    make_text(uuid, log_key, &want);
    rc = av_file_read_all(path, &text, err);
    if (rc != AV_OK)
        return rc;
    return av_span_eq(av_buf_span(&text), av_buf_span(&want))
               ? AV_OK
               : av_error_set(err, AV_ERR_CORRUPT, "store.avs is not what was written");
}

/* The line "<name> = <value>\n" off the front. */
static bool
take_line(av_span *text, const char *name, av_span *ret_value)
{
    size_t n = strlen(name), end = av_span_find(*text, '\n');

    if (end == text->n || end < n + 3 || memcmp(text->p, name, n) != 0 || memcmp(text->p + n, " = ", 3) != 0)
        return false;
    *ret_value = av_span_slice(*text, n + 3, end);
    *text = av_span_skip(*text, end + 1);
    return true;
}

static av_errc
parse(av_span text, const uint8_t *log_key, uint8_t ret_uuid[16], av_error *err)
{
    static const char first[] = "archivolt store\n";
    av_span format, uuid_hex, check_hex;
    uint8_t uuid[AV_STORE_UUID_SIZE], check[CHECK_SIZE], want[CHECK_SIZE];
    uint64_t number = 0;

    if (text.n < sizeof first - 1 || memcmp(text.p, first, sizeof first - 1) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "store.avs does not begin with \"archivolt store\"");
    text = av_span_skip(text, sizeof first - 1);
    if (!take_line(&text, "format", &format) || !av_span_u64(format, UINT32_MAX, &number))
        return av_error_set(err, AV_ERR_CORRUPT, "store.avs names no format");
    if (number != AV_FORMAT_NUMBER)
        return av_error_set(err, AV_ERR_VERSION,
            "this store has format %llu%s; this version of Archivolt reads format %u alone: use the version that wrote "
            "it",
            (unsigned long long)number, number & 0x8000U ? " (an experiment before version 1)" : "", AV_FORMAT_NUMBER);
    if (!take_line(&text, "uuid", &uuid_hex) || !av_hex_decode(uuid_hex, uuid, sizeof uuid) ||
        !take_line(&text, "check", &check_hex) || !av_hex_decode(check_hex, check, sizeof check) || text.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "store.avs is damaged");
    if (log_key != NULL) {
        key_check(log_key, uuid, want);
        if (!av_secret_eq(check, want, sizeof want))
            return av_error_set(err, AV_ERR_AUTH, "the keys given are not this store's keys");
    }
    memcpy(ret_uuid, uuid, sizeof uuid);
    return AV_OK;
}

av_errc
store_marker_read(const char *dir, const uint8_t *log_key, uint8_t ret_uuid[16], av_error *err)
{
    AV_CLEANUP(av_free) char *path = store_marker_path(dir);
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_errc rc;

    av_buf_init(&text, MARKER_MAX);
    rc = av_file_read_all(path, &text, err);
    if (rc == AV_ERR_NOT_FOUND && store_is_mailstore(dir))
        return av_error_set(
            err, AV_ERR_UNSUPPORTED, "%s: this is a MailStore store, export it from there (as EML or MSG files)", dir);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_NOT_FOUND, "%s is no archive store: it has no store.avs", dir);
    if (rc == AV_ERR_LIMIT)
        return av_error_set(err, AV_ERR_CORRUPT, "store.avs is damaged: it is larger than %u bytes", MARKER_MAX);
    if (rc == AV_OK)
        rc = parse(av_buf_span(&text), log_key, ret_uuid, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", dir);
}

av_errc
av_store_identify(const char *dir, uint8_t ret_uuid[AV_STORE_UUID_SIZE], av_error *err)
{
    return store_marker_read(dir, NULL, ret_uuid, err);
}
