/*
 * test_power.c - the power goes at a random moment while mail comes in, is erased and compacted: the store opens by
 * itself, what was acknowledged is there, what was erased is not, and verification finds nothing
 *
 * Seeds are printed: AV_SEED=n runs one, AV_ROUNDS=n more of them.
 */
#include "base/secret.h"
#include "tests/storage/care/help.h"
#include "tests/storage/power_ops.h"

#define GENERATIONS 6
#define MOST        400U
#define BYTES       900U

typedef enum state { UNKNOWN, TRIED, STANDS, REMOVING, ERASED } state;

static struct {
    state state[MOST];
    uint64_t lsn[MOST];
    unsigned n;
} known;

static uint64_t acknowledged, erased, compacted; /* of all seeds: that there was something to lose */

static unsigned
attachment_of(unsigned i)
{
    return i % 3 == 0 ? 1 : 100 + i;
}

/* --- a session, until its calls fail ----------------------------------------------------------------------------- */

static av_errc
session_open(care_store *s)
{
    static const uint8_t store_key[32] = "a key that tests may know of...";
    av_errc rc = av_store_keys_open(s->keys_dir, care_uuid, store_key, &s->keys, &err);

    s->config.keys = s->keys;
    return rc == AV_OK ? care_try_open(s) : rc;
}

static void
session_close(care_store *s)
{
    care_rollback(s);
    care_close(s);
    av_store_keys_unref(&s->keys);
}

static av_errc
put_some(care_store *s)
{
    unsigned first = known.n, n = 1 + (unsigned)power_ops_roll(5);
    av_errc rc = AV_OK;

    for (; rc == AV_OK && known.n < MOST && known.n < first + n; known.n++) {
        AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
        unsigned i = known.n;

        av_buf_init(&mail, 1U << 20);
        mail_make(&mail, i, attachment_of(i), BYTES);
        known.state[i] = TRIED;
        rc = av_store_put_message(s->store, av_buf_span(&mail), NULL, &known.lsn[i], &err);
        if (rc == AV_OK)
            rc = care_place(s, 1, i + 1, known.lsn[i], av_buf_span(&mail));
    }
    if (rc == AV_OK)
        rc = care_try_commit(s);
    for (unsigned i = first; rc == AV_OK && i < known.n; i++)
        known.state[i] = STANDS;
    acknowledged += rc == AV_OK ? known.n - first : 0;
    return rc;
}

static av_errc
erase_one(care_store *s)
{
    unsigned i = known.n == 0 ? 0 : (unsigned)power_ops_roll(known.n);
    av_errc rc;

    if (known.n == 0 || known.state[i] != STANDS)
        return AV_OK;
    known.state[i] = REMOVING;
    rc = care_remove(s, 1, i + 1);
    if (rc == AV_OK)
        rc = care_try_commit(s);
    if (rc == AV_OK)
        rc = care_erase(s, known.lsn[i]);
    if (rc == AV_OK)
        known.state[i] = ERASED;
    erased += rc == AV_OK;
    return rc;
}

static av_errc
compact(care_store *s)
{
    av_care_compact_result result = { 0 };
    av_errc rc = care_compact(s, 1, &result);

    compacted += result.containers;
    return rc;
}

static av_errc
step(care_store *s)
{
    switch (power_ops_roll(8)) {
    case 0:
        return av_store_roll(s->store, &err);
    case 1:
        return compact(s);
    case 2:
    case 3:
    case 4:
        return erase_one(s);
    default:
        return put_some(s);
    }
}

static void
run_session(care_store *s)
{
    av_errc rc;
    bool cut;

    power_ops_on((long)power_ops_roll(power_ops_roll(2) ? 300 : 60));
    rc = session_open(s);
    if (rc == AV_OK)
        rc = av_care_finish_erasures(s->store, 0, NULL, NULL, &err);
    for (unsigned i = 0; rc == AV_OK && i < 40; i++)
        rc = step(s);
    session_close(s);
    cut = power_ops_off();
    if (rc != AV_OK && !cut)
        AV_CHECK_RC(rc, AV_OK, &err);
}

/* --- what must hold ---------------------------------------------------------------------------------------------- */

static void
check_one(const care_store *s, unsigned i)
{
    int seen;

    if (known.state[i] == UNKNOWN || known.lsn[i] == 0)
        return;
    av_check_row = (long)i;
    seen = care_look(s->store, known.lsn[i], i, attachment_of(i), BYTES);
    if (known.state[i] == STANDS)
        AV_CHECK_INT(seen, 1);
    else if (known.state[i] == ERASED)
        AV_CHECK_INT(seen, 0);
    else if (known.state[i] == REMOVING)
        AV_CHECK(seen >= 0);
    /* TRIED: what stands at that LSN now may be another one, of a later session */
    av_check_row = -1;
}

static void
check_store(care_store *s)
{
    fault_log log = { .loud = true };

    AV_CHECK_RC(session_open(s), AV_OK, &err);
    if (s->store == NULL)
        return;
    AV_CHECK(!av_store_is_corrupt(s->store));
    AV_CHECK_RC(av_care_finish_erasures(s->store, 0, NULL, NULL, &err), AV_OK, &err);
    for (unsigned i = 0; i < known.n; i++)
        check_one(s, i);
    AV_CHECK_INT(care_verify(s, true, true, &log), 0);
    session_close(s);
}

static void
run_seed(uint64_t seed)
{
    char root[160];
    unsigned long failed = av_check_failed;
    care_store s;

    memset(&known, 0, sizeof known);
    care_new(&s, folder_new(root));
    AV_CHECK_RC(care_mailbox(&s, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    care_commit(&s);
    session_close(&s);
    power_ops_begin(seed);
    for (int g = 0; g < GENERATIONS && av_check_failed == failed; g++) {
        do
            run_session(&s);
        while (power_ops_roll(2)); /* at first only the process dies */
        power_ops_show();
        check_store(&s);
    }
    if (av_check_failed != failed)
        printf("    AV_SEED=%" PRIu64 "\n", seed);
    folder_remove(root);
}

static void
test_power_cuts(void)
{
    const char *one = getenv("AV_SEED"), *rounds = getenv("AV_ROUNDS");
    long n = rounds != NULL ? strtol(rounds, NULL, 10) : 5;
    uint64_t seed = av_random_u64() >> 16;

    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    printf("    seeds from %" PRIu64 ", %ld rounds of %d cuts\n", seed, n, GENERATIONS);
    for (long i = 0; i < n; i++)
        run_seed(seed + (uint64_t)i);
    printf("    %" PRIu64 " messages acknowledged, %" PRIu64 " erased, %" PRIu64 " containers compacted\n",
        acknowledged, erased, compacted);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", getenv("AV_LOUD") != NULL ? AV_LOG_WARN : AV_LOG_ERROR + 1, false);
    AV_RUN(test_power_cuts);
    return av_check_done();
}
