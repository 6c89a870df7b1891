#include "bake/job/customize.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <system_error>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/guest.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_keys = std::size_t{256} << 10U;
constexpr std::size_t max_files = 10'000;
constexpr std::size_t max_text = std::size_t{64} << 10U;

class Reader {
 public:
  explicit Reader(const recipe::Recipe& recipe) : recipe_(recipe), customize_(recipe.customize) {}

  plan::Customization read() {
    for (const auto& file : customize_.files) add(file);
    for (std::size_t i = 0; i < customize_.first_boot.size(); ++i) {
      const auto& script = customize_.first_boot[i];
      add_file(script, fmt::format("{}/{:02}-{}", plan::first_boot_scripts, i + 1, script.filename().string()), 0755, 0,
               0);
    }
    read_.has_first_boot = !customize_.first_boot.empty();
    read_.lines = customize_.lines;
    read_.sysctl = customize_.sysctl;
    read_.mask = customize_.mask;
    for (const auto& user : customize_.users)
      read_.users.push_back({user.name, user.groups, user.shell, keys_of(user)});
    for (const auto& script : customize_.run)
      if (is_file(script)) read_.run.push_back({script, script.filename().string(), digest_of_file(script)});
    throw_if_any(ErrorKind::config, fmt::format("reading the files of recipe '{}'", recipe_.name), problems_);
    return std::move(read_);
  }

 private:
  void problem(const fs::path& file, const std::string& message, const std::string& hint = {}) {
    problems_.push_back({file.string(), message, hint});
  }

  /// Returns whether `file` is a regular file, and reports a problem otherwise.
  bool is_file(const fs::path& file) {
    std::error_code error;
    const auto status = fs::symlink_status(file, error);
    if (!fs::exists(status)) {
      problem(file, "there is no such file");
      return false;
    }
    if (fs::is_regular_file(status)) return true;
    problem(file, fs::is_symlink(status) ? "is a link" : "is not a file", "bake copies regular files only");
    return false;
  }

  void add(const recipe::CustomFile& file) {
    if (!fs::is_directory(fs::symlink_status(file.source)))
      return add_file(file.source, file.path, file.mode, file.uid, file.gid);
    std::vector<fs::path> sources;
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(file.source, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error))
      if (!at->is_directory() || at->is_symlink()) sources.push_back(at->path());
    if (error) problem(file.source, error.message());
    std::sort(sources.begin(), sources.end());
    for (const auto& source : sources)
      add_file(source, file.path + "/" + fs::relative(source, file.source).generic_string(), file.mode, file.uid,
               file.gid);
  }

  void add_file(const fs::path& source, const std::string& path, unsigned mode, unsigned uid, unsigned gid) {
    if (!is_file(source)) return;
    if (!paths_.insert(path).second) return problem(source, fmt::format("another file goes to {} too", path));
    if (paths_.size() > max_files) {
      if (paths_.size() == max_files + 1) problem(source, fmt::format("there are more than {} files", max_files));
      return;
    }
    constexpr unsigned permissions = 0755;
    if (mode == 0) mode = static_cast<unsigned>(fs::status(source).permissions()) & permissions;
    const auto size = fs::file_size(source);
    if (size >= guest::fingerprint_limit)
      return problem(source, "has 1 GiB or more",
                     "verification cannot compare such a file; split it, or make a package");
    if (size <= max_text && read_text(source, max_text).find("PRIVATE KEY-----") != std::string::npos)
      return problem(source, "contains a private key", "every VM of the image would have it; install it on the VM");
    read_.files.push_back({source, path, mode, uid, gid, digest_of_file(source), size});
  }

  std::string keys_of(const recipe::CustomUser& user) {
    std::string keys;
    for (const auto& file : user.authorized_keys) {
      if (!is_file(file)) continue;
      const auto text = read_text(file, max_keys);
      if (text.find("PRIVATE KEY") != std::string::npos)
        problem(file, "contains a private key", "name the file of the public key (.pub)");
      const auto lines = split_lines(text);
      const auto is_key = [](const std::string& line) {
        return line.find("ssh-") != std::string::npos || line.find("ecdsa-") != std::string::npos ||
               line.find("sk-") != std::string::npos;
      };
      if (std::none_of(lines.begin(), lines.end(), is_key)) problem(file, "has no public key of SSH");
      keys += text;
      if (!keys.ends_with('\n')) keys += '\n';
    }
    return keys;
  }

  const recipe::Recipe& recipe_;
  const recipe::Customize& customize_;
  plan::Customization read_;
  std::set<std::string> paths_;
  std::vector<Problem> problems_;
};

}  // namespace

plan::Customization read_customization(const recipe::Recipe& recipe) { return Reader(recipe).read(); }

}  // namespace bake::job
