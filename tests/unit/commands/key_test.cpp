#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bake/base/base64.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/commands/commands.hpp"
#include "bake/signature/module_signature.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome bake(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = run(arguments, out, err);
  return {status, out.str(), err.str()};
}

class CliKey : public testing::Test {
 protected:
  CliKey() { ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1); }
  ~CliKey() override { ::unsetenv("SOURCE_DATE_EPOCH"); }
  [[nodiscard]] std::string at(std::string_view name) const { return (directory_.path() / name).string(); }
  TemporaryDirectory directory_;
};

TEST_F(CliKey, ModuleKeyWithItsCertificate) {
  const auto made = bake({"key", "new", "--modules", at("site"), "--bits", "2048"});
  EXPECT_EQ(made.err, "");
  ASSERT_EQ(made.status, 0);
  const auto certificate = signature::read_certificate(read_text(at("site.pem")), "site.pem");
  EXPECT_EQ(certificate, signature::read_certificate(read_text(at("site.der")), "site.der"));
  EXPECT_EQ(certificate.subject, "CN=site kernel modules");
  EXPECT_EQ(certificate.bits, 2048U);
  EXPECT_EQ(fs::status(at("site.key")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const signature::ModuleSigner signer(at("site.key"), certificate);
  EXPECT_EQ(signature::check_module(signer.sign("module", "sha256", signature::ModuleForm::cms), {certificate}).state,
            signature::ModuleState::good);
  const auto line =
      fmt::format("{}  certificate of CN=site kernel modules, RSA 2048 bits, until 2033-11-11\n", certificate.sha256);
  EXPECT_EQ(made.out,
            fmt::format("{0}.key  private: keep it offline; VMs of the images also start boot loaders that it "
                        "signs\n{0}.der  certificate in DER, for firmware\n{0}.pem  the same in PEM, for "
                        "recipes\n",
                        at("site")) +
                line);
  EXPECT_EQ(bake({"key", "show", at("site.pem")}).out, line);
  EXPECT_EQ(bake({"key", "show", at("site.der")}).out, line);
}

TEST_F(CliKey, JsonHasTheCertificateOnOneLine) {
  const auto made =
      bake({"--json", "key", "new", "--modules", at("site"), "--bits", "3072", "--name", "Example", "--years", "2"});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto json = nlohmann::json::parse(made.out);
  EXPECT_EQ(json.at("subject"), "CN=Example");
  EXPECT_EQ(json.at("not_after"), "2025-11-13T22:13:20Z");
  EXPECT_EQ(from_base64(json.at("base64").get<std::string>()), read_text(at("site.der")));
  auto shown = nlohmann::json::parse(bake({"--json", "key", "show", at("site.der")}).out);
  EXPECT_EQ(shown.at("file"), at("site.der"));
  EXPECT_EQ(shown.at("base64"), json.at("base64"));
}

TEST_F(CliKey, ModuleKeyIsNeverReplaced) {
  write_text_atomically(at("site.pem"), "mine");
  const auto refused = bake({"key", "new", "--modules", at("site"), "--bits", "2048"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_EQ(refused.err, fmt::format("bake: error: making key '{}': it exists\nbake: hint: a key is never replaced: "
                                     "choose another name\n",
                                     at("site.pem")));
  EXPECT_FALSE(fs::exists(at("site.key")));
}

TEST_F(CliKey, PrivateModuleKeyIsNamedWhenItIsShown) {
  ASSERT_EQ(bake({"key", "new", "--modules", at("site"), "--bits", "2048"}).status, 0);
  const auto refused = bake({"key", "show", at("site.key")});
  EXPECT_EQ(refused.status, 2);
  EXPECT_EQ(refused.err, fmt::format("bake: error: showing key '{}': not an Ed25519 key in PEM form\nbake: hint: a key "
                                     "for modules is shown by its certificate, NAME.pem\n",
                                     at("site.key")));
}

TEST_F(CliKey, OptionsOfAModuleKeyNeedIt) {
  EXPECT_EQ(bake({"key", "new", "--out", at("a"), "--bits", "2048"}).status, 2);
  EXPECT_EQ(bake({"key", "new", "--out", at("a"), "--modules", at("b")}).status, 2);
  EXPECT_EQ(bake({"key", "new", "--modules", at("b"), "--bits", "1024"}).status, 2);
  EXPECT_EQ(entries_of(directory_.path()).size(), 0U);
}

}  // namespace
}  // namespace bake::cli
