#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/archive/archive.hpp"
#include "bake/archive/iso_reader.hpp"
#include "bake/archive/iso_writer.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "tests/support/bundles.hpp"

namespace bake::archive {
namespace {

namespace fs = std::filesystem;

const std::string long_name = std::string(130, 'n') + "+deb10~rc1_1.0-1_amd64.deb";
const std::string deep = "a/b/c/d/e/f/g/h/i/j/k/l";

void write_sample(const fs::path& file, const std::string& very_long = {}) {
  IsoWriter writer(file);
  const auto put = [&](const std::string& path, const std::string& content, bool executable = false) {
    writer.add_file(path, executable);
    writer.write(std::as_bytes(std::span(content)));
  };
  put("RPMS/COMMON/" + long_name, "package");
  writer.add_symlink("RPMS/LIBS/" + long_name, "../COMMON/" + long_name);
  writer.add_symlink("here", "./RPMS");
  put(deep + "/file", std::string(5000, 'x'), true);
  put("empty", "");
  put(".mlnx", "5.5-1.0.3.2\n");
  writer.add_link("again", ".mlnx");
  writer.add_directory("nothing/in/it");
  if (!very_long.empty()) put(very_long, "v");
  for (int i = 0; i < 300; ++i) put("many/" + std::to_string(i) + "_" + std::string(60, 'p'), std::to_string(i));
  writer.finish();
}

std::string ask(const fs::path& image, std::vector<std::string> command) {
  command.insert(command.begin(), {"xorriso", "-indev", image.string()});
  const auto result = run_program(command);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.out;
}

TEST(IsoWriter, IsDeterministic) {
  const TemporaryDirectory scratch;
  write_sample(scratch.path() / "a.iso");
  ::setenv("TZ", "Asia/Tokyo", 1);
  write_sample(scratch.path() / "b.iso");
  ::unsetenv("TZ");
  EXPECT_EQ(digest_of_file(scratch.path() / "a.iso"), digest_of_file(scratch.path() / "b.iso"));
  EXPECT_EQ(fs::file_size(scratch.path() / "a.iso") % 2048, 0U);
}

TEST(IsoWriter, IsReadBackByLibarchive) {
  const TemporaryDirectory scratch;
  const auto image = scratch.path() / "x.iso";
  write_sample(image);
  const auto bytes = read_text(image);
  ArchiveReader reader(source_of(bytes), ArchiveKind::bundle, "x.iso");
  std::map<std::string, ArchiveEntry> entries;
  for (auto entry = reader.next(); entry; entry = reader.next()) entries.emplace(entry->path, *entry);
  EXPECT_TRUE(reader.is_iso());
  EXPECT_EQ(entries.at("RPMS/COMMON/" + long_name).size, 7U);
  EXPECT_EQ(entries.at("RPMS/LIBS/" + long_name).type, EntryType::symlink);
  EXPECT_EQ(entries.at("RPMS/LIBS/" + long_name).target, "../COMMON/" + long_name);
  EXPECT_EQ(entries.at("here").target, "./RPMS");
  EXPECT_EQ(entries.at(deep + "/file").size, 5000U);
  EXPECT_EQ(entries.at(deep + "/file").mode, 0755U);
  EXPECT_EQ(entries.at(".mlnx").mode, 0644U);
  EXPECT_EQ(entries.at("nothing/in/it").type, EntryType::directory);
  EXPECT_TRUE(entries.contains("many/299_" + std::string(60, 'p')));
}

TEST(IsoWriter, IsReadBackByXorriso) {
  const TemporaryDirectory scratch;
  const auto image = scratch.path() / "x.iso";
  // Names of more than 168 bytes continue in a sector behind the data, which libarchive's reader does not read.
  const std::string very_long(255, 'v');
  write_sample(image, very_long);
  const auto tree = scratch.path() / "tree";
  ask(image, {"-osirrox", "on", "-extract", "/", tree.string()});
  EXPECT_EQ(read_text(tree / "RPMS/COMMON" / long_name), "package");
  EXPECT_EQ(fs::read_symlink(tree / "RPMS/LIBS" / long_name), "../COMMON/" + long_name);
  EXPECT_EQ(read_text(tree / deep / "file"), std::string(5000, 'x'));
  EXPECT_EQ(fs::file_size(tree / "empty"), 0U);
  EXPECT_EQ(read_text(tree / very_long), "v");
  EXPECT_EQ(read_text(tree / "again"), "5.5-1.0.3.2\n");
  EXPECT_EQ(read_text(tree / "many" / ("123_" + std::string(60, 'p'))), "123");
  EXPECT_THAT(ask(image, {"-pvd_info"}), ::testing::HasSubstr("BAKE_PAYLOAD"));
}

TEST(IsoWriter, ReturnsThePositionsOfTheBytes) {
  const TemporaryDirectory scratch;
  const auto image = scratch.path() / "x.iso";
  IsoWriter writer(image);
  writer.add_file("a", false);
  writer.write(std::as_bytes(std::span("hello", 5)));
  writer.add_link("b", "a");
  writer.finish();
  const auto files = writer.files();
  EXPECT_EQ(files.at("a").size, 5U);
  EXPECT_EQ(files.at("b").offset, files.at("a").offset);
  EXPECT_EQ(read_text(image).substr(files.at("a").offset, 5), "hello");
}

TEST(IsoReader, FindsTheFilesAndLinksThatTheWriterWrote) {
  const TemporaryDirectory scratch;
  const auto image = scratch.path() / "x.iso";
  const std::string very_long(255, 'v');
  const std::string target = "../" + std::string(250, 't') + "/./a";
  IsoWriter writer(image);
  const auto put = [&](const std::string& path, const std::string& content) {
    writer.add_file(path, true);
    writer.write(std::as_bytes(std::span(content)));
  };
  put("RPMS/" + long_name, std::string(5000, 'x'));
  put(deep + "/" + very_long, "v");
  put("empty", "");
  writer.add_link("again", "RPMS/" + long_name);
  writer.add_symlink("RPMS/" + very_long, target);
  writer.add_symlink("here", "./RPMS");
  writer.add_directory("nothing/in/it");
  for (int i = 0; i < 100; ++i) put("many/" + std::to_string(i) + std::string(60, 'p'), std::to_string(i));
  writer.finish();
  const auto tree = read_iso_tree(image);
  EXPECT_EQ(tree.links, (std::map<std::string, std::string>{{"RPMS/" + very_long, target}, {"here", "./RPMS"}}));
  const auto written = writer.files();
  ASSERT_EQ(tree.files.size(), written.size());
  for (const auto& [path, extent] : written) {
    ASSERT_TRUE(tree.files.contains(path)) << path;
    EXPECT_EQ(tree.files.at(path).offset, extent.offset) << path;
    EXPECT_EQ(tree.files.at(path).size, extent.size) << path;
  }
}

TEST(IsoReader, RefusesWhatTheWriterDoesNotWrite) {
  const TemporaryDirectory scratch;
  const auto image = scratch.path() / "x.iso";
  write_sample(image);
  const auto whole = read_text(image);
  const auto reason = [&](const std::string& bytes) {
    write_text_atomically(image, bytes);
    const auto error = testing::error_of([&] { read_iso_tree(image); });
    EXPECT_EQ(error.kind(), ErrorKind::untrusted);
    return error.message();
  };
  const auto says = [&](const std::string& text) { return "reading payload '" + image.string() + "': " + text; };
  auto bytes = whole;
  bytes[0] = 'x';
  EXPECT_EQ(reason(bytes), says("its system area is not empty"));
  bytes = whole;
  bytes[17 * 2048] = '\x02';  // a second volume descriptor
  EXPECT_EQ(reason(bytes), says("it has other volume descriptors than a payload of bake"));
  bytes = whole;
  bytes[16 * 2048 + 129] = '\x04';  // blocks of 1024 bytes
  EXPECT_EQ(reason(bytes), says("it has blocks of another size than a payload of bake"));
  bytes = whole;
  bytes.replace(bytes.rfind("NM"), 2, "ZF");
  EXPECT_EQ(reason(bytes), says("it has a Rock Ridge entry that bake does not write"));
  EXPECT_EQ(reason(whole.substr(0, 4096)), says("it is truncated"));
}

TEST(IsoReader, SurvivesEveryChangedByte) {
  const TemporaryDirectory scratch;
  const auto image = scratch.path() / "x.iso";
  write_sample(image);
  auto bytes = read_text(image);
  const auto directories = bytes.find("RRIP_1991A");
  ASSERT_NE(directories, std::string::npos);
  for (auto at = directories - 2048; at < bytes.size(); at += 499) {
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    write_text_atomically(image, bytes);
    try {
      read_iso_tree(image);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::untrusted) << at;
    }
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
  }
}

TEST(Zip, IsDeterministicAndReadable) {
  const TemporaryDirectory scratch;
  const std::vector<ZipFile> files{{"HandlerManifest.json", "{}\n"},
                                   {"bin/ib-firstboot", std::string(3000, 'x'), 0755}};
  write_zip(scratch.path() / "a.zip", files);
  write_zip(scratch.path() / "b.zip", files);
  EXPECT_EQ(digest_of_file(scratch.path() / "a.zip"), digest_of_file(scratch.path() / "b.zip"));
  const auto listing = run_program({"bsdtar", "-tvf", (scratch.path() / "a.zip").string()});
  EXPECT_EQ(listing.status, 0);
  EXPECT_THAT(listing.out, ::testing::ContainsRegex("-rwxr-xr-x .* 3000 .* bin/ib-firstboot"));
  EXPECT_EQ(run_program({"bsdtar", "-xOf", (scratch.path() / "a.zip").string(), "HandlerManifest.json"}).out, "{}\n");
}

}  // namespace
}  // namespace bake::archive
