#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/memory.hpp"

namespace bake {

/// Runs the scripts of a MemoryGuest on this machine: programs come from a directory of stand-ins first, and paths in a
/// script can be replaced by files in that directory.
class HostShell {
 public:
  explicit HostShell(guest::MemoryGuest& guest) {
    guest.with_handler([this](std::string script) {
      for (const auto& [path, place] : places_) script = replace_all(std::move(script), path, place);
      const auto result = run_program({"/bin/sh", "-c", "PATH=" + directory() + ":$PATH\n" + script});
      return guest::ShellResult{result.status, result.out + result.err};
    });
  }
  HostShell(const HostShell&) = delete;
  HostShell& operator=(const HostShell&) = delete;

  [[nodiscard]] std::string directory() const { return directory_.path().string(); }
  [[nodiscard]] std::string file(const std::string& name) const { return directory() + "/" + name; }
  [[nodiscard]] std::string content(const std::string& name) const { return read_text(file(name)); }

  /// Adds a program called `name` that runs the script `text`.
  HostShell& with_program(const std::string& name, const std::string& text) {
    write_text_atomically(file(name), "#!/bin/sh\n" + text);
    std::filesystem::permissions(file(name), std::filesystem::perms::owner_all);
    return *this;
  }
  /// Replaces `path` in scripts by `name` in the directory.
  HostShell& with_place(const std::string& path, const std::string& name) {
    places_[path] = file(name);
    return *this;
  }

 private:
  TemporaryDirectory directory_;
  std::map<std::string, std::string> places_;
};

}  // namespace bake
