#include "bake/resolve/vm_generation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bake::resolve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Sizes = std::vector<std::string>;

const guest::Layout bios_only{"msdos", false, false, {}};
const guest::Layout uefi_only{"gpt", false, true, {}};
const guest::Layout both{"gpt", false, true, {}, true};

GenerationCheck check(const Sizes& sizes, const guest::Layout& layout, const std::string& defined = {}) {
  recipe::Recipe recipe;
  recipe.vm_sizes = sizes;
  if (!defined.empty()) recipe.gallery.emplace().hyper_v_generation = defined;
  return check_generation(recipe, layout, matrix::Matrix::built_in());
}

TEST(VmGeneration, SizesThatRunInTheDisksGenerationAreFine) {
  for (const auto& layout : {bios_only, uefi_only, both, guest::Layout{}}) {
    const auto result = check({"Standard_HB120rs_v2"}, layout);
    EXPECT_THAT(result.problems, IsEmpty());
    EXPECT_THAT(result.warnings, IsEmpty());
  }
  EXPECT_THAT(check({"Standard_HB176rs_v4"}, both).problems, IsEmpty());
  EXPECT_THAT(check({"Standard_H16r"}, both).problems, IsEmpty());
}

TEST(VmGeneration, ADiskThatNoSizeCanStartIsRefused) {
  EXPECT_THAT(check({"Standard_HB176rs_v4"}, bios_only).problems,
              ElementsAre(Problem{"generation",
                                  "the disk boots in generation 1 VMs only (it has no EFI system partition), but "
                                  "Standard_HB176rs_v4 starts from generation 2 images only",
                                  "use a base image of generation 2"}));
  EXPECT_THAT(check({"Standard_H16r"}, uefi_only).problems,
              ElementsAre(Problem{"generation",
                                  "the disk boots in generation 2 VMs only (it has no BIOS boot partition), but "
                                  "Standard_H16r starts from generation 1 images only",
                                  "use a base image of generation 1"}));
}

TEST(VmGeneration, ADiskThatSomeSizesCannotStartIsAWarning) {
  const auto result = check({"Standard_HB120rs_v2", "Standard_HB176rs_v4"}, bios_only);
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(
      result.warnings,
      ElementsAre("the disk boots in generation 1 VMs only (it has no EFI system partition), but "
                  "Standard_HB176rs_v4 starts from generation 2 images only; use a base image of generation 2"));
}

TEST(VmGeneration, TheGalleryDefinitionIsComparedWithTheDiskAndTheSizes) {
  EXPECT_THAT(
      check({"Standard_HB120rs_v2"}, bios_only, "V2").warnings,
      ElementsAre("the disk boots in generation 1 VMs only (it has no EFI system partition), but the recipe says "
                  "hyper_v_generation: V2"));
  EXPECT_THAT(
      check({"Standard_HB120rs_v2"}, uefi_only, "V1").warnings,
      ElementsAre("the disk boots in generation 2 VMs only (it has no BIOS boot partition), but the recipe says "
                  "hyper_v_generation: V1"));
  EXPECT_THAT(check({"Standard_HB176rs_v4"}, both, "V1").warnings,
              ElementsAre("Standard_HB176rs_v4 cannot start from an image definition with hyper_v_generation: V1"));
  EXPECT_THAT(check({"Standard_HB176rs_v4"}, both, "V2").warnings, IsEmpty());
}

TEST(VmGeneration, SizesAndTheGalleryDefinitionTellWhereVmsStart) {
  const auto generations = [](const Sizes& sizes, const std::string& defined = {}) {
    recipe::Recipe recipe;
    recipe.vm_sizes = sizes;
    if (!defined.empty()) recipe.gallery.emplace().hyper_v_generation = defined;
    return vm_generations(recipe, matrix::Matrix::built_in());
  };
  EXPECT_THAT(generations({"Standard_HB120rs_v2"}), ElementsAre(1, 2));
  EXPECT_THAT(generations({"Standard_H16r"}), ElementsAre(1));
  EXPECT_THAT(generations({"Standard_HB176rs_v4"}), ElementsAre(2));
  EXPECT_THAT(generations({"Standard_HB176rs_v4", "Standard_HB120rs_v2"}), ElementsAre(1, 2));
  EXPECT_THAT(generations({"Standard_HB120rs_v2"}, "V1"), ElementsAre(1));
  EXPECT_THAT(generations({"Standard_HB120rs_v2"}, "V2"), ElementsAre(2));
  EXPECT_THAT(generations({"Standard_HB176rs_v4"}, "V1"), ElementsAre(1, 2)) << "a contradiction restricts nothing";
}

}  // namespace
}  // namespace bake::resolve
