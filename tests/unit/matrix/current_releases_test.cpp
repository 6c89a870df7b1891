// The drivers of the releases that Azure's images have today, by card, for the first kernel of each and for the one
// that its image on Azure boots.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bake/base/text.hpp"
#include "matrix/json.hpp"
#include "matrix/matrix.hpp"
#include "tests/support/golden.hpp"

namespace bake::matrix {
namespace {

using nlohmann::ordered_json;

struct Release {
  const char *id, *version;
};

constexpr Release releases[] = {{"ubuntu", "22.04"}, {"ubuntu", "24.04"},  {"rhel", "8.10"},     {"almalinux", "8.10"},
                                {"rocky", "8.10"},   {"rhel", "9.4"},      {"almalinux", "9.4"}, {"rocky", "9.4"},
                                {"rhel", "9.6"},     {"almalinux", "9.6"}, {"rocky", "9.6"}};

constexpr std::pair<const char*, const char*> cards[] = {
    {"CX5", "Standard_HC44rs"}, {"CX6", "Standard_HB120rs_v2"}, {"CX7", "Standard_HB176rs_v4"}};

/// "doca-3.2.3-019000 (doca, supported, pinned): doca-host_….deb".
std::string line_of(const Choice& choice) {
  const auto json = ordered_json(choice);
  const auto word = [&](const char* field) { return json.at(field).get<std::string>(); };
  return (choice.inbox ? "inbox" : choice.ofed) + " (" + word("tier") + ", kernel " + word("kernel_support") +
         (choice.sha256.empty() ? "" : ", pinned") + (choice.verified ? "" : ", unverified") + ")" +
         (choice.inbox ? "" : ": " + choice.file_name);
}

ordered_json drivers_of(const Matrix& matrix, const Release& release, const std::string& size,
                        const std::string& kernel) {
  constexpr std::size_t max_shown = 4;
  auto lines = ordered_json::array();
  for (const auto& choice : matrix.resolve({release.id, release.version, kernel, {size}}).choices) {
    if (lines.size() == max_shown) break;
    lines.push_back(line_of(choice));
  }
  return lines;
}

TEST(CurrentReleases, Golden) {
  const auto matrix = Matrix::built_in();
  ordered_json table;
  for (const auto& release : releases) {
    const auto* os = matrix.find_os(release.id, release.version);
    ASSERT_NE(os, nullptr) << release.id << release.version;
    auto& row = table[std::string(release.id) + " " + release.version];
    for (const auto& kernel : {os->ga_kernel, os->azure_kernel})
      for (const auto& [card, size] : cards)
        if (!kernel.empty()) row["kernel " + kernel][card] = drivers_of(matrix, release, size, kernel);
  }
  testing::expect_golden("current-releases.json", table.dump(2) + "\n");
}

}  // namespace
}  // namespace bake::matrix
