/*
 * power_ops.h - a disk whose power goes: writes since the last sync are lost, torn at sectors, reordered
 *
 * A model stands behind av_file_ops: each file has the bytes that are durable and the writes since; each folder the names
 * that are durable and the changes since, of which a cut keeps the first so many (a journal's order). Data of a file is
 * durable by fdatasync or fsync of it, names by fsync of their folder and by nothing else. Thread safe; link av_test_disk.
 *
 *   power_ops_begin(seed);
 *   for (each generation) {
 *       do {
 *           power_ops_on(power_ops_roll(80));
 *           ... a session, until its calls fail ...
 *           power_ops_off();
 *       } while (power_ops_roll(2));      // only the process died: what it wrote stands in the page cache
 *       power_ops_show();                 // the power went: the files are what the disk might have
 *       ... what must hold now ...
 *   }
 *
 * Not modelled: folders made and removed (durable at once) and renamed (refused).
 */
#ifndef AV_TESTS_POWER_OPS_H
#define AV_TESTS_POWER_OPS_H

#include <stdbool.h>
#include <stdint.h>

/* A disk without anything pending; the seed decides what is lost. */
void power_ops_begin(uint64_t seed);
/* A number below `below` out of the seed, for the test's own choices too. One thread. */
uint64_t power_ops_roll(uint64_t below);

/* From now on; the change (a call that is no read) number cut_at, from 0, fails with EIO, and all after it. */
void power_ops_on(long cut_at);
/* The real calls again; what is pending stays pending. Whatever writes has been closed before. Was it cut? */
bool power_ops_off(void);
/* Rewrite the files as the disk might show them after a power cut at this moment. */
void power_ops_show(void);

#endif
