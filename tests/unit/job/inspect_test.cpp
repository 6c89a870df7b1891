// The verdict that `bake verify` keeps: which files it depends on.
#include "bake/job/inspect.hpp"

#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/signature/dsse.hpp"
#include "bake/signature/signing.hpp"
#include "bake/verify/evidence.hpp"
#include "tests/support/disk_fixture.hpp"
#include "tests/support/error_of.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;

/// An image about which an earlier run without a manifest kept a good verdict.
class KeptVerdict : public ::testing::Test {
 protected:
  void SetUp() override {
    write_text_atomically(image(), "an image");
    // The cache keeps nothing about a file that changed in the last two seconds.
    ::usleep(2'100'000);
    environment_.cache.keep("verify-" + digest_of("none\nnone\nnone\nnone\nnone\nnone\nnone\nnone\n"), image(),
                            identity_of(image()),
                            R"({"time": "2026-01-01T00:00:00Z", "ofed": "5.5-1.0.3.2", "kernel": "K", "checks": []})");
    ASSERT_EQ(verify_image(image(), std::nullopt, environment_).earlier, "2026-01-01T00:00:00Z");
  }
  [[nodiscard]] fs::path image() const { return scratch_.path() / "out.vhd"; }
  [[nodiscard]] Error error_with(const fs::path& manifest) {
    return error_of([&] { verify_image(image(), manifest, environment_); });
  }

  TemporaryDirectory scratch_;
  matrix::Matrix matrix_ = matrix::Matrix::built_in();
  store::Store store_{scratch_.path() / "store"};
  SilentProgress progress_;
  Environment environment_{matrix_, store_, progress_, {}, {}, Cache(scratch_.path() / "cache")};
};

TEST_F(KeptVerdict, DoesNotHideAManifestThatCannotBeRead) {
  const auto typo = scratch_.path() / "nowhere.json";
  EXPECT_EQ(error_with(typo).kind(), ErrorKind::usage);
  EXPECT_EQ(error_with(typo).message(), "opening '" + typo.string() + "': no such file");
  const auto pipe = scratch_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(error_with(pipe).message(), "opening '" + pipe.string() + "': it is a pipe, not a file");
  EXPECT_EQ(error_with(scratch_.path()).message(),
            "reading '" + scratch_.path().string() + "': it is a directory, not a file");
}

TEST_F(KeptVerdict, IsNotThatOfAnotherManifest) {
  write_text_atomically(scratch_.path() / "manifest.json", "{}");
  const auto found = verify_image(image(), scratch_.path() / "manifest.json", environment_);
  EXPECT_EQ(found.earlier, "");
  ASSERT_FALSE(found.checks.empty());
  EXPECT_EQ(found.checks.front().rule, "container");  // made now, and not of a VHD
  EXPECT_TRUE(found.checks.front().failed());
}

TEST_F(KeptVerdict, DoesNotHideASidecarThatIsNoFile) {
  const auto sbom = scratch_.path() / "out.vhd.sbom.spdx.json";
  ASSERT_EQ(::mkfifo(sbom.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { verify_image(image(), std::nullopt, environment_); }).message(),
            "opening '" + sbom.string() + "': it is a pipe, not a file");
}

/// A fixed VHD with a signed provenance next to it. There is no appliance: `starts` counts the attempts.
class Proof : public DiskTest {
 protected:
  void SetUp() override {
    image_ = fixed_vhd("out.vhd", std::uint64_t{2} << 20U);
    const std::string provenance = "{}";
    write_text_atomically(sidecar_of(image_, Sidecar::provenance), provenance);
    write_text_atomically(sidecar_of(image_, Sidecar::signature),
                          signature::make_envelope(provenance, verify::statement_type, keys_.private_pem));
  }
  std::map<std::string, verify::Status> statuses(const std::string& public_pem) {
    std::map<std::string, verify::Status> found;
    for (const auto& check : verify_image(image_, std::nullopt, environment_, public_pem).checks)
      found[check.rule] = check.status;
    return found;
  }

  std::filesystem::path image_;
  signature::KeyPair keys_ = signature::new_key_pair();
  unsigned starts_ = 0;
  matrix::Matrix matrix_ = matrix::Matrix::built_in();
  store::Store store_{at("store")};
  SilentProgress progress_;
  Environment environment_{matrix_, store_, progress_,
                           [this](const DiskRequest&) -> std::unique_ptr<Session> {
                             ++starts_;
                             throw Error(ErrorKind::environment, "there is no appliance");
                           },
                           [this] { return starts_; }};
};

TEST_F(Proof, OfAnotherKeyFailsWithoutAnAppliance) {
  using verify::Status;
  const auto found = statuses(signature::new_key_pair().public_pem);
  EXPECT_EQ(found, (std::map<std::string, Status>{{"checksums", Status::skipped},
                                                  {"container", Status::passed},
                                                  {"digest", Status::skipped},
                                                  {"files", Status::skipped},
                                                  {"guest", Status::skipped},
                                                  {"manifest", Status::skipped},
                                                  {"provenance", Status::skipped},
                                                  {"sbom", Status::skipped},
                                                  {"sbom cyclonedx", Status::skipped},
                                                  {"signature", Status::failed}}));
  EXPECT_EQ(starts_, 0U);
}

TEST_F(Proof, ThatDoesNotDescribeTheImageFailsWithoutAnAppliance) {
  const auto found = statuses(keys_.public_pem);
  EXPECT_EQ(found.at("signature"), verify::Status::passed);
  EXPECT_EQ(found.at("provenance"), verify::Status::failed);
  EXPECT_EQ(found.at("guest"), verify::Status::skipped);
  EXPECT_EQ(starts_, 0U);
}

TEST_F(Proof, NamesTheFileOfTheKeyThatDoesNotMatch) {
  const auto other = at("other.pub").string();
  write_text_atomically(other, signature::new_key_pair().public_pem);
  std::ostringstream out, err;
  EXPECT_EQ(cli::run({"verify", image_.string(), "--key", other}, out, err), 7);
  EXPECT_NE(err.str().find("(the key is '" + other + "')"), std::string::npos) << err.str();
}

}  // namespace
}  // namespace bake::job
