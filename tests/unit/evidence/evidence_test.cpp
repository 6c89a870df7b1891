// SBOM, provenance and signature of an image: their fields as in the specifications, and the result of verifying them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/evidence/files.hpp"
#include "bake/evidence/manifest.hpp"
#include "bake/evidence/provenance.hpp"
#include "bake/evidence/sbom.hpp"
#include "bake/signature/signing.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/sbom_rules.hpp"

namespace bake::evidence {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using resolve::PackageChange;

const std::string image_digest(64, '1');
const std::string base_digest(64, '2');

Json manifest() {
  return Json::parse(R"({"schema":"bake-manifest/v1","bake":"0.2.0","time":"2023-11-14T22:13:20Z",
    "recipe":{"name":"image","sha256":"r"},"base":{"file":"base.vhd","sha256":")" +
                     base_digest + R"("},"matrix":{"sha256":"m","overlays":[]},
    "os":{"id":"centos","version":"7.7"},"vm_sizes":["Standard_HB120rs_v2"],
    "driver":{"ofed":"5.5-1.0.3.2","profile":"ib-minimal","bundle":{"name":"MLNX","sha256":"b"},
      "extras":[{"name":"el7 base","sha256":")" +
                     std::string(64, '5') + R"("}]},
    "kernel":{"release":"K"},"fit":{"verdict":"weak-updates"},"expectations":{"family":"rpm"},
    "product":{"file":"out.vhd","uuid":"01234567-89ab-5cde-8f01-23456789abcd","sha256":")" +
                     image_digest + R"("},"checks":[]})");
}

resolve::SelectedDriver driver() {
  bundle::Bundle bundle;
  bundle.name = "MLNX";
  bundle.trust.signer = "ABCD";
  bundle::BundlePackage verbs;
  verbs.file = "RPMS/libibverbs-55-1.x86_64.rpm";
  verbs.sha256 = std::string(64, '3');
  bundle.repositories = {{"flat", "RPMS", true, {verbs}}};
  bundle::Extras extras;
  extras.name = "el7 base";
  extras.payload_sha256 = std::string(64, '5');
  bundle::BundlePackage tcl;
  tcl.file = "tcl-8.5-1.x86_64.rpm";
  tcl.sha256 = std::string(64, '4');
  extras.repository.packages = {tcl};
  resolve::SelectedDriver driver;
  driver.bundle = bundle;
  driver.extras = {extras};
  return driver;
}

plan::Plan plan() {
  plan::Plan plan;
  plan.changes = {
      {PackageChange::Action::install, "libibverbs", "1:55-1", "x86_64", "", "RPMS/libibverbs-55-1.x86_64.rpm", 0,
       "wanted"},
      {PackageChange::Action::install, "tcl++", "8.5-1", "x86_64", "", "tcl-8.5-1.x86_64.rpm", 1, "required"},
      {PackageChange::Action::remove, "rdma-core", "17-3", "x86_64", "", "", 0, "obsoleted"}};
  return plan;
}

/// The packages of the finished image: those of the plan, and two of the base.
std::vector<ImagePackage> packages() {
  const std::vector<guest::InstalledPackage> base{
      {"bash", "4.2-1", "x86_64"}, {"kernel", "3.10-1", "x86_64"}, {"rdma-core", "17-3", "x86_64"}};
  const std::vector<guest::InstalledPackage> installed{{"tcl++", "8.5-1", "x86_64"},
                                                       {"bash", "4.2-1", "x86_64"},
                                                       {"kernel", "3.10-1", "x86_64"},
                                                       {"libibverbs", "1:55-1", "x86_64"}};
  const guest::DetailsOfPackages details{
      {{"bash", "4.2-1", "x86_64"}, {"GPLv3+", std::string(40, 'a')}},
      {{"kernel", "3.10-1", "x86_64"}, {"GPL-2.0-only WITH Linux-syscall-note AND MIT", std::string(64, 'b')}}};
  return image_packages(installed, details, base, plan(), driver(), {});
}

class Evidence : public ::testing::Test {
 protected:
  void write(const std::string& private_pem = {}) const { write_evidence(image, manifest(), packages(), private_pem); }
  [[nodiscard]] fs::path sidecar(const std::string& suffix) const { return image.string() + suffix; }
  [[nodiscard]] Json read(const std::string& suffix) const { return Json::parse(read_text(sidecar(suffix))); }
  /// "sbom passed", "provenance failed: …", "signature skipped: …"
  [[nodiscard]] std::vector<std::string> checks(const std::string& public_pem = {}) const {
    std::vector<std::string> lines;
    for (const auto& check : verify::check_evidence(image, image_digest, public_pem))
      lines.push_back(check.rule + " " + name_of(check.status) +
                      (check.status == verify::Status::passed ? "" : ": " + check.evidence));
    return lines;
  }
  void change(const std::string& suffix, const std::string& from, const std::string& to) const {
    auto text = read_text(sidecar(suffix));
    ASSERT_NE(text.find(from), std::string::npos);
    write_text_atomically(sidecar(suffix), text.replace(text.find(from), from.size(), to));
  }

  const TemporaryDirectory scratch;
  const fs::path image = scratch.path() / "out.vhd";
};

TEST_F(Evidence, SbomListsAllPackagesOfTheImage) {
  write();
  const auto sbom = read(".sbom.spdx.json");
  EXPECT_EQ(testing::spdx_violations(sbom), testing::Violations());
  EXPECT_EQ(sbom["spdxVersion"], "SPDX-2.3");
  EXPECT_EQ(sbom["dataLicense"], "CC0-1.0");
  EXPECT_EQ(sbom["SPDXID"], "SPDXRef-DOCUMENT");
  EXPECT_EQ(sbom["documentNamespace"], "urn:uuid:" + uuid_from("spdx " + image_digest + " 2023-11-14T22:13:20Z"));
  EXPECT_EQ(sbom["creationInfo"]["created"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(sbom["creationInfo"]["creators"], Json::array({"Tool: bake-0.2.0"}));
  ASSERT_EQ(sbom["packages"].size(), 5U);
  EXPECT_EQ(sbom["packages"][0]["checksums"][0]["checksumValue"], image_digest);
  EXPECT_EQ(sbom["packages"][0]["primaryPackagePurpose"], "OPERATING_SYSTEM");
  EXPECT_EQ(sbom["relationships"].size(), 5U);
  EXPECT_EQ(sbom["relationships"][0]["relationshipType"], "DESCRIBES");
  EXPECT_EQ(sbom["relationships"][2]["relatedSpdxElement"], "SPDXRef-Package-2");
}

TEST_F(Evidence, SbomMarksThePackagesThatBakeInstalled) {
  write();
  const auto sbom = read(".sbom.spdx.json");
  const auto& verbs = sbom["packages"][3];
  EXPECT_EQ(verbs["name"], "libibverbs");
  EXPECT_EQ(verbs["versionInfo"], "1:55-1");
  EXPECT_EQ(verbs["packageFileName"], "libibverbs-55-1.x86_64.rpm");
  EXPECT_EQ(verbs["filesAnalyzed"], false);
  EXPECT_EQ(verbs["downloadLocation"], "NOASSERTION");
  EXPECT_EQ(verbs["checksums"],
            Json::parse(R"([{"algorithm":"SHA256","checksumValue":")" + std::string(64, '3') + R"("}])"));
  EXPECT_EQ(verbs["externalRefs"][0]["referenceLocator"],
            "pkg:rpm/centos/libibverbs@55-1?arch=x86_64&distro=centos-7.7&epoch=1");
  EXPECT_EQ(verbs["comment"], "installed by bake, from bundle MLNX, vouched for by the OpenPGP key ABCD");
  EXPECT_EQ(verbs["annotations"], Json::parse(R"([{"annotationDate":"2023-11-14T22:13:20Z","annotationType":"OTHER",
                             "annotator":"Tool: bake-0.2.0",
                             "comment":"bake installed this package: bundle MLNX"}])"));
  EXPECT_EQ(sbom["packages"][4]["externalRefs"][0]["referenceLocator"],
            "pkg:rpm/centos/tcl%2B%2B@8.5-1?arch=x86_64&distro=centos-7.7");
  EXPECT_EQ(sbom["packages"][4]["comment"], "installed by bake, from extra packages el7 base");
}

TEST_F(Evidence, SbomSaysWhatThePackageDatabaseOfTheBaseHas) {
  write();
  const auto sbom = read(".sbom.spdx.json");
  const auto& bash = sbom["packages"][1];
  EXPECT_EQ(bash["name"], "bash");
  EXPECT_FALSE(bash.contains("checksums"));
  EXPECT_FALSE(bash.contains("annotations"));
  EXPECT_EQ(bash["comment"], "from: base; the package database has SHA-1 " + std::string(40, 'a') +
                                 " of the header of the rpm, which is not the digest of its file");
  // "GPLv3+" is not an identifier of SPDX.
  const auto reference = bash["licenseDeclared"].get<std::string>();
  EXPECT_EQ(reference, "LicenseRef-rpm-GPLv3-" + digest_of("GPLv3+").substr(0, 8));
  EXPECT_EQ(bash["licenseComments"], "the package says: GPLv3+");
  ASSERT_EQ(sbom["hasExtractedLicensingInfos"].size(), 1U);
  EXPECT_EQ(sbom["hasExtractedLicensingInfos"][0]["licenseId"], reference);
  EXPECT_EQ(sbom["hasExtractedLicensingInfos"][0]["extractedText"], "GPLv3+");
  EXPECT_EQ(sbom["packages"][2]["licenseDeclared"], "GPL-2.0-only WITH Linux-syscall-note AND MIT");
  EXPECT_FALSE(sbom["packages"][2].contains("licenseComments"));
}

TEST_F(Evidence, CycloneDxListsTheSamePackages) {
  write();
  const auto document = read(".sbom.cdx.json");
  EXPECT_EQ(testing::cyclonedx_violations(document), testing::Violations());
  EXPECT_EQ(document["metadata"]["component"]["name"], "out.vhd");
  EXPECT_EQ(document["metadata"]["component"]["hashes"][0]["content"], image_digest);
  ASSERT_EQ(document["components"].size(), 4U);
  EXPECT_EQ(document["components"][0],
            Json::parse(R"({"type":"library","bom-ref":"package-1","name":"bash","version":"4.2-1",
              "licenses":[{"license":{"name":"GPLv3+"}}],
              "purl":"pkg:rpm/centos/bash@4.2-1?arch=x86_64&distro=centos-7.7",
              "properties":[{"name":"bake:from","value":"base"},{"name":"bake:rpm-header-sha1","value":")" +
                        std::string(40, 'a') + R"("}]})"));
  EXPECT_EQ(document["components"][1]["licenses"],
            Json::parse(R"([{"expression":"GPL-2.0-only WITH Linux-syscall-note AND MIT"}])"));
  EXPECT_EQ(document["components"][2]["hashes"],
            Json::parse(R"([{"alg":"SHA-256","content":")" + std::string(64, '3') + R"("}])"));
  EXPECT_EQ(document["components"][2]["properties"], Json::parse(R"([{"name":"bake:from","value":"bundle MLNX"},
                            {"name":"bake:package-file","value":"libibverbs-55-1.x86_64.rpm"},
                            {"name":"bake:signer","value":"ABCD"}])"));
  EXPECT_EQ(document["dependencies"],
            Json::parse(R"([{"ref":"image","dependsOn":["package-1","package-2","package-3","package-4"]}])"));
  EXPECT_NE(document["serialNumber"], read(".sbom.spdx.json")["documentNamespace"]);
}

TEST_F(Evidence, DocumentsOfHostileNamesFollowTheRules) {
  std::vector<ImagePackage> hostile;
  const std::vector<guest::InstalledPackage> installed{{"a\x1b]0;title\x07", "1:2~3^4+5", "x86 64"},
                                                       {"b\xff\xfe", "1 && rm -rf /", "\"<&>"},
                                                       {"c/../..", "?a=b#c", "no"}};
  guest::DetailsOfPackages details{{installed[0], {"((MIT", ""}}, {installed[1], {"MIT AND", std::string(64, 'c')}}};
  hostile = image_packages(installed, details, {}, plan(), driver(), {});
  write_evidence(image, manifest(), hostile, {});
  EXPECT_EQ(testing::spdx_violations(read(".sbom.spdx.json")), testing::Violations());
  EXPECT_EQ(testing::cyclonedx_violations(read(".sbom.cdx.json")), testing::Violations());
  EXPECT_EQ(read(".sbom.spdx.json")["packages"][1]["name"], "a\\x1b]0;title\\x07");
}

TEST_F(Evidence, ADocumentThatVerifyCouldNotReadIsNotWritten) {
  std::vector<ImagePackage> many(20'000);
  for (auto& package : many) {
    package.name = std::string(500, 'n');
    package.from = from_base;
  }
  const auto error = error_of([&] { write_evidence(image, manifest(), many, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error.message(),
            "writing '" + sidecar(".sbom.spdx.json").string() + "': the document is too large to be read again");
  EXPECT_FALSE(fs::exists(sidecar(".sbom.spdx.json")));
  EXPECT_FALSE(fs::exists(sidecar(".manifest.json")));
}

TEST_F(Evidence, ManifestNamesTheUsedExtraPackages) {
  evidence::Origin origin;
  origin.extras = {driver().extras.front(), driver().extras.front()};
  origin.extras[0].signer = "CENTOS";
  origin.extras[0].weak = {"DSA/SHA1"};
  origin.extras[1].name = "not needed";
  EXPECT_EQ(evidence::image_manifest(plan(), origin)["driver"]["extras"],
            Json::parse(R"([{"name":"el7 base","sha256":")" + std::string(64, '5') +
                        R"(","trust":{"signer":"CENTOS","weak":["DSA/SHA1"]}}])"));
  origin.extras.erase(origin.extras.begin());
  origin.extras[0].signer = "";
  EXPECT_EQ(evidence::image_manifest(plan(), origin)["driver"]["extras"][0]["trust"]["signer"], "");
  origin.extras.clear();
  EXPECT_FALSE(evidence::image_manifest(plan(), origin)["driver"].contains("extras"));
}

TEST_F(Evidence, ManifestSaysThatNoSignatureCoversTheDistribution) {
  auto made = plan();
  made.bundle = resolve::BundleIdentity{};
  auto bundle = *driver().bundle;
  bundle.distro = "rhel8.2";
  evidence::Origin origin;
  origin.bundle = &bundle;
  EXPECT_EQ(evidence::image_manifest(made, origin)["driver"]["bundle"]["distribution"],
            Json::parse(R"({"name":"rhel8.2","trust":"distribution not covered by a signature"})"));
  EXPECT_EQ(evidence::image_manifest(made, origin)["driver"]["bundle"]["trust"]["signer_checked"],
            "no: as the store recorded it");
}

TEST_F(Evidence, ProvenanceNamesEveryInput) {
  write();
  const auto statement = read(".provenance.json");
  EXPECT_EQ(statement["_type"], "https://in-toto.io/Statement/v1");
  EXPECT_EQ(statement["predicateType"], "https://slsa.dev/provenance/v1");
  EXPECT_EQ(statement["subject"], Json::parse(R"([{"name":"out.vhd","digest":{"sha256":")" + image_digest + R"("}}])"));
  const auto& build = statement["predicate"]["buildDefinition"];
  EXPECT_EQ(build["externalParameters"]["recipe"], "image");
  std::vector<std::string> inputs;
  for (const auto& input : build["resolvedDependencies"])
    inputs.push_back(input["name"].get<std::string>() + " " + input["digest"]["sha256"].get<std::string>());
  EXPECT_EQ(inputs, (std::vector<std::string>{"base.vhd " + base_digest, "recipe image r", "matrix m", "MLNX b",
                                              "extra packages el7 base " + std::string(64, '5')}));
  const auto& run = statement["predicate"]["runDetails"];
  EXPECT_EQ(run["builder"]["version"]["bake"], "0.2.0");
  EXPECT_EQ(run["metadata"]["finishedOn"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(run["byproducts"][0]["name"], "out.vhd.manifest.json");
  EXPECT_EQ(run["byproducts"][0]["digest"]["sha256"], digest_of_file(sidecar(".manifest.json")));
  EXPECT_EQ(run["byproducts"][1]["digest"]["sha256"], digest_of_file(sidecar(".sbom.spdx.json")));
  EXPECT_EQ(run["byproducts"][2]["digest"]["sha256"], digest_of_file(sidecar(".sbom.cdx.json")));
}

TEST_F(Evidence, VerifyAcceptsTheWrittenFiles) {
  const std::string unsigned_image = "signature skipped: there is no out.vhd.provenance.dsse.json";
  const std::string no_sums = "checksums skipped: there is no out.vhd.SHA256SUMS";
  EXPECT_EQ(checks(), (std::vector<std::string>{"sbom skipped: there is no out.vhd.sbom.spdx.json",
                                                "sbom cyclonedx skipped: there is no out.vhd.sbom.cdx.json",
                                                "provenance skipped: there is no out.vhd.provenance.json",
                                                unsigned_image, no_sums}));
  const auto pair = signature::new_key_pair();
  EXPECT_EQ(checks(pair.public_pem),
            (std::vector<std::string>{"sbom skipped: there is no out.vhd.sbom.spdx.json",
                                      "sbom cyclonedx skipped: there is no out.vhd.sbom.cdx.json",
                                      "provenance failed: there is no out.vhd.provenance.json",
                                      "signature failed: there is no out.vhd.provenance.dsse.json", no_sums}));
  write();
  EXPECT_EQ(checks(), (std::vector<std::string>{"sbom passed", "sbom cyclonedx passed", "provenance passed",
                                                unsigned_image, "checksums passed"}));
  EXPECT_EQ(
      checks(pair.public_pem),
      (std::vector<std::string>{"sbom passed", "sbom cyclonedx passed", "provenance passed",
                                "signature failed: there is no out.vhd.provenance.dsse.json", "checksums passed"}));
  write(pair.private_pem);
  EXPECT_EQ(checks(pair.public_pem),
            (std::vector<std::string>{"sbom passed", "sbom cyclonedx passed", "provenance passed", "signature passed",
                                      "checksums passed"}));
  EXPECT_EQ(checks(), (std::vector<std::string>{
                          "sbom passed", "sbom cyclonedx passed", "provenance passed",
                          "signature skipped: no key was given to verify it; it was made for this provenance",
                          "checksums passed"}));
  EXPECT_THAT(checks(signature::new_key_pair().public_pem).at(3), ::testing::HasSubstr("not by the trusted key"));
  // A second, unsigned image of the same name: the old signature must be removed.
  write();
  EXPECT_FALSE(fs::exists(sidecar(".provenance.dsse.json")));
}

TEST_F(Evidence, VerifyFindsChangedFiles) {
  const auto pair = signature::new_key_pair();
  write(pair.private_pem);
  change(".sbom.spdx.json", "libibverbs", "libibverbz");
  EXPECT_EQ(
      checks(pair.public_pem),
      (std::vector<std::string>{"sbom passed", "sbom cyclonedx passed",
                                "provenance failed: out.vhd.sbom.spdx.json is not the file it lists",
                                "signature passed", "checksums failed: out.vhd.sbom.spdx.json has another digest"}));
  write(pair.private_pem);
  change(".sbom.cdx.json", image_digest, base_digest);
  EXPECT_EQ(checks(), (std::vector<std::string>{
                          "sbom passed", "sbom cyclonedx failed: it describes another image",
                          "provenance failed: out.vhd.sbom.cdx.json is not the file it lists",
                          "signature skipped: no key was given to verify it; it was made for this provenance",
                          "checksums failed: out.vhd.sbom.cdx.json has another digest"}));
  write(pair.private_pem);
  change(".provenance.json", "base.vhd", "basf.vhd");
  EXPECT_EQ(checks(pair.public_pem),
            (std::vector<std::string>{"sbom passed", "sbom cyclonedx passed", "provenance passed",
                                      "signature failed: it was made for another document than the provenance",
                                      "checksums failed: out.vhd.provenance.json has another digest"}));
  write(pair.private_pem);
  change(".sbom.spdx.json", image_digest, base_digest);
  change(".provenance.json", image_digest, base_digest);
  EXPECT_THAT(checks(), ::testing::ElementsAre("sbom failed: it describes another image", "sbom cyclonedx passed",
                                               "provenance failed: it describes another image",
                                               ::testing::HasSubstr("signature failed"),
                                               ::testing::HasSubstr("checksums failed")));
  write_text_atomically(sidecar(".sbom.spdx.json"), "[]");
  write_text_atomically(sidecar(".sbom.cdx.json"), "{\"bomFormat\": 5}");
  write_text_atomically(sidecar(".provenance.json"), "{");
  write_text_atomically(sidecar(".provenance.dsse.json"), "");
  EXPECT_THAT(checks(), ::testing::ElementsAre("sbom failed: not an SPDX 2.3 document",
                                               "sbom cyclonedx failed: not a CycloneDX 1.5 document",
                                               "provenance failed: not a statement with SLSA provenance v1",
                                               ::testing::HasSubstr("signature failed"),
                                               ::testing::HasSubstr("checksums failed")));
}

TEST_F(Evidence, ALargeSidecarFileIsNotRead) {
  write();
  fs::resize_file(sidecar(".sbom.spdx.json"), (std::size_t{16} << 20U) + 1);
  const auto error = error_of([&] { static_cast<void>(checks()); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error.message(), "reading '" + sidecar(".sbom.spdx.json").string() + "': larger than 16777216 bytes");
}

TEST_F(Evidence, SameInputsGiveTheSameBytes) {
  const auto pair = signature::new_key_pair();
  const auto all = [&] {
    write(pair.private_pem);
    std::string text;
    for (const auto* suffix : {".sbom.spdx.json", ".provenance.json", ".provenance.dsse.json", ".manifest.json",
                               ".sbom.cdx.json", ".SHA256SUMS"})
      text += read_text(sidecar(suffix));
    return text;
  };
  const auto first = all();
  EXPECT_EQ(all(), first);
}

}  // namespace
}  // namespace bake::evidence
