#include "matrix/page.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "matrix/candidates.hpp"
#include "matrix/rules.hpp"
#include "matrix_embedded.hpp"

namespace bake::matrix {
namespace {

std::string escape(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

/// An anchor made of a row's names: "ubuntu-20-04".
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

Tag tag_of(const Matrix& matrix, const Choice& choice) {
  if (choice.inbox) return {"inbox", "inbox"};
  if (!choice.reasons.empty() && choice.reasons.front().starts_with("the VM extension"))
    return {"extension", "extension"};
  const auto* release = matrix.find_ofed(choice.ofed);
  if (release != nullptr && release->lts) return {"lts", "LTS"};
  return {"other", "release"};
}

bool is_doubtful(const Choice& choice) {
  return std::any_of(choice.warnings.begin(), choice.warnings.end(),
                     [](const auto& text) { return text.starts_with("unverified"); });
}

/// Sizes with SR-IOV InfiniBand on x86_64 of one family, in the order of the rows.
struct Family {
  std::string name;
  Sizes sizes;
};

std::vector<Family> families_of(const Matrix& matrix) {
  std::vector<Family> families;
  for (const auto& size : matrix.sizes()) {
    if (size.transport != "sriov" || size.arch != "x86_64") continue;
    auto known = std::find_if(families.begin(), families.end(), [&](const auto& f) { return f.name == size.family; });
    if (known == families.end()) known = families.insert(families.end(), {size.family, {}});
    known->sizes.push_back(&size);
  }
  std::stable_sort(families.begin(), families.end(), [](const Family& a, const Family& b) {
    return a.sizes.front()->generation < b.sizes.front()->generation;
  });
  return families;
}

class Page {
 public:
  explicit Page(const Matrix& matrix) : matrix_(matrix), families_(families_of(matrix)) {
    for (const auto& generation : known_generations())
      if (std::any_of(families_.begin(), families_.end(),
                      [&](const Family& f) { return f.sizes.front()->generation == generation; }))
        generations_.push_back(generation);
    for (const auto& os : matrix.operating_systems()) add_once(ids_, os.id);
  }

  std::string write() {
    introduction();
    overview();
    releases();
    sizes();
    sources();
    std::string page;
    for (const auto& file : embedded_files)
      if (std::string_view(file.name) == "matrix/page.html") page = file.text();
    page = replace_all(std::move(page), "<!-- filters -->", filters());
    return replace_all(std::move(page), "<!-- body -->", out_);
  }

 private:
  template <typename... Values>
  void add(fmt::format_string<Values...> format, Values&&... values) {
    out_ += fmt::format(format, std::forward<Values>(values)...);
  }

  void introduction() {
    std::size_t rows = 0, unverified = 0;
    for (const auto& count : matrix_.counts()) {
      rows += count.rows;
      unverified += count.unverified;
    }
    add("<header>\n<h1>InfiniBand drivers for Azure Linux images</h1>\n"
        "<p class=\"soft\">Which driver <code>bake</code> puts into an image of a release, for the VM sizes that will "
        "run "
        "it. {} rows, each with its source; {} of them nobody has confirmed yet, and these say so.</p>\n",
        rows, unverified);
    out_ +=
        "<nav aria-label=\"Sections\"><a href=\"#overview\">Release × card</a><a href=\"#releases\">Release × VM "
        "size</a><a href=\"#sizes\">VM sizes</a><a href=\"#about\">About these rows</a></nav>\n</header>\n<main>\n";
  }

  /// Shows the rows of one distribution when its button is pressed; without :has() all rows stay visible.
  [[nodiscard]] std::string filters() const {
    std::string css;
    for (const auto& id : ids_)
      css += fmt::format("main:has(#show-{0}:checked) [data-os]:not([data-os=\"{0}\"]) {{ display: none; }}\n", id);
    return css;
  }

  void overview() {
    out_ +=
        "<section id=\"overview\" aria-labelledby=\"overview-title\">\n<h2 id=\"overview-title\">Release × card</h2>\n"
        "<p>The first choice for each release. <span class=\"tag extension\">extension</span> is what the Azure VM "
        "extension installs, <span class=\"tag lts\">LTS</span> a long-term support line, <span class=\"tag "
        "inbox\">inbox</span> the distribution's own driver, <span class=\"tag none\">none</span> means that nothing "
        "fits. Your VM size's card is in <a href=\"#sizes\">VM sizes</a>.</p>\n<fieldset><legend>Show</legend>";
    out_ += "<input type=\"radio\" name=\"os\" id=\"show-all\" checked><label for=\"show-all\">all</label>";
    for (const auto& id : ids_)
      add("<input type=\"radio\" name=\"os\" id=\"show-{0}\"><label for=\"show-{0}\">{0}</label>", id);
    out_ +=
        "</fieldset>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"overview-title\"><table>\n"
        "<thead><tr><th scope=\"col\">Release</th>";
    for (const auto& generation : generations_)
      add("<th scope=\"col\">{}<small>{}</small></th>", generation, escape(families_with(generation)));
    out_ += "</tr></thead>\n<tbody>\n";
    for (const auto& os : matrix_.operating_systems()) {
      add("<tr data-os=\"{}\"><th scope=\"row\"><a href=\"#{}\">{}</a></th>", os.id, anchor(os.id + " " + os.version),
          escape(short_name(os)));
      for (const auto& generation : generations_) cell(os, generation);
      out_ += "</tr>\n";
    }
    out_ += "</tbody></table></div>\n</section>\n";
  }

  void cell(const OsRow& os, const std::string& generation) {
    Question question{&os, {}, {}, {}};
    for (const auto& family : families_)
      if (question.sizes.empty() && family.sizes.front()->generation == generation)
        question.sizes = {family.sizes.front()};
    const auto answer = find_drivers(matrix_, question);
    add("<td>{}</td>", answer.choices.empty() ? none() : driver(answer.choices.front()));
  }

  static std::string none() { return "<span class=\"tag none\">none</span>"; }

  [[nodiscard]] std::string driver(const Choice& choice) const {
    const auto tag = tag_of(matrix_, choice);
    return fmt::format("<span class=\"driver\">{}</span> <span class=\"tag {}\">{}</span>{}",
                       choice.inbox ? "rdma-core" : escape(choice.ofed), tag.style, tag.words,
                       is_doubtful(choice) ? " <span class=\"doubt\">unverified</span>" : "");
  }

  void releases() {
    out_ +=
        "<section id=\"releases\" aria-labelledby=\"releases-title\">\n<h2 id=\"releases-title\">Release × VM "
        "size</h2>\n<p>Open a release for every size family: the best driver, its archive, what else would work, and "
        "what to watch.</p>\n";
    for (const auto& os : matrix_.operating_systems()) release(os);
    out_ += "</section>\n";
  }

  void release(const OsRow& os) {
    add("<details id=\"{}\" data-os=\"{}\"><summary>{}<span>{}{}</span></summary>\n<div><table>\n"
        "<thead><tr><th scope=\"col\">VM sizes</th><th scope=\"col\">Card</th><th scope=\"col\">First choice</th>"
        "<th scope=\"col\">Also</th><th scope=\"col\">Watch</th></tr></thead>\n<tbody>\n",
        anchor(os.id + " " + os.version), os.id, escape(os.name), os.extension ? "supported by the VM extension" : "",
        os.end_of_life.empty() ? "" : fmt::format("{}end of life {}", os.extension ? ", " : "", os.end_of_life));
    for (const auto& family : families_) family_row(os, family);
    out_ += "</tbody></table></div></details>\n";
  }

  void family_row(const OsRow& os, const Family& family) {
    const auto& size = *family.sizes.front();
    const auto resolution = matrix_.resolve({os.id, os.version, "", {size.name}, ""});
    add("<tr><th scope=\"row\">{}</th><td>{}</td>", escape(family.name), size.generation);
    if (resolution.choices.empty()) {
      add("<td>{}</td><td></td><td class=\"why\">{}{}</td></tr>\n", none(), escape(join(resolution.refusals, "; ")),
          resolution.nearest.empty() ? "" : ": " + escape(resolution.nearest));
      return;
    }
    const auto& best = resolution.choices.front();
    add("<td>{}<br><code>{}</code></td><td class=\"why\">", driver(best),
        escape(best.inbox ? join(best.packages, " ") : best.file_name));
    std::vector<std::string> others;
    for (std::size_t i = 1; i < resolution.choices.size(); ++i)
      others.push_back(resolution.choices[i].inbox ? "inbox" : resolution.choices[i].ofed);
    add("{}</td><td class=\"why\">", escape(join(others, ", ")));
    if (!best.warnings.empty()) {
      out_ += "<ul>";
      for (const auto& warning : best.warnings) add("<li>{}</li>", escape(warning));
      out_ += "</ul>";
    }
    out_ += "</td></tr>\n";
  }

  void sizes() {
    out_ +=
        "<section id=\"sizes\" aria-labelledby=\"sizes-title\">\n<h2 id=\"sizes-title\">VM sizes</h2>\n"
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"sizes-title\"><table>\n<thead><tr>"
        "<th scope=\"col\">Size</th><th scope=\"col\">Card</th><th scope=\"col\">HCAs</th><th scope=\"col\">Speed, "
        "Gb/s</th><th scope=\"col\">VM generation</th><th scope=\"col\">Remarks</th></tr></thead>\n<tbody>\n";
    for (const auto& size : matrix_.sizes()) {
      std::vector<std::string> remarks, generations;
      for (const auto generation : size.vm_generations) generations.push_back(std::to_string(generation));
      if (size.transport == "networkdirect") remarks.emplace_back("NetworkDirect: no Linux driver can use it");
      if (size.transport == "none") remarks.emplace_back("no InfiniBand");
      if (size.arch != "x86_64") remarks.emplace_back("arm64: not baked");
      if (!size.retires.empty()) remarks.push_back("retires " + size.retires);
      if (!size.note.empty()) remarks.push_back(size.note);
      if (size.provenance.unverified) remarks.emplace_back("unverified");
      add("<tr><th scope=\"row\" id=\"{}\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"why\">{}</td>"
          "</tr>\n",
          anchor(size.name), escape(size.name), size.generation, size.hcas == 0 ? "" : std::to_string(size.hcas),
          escape(size.speed), join(generations, ", "), escape(join(remarks, "; ")));
    }
    out_ += "</tbody></table></div>\n</section>\n";
  }

  void sources() {
    out_ +=
        "<section id=\"about\" aria-labelledby=\"about-title\">\n<h2 id=\"about-title\">About these rows</h2>\n"
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Topic</th><th scope=\"col\">Rows</th><th "
        "scope=\"col\">Unverified</th><th scope=\"col\">Without a source</th></tr></thead>\n<tbody>\n";
    for (const auto& count : matrix_.counts())
      add("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n", count.topic, count.rows,
          count.unverified, count.without_source);
    out_ += "</tbody></table></div>\n<p class=\"soft\">";
    for (const auto& overlay : matrix_.overlays()) add("With overlay <code>{}</code>. ", escape(overlay.string()));
    add("Digest of the rows: <code>sha256:{}</code>. <code>bake matrix show NAME</code> prints a row with its "
        "source.</p>\n</section>\n</main>",
        matrix_.digest());
  }

  [[nodiscard]] std::string families_with(const std::string& generation) const {
    std::vector<std::string> names;
    for (const auto& family : families_)
      if (family.sizes.front()->generation == generation) names.push_back(family.name);
    return join(names, ", ");
  }

  static std::string short_name(const OsRow& os) { return os.id == "rhel" ? "RHEL " + os.version : os.name; }

  const Matrix& matrix_;
  std::vector<Family> families_;
  std::vector<std::string> generations_;
  std::vector<std::string> ids_;
  std::string out_;
};

}  // namespace

std::string html_page(const Matrix& matrix) { return Page(matrix).write(); }

}  // namespace bake::matrix
