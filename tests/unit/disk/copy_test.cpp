#include "bake/disk/copy.hpp"

#include "bake/base/digest.hpp"
#include "bake/base/process.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake {
namespace {

using namespace std::string_literals;

class DiskCopy : public DiskTest {
 protected:
  void copy(const std::filesystem::path& from, const std::filesystem::path& to) {
    copy_to_raw(probe_source(from), to, progress_);
  }

 private:
  SilentProgress progress_;
};

constexpr std::uint64_t slack = mebibyte / 8;

TEST_F(DiskCopy, CopiesTheDataRegionAndLeavesTheSourceAlone) {
  const auto base = fixed_vhd("base.vhd", 8 * mebibyte);
  put(base, 8 * mebibyte - 4, "last");
  const auto before = digest_of_file(base);
  copy(base, at("copy.raw"));
  EXPECT_EQ(std::filesystem::file_size(at("copy.raw")), 8 * mebibyte);
  EXPECT_EQ(get(at("copy.raw"), 0, 8 * mebibyte), get(base, 0, 8 * mebibyte));
  EXPECT_EQ(digest_of_file(base), before);
}

TEST_F(DiskCopy, KeepsHolesOfALargeDisk) {
  const auto base = fixed_vhd("base.vhd", 30 * gibibyte);
  put(base, 20 * gibibyte + 12345, "far away");
  copy(base, at("copy.raw"));
  EXPECT_EQ(std::filesystem::file_size(at("copy.raw")), 30 * gibibyte);
  EXPECT_EQ(get(at("copy.raw"), 20 * gibibyte + 12345, 8), "far away");
  EXPECT_LE(allocated(at("copy.raw")), allocated(base) + slack);
  EXPECT_LE(space_needed(probe_source(base)), slack);
}

TEST_F(DiskCopy, MakesHolesOfAllocatedZeros) {
  const auto base = raw_disk("dense.raw", 8 * mebibyte);
  put(base, mebibyte, std::string(6 * mebibyte, '\0'));
  put(base, 7 * mebibyte, std::string(100000, 'x'));
  ASSERT_GE(allocated(base), 6 * mebibyte);
  EXPECT_EQ(space_needed(probe_source(base)), allocated(base));
  // To another file system: within one file system, a reflink may share the zeros with the source, which is also
  // correct.
  const TemporaryDirectory elsewhere("/dev/shm");
  const auto made = elsewhere.path() / "copy.raw";
  copy(base, made);
  EXPECT_EQ(get(made, 0, 8 * mebibyte), get(base, 0, 8 * mebibyte));
  EXPECT_LE(allocated(made), 100000 + 3 * slack);
}

TEST_F(DiskCopy, ReplacesTheContentOfTheDestination) {
  const auto base = raw_disk("base.raw", mebibyte);
  put(at("copy.raw"), 0, std::string(3 * mebibyte, 'y'));
  copy(base, at("copy.raw"));
  EXPECT_EQ(digest_of_file(at("copy.raw")), digest_of_file(base));
}

TEST_F(DiskCopy, ConvertsEveryFormatToTheSameBytes) {
  const auto raw = raw_disk("disk,with comma.raw", 8 * mebibyte);
  put(raw, 5 * mebibyte, std::string(300000, 'q'));
  for (const auto& [format, options] : {std::pair{"vpc"s, "subformat=dynamic,force_size=on"s},
                                        {"vhdx"s, "subformat=dynamic"s},
                                        {"qcow2"s, "compat=1.1"s}}) {
    const auto other = at("disk,driver=raw." + format);  // commas must not become options
    const auto made =
        run_program({"qemu-img", "convert", "-f", "raw", "-O", format, "-o", options, raw.string(), other.string()});
    ASSERT_EQ(made.status, 0) << made.err;
    const auto before = digest_of_file(other);
    copy(other, at("copy.raw"));
    EXPECT_EQ(digest_of_file(at("copy.raw")), digest_of_file(raw)) << format;
    EXPECT_EQ(digest_of_file(other), before);
    EXPECT_GE(space_needed(probe_source(other)), 300000U) << format;
    EXPECT_LE(space_needed(probe_source(other)), 8 * mebibyte) << format;
  }
}

TEST_F(DiskCopy, SizesADynamicVhdByCurrentSizeNotGeometry) {
  const auto raw = raw_disk("disk.raw", 64 * mebibyte);
  const auto dynamic = at("dyn.vhd");
  ASSERT_EQ(run_program({"qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", "force_size=on", raw.string(),
                         dynamic.string()})
                .status,
            0);
  auto footer = *probe_source(dynamic).footer;
  footer.creator_app = "wa\0\0"s;
  footer.cylinders = 963;
  footer.heads = 8;
  footer.sectors_per_track = 17;
  const auto bytes = serialize(footer);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  put(dynamic, 0, text);
  put(dynamic, std::filesystem::file_size(dynamic) - 512, text);
  copy(dynamic, at("copy.raw"));
  EXPECT_EQ(digest_of_file(at("copy.raw")), digest_of_file(raw));
}

TEST_F(DiskCopy, NeverOverwritesTheSource) {
  const auto base = raw_disk("base.raw", mebibyte);
  const auto before = digest_of_file(base);
  std::filesystem::create_hard_link(base, at("same"));
  EXPECT_EQ(error_of([&] { copy(base, at("same")); }).kind(), ErrorKind::usage);
  EXPECT_EQ(digest_of_file(base), before);
}

TEST_F(DiskCopy, DoesNotWriteThroughALink) {
  const auto base = raw_disk("base.raw", mebibyte);
  put(at("victim"), 0, "precious");
  std::filesystem::create_symlink(at("victim"), at("copy.raw"));
  EXPECT_EQ(error_of([&] { copy(base, at("copy.raw")); }).message(),
            "opening for writing '" + at("copy.raw").string() + "': Too many levels of symbolic links");
  EXPECT_EQ(get(at("victim"), 0, 9), "precious");
}

TEST_F(DiskCopy, NoticesAChangedSource) {
  const auto base = raw_disk("base.raw", 2 * mebibyte);
  const auto disk = probe_source(base);
  std::filesystem::resize_file(base, mebibyte);
  SilentProgress progress;
  EXPECT_EQ(error_of([&] { copy_to_raw(disk, at("copy.raw"), progress); }).message(),
            "copying '" + base.string() + "': its size changed during the copy");
}

TEST_F(DiskCopy, NoticesASourceThatChangesDuringTheCopy) {
  struct Meddler final : Progress {
    std::filesystem::path base;
    void step(std::string_view /*name*/) override { std::filesystem::resize_file(base, mebibyte); }
    void detail(std::string_view /*text*/) override {}
    void warn(std::string_view /*text*/) override {}
  };
  const auto base = raw_disk("base.raw", 2 * mebibyte);
  const auto disk = probe_source(base);
  Meddler progress;
  progress.base = base;
  EXPECT_EQ(error_of([&] { copy_to_raw(disk, at("copy.raw"), progress); }).message(),
            "copying '" + base.string() + "': it changed during the copy");
}

}  // namespace
}  // namespace bake
