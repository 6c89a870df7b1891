// Makes small archives, packages and bundles for tests, also hostile ones.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "tests/support/error_of.hpp"

namespace bake::testing {

/// One entry of a tar archive, written unchanged.
struct Member {
  std::string path;
  std::string content = {};
  char type = 'f';  ///< f file, d directory, l symlink, h hard link, b c p s: devices, fifo, socket
  std::string target = {};
  unsigned mode = 0644;
};

enum class Compression { none, gzip, xz, zstd };

std::string make_tar(const std::vector<Member>& members, Compression compression = Compression::gzip);
/// A tar archive that ends in the header of a file of `size` bytes, without them.
std::string make_tar_claiming(const std::vector<Member>& members, const std::string& path, std::uint64_t size);

/// A .deb whose payload holds `files` (path → content).
std::string make_deb(const std::string& name, const std::string& version, const std::string& arch,
                     const std::map<std::string, std::string>& files = {}, const std::string& more_control = {});

/// Signs bytes; gives an OpenPGP signature packet.
using Sign = std::function<std::string(const std::string&)>;

/// An .rpm whose payload holds `files`; with `sign`, header-signed (tag RSA), and with a payload digest if wanted. With
/// `sign_all`, header and payload are signed too (tag PGP).
std::string make_rpm(const std::string& name, const std::string& version, const std::string& release,
                     const std::map<std::string, std::string>& files = {}, const Sign& sign = {},
                     bool payload_digest = true, const Sign& sign_all = {});

/// A .deb with this control file and these members as its payload, in data.tar or data.tar.gz, .xz, .zst.
std::string make_deb_of(const std::string& control, const std::vector<Member>& payload,
                        Compression compression = Compression::xz);
/// An unsigned .rpm without a list of files in its header, and with these members as its payload.
std::string make_rpm_of(const std::string& name, const std::string& version, const std::string& release,
                        const std::string& arch, const std::vector<Member>& payload,
                        Compression compression = Compression::xz);

/// A temporary OpenPGP key, which gpg makes and which is removed with this object.
class Gpg {
 public:
  /// `options` go in front of the command: {"--faked-system-time", "20200101T000000"}.
  explicit Gpg(const std::string& user_id, const std::string& algorithm = "ed25519",
               const std::vector<std::string>& options = {});
  ~Gpg();
  Gpg(const Gpg&) = delete;
  Gpg& operator=(const Gpg&) = delete;

  [[nodiscard]] std::string fingerprint() const { return fingerprint_; }
  [[nodiscard]] std::string public_key(bool armoured = true) const;
  [[nodiscard]] std::string sign(const std::string& data, bool armoured = true,
                                 const std::vector<std::string>& options = {}) const;
  /// Runs gpg with this key's home directory and returns what it prints. Throws when gpg fails.
  std::string run(std::vector<std::string> arguments, const std::string& doing) const;
  [[nodiscard]] const std::filesystem::path& home() const { return home_.path(); }

 private:
  TemporaryDirectory home_;
  std::string fingerprint_;
};

/// The key that "the vendor" of these tests signs with; made once.
const Gpg& vendor();
const Gpg& stranger();

/// The parts of a bundle, ready to be spoilt by a test before they are put together.
struct BundleParts {
  std::string top = "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64";
  std::map<std::string, std::string> files;  ///< below the top directory
  std::map<std::string, std::string> links;
  std::vector<Member> more;  ///< entries as they are, after all others

  [[nodiscard]] std::vector<Member> members() const;
  [[nodiscard]] std::string archive(Compression compression = Compression::gzip) const {
    return make_tar(members(), compression);
  }
};

/// A flat deb bundle (5.5-1.0.3.2, ubuntu20.04), signed by vendor().
BundleParts deb_bundle();
/// A split deb bundle (4.9-4.1.7.0, ubuntu18.04): COMMON, MLNX_LIBS, UPSTREAM_LIBS, DEBS_UPSTREAM_LIBS with links.
BundleParts split_deb_bundle();
/// A flat rpm bundle (5.5-1.0.3.2) with repodata, its packages signed by vendor().
BundleParts rpm_bundle(const std::string& distro = "rhel8.2", const std::string& kernel = "4.18.0-193.el8.x86_64");
/// Packages, Release and Release.gpg of `directory`, made from the .debs (and links to them) in it.
void index_debs(BundleParts& parts, const std::string& directory, const std::string& version, const Gpg& signer);
/// Release and Release.gpg again, after Packages was changed.
void sign_debs(BundleParts& parts, const std::string& directory, const std::string& version, const Gpg& signer);
/// repodata of `directory`, made from the .rpms in it. `formats` has the content of a package's <format>, by the name
/// of the package; of others it is empty.
void index_rpms(BundleParts& parts, const std::string& directory,
                const std::map<std::string, std::string>& formats = {});

/// Content of the compiled fake kernel module.
std::string fake_module();

/// Every path below `directory` with the digest of its content, to see that nothing changed.
std::map<std::string, std::string> listing(const std::filesystem::path& directory);

using bake::error_of;

}  // namespace bake::testing
