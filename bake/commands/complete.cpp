#include <CLI/CLI.hpp>
#include <memory>

#include "bake/cli/completion.hpp"
#include "bake/commands/commands.hpp"
#include "bake/commands/matrix_rows.hpp"
#include "bake/store/store.hpp"
#include "matrix/matrix.hpp"

namespace bake::cli {
namespace {

using Words = std::vector<Completion::Word>;

matrix::Matrix load_matrix(const Context& context) { return matrix::Matrix::load(context.matrix_overlays); }

Words releases(const Context& context) {
  Words words;
  for (const auto& os : load_matrix(context).operating_systems()) words.push_back({os.id + os.version, os.distro});
  return words;
}

Words sizes(const Context& context) {
  Words words;
  for (const auto& size : load_matrix(context).sizes()) words.push_back({size.name, size.family});
  return words;
}

Words rows(const Context& context) {
  auto words = releases(context);
  for (auto& size : sizes(context)) words.push_back(std::move(size));
  for (const auto& release : load_matrix(context).ofed_releases()) words.push_back({release.version, "driver release"});
  return words;
}

Words bundles(const Context& context) {
  const store::Store store(context.store);
  Words words;
  for (const auto& bundle : store.list()) words.push_back({bundle.name, "bundle"});
  return words;
}

Words extras_and_bundles(const Context& context) {
  auto words = bundles(context);
  for (const auto& extras : store::Store(context.store).all_extras()) words.push_back({extras.name, "extra packages"});
  return words;
}

/// Returns the values that the matrix and the store know.
std::optional<Words> values_of(const CLI::App& app, const Context& context, const std::string& command,
                               const std::string& argument) {
  if (argument == "--vm-size" || argument == "sizes") return sizes(context);
  if (argument == "--for" || (command == "matrix resolve" && argument == "os")) return releases(context);
  if (command == "matrix show") return rows(context);
  if (command == "bundle remove") return extras_and_bundles(context);
  if (argument == "bundle") return bundles(context);
  if (command == "help") {
    Words words;
    for (const auto* found : app.get_subcommands([](const CLI::App*) { return true; }))
      if (!found->get_group().empty()) words.push_back({found->get_name(), found->get_description()});
    return words;
  }
  static const std::vector<std::string> texts{"--sha256", "--name", "--kernel",       "--index", "--sbatch",
                                              "id",       "--run",  "--fleet-digest", "--source"};
  if (std::find(texts.begin(), texts.end(), argument) != texts.end()) return Words();
  return std::nullopt;
}

/// Takes the store and the overlays that the unfinished command line names.
void take_options(std::vector<std::string> words, Context& context) {
  join_at_equals(words);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto equals = words[i].find('=');
    const auto name = words[i].substr(0, equals);
    const auto value = equals == std::string::npos ? words[i + 1] : words[i].substr(equals + 1);
    if (name == "--store") context.store = value;
    if (name == "--matrix") context.matrix_overlays.emplace_back(value);
  }
}

}  // namespace

void add_complete(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("complete", "what may come at the end of a command line; shells call this");
  command->group("");
  const auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("words", *words, "the words after 'bake', after '--'");
  command->callback([&app, words, &context] {
    take_options(*words, context);
    const auto completion = complete(app, *words, [&](const std::string& place, const std::string& argument) {
      return values_of(app, context, place, argument);
    });
    for (const auto& [text, help] : completion.words) context.out << text << '\t' << help << '\n';
    if (completion.files) context.out << ":files\n";
  });
}

void add_completion(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("completion", "print the completion script for a shell");
  const auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "the shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &context] { context.out << completion_script(*shell); });
}

}  // namespace bake::cli
