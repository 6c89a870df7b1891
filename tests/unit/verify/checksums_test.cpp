#include "bake/verify/checksums.hpp"

#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/sidecar.hpp"

namespace bake::verify {
namespace {

namespace fs = std::filesystem;

class Checksums : public ::testing::Test {
 protected:
  explicit Checksums(const std::string& name = "out.vhd") : image(scratch.path() / name) {
    write_text_atomically(image, "image");
    for (const auto kind : {Sidecar::manifest, Sidecar::sbom, Sidecar::sbom_cyclonedx, Sidecar::provenance})
      write_text_atomically(sidecar_of(image, kind), "document " + sidecar_of(image, kind).string());
  }
  void list() const { write_text_atomically(sums(), checksum_lines(image, digest_of("image"))); }
  [[nodiscard]] fs::path sums() const { return sidecar_of(image, Sidecar::checksums); }
  [[nodiscard]] Check check() const { return check_checksums(image, digest_of("image")); }
  /// What sha256sum says in the directory of the image.
  [[nodiscard]] ProgramResult sha256sum() const {
    return run_program({"/bin/sh", "-c",
                        "cd " + shell_quote(scratch.path().string()) + " && sha256sum --strict -c " +
                            shell_quote(sums().filename().string())});
  }

  const TemporaryDirectory scratch;
  const fs::path image;
};

TEST_F(Checksums, ListTheImageAndItsDocuments) {
  EXPECT_EQ(check(), skipped("checksums", "there is no out.vhd.SHA256SUMS"));
  list();
  const auto lines = split_lines(read_text(sums()));
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], digest_of("image") + "  out.vhd");
  EXPECT_EQ(lines[1].substr(64), "  out.vhd.manifest.json");
  EXPECT_EQ(check(), (Check{"checksums", true, "5 files have the listed digests"}));
  EXPECT_EQ(sha256sum().status, 0) << sha256sum().err;
}

TEST_F(Checksums, FindWhatChanged) {
  list();
  write_text_atomically(sidecar_of(image, Sidecar::sbom), "other");
  write_text_atomically(sidecar_of(image, Sidecar::signature), "new");
  fs::remove(sidecar_of(image, Sidecar::provenance));
  EXPECT_EQ(check(),
            (Check{"checksums", false,
                   "out.vhd.provenance.dsse.json is not listed; out.vhd.sbom.spdx.json has another digest; not a file "
                   "of this image, or missing: out.vhd.provenance.json"}));
  EXPECT_NE(sha256sum().status, 0);
}

TEST_F(Checksums, OfAnotherImageOrFormFail) {
  list();
  EXPECT_EQ(check_checksums(image, digest_of("another")), (Check{"checksums", false, "out.vhd has another digest"}));
  for (const std::string text : {"garbage\n", "0123  out.vhd\n", "\n"}) {
    write_text_atomically(sums(), text);
    EXPECT_EQ(check(), (Check{"checksums", false, "out.vhd.SHA256SUMS is not a file of sha256sum"})) << text;
  }
  write_text_atomically(sums(), checksum_lines(image, digest_of("image")) + digest_of("x") + "  ../../etc/passwd\n");
  EXPECT_EQ(check(), (Check{"checksums", false, "not a file of this image, or missing: ../../etc/passwd"}));
}

class ChecksumsOfOddNames : public Checksums {
 protected:
  ChecksumsOfOddNames() : Checksums("a \\ b\nc.vhd") {}
};

TEST_F(ChecksumsOfOddNames, AreReadBySha256sum) {
  list();
  EXPECT_TRUE(read_text(sums()).starts_with("\\" + digest_of("image") + "  a \\\\ b\\nc.vhd\n")) << read_text(sums());
  EXPECT_EQ(check(), (Check{"checksums", true, "5 files have the listed digests"}));
  EXPECT_EQ(sha256sum().status, 0) << sha256sum().err;
}

}  // namespace
}  // namespace bake::verify
