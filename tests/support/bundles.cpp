#include "tests/support/bundles.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <stdexcept>

#include "bake/base/digest.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"

namespace bake::testing {
namespace fs = std::filesystem;
namespace {

using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;

la_ssize_t append(archive* /*writer*/, void* data, const void* block, size_t length) {
  static_cast<std::string*>(data)->append(static_cast<const char*>(block), length);
  return static_cast<la_ssize_t>(length);
}

void expect(archive* writer, la_ssize_t status) {
  if (status < ARCHIVE_WARN) throw std::runtime_error(archive_error_string(writer));
}

void put(archive* writer, const Member& member) {
  const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(), &archive_entry_free);
  archive_entry_set_pathname(entry.get(), member.path.c_str());
  static const std::map<char, unsigned> types{{'f', AE_IFREG}, {'d', AE_IFDIR}, {'l', AE_IFLNK}, {'h', AE_IFREG},
                                              {'b', AE_IFBLK}, {'c', AE_IFCHR}, {'p', AE_IFIFO}, {'s', AE_IFSOCK}};
  archive_entry_set_filetype(entry.get(), types.at(member.type));
  archive_entry_set_perm(entry.get(), static_cast<__LA_MODE_T>(member.type == 'd' ? member.mode | 0111U : member.mode));
  if (member.type == 'l') archive_entry_set_symlink(entry.get(), member.target.c_str());
  if (member.type == 'h') archive_entry_set_hardlink(entry.get(), member.target.c_str());
  archive_entry_set_size(entry.get(), member.type == 'f' ? static_cast<la_int64_t>(member.content.size()) : 0);
  archive_entry_set_mtime(entry.get(), 1'600'000'000, 0);
  expect(writer, archive_write_header(writer, entry.get()));
  if (member.type == 'f') expect(writer, archive_write_data(writer, member.content.data(), member.content.size()));
}

std::string write_archive(const std::vector<Member>& members, int (*set_format)(archive*), Compression compression) {
  std::string bytes;
  const Writer writer(archive_write_new(), &archive_write_free);
  set_format(writer.get());
  if (compression == Compression::gzip) {
    archive_write_add_filter_gzip(writer.get());
    archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr);  // the same package every time
  }
  if (compression == Compression::xz) archive_write_add_filter_xz(writer.get());
  if (compression == Compression::zstd) archive_write_add_filter_zstd(writer.get());
  archive_write_set_bytes_in_last_block(writer.get(), 1);
  archive_write_open(writer.get(), &bytes, nullptr, append, nullptr);
  for (const auto& member : members) put(writer.get(), member);
  expect(writer.get(), archive_write_close(writer.get()));
  return bytes;
}

std::string big_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xFFU);
  return text;
}

/// An rpm header under construction (rpm's docs/manual/format.md).
class HeaderBuilder {
 public:
  void text(std::uint32_t tag, const std::string& value) { add(tag, 6, 1, value + '\0', 1); }
  void texts(std::uint32_t tag, const std::vector<std::string>& values) {
    std::string data;
    for (const auto& value : values) data += value + '\0';
    add(tag, 8, values.size(), data, 1);
  }
  void numbers(std::uint32_t tag, const std::vector<std::uint32_t>& values) {
    std::string data;
    for (const auto value : values) data += big_endian(value, 4);
    add(tag, 4, values.size(), data, 4);
  }
  void bytes(std::uint32_t tag, const std::string& value) { add(tag, 7, value.size(), value, 1); }
  [[nodiscard]] std::string build() const {
    return "\x8E\xAD\xE8\x01" + std::string(4, '\0') + big_endian(index_.size() / 16, 4) + big_endian(data_.size(), 4) +
           index_ + data_;
  }

 private:
  void add(std::uint32_t tag, std::uint32_t type, std::size_t count, const std::string& data, std::size_t alignment) {
    data_.resize((data_.size() + alignment - 1) / alignment * alignment, '\0');
    index_ += big_endian(tag, 4) + big_endian(type, 4) + big_endian(data_.size(), 4) + big_endian(count, 4);
    data_ += data;
  }
  std::string index_;
  std::string data_;
};

std::string rpm_of(const std::string& header_bytes, const std::string& payload, const Sign& sign,
                   const Sign& sign_all) {
  HeaderBuilder signature;
  signature.numbers(1000, {static_cast<std::uint32_t>(header_bytes.size() + payload.size())});
  if (sign) signature.bytes(268, sign(header_bytes));
  if (sign_all) signature.bytes(1002, sign_all(header_bytes + payload));
  auto signature_bytes = signature.build();
  signature_bytes.resize((signature_bytes.size() + 7) / 8 * 8, '\0');
  std::string lead = "\xED\xAB\xEE\xDB\x03";
  lead.resize(96, '\0');
  return lead + signature_bytes + header_bytes + payload;
}

std::vector<std::string> names_in(const BundleParts& parts, const std::string& directory, const std::string& suffix) {
  std::vector<std::string> names;
  const auto consider = [&](const std::string& path) {
    if (path.starts_with(directory + "/") && path.ends_with(suffix) &&
        path.find('/', directory.size() + 1) == std::string::npos)
      names.push_back(path.substr(directory.size() + 1));
  };
  for (const auto& file : parts.files) consider(file.first);
  for (const auto& link : parts.links) consider(link.first);
  return names;
}

/// Content of a file or of the file of the same name that a link means; the bundles here never rename in a link.
const std::string& content_of(const BundleParts& parts, const std::string& path) {
  if (const auto found = parts.files.find(path); found != parts.files.end()) return found->second;
  const auto name = path.substr(path.rfind('/'));
  for (const auto& [other, content] : parts.files)
    if (other.ends_with(name)) return content;
  throw std::runtime_error("no content for " + path);
}

}  // namespace

std::string make_tar(const std::vector<Member>& members, Compression compression) {
  return write_archive(members, &archive_write_set_format_pax_restricted, compression);
}

std::string make_tar_claiming(const std::vector<Member>& members, const std::string& path, std::uint64_t size) {
  auto bytes = make_tar(members, Compression::none);
  bytes.resize(bytes.find_last_not_of('\0') / 512 * 512 + 512);
  std::string header = path;
  header.resize(512, '\0');
  header.replace(100, 7, "0000644")
      .replace(156, 1, "0")
      .replace(257, 8,
               std::string("ustar\0"
                           "00",
                           8));
  header.replace(124, 12,
                 "\x80" + std::string(3, '\0') + big_endian(size, 8));  // base 256, as GNU tar writes large sizes
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 7, fmt::format("{:06o}", sum) + '\0');
  return bytes + header;
}

std::string make_deb(const std::string& name, const std::string& version, const std::string& arch,
                     const std::map<std::string, std::string>& files, const std::string& more_control) {
  const auto control = fmt::format(
      "Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: Test <test@example.org>\nInstalled-Size: "
      "12\n{}Description: "
      "{}\n",
      name, version, arch, more_control, name);
  std::vector<Member> payload;
  for (const auto& [path, content] : files) payload.push_back({"." + path, content});
  return write_archive({{"debian-binary", "2.0\n"},
                        {"control.tar.gz", make_tar({{"./control", control}})},
                        {"data.tar.xz", make_tar(payload, Compression::xz)}},
                       &archive_write_set_format_ar_svr4, Compression::none);
}

std::string make_deb_of(const std::string& control, const std::vector<Member>& payload, Compression compression) {
  static const std::map<Compression, std::string> suffixes{
      {Compression::none, ""}, {Compression::gzip, ".gz"}, {Compression::xz, ".xz"}, {Compression::zstd, ".zst"}};
  return write_archive({{"debian-binary", "2.0\n"},
                        {"control.tar.gz", make_tar({{"./control", control}})},
                        {"data.tar" + suffixes.at(compression), make_tar(payload, compression)}},
                       &archive_write_set_format_ar_svr4, Compression::none);
}

std::string make_rpm_of(const std::string& name, const std::string& version, const std::string& release,
                        const std::string& arch, const std::vector<Member>& members, Compression compression) {
  const auto payload = write_archive(members, &archive_write_set_format_cpio_newc, compression);
  HeaderBuilder header;
  header.text(1000, name);
  header.text(1001, version);
  header.text(1002, release);
  header.text(1022, arch);
  header.texts(5092, {digest_of(payload)});
  header.numbers(5093, {8});
  return rpm_of(header.build(), payload, {}, {});
}

std::string make_rpm(const std::string& name, const std::string& version, const std::string& release,
                     const std::map<std::string, std::string>& files, const Sign& sign, bool payload_digest,
                     const Sign& sign_all) {
  std::vector<Member> members;
  for (const auto& [path, content] : files) members.push_back({"." + path, content});
  const auto payload = write_archive(members, &archive_write_set_format_cpio_newc, Compression::xz);

  HeaderBuilder header;
  header.text(1000, name);
  header.text(1001, version);
  header.text(1002, release);
  header.numbers(1009, {4096});
  header.text(1022, "x86_64");
  header.texts(1047, {name});
  header.texts(1049, {"libc.so.6()(64bit)", "rpmlib(PayloadIsXz)", "mlnx-tools"});
  header.numbers(1048, {0, 16777226, 12});
  header.texts(1050, {"", "5.2-1", "1:5.2-0"});
  header.numbers(1112, {8});
  header.texts(1113, {version + "-" + release});
  if (!files.empty()) {
    std::vector<std::string> directories;
    std::vector<std::string> bases;
    std::vector<std::uint32_t> indexes;
    for (const auto& file : files) {
      const auto slash = file.first.rfind('/') + 1;
      indexes.push_back(static_cast<std::uint32_t>(directories.size()));
      directories.push_back(file.first.substr(0, slash));
      bases.push_back(file.first.substr(slash));
    }
    header.numbers(1116, indexes);
    header.texts(1117, bases);
    header.texts(1118, directories);
  }
  if (payload_digest) {
    header.texts(5092, {digest_of(payload)});
    header.numbers(5093, {8});
  }
  return rpm_of(header.build(), payload, sign, sign_all);
}

Gpg::Gpg(const std::string& user_id, const std::string& algorithm, const std::vector<std::string>& options) {
  auto arguments = options;
  arguments.insert(arguments.end(), {"--quick-gen-key", user_id, algorithm, "sign", "never"});
  run(arguments, "making a key");
  for (const auto& line : split_lines(run({"--list-keys", "--with-colons"}, "listing keys")))
    if (line.starts_with("fpr:") && fingerprint_.empty()) fingerprint_ = split(line, ':').at(9);
}

Gpg::~Gpg() { run_program({"gpgconf", "--homedir", home_.path().string(), "--kill", "all"}); }

std::string Gpg::run(std::vector<std::string> arguments, const std::string& doing) const {
  arguments.insert(arguments.begin(), {"gpg", "--homedir", home_.path().string(), "--batch", "--quiet", "--yes",
                                       "--pinentry-mode", "loopback", "--passphrase", ""});
  const auto result = run_program(arguments);
  if (result.status != 0) throw std::runtime_error(doing + ": " + result.err);
  return result.out;
}

std::string Gpg::public_key(bool armoured) const {
  std::vector<std::string> arguments{"--export", fingerprint_};
  if (armoured) arguments.insert(arguments.begin(), "--armor");
  return run(arguments, "exporting a key");
}

std::string Gpg::sign(const std::string& data, bool armoured, const std::vector<std::string>& options) const {
  const auto file = home_.path() / "data";
  write_text_atomically(file, data);
  auto arguments = options;
  if (armoured) arguments.emplace_back("--armor");
  arguments.insert(arguments.end(), {"--detach-sign", "--output", "-", file.string()});
  return run(arguments, "signing");
}

const Gpg& vendor() {
  static const Gpg key("Test Vendor <vendor@example.org>");
  return key;
}
const Gpg& stranger() {
  static const Gpg key("Another Vendor <else@example.org>");
  return key;
}

std::vector<Member> BundleParts::members() const {
  std::vector<Member> all{{.path = top + "/", .type = 'd'}};
  for (const auto& [path, content] : files) all.push_back({.path = top + "/" + path, .content = content});
  for (const auto& [path, target] : links) all.push_back({.path = top + "/" + path, .type = 'l', .target = target});
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

void sign_debs(BundleParts& parts, const std::string& directory, const std::string& version, const Gpg& signer) {
  const auto& packages = parts.files.at(directory + "/Packages");
  std::string release = fmt::format("Origin: MLNX_OFED\nLabel: MLNX_OFED_LINUX\nSuite: {}\nCodename: 5.5\n", version);
  for (const auto& [title, algorithm] :
       {std::pair{"MD5Sum", DigestAlgorithm::md5}, std::pair{"SHA1", DigestAlgorithm::sha1},
        std::pair{"SHA256", DigestAlgorithm::sha256}, std::pair{"SHA512", DigestAlgorithm::sha512}})
    release += fmt::format("{}:\n {} {:16} Packages\n {} {:16} Release\n", title, digest_of(packages, algorithm),
                           packages.size(), digest_of("half written", algorithm), 153);
  parts.files[directory + "/Release"] = release;
  parts.files[directory + "/Release.gpg"] = signer.sign(release);
}

void index_debs(BundleParts& parts, const std::string& directory, const std::string& version, const Gpg& signer) {
  std::string packages;
  for (const auto& name : names_in(parts, directory, ".deb")) {
    const auto fields = split(name.substr(0, name.size() - 4), '_');
    const auto& content = content_of(parts, directory + "/" + name);
    packages += fmt::format(
        "Package: {}\nArchitecture: {}\nVersion: {}\nInstalled-Size: 12\nFilename: ./{}\nSize: {}\nMD5sum: {}\nSHA1: "
        "{}\nSHA256: {}\nSHA512: {}\nDescription: x\n more of it\n\n",
        fields.at(0), fields.at(2), fields.at(1), name, content.size(), digest_of(content, DigestAlgorithm::md5),
        digest_of(content, DigestAlgorithm::sha1), digest_of(content), digest_of(content, DigestAlgorithm::sha512));
  }
  parts.files[directory + "/Packages"] = packages;
  sign_debs(parts, directory, version, signer);
}

void index_rpms(BundleParts& parts, const std::string& directory, const std::map<std::string, std::string>& formats) {
  std::string primary =
      R"(<?xml version="1.0"?><metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">)";
  for (const auto& file : names_in(parts, directory, ".rpm")) {
    const auto fields = split(file.substr(0, file.size() - std::strlen(".x86_64.rpm")), '-');
    const auto& content = content_of(parts, directory + "/" + file);
    const auto count = fields.size();
    const auto name = join({fields.begin(), fields.end() - 2}, "-");
    const auto format = formats.find(name);
    primary += fmt::format(
        R"(<package type="rpm"><name>{}</name><arch>x86_64</arch><version epoch="0" ver="{}" rel="{}"/><checksum type="sha256" pkgid="YES">{}</checksum><size package="{}" installed="4096" archive="5000"/><location href="{}"/><format>{}</format></package>)",
        name, fields.at(count - 2), fields.at(count - 1), digest_of(content), content.size(), file,
        format == formats.end() ? "" : format->second);
  }
  primary += "</metadata>";
  const auto packed = write_archive({{"primary.xml", primary}}, &archive_write_set_format_raw, Compression::gzip);
  parts.files[directory + "/repodata/primary.xml.gz"] = packed;
  parts.files[directory + "/repodata/repomd.xml"] = fmt::format(
      R"(<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision><data type="primary"><checksum type="sha256">{}</checksum><open-checksum type="sha256">{}</open-checksum><location href="repodata/primary.xml.gz"/><timestamp>1</timestamp><size>{}</size><open-size>{}</open-size></data></repomd>)",
      digest_of(packed), digest_of(primary), packed.size(), primary.size());
}

BundleParts deb_bundle() {
  BundleParts parts;
  parts.files = {{".mlnx", "5.5-1.0.3.2\n"},
                 {".arch", "x86_64\n"},
                 {"distro", "ubuntu20.04\n"},
                 {"mlnxofedinstall", "#!/bin/sh\nexit 86\n"}};
  const auto add = [&](const std::string& name, const std::string& version, const std::string& arch,
                       const std::map<std::string, std::string>& files) {
    parts.files[fmt::format("DEBS/{}_{}_{}.deb", name, version, arch)] = make_deb(name, version, arch, files);
  };
  add("ofed-scripts", "5.5-OFED.5.5.1.0.3", "amd64", {{"/usr/bin/ofed_info", "#!/bin/sh\n"}});
  add("mlnx-ofed-kernel-dkms", "5.5-OFED.5.5.1.0.3.1", "all",
      {{"/usr/src/mlnx-ofed-kernel-5.5/dkms.conf", "BUILT_MODULE_NAME[0]=mlx5_core\n"}});
  add("mlnx-ofed-kernel-modules", "5.5-OFED.5.5.1.0.3.1.kver.5.4.0-26-generic", "amd64",
      {{"/lib/modules/5.4.0-26-generic/updates/dkms/mlx5_core.ko", fake_module()}});
  index_debs(parts, "DEBS", "5.5-1.0.3.2", vendor());
  return parts;
}

BundleParts split_deb_bundle() {
  BundleParts parts;
  parts.top = "MLNX_OFED_LINUX-4.9-4.1.7.0-ubuntu18.04-x86_64";
  parts.files = {{".mlnx", "4.9-4.1.7.0\n"}, {"distro", "skip-distro-check\n"}};
  const std::string scripts = "ofed-scripts_4.9-OFED.4.9.4.1.7_amd64.deb";
  parts.files["DEBS/COMMON/" + scripts] = make_deb("ofed-scripts", "4.9-OFED.4.9.4.1.7", "amd64");
  const auto library = [&](const std::string& directory, const std::string& version) {
    parts.files[fmt::format("DEBS/{}/libibverbs1_{}_amd64.deb", directory, version)] =
        make_deb("libibverbs1", version, "amd64");
    parts.links[fmt::format("DEBS/{}/{}", directory, scripts)] = "../COMMON/" + scripts;
    index_debs(parts, "DEBS/" + directory, "4.9-4.1.7.0", vendor());
  };
  library("MLNX_LIBS", "41mlnx1-OFED.4.9.3.0.0.49417");
  library("UPSTREAM_LIBS", "50mlnx1-1.49417");
  parts.links["DEBS_UPSTREAM_LIBS/" + scripts] = "../DEBS/UPSTREAM_LIBS/" + scripts;
  index_debs(parts, "DEBS_UPSTREAM_LIBS", "4.9-4.1.7.0", vendor());
  return parts;
}

BundleParts rpm_bundle(const std::string& distro, const std::string& kernel) {
  BundleParts parts;
  parts.top = "MLNX_OFED_LINUX-5.5-1.0.3.2-" + distro + "-x86_64";
  parts.files = {{".mlnx", "5.5-1.0.3.2\n"}, {"distro", distro + "\n"}};
  const auto release = "OFED.5.5.1.0.3.1." + replace_all(distro, ".", "u");
  const Sign sign = [](const std::string& data) { return vendor().sign(data, false); };
  parts.files["RPMS/mlnx-tools-5.2.0-0.55103.x86_64.rpm"] = make_rpm("mlnx-tools", "5.2.0", "0.55103", {}, sign);
  parts.files["RPMS/kmod-mlnx-ofa_kernel-5.5-" + release + ".x86_64.rpm"] =
      make_rpm("kmod-mlnx-ofa_kernel", "5.5", release,
               {{"/lib/modules/" + kernel + "/extra/mlnx-ofa_kernel/mlx5_core.ko", fake_module()}}, sign);
  index_rpms(parts, "RPMS");
  return parts;
}

std::string fake_module() { return read_text(FAKE_MODULE); }

std::map<std::string, std::string> listing(const fs::path& directory) {
  std::map<std::string, std::string> found;
  if (!fs::exists(directory)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    found[fs::relative(entry.path(), directory).string()] = entry.is_regular_file() ? digest_of_file(entry.path()) : "";
  return found;
}

}  // namespace bake::testing
