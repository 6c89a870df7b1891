#include <algorithm>

#include "bake/base/process.hpp"
#include "bake/disk/check.hpp"
#include "bake/disk/partition.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake {
namespace {

using namespace std::string_literals;
using DiskFooter = DiskTest;
using Problems = std::vector<Problem>;

std::vector<std::string> fields(const std::vector<Problem>& problems) {
  std::vector<std::string> names;
  names.reserve(problems.size());
  for (const auto& problem : problems) names.push_back(problem.where);
  return names;
}

using Fields = std::vector<std::string>;

VhdFooter good() { return make_fixed_footer(64 * mebibyte, test_time, test_uuid); }

TEST(Footer, SurvivesARoundTrip) {
  const auto footer = good();
  EXPECT_EQ(parse_footer(serialize(footer)), footer);
  EXPECT_EQ(footer.checksum, footer.computed_checksum);
  EXPECT_EQ(footer.created(), test_time);
  EXPECT_TRUE(check_footer(footer, 64 * mebibyte + 512).errors.empty());
  EXPECT_TRUE(check_footer(footer, 64 * mebibyte + 512).warnings.empty());
}

TEST(Footer, NeedsTheCookie) {
  auto bytes = serialize(good());
  bytes[0] = std::byte{'C'};
  EXPECT_EQ(parse_footer(bytes), std::nullopt);
}

TEST(Footer, ClampsTheTime) {
  EXPECT_EQ(make_fixed_footer(mebibyte, 0, test_uuid).timestamp, 0U);
  EXPECT_EQ(make_fixed_footer(mebibyte, 946684800, test_uuid).timestamp, 0U);
  EXPECT_EQ(make_fixed_footer(mebibyte, INT64_MAX, test_uuid).timestamp, UINT32_MAX);
}

TEST(Footer, RefusesToBeMadeWrong) {
  EXPECT_EQ(error_of([] { make_fixed_footer(mebibyte + 512, 0, test_uuid); }).kind(), ErrorKind::bug);
  EXPECT_EQ(error_of([] { make_fixed_footer(2041 * gibibyte, 0, test_uuid); }).kind(), ErrorKind::bug);
  EXPECT_EQ(error_of([] { make_fixed_footer(mebibyte, 0, "no uuid"); }).kind(), ErrorKind::bug);
}

TEST(Footer, ReportsEveryProblemAtOnce) {
  auto footer = good();
  footer.saved_state = 1;
  footer.type = VhdType::differencing;
  footer.version = 0x00020000;
  footer.checksum = 7;
  EXPECT_EQ(fields(check_footer(footer, 64 * mebibyte + 512).errors),
            (Fields{"checksum", "disk type", "version", "saved state"}));
}

TEST(Footer, SeesAWrongChecksum) {
  auto bytes = serialize(good());
  bytes[500] = std::byte{1};  // in the reserved part, which the checksum covers
  const auto footer = parse_footer(bytes);
  ASSERT_TRUE(footer);
  const Problems expected{
      {"checksum", fmt::format("{:#010x}, but the footer's bytes make {:#010x}", good().checksum, good().checksum - 1),
       "the footer was damaged or edited: fetch the file again"}};
  EXPECT_EQ(check_footer(*footer, 64 * mebibyte + 512).errors, expected);
}

TEST(Footer, ComparesCurrentSizeWithTheFile) {
  const Problems expected{{"current size", "67108864 bytes, but the file holds 66060288 bytes of data",
                           "the file was cut off or grown: fetch it again"}};
  EXPECT_EQ(check_footer(good(), 63 * mebibyte + 512).errors, expected);
}

TEST(Footer, WarnsWhereQemuWouldReadTheGeometry) {
  auto footer = make_fixed_footer(30 * gibibyte, test_time, test_uuid);
  footer.creator_app = "wa\0\0"s;
  EXPECT_TRUE(check_footer(footer, 30 * gibibyte + 512).warnings.empty());  // the largest geometry: current size counts
  footer.cylinders = 62415;
  footer.sectors_per_track = 63;
  footer.checksum = footer.computed_checksum;
  const auto found = check_footer(footer, 30 * gibibyte + 512);
  EXPECT_TRUE(found.errors.empty());
  EXPECT_EQ(found.warnings,
            (Problems{{"geometry", "62415/16/63 reaches 32212131840 bytes, current size says 32212254720",
                       "Azure and bake read current size; give qemu-img force_size_calc=current_size"}}));
  footer.creator_app = "win ";
  EXPECT_TRUE(check_footer(footer, 30 * gibibyte + 512).warnings.empty());
}

TEST(Footer, KnowsAzuresSizes) {
  EXPECT_TRUE(check_size(1023 * gibibyte).errors.empty());
  EXPECT_TRUE(check_size(1023 * gibibyte).warnings.empty());
  EXPECT_EQ(check_size(1024 * gibibyte).warnings,
            (Problems{{"virtual size",
                       "1099511627776 bytes is more than the 1023 GiB that Azure advises for an operating system disk",
                       ""}}));
  EXPECT_TRUE(check_size(2040 * gibibyte).errors.empty());
  EXPECT_EQ(fields(check_size(2040 * gibibyte + 1).errors), (Fields{"virtual size", "virtual size"}));
  EXPECT_EQ(fields(check_size(0).errors), (Fields{"virtual size"}));
  EXPECT_EQ(check_size(mebibyte + 512).errors,
            (Problems{{"virtual size", "1049088 bytes is not a multiple of 1 MiB, which Azure requires",
                       "pad it to a multiple of 1 MiB"}}));
}

TEST(Footer, RoundsUpToMebibytes) {
  EXPECT_EQ(round_up_to_mib(mebibyte), mebibyte);
  EXPECT_EQ(round_up_to_mib(mebibyte + 1), 2 * mebibyte);
  EXPECT_EQ(round_up_to_mib(0), 0U);
}

TEST_F(DiskFooter, IsByteForByteTheOneQemuWrites) {
  const auto raw = raw_disk("disk.raw", 64 * mebibyte);
  const auto made = run_program({"qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", "subformat=fixed,force_size=on",
                                 raw.string(), at("qemu.vhd").string()});
  ASSERT_EQ(made.status, 0) << made.err;
  ASSERT_EQ(std::filesystem::file_size(at("qemu.vhd")), 64 * mebibyte + 512);
  const auto theirs = get(at("qemu.vhd"), 64 * mebibyte, 512);
  const auto parsed = parse_footer(std::as_bytes(std::span<const char, 512>(theirs.data(), 512)));
  ASSERT_TRUE(parsed);
  // With their time and identity every byte is the same, the checksum too.
  const auto ours = serialize(make_fixed_footer(64 * mebibyte, parsed->created(), parsed->uuid));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(ours.data()), ours.size()), theirs);
}

TEST_F(DiskFooter, ExaminesAGoodVhd) {
  const auto report = examine_vhd(fixed_vhd("good.vhd", 2 * mebibyte));
  EXPECT_TRUE(report.findings.errors.empty());
  EXPECT_TRUE(report.findings.warnings.empty());
  EXPECT_EQ(report.file_size, 2 * mebibyte + 512);
  ASSERT_TRUE(report.footer);
  EXPECT_EQ(report.footer->uuid, test_uuid);
}

TEST_F(DiskFooter, ExaminesBadOnes) {
  EXPECT_EQ(fields(examine_vhd(raw_disk("a.raw", mebibyte)).findings.errors), (Fields{"cookie"}));
  EXPECT_EQ(fields(examine_vhd(raw_disk("tiny", 512)).findings.errors), (Fields{"cookie"}));
  EXPECT_EQ(fields(examine_vhd(fixed_vhd("odd.vhd", mebibyte + 512)).findings.errors), (Fields{"virtual size"}));
  const auto bad = fixed_vhd("bad.vhd", mebibyte, [](VhdFooter& footer) {
    footer.current_size = mebibyte + 512;
    footer.saved_state = 1;
  });
  EXPECT_EQ(fields(examine_vhd(bad).findings.errors), (Fields{"current size", "saved state", "virtual size"}));
}

std::array<std::byte, partition_head_size> mbr_head(unsigned status, unsigned type, std::uint32_t start,
                                                    std::uint32_t count) {
  std::array<std::byte, partition_head_size> head{};
  head[446] = static_cast<std::byte>(status);
  head[450] = static_cast<std::byte>(type);
  for (unsigned i = 0; i < 4; ++i) {
    head.at(454 + i) = static_cast<std::byte>(start >> (8 * i));
    head.at(458 + i) = static_cast<std::byte>(count >> (8 * i));
  }
  head[510] = std::byte{0x55};
  head[511] = std::byte{0xaa};
  return head;
}

TEST(Partition, EndsWhereTheLastPartitionEnds) {
  EXPECT_EQ(partition_table_end(mbr_head(0x80, 0x83, 2048, 2048)), 2 * mebibyte);
  EXPECT_EQ(partition_table_end(mbr_head(0, 0x83, UINT32_MAX, UINT32_MAX)), 2 * std::uint64_t{UINT32_MAX} * 512);
  EXPECT_EQ(partition_table_end(mbr_head(0x41, 0x83, 2048, 2048)), 0U);  // boot code, not a partition entry
  EXPECT_EQ(partition_table_end(mbr_head(0, 0, 2048, 2048)), 0U);
  EXPECT_EQ(partition_table_end(mbr_head(0, 0xee, 1, UINT32_MAX)), 0U);
}

TEST(Partition, EndsAfterTheBackupGpt) {
  auto head = mbr_head(0, 0xee, 1, UINT32_MAX);
  std::ranges::transform("EFI PART"s, head.begin() + 512, [](char c) { return static_cast<std::byte>(c); });
  head[512 + 32] = std::byte{0xff};
  head[512 + 33] = std::byte{0x0f};
  EXPECT_EQ(partition_table_end(head), 2 * mebibyte);
  std::fill_n(head.begin() + 512 + 32, 8, std::byte{0xff});
  EXPECT_EQ(partition_table_end(head), UINT64_MAX);
}

}  // namespace
}  // namespace bake
