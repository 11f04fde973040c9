/*
 * env.cc - see env.h: RocksDB's FileSystem and Logger over the sealed files of file.c
 *
 * C++ because RocksDB's C API cannot do this. Thin: every function hands on to C and turns the error into a status.
 * What changes nothing on disk (listing a folder, is it there) and the lock go to RocksDB's own file system.
 */
#include "storage/sealed/env.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/options.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "storage/sealed/sealed_priv.h"

using namespace rocksdb;

/*
 * The C API has no setter for an Env of one's own. This is how its c.cc (7.8) defines the struct, the first member
 * being all of it; tests/storage/sealed proves that files come out sealed, and a RocksDB that changed it would fail there.
 */
struct rocksdb_options_t {
    Options rep;
};

namespace
{

IOStatus
status_of(av_errc rc, const av_error &err)
{
    switch (rc) {
    case AV_OK:
        return IOStatus::OK();
    case AV_ERR_NOT_FOUND:
        return IOStatus::PathNotFound(err.msg);
    case AV_ERR_UNSUPPORTED:
        return IOStatus::NotSupported(err.msg);
    case AV_ERR_CORRUPT:
    case AV_ERR_AUTH:
    case AV_ERR_VERSION:
        return IOStatus::Corruption(err.msg);
    default:
        /* A full disk, too: told as NoSpace RocksDB takes writes again by itself some time later, in the log file whose write
         * failed, and its assertions end the process. So the database takes none until it is opened again. */
        return IOStatus::IOError(err.msg);
    }
}

bool
ends_with(const std::string &path, const std::string &end)
{
    return path.size() >= end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0;
}

/*
 * Tables and logs are guarded by their own checksums (and a log's end by nothing, as a crash may have torn it); MANIFEST,
 * CURRENT and the other small ones by a witness.
 */
bool
is_guarded(const std::string &path)
{
    return !ends_with(path, ".sst") && !ends_with(path, ".log");
}

/* Owner of a sealed file. */
class Handle
{
  public:
    explicit Handle(sealed_file *file) : file_(file)
    {
    }
    ~Handle()
    {
        sealed_file_close(&file_);
    }
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;

    IOStatus
    read(uint64_t at, size_t n, Slice *result, char *scratch) const
    {
        av_error err;
        size_t got = 0;
        av_errc rc = sealed_file_read(file_, scratch, n, at, &got, &err);

        *result = Slice(scratch, rc == AV_OK ? got : 0);
        return status_of(rc, err);
    }
    void
    close()
    {
        sealed_file_close(&file_);
    }
    sealed_file *
    get() const
    {
        return file_;
    }

  private:
    sealed_file *file_;
};

class SequentialReader : public FSSequentialFile
{
  public:
    explicit SequentialReader(sealed_file *file) : file_(file)
    {
    }
    IOStatus
    Read(size_t n, const IOOptions &, Slice *result, char *scratch, IODebugContext *) override
    {
        IOStatus s = file_.read(at_, n, result, scratch);

        at_ += result->size();
        return s;
    }
    IOStatus
    Skip(uint64_t n) override
    {
        at_ += n;
        return IOStatus::OK();
    }

  private:
    Handle file_;
    uint64_t at_ = 0;
};

class RandomReader : public FSRandomAccessFile
{
  public:
    explicit RandomReader(sealed_file *file) : file_(file)
    {
    }
    IOStatus
    Read(uint64_t at, size_t n, const IOOptions &, Slice *result, char *scratch, IODebugContext *) const override
    {
        return file_.read(at, n, result, scratch);
    }

  private:
    Handle file_;
};

class Writer : public FSWritableFile
{
  public:
    Writer(sealed_file *file, bool guarded) : file_(file), guarded_(guarded)
    {
    }
    using FSWritableFile::Append;
    IOStatus
    Append(const Slice &data, const IOOptions &, IODebugContext *) override
    {
        av_error err;

        return status_of(sealed_file_append(file_.get(), data.data(), data.size(), &err), err);
    }
    IOStatus
    Flush(const IOOptions &, IODebugContext *) override
    {
        return IOStatus::OK(); /* nothing is kept back: an append is with the kernel */
    }
    IOStatus
    Sync(const IOOptions &, IODebugContext *) override
    {
        av_error err;

        return status_of(sealed_file_sync(file_.get(), &err), err);
    }
    bool
    IsSyncThreadSafe() const override
    {
        return !guarded_;
    }
    uint64_t
    GetFileSize(const IOOptions &, IODebugContext *) override
    {
        return file_.get() == nullptr ? 0 : sealed_file_size(file_.get());
    }
    IOStatus
    Close(const IOOptions &, IODebugContext *) override
    {
        file_.close();
        return IOStatus::OK();
    }

  private:
    Handle file_;
    const bool guarded_;
};

class Folder : public FSDirectory
{
  public:
    explicit Folder(const std::string &path) : path_(path)
    {
    }
    IOStatus
    Fsync(const IOOptions &, IODebugContext *) override
    {
        av_error err;

        return status_of(sealed_dir_sync(path_.c_str(), &err), err);
    }
    IOStatus
    Close(const IOOptions &, IODebugContext *) override
    {
        return IOStatus::OK();
    }

  private:
    const std::string path_;
};

class SealedFileSystem : public FileSystemWrapper
{
  public:
    explicit SealedFileSystem(sealed_base *base) : FileSystemWrapper(FileSystem::Default()), base_(base)
    {
    }
    ~SealedFileSystem() override
    {
        sealed_base_destroy(&base_);
    }
    const char *
    Name() const override
    {
        return "ArchivoltSealed";
    }

    IOStatus
    NewSequentialFile(
        const std::string &path, const FileOptions &, std::unique_ptr<FSSequentialFile> *ret, IODebugContext *) override
    {
        return open<SequentialReader>(path, ret);
    }
    IOStatus
    NewRandomAccessFile(const std::string &path, const FileOptions &, std::unique_ptr<FSRandomAccessFile> *ret,
        IODebugContext *) override
    {
        return open<RandomReader>(path, ret);
    }
    IOStatus
    NewWritableFile(
        const std::string &path, const FileOptions &, std::unique_ptr<FSWritableFile> *ret, IODebugContext *) override
    {
        sealed_file *file = nullptr;
        av_error err;
        av_errc rc = sealed_file_create(base_, path.c_str(), is_guarded(path), &file, &err);

        if (rc == AV_OK)
            ret->reset(new Writer(file, is_guarded(path)));
        return status_of(rc, err);
    }

    /* Writing again where something stood would use a key stream twice. */
    IOStatus
    ReopenWritableFile(
        const std::string &, const FileOptions &, std::unique_ptr<FSWritableFile> *, IODebugContext *) override
    {
        return IOStatus::NotSupported("a sealed file is not opened again for writing");
    }
    IOStatus
    ReuseWritableFile(const std::string &, const std::string &, const FileOptions &, std::unique_ptr<FSWritableFile> *,
        IODebugContext *) override
    {
        return IOStatus::NotSupported("a sealed file is not used again");
    }
    IOStatus
    NewRandomRWFile(
        const std::string &, const FileOptions &, std::unique_ptr<FSRandomRWFile> *, IODebugContext *) override
    {
        return IOStatus::NotSupported("a sealed file is not written in place");
    }
    IOStatus
    NewMemoryMappedFileBuffer(const std::string &, std::unique_ptr<MemoryMappedFileBuffer> *) override
    {
        return IOStatus::NotSupported("a sealed file is not mapped");
    }
    IOStatus
    Truncate(const std::string &, size_t, const IOOptions &, IODebugContext *) override
    {
        return IOStatus::NotSupported("a sealed file is not cut");
    }
    /* The info log goes through SealedLogger; nothing else may open a file in clear. */
    IOStatus
    NewLogger(const std::string &, const IOOptions &, std::shared_ptr<Logger> *, IODebugContext *) override
    {
        return IOStatus::NotSupported("there is no info log in a file");
    }

    IOStatus
    NewDirectory(const std::string &path, const IOOptions &options, std::unique_ptr<FSDirectory> *ret,
        IODebugContext *dbg) override
    {
        IOStatus s = target()->FileExists(path, options, dbg);

        if (s.ok())
            ret->reset(new Folder(path));
        return s.IsNotFound() ? IOStatus::PathNotFound(path) : s;
    }
    IOStatus
    GetFileSize(const std::string &path, const IOOptions &, uint64_t *ret, IODebugContext *) override
    {
        av_error err;

        return status_of(sealed_size_of(path.c_str(), ret, &err), err);
    }
    IOStatus
    GetChildrenFileAttributes(const std::string &path, const IOOptions &options, std::vector<FileAttributes> *ret,
        IODebugContext *dbg) override
    {
        return FileSystem::GetChildrenFileAttributes(path, options, ret, dbg); /* by GetFileSize above */
    }
    IOStatus
    DeleteFile(const std::string &path, const IOOptions &, IODebugContext *) override
    {
        av_error err;

        return status_of(sealed_unlink(path.c_str(), &err), err);
    }
    IOStatus
    RenameFile(const std::string &from, const std::string &to, const IOOptions &, IODebugContext *) override
    {
        av_error err;

        return status_of(sealed_rename(from.c_str(), to.c_str(), &err), err);
    }
    IOStatus
    LinkFile(const std::string &from, const std::string &to, const IOOptions &, IODebugContext *) override
    {
        av_error err;

        return status_of(sealed_link(from.c_str(), to.c_str(), &err), err);
    }
    IOStatus
    CreateDir(const std::string &path, const IOOptions &, IODebugContext *) override
    {
        av_error err;

        return status_of(sealed_mkdir(path.c_str(), &err), err);
    }
    IOStatus
    CreateDirIfMissing(const std::string &path, const IOOptions &, IODebugContext *) override
    {
        av_error err;
        av_errc rc = sealed_mkdir(path.c_str(), &err);

        return rc == AV_ERR_EXISTS ? IOStatus::OK() : status_of(rc, err);
    }
    IOStatus
    DeleteDir(const std::string &path, const IOOptions &, IODebugContext *) override
    {
        av_error err;

        return status_of(sealed_rmdir(path.c_str(), &err), err);
    }

  private:
    template <typename Reader, typename Base>
    IOStatus
    open(const std::string &path, std::unique_ptr<Base> *ret)
    {
        sealed_file *file = nullptr;
        av_error err;
        av_errc rc = sealed_file_open(base_, path.c_str(), &file, &err);

        if (rc == AV_OK)
            ret->reset(new Reader(file));
        if (rc == AV_ERR_CORRUPT && ends_with(path, "/IDENTITY")) /* there RocksDB asserts that it is an I/O error */
            return IOStatus::IOError(err.msg);
        return status_of(rc, err);
    }

    sealed_base *base_;
};

/* RocksDB's own words, from warnings on: their first lines, which name files and states and no keys. */
class SealedLogger : public Logger
{
  public:
    SealedLogger() : Logger(InfoLogLevel::WARN_LEVEL)
    {
    }
    using Logger::Logv;
    void
    Logv(const char *, va_list) override
    {
        /* The form without a level: only what the level below let through comes here, and it is not called. */
    }
    void
    Logv(const InfoLogLevel level, const char *format, va_list ap) override
    {
        char text[1024];

        if (level < InfoLogLevel::WARN_LEVEL || level >= InfoLogLevel::HEADER_LEVEL)
            return;
        if (strstr(format, "without unique ID") != nullptr) /* tables written beside have none in the MANIFEST */
            return;
        (void)vsnprintf(text, sizeof text, format, ap);
        text[strcspn(text, "\n")] = '\0'; /* a version edit follows on lines of its own, with keys in it */
        sealed_log(level >= InfoLogLevel::ERROR_LEVEL, text);
    }
};

} // namespace

struct av_sealed_env {
    std::unique_ptr<Env> env;
    std::shared_ptr<Logger> logger;
};

av_errc
av_sealed_env_new(const uint8_t key[AV_SEALED_KEY], av_sealed_env **ret, av_error *err)
{
    sealed_base *base = nullptr;
    av_errc rc = sealed_base_new(key, &base, err);

    if (rc != AV_OK)
        return rc;
    *ret = new av_sealed_env();
    (*ret)->env = NewCompositeEnv(std::make_shared<SealedFileSystem>(base));
    (*ret)->logger = std::make_shared<SealedLogger>();
    return AV_OK;
}

void
av_sealed_env_destroy(av_sealed_env **self)
{
    delete *self;
    *self = nullptr;
}

void
av_sealed_env_apply(av_sealed_env *self, rocksdb_options_t *options)
{
    Options &o = options->rep;

    o.env = self->env.get();
    o.info_log = self->logger;
    o.recycle_log_file_num = 0;
    o.allow_mmap_reads = false;
    o.allow_mmap_writes = false;
    o.use_direct_reads = false;
    o.use_direct_io_for_flush_and_compaction = false;
    o.allow_fallocate = false;
}
