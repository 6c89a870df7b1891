#include "bake/guest/script.hpp"

#include <charconv>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::guest {

bool needs_file(std::string_view script) { return shell_quote(script).size() > std::size_t{100} << 10U; }

std::string wrap_script(std::string_view body) {
  return fmt::format(
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root SHELL=/bin/sh TERM=dumb LANG=C LC_ALL=C\n"
      "export PATH HOME USER LOGNAME SHELL TERM LANG LC_ALL\n"
      "umask 022; cd /\n"
      "/bin/sh -c {} >{} 2>&1 </dev/null\n"
      "echo $?\n",
      shell_quote(body), output_file);
}

int parse_status(std::string_view printed) {
  const auto text = trim(printed);
  int status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  if (error == std::errc{} && end == text.data() + text.size()) return status;
  throw Error(ErrorKind::failed,
              fmt::format("running a script in the guest: its shell answered '{}'", text.substr(0, 80)),
              "the guest's /bin/sh does not work; try it with: guestfish --ro -i -a DISK sh 'echo hello'");
}

std::string end_leftover_programs() {
  return "for process in /proc/[0-9]*; do pid=${process#/proc/}\n"
         "[ $pid != $$ ] && [ $process/root -ef / ] && kill -9 $pid\n"
         "done 2>/dev/null; :\n";
}

}  // namespace bake::guest
