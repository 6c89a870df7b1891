#include "bake/store/transaction.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>

#include "bake/base/error.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view scratch_prefix = "tmp-";

void make_directories(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    throw Error(ErrorKind::failed, fmt::format("making directory '{}': {}", directory.string(), error.message()),
                "choose another place for the store with --store DIR or $BAKE_STORE");
}

void rename_path(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw Error(ErrorKind::failed, fmt::format("moving to '{}': {}", to.string(), error.message()));
}

}  // namespace

StoreTransaction::StoreTransaction(const fs::path& store, Progress& progress) : store_(store) {
  make_directories(store_);
  const auto lock_file = store_ / "lock";
  lock_ = open_file(lock_file, O_RDWR | O_CREAT);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    progress.step("waiting for another bake process that changes the store");
    while (::flock(lock_.get(), LOCK_EX) != 0)
      if (errno != EINTR)
        throw Error(ErrorKind::failed, fmt::format("locking '{}': {}", lock_file.string(), std::strerror(errno)));
  }
  for (const auto& entry : fs::directory_iterator(store_)) {
    std::error_code ignored;
    if (entry.path().filename().string().starts_with(scratch_prefix)) fs::remove_all(entry.path(), ignored);
  }
  std::string pattern = (store_ / (std::string(scratch_prefix) + "XXXXXX")).string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw Error(ErrorKind::failed,
                fmt::format("making a directory in '{}': {}", store_.string(), std::strerror(errno)));
  scratch_ = pattern;
}

StoreTransaction::~StoreTransaction() {
  std::error_code ignored;
  if (!scratch_.empty()) fs::remove_all(scratch_, ignored);
}

void StoreTransaction::write(const fs::path& relative, std::string_view content) const {
  const auto file = scratch_ / relative;
  make_directories(file.parent_path());
  write_text_atomically(file, content);
}

fs::path StoreTransaction::publish(const std::string& kind, const std::string& name) {
  const auto parent = store_ / kind;
  make_directories(parent);
  fs::permissions(scratch_, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                fs::perms::others_read | fs::perms::others_exec);
  sync_path(scratch_);
  rename_path(scratch_, parent / name);
  scratch_.clear();
  sync_path(parent);
  return parent / name;
}

bool StoreTransaction::adopt(const fs::path& part, const std::string& kind, const std::string& name) {
  const auto parent = store_ / kind;
  make_directories(parent);
  if (fs::exists(parent / name)) return false;
  const auto from = scratch_ / part;
  for (const auto& entry : fs::recursive_directory_iterator(fs::is_directory(from) ? from : scratch_ / kind))
    if (entry.is_directory()) sync_path(entry.path());
  sync_path(from);
  rename_path(from, parent / name);
  sync_path(parent);
  return true;
}

void StoreTransaction::replace(const fs::path& part, const fs::path& place) {
  rename_path(scratch_ / part, store_ / place);
  sync_path((store_ / place).parent_path());
}

void StoreTransaction::remove(const std::string& kind, const std::string& name) {
  rename_path(store_ / kind / name, scratch_ / name);
  sync_path(store_ / kind);
}

}  // namespace bake::store
