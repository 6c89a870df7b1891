#include "bake/disk/source.hpp"

#include "bake/base/process.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake {
namespace {

using namespace std::string_literals;

class DiskSource : public DiskTest {
 protected:
  /// `raw` in another format, as qemu-img writes it.
  [[nodiscard]] std::filesystem::path converted(const std::filesystem::path& raw, const std::string& format,
                                                const std::string& name, const std::string& options = "") const {
    std::vector<std::string> command{"qemu-img", "convert", "-f", "raw", "-O", format};
    if (!options.empty()) command.insert(command.end(), {"-o", options});
    command.insert(command.end(), {raw.string(), at(name).string()});
    const auto result = run_program(command);
    EXPECT_EQ(result.status, 0) << result.err;
    return at(name);
  }

  void expect_refused(const std::filesystem::path& file, const std::string& reason) const {
    const auto error = error_of([&] { open_source(file); });
    EXPECT_EQ(error.kind(), reason.starts_with("not a disk image") ? ErrorKind::config : ErrorKind::failed);
    EXPECT_EQ(error.message(), "opening disk '" + file.string() + "': " + reason);
  }

  [[nodiscard]] std::filesystem::path qcow2_file(const std::string& name, const std::string& options,
                                                 const std::string& backing = "") const {
    std::vector<std::string> command{"qemu-img", "create", "-q", "-f", "qcow2"};
    if (!options.empty()) command.insert(command.end(), {"-o", options});
    if (!backing.empty()) command.insert(command.end(), {"-b", backing, "-F", "raw"});
    command.insert(command.end(), {at(name).string(), "4M"});
    const auto result = run_program(command);
    EXPECT_EQ(result.status, 0) << result.err;
    return at(name);
  }
};

TEST_F(DiskSource, DetectsAFixedVhdUnderAnyName) {
  const auto disk = open_source(fixed_vhd("disk.qcow2", 3 * mebibyte));
  EXPECT_EQ(disk.format, DiskFormat::vhd_fixed);
  EXPECT_EQ(disk.data_size, 3 * mebibyte);
  EXPECT_EQ(disk.file_size, 3 * mebibyte + 512);
  EXPECT_FALSE(disk.needs_conversion());
  EXPECT_EQ(disk.footer->uuid, test_uuid);
}

TEST_F(DiskSource, UsesTheCurrentSizeOfAnExportFromAzure) {
  const auto file = fixed_vhd("azure.vhd", 30 * gibibyte, [](VhdFooter& footer) {
    footer.creator_app = "wa\0\0"s;
    footer.cylinders = 62415;
    footer.heads = 16;
    footer.sectors_per_track = 63;
  });
  EXPECT_EQ(open_source(file).data_size, 30 * gibibyte);
  // The reason for this rule: qemu reads a smaller size and loses the end of the disk.
  const auto theirs = run_program({"qemu-img", "info", "-f", "vpc", file.string()});
  EXPECT_NE(theirs.out.find("(32212131840 bytes)"), std::string::npos) << theirs.out;
}

TEST_F(DiskSource, DetectsRawDisksByTheirContent) {
  const auto disk = open_source(raw_disk("disk.vhd", 2 * mebibyte));
  EXPECT_EQ(disk.format, DiskFormat::raw);
  EXPECT_EQ(disk.data_size, 2 * mebibyte);
  for (const auto& [name, offset, magic] : {std::tuple{"xfs", 0, "XFSB"}, {"ext4", 1080, "\x53\xef"}}) {
    put(at(name), static_cast<std::uint64_t>(offset), magic);
    std::filesystem::resize_file(at(name), mebibyte);
    EXPECT_EQ(open_source(at(name)).format, DiskFormat::raw);
  }
}

TEST_F(DiskSource, DetectsFormatsThatQemuMustConvert) {
  const auto raw = raw_disk("disk.raw", 4 * mebibyte);
  const std::vector<std::pair<std::filesystem::path, DiskFormat>> files{
      {converted(raw, "vpc", "a", "subformat=dynamic,force_size=on"), DiskFormat::vhd_dynamic},
      {converted(raw, "vhdx", "b"), DiskFormat::vhdx},
      {converted(raw, "qcow2", "c"), DiskFormat::qcow2},
      {converted(raw, "qcow2", "d", "compat=0.10"), DiskFormat::qcow2},
  };
  for (const auto& [file, format] : files) {
    const auto disk = open_source(file);
    EXPECT_EQ(disk.format, format) << file;
    EXPECT_EQ(disk.data_size, 4 * mebibyte) << file;
    EXPECT_TRUE(disk.needs_conversion()) << file;
  }
}

TEST_F(DiskSource, RefusesFilesThatAreNotDisks) {
  put(at("notes.vhd"), 0, "just text\n");
  expect_refused(at("notes.vhd"), "not a disk image: no VHD footer, partition table or file system in it");
  put(at("empty"), 0, "");
  expect_refused(at("empty"), "not a disk image: no VHD footer, partition table or file system in it");
  put(at("disk.vhd.gz"), 0, "\x1f\x8b\x08");
  expect_refused(at("disk.vhd.gz"), "not a disk image but a gzip file");
  put(at("disk.vmdk"), 0, "KDMV");
  expect_refused(at("disk.vmdk"), "not a disk image but a VMDK");
  put(at("recipe.yaml"), 0, "# mine\nschema: bake/v1\nbase: base.vhd\n");
  expect_refused(at("recipe.yaml"), "not a disk image but a YAML file with schema bake/v1");
  put(at("key.asc"), 0, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
  expect_refused(at("key.asc"), "not a disk image but an OpenPGP public key");
  EXPECT_EQ(error_of([&] { open_source(at("")); }).message(),
            "opening disk '" + at("").string() + "': it is a directory, not a disk");
  EXPECT_EQ(error_of([&] { open_source(at("missing")); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { open_source("/dev/null"); }).message(), "opening '/dev/null': it is a device, not a file");
}

TEST_F(DiskSource, RefusesAFooterWithAWrongChecksum) {
  const auto file = fixed_vhd("bad.vhd", mebibyte);
  put(file, mebibyte + 84 + 100, "x");
  const auto error = error_of([&] { open_source(file); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_NE(error.message().find("': its VHD footer is wrong: checksum: 0x"), std::string::npos) << error.message();
  EXPECT_EQ(error.hint(), "fetch the file again; if you know that its data is complete, write a new footer");
  EXPECT_EQ(error.remedies(), (std::vector<Remedy>{{Remedy::Action::check_vhd, file.string()},
                                                   {Remedy::Action::replace_footer, file.string()}}));
}

TEST_F(DiskSource, RefusesACurrentSizeThatDiffersFromTheFile) {
  const auto file = fixed_vhd("grown.vhd", 2 * mebibyte, [](VhdFooter& footer) { footer.current_size = mebibyte; });
  expect_refused(file, "its VHD footer is wrong: current size: 1048576 bytes, but the file has 2097152 bytes of data");
}

TEST_F(DiskSource, RefusesATruncatedFile) {
  const auto file = fixed_vhd("truncated.vhd", 4 * mebibyte);
  put(file, 446, "\x80"s + "\0\0\0"s + "\x83"s + "\0\0\0"s + "\0\x08\0\0"s + "\0\x18\0\0"s);  // MiB 1 to 4
  EXPECT_EQ(open_source(file).data_size, 4 * mebibyte);
  std::filesystem::resize_file(file, 2 * mebibyte);
  expect_refused(file, "truncated: its partition table ends at byte 4194304, but it has 2097152 bytes");
  std::filesystem::resize_file(file, 2 * mebibyte - 512);
  append_footer(file, make_fixed_footer(2 * mebibyte, 0, test_uuid));
  expect_refused(file, "its VHD footer is wrong: current size: 2097152 bytes, but the file has 2096640 bytes of data");
}

TEST_F(DiskSource, RefusesAVhdThatLostOrGainedBytesAtItsEnd) {
  for (const auto size : {4 * mebibyte + footer_size - 100, 4 * mebibyte + footer_size + 3}) {
    const auto file = fixed_vhd("odd.vhd", 4 * mebibyte);
    std::filesystem::resize_file(file, size);
    expect_refused(file, "its size is not a multiple of 512 bytes: it is truncated or has extra bytes");
  }
}

TEST_F(DiskSource, RefusesSizesThatAreNotAMultipleOfAMebibyte) {
  for (const auto& file : {fixed_vhd("odd.vhd", mebibyte + 1024), raw_disk("odd.raw", mebibyte + 1024)}) {
    expect_refused(file, "virtual size: 1049600 bytes is not a multiple of 1 MiB, which Azure requires");
    const auto error = error_of([&] { open_source(file); });
    EXPECT_EQ(error.hint(), "pad it to a multiple of 1 MiB");
    EXPECT_EQ(error.remedies(), (std::vector<Remedy>{{Remedy::Action::wrap_vhd, file.string()}}));
    EXPECT_EQ(probe_source(file).data_size, mebibyte + 1024);
  }
  expect_refused(raw_disk("big.raw", 2041 * gibibyte),
                 "virtual size: 2191507062784 bytes is more than 2040 GiB, the limit of a VHD");
}

TEST_F(DiskSource, SuspectsALostFooter) {
  const auto file = fixed_vhd("lost.vhd", mebibyte);
  put(file, mebibyte, "CONECTIX");
  EXPECT_EQ(error_of([&] { open_source(file); }).remedies(),
            (std::vector<Remedy>{{Remedy::Action::replace_footer, file.string()}}));
  EXPECT_EQ(source_without_footer(file).data_size, mebibyte);
  EXPECT_EQ(error_of([&] { source_without_footer(raw_disk("a.raw", mebibyte)); }).kind(), ErrorKind::usage);
}

TEST_F(DiskSource, RefusesDifferencingDisks) {
  const auto make_differencing = [](VhdFooter& footer) { footer.type = VhdType::differencing; };
  expect_refused(fixed_vhd("diff.vhd", mebibyte, make_differencing),
                 "a differencing VHD, which needs the data of a parent file");
  const auto dynamic = converted(raw_disk("d.raw", 4 * mebibyte), "vpc", "both.vhd", "force_size=on");
  auto footer = make_fixed_footer(4 * mebibyte, 0, test_uuid);
  make_differencing(footer);
  const auto bytes = serialize(footer);
  put(dynamic, 0, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  expect_refused(dynamic, "a differencing VHD, which needs the data of a parent file");
}

TEST_F(DiskSource, RefusesATruncatedDynamicDisk) {
  const auto file = converted(raw_disk("d.raw", 4 * mebibyte), "vpc", "dyn.vhd", "force_size=on");
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 512);
  expect_refused(file, "a dynamic VHD without a footer at its end: truncated");
}

TEST_F(DiskSource, RefusesQcow2ThatNamesOtherFiles) {
  const auto secret = raw_disk("host-file", 4 * mebibyte);
  const auto with_backing = qcow2_file("backing.qcow2", "", secret.string());
  expect_refused(with_backing, "a qcow2 with a backing file, which could name any file");
  const auto with_data_file = qcow2_file("external.qcow2", "data_file=" + at("data").string());
  expect_refused(with_data_file, "a qcow2 with an external data file, which could name any file");
  put(at("old.qcow"), 0, "QFI\xfb\0\0\0\x01"s);
  expect_refused(at("old.qcow"), "a qcow2 of unknown version 1");
}

TEST_F(DiskSource, PassesQemusReasonOnForADamagedVhdx) {
  put(at("bad.vhdx"), 0, "vhdxfile");
  std::filesystem::resize_file(at("bad.vhdx"), mebibyte);
  const auto error = error_of([&] { open_source(at("bad.vhdx")); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error.message().rfind("reading VHDX '" + at("bad.vhdx").string() + "': qemu-img:", 0), 0U)
      << error.message();
}

}  // namespace
}  // namespace bake
