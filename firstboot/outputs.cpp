#include "firstboot/outputs.hpp"

#include <unistd.h>

#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr size_t max_log_size = 1 << 20;

/// Large enough for 12 checks, with each byte of evidence escaped to six.
Buffer<size_t{96} * 1024> document;

void report_failed_write(View path) {
  Buffer<640> message;
  message << "writing '" << path << "': failed; is it a regular file in a writable directory?";
  print_error(message);
}

/// Appends `document` to both logs.
void append_to_logs(View root) {
  const char* const logs[] = {log_path, log_copy_path};
  for (const char* name : logs) {
    const Path path = below(root, name);
    if (!append_file(path, document, max_log_size)) report_failed_write(path);
  }
}

}  // namespace

void write_outputs(View root, View handler_status, const Report& report) {
  document.clear();
  write_log(report, document);
  append_to_logs(root);
  document.clear();
  write_status_json(report, document);
  const Path own = below(root, status_path);
  if (!replace_file(own, document)) report_failed_write(own);
  if (!handler_status.empty() && !replace_file(handler_status, document)) report_failed_write(handler_status);
}

void print(const Report& report, bool json) {
  document.clear();
  write_log(report, document);
  write_all(STDERR_FILENO, document);
  document.clear();
  if (json) {
    write_json(report, document);
  } else {
    document << "ib-firstboot: ";
    write_verdict(report, document);
    document << '\n';
  }
  write_all(STDOUT_FILENO, document);
}

void log_check(View root, const Check& check) {
  document.clear();
  write_log_line(check, document);
  append_to_logs(root);
  document.clear();
  document << "ib-firstboot: " << (check.result == Result::warn ? "warning: " : "") << check.evidence << '\n';
  write_all(STDOUT_FILENO, document);
}

void print_error(View message) {
  Buffer<1024> line;
  line << "ib-firstboot: error: " << message << '\n';
  write_all(STDERR_FILENO, line);
}

}  // namespace firstboot
