#include <algorithm>
#include <fmt/format.h>

#include "bake/base/html.hpp"
#include "bake/base/text.hpp"
#include "matrix/drivers.hpp"
#include "matrix/generators.hpp"
#include "matrix/rules.hpp"
#include "matrix_embedded.hpp"

namespace bake::matrix {
namespace {

/// Returns an anchor for a name: "ubuntu-20-04" for "ubuntu 20.04".
std::string anchor(std::string_view text) {
  auto id = to_lower(text);
  for (auto& c : id)
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) c = '-';
  return id;
}

struct Tag {
  const char* style;
  std::string words;
};

Tag tag_of(const Choice& choice) {
  switch (choice.tier) {
    case Tier::extension:
      return {"extension", "extension"};
    case Tier::long_term:
      return {"lts", "LTS"};
    case Tier::doca:
      return {"doca", "DOCA"};
    case Tier::inbox:
      return {"inbox", "inbox"};
    case Tier::other:
      break;
  }
  return {"other", "release"};
}

bool has_driver(const SizeRow& size) { return size.transport == "sriov" && size.arch == "x86_64"; }

/// Sizes with SR-IOV InfiniBand on x86_64 of one family, in the order of the rows.
struct Family {
  std::string name;
  Sizes sizes;
};

std::vector<Family> families_of(const Matrix& matrix) {
  std::vector<Family> families;
  for (const auto& size : matrix.sizes()) {
    if (!has_driver(size)) continue;
    auto known = std::find_if(families.begin(), families.end(), [&](const auto& f) { return f.name == size.family; });
    if (known == families.end()) known = families.insert(families.end(), {size.family, {}});
    known->sizes.push_back(&size);
  }
  std::stable_sort(families.begin(), families.end(), [](const Family& a, const Family& b) {
    return a.sizes.front()->generation < b.sizes.front()->generation;
  });
  return families;
}

std::string_view page_template() {
  for (const auto& file : embedded_files)
    if (std::string_view(file.name) == "matrix/page.html") return file.text();
  return {};
}

class Page {
 public:
  explicit Page(const Matrix& matrix) : matrix_(matrix), families_(families_of(matrix)) {
    for (const auto& generation : known_generations())
      if (std::any_of(families_.begin(), families_.end(),
                      [&](const Family& f) { return f.sizes.front()->generation == generation; }))
        generations_.push_back(generation);
    for (const auto& os : matrix.operating_systems()) add_once(ids_, os.id);
    first_version_ = matrix.operating_systems().front().version;
  }

  std::string write() {
    std::size_t rows = 0, unverified = 0;
    for (const auto& count : matrix_.counts()) {
      rows += count.rows;
      unverified += count.unverified;
    }
    return fill_template(page_template(), {{"style", std::string(style_sheet())},
                                           {"rows", std::to_string(rows)},
                                           {"unverified", std::to_string(unverified)},
                                           {"filters", filters()},
                                           {"buttons", buttons()},
                                           {"cards", cards()},
                                           {"overview", overview()},
                                           {"release_options", release_options()},
                                           {"size_options", size_options()},
                                           {"notices", notices()},
                                           {"answers", answers()},
                                           {"sizes", sizes()},
                                           {"topics", topics()},
                                           {"overlays", overlays()},
                                           {"digest", matrix_.digest()}});
  }

 private:
  /// Returns the CSS rules that make the two selections and the buttons work without a script. A browser without :has()
  /// ignores them and shows every row.
  [[nodiscard]] std::string filters() const {
    std::string css;
    for (const auto& id : ids_)
      css += fmt::format("main:has(#show-{0}:checked) [data-os]:not([data-os=\"{0}\"]) {{ display: none; }}\n",
                         anchor(id));
    for (const auto& os : matrix_.operating_systems())
      css += fmt::format("main:has(#release [value=\"{0}\"]:checked) #{0} {{ display: table-row-group; }}\n",
                         anchor_of(os));
    for (const auto& family : families_)
      css += fmt::format(
          "main:has(#size [data-family=\"{0}\"]:checked) #answers [data-family]:not([data-family=\"{0}\"]) {{ display: "
          "none; }}\n",
          anchor(family.name));
    for (const auto& size : matrix_.sizes())
      if (!has_driver(size))
        css +=
            fmt::format("main:has(#size [value=\"{0}\"]:checked) #no-{0} {{ display: block; }}\n", anchor(size.name));
    return css;
  }

  [[nodiscard]] std::string release_options() const {
    std::string html;
    for (const auto& id : ids_) {
      html += fmt::format("<optgroup label=\"{}\">", escape_html(id));
      for (const auto& os : matrix_.operating_systems())
        if (os.id == id)
          html += fmt::format("<option value=\"{}\">{}</option>", anchor_of(os), escape_html(short_name(os)));
      html += "</optgroup>\n";
    }
    return html;
  }

  [[nodiscard]] std::string size_options() const {
    std::string html;
    for (const auto& family : families_) {
      html += fmt::format("<optgroup label=\"{} ({})\">", escape_html(family.name), family.sizes.front()->generation);
      for (const auto* size : family.sizes) html += size_option(*size, anchor(family.name));
      html += "</optgroup>\n";
    }
    html += "<optgroup label=\"no driver for these\">";
    for (const auto& size : matrix_.sizes())
      if (!has_driver(size)) html += size_option(size, "");
    return html + "</optgroup>\n";
  }

  static std::string size_option(const SizeRow& size, const std::string& family) {
    return fmt::format("<option value=\"{}\" data-family=\"{}\">{}</option>", anchor(size.name), family,
                       escape_html(size.name));
  }

  /// Returns why no driver supports a size. The answer is the same for every release.
  [[nodiscard]] std::string notices() const {
    std::string html;
    for (const auto& size : matrix_.sizes()) {
      if (has_driver(size)) continue;
      const auto why = matrix_.resolve({ids_.front(), first_version_, "", {size.name}, ""});
      auto texts = why.refusals;
      if (!why.suggestion.empty()) texts.push_back(why.suggestion);
      html += fmt::format("<p class=\"notice\" id=\"no-{}\">{} {}.</p>\n", anchor(size.name), none(),
                          escape_html(join(texts, "; ")));
    }
    return html;
  }

  [[nodiscard]] std::string buttons() const {
    std::string html;
    for (const auto& id : ids_)
      html += fmt::format("<input type=\"radio\" name=\"os\" id=\"show-{0}\"><label for=\"show-{0}\">{1}</label>",
                          anchor(id), escape_html(id));
    return html;
  }

  [[nodiscard]] std::string cards() const {
    std::string html;
    for (const auto& generation : generations_) {
      std::vector<std::string> names;
      for (const auto& family : families_)
        if (family.sizes.front()->generation == generation) names.push_back(family.name);
      html += fmt::format("<th scope=\"col\">{}<small>{}</small></th>", generation, escape_html(join(names, ", ")));
    }
    return html;
  }

  [[nodiscard]] std::string overview() const {
    std::string html;
    for (const auto& os : matrix_.operating_systems()) {
      html += fmt::format("<tr data-os=\"{}\"><th scope=\"row\"><a href=\"#{}\">{}</a></th>", anchor(os.id),
                          anchor_of(os), escape_html(short_name(os)));
      for (const auto& generation : generations_)
        html += fmt::format("<td data-label=\"{}\">{}</td>", generation, first_choice(os, generation));
      html += "</tr>\n";
    }
    return html;
  }

  [[nodiscard]] std::string first_choice(const OsRow& os, const std::string& generation) const {
    for (const auto& family : families_) {
      if (family.sizes.front()->generation != generation) continue;
      const auto answer = find_drivers(matrix_, {&os, {family.sizes.front()}, {}, {}});
      return answer.choices.empty() ? none() : driver(answer.choices.front());
    }
    return none();
  }

  static std::string none() { return "<span class=\"tag none\">none</span>"; }

  static std::string driver(const Choice& choice) {
    const auto tag = tag_of(choice);
    return fmt::format(
        "<span class=\"driver\">{}</span> <span class=\"tag {}\">{}</span>{}",
        choice.inbox ? "rdma-core" : escape_html(choice.ofed), tag.style, tag.words,
        choice.verified
            ? ""
            : " <span class=\"unverified\" title=\"unverified\">?<span class=\"spoken\"> unverified</span></span>");
  }

  [[nodiscard]] std::string answers() const {
    std::string html;
    for (const auto& os : matrix_.operating_systems()) {
      std::vector<std::string> facts;
      if (os.extension) facts.emplace_back("supported by the VM extension");
      if (!os.end_of_life.empty()) facts.push_back(end_of_life_of(os));
      if (!os.azure_kernel.empty()) facts.push_back("kernel " + os.azure_kernel + " assumed");
      html += fmt::format(
          "<tbody id=\"{}\"><tr class=\"release\"><th scope=\"rowgroup\" colspan=\"4\">{} <span>{}</span></th></tr>\n",
          anchor_of(os), escape_html(os.name), escape_html(join(facts, ", ")));
      for (const auto& family : families_) html += family_row(os, family);
      html += "</tbody>\n";
    }
    return html;
  }

  [[nodiscard]] std::string family_row(const OsRow& os, const Family& family) const {
    const auto& size = *family.sizes.front();
    const auto resolution = matrix_.resolve({os.id, os.version, "", {size.name}, ""});
    const auto head =
        fmt::format("<tr data-family=\"{}\"><th scope=\"row\">{} <span class=\"card\">{}</span><small>{}</small></th>",
                    anchor(family.name), escape_html(family.name), size.generation, short_names(family.sizes));
    if (resolution.choices.empty()) {
      auto instead = notes_on_sizes(os, resolution);
      if (!resolution.suggestion.empty()) instead.insert(instead.begin(), resolution.suggestion);
      return head + fmt::format("<td>{}</td><td class=\"why\">{}</td><td class=\"why\">{}</td></tr>\n", none(),
                                items(resolution.refusals), items(instead));
    }
    const auto& best = resolution.choices.front();
    auto remarks = best.warnings;
    for (auto& note : notes_on_sizes(os, resolution)) remarks.push_back(std::move(note));
    std::vector<std::string> others;
    for (std::size_t i = 1; i < resolution.choices.size(); ++i)
      others.push_back(fmt::format("<span class=\"keep\">{}</span>",
                                   resolution.choices[i].inbox ? "inbox" : escape_html(resolution.choices[i].ofed)));
    const auto also =
        others.empty() ? std::string() : fmt::format("<p class=\"also\">Also works: {}</p>", join(others, ", "));
    return head + fmt::format("<td>{}<br>{}</td><td class=\"why\">{}{}</td><td class=\"why\">{}</td></tr>\n",
                              driver(best), files(best), items(best.reasons), also, items(remarks));
  }

  /// Returns the notes about the sizes. The heading of the release has the notes about the release.
  static std::vector<std::string> notes_on_sizes(const OsRow& os, const Resolution& resolution) {
    auto notes = resolution.notes;
    const auto about_os = os_notes(os, "");
    std::erase_if(notes, [&](const std::string& note) { return contains(about_os, note); });
    return notes;
  }

  /// Returns the archive that the store needs, and its public digest.
  static std::string files(const Choice& choice) {
    if (choice.inbox) return fmt::format("<code>{}</code>", escape_html(join(choice.packages, " ")));
    const auto digest =
        choice.sha256.empty() ? std::string() : fmt::format("<small class=\"digest\">sha256 {}</small>", choice.sha256);
    return fmt::format("<code>{}</code>{}", escape_html(choice.file_name), digest);
  }

  /// Returns the sizes without "Standard_". A line break does not split a name.
  static std::string short_names(const Sizes& sizes) {
    std::vector<std::string> names;
    for (const auto* size : sizes)
      names.push_back(
          fmt::format("<span class=\"keep\">{}</span>", escape_html(replace_all(size->name, "Standard_", ""))));
    return join(names, ", ");
  }

  static std::string items(const std::vector<std::string>& texts) {
    if (texts.empty()) return {};
    std::string html = "<ul>";
    for (const auto& text : texts) html += fmt::format("<li>{}</li>", escape_html(text));
    return html + "</ul>";
  }

  [[nodiscard]] std::string sizes() const {
    std::string html;
    for (const auto& size : matrix_.sizes()) {
      std::vector<std::string> remarks, generations;
      for (const auto generation : size.vm_generations) generations.push_back(std::to_string(generation));
      if (size.transport == "networkdirect") remarks.emplace_back("NetworkDirect: no Linux driver can use it");
      if (size.transport == "none") remarks.emplace_back("no InfiniBand");
      if (size.arch != "x86_64") remarks.emplace_back("arm64: bake cannot bake it");
      if (!size.retires.empty()) remarks.push_back("retires " + size.retires);
      if (!size.note.empty()) remarks.push_back(size.note);
      if (size.provenance.unverified) remarks.emplace_back("unverified");
      html += fmt::format(
          "<tr><th scope=\"row\">{}</th><td data-label=\"Family\">{}</td><td data-label=\"Card\">{}</td><td "
          "data-label=\"HCAs\">{}</td><td data-label=\"Speed, Gb/s\">{}</td><td data-label=\"VM "
          "generation\">{}</td><td data-label=\"Remarks\" class=\"why\">{}</td></tr>\n",
          escape_html(size.name), escape_html(size.family), size.generation,
          size.hcas == 0 ? "" : std::to_string(size.hcas), escape_html(size.speed), join(generations, ", "),
          escape_html(join(remarks, "; ")));
    }
    return html;
  }

  [[nodiscard]] std::string topics() const {
    std::string html;
    for (const auto& count : matrix_.counts())
      html += fmt::format(
          "<tr><th scope=\"row\">{}</th><td data-label=\"Rows\">{}</td><td data-label=\"Unverified\">{}</td><td "
          "data-label=\"Without a source\">{}</td></tr>\n",
          count.topic, count.rows, count.unverified, count.without_source);
    return html;
  }

  [[nodiscard]] std::string overlays() const {
    std::string html;
    for (const auto& overlay : matrix_.overlays())
      html += fmt::format("With overlay <code>{}</code>. ", escape_html(overlay.string()));
    return html;
  }

  static std::string anchor_of(const OsRow& os) { return anchor(os.id + " " + os.version); }
  static std::string short_name(const OsRow& os) { return os.id == "rhel" ? "RHEL " + os.version : os.name; }

  const Matrix& matrix_;
  std::vector<Family> families_;
  std::vector<std::string> generations_;
  std::vector<std::string> ids_;
  std::string first_version_;  ///< of ids_.front()
};

}  // namespace

std::string html_page(const Matrix& matrix) { return Page(matrix).write(); }

}  // namespace bake::matrix
