#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// What the Azure Linux agent tells a handler (HandlerEnvironment.json, its settings files and the environment).
struct HandlerFolders {
  Buffer<400> status;
  Buffer<400> config;
};

/// Reads HandlerEnvironment.json tolerantly: one object, or an array of one; other members do not matter.
bool parse_handler_environment(View document, HandlerFolders& out);

/// "3.settings" is 3. False for anything else, also for "name.3.settings" of a multi-config extension.
bool settings_sequence(View file_name, unsigned& sequence);

/// Finds HandlerEnvironment.json in the working directory (where the agent starts handlers), beside the program or one
/// level above it; tries again for half a second, because the agent may be writing it. Nothing of this is below --root:
/// the agent's paths are this machine's.
bool find_handler(HandlerFolders& out);

/// <statusFolder>/<N>.status, N from ConfigSequenceNumber, else the highest N.settings, else 0.
void handler_status_path(const HandlerFolders& folders, const char* const* environment, Text& out);

}  // namespace firstboot
