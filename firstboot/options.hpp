#pragma once

#include "firstboot/imds.hpp"
#include "firstboot/text.hpp"

namespace firstboot {

enum class Command : unsigned char { check, check_address, handler, help, version };
enum class HandlerCommand : unsigned char { install, enable, update, disable, uninstall };

struct Options {
  Command command = Command::check;
  HandlerCommand handler = HandlerCommand::enable;
  View root;  ///< without a trailing '/'; "" is this machine
  ImdsEndpoint imds;
  bool ask_imds = true;
  int wait = -1;  ///< seconds; negative: not given
  bool json = false;
  bool force = false;
};

/// False when an argument is wrong; `error` names it and gives the reason. options.command is set as far as it was
/// read.
bool parse_options(int count, const char* const* words, Options& options, Text& error);

extern const char* const help_text;

}  // namespace firstboot
