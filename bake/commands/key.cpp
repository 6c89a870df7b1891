#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>

#include "bake/base/base64.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/time.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/output.hpp"
#include "bake/signature/certificate.hpp"
#include "bake/signature/signing.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_key = 65536;

void refuse_existing(const fs::path& file) {
  if (fs::exists(fs::symlink_status(file)))
    throw Error(ErrorKind::usage, fmt::format("making key '{}': it exists", file.string()),
                "a key is never replaced: choose another name");
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

/// What `bake key new --modules` makes.
struct ModuleKeyOptions {
  std::string prefix;  ///< of the files
  std::string name;    ///< the common name of the certificate; empty: from the prefix
  unsigned bits = 4096;
  unsigned years = 10;
};

Json to_json(const signature::Certificate& certificate) {
  return {{"subject", printable(certificate.subject)},
          {"sha256", certificate.sha256},
          {"key_id", certificate.key_id},
          {"bits", certificate.bits},
          {"not_after", iso_time(certificate.not_after)},
          {"base64", to_base64(certificate.der)}};
}

std::string to_text(const signature::Certificate& certificate) {
  return fmt::format("{}  certificate of {}, RSA {} bits, until {}\n", certificate.sha256,
                     printable(certificate.subject), certificate.bits, iso_time(certificate.not_after).substr(0, 10));
}

void make_module_key(const ModuleKeyOptions& options, Context& context) {
  const fs::path key_file = options.prefix + ".key";
  const fs::path der_file = options.prefix + ".der";
  const fs::path pem_file = options.prefix + ".pem";
  require_parent_directory(key_file);
  for (const auto& file : {key_file, der_file, pem_file}) refuse_existing(file);
  constexpr unsigned days_of_year = 365;
  const auto name = options.name.empty() ? name_of_path(options.prefix) + " kernel modules" : options.name;
  const auto made = signature::new_module_key(name, options.bits, options.years * days_of_year, output_time());
  write_text_atomically(key_file, made.private_pem, 0600);
  write_text_atomically(der_file, made.certificate.der);
  write_text_atomically(pem_file, signature::pem_of(made.certificate));
  if (context.json) {
    Json document{{"private", key_file.string()}, {"der", der_file.string()}, {"pem", pem_file.string()}};
    document.update(to_json(made.certificate));
    return context.print(document);
  }
  context.out << fmt::format(
      "{}  private: keep it offline; VMs of the images also start boot loaders that it signs\n"
      "{}  certificate in DER, for firmware\n{}  the same in PEM, for recipes\n{}",
      key_file.string(), der_file.string(), pem_file.string(), to_text(made.certificate));
}

/// Returns whether the file is a certificate and not an Ed25519 key: they are PEM of other kinds, or DER.
bool is_certificate(const std::string& bytes) {
  return bytes.find("-----BEGIN CERTIFICATE-----") != std::string::npos || bytes.starts_with("\x30\x82");
}

void show_certificate(const fs::path& file, const std::string& bytes, Context& context) {
  const auto certificate = signature::read_certificate(bytes, file.string());
  if (!context.json) {
    context.out << to_text(certificate);
    return;
  }
  Json document{{"file", file.string()}};
  document.update(to_json(certificate));
  context.print(document);
}

void show_key(const fs::path& file, Context& context) {
  const auto pem = read_text(file, max_key);
  if (is_certificate(pem)) return show_certificate(file, pem, context);
  const bool is_private = pem.find("PRIVATE KEY") != std::string::npos;
  const auto fingerprint = [&] {
    try {
      return signature::key_fingerprint(is_private ? signature::public_half(pem) : pem);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("showing key '{}': not an Ed25519 key in PEM form", file.string()),
                  "a key for modules is shown by its certificate, NAME.pem");
    }
  }();
  if (context.json)
    context.print({{"file", file.string()}, {"private", is_private}, {"fingerprint", fingerprint}});
  else
    context.out << fmt::format("{}  {} key {}\n", fingerprint, is_private ? "private" : "public", file.string());
}

}  // namespace

void add_key(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("key", "keys for signing: Ed25519, and RSA for kernel modules");
  command->require_subcommand(1);
  auto prefix = std::make_shared<std::string>("bake");
  auto modules = std::make_shared<ModuleKeyOptions>();
  auto* make = command->add_subcommand(
      "new",
      "make a pair: PREFIX.key, which signs, and PREFIX.pub, which verifies; with --modules a key for kernel modules");
  auto* out = make->add_option("--out", *prefix, "where to write them")->type_name("PREFIX")->capture_default_str();
  auto* for_modules = make->add_option("--modules", modules->prefix,
                                       "make NAME.key and its certificate, NAME.der and NAME.pem, for 'secure_boot' of "
                                       "a recipe")
                          ->type_name("NAME")
                          ->excludes(out);
  make->add_option("--name", modules->name, "the name in the certificate (default: NAME kernel modules)")
      ->type_name("TEXT")
      ->needs(for_modules);
  make->add_option("--bits", modules->bits, "of the RSA key: 2048 to 4096")
      ->type_name("N")
      ->capture_default_str()
      ->needs(for_modules);
  make->add_option("--years", modules->years, "how long the certificate is valid")
      ->capture_default_str()
      ->check(CLI::Range(1, 100))
      ->type_name("NUMBER")
      ->needs(for_modules);
  make->callback([prefix, modules, &context] {
    if (modules->prefix.empty())
      make_key(*prefix, context);
    else
      make_module_key(*modules, context);
  });
  auto file = std::make_shared<fs::path>();
  auto* show = command->add_subcommand("show", "show the fingerprint of a key, to compare it over another channel");
  show->add_option("file", *file, "a private or public key, or a certificate")->required();
  show->callback([file, &context] { show_key(*file, context); });
}

}  // namespace bake::cli
