#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/output.hpp"
#include "bake/signature/signing.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_key = 65536;

void refuse_existing(const fs::path& file) {
  if (fs::exists(fs::symlink_status(file)))
    throw Error(ErrorKind::usage, fmt::format("making key '{}': it exists", file.string()),
                "a key is never replaced: choose another name with --out");
}

void make_key(const std::string& prefix, Context& context) {
  const fs::path private_file = prefix + ".key";
  const fs::path public_file = prefix + ".pub";
  require_parent_directory(private_file);
  refuse_existing(private_file);
  refuse_existing(public_file);
  const auto pair = signature::new_key_pair();
  write_text_atomically(private_file, pair.private_pem, 0600);
  write_text_atomically(public_file, pair.public_pem);
  const auto fingerprint = signature::key_fingerprint(pair.public_pem);
  if (context.json)
    return context.print(
        {{"private", private_file.string()}, {"public", public_file.string()}, {"fingerprint", fingerprint}});
  context.out << fmt::format(
      "{}  private: keep it where you sign\n{}  public: give it to those who import\n{}  fingerprint\n",
      private_file.string(), public_file.string(), fingerprint);
}

void show_key(const fs::path& file, Context& context) {
  const auto pem = read_text(file, max_key);
  const bool is_private = pem.find("PRIVATE KEY") != std::string::npos;
  const auto fingerprint = signature::key_fingerprint(is_private ? signature::public_half(pem) : pem);
  if (context.json)
    context.print({{"file", file.string()}, {"private", is_private}, {"fingerprint", fingerprint}});
  else
    context.out << fmt::format("{}  {} key {}\n", fingerprint, is_private ? "private" : "public", file.string());
}

}  // namespace

void add_key(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("key", "Ed25519 keys for signing");
  command->require_subcommand(1);
  auto prefix = std::make_shared<std::string>("bake");
  auto* make = command->add_subcommand("new", "make a pair: PREFIX.key, which signs, and PREFIX.pub, which verifies");
  make->add_option("--out", *prefix, "where to write them")->type_name("PREFIX")->capture_default_str();
  make->callback([prefix, &context] { make_key(*prefix, context); });
  auto file = std::make_shared<fs::path>();
  auto* show = command->add_subcommand("show", "show the fingerprint of a key, to compare it over another channel");
  show->add_option("file", *file, "a private or public key")->required();
  show->callback([file, &context] { show_key(*file, context); });
}

}  // namespace bake::cli
