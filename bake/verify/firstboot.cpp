#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <map>
#include <optional>

#include "bake/assets/assets.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/json.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"
#include "bake/plan/files.hpp"
#include "bake/verify/guest.hpp"
#include "bake/verify/unit_lines.hpp"

namespace bake::verify {
namespace {

using guest::Guest;
using plan::Expectations;
using Problems = std::vector<std::string>;

constexpr const char* unit_name = "ib-firstboot.service";
constexpr const char* late_unit_name = "ib-firstboot-late.service";

/// True when the bake installed the unit that checks the addresses.
bool has_late_unit(const Expectations& expected) {
  return std::find(expected.services.begin(), expected.services.end(), late_unit_name) != expected.services.end();
}

/// The version of bake that made the image, from the manifest in it; empty when it is not known.
std::string maker_of(const guest::Facts& facts) {
  const auto manifest = parse_untrusted_json(facts.baked_manifest.value_or(""));
  if (manifest.is_discarded() || !manifest.is_object()) return {};
  const auto version = manifest.find("bake");
  return version != manifest.end() && version->is_string() ? version->get<std::string>() : std::string();
}

void check_program(Guest& guest, const Expectations& expected, bool same_bake, Problems& problems) {
  const auto program = guest.read(plan::path::firstboot);
  const auto stat = guest.stat(plan::path::firstboot);
  if (!program || !stat) return problems.push_back(fmt::format("{} is missing", plan::path::firstboot));
  const auto digest = digest_of(*program);
  if (digest != expected.firstboot_sha256)
    problems.push_back(fmt::format("{} has the sha256 {}, the manifest in the image says {}", plan::path::firstboot,
                                   digest, expected.firstboot_sha256));
  else if (same_bake && digest != assets::firstboot_digest())
    problems.push_back(fmt::format("{} has the sha256 {}, as the manifest in the image says, but that of bake {} is {}",
                                   plan::path::firstboot, digest, BAKE_VERSION, assets::firstboot_digest()));
  if (stat->type != guest::FileType::regular || (stat->mode & 0111U) != 0111U)
    problems.push_back(fmt::format("{} is not an executable file", plan::path::firstboot));
}

/// The settings of a unit without an ambiguous_line(), in order. Not Before=: docs/firstboot.md lets users delete that
/// line.
std::vector<std::string> settings_of(std::string_view unit) {
  std::vector<std::string> settings;
  for (const auto line : each_line(unit)) {
    const auto text = trim(line);
    if (!text.empty() && !text.starts_with('#') && !text.starts_with(';') && !text.starts_with("Before="))
      settings.emplace_back(text);
  }
  return settings;
}

/// Returns the text of a unit of bake; nothing, and a problem, when it is missing or settings_of() does not apply to
/// it.
std::optional<std::string> read_unit(Guest& guest, const std::string& path, Problems& problems) {
  auto text = guest.read(path);
  if (!text) {
    problems.push_back(path + " is missing");
  } else if (const auto line = ambiguous_line(*text)) {
    problems.push_back(fmt::format("{} has '{}', which systemd does not read as one line", path, *line));
    return std::nullopt;
  }
  return text;
}

/// Compares a unit of the guest with the one that bake writes.
void check_unit(Guest& guest, const std::string& path, std::string_view wanted, Problems& problems) {
  const auto text = read_unit(guest, path, problems);
  if (!text) return;
  const auto found = settings_of(*text);
  const auto expected = settings_of(wanted);
  if (found == expected) return;
  const auto differs = std::mismatch(found.begin(), found.end(), expected.begin(), expected.end());
  const auto name = [](const auto& at, const auto& end) {
    return at == end ? std::string("nothing") : "'" + *at + "'";
  };
  problems.push_back(fmt::format("{} has {} in place of {}", path, name(differs.first, found.end()),
                                 name(differs.second, expected.end())));
}

/// Checks that a unit of another version of bake, whose text is not known, starts the program and nothing else.
void check_unknown_unit(Guest& guest, const std::string& path, Problems& problems) {
  const auto text = read_unit(guest, path, problems);
  if (!text) return;
  std::size_t starts = 0;
  for (const auto& setting : settings_of(*text)) {
    if (!setting.starts_with("Exec")) continue;
    const auto words = split_words(replace_all(setting, "=", " "));
    const bool right = words.size() > 1 && words[0] == "ExecStart" && words[1] == plan::path::firstboot;
    if (right) ++starts;
    if (!right) problems.push_back(fmt::format("{} has '{}'", path, setting));
  }
  if (starts == 0) problems.push_back(fmt::format("{} does not start {}", path, plan::path::firstboot));
}

/// Returns whether the program and the units are as this bake writes them; another version may write the same.
bool has_files_of_this_bake(Guest& guest, const Expectations& expected) {
  Problems differences;
  check_unit(guest, plan::path::firstboot_unit, assets::firstboot_unit(), differences);
  check_unit(guest, plan::path::firstboot_target, assets::ready_target(), differences);
  if (has_late_unit(expected))
    check_unit(guest, plan::path::firstboot_late_unit, assets::firstboot_late_unit(), differences);
  const auto program = guest.read(plan::path::firstboot);
  return differences.empty() && program && digest_of(*program) == assets::firstboot_digest();
}

/// Returns whether a drop-in for every service sets only limits of time and resources, as those of distributions do
/// (Fedora's 10-timeout-abort.conf): they can end ib-firstboot, and do not change what it does.
bool sets_only_limits(std::string_view drop_in) {
  if (ambiguous_line(drop_in)) return false;
  const auto settings = settings_of(drop_in);
  return std::all_of(settings.begin(), settings.end(), [](const std::string& setting) {
    for (const auto* prefix : {"[", "Timeout", "Memory", "CPU", "IO", "Tasks", "OOM", "ManagedOOM"})
      if (setting.starts_with(prefix)) return true;
    return false;
  });
}

/// Compares the units with those of bake, as far as this bake knows them.
void check_units(Guest& guest, const Expectations& expected, bool same_bake, Problems& problems) {
  const bool late = has_late_unit(expected);
  if (!same_bake) {
    check_unknown_unit(guest, plan::path::firstboot_unit, problems);
    if (late) check_unknown_unit(guest, plan::path::firstboot_late_unit, problems);
    return;
  }
  check_unit(guest, plan::path::firstboot_unit, assets::firstboot_unit(), problems);
  check_unit(guest, plan::path::firstboot_target, assets::ready_target(), problems);
  if (late) check_unit(guest, plan::path::firstboot_late_unit, assets::firstboot_late_unit(), problems);
}

/// Finds files that systemd prefers to a unit of bake or adds to it (systemd.unit(5)).
void check_overrides(Guest& guest, const Expectations& expected, Problems& problems) {
  std::vector<std::string> units{unit_name};
  // The last one is for every service, in systemd 244 and later and in EL8 (systemd.unit(5)).
  std::vector<std::string> drop_in_directories{"ib-firstboot.service.d", "ib-.service.d", "service.d"};
  if (has_late_unit(expected)) {
    units.emplace_back(late_unit_name);
    drop_in_directories.insert(drop_in_directories.end(), {"ib-firstboot-late.service.d", "ib-firstboot-.service.d"});
  }
  for (const auto& unit : units)
    if (guest.stat("/etc/systemd/system.control/" + unit))
      problems.push_back("/etc/systemd/system.control/" + unit + " replaces the unit");
  for (const std::string directory :
       {"/etc/systemd/system.control", "/etc/systemd/system", "/etc/systemd/system.attached",
        "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    if (directory.starts_with("/lib/") && guest.read_link("/lib")) continue;
    for (const auto& drop_ins : drop_in_directories)
      for (const auto& name : guest.list(guest::join_path(directory, drop_ins))) {
        const auto path = fmt::format("{}/{}/{}", directory, drop_ins, name);
        if (!name.ends_with(".conf")) continue;
        if (drop_ins == "service.d" && sets_only_limits(guest.read(path).value_or(""))) continue;
        problems.push_back(path + " changes the unit");
      }
  }
}

/// The settings of ib-firstboot.conf as the program reads them: the last line of a key counts, and a blank before the
/// equals sign is part of the key (firstboot/sources.cpp, find_value).
std::map<std::string, std::string> conf_of(const std::string& text) {
  std::map<std::string, std::string> conf;
  for (const auto line : each_line(text)) {
    const auto setting = trim(line);
    const auto equals = setting.find('=');
    if (equals == std::string::npos || setting.starts_with('#')) continue;
    auto value = std::string(trim(setting.substr(equals + 1)));
    if (value.size() > 1 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
      value = value.substr(1, value.size() - 2);
    conf[std::string(setting.substr(0, equals))] = value;
  }
  return conf;
}

bool is_wait(const std::string& text) {
  constexpr unsigned longest = 240;  // docs/firstboot.md
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc() && end == text.data() + text.size() && seconds <= longest;
}

/// Compares ib-firstboot.conf with the driver and the system of the image. A user may change WAIT.
void check_conf(Guest& guest, const guest::Facts& facts, const Expectations& expected, Problems& problems) {
  const auto text = guest.read(plan::path::firstboot_conf);
  if (!text) return problems.push_back(fmt::format("{} is missing", plan::path::firstboot_conf));
  const auto conf = conf_of(*text);
  const auto value_of = [&](const std::string& key) {
    const auto found = conf.find(key);
    return found == conf.end() ? std::string() : found->second;
  };
  std::vector<std::pair<std::string, std::string>> wanted{
      {"OS", facts.os.id + "-" + facts.os.version}, {"OFED", expected.ofed}, {"MODULE", expected.module}};
  // Without a planned version, bake wrote the version of the module that DKMS built.
  if (!expected.module_version.empty()) wanted.emplace_back("MODULE_VERSION", expected.module_version);
  for (const auto& [key, value] : wanted)
    if (value_of(key) != value)
      problems.push_back(
          fmt::format("{} has {}={}, the image has {}", plan::path::firstboot_conf, key, value_of(key), value));
  if (const auto wait = value_of("WAIT"); conf.contains("WAIT") && !is_wait(wait))
    problems.push_back(fmt::format("{} has WAIT={}, which is not 0 to 240 seconds", plan::path::firstboot_conf, wait));
  if (const bool strict = value_of("STRICT_RATE") == "1"; strict != expected.firstboot_strict_rate)
    problems.push_back(fmt::format("{} has {}STRICT_RATE=1, the recipe has {}", plan::path::firstboot_conf,
                                   strict ? "" : "no ", strict ? "none" : "it"));
}

}  // namespace

Check verify_firstboot(Guest& guest, const guest::Facts& facts, const Expectations& expected) {
  if (expected.firstboot_sha256.empty()) return skipped("ib-firstboot", "the bake did not install it");
  const auto maker = maker_of(facts);
  const bool same_bake = maker == BAKE_VERSION || has_files_of_this_bake(guest, expected);
  Problems problems;
  check_program(guest, expected, same_bake, problems);
  check_units(guest, expected, same_bake, problems);
  check_overrides(guest, expected, problems);
  check_conf(guest, facts, expected, problems);
  if (!problems.empty()) return {"ib-firstboot", false, printable(join(problems, "; "))};
  if (!same_bake)
    return skipped("ib-firstboot",
                   fmt::format("the program and its unit were not compared with those of bake {}, because {} made the "
                               "image; the sha256 of the program is the one in the manifest in the image: {}",
                               BAKE_VERSION, maker.empty() ? "an unknown version" : "bake " + printable(maker),
                               expected.firstboot_sha256));
  return {"ib-firstboot", true,
          fmt::format("the program, its {} and its configuration are as bake {} writes them; sha256 {}",
                      has_late_unit(expected) ? "units" : "unit", BAKE_VERSION, expected.firstboot_sha256)};
}

void advise_unvouched_firstboot(std::vector<Check>& checks) {
  for (auto& check : checks) {
    if (check.rule != "ib-firstboot" || check.status != Status::skipped) continue;
    check.status = Status::failed;
    check.level = Level::advice;
    check.evidence += ". Anyone who can write to the image could have changed both";
    check.remedy =
        "compare the image with the manifest next to it or with the public key, or verify it with the bake that made "
        "it";
  }
}

}  // namespace bake::verify
