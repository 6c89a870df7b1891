#include "firstboot/handler.hpp"

#include "firstboot/json.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr unsigned max_sequence = 1000000000;
constexpr int attempts = 5;
constexpr long pause_ms = 100;

bool read_environment(const char* path, HandlerFolders& out) {
  char bytes[16 * 1024];
  return parse_handler_environment(read_file(path, bytes, sizeof bytes), out);
}

unsigned max_settings(const char* folder) {
  unsigned max = 0;
  for (Directory entries(folder); entries.next();) {
    unsigned sequence = 0;
    if (settings_sequence(entries.name(), sequence) && sequence > max) max = sequence;
  }
  return max;
}

View environment_value(const char* const* environment, View name) {
  for (; *environment != nullptr; ++environment) {
    const View entry(*environment);
    if (starts_with(entry, name) && entry.size > name.size && entry[name.size] == '=')
      return skip(entry, name.size + 1);
  }
  return {};
}

}  // namespace

bool parse_handler_environment(View document, HandlerFolders& out) {
  const View status[] = {"handlerEnvironment", "statusFolder"};
  const View config[] = {"handlerEnvironment", "configFolder"};
  out.status.clear();
  out.config.clear();
  return json_string(document, status, out.status) && !out.status.empty() &&
         json_string(document, config, out.config) && !out.config.empty();
}

bool settings_sequence(View file_name, unsigned& sequence) {
  const View suffix = ".settings";
  return ends_with(file_name, suffix) &&
         parse_number(first(file_name, file_name.size - suffix.size), max_sequence, sequence);
}

bool find_handler(HandlerFolders& out) {
  constexpr const char* name = "/HandlerEnvironment.json";
  Path program;
  link_target("/proc/self/exe", program);
  const View directory = directory_name(program);
  Path in_program_directory(directory);
  Path in_parent(directory_name(directory));
  in_program_directory << name;
  in_parent << name;
  const char* const places[] = {name + 1, in_program_directory.c_str(), in_parent.c_str()};
  for (int attempt = 0; attempt < attempts; ++attempt) {
    for (const char* path : places)
      if (read_environment(path, out)) return true;
    sleep_ms(pause_ms);
  }
  return false;
}

void handler_status_path(const HandlerFolders& folders, const char* const* environment, Text& out) {
  unsigned sequence = 0;
  if (!parse_number(environment_value(environment, "ConfigSequenceNumber"), max_sequence, sequence))
    sequence = max_settings(folders.config.c_str());
  out.clear();
  out << folders.status << '/' << sequence << ".status";
}

}  // namespace firstboot
