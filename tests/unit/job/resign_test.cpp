// `bake sign` and `bake resign` on a guest in memory.
#include "bake/job/resign.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/evidence/files.hpp"
#include "bake/evidence/manifest.hpp"
#include "bake/guest/memory.hpp"
#include "bake/job/inspect.hpp"
#include "bake/job/sign.hpp"
#include "bake/signature/signing.hpp"
#include "bake/verify/evidence.hpp"
#include "bake/verify/files.hpp"
#include "bake/verify/privileges.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

/// The guest and its facts belong to the test, so that another "program" can change them.
class GuestSession : public Session {
 public:
  GuestSession(guest::MemoryGuest& guest, const guest::Facts& facts) : guest_(guest), facts_(facts) {}
  guest::Guest& guest() override { return guest_; }
  guest::Facts inspect() override { return facts_; }
  void finish() override { ADD_FAILURE() << "the image must not be written"; }

 private:
  guest::MemoryGuest& guest_;
  const guest::Facts& facts_;
};

class FinishedImage : public DiskTest {
 protected:
  FinishedImage() {
    const auto file = fixed_vhd("out.vhd", std::uint64_t{3} << 20U);
    EXPECT_EQ(file, image);
    guest.with_file("/etc/hostname", "localhost\n")
        .with_file("/etc/motd", "welcome\n")
        .with_file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
        .with_file("/etc/shadow", "root:*:1:0:99999:7:::\n", 0640)
        .with_file("/etc/waagent.conf", "OS.EnableRDMA=y\n")
        .with_file("/boot/vmlinuz-K", "kernel")
        .with_handler([](const std::string& script) -> std::optional<guest::ShellResult> {
          if (script.starts_with("modinfo")) return guest::ShellResult{0, "/lib/modules/K/kernel/mlx5_core.ko\n5.0\n"};
          return guest::ShellResult{0, ""};
        });
    facts.os = {"ubuntu", "20.04", "Ubuntu 20.04"};
    facts.family = guest::Family::deb;
    facts.default_kernel = "K";
    facts.kernels = {{"K", "/boot/vmlinuz-K", {}, {}, {}, {}, {}, false}};
    facts.packages.format = "dpkg";
    facts.packages.packages = {{"bash", "5.0", "amd64"}, {"linux", "K", "amd64"}};
    expected.family = guest::Family::deb;
    expected.kernel = "K";
    expected.module = "mlx5_core";
    expected.module_origin = "inbox";
    expected.ofed = "inbox";
    expected.base_privileges = expected.privileges = verify::find_privileges(guest);
    bake();
  }

  /// Writes the manifest into the guest, and the evidence next to the image, as a bake does.
  void bake() {
    auto inside = Json::parse(R"({"schema":"bake-manifest/v1","bake":"0.2.0","time":"2023-11-14T22:13:20Z","key":"k",
      "recipe":{"name":"image","sha256":"r"},"base":{"file":"base.vhd","sha256":"b"},"matrix":{"sha256":"m"},
      "os":{"id":"ubuntu","version":"20.04"},"vm_sizes":["Standard_HB120rs_v2"],
      "driver":{"ofed":"inbox","profile":"ib-minimal"},"kernel":{"release":"K"},"fit":{"verdict":"inbox"}})");
    inside["expectations"] = plan::to_json(expected);
    facts.baked_manifest = inside.dump();
    guest.write(guest::manifest_path, inside.dump());
    plan::Plan plan;
    plan.family = expected.family;
    plan.fit.kernel = "K";
    const auto packages = evidence::image_packages(facts.packages.packages, {}, facts.packages.packages, {}, {}, {});
    const auto manifest = evidence::product_manifest(
        inside, {"out.vhd", std::uint64_t{3} << 20U, test_uuid, digest_of_file(image), 1, {}},
        {Json::array(), verify::record_files(guest, plan), evidence::to_json(packages)});
    evidence::write_evidence(image, manifest, packages, {});
  }

  /// Another program changes a file of the guest, and with it the image.
  void change(const std::string& path, const std::string& content) {
    guest.with_file(path, content);
    put(image, 50'000, content);
  }

  Environment environment() {
    return {matrix, store, progress,
            [this](const DiskRequest& request) -> std::unique_ptr<Session> {
              EXPECT_NE(request.disk, image);
              ++starts;
              return std::make_unique<GuestSession>(guest, facts);
            },
            [this] { return starts; }};
  }
  ResignedImage resign(const std::string& key = {}) {
    auto made = environment();
    return resign_image(image, key, made);
  }
  SignedImage sign(const std::string& key) {
    auto made = environment();
    return sign_image(image, key, made);
  }
  std::vector<verify::Check> verify(const std::string& public_pem = {}) {
    auto made = environment();
    return verify_image(image, sidecar(".manifest.json"), made, public_pem).checks;
  }
  static std::vector<std::string> failed_of(const std::vector<verify::Check>& checks) {
    std::vector<std::string> rules;
    for (const auto& check : checks)
      if (check.failed()) rules.push_back(check.rule + ": " + check.evidence);
    return rules;
  }
  static std::string evidence_of(const std::vector<verify::Check>& checks, const std::string& rule) {
    for (const auto& check : checks)
      if (check.rule == rule) return check.evidence;
    return "there is no check " + rule;
  }
  [[nodiscard]] fs::path sidecar(const std::string& suffix) const { return image.string() + suffix; }
  /// Every file next to the image and its content.
  [[nodiscard]] std::map<std::string, std::string> documents() const {
    std::map<std::string, std::string> found;
    for (const auto& name : names())
      if (name.starts_with("out.vhd")) found[name] = digest_of_file(at(name));
    return found;
  }

  const fs::path image = at("out.vhd");
  guest::MemoryGuest guest;
  guest::Facts facts;
  plan::Expectations expected;
  SilentProgress progress;
  matrix::Matrix matrix = matrix::Matrix::built_in();
  store::Store store{at("store")};
  unsigned starts = 0;
};

TEST_F(FinishedImage, IsGood) { EXPECT_EQ(failed_of(verify()), std::vector<std::string>()); }

TEST_F(FinishedImage, IsSignedLater) {
  const auto pair = signature::new_key_pair();
  const auto made = sign(pair.private_pem);
  EXPECT_EQ(made.sha256, digest_of_file(image));
  EXPECT_EQ(made.signature, sidecar(".provenance.dsse.json"));
  EXPECT_EQ(made.key, signature::key_fingerprint(pair.public_pem));
  EXPECT_EQ(starts, 0U);
  EXPECT_EQ(failed_of(verify(pair.public_pem)), std::vector<std::string>());
  EXPECT_THAT(read_text(sidecar(".SHA256SUMS")), HasSubstr("  out.vhd.provenance.dsse.json\n"));
  // Another key replaces the signature.
  const auto other = signature::new_key_pair();
  sign(other.private_pem);
  EXPECT_EQ(failed_of(verify(other.public_pem)), std::vector<std::string>());
}

TEST_F(FinishedImage, IsNotSignedWithWhatDoesNotBelongToIt) {
  const auto pair = signature::new_key_pair();
  const auto good = documents();
  change("/etc/motd", "changed\n");
  auto before = documents();
  const auto error = error_of([&] { sign(pair.private_pem); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("signing '" + image.string() + "'"));
  EXPECT_THAT(error.message(),
              HasSubstr("digest: sha256 is " + digest_of_file(image) + ", the manifest says " + good.at("out.vhd")));
  EXPECT_THAT(error.message(), HasSubstr("sbom: it describes another image"));
  EXPECT_EQ(error.remedies(), (std::vector<Remedy>{{Remedy::Action::verify_image, image.string()},
                                                   {Remedy::Action::resign_image, image.string()}}));
  EXPECT_EQ(documents(), before);
}

TEST_F(FinishedImage, IsNotSignedWithAChangedDocument) {
  const auto pair = signature::new_key_pair();
  auto text = read_text(sidecar(".manifest.json"));
  write_text_atomically(sidecar(".manifest.json"), replace_all(text, "base.vhd", "basf.vhd"));
  EXPECT_THAT(error_of([&] { sign(pair.private_pem); }).message(),
              HasSubstr("provenance: out.vhd.manifest.json is not the file it lists"));
  fs::remove(sidecar(".sbom.spdx.json"));
  const auto error = error_of([&] { sign(pair.private_pem); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(error.message(), "signing '" + image.string() + "': there is no out.vhd.sbom.spdx.json");
  EXPECT_EQ(error_of([&] { sign("no key"); }).kind(), ErrorKind::usage);
  EXPECT_FALSE(fs::exists(sidecar(".provenance.dsse.json")));
}

TEST_F(FinishedImage, ProvenanceMustListTheDocuments) {
  auto statement = Json::parse(read_text(sidecar(".provenance.json")));
  statement["predicate"]["runDetails"]["byproducts"].erase(0);
  write_text_atomically(sidecar(".provenance.json"), statement.dump());
  EXPECT_THAT(error_of([&] { sign(signature::new_key_pair().private_pem); }).message(),
              HasSubstr("provenance: it does not list out.vhd.manifest.json"));
}

TEST_F(FinishedImage, IsDescribedAgainAfterAChange) {
  const auto old_image = digest_of_file(image);
  const auto old_manifest = digest_of_file(sidecar(".manifest.json"));
  change("/etc/motd", "changed by another program\n");
  change("/etc/new.conf", "x\n");
  facts.packages.packages.push_back({"nvtop", "1.0", "amd64"});
  EXPECT_FALSE(failed_of(verify()).empty());
  const auto image_before = digest_of_file(image);
  const auto made = resign();
  EXPECT_TRUE(made.changed);
  EXPECT_EQ(digest_of_file(image), image_before);
  const auto& resigned = made.manifest.at("resigned");
  EXPECT_EQ(resigned.at("of"), (Json{{"sha256", old_image}, {"manifest_sha256", old_manifest}}));
  EXPECT_EQ(resigned.at("changes").at("files").at("changed").at("list"), Json::array({"/etc/motd"}));
  EXPECT_EQ(resigned.at("changes").at("files").at("added").at("list"), Json::array({"/etc/new.conf"}));
  EXPECT_EQ(resigned.at("changes").at("packages").at("added").at("list"),
            Json::array({Json{{"name", "nvtop"}, {"version", "1.0"}, {"arch", "amd64"}}}));
  EXPECT_EQ(Json::parse(read_text(sidecar(".manifest.json"))), made.manifest);
  const auto checks = verify();
  EXPECT_EQ(failed_of(checks), std::vector<std::string>());
  EXPECT_THAT(evidence_of(checks, "resigned"),
              HasSubstr("another program changed the image after the bake, recorded at "));
  EXPECT_THAT(evidence_of(checks, "resigned"), HasSubstr("packages 1 added; files 1 added, 1 changed"));
  EXPECT_THAT(evidence_of(checks, "checksums"), HasSubstr("have the listed digests"));
}

TEST_F(FinishedImage, IsSignedWhenItIsDescribedAgain) {
  const auto pair = signature::new_key_pair();
  sign(signature::new_key_pair().private_pem);
  change("/etc/motd", "changed\n");
  resign(pair.private_pem);
  EXPECT_EQ(failed_of(verify(pair.public_pem)), std::vector<std::string>());
  change("/etc/motd", "changed again\n");
  resign();
  EXPECT_FALSE(fs::exists(sidecar(".provenance.dsse.json")));  // it was made for the image before
  EXPECT_EQ(failed_of(verify()), std::vector<std::string>());
}

TEST_F(FinishedImage, ThatDidNotChangeStaysAsItIs) {
  const auto before = documents();
  EXPECT_FALSE(resign().changed);
  EXPECT_EQ(documents(), before);
  // A run that was killed before its last file.
  fs::remove(sidecar(".SHA256SUMS"));
  write_text_atomically(sidecar(".SHA256SUMS"), digest_of("old") + "  out.vhd\n");
  EXPECT_FALSE(resign().changed);
  EXPECT_EQ(documents(), before);
}

TEST_F(FinishedImage, IsNotDescribedAgainIfARequiredCheckFails) {
  change("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\n");
  const auto before = documents();
  auto error = error_of([&] { resign(); });
  EXPECT_EQ(error.kind(), ErrorKind::verification);
  EXPECT_THAT(error.message(), HasSubstr("accounts: "));
  EXPECT_EQ(documents(), before);
  change("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
  facts.default_kernel = "other";
  error = error_of([&] { resign(); });
  EXPECT_EQ(error.kind(), ErrorKind::verification);
  EXPECT_THAT(error.message(), HasSubstr("kernel: "));
}

TEST_F(FinishedImage, IsNotDescribedAgainWithTheManifestOfAnother) {
  change("/etc/motd", "changed\n");
  auto manifest = Json::parse(read_text(sidecar(".manifest.json")));
  manifest["recipe"]["sha256"] = "another";
  write_text_atomically(sidecar(".manifest.json"), manifest.dump());
  const auto error = error_of([&] { resign(); });
  EXPECT_EQ(error.kind(), ErrorKind::verification);
  EXPECT_THAT(error.message(), HasSubstr("manifest: the manifest in the image differs"));
  fs::remove(sidecar(".manifest.json"));
  const auto missing = error_of([&] { resign(); });
  EXPECT_EQ(missing.kind(), ErrorKind::usage);
  EXPECT_EQ(missing.message(), "describing '" + image.string() + "' again: there is no out.vhd.manifest.json");
  EXPECT_EQ(missing.hint(), "the manifest of the bake says what the image was; copy it next to the image");
}

TEST_F(FinishedImage, WithDocumentsOfAnotherFormIsAnError) {
  change("/etc/motd", "changed\n");
  for (const auto* form : {R"({"schema": "bake-manifest/v1", "files": {}})",
                           R"({"schema": "bake-manifest/v1", "files": {"list": 5}, "product": {"sha256": "x"}})",
                           R"({"schema": "bake-manifest/v1", "files": 1, "product": {"sha256": 5}})"}) {
    write_text_atomically(sidecar(".manifest.json"), form);
    EXPECT_EQ(error_of([&] { resign(); }).kind(), ErrorKind::config) << form;
  }
  EXPECT_EQ(error_of([&] { sign(signature::new_key_pair().private_pem); }).kind(), ErrorKind::config);
}

TEST_F(FinishedImage, WithoutAFooterIsNotRead) {
  fs::resize_file(image, std::uint64_t{3} << 20U);
  EXPECT_EQ(error_of([&] { resign(); }).kind(), ErrorKind::verification);
  EXPECT_EQ(starts, 0U);
}

}  // namespace
}  // namespace bake::job
