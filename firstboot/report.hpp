#pragma once

#include "firstboot/hardware.hpp"
#include "firstboot/text.hpp"
#include "firstboot/vm.hpp"

namespace firstboot {

/// Exit codes of the InfiniBandDriverLinux VM extension, which its users know
/// (learn.microsoft.com/azure/virtual-machines/extensions/hpc-compute-infiniband-linux, "Exit codes").
enum class Exit : unsigned char {
  success = 0,
  wrong_use = 1,
  no_hyperv = 10,
  no_infiniband = 11,
  os_not_supported = 12,
  size_not_supported = 13,
  failed = 14,
};

/// What the extension's documentation calls the code: "VM size not supported".
const char* words_for(Exit code);

enum class Verdict : unsigned char { pass, warn, fail };

struct Check {
  const char* name = "";
  Verdict verdict = Verdict::pass;
  Buffer<24> time;  ///< UTC, of its end
  Buffer<1000> evidence;
};

/// One run: its checks in order, what they looked at, and the verdict.
struct Report {
  static constexpr size_t most_checks = 12;
  Check checks[most_checks];
  size_t count = 0;
  Buffer<24> start;        ///< UTC
  Buffer<24> time;         ///< UTC, of the verdict
  Buffer<96> reason;       ///< why this run: "first boot of this VM"
  bool unchanged = false;  ///< same VM as the last run, all well then and now: one log line is enough
  Vm vm;
  Hardware hardware;
  unsigned expected_hcas = 0;  ///< 0: unknown
  unsigned wait = 0;           ///< seconds in all to wait for what arrives late
  Exit exit = Exit::success;
  Buffer<1000> message;  ///< the verdict in one sentence

  /// Starts the next check; the caller writes its evidence.
  Check& add(const char* name, Verdict verdict = Verdict::pass);
};

/// "exit 11: Mellanox InfiniBand not found on this VM size: ..."
void write_verdict(const Report& report, Text& out);
/// What goes to /var/log/azure/ib-vmext-status: a line per check, the verdict last.
void write_log(const Report& report, Text& out);
/// The file that the Azure Linux agent reads: one element, ASCII, every message with its language, integer codes.
void write_status_json(const Report& report, Text& out);
/// The document of --json.
void write_json(const Report& report, Text& out);

/// One object for a run that made no checks: wrong use of a handler command.
void write_status_json(Exit code, View time, View message, Text& out);

}  // namespace firstboot
