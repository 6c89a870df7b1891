#include "bake/job/finished.hpp"

#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/disk/check.hpp"
#include "bake/verify/azure.hpp"
#include "bake/verify/evidence.hpp"
#include "bake/verify/guest.hpp"
#include "bake/verify/privileges.hpp"

namespace bake::job {

verify::Check check_container(const std::filesystem::path& image) {
  const auto report = examine_vhd(image);
  std::vector<std::string> problems;
  for (const auto& problem : report.findings.errors) problems.push_back(problem.where + ": " + problem.message);
  return {"container", problems.empty(),
          problems.empty() ? fmt::format("fixed VHD, {}", human_size(report.footer ? report.footer->current_size : 0))
                           : join(problems, "; ")};
}

std::vector<verify::Check> check_guest(Session& session, const guest::Facts& facts, const plan::Expectations& expected,
                                       const plan::Privileges& privileges) {
  auto checks = verify::verify_guest(session.guest(), facts, expected);
  for (auto& check : verify::verify_privileges(session.guest(), expected, privileges))
    checks.push_back(std::move(check));
  for (auto& check : verify::verify_azure(session.guest(), facts)) checks.push_back(std::move(check));
  return checks;
}

verify::Check compare_manifests(const nlohmann::json& outside, const nlohmann::json& inside) {
  const bool equal = verify::inside_of(outside) == inside;
  return {"manifest", equal, equal ? "equal to the manifest in the image" : "the manifest in the image differs"};
}

}  // namespace bake::job
