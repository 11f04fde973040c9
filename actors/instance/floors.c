/*
 * floors.c - see floors.h
 *
 * Rows of accounts: "floor/" and the mailbox's GUID: UIDVALIDITY u32, UIDNEXT u32, MODSEQ u64; "floor.sequence": u64;
 * "floor.uidvalidity": u64.
 */
#include "actors/instance/floors.h"

#include "base/clock.h"
#include "base/encode.h"

#define PREFIX       "floor/"
#define PREFIX_BYTES (sizeof PREFIX - 1)
#define SEQUENCE_KEY "floor.sequence"
#define VALIDITY_KEY "floor.uidvalidity"
#define AT_ONCE      1000U

static bool
floor_decode(av_span key, av_span row, av_catalog_floor *ret)
{
    if (key.n != PREFIX_BYTES + AV_GUID_SIZE)
        return false;
    memcpy(ret->guid, key.p + PREFIX_BYTES, AV_GUID_SIZE);
    return av_span_get_u32(&row, &ret->uidvalidity) && av_span_get_u32(&row, &ret->uidnext) &&
           av_span_get_u64(&row, &ret->highestmodseq);
}

/* The higher of what is noted and what is now. */
static av_errc
note_one(void *ctx, const av_catalog_floor *floor, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_accounts *accounts = ctx;
    av_catalog_floor before = { 0 };
    uint8_t key[PREFIX_BYTES + AV_GUID_SIZE];
    av_errc rc;

    memcpy(key, PREFIX, PREFIX_BYTES);
    memcpy(key + PREFIX_BYTES, floor->guid, AV_GUID_SIZE);
    av_buf_init(&row, 64);
    rc = av_accounts_setting_get(av_accounts_writer(accounts), av_span_of(key, sizeof key), &row, err);
    if (rc == AV_OK && !floor_decode(av_span_of(key, sizeof key), av_buf_span(&row), &before))
        rc = av_error_set(err, AV_ERR_CORRUPT, "accounts: the floor of a mailbox is damaged");
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    av_buf_clear(&row);
    (void)av_buf_put_u32(&row, AV_MAX(before.uidvalidity, floor->uidvalidity));
    (void)av_buf_put_u32(&row, AV_MAX(before.uidnext, floor->uidnext));
    (void)av_buf_put_u64(&row, AV_MAX(before.highestmodseq, floor->highestmodseq));
    return av_accounts_setting_put(accounts, av_span_of(key, sizeof key), av_buf_span(&row), err);
}

/*
 * What the original gave between its backup and now is not known here. A client that saw it must not see it again as
 * something else: UIDs go on behind a gap no mailbox fills between two backups. Where the gap does not fit any more, a new
 * UIDVALIDITY says that all UIDs before are void (RFC 9051, 2.3.1.1).
 */
static av_errc
note_jump(void *ctx, const av_catalog_floor *floor, av_error *err)
{
    av_catalog_floor up = *floor;

    if (floor->uidnext <= UINT32_MAX / 2)
        up.uidnext += AV_FLOOR_JUMP_UID;
    else if (floor->uidvalidity < UINT32_MAX)
        up.uidvalidity = AV_MAX((uint32_t)(av_clock_wall_ms() / 1000), floor->uidvalidity + 1);
    up.highestmodseq += AV_FLOOR_JUMP_MODSEQ;
    return note_one(ctx, &up, err);
}

static av_errc
get_number(av_accounts *accounts, const char *key, uint64_t *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_span in;
    av_errc rc;

    *ret = 0;
    av_buf_init(&row, 64);
    rc = av_accounts_setting_get(av_accounts_writer(accounts), av_span_str(key), &row, err);
    in = av_buf_span(&row);
    if (rc == AV_OK && !av_span_get_u64(&in, ret))
        return av_error_set(err, AV_ERR_CORRUPT, "accounts: the floor %s is damaged", key);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

static av_errc
put_number(av_accounts *accounts, const char *key, uint64_t number, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_buf_init(&row, 64);
    (void)av_buf_put_u64(&row, number);
    return av_accounts_setting_put(accounts, av_span_str(key), av_buf_span(&row), err);
}

av_errc
av_floors_note(
    av_accounts *accounts, const av_catalog *catalog, const av_meta_view *view, uint32_t store_no, av_error *err)
{
    uint64_t sequence = 0;
    av_errc rc = store_no == 0 ? AV_OK : av_catalog_floors(view, store_no, note_one, accounts, err);

    if (rc == AV_OK && store_no != 0)
        rc = get_number(accounts, SEQUENCE_KEY, &sequence, err);
    if (rc != AV_OK || store_no == 0)
        return rc;
    return put_number(accounts, SEQUENCE_KEY, AV_MAX(sequence, av_catalog_next_sequence(catalog) - 1), err);
}

av_errc
av_floors_apply(av_accounts *accounts, av_catalog *catalog, av_error *err)
{
    AV_CLEANUP(av_free) av_catalog_floor *floors = av_xcalloc(AT_ONCE, sizeof *floors);
    av_meta_iter *it = av_accounts_settings(av_accounts_writer(accounts), av_span_str(PREFIX));
    uint64_t sequence = 0;
    size_t n = 0;
    av_span key, row;
    av_errc rc = get_number(accounts, SEQUENCE_KEY, &sequence, err);

    while (rc == AV_OK && av_accounts_next(it, &key, &row)) {
        if (!floor_decode(key, row, &floors[n++]))
            rc = av_error_set(err, AV_ERR_CORRUPT, "accounts: the floor of a mailbox is damaged");
        if (rc == AV_OK && n == AT_ONCE) {
            rc = av_catalog_raise(catalog, floors, n, sequence, err);
            n = 0;
        }
    }
    if (rc == AV_OK)
        rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    if (rc == AV_OK && (n > 0 || sequence > 0))
        rc = av_catalog_raise(catalog, floors, n, sequence, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "UIDs that were given");
}

av_errc
av_floors_note_jump(av_accounts *accounts, av_catalog *catalog, av_error *err)
{
    uint64_t now = (uint64_t)(av_clock_wall_ms() / 1000), validity;
    uint32_t highest = 0;
    av_errc rc = av_catalog_highest_uidvalidity(av_catalog_writer(catalog), &highest, err);

    validity = AV_MIN(AV_MAX(now, highest) + AV_FLOOR_JUMP_UIDVALIDITY, UINT32_MAX - AV_FLOOR_JUMP_UIDVALIDITY);
    if (rc == AV_OK)
        rc = av_catalog_all_floors(av_catalog_writer(catalog), note_jump, accounts, err);
    if (rc == AV_OK)
        rc = put_number(accounts, VALIDITY_KEY, validity, err);
    if (rc != AV_OK)
        return rc;
    return put_number(accounts, SEQUENCE_KEY, av_catalog_next_sequence(catalog) - 1 + AV_FLOOR_JUMP_SEQUENCE, err);
}

av_errc
av_floors_jump(av_accounts *accounts, av_catalog *catalog, av_error *err)
{
    av_errc rc = av_floors_apply(accounts, catalog, err); /* what is noted jumps, too */

    if (rc != AV_OK)
        return rc;
    av_accounts_begin(accounts);
    rc = av_floors_note_jump(accounts, catalog, err);
    if (rc == AV_OK)
        rc = av_accounts_commit(accounts, err);
    else
        av_accounts_rollback(accounts);
    return rc == AV_OK ? av_floors_apply(accounts, catalog, err) : rc;
}

av_errc
av_floors_uidvalidity(av_accounts *accounts, uint32_t *ret, av_error *err)
{
    uint64_t noted = 0;
    av_errc rc = get_number(accounts, VALIDITY_KEY, &noted, err);

    *ret = (uint32_t)AV_MIN(noted, UINT32_MAX);
    return rc;
}
