// A full disk is a problem of the machine in every command: exit code 6.
#include <cstdlib>
#include <fstream>

#include "bake/disk/copy.hpp"
#include "bake/disk/overlay.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake {
namespace {

/// A disk that needs conversion, and a stand-in for qemu-img with the output that the test needs.
class DiskFull : public DiskTest {
 protected:
  DiskFull() : path_(std::getenv("PATH")), disk_{at("base.qcow2"), DiskFormat::qcow2, mebibyte, mebibyte, {}} {
    put(disk_.path, mebibyte - 1, "x");
    std::filesystem::create_directory(at("bin"));
    ::setenv("PATH", (at("bin").string() + ":" + path_).c_str(), 1);
  }
  ~DiskFull() override { ::setenv("PATH", path_.c_str(), 1); }

  void qemu_img(const std::string& script) const {
    const auto file = at("bin") / "qemu-img";
    std::ofstream(file) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }

  std::string path_;
  SourceDisk disk_;
  SilentProgress progress_;
};

TEST_F(DiskFull, AScratchCopyChecksFreeSpaceFirst) {
  disk_.data_size = std::uint64_t{1} << 60U;
  qemu_img(R"([ "$1" = map ] && echo '[{"length": 1152921504606846976, "data": true, "zero": false}]')");
  const auto error = error_of([&] { make_scratch_disk(disk_, at(""), progress_); });
  EXPECT_EQ(error.kind(), ErrorKind::environment);
  EXPECT_NE(error.message().find("a raw copy of '" + disk_.path.string() + "' needs 1048576 TiB"), std::string::npos)
      << error.message();
  EXPECT_FALSE(std::filesystem::exists(at("disk.raw")));
}

TEST_F(DiskFull, AConversionOnAFullDiskSaysSo) {
  qemu_img("echo 'qemu-img: error while writing at byte 0: No space left on device' >&2; exit 1\n");
  const auto error = error_of([&] { copy_to_raw(disk_, at("copy.raw"), progress_); });
  EXPECT_EQ(error.kind(), ErrorKind::environment);
  EXPECT_EQ(error.message(), "converting '" + disk_.path.string() +
                                 "': qemu-img: error while writing at byte 0: No space left on device");
  EXPECT_EQ(error.hint(), "free some space on that file system");
}

}  // namespace
}  // namespace bake
