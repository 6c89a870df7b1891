#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/boot/grub_test.hpp"
#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

enum class GrubSearch { file, label, fs_uuid };

/// What GRUB's script reads of the disks. Devices have names of the implementation's own; paths count from the root of
/// the device.
class GrubDisk {
 public:
  virtual ~GrubDisk() = default;

  virtual GrubFileKind kind(const std::string& device, const std::string& path) = 0;
  /// The content of a file, empty when there is none. Throws Undetermined for a file larger than grub_file_limit.
  virtual std::optional<std::string> read(const std::string& device, const std::string& path) = 0;
  /// Names in a directory.
  virtual std::vector<std::string> list(const std::string& device, const std::string& path) = 0;
  /// The device that has that file, label or UUID; empty when none has.
  virtual std::optional<std::string> search(GrubSearch by, const std::string& what) = 0;
  /// False for a device that search found by its UUID, but whose files cannot be read.
  virtual bool is_mounted(const std::string& device) = 0;
  /// The path for people.
  virtual std::string name_of(const std::string& device, const std::string& path) = 0;
};

/// The disks of a guest, whose file systems are mounted. What is read once is kept: a call of the guest costs 25 ms.
///
/// A device "@/boot" is the file system that is mounted there. Any other name, "hd0,gpt2", may be any of them, as a
/// partition's number says nothing here: /boot is tried first, then the root, then the EFI system partition.
class GuestGrubDisk final : public GrubDisk {
 public:
  /// `layout` tells the UUIDs and mount points; without mounts in it every UUID may be any file system.
  GuestGrubDisk(Guest& guest, const Layout& layout);

  GrubFileKind kind(const std::string& device, const std::string& path) override;
  std::optional<std::string> read(const std::string& device, const std::string& path) override;
  std::vector<std::string> list(const std::string& device, const std::string& path) override;
  std::optional<std::string> search(GrubSearch by, const std::string& what) override;
  bool is_mounted(const std::string& device) override;
  std::string name_of(const std::string& device, const std::string& path) override;

  /// The device of a file of the guest, and its path on that device.
  [[nodiscard]] std::pair<std::string, std::string> place_of(const std::string& guest_path) const;

  /// GRUB does not follow a link to another file system. EL's packages make such a link of /boot/grub2/grubenv.
  void follow_links_of_environment(bool follow) { follow_links_ = follow; }
  /// The link to a grubenv on the EFI system partition that was met, or empty.
  [[nodiscard]] const std::string& link_of_environment() const { return link_; }

 private:
  /// Guest paths that may be meant, the likeliest first.
  [[nodiscard]] std::vector<std::string> candidates(const std::string& device, const std::string& path) const;
  [[nodiscard]] std::string mount_point_of(const std::string& guest_path) const;
  const std::vector<std::string>& names_in(const std::string& directory);
  /// The type of the path; none when it does not exist.
  GrubFileKind kind_of(const std::string& guest_path);
  GrubFileKind look_at(const std::string& guest_path);
  const std::optional<std::string>& content_of(const std::string& guest_path);
  bool is_unreachable_environment(const std::string& guest_path);

  Guest& guest_;
  std::map<std::string, std::string> mount_of_uuid_;  ///< in lower case → mount point
  std::vector<std::string> mount_points_;
  bool knows_uuids_ = false;
  bool follow_links_ = true;
  std::string link_;
  std::map<std::string, std::vector<std::string>> names_;
  std::map<std::string, GrubFileKind> kinds_;
  std::map<std::string, std::optional<std::string>> contents_;
  std::map<std::string, bool> leads_to_efi_;
};

}  // namespace bake::guest
