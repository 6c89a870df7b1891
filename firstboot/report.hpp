#pragma once

#include "firstboot/hardware.hpp"
#include "firstboot/text.hpp"
#include "firstboot/vm.hpp"

namespace firstboot {

/// Exit codes of the InfiniBandDriverLinux VM extension
/// (learn.microsoft.com/azure/virtual-machines/extensions/hpc-compute-infiniband-linux, "Exit codes").
enum class Exit : unsigned char {
  success = 0,
  incorrect_usage = 1,
  no_hyperv = 10,
  no_infiniband = 11,
  os_not_supported = 12,
  size_not_supported = 13,
  failed = 14,
};

/// The meaning of the code in the extension's documentation: "VM size not supported".
const char* meaning_of(Exit code);

enum class Result : unsigned char { pass, warn, fail };

struct Check {
  const char* name = "";
  Result result = Result::pass;
  Buffer<24> time;  ///< UTC, the end of the check
  Buffer<1000> evidence;
};

/// One run: its checks in order, the VM and its hardware, and the verdict.
struct Report {
  static constexpr size_t max_checks = 12;
  Check checks[max_checks];
  size_t count = 0;
  Buffer<24> start;        ///< UTC
  Buffer<24> time;         ///< UTC, of the verdict
  Buffer<96> reason;       ///< of this run: "first run on this VM"
  bool unchanged = false;  ///< same VM as in the last run, both successful: the log gets only warnings and the verdict
  Vm vm;
  Hardware hardware;
  unsigned expected_hcas = 0;  ///< 0: unknown
  unsigned expected_rate = 0;  ///< Gb/s of each HCA, from the VM size; 0: unknown
  unsigned wait = 0;           ///< seconds, the total wait
  Exit exit = Exit::success;
  Buffer<1000> message;  ///< the verdict in one sentence

  /// Adds the next check; the caller writes its evidence.
  Check& add(const char* name, Result result = Result::pass);
};

/// Writes "exit 11: Mellanox InfiniBand not found on this VM size: ..."
void write_verdict(const Report& report, Text& out);
/// Writes the lines of /var/log/azure/ib-vmext-status: one for each check (only warnings when the run is unchanged),
/// the verdict last.
void write_log(const Report& report, Text& out);
/// Writes the line of one check in that log.
void write_log_line(const Check& check, Text& out);
/// Writes the file that the Azure Linux agent reads: one element, ASCII, integer codes, every message with a language.
void write_status_json(const Report& report, Text& out);
/// Writes the document of --json.
void write_json(const Report& report, Text& out);

/// Writes the status file of a run without checks: incorrect usage of a handler command.
void write_status_json(Exit code, View time, View message, Text& out);

}  // namespace firstboot
