/*
 * test_split_corpus.c - every file of the test corpus split and joined: byte exact, whole and in random pieces
 */
#include "tests/check.h"
#include "tests/storage/mime/corpus_walk.h"
#include "tests/storage/mime/split_check.h"

enum { RANGES = 3 };

/* nftw passes no pointer of ours. */
static struct {
    av_buf file;
    av_splitter *splitter;
    split_record whole, pieces;
    uint64_t seed;
    unsigned long every; /* how many files share one in pieces */
    size_t files, in_pieces, ranges;
    uint64_t bytes, literal_bytes, raw_parts, raw_bytes, base64_parts, base64_bytes;
} walk;

static void
count_pieces(void)
{
    for (size_t i = 0; i < walk.whole.count; i++) {
        const split_piece *piece = &walk.whole.pieces[i];

        if (piece->literal)
            continue;
        if (piece->part.coding == AV_SPLIT_RAW) {
            walk.raw_parts++;
            walk.raw_bytes += piece->raw_n;
            continue;
        }
        walk.base64_parts++;
        walk.base64_bytes += piece->raw_n;
        for (int k = 0; k < RANGES; k++, walk.ranges++)
            AV_CHECK(split_range_holds(&walk.whole, piece, &walk.seed));
    }
    walk.literal_bytes += walk.whole.literal_bytes;
}

static bool
holds(const char *wrong)
{
    if (wrong != NULL)
        printf("    %s\n", wrong);
    return wrong == NULL;
}

static void
check_message(const char *path)
{
    static const size_t mins[] = { 512, 2048, 16384, 1 }, chunks[] = { 1, 100, 4096, 65536, 1 << 20 };
    av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;
    av_span message = av_buf_span(&walk.file);
    bool ok;

    options.min_raw = mins[walk.files % AV_COUNT(mins)];
    ok = AV_CHECK(holds(split_whole(walk.splitter, message, &options, &walk.whole)));
    count_pieces();
    if (walk.files++ % walk.every == 0) {
        size_t chunk = chunks[walk.in_pieces++ % AV_COUNT(chunks)];

        if (chunk == 1 && message.n > 100000)
            chunk = 100;
        ok &= AV_CHECK(holds(split_chunks(walk.splitter, message, &options, chunk, &walk.seed, &walk.pieces)));
        ok &= AV_CHECK(split_same(&walk.whole, &walk.pieces));
    }
    if (!ok)
        printf("    in %s\n", path);
    walk.bytes += message.n;
}

static int
on_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (kind == FTW_F && corpus_read(path, &walk.file))
        check_message(path);
    return 0;
}

static void
report(const char *what)
{
    printf("  %s: %zu files (%zu in pieces), %" PRIu64 " bytes: %" PRIu64 " literal, %" PRIu64 " in %" PRIu64
           " raw parts, %" PRIu64 " in %" PRIu64 " base64 parts; %zu ranges\n",
        what, walk.files, walk.in_pieces, walk.bytes, walk.literal_bytes, walk.raw_bytes, walk.raw_parts,
        walk.base64_bytes, walk.base64_parts, walk.ranges);
    walk.files = walk.in_pieces = walk.ranges = 0;
    walk.bytes = walk.literal_bytes = walk.raw_bytes = walk.raw_parts = walk.base64_bytes = walk.base64_parts = 0;
}

int
main(void)
{
    const char *corpus = av_check_corpus(), *seed = getenv("ARCHIVOLT_SEED");

    walk.seed = seed != NULL ? strtoull(seed, NULL, 10) * 2 + 1 : 1;
    walk.every = getenv("AV_ROUNDS") != NULL ? 1 : 4; /* a soak takes all of them in pieces */
    walk.file.max = 64 << 20;
    walk.splitter = av_splitter_new();
    split_record_init(&walk.whole, 64 << 20);
    split_record_init(&walk.pieces, 64 << 20);
    corpus_walk_folder(corpus, "fixtures", on_file);
    AV_CHECK(walk.files > 500);
    report("fixtures");
    for (size_t i = 0; i < AV_COUNT(corpus_archives); i++) {
        if (corpus_walk_archive(corpus, corpus_archives[i], on_file))
            AV_CHECK(walk.files > 0);
        report(corpus_archives[i]);
    }
    av_buf_release(&walk.file);
    split_record_release(&walk.whole);
    split_record_release(&walk.pieces);
    av_splitter_destroy(&walk.splitter);
    return av_check_done();
}
