// Overlays: rows of the user's own, and every problem of them with its line.
#include <gtest/gtest.h>

#include "bake/base/file.hpp"
#include "matrix/matrix.hpp"
#include "tests/support/error_of.hpp"

namespace bake::matrix {
namespace {

/// A directory with one overlay file, "o.yaml"; problems name it by its path, which these tests leave out.
class Overlay {
 public:
  explicit Overlay(std::string_view text) { write_text_atomically(directory_.path() / "o.yaml", text); }

  [[nodiscard]] std::filesystem::path path() const { return directory_.path(); }
  [[nodiscard]] std::vector<std::string> problems() const {
    std::vector<std::string> lines;
    for (const auto& problem : Matrix::check({path()})) {
      auto where = problem.where;
      const auto prefix = path().string() + "/";
      if (where.starts_with(prefix)) where.erase(0, prefix.size());
      lines.push_back(where + ": " + problem.message + (problem.hint.empty() ? "" : " (" + problem.hint + ")"));
    }
    return lines;
  }

 private:
  TemporaryDirectory directory_;
};

using Lines = std::vector<std::string>;

TEST(MatrixOverlay, AddsAndOverridesRowsAndRecordsIt) {
  const Overlay overlay(R"(vm_sizes:
  - name: Standard_HB500rs_v9
    family: HBv9
    generation: CX7
    hcas: 2
    transport: sriov
    speed: NDR 400
    source: our own
  - name: Standard_hb60RS
    family: HB
    generation: CX6
    hcas: 1
    transport: sriov
    source: our own
)");
  const auto before = Matrix::built_in();
  const auto after = Matrix::load({overlay.path()});
  EXPECT_EQ(after.sizes().size(), before.sizes().size() + 1);
  EXPECT_EQ(after.find_size("HB500rs_v9")->hcas, 2U);
  EXPECT_EQ(after.find_size("HB60rs")->generation, "CX6");
  EXPECT_EQ(before.find_size("HB60rs")->generation, "CX5");
  ASSERT_EQ(after.overrides().size(), 1U);
  EXPECT_EQ(after.overrides()[0].topic, "vm_sizes");
  EXPECT_EQ(after.overrides()[0].row, "standard_hb60rs");
  EXPECT_EQ(after.overrides()[0].from, "matrix/sizes-hb.yaml:3");
  EXPECT_EQ(after.overrides()[0].to, (overlay.path() / "o.yaml:9").string());
  EXPECT_EQ(after.overlays(), std::vector<std::filesystem::path>{overlay.path()});
  EXPECT_NE(after.digest(), before.digest());
  EXPECT_EQ(after.resolve({"rhel", "8.6", "", {"HB500rs_v9"}, ""}).choices.at(0).ofed, "5.8-1.0.1.1");
}

TEST(MatrixOverlay, ABundleOfTheUserIsAChoice) {
  const Overlay overlay(R"(bundles:
  - ofed: 5.8-4.1.5.0
    distro: rhel7.6
    sha256: 00000000000000000000000000000000000000000000000000000000000000aa
    source: built here
)");
  const auto choice = Matrix::load({overlay.path()}).resolve({"centos", "7.6", "", {"HB176rs_v4"}, ""}).choices.at(0);
  EXPECT_EQ(choice.ofed, "5.8-4.1.5.0");
  EXPECT_EQ(choice.sha256, "00000000000000000000000000000000000000000000000000000000000000aa");
}

TEST(MatrixOverlay, MalformedYamlHasItsLineAndNothingIsLoaded) {
  const Overlay overlay("vm_sizes:\n  - name: [\n");
  const auto problems = overlay.problems();
  EXPECT_EQ(problems, std::vector<std::string>{"o.yaml:3: end of sequence flow not found"});
  EXPECT_THROW(Matrix::load({overlay.path()}), Error);
}

TEST(MatrixOverlay, EveryProblemOfRowsAtOnce) {
  const Overlay overlay(R"(vm_sizes:
  - name: Standard_HB1rs
    family: HB
    generation: CX9
    hcas: many
    transport: ethernet
    source: x
  - name: HB2rs
    family: HB
    transport: sriov
    vm_generations: [1, 3]
    retires: soon
operating_systems:
  - id: centos
    version: "7"
    family: rpm
    distro: rhel7.7
    ga_kernel: 3.10
    colour: red
    source: x
bundles:
  - ofed: 5.8-4.1.5.0
    distro: [rhel8.6, rhel8.7]
    sha256: abc
    source: x
vm_size: []
)");
  EXPECT_EQ(
      overlay.problems(),
      (Lines{
          "o.yaml:4: 'CX9' is not a card generation (did you mean 'CX4'?)",
          "o.yaml:4: a size without RDMA has neither 'generation' nor 'hcas'",
          "o.yaml:5: 'hcas' must be a whole number from 0 to 16, not 'many'",
          "o.yaml:6: 'transport' must be one of sriov, networkdirect, none, not 'ethernet'",
          "o.yaml:8: vm_sizes row has no 'source'",
          "o.yaml:8: 'name' must look like Standard_HB120rs_v2, not 'HB2rs'",
          "o.yaml:8: an SR-IOV size must state 'generation' and 'hcas'",
          "o.yaml:11: a VM generation is 1 or 2, not '3'",
          "o.yaml:12: 'retires' must look like 2027-05-31, not 'soon'",
          "o.yaml:15: 'version' must look like 7.7 or 20.04, not '7'",
          "o.yaml:18: 'ga_kernel' must look like 3.10.0-1062.el7.x86_64, not '3.10'",
          "o.yaml:19: unknown key 'colour' in operating_systems row (known keys: aliases, azure_kernel, confidence, "
          "distro, end_of_life, extension, family, ga_kernel, id, inbox, name, source, version)",
          "o.yaml:23: a row with a file, url or sha256 is one archive, so it names one distro",
          "o.yaml:24: 'abc' is not 64 hexadecimal digits",
          "o.yaml:26: unknown key 'vm_size' in matrix file (did you mean 'vm_sizes'?)",
      }));
}

TEST(MatrixOverlay, CrossReferencesAndDuplicates) {
  const Overlay overlay(R"(operating_systems:
  - {id: centos, version: "7.10", family: rpm, distro: rhel7.10, ga_kernel: 3.10.0-1.el7, inbox: el77, aliases: [7.9.2009], source: x}
bundles:
  - {ofed: 5.8-4.1.5.1, distro: rhel7.10, source: x}
  - {ofed: 5.8-4.1.5.0, distro: rhel6.9, source: x}
  - {ofed: 5.8-4.1.5.0, distro: rhel7.10, sha256: ca56ddf53a22192d2c91d1c410db686a8f8faf339020cfe44ab0c664e63c8b99, source: x}
pci_devices:
  - {device: "0x1099", name: ConnectX-9, generation: CX8, driver: mlx4, source: x}
ofed_releases:
  - {version: 5.3-1.0.0.1, line: "5.3", layout: flat, generations: [CX3-Pro, CX5], source: x}
)");
  EXPECT_EQ(
      overlay.problems(),
      (Lines{
          "o.yaml:2: names inbox driver 'el77', which has no row in inbox_drivers (did you mean 'el7.7'?)",
          "o.yaml:2: alias '7.9.2009' already means CentOS 7.9",
          "o.yaml:4: names driver release '5.8-4.1.5.1', which has no row in ofed_releases (did you mean "
          "'5.8-4.1.5.0'?)",
          "o.yaml:5: bundle for 'rhel6.9', which is not a distro in operating_systems (add the release, or mark the "
          "row recognised_only)",
          "o.yaml:6: has the sha256 of MLNX_OFED_LINUX-4.9-6.0.6.0-ubuntu18.04-x86_64.tgz",
          "o.yaml:8: CX8 is not driven by mlx4",
          "o.yaml:10: claims to drive CX3-Pro, but rule 'cx3-pro-last-release' refuses it",
      }));
  const Overlay twice(R"(vm_sizes:
  - {name: Standard_X1, family: X, transport: none, source: x}
  - {name: standard_x1, family: X, transport: none, source: x}
)");
  const auto problems = Matrix::check({twice.path()});
  ASSERT_EQ(problems.size(), 2U);  // the name's spelling, and the row
  EXPECT_EQ(problems[1].message, "vm_sizes row 'standard_x1' is a duplicate");
  EXPECT_EQ(problems[1].hint, "the first one is at " + (twice.path() / "o.yaml:2").string());
}

TEST(MatrixOverlay, RulesThatOverlapOrNeverMatch) {
  const std::string rules = R"(rules:
  - {id: a, generations: [CX5], kernel_at_least: "5.4", kernel_below: "5.10", effect: warn, message: m, source: x}
  - {id: b, generations: [CX5, CX6], kernel_at_least: "5.9", kernel_below: "6.0", effect: refuse, message: m, source: x}
  - {id: c, generations: [CX5], kernel_at_least: "6.0", kernel_below: "6.1", effect: warn, message: m, source: x}
  - {id: d, ofed_at_least: "5.9", ofed_below: "5.8", effect: warn, message: m, source: x}
  - {id: e, effect: warn, message: m, source: x}
  - {id: f, families: [HBv8], ofed: [1.0-1.0.0.0], effect: warn, message: m, source: x}
)";
  const Overlay overlay(rules +
                        R"(  - {id: g, os: ["ubuntu ~18"], agent_below: "2.0", effect: deny, message: m, source: x}
)");
  EXPECT_EQ(overlay.problems(), (Lines{
                                    "o.yaml:8: 'effect' must be one of refuse, warn, not 'deny'",
                                    "o.yaml:8: 'os' must look like 'ubuntu', 'ubuntu 18.04' or 'el <8.6', not 'ubuntu "
                                    "~18'",
                                }));
  const Overlay readable(rules +
                         R"(  - {id: g, families: [HBv2], agent_below: "2.0", effect: warn, message: m, source: x}
)");
  EXPECT_EQ(readable.problems(),
            (Lines{
                "o.yaml:3: rule 'b' overlaps rule 'a': both can match at once (make their conditions exclude each "
                "other, or join them)",
                "o.yaml:5: can never match: its lower bound is not below its upper bound",
                "o.yaml:6: has no condition, so it would match everything",
                "o.yaml:7: names driver release '1.0-1.0.0.0', which has no row in ofed_releases (did you mean "
                "'5.0-1.0.0.0'?)",
                "o.yaml:7: names VM family 'HBv8', which no size belongs to (did you mean 'HBv3'?)",
                "o.yaml:8: mixes conditions on waagent or cloud-init with conditions on drivers",
            }));
}

TEST(MatrixOverlay, RulesAboutPackagesMayNameTheReleaseOnly) {
  const Overlay valid(R"(rules:
  - {id: a, os: [ubuntu], agent_below: "1.0", effect: warn, message: m, source: x}
  - {id: b, cloud_init_at_least: "99.1", enable_rdma: true, effect: warn, message: m, source: x}
)");
  EXPECT_EQ(valid.problems(), Lines{});
  const Overlay wrong(R"(rules:
  - {id: a, os: [ubuntu], enable_rdma: true, effect: warn, message: m, source: x}
  - {id: b, cloud_init_at_least: "99.2", cloud_init_below: "99.1", effect: warn, message: m, source: x}
)");
  EXPECT_EQ(wrong.problems(),
            (Lines{"o.yaml:2: states a condition on the guest, but names no version of waagent or cloud-init",
                   "o.yaml:3: can never match: its lower bound is not below its upper bound"}));
}

TEST(MatrixOverlay, ANewestKernelNeedsItsSource) {
  const Overlay overlay(R"(ofed_releases:
  - {version: 5.8-9.9.9.9, line: "5.8", generations: [CX6], max_kernel: "6.1", source: x}
  - {version: 5.8-9.9.9.8, line: "5.8", generations: [CX6], max_kernel: 6.1.0, max_kernel_source: x, source: x}
)");
  EXPECT_EQ(overlay.problems(), (Lines{"o.yaml:2: 'max_kernel' and 'max_kernel_source' must be stated together",
                                       "o.yaml:3: 'max_kernel' must look like 6.11, not '6.1.0'"}));
}

TEST(MatrixOverlay, APathThatIsNotAnOverlayDirectoryIsWrongUsage) {
  const TemporaryDirectory empty;
  for (const auto& path : {empty.path(), empty.path() / "gone"}) {
    EXPECT_EQ(error_of([&] { Matrix::load({path}); }).kind(), ErrorKind::usage);
  }
}

}  // namespace
}  // namespace bake::matrix
