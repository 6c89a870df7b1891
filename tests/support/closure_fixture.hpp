#pragma once

#include <string>
#include <vector>

#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"
#include "bake/resolve/closure.hpp"

namespace bake::testing {

/// A package to write a database dump and an index from; dependencies as "name", "name >= evr".
struct TestPackage {
  std::string name;
  std::string evr = "1-1";
  std::string arch = "x86_64";
  std::vector<std::string> needs = {};
  std::vector<std::string> provides = {};
  std::vector<std::string> obsoletes = {};
  std::vector<std::string> conflicts = {};
  std::vector<std::string> files = {};
};

struct SplitEvr {
  std::string epoch = "0", version, release;
};

inline SplitEvr split_evr(const std::string& evr) {
  SplitEvr parts;
  const auto colon = evr.find(':');
  if (colon != std::string::npos) parts.epoch = evr.substr(0, colon);
  const auto rest = colon == std::string::npos ? evr : evr.substr(colon + 1);
  const auto dash = rest.rfind('-');
  parts.version = rest.substr(0, dash);
  if (dash != std::string::npos) parts.release = rest.substr(dash + 1);
  return parts;
}

/// The words of "name op evr"; a rich dependency is one word.
inline std::vector<std::string> dependency_words(const std::string& dependency) {
  return dependency.front() == '(' ? std::vector<std::string>{dependency} : split_words(dependency);
}

inline std::string dump_lines(char letter, const std::vector<std::string>& list) {
  std::string text;
  for (const auto& dependency : list) {
    const auto words = dependency_words(dependency);
    text += std::string(1, letter) + " " + words[0] + "\t";
    if (words.size() == 3) {
      int flags = 0;
      for (const char c : words[1]) flags |= c == '<' ? 2 : c == '>' ? 4 : 8;
      text += std::to_string(flags) + "\t" + words[2];
    } else {
      text += "0\t";
    }
    text += "\n";
  }
  return text;
}

inline std::string rpm_dump(const std::vector<TestPackage>& packages) {
  std::string text;
  for (const auto& package : packages) {
    const auto evr = split_evr(package.evr);
    text += "P " + package.name + "\t" + evr.epoch + "\t" + evr.version + "\t" + evr.release + "\t" + package.arch;
    text += "\n" + dump_lines('v', package.provides) + dump_lines('r', package.needs) +
            dump_lines('o', package.obsoletes) + dump_lines('c', package.conflicts);
    for (const auto& file : package.files) text += "f " + file + "\n";
  }
  return text + "E\n";
}

inline std::string escape_xml(std::string text) {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"&", "&amp;"}, {"<", "&lt;"}})
    text = replace_all(text, from, to);
  return text;
}

inline std::string xml_dependencies(const std::string& tag, const std::vector<std::string>& list) {
  std::string text = "<rpm:" + tag + ">";
  for (const auto& dependency : list) {
    const auto words = dependency_words(dependency);
    text += "<rpm:entry name=\"" + escape_xml(words[0]) + "\"";
    if (words.size() == 3) {
      const auto evr = split_evr(words[2]);
      const auto& op = words[1];
      text += std::string(" flags=\"") +
              (op == "="    ? "EQ"
               : op == ">=" ? "GE"
               : op == "<=" ? "LE"
               : op == "<"  ? "LT"
                            : "GT") +
              "\" epoch=\"" + evr.epoch + "\" ver=\"" + evr.version + "\"";
      if (!evr.release.empty()) text += " rel=\"" + evr.release + "\"";
    }
    text += "/>";
  }
  return text + "</rpm:" + tag + ">";
}

/// primary.xml as createrepo_c writes it, less what a solver does not read.
inline std::string primary_xml(const std::vector<TestPackage>& packages) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" "
      "xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"1\">\n";
  for (const auto& package : packages) {
    const auto evr = split_evr(package.evr);
    auto provides = package.provides;
    provides.push_back(package.name + " = " + package.evr);
    text += "<package type=\"rpm\"><name>" + package.name + "</name><arch>" + package.arch +
            "</arch><version epoch=\"" + evr.epoch + "\" ver=\"" + evr.version + "\" rel=\"" + evr.release +
            "\"/><checksum type=\"sha256\" pkgid=\"YES\">" + digest_of(package.name + package.evr) +
            "</checksum><location href=\"" + package.name + ".rpm\"/><format>" +
            xml_dependencies("provides", provides) + xml_dependencies("requires", package.needs) +
            xml_dependencies("conflicts", package.conflicts) + xml_dependencies("obsoletes", package.obsoletes);
    for (const auto& file : package.files) text += "<file>" + file + "</file>";
    text += "</format></package>\n";
  }
  return text + "</metadata>\n";
}

/// filelists.xml for the files of `packages`; primary.xml of the same packages then should not name them.
inline std::string filelists_xml(const std::vector<TestPackage>& packages) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<filelists xmlns=\"http://linux.duke.edu/metadata/filelists\" "
      "packages=\"1\">\n";
  for (const auto& package : packages) {
    const auto evr = split_evr(package.evr);
    text += "<package pkgid=\"" + digest_of(package.name + package.evr) + "\" name=\"" + package.name + "\" arch=\"" +
            package.arch + "\"><version epoch=\"" + evr.epoch + "\" ver=\"" + evr.version + "\" rel=\"" + evr.release +
            "\"/>";
    for (const auto& file : package.files) text += "<file>" + file + "</file>";
    text += "</package>\n";
  }
  return text + "</filelists>\n";
}

/// The packages that a deb index lists.
inline bundle::Repository repository_of_index(const std::string& index, const std::string& directory) {
  bundle::Repository repository;
  repository.directory = directory;
  for (const auto& line : split_lines(index)) {
    const auto value = [&](std::string_view field) { return line.substr(field.size()); };
    if (line.starts_with("Package: ")) repository.packages.push_back({});
    if (repository.packages.empty()) continue;
    auto& package = repository.packages.back();
    if (line.starts_with("Package: ")) package.name = value("Package: ");
    if (line.starts_with("Version: ")) package.version = value("Version: ");
    if (line.starts_with("Architecture: ")) package.arch = value("Architecture: ");
    if (line.starts_with("Filename: ./")) package.file = directory + "/" + value("Filename: ./");
    package.dkms_source = package.name.ends_with("-dkms");
  }
  return repository;
}

/// A dpkg question: the text of the status file, of the bundle's index, and of the extra packages' index.
inline resolve::Closure ask_deb(const std::string& status, const std::string& index,
                                const std::vector<std::string>& wanted, const std::string& extra_index = "",
                                const std::string& directory = "DEBS") {
  guest::Facts facts;
  facts.family = guest::Family::deb;
  facts.arch = "x86_64";
  facts.packages.dump = status;
  const auto bundle = repository_of_index(index, directory);
  const auto extras = repository_of_index(extra_index, "extra");
  std::vector<resolve::PackageSource> sources{{0, &bundle, bundle::PackageFormat::deb, index, ""}};
  if (!extra_index.empty()) sources.push_back({1, &extras, bundle::PackageFormat::deb, extra_index, ""});
  return resolve::solve(facts, sources, wanted, {"mlnx-fw-updater"});
}

/// A closure as lines: "! where: message", or "upgrade name.arch old -> new 0:file (reason)".
inline std::vector<std::string> lines_of(const resolve::Closure& closure) {
  std::vector<std::string> lines;
  for (const auto& problem : closure.problems) lines.push_back("! " + problem.where + ": " + problem.message);
  for (const auto& change : closure.changes) {
    std::string line = change.action == resolve::PackageChange::Action::install   ? "install "
                       : change.action == resolve::PackageChange::Action::upgrade ? "upgrade "
                                                                                  : "remove ";
    line += change.name + "." + change.arch + " ";
    if (!change.old_version.empty()) line += change.old_version + " -> ";
    line += change.version;
    if (!change.file.empty()) line += " " + std::to_string(change.payload) + ":" + change.file;
    lines.push_back(line + " (" + change.reason + ")");
  }
  return lines;
}

/// One guest, one bundle, extra packages: a question for solve().
struct Question {
  guest::Family family = guest::Family::rpm;
  std::string dump;
  std::vector<TestPackage> bundle;
  std::vector<TestPackage> extras = {};
  std::vector<std::string> never = {"mlnx-fw-updater"};
};

inline bundle::Repository repository_of(const std::vector<TestPackage>& packages, const std::string& directory) {
  bundle::Repository repository;
  repository.directory = directory;
  for (const auto& package : packages) {
    bundle::BundlePackage entry;
    entry.name = package.name;
    entry.version = package.evr;
    entry.arch = package.arch;
    entry.file = directory + "/" + package.name + ".rpm";
    repository.packages.push_back(entry);
  }
  return repository;
}

inline resolve::Closure ask(const Question& question, const std::vector<std::string>& wanted) {
  guest::Facts facts;
  facts.family = question.family;
  facts.arch = "x86_64";
  facts.packages.dump = question.dump;
  const auto bundle = repository_of(question.bundle, "RPMS");
  const auto extras = repository_of(question.extras, "extra");
  std::vector<resolve::PackageSource> sources{
      {0, &bundle, bundle::PackageFormat::rpm, primary_xml(question.bundle), ""}};
  if (!question.extras.empty())
    sources.push_back({1, &extras, bundle::PackageFormat::rpm, primary_xml(question.extras), ""});
  return resolve::solve(facts, sources, wanted, question.never);
}

/// Asks solve_kernel() for packages of the extra packages.
inline resolve::Closure ask_kernel(const Question& question, const std::vector<std::string>& wanted) {
  guest::Facts facts;
  facts.family = question.family;
  facts.arch = "x86_64";
  facts.packages.dump = question.dump;
  const auto extras = repository_of(question.extras, "extra");
  return resolve::solve_kernel(facts, {{1, &extras, bundle::PackageFormat::rpm, primary_xml(question.extras), ""}},
                               wanted);
}

}  // namespace bake::testing
