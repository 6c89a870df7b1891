#include "bake/report/image_page.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "bake/base/html.hpp"
#include "bake/base/text.hpp"
#include "bake/report/content.hpp"
#include "bake/report/document.hpp"
#include "bake/report/markup.hpp"
#include "bake/report/timeline.hpp"
#include "bake/report/words.hpp"

namespace bake::report {
namespace {

using Json = nlohmann::ordered_json;
using verify::Check;

constexpr std::size_t max_listed = 12;  // names in a line; the others are folded

std::string text(const Json& json, const char* pointer) { return escape_html(text_at(json, pointer)); }

std::string with_digest(const std::string& html, const std::string& sha256) { return html + digest(sha256); }

std::string small(const std::string& html) { return html.empty() ? "" : fmt::format("<small>{}</small>", html); }

std::string names(const std::vector<std::string>& list) {
  if (list.empty()) return {};
  std::vector<std::string> html;
  html.reserve(list.size());
  for (const auto& name : list) html.push_back(code(name));
  if (html.size() <= max_listed) return join(html, ", ");
  return folded(fmt::format("{} names", html.size()), join(html, ", "));
}

std::string size_of(const Json& manifest) {
  const auto& size = at(manifest, "/product/virtual_size");
  return size.is_number_unsigned() ? human_size(size.get<std::uint64_t>()) : "";
}

std::string bundle_name(const Json& manifest) {
  const auto name = text_at(manifest, "/driver/bundle/name");
  return name.empty() ? text_at(manifest, "/driver/ofed") : name;
}

/// "yes" and "no" of a value that is true or false.
std::string yes_no(const Json& json, const char* pointer) {
  const auto& value = at(json, pointer);
  return !value.is_boolean() ? "" : value.get<bool>() ? "yes" : "no";
}

std::string asked(const Json& manifest) {
  const auto pinned = text_at(manifest, "/base/pinned") == "true";
  return pairs({{"Recipe", with_digest(text(manifest, "/recipe/name"), text_at(manifest, "/recipe/sha256"))},
                {"Base", with_digest(fmt::format("{} <span class=\"soft\">({}{})</span>", text(manifest, "/base/file"),
                                                 text(manifest, "/base/format"),
                                                 pinned ? ", pinned by the recipe" : ", not pinned by the recipe"),
                                     text_at(manifest, "/base/sha256"))},
                {"System", fmt::format("{} {} <span class=\"soft\">({})</span>", text(manifest, "/os/id"),
                                       text(manifest, "/os/version"), text(manifest, "/arch"))},
                {"VM sizes", names(texts_at(manifest, "/vm_sizes"))},
                {"Driver", fmt::format("{} <span class=\"soft\">(profile {})</span>", text(manifest, "/driver/ofed"),
                                       text(manifest, "/driver/profile"))},
                {"Generalized", yes_no(manifest, "/configure/generalize")}});
}

std::string kernel_change(const Json& manifest) {
  const auto& change = at(manifest, "/kernel/change");
  if (!change.is_object()) return {};
  const auto previous = text_at(change, "/previous");
  return previous.empty() ? "the bake made it the default" : "replaces " + code(previous) + ", which stays in the menu";
}

/// Returns which certificates the firmware of the VMs needs, and how many modules bake signed; empty without any.
std::string secure_boot(const Json& manifest) {
  const auto& plan = at(manifest, "/secure_boot");
  if (!plan.is_object()) return {};
  std::vector<std::string> lines;
  if (const auto& certificates = at(plan, "/certificates"); certificates.is_array())
    for (const auto& certificate : certificates)
      lines.push_back(with_digest("Certificate " + text(certificate, "/subject"), text_at(certificate, "/sha256")));
  if (const auto& modules = at(plan, "/modules"); modules.is_object() && !modules.empty())
    lines.push_back(fmt::format("{} modules signed by bake", modules.size()));
  return fmt::format("<div>{}</div>", join(lines, "</div><div>"));
}

std::string decided(const Json& manifest) {
  const auto repository = text_at(manifest, "/driver/bundle/repository");
  const auto changed_kernel = kernel_change(manifest);
  std::vector<std::string> fit_reasons;
  for (const auto& reason : texts_at(manifest, "/fit/reasons"))
    fit_reasons.push_back(fmt::format("<li>{}</li>", escape_html(reason)));
  const auto initramfs = text_at(manifest, "/configure/initramfs");
  return pairs(
             {{"Driver", code(bundle_name(manifest)) +
                             (repository.empty() ? ""
                                                 : fmt::format(" <span class=\"soft\">from its repository {}</span>",
                                                               escape_html(repository)))},
              {"Kernel that boots",
               code(text_at(manifest, "/kernel/release")) +
                   fmt::format(" <span class=\"soft\">({})</span>", text(manifest, "/kernel/decided_by")) +
                   (changed_kernel.empty() ? "" : "<br>" + changed_kernel)},
              {"Kernel fit", tag("note", text_at(manifest, "/fit/verdict")) + " " + text(manifest, "/fit/explanation") +
                                 (fit_reasons.empty() ? "" : "<ul>" + join(fit_reasons, "") + "</ul>")},
              {"Initramfs", initramfs.empty()
                                ? "kept" + (text(manifest, "/configure/initramfs_reason").empty()
                                                ? ""
                                                : ": " + text(manifest, "/configure/initramfs_reason"))
                                : code(initramfs) + " changed: " + text(manifest, "/configure/initramfs_reason")},
              {"Secure Boot", secure_boot(manifest)},
              {"Services on", names(texts_at(manifest, "/configure/enable_services"))},
              {"Services off", names(texts_at(manifest, "/configure/disable_services"))},
              {"Packages on hold", names(texts_at(manifest, "/configure/hold"))}}) +
         notices("", texts_at(manifest, "/warnings"));
}

std::string steps(const Json& manifest) {
  std::vector<std::pair<std::string, double>> timings;
  const auto& list = at(manifest, "/product/timings");
  if (list.is_array())
    for (const auto& step : list)
      if (const auto& seconds = at(step, "/seconds"); seconds.is_number() && seconds.get<double>() >= 0)
        timings.emplace_back(text_at(step, "/step"), seconds.get<double>());
  const auto picture = timeline(timings);
  if (picture.empty() && at(manifest, "/resigned").is_object())
    return "<p>The manifest has no times: it was written again after another program changed the image.</p>\n";
  if (picture.empty())
    return "<p>The manifest has no times: the bake ran with <code>SOURCE_DATE_EPOCH</code>, so that the same inputs "
           "give "
           "the same manifest.</p>\n";
  const auto launches = text_at(manifest, "/product/appliance_launches");
  return picture + (launches.empty()
                        ? ""
                        : fmt::format("<p class=\"soft\">Starts of the appliance: {}.</p>\n", escape_html(launches)));
}

struct PackageRows {
  std::vector<Row> rows;
  std::size_t installed = 0, upgraded = 0, removed = 0;
};

void add_packages(const Json& changes, PackageRows& packages) {
  if (!changes.is_array()) return;
  for (const auto& change : changes) {
    const auto action = text_at(change, "/action");
    auto version = code(text_at(change, "/version"));
    if (action == "upgrade") {
      ++packages.upgraded;
      version = fmt::format("<span class=\"old\">{}</span> <span class=\"arrow\">→</span> {}",
                            code(text_at(change, "/old_version")), version);
    } else {
      ++(action == "remove" ? packages.removed : packages.installed);
    }
    const auto from = text_at(change, "/from");
    packages.rows.push_back(
        {text(change, "/name"),
         {tag(action == "remove"    ? "bad"
              : action == "upgrade" ? "note"
                                    : "good",
              action),
          version, action == "remove" ? "" : escape_html(from.empty() ? "bundle" : from), text(change, "/reason")}});
  }
}

std::string packages(const Json& manifest) {
  PackageRows packages;
  add_packages(at(manifest, "/kernel/change/changes"), packages);
  add_packages(at(manifest, "/changes"), packages);
  if (packages.rows.empty()) return "<p>The bake changed no packages.</p>\n";
  auto summary =
      fmt::format("{} installed, {} upgraded, {} removed", packages.installed, packages.upgraded, packages.removed);
  if (const auto& all = at(manifest, "/packages"); all.is_array())
    summary += fmt::format("; the image has {} packages", all.size());
  if (const auto bundle = text(manifest, "/driver/bundle/name"); !bundle.empty())
    summary += ". The bundle is " + bundle;
  const auto html = table("Packages", {"Package", "Change", "Version", "From", "Why"}, packages.rows);
  return fmt::format("<p>{}.</p>\n", summary) + html;
}

/// Returns the files that bake itself writes, and what the recipe adds.
std::string files(const Json& manifest) {
  std::vector<Row> rows;
  const auto& own = at(manifest, "/configure/files");
  if (own.is_object())
    for (const auto& [path, what] : own.items())
      rows.push_back({code(path), {escape_html(what.is_string() ? what.get<std::string>() : "")}});
  const auto& custom = at(manifest, "/customize/files");
  if (custom.is_object())
    for (const auto& [path, state] : custom.items())
      rows.push_back({code(path), {"the recipe adds it: " + code(state.is_string() ? state.get<std::string>() : "")}});
  if (rows.empty()) return {};
  return table("Files", {"File", "What"}, rows);
}

std::string signer_of(const Json& trust) {
  const auto signer = text_at(trust, "/signer");
  const auto checked = text_at(trust, "/signer_checked");
  if (signer.empty()) return "no signature by a trusted key";
  return code(signer) +
         (checked.empty() ? "" : fmt::format(" <span class=\"soft\">(checked {})</span>", escape_html(checked)));
}

/// Returns the rows of a source of packages: its digest and what vouches for it.
void add_source(const std::string& term, const Json& source, std::vector<Pair>& list) {
  if (!source.is_object()) return;
  const auto& trust = at(source, "/trust");
  std::vector<std::string> lines{with_digest(text(source, "/name"), text_at(source, "/sha256"))};
  if (trust.is_object()) {
    if (trust.contains("signer")) lines.push_back("Signer: " + signer_of(trust));
    if (const auto pin = text_at(trust, "/pin"); trust.contains("pin"))
      lines.push_back("Pin: " + (pin.empty() ? "none" : "from the " + escape_html(pin)));
    if (const auto weak = texts_at(trust, "/weak"); !weak.empty())
      lines.push_back(tag("warn", "weak") + " " + escape_html(join(weak, ", ")));
    if (const auto off = texts_at(trust, "/overridden"); !off.empty())
      lines.push_back(tag("bad", "checks switched off") + " " + escape_html(join(off, ", ")));
  }
  if (const auto distribution = text_at(source, "/distribution/trust"); !distribution.empty())
    lines.push_back(fmt::format("Distribution: {} <span class=\"soft\">({})</span>", text(source, "/distribution/name"),
                                escape_html(distribution)));
  list.push_back({term, fmt::format("<div>{}</div>", join(lines, "</div><div>"))});
}

std::string status_tag(const Check& check) {
  const std::string word = verify::word_for(check);
  return tag(word == "passed" ? "good" : word == "failed" ? "bad" : word == "advice" ? "warn" : "", word);
}

std::string term_of(const std::string& rule) {
  static const std::map<std::string, std::string> terms{{"sbom", "SBOM (SPDX)"},
                                                        {"sbom cyclonedx", "SBOM (CycloneDX)"},
                                                        {"provenance", "Provenance"},
                                                        {"signature", "Signature of the provenance"},
                                                        {"checksums", "SHA256SUMS"}};
  const auto term = terms.find(rule);
  return term == terms.end() ? rule : term->second;
}

std::string evidence(const ImageReport& image) {
  const auto& manifest = image.manifest;
  std::vector<Pair> list{{"Image", with_digest(text(manifest, "/product/file"), text_at(manifest, "/product/sha256"))}};
  add_source("Driver bundle", at(manifest, "/driver/bundle"), list);
  add_source("Kernel bundle", at(manifest, "/driver/kernel_bundle"), list);
  add_source("Compiled modules", at(manifest, "/driver/built_modules"), list);
  if (const auto& extras = at(manifest, "/driver/extras"); extras.is_array())
    for (const auto& source : extras) add_source("Extra packages", source, list);
  const auto overlays = texts_at(manifest, "/matrix/overlays");
  list.push_back(
      {"Matrix", with_digest(overlays.empty() ? "built in" : "with overlays " + escape_html(join(overlays, ", ")),
                             text_at(manifest, "/matrix/sha256"))});
  list.push_back({"Key of the content", digest(text_at(manifest, "/key"))});
  for (const auto& check : image.evidence) {
    auto html = status_tag(check) + " " + escape_html(check.evidence);
    if (check.rule == "signature" && !image.signing_key.empty()) html += "<br>Key: " + code(image.signing_key);
    list.push_back({term_of(check.rule), html});
  }
  return "<p class=\"soft\">Digests are sha256. They are copied from the manifest; this page compares the other "
         "evidence with it and does not read the image itself.</p>\n" +
         pairs(list);
}

std::string check_table(const std::vector<Check>& checks, const char* label) {
  std::vector<Row> rows;
  bool remedies = false;
  for (const auto& check : checks) remedies = remedies || !check.remedy.empty();
  for (const auto& check : checks) {
    Row row{escape_html(check.rule), {status_tag(check), escape_html(check.evidence)}};
    if (remedies) row.cells_html.push_back(escape_html(check.remedy));
    row.cells_html.push_back(small(escape_html(check.source)));
    rows.push_back(std::move(row));
  }
  return table(label,
               remedies ? std::vector<std::string>{"Check", "Result", "What was found", "What to change", "Rule of"}
                        : std::vector<std::string>{"Check", "Result", "What was found", "Rule of"},
               rows);
}

std::string checks(const Json& manifest) {
  const auto all = checks_of(manifest);
  if (all.empty()) return "<p>The manifest lists no checks.</p>\n";
  const auto with = [&](std::string_view word) {
    std::vector<Check> some;
    std::copy_if(all.begin(), all.end(), std::back_inserter(some),
                 [&](const Check& check) { return verify::word_for(check) == word; });
    return some;
  };
  std::string html;
  if (const auto failed = with("failed"); !failed.empty())
    html += "<h3>Failed</h3>\n" + check_table(failed, "Failed checks");
  if (const auto advice = with("advice"); !advice.empty())
    html += "<h3>Advice about the base</h3>\n" + check_table(advice, "Advice");
  if (const auto passed = with("passed"); !passed.empty())
    html += folded(fmt::format("{} passed", passed.size()), check_table(passed, "Passed checks"));
  if (const auto skipped = with("skipped"); !skipped.empty())
    html += folded(fmt::format("{} skipped", skipped.size()), check_table(skipped, "Skipped checks"));
  return html;
}

/// Returns a notice when the image was changed after the bake and its manifest was written again.
std::string later_change(const Json& manifest) {
  if (!at(manifest, "/resigned").is_object()) return {};
  const auto time = text_at(manifest, "/resigned/time");
  return notices("", {"Another program changed the image after the bake. The manifest was written again" +
                      (time.empty() ? "." : " at " + date_of(time) + ".")});
}

std::string header(const ImageReport& image) {
  const auto& manifest = image.manifest;
  return fmt::format("<header>\n<p class=\"over\">Report about an image</p>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n{}",
                     escape_html(image.file), escape_html(bundle_name(manifest)), verdict_of(checks_of(manifest))) +
         notices("bad", image.problems) + later_change(manifest) +
         facts({{"System",
                 text(manifest, "/os/id") + " " + text(manifest, "/os/version") + small(text(manifest, "/arch"))},
                {"VM sizes", escape_html(join(texts_at(manifest, "/vm_sizes"), ", "))},
                {"Driver", text(manifest, "/driver/ofed") + small("profile " + text(manifest, "/driver/profile"))},
                {"Kernel", text(manifest, "/kernel/release") + small(text(manifest, "/fit/verdict"))},
                {"Virtual size", size_of(manifest)},
                {"Made",
                 escape_html(date_of(text_at(manifest, "/time"))) + small("by bake " + text(manifest, "/bake"))}});
}

}  // namespace

std::vector<Check> checks_of(const Json& manifest) {
  std::vector<Check> checks;
  const auto& list = at(manifest, "/checks");
  if (!list.is_array()) return checks;
  for (const auto& item : list) {
    const auto word = text_at(item, "/status");
    if (word != "passed" && word != "failed" && word != "skipped") continue;
    Check check(text_at(item, "/check"),
                word == "passed"    ? verify::Status::passed
                : word == "skipped" ? verify::Status::skipped
                                    : verify::Status::failed,
                text_at(item, "/evidence"));
    if (text_at(item, "/level") == "advice") check.level = verify::Level::advice;
    check.source = text_at(item, "/source");
    check.remedy = text_at(item, "/remedy");
    checks.push_back(std::move(check));
  }
  return checks;
}

std::string verdict_of(const std::vector<Check>& checks) {
  const auto count = [&](std::string_view word) {
    return std::count_if(checks.begin(), checks.end(),
                         [&](const auto& check) { return verify::word_for(check) == word; });
  };
  std::string html;
  const auto add = [&](const char* style, const char* word) {
    if (const auto number = count(word); number != 0) html += tag(style, fmt::format("{} {}", number, word));
  };
  add("bad", "failed");
  add("good", "passed");
  add("warn", "advice");
  add("", "skipped");
  return html.empty() ? "" : fmt::format("<p class=\"verdict\">{}</p>\n", html);
}

std::string image_sections(const ImageReport& image, const std::string& prefix) {
  const auto& manifest = image.manifest;
  auto html = section(prefix + "asked", "What was asked", asked(manifest)) +
              section(prefix + "decided", "What was decided, and why", decided(manifest)) +
              section(prefix + "packages", "Packages", packages(manifest));
  if (const auto written = files(manifest); !written.empty()) html += section(prefix + "files", "Files", written);
  return html + section(prefix + "checks", "Checks", checks(manifest)) +
         section(prefix + "evidence", "Evidence", evidence(image)) +
         section(prefix + "time", "Where the time went", steps(manifest));
}

std::string image_page(const ImageReport& image) {
  const auto links = navigation({{"asked", "What was asked"},
                                 {"decided", "Decisions"},
                                 {"packages", "Packages"},
                                 {"checks", "Checks"},
                                 {"evidence", "Evidence"},
                                 {"time", "Time"}});
  return page(image.file + ": report",
              header(image) + links + "</header>\n<main>\n" + image_sections(image, "") + "</main>\n");
}

}  // namespace bake::report
