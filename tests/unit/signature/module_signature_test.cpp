#include "bake/signature/module_signature.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/signature/module_trailer.hpp"
#include "tests/support/error_of.hpp"

namespace bake::signature {
namespace {

constexpr std::int64_t now = 1'700'000'000;

/// Two keys for all tests, because making one takes a second.
const ModuleKey& site() {
  static const auto key = new_module_key("Example site modules", 2048, 3650, now);
  return key;
}
const ModuleKey& other() {
  static const auto key = new_module_key("Another site", 2048, 3650, now);
  return key;
}

std::string fake_module() { return read_text(FAKE_MODULE); }

/// The key and certificates in files, as the programs of other projects need them.
class ModuleSignatureFiles : public testing::Test {
 protected:
  std::string put(const std::string& name, std::string_view content) {
    const auto file = directory_.path() / name;
    write_text_atomically(file, content, 0600);
    return file.string();
  }
  std::string key() { return put("site.key", site().private_pem); }
  ModuleSigner signer() { return {key(), site().certificate}; }
  static std::string output_of(const std::vector<std::string>& arguments) {
    const auto result = run_program(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }
  std::string modinfo(const std::string& file, const std::string& field) {
    return std::string(trim(output_of({"modinfo", "-F", field, file})));
  }

  TemporaryDirectory directory_;
};

TEST_F(ModuleSignatureFiles, GoodSignatureOfEachHashAndForm) {
  const auto sign = signer();
  const auto module = fake_module();
  for (const auto form : {ModuleForm::cms, ModuleForm::legacy})
    for (const auto* hash : {"sha1", "sha224", "sha256", "sha384", "sha512"}) {
      const auto result = sign.sign(module, hash, form);
      EXPECT_TRUE(result.starts_with(module));
      const auto check = check_module(result, {other().certificate, site().certificate});
      EXPECT_EQ(check.state, ModuleState::good) << hash << check.reason;
      EXPECT_EQ(check.certificate, 1U);
      EXPECT_EQ(check.hash, hash);
      EXPECT_EQ(check.form, form);
      EXPECT_EQ(check.signer, "Example site modules");
    }
}

TEST_F(ModuleSignatureFiles, CmsIsThatOfTheOpensslProgram) {
  const auto module = put("module.ko", fake_module());
  const auto out = put("module.p7s", "");
  output_of({"openssl", "cms", "-sign", "-binary", "-noattr", "-nocerts", "-nosmimecap", "-md", "sha256", "-outform",
             "DER", "-signer", put("site.pem", pem_of(site().certificate)), "-inkey", key(), "-in", module, "-out",
             out});
  const auto cms = read_text(out);
  const auto expected = fake_module() + cms +
                        trailer::write_info({0, 0, 2, 0, 0, static_cast<std::uint32_t>(cms.size())}) +
                        "~Module signature appended~\n";
  EXPECT_EQ(signer().sign(fake_module(), "sha256", ModuleForm::cms), expected);
}

TEST_F(ModuleSignatureFiles, OpensslVerifiesTheCms) {
  const auto bytes = signer().sign(fake_module(), "sha512", ModuleForm::cms);
  const auto found = find_signature(bytes);
  ASSERT_TRUE(found);
  const auto verify = [&](const Certificate& certificate) {
    return run_program({"openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", put("p7s", found->bytes),
                        "-content", put("content", found->content), "-certfile", put("cert.pem", pem_of(certificate)),
                        "-nointern", "-noverify", "-out", "/dev/null"})
        .status;
  };
  EXPECT_EQ(verify(site().certificate), 0);
  EXPECT_NE(verify(other().certificate), 0);
}

TEST_F(ModuleSignatureFiles, OpensslVerifiesTheLegacySignature) {
  const auto bytes = signer().sign(fake_module(), "sha256", ModuleForm::legacy);
  const auto found = find_signature(bytes);
  ASSERT_TRUE(found);
  const auto public_key =
      put("site.pub",
          output_of({"openssl", "x509", "-pubkey", "-noout", "-in", put("site.pem", pem_of(site().certificate))}));
  EXPECT_EQ(output_of({"openssl", "dgst", "-sha256", "-verify", public_key, "-signature", put("rsa", found->bytes),
                       put("content", found->content)}),
            "Verified OK\n");
}

TEST_F(ModuleSignatureFiles, ModinfoNamesTheSigner) {
  const auto cms = put("cms.ko", signer().sign(fake_module(), "sha256", ModuleForm::cms));
  EXPECT_EQ(modinfo(cms, "sig_id"), "PKCS#7");
  EXPECT_EQ(modinfo(cms, "signer"), "Example site modules");
  EXPECT_EQ(modinfo(cms, "sig_hashalgo"), "sha256");
  EXPECT_EQ(to_lower(replace_all(modinfo(cms, "sig_key"), ":", "")), site().certificate.serial);
  const auto legacy = put("legacy.ko", signer().sign(fake_module(), "sha512", ModuleForm::legacy));
  EXPECT_EQ(modinfo(legacy, "sig_id"), "X509");
  EXPECT_EQ(modinfo(legacy, "signer"), "Example site modules");
  EXPECT_EQ(modinfo(legacy, "sig_hashalgo"), "sha512");
  EXPECT_EQ(to_lower(replace_all(modinfo(legacy, "sig_key"), ":", "")), site().certificate.key_id);
}

TEST_F(ModuleSignatureFiles, NewSignatureReplacesTheOldOne) {
  const ModuleSigner old(put("other.key", other().private_pem), other().certificate);
  for (const auto form : {ModuleForm::cms, ModuleForm::legacy}) {
    const auto before = old.sign(fake_module(), "sha256", form);
    EXPECT_EQ(signer().sign(before, "sha256", ModuleForm::cms),
              signer().sign(fake_module(), "sha256", ModuleForm::cms));
    EXPECT_EQ(without_signature(before), fake_module());
  }
}

TEST_F(ModuleSignatureFiles, KeyOfAFileUri) {
  const ModuleSigner by_uri("file:" + key(), site().certificate);
  EXPECT_EQ(by_uri.sign(fake_module(), "sha256", ModuleForm::cms),
            signer().sign(fake_module(), "sha256", ModuleForm::cms));
}

TEST_F(ModuleSignatureFiles, KeyWithoutItsProvider) {
  const auto error = error_of([&] { ModuleSigner("pkcs11:token=site;object=modules", site().certificate); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(error.message(),
            "reading key 'pkcs11:token=site;object=modules': OpenSSL of this machine has no provider for 'pkcs11:'");
}

TEST_F(ModuleSignatureFiles, PinIsNotShown) {
  const auto error = error_of([&] { ModuleSigner("pkcs11:object=m?pin-value=4711", site().certificate); });
  EXPECT_EQ(error.message().find("4711"), std::string::npos);
}

TEST_F(ModuleSignatureFiles, KeyOfAnotherCertificate) {
  const auto error = error_of([&] { ModuleSigner(key(), other().certificate); });
  EXPECT_EQ(error.kind(), ErrorKind::config);
  EXPECT_EQ(error.message(),
            fmt::format("checking key '{}': the certificate 'CN=Another site' belongs to another key", key()));
}

TEST_F(ModuleSignatureFiles, KeyWithAPassPhrase) {
  const auto plain = key();
  const auto locked = put("locked.key", "");
  output_of({"openssl", "pkey", "-in", plain, "-out", locked, "-aes256", "-passout", "pass:secret"});
  const auto error = error_of([&] { ModuleSigner(locked, site().certificate); });
  EXPECT_EQ(error.message(), fmt::format("reading key '{}': it has a pass phrase, and bake asks for none", locked));
}

TEST_F(ModuleSignatureFiles, FileThatIsNoKey) {
  const auto file = put("no.key", "no key");
  EXPECT_EQ(error_of([&] { ModuleSigner(file, site().certificate); }).message(),
            fmt::format("reading key '{}': it is not a private key in PEM", file));
}

TEST_F(ModuleSignatureFiles, ChangedModuleIsBad) {
  for (const auto form : {ModuleForm::cms, ModuleForm::legacy}) {
    auto bytes = signer().sign(fake_module(), "sha256", form);
    bytes[100] = static_cast<char>(bytes[100] ^ 1);
    const auto check = check_module(bytes, {site().certificate});
    EXPECT_EQ(check.state, ModuleState::bad);
    EXPECT_EQ(check.reason, "the signature does not match the module");
  }
}

TEST_F(ModuleSignatureFiles, ModuleOfAnotherKey) {
  for (const auto form : {ModuleForm::cms, ModuleForm::legacy}) {
    const auto check = check_module(signer().sign(fake_module(), "sha256", form), {other().certificate});
    EXPECT_EQ(check.state, ModuleState::unknown_key);
    EXPECT_EQ(check.reason, "another key signed it (Example site modules)");
  }
}

TEST_F(ModuleSignatureFiles, SignedAttributesAreBad) {
  const auto module = put("module.ko", fake_module());
  const auto out = put("module.p7s", "");
  output_of({"openssl", "cms", "-sign", "-binary", "-nocerts", "-nosmimecap", "-md", "sha256", "-outform", "DER",
             "-signer", put("site.pem", pem_of(site().certificate)), "-inkey", key(), "-in", module, "-out", out});
  const auto cms = read_text(out);
  const auto check =
      check_module(fake_module() + cms + trailer::write_info({0, 0, 2, 0, 0, static_cast<std::uint32_t>(cms.size())}) +
                       std::string(trailer::magic),
                   {site().certificate});
  EXPECT_EQ(check.state, ModuleState::bad);
  EXPECT_EQ(check.reason, "the signature has signed attributes, which the kernel refuses");
}

TEST(ModuleSignature, NoSignature) {
  EXPECT_FALSE(find_signature(fake_module()));
  EXPECT_EQ(without_signature(fake_module()), fake_module());
  const auto check = check_module(fake_module(), {site().certificate});
  EXPECT_EQ(check.state, ModuleState::unsigned_);
  EXPECT_EQ(check.reason, "it has no signature");
}

TEST(ModuleSignature, DamagedTrailers) {
  const std::string magic(trailer::magic);
  const auto reason_of = [](const std::string& module) {
    EXPECT_EQ(check_module(module, {site().certificate}).state, ModuleState::bad);
    return error_of([&] { find_signature(module); }).message();
  };
  const std::string doing = "reading the signature of a module: ";
  EXPECT_EQ(reason_of(magic), doing + "it is truncated");
  EXPECT_EQ(reason_of("abc" + trailer::write_info({0, 0, 2, 0, 0, 4}) + magic), doing + "it is larger than the module");
  EXPECT_EQ(reason_of("abc" + trailer::write_info({0, 0, 2, 0, 0, 0xffffffff}) + magic),
            doing + "it is larger than the module");
  EXPECT_EQ(reason_of("abcdef" + trailer::write_info({1, 4, 1, 255, 255, 4}) + magic),
            doing + "it is larger than the module");
  EXPECT_EQ(reason_of("abcdef" + trailer::write_info({0, 0, 2, 0, 0, 4}) + magic), doing + "it is not CMS");
  EXPECT_EQ(reason_of("abcdef" + trailer::write_info({0, 0, 7, 0, 0, 4}) + magic), doing + "it has the unknown type 7");
  EXPECT_EQ(reason_of("abcdef" + trailer::write_info({1, 4, 1, 1, 1, 4}) + magic),
            doing + "the length of its RSA signature is wrong");
  EXPECT_EQ(reason_of("abcdef" + trailer::write_info({1, 4, 1, 1, 1, 1}) + magic),
            doing + "its RSA signature is too short");
}

TEST(ModuleSignature, UrisAndFiles) {
  EXPECT_TRUE(is_key_uri("pkcs11:token=site"));
  EXPECT_TRUE(is_key_uri("file:/etc/site.key"));
  EXPECT_FALSE(is_key_uri("keys/site.key"));
  EXPECT_FALSE(is_key_uri("/keys/a:b.key"));
  EXPECT_FALSE(is_key_uri("C:site.key"));
}

TEST(Certificate, OfANewKey) {
  const auto& certificate = site().certificate;
  EXPECT_EQ(certificate.subject, "CN=Example site modules");
  EXPECT_EQ(certificate.issuer, certificate.subject);
  EXPECT_EQ(certificate.name, "Example site modules");
  EXPECT_EQ(certificate.legacy_name, "Example site modules");
  EXPECT_EQ(certificate.bits, 2048U);
  EXPECT_EQ(certificate.not_after, now + std::int64_t{3650} * 86400);
  EXPECT_EQ(certificate.key_id.size(), 40U);
  EXPECT_EQ(certificate.serial.size(), 32U);
  EXPECT_EQ(read_certificate(certificate.der, "site.der"), certificate);
  EXPECT_EQ(read_certificate(pem_of(certificate), "site.pem"), certificate);
}

TEST_F(ModuleSignatureFiles, OpensslShowsTheExtensions) {
  const auto text = output_of({"openssl", "x509", "-noout", "-in", put("site.pem", pem_of(site().certificate)), "-ext",
                               "basicConstraints,keyUsage,extendedKeyUsage,subjectKeyIdentifier"});
  EXPECT_NE(text.find("X509v3 Basic Constraints: critical\n    CA:FALSE"), std::string::npos) << text;
  EXPECT_NE(text.find("X509v3 Key Usage: \n    Digital Signature\n"), std::string::npos) << text;
  EXPECT_NE(text.find("Code Signing, 1.3.6.1.4.1.2312.16.1.2"), std::string::npos) << text;
  EXPECT_NE(text.find("Subject Key Identifier"), std::string::npos) << text;
}

/// Returns the legacy name of a certificate with this subject.
std::string legacy_name_of(const std::string& subject) {
  const TemporaryDirectory directory;
  const auto file = (directory.path() / "cert.pem").string();
  const auto made = run_program({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null",
                                 "-out", file, "-subj", subject});
  EXPECT_EQ(made.status, 0) << made.err;
  return read_certificate(read_text(file), file).legacy_name;
}

TEST(Certificate, NameForOldKernels) {
  EXPECT_EQ(legacy_name_of("/O=Example/CN=modules"), "Example: modules");
  EXPECT_EQ(legacy_name_of("/O=Mellanox Technologies/CN=Mellanox Technologies signing key"),
            "Mellanox Technologies signing key");
  EXPECT_EQ(legacy_name_of("/O=Example Ltd/CN=Example keys"), "Example keys");
  EXPECT_EQ(legacy_name_of("/O=Example"), "Example");
  EXPECT_EQ(legacy_name_of("/emailAddress=a@example.com"), "a@example.com");
}

TEST(Certificate, RefusesWhatIsNone) {
  const auto message_of = [](std::string_view bytes) {
    const auto error = error_of([&] { read_certificate(bytes, "site.pem"); });
    EXPECT_EQ(error.kind(), ErrorKind::config);
    return error.message();
  };
  EXPECT_EQ(message_of(""), "reading certificate 'site.pem': it is not an X.509 certificate in PEM or DER");
  EXPECT_EQ(message_of("no certificate"),
            "reading certificate 'site.pem': it is not an X.509 certificate in PEM or DER");
  EXPECT_EQ(message_of(site().certificate.der + "x"),
            "reading certificate 'site.pem': it is not an X.509 certificate in PEM or DER");
  EXPECT_EQ(message_of(site().private_pem), "reading certificate 'site.pem': it has a private key");
  EXPECT_EQ(message_of(pem_of(site().certificate) + pem_of(other().certificate)),
            "reading certificate 'site.pem': it has several certificates");
}

TEST(Certificate, RefusesOtherKeys) {
  EXPECT_EQ(error_of([] { new_module_key("site", 1024, 1, now); }).message(),
            "making a key for 'site': 1024 bits; kernels load RSA keys of 2048 to 4096 bits");
  EXPECT_EQ(error_of([] { new_module_key("", 2048, 1, now); }).message(),
            "making certificate '': the name must have 1 to 64 bytes");
  const TemporaryDirectory directory;
  const auto file = (directory.path() / "ec.pem").string();
  ASSERT_EQ(run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                         "-keyout", "/dev/null", "-out", file, "-subj", "/CN=site"})
                .status,
            0);
  EXPECT_EQ(error_of([&] { read_certificate(read_text(file), "ec.pem"); }).message(),
            "reading certificate 'ec.pem': its key is not RSA of 2048 to 4096 bits");
}

/// The last test, because the provider stays in this process.
class ModuleSignatureToken : public ModuleSignatureFiles {};
TEST_F(ModuleSignatureToken, SignsLikeTheFile) {
  const std::string provider = "/usr/lib/x86_64-linux-gnu/ossl-modules/pkcs11.so";
  if (!std::filesystem::exists(provider) || !find_program("softhsm2-util"))
    GTEST_SKIP() << "needs softhsm2 and the OpenSSL provider pkcs11 (" << provider << "), which Debian 12 lacks";
  const auto tokens = directory_.path() / "tokens";
  std::filesystem::create_directory(tokens);
  ::setenv("SOFTHSM2_CONF", put("softhsm2.conf", "directories.tokendir = " + tokens.string() + "\n").c_str(), 1);
  const auto configuration =
      put("openssl.cnf",
          "openssl_conf = init\n[init]\nproviders = providers\n[providers]\ndefault = on\npkcs11 = "
          "pkcs11\n[on]\nactivate = 1\n[pkcs11]\nmodule = " +
              provider + "\npkcs11-module-path = /usr/lib/softhsm/libsofthsm2.so\nactivate = 1\n");
  ASSERT_EQ(OSSL_LIB_CTX_load_config(nullptr, configuration.c_str()), 1);
  output_of({"softhsm2-util", "--init-token", "--free", "--label", "site", "--pin", "1234", "--so-pin", "1234"});
  output_of(
      {"softhsm2-util", "--import", key(), "--token", "site", "--label", "modules", "--id", "01", "--pin", "1234"});
  const ModuleSigner by_token("pkcs11:token=site;object=modules;type=private?pin-value=1234", site().certificate);
  EXPECT_EQ(by_token.sign(fake_module(), "sha256", ModuleForm::cms),
            signer().sign(fake_module(), "sha256", ModuleForm::cms));
}

}  // namespace
}  // namespace bake::signature
