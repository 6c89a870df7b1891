#include "bake/guest/script.hpp"

#include <charconv>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::guest {

std::string script_runner_text() {
  return fmt::format(
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root SHELL=/bin/sh TERM=dumb LANG=C LC_ALL=C\n"
      "export PATH HOME USER LOGNAME SHELL TERM LANG LC_ALL\n"
      "umask 022\n"
      "cd /\n"
      "/bin/sh {} >{} 2>&1 </dev/null\n"
      "echo $? >{}\n",
      script_file, output_file, status_file);
}

int parse_status(std::string_view text) {
  const auto number = trim(text);
  int status = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), status);
  if (error == std::errc{} && end == number.data() + number.size()) return status;
  throw Error(ErrorKind::failed,
              fmt::format("running a script in the guest: its shell left '{}'", number.substr(0, 80)),
              "the guest's /bin/sh does not work; try it with: guestfish --ro -i -a DISK sh 'echo hello'");
}

std::string end_leftover_programs() {
  return "for process in /proc/[0-9]*; do pid=${process#/proc/}\n"
         "[ $pid = $$ ] || [ $pid = $PPID ] || { [ $process/root -ef / ] && kill -9 $pid; }\n"
         "done\n";
}

}  // namespace bake::guest
