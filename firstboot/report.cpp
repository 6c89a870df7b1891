#include "firstboot/report.hpp"

#include "firstboot/json.hpp"

namespace firstboot {
namespace {

constexpr const char* product = "Microsoft.HpcCompute.InfiniBandDriverLinux";

const char* name_of(Result result) {
  switch (result) {
    case Result::pass:
      return "pass";
    case Result::warn:
      return "warn";
    case Result::fail:
      return "fail";
  }
  return "";
}

unsigned number(Exit code) { return static_cast<unsigned>(code); }

/// The agent knows success, error, warning and transitioning. The last two are not final, so a warning is a success.
const char* agent_status(bool good) { return good ? "success" : "error"; }

/// Replaces control characters, so that untrusted text cannot start a new line.
void write_printable(Text& out, View text) {
  for (const char c : text) out << (c >= 0x20 && c < 0x7F ? c : '?');
}

void write_formatted_message(Text& out, View message) {
  out << R"("formattedMessage":{"lang":"en-US","message":)";
  json_quote(out, message);
  out << '}';
}

void open_status(Text& out, View time, Exit code, View message) {
  out << R"([{"version":"1.0","timestampUTC":)";
  json_quote(out, time);
  out << R"(,"status":{"name":")" << product << R"(","operation":"Enable","status":")"
      << agent_status(code == Exit::success) << R"(","code":)" << number(code) << ',';
  write_formatted_message(out, message);
  out << R"(,"substatus":[)";
}

void close_status(Text& out) { out << "]}}]\n"; }

/// Writes `"name":"text",`.
void write_member(Text& out, View name, View text) {
  json_quote(out, name);
  out << ':';
  json_quote(out, text);
  out << ',';
}

void write_function(Text& out, const Function& function) {
  Buffer<8> device;
  device << "0x";
  device.hex(function.device, 4);
  out << '{';
  write_member(out, "pci", function.address);
  write_member(out, "device_id", device);
  write_member(out, "name", function.row != nullptr ? function.row->name : "");
  write_member(out, "generation", function.row != nullptr ? function.row->generation : "");
  write_member(out, "driver", function.driver);
  write_member(out, "infiniband", function.infiniband);
  write_member(out, "uverbs", function.uverbs);
  write_member(out, "port", function.port);
  write_member(out, "link_layer", function.link_layer);
  write_member(out, "rate", function.rate);
  out << R"("state":)";
  json_quote(out, function.port.empty() ? "" : port_state_name(function.port_state));
  out << '}';
}

}  // namespace

const char* meaning_of(Exit code) {
  switch (code) {
    case Exit::success:
      return "Operation successful";
    case Exit::incorrect_usage:
      return "Incorrect usage of extension";
    case Exit::no_hyperv:
      return "Linux Integration Services for Hyper-V and Azure not available or installed";
    case Exit::no_infiniband:
      return "Mellanox InfiniBand not found on this VM size";
    case Exit::os_not_supported:
      return "Operating system release not supported";
    case Exit::size_not_supported:
      return "VM size not supported";
    case Exit::failed:
      return "Operation unsuccessful";
  }
  return "";
}

Check& Report::add(const char* name, Result result) {
  Check& check = checks[count < max_checks ? count++ : max_checks - 1];
  check.name = name;
  check.result = result;
  check.evidence.clear();
  return check;
}

void write_verdict(const Report& report, Text& out) {
  out << "exit " << number(report.exit) << ": ";
  write_printable(out, report.message);
}

void write_log_line(const Check& check, Text& out) {
  out << check.time << ' ' << check.name << ' ' << name_of(check.result) << ' ';
  write_printable(out, check.evidence);
  out << '\n';
}

void write_log(const Report& report, Text& out) {
  out << report.start << " run info ib-firstboot " IB_FIRSTBOOT_VERSION ", " << report.reason << ", waits at most "
      << report.wait << " s\n";
  for (size_t i = 0; i < report.count; ++i)
    if (!report.unchanged || report.checks[i].result != Result::pass) write_log_line(report.checks[i], out);
  out << report.time << " verdict " << (report.exit == Exit::success ? "pass " : "fail ");
  write_verdict(report, out);
  out << '\n';
}

void write_status_json(const Report& report, Text& out) {
  open_status(out, report.time, report.exit, report.message);
  for (size_t i = 0; i < report.count; ++i) {
    const Check& check = report.checks[i];
    const bool good = check.result != Result::fail;
    out << (i == 0 ? "" : ",") << R"({"name":)";
    json_quote(out, check.name);
    out << R"(,"status":")" << agent_status(good) << R"(","code":)" << (good ? 0 : number(report.exit)) << ',';
    write_formatted_message(out, check.evidence);
    out << '}';
  }
  close_status(out);
}

void write_status_json(Exit code, View time, View message, Text& out) {
  open_status(out, time, code, message);
  close_status(out);
}

void write_json(const Report& report, Text& out) {
  out << R"({"program":"ib-firstboot","version":")" IB_FIRSTBOOT_VERSION R"(",)";
  write_member(out, "time", report.time);
  write_member(out, "reason", report.reason);
  out << R"("exit_code":)" << number(report.exit) << ',';
  write_member(out, "message", report.message);
  out << R"("vm":{)";
  write_member(out, "size", report.vm.size);
  write_member(out, "source", report.vm.source);
  out << R"("id":)";
  json_quote(out, report.vm.id);
  out << R"(},"expected_hcas":)" << report.expected_hcas << R"(,"hcas":[)";
  for (size_t i = 0; i < report.hardware.count; ++i) {
    out << (i == 0 ? "" : ",");
    write_function(out, report.hardware.functions[i]);
  }
  out << R"(],"checks":[)";
  for (size_t i = 0; i < report.count; ++i) {
    out << (i == 0 ? "{" : ",{");
    write_member(out, "name", report.checks[i].name);
    write_member(out, "verdict", name_of(report.checks[i].result));
    out << R"("evidence":)";
    json_quote(out, report.checks[i].evidence);
    out << '}';
  }
  out << "]}\n";
}

}  // namespace firstboot
