#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// Folders that the Azure Linux agent gives a handler in HandlerEnvironment.json.
struct HandlerFolders {
  Buffer<400> status;
  Buffer<400> config;
};

/// Reads HandlerEnvironment.json: one object, or an array of one object. Ignores other members. False: a folder is
/// missing or empty.
bool parse_handler_environment(View document, HandlerFolders& out);

/// Gives 3 for "3.settings". False for any other name, also for "name.3.settings" of a multi-config extension.
bool settings_sequence(View file_name, unsigned& sequence);

/// Reads HandlerEnvironment.json from the working directory (where the agent starts handlers), the program's directory
/// or its parent. Retries for half a second, because the agent may be writing the file. Does not use --root: the
/// agent's paths belong to this machine.
bool find_handler(HandlerFolders& out);

/// Gives <statusFolder>/<N>.status. N is ConfigSequenceNumber of the environment, else of the highest N.settings, else
/// 0.
void handler_status_path(const HandlerFolders& folders, const char* const* environment, Text& out);

}  // namespace firstboot
