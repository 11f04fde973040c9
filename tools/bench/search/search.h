/*
 * search.h - what the files of bench-search share
 *
 * MAIL is the path of a pack (tools/bench/store.py, write_pack) or "generated:SEED:COUNT". Like
 * tools/bench/store/bench.h, whose mail, archive and figures are used here: what fails ends the process.
 */
#ifndef AV_TOOLS_BENCH_SEARCH_H
#define AV_TOOLS_BENCH_SEARCH_H

#include "storage/index/index.h"
#include "tools/bench/store/bench.h"

bench_mail *search_mail_open(const char *mail);
/* With the memory and cache that av_index_config gives by itself. */
av_index *search_index_open(const char *dir);
/* All files of dir out of the page cache. */
void search_cool(const char *dir);

/* Pipeline: bytes to documents, words, runs with positions, sealed on disk; then all merges that are due. */
void search_index(const char *mail, const char *dir);
/* The same messages into an archive first (groups of 512), from there into the index. */
void search_archive(const char *mail, const char *dir);
/* One message after another, each searchable before the next one comes. */
void search_single(const char *mail, const char *dir, size_t count);
/* Read and check the whole index. */
void search_verify(const char *dir);

/* What a bare word is looked for in, for other programs: of each message its date (8; INT64_MIN: none) and six texts,
 * each a length (4) and UTF-8. Says what reading the messages cost. */
void search_texts(const char *mail, const char *path);

/* Draw `each` queries of every class from what stands in the messages, and write them: class, tab, query. */
void search_draw(const char *mail, const char *dir, const char *path, unsigned each);
/* Ask them all: figures by class; counts, one a line, to PATH.counts. cold: each with the index just opened. */
void search_ask(const char *dir, const char *path, bool cold, unsigned most);

#endif
