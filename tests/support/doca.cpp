#include "tests/support/doca.hpp"

#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"

namespace bake::testing {
namespace {

std::vector<std::string> packages_of(const DocaParts& parts, const std::string& suffix) {
  std::vector<std::string> names;  // below the repository's directory
  for (const auto& [path, content] : parts.files)
    if (path.starts_with(parts.directory + "/") && path.ends_with(suffix))
      names.push_back(path.substr(parts.directory.size() + 1));
  return names;
}

std::string base_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

void add_deb(DocaParts& parts, const std::string& directory, const std::string& name, const std::string& version,
             const std::string& arch, const std::map<std::string, std::string>& files = {}) {
  parts.files[fmt::format("{}/{}{}_{}_{}.deb", parts.directory, directory, name, version, arch)] =
      make_deb(name, version, arch, files);
}

void add_rpm(DocaParts& parts, const std::string& directory, const std::string& name, const std::string& version,
             const std::string& release, const std::map<std::string, std::string>& files = {}, const Sign& sign = {}) {
  parts.files[fmt::format("{}/{}{}-{}-{}.x86_64.rpm", parts.directory, directory, name, version, release)] =
      make_rpm(name, version, release, files, sign);
}

const Sign by_vendor = [](const std::string& data) { return vendor().sign(data, false); };

}  // namespace

std::string DocaParts::stem() const {
  return deb ? fmt::format("{}_{}_{}", name, version, arch) : fmt::format("{}-{}-{}.{}", name, version, release, arch);
}

std::string DocaParts::bytes() const {
  std::vector<Member> members{{.path = "./usr/", .type = 'd'}, {.path = "./usr/share/", .type = 'd'}};
  for (const auto& [path, content] : files) members.push_back({.path = "./" + path, .content = content});
  members.insert(members.end(), more.begin(), more.end());
  if (!deb) return make_rpm_of(name, version, release, arch, members, compression);
  return make_deb_of(fmt::format("Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: Test\nDescription: x\n", name,
                                 version, arch),
                     members, compression);
}

void index_pool(DocaParts& parts, const std::string& suite) {
  std::string packages;
  for (const auto& file : packages_of(parts, ".deb")) {
    const auto base = base_of(file);
    const auto fields = split(base.substr(0, base.size() - 4), '_');
    const auto& content = parts.files.at(parts.directory + "/" + file);
    packages += fmt::format(
        "Package: {}\nArchitecture: {}\nVersion: {}\nInstalled-Size: 12\nFilename: ./{}\nSize: {}\nSHA256: "
        "{}\nDescription: x\n\n",
        fields.at(0), fields.at(2), fields.at(1), file, content.size(), digest_of(content));
  }
  parts.files[parts.directory + "/" + suite + "Packages"] = packages;
}

void sign_pool(DocaParts& parts, const Gpg& signer, const std::string& suite) {
  const auto front = parts.directory + "/" + suite;
  const auto& packages = parts.files.at(front + "Packages");
  const auto doca = parts.version.substr(0, parts.version.find('-'));
  const auto release =
      fmt::format("Origin: DOCA-HOST\nLabel: DOCA-HOST\nSuite: DOCA-HOST-{}\nSHA256:\n {} {:16} Packages\n", doca,
                  digest_of(packages), packages.size());
  parts.files[front + "Release"] = release;
  parts.files[front + "Release.gpg"] = signer.sign(release);
  const auto file = signer.home() / "release";
  write_text_atomically(file, release);
  parts.files[front + "InRelease"] = signer.run({"--clearsign", "--output", "-", file.string()}, "signing");
}

void index_packages(DocaParts& parts) {
  std::string primary =
      R"(<?xml version="1.0"?><metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">)";
  for (const auto& file : packages_of(parts, ".rpm")) {
    const auto base = base_of(file);
    const auto fields = split(base.substr(0, base.size() - std::string(".x86_64.rpm").size()), '-');
    const auto count = fields.size();
    const auto& content = parts.files.at(parts.directory + "/" + file);
    primary += fmt::format(
        R"(<package type="rpm"><name>{}</name><arch>x86_64</arch><version epoch="0" ver="{}" rel="{}"/><checksum type="sha256" pkgid="YES">{}</checksum><size package="{}" installed="4096" archive="5000"/><location href="{}"/><format></format></package>)",
        join({fields.begin(), fields.end() - 2}, "-"), fields.at(count - 2), fields.at(count - 1), digest_of(content),
        content.size(), file);
  }
  primary += "</metadata>";
  const auto repodata = parts.directory + "/repodata/";
  parts.files[repodata + "primary.xml"] = primary;
  parts.files[repodata + "repomd.xml"] = fmt::format(
      R"(<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision><data type="primary"><checksum type="sha256">{}</checksum><location href="repodata/primary.xml"/><timestamp>1</timestamp><size>{}</size></data></repomd>)",
      digest_of(primary), primary.size());
}

DocaParts doca_deb() {
  DocaParts parts;
  parts.version = "3.2.3-019000-25.10-ubuntu2404";
  parts.arch = "amd64";
  parts.directory = "usr/share/doca-host-" + parts.version + "/repo";
  parts.files["usr/share/doc/doca-host/copyright"] = "x\n";
  parts.files["etc/apt/sources.list.d/doca.list"] = "# a comment\ndeb [trusted=yes] file:/" + parts.directory + " ./\n";
  add_deb(parts, "pool/", "mlnx-ofed-kernel-dkms", "25.10.OFED.25.10.3.1.8.1-1", "all",
          {{"/usr/src/mlnx-ofed-kernel-25.10.OFED.25.10.3.1.8.1/dkms.conf", "BUILT_MODULE_NAME[0]=mlx5_core\n"}});
  add_deb(parts, "pool/", "rdma-core", "2510.0.11-1", "amd64");
  add_deb(parts, "pool/", "mlnx-fw-updater", "25.10-3.1.8.0", "amd64");
  index_pool(parts);
  sign_pool(parts, vendor());
  return parts;
}

namespace {

DocaParts rpm_parts(const std::string& version, const std::string& release, const std::string& directory) {
  DocaParts parts;
  parts.deb = false;
  parts.version = version;
  parts.release = release;
  parts.arch = "x86_64";
  parts.directory = directory;
  return parts;
}

}  // namespace

DocaParts doca_rpm_with_kmods() {
  auto parts = rpm_parts("3.1.0", "091000_25.07_rhel96", "usr/share/doca-host-3.1.0/repo");
  parts.files["etc/yum.repos.d/doca.repo"] = "[doca]\nname=DOCA\nbaseurl=file:///" + parts.directory +
                                             "\ngpgcheck=1\ngpgkey=file:///" + parts.directory +
                                             "/RPM-GPG-KEY-doca\nenabled=1\n";
  parts.files[parts.directory + "/RPM-GPG-KEY-doca"] = vendor().public_key();
  add_rpm(parts, "Packages/", "kmod-mlnx-ofa_kernel", "25.07", "OFED.25.07.0.9.7.1.rhel9u6",
          {{"/lib/modules/5.14.0-570.12.1.el9_6.x86_64/extra/mlnx-ofa_kernel/mlx5_core.ko", fake_module()}}, by_vendor);
  add_rpm(parts, "Packages/", "ofed-scripts", "25.07", "OFED.25.07.0.9.7", {}, by_vendor);
  add_rpm(parts, "Packages/", "doca-extra", "0.1.7", "1.el9");
  index_packages(parts);
  return parts;
}

DocaParts doca_rpm_with_dkms() {
  auto parts = rpm_parts("3.2.2", "035000_25.10_rhel9", "usr/share/doca-host-3.2.2/repo");
  parts.files["etc/yum.repos.d/doca.repo"] =
      "[doca]\nname = DOCA\nbaseurl = file:///" + parts.directory + "/\ngpgcheck = 0\n";
  add_rpm(parts, "Packages/", "mlnx-ofa_kernel-dkms", "25.10", "OFED.25.10.2.4.1.1.el9",
          {{"/usr/src/mlnx-ofa_kernel-25.10/dkms.conf", "BUILT_MODULE_NAME[0]=mlx5_core\n"}});
  add_rpm(parts, "Packages/", "mlnx-ofa_kernel", "25.10", "OFED.25.10.2.4.1.1.el9");
  index_packages(parts);
  return parts;
}

DocaParts doca_kernel_rpm() {
  auto parts = rpm_parts("25.01.0.6.0.0", "1.kver.5.14.0.503.26.1.el9.5.x86.64",
                         "usr/share/doca-host-2.10.0/Modules/5.14.0-503.26.1.el9_5.x86_64");
  parts.name = "doca-kernel-repo";
  parts.files["etc/yum.repos.d/doca-kernel-5.14.0-503.26.1.el9_5.x86_64.repo"] =
      "[doca-kernel-5.14.0-503.26.1.el9_5.x86_64]\nbaseurl=file:///" + parts.directory + "\ngpgcheck=0\n";
  add_rpm(parts, "", "kmod-mlnx-ofa_kernel", "25.01", "OFED.25.01.0.6.0.1.1.rhel9u5",
          {{"/lib/modules/5.14.0-503.26.1.el9_5.x86_64/extra/mlnx-ofa_kernel/mlx5_core.ko", fake_module()}});
  index_packages(parts);
  return parts;
}

DocaParts doca_kernel_deb() {
  DocaParts parts;
  parts.name = "doca-kernel-repo-25.04-0.6.1.0-6.8.0.63.generic";
  parts.version = "25.04.0.6.1.0";
  parts.arch = "amd64";
  parts.directory = "usr/share/doca-host-3.0.0-058000-25.04-ubuntu2404/Modules/6.8.0-63-generic";
  add_deb(parts, "", "mlnx-ofed-kernel-modules", "25.04.OFED.25.04.0.6.1.1-1.kver.6.8.0-63-generic", "amd64",
          {{"/lib/modules/6.8.0-63-generic/updates/dkms/mlx5_core.ko", fake_module()}});
  add_deb(parts, "", "xpmem", "2.7.4-1", "amd64", {{"/lib/modules/6.8.0-63-generic/updates/xpmem.ko", fake_module()}});
  index_pool(parts);
  return parts;
}

}  // namespace bake::testing
