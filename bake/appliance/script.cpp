#include "bake/appliance/script.hpp"

#include <charconv>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::guest {

std::string script_command(std::string_view sysroot, std::chrono::seconds limit) {
  return fmt::format(
      "umask 022; PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root SHELL=/bin/sh TERM=dumb LANG=C "
      "LC_ALL=C timeout -k 10 {3} chroot {0} /bin/sh {1} >{0}{2} 2>&1 </dev/null; echo $?",
      sysroot, script_file, output_file, limit.count());
}

int parse_status(std::string_view text) {
  const auto number = trim(text);
  int status = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), status);
  if (error == std::errc{} && end == number.data() + number.size()) return status;
  throw Error(ErrorKind::failed,
              fmt::format("running a script in the guest: the appliance answered '{}'", number.substr(0, 80)),
              "this version of libguestfs behaves differently than expected", {{Remedy::Action::check_machine}});
}

bool ended_by_limit(int status, std::chrono::nanoseconds took, std::chrono::seconds limit) {
  return (status == 124 || status == 137) && took >= limit;
}

std::string_view start_failure(int status, std::string_view output) {
  constexpr std::string_view complaint = "chroot: failed to run command";
  return (status == 126 || status == 127) && output.starts_with(complaint) ? trim(output) : std::string_view{};
}

std::string end_programs_command(std::string_view sysroot) {
  return fmt::format("for p in /proc/[0-9]*; do [ $p/root -ef {} ] && kill -9 ${{p#/proc/}}; done; true", sysroot);
}

}  // namespace bake::guest
