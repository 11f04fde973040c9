/*
 * tables.cc - see tables.h
 *
 * C++ because RocksDB's C API has no SetDBOptions.
 */
#include "storage/meta/tables.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <chrono>
#include <cstring>
#include <string>
#include <thread>

using namespace rocksdb;

/* How RocksDB's c.cc (7.8) defines it; tests/storage/meta closes tables of a database opened through C. */
struct rocksdb_t {
    DB *rep;
};

#define RESERVED 10 /* of max_open_files, not for tables: RocksDB's own number */

void
av_tables_close(rocksdb_t *db, int most_open, char **status)
{
    Status closed = db->rep->SetDBOptions({ { "max_open_files", std::to_string(RESERVED) } });
    Status restored = db->rep->SetDBOptions({ { "max_open_files", std::to_string(most_open) } });
    const Status &s = closed.ok() ? restored : closed;

    if (!s.ok())
        *status = strdup(s.ToString().c_str());
}

static void
set_threads(int n)
{
    Env::Default()->SetBackgroundThreads(n, Env::LOW);
    Env::Default()->SetBackgroundThreads(n, Env::HIGH);
}

void
av_tables_renew_threads(void)
{
    set_threads(0);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    set_threads(1);
}
