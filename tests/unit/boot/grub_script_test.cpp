#include "bake/boot/grub_script.hpp"

#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/boot/bls.hpp"
#include "bake/boot/grub_env.hpp"
#include "bake/boot/grub_run.hpp"
#include "bake/boot/grub_test.hpp"

namespace bake::guest {
namespace {

/// One file system for every device.
class FakeDisk final : public GrubDisk {
 public:
  explicit FakeDisk(std::map<std::string, std::string> files) : files_(std::move(files)) {}

  GrubFileKind kind(const std::string& /*device*/, const std::string& path) override {
    if (const auto found = files_.find(path); found != files_.end())
      return found->second.empty() ? GrubFileKind::empty_file : GrubFileKind::file;
    return list("", path).empty() ? GrubFileKind::none : GrubFileKind::directory;
  }
  std::optional<std::string> read(const std::string& /*device*/, const std::string& path) override {
    const auto found = files_.find(path);
    return found == files_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::string> list(const std::string& /*device*/, const std::string& path) override {
    std::vector<std::string> names;
    const auto prefix = path.ends_with('/') ? path : path + "/";
    for (const auto& [name, content] : files_)
      if (name.starts_with(prefix) && name.find('/', prefix.size()) == std::string::npos)
        names.push_back(name.substr(prefix.size()));
    return names;
  }
  std::optional<std::string> search(GrubSearch by, const std::string& what) override {
    if (by == GrubSearch::file && !files_.contains(what)) return std::nullopt;
    return what == "gone" ? std::nullopt : std::optional("found-" + what);
  }
  bool is_mounted(const std::string& /*device*/) override { return true; }
  std::string name_of(const std::string& /*device*/, const std::string& path) override { return path; }

 private:
  std::map<std::string, std::string> files_;
};

GrubBoot run(const std::string& script, std::map<std::string, std::string> files = {},
             GrubRules rules = GrubRules::upstream) {
  files["/grub.cfg"] = script;
  FakeDisk disk(std::move(files));
  return run_grub(disk, {"hd0", "/grub.cfg", false, rules, {}, {}},
                  [](const std::string& image) { return image.find("missing") == std::string::npos; });
}

/// What a script sets its variable "v" to, seen as the option of a kernel.
std::string value(const std::string& script, const std::map<std::string, std::string>& files = {}) {
  return run(script + "\nmenuentry e {\n linux /k \"$v\"\n}\n", files).options;
}

/// The image that a menu of four entries a, b, s (a submenu of c and d) and f boots.
std::string image(const std::string& script, GrubRules rules = GrubRules::upstream,
                  const std::map<std::string, std::string>& files = {}) {
  const std::string menu = R"(
menuentry 'A title' --id a { linux /a; }
menuentry "B > title" --class x --unrestricted --id b { linux /b; }
submenu 'S' --id s {
  menuentry 'C' --id c { linux /c; }
  menuentry 'D' --id d { linux /d; }
}
menuentry F { linux /f; }
)";
  return run(script + menu, files, rules).image;
}

std::string trouble(const std::string& script) {
  try {
    return run(script).trouble;
  } catch (const Undetermined& problem) {
    return problem.what();
  }
}

TEST(GrubScript, Quotes) {
  EXPECT_EQ(value("set v='$x \"'"), "$x \"");
  EXPECT_EQ(value(R"(set v="a\"b\$x\\ \n")"), R"(a"b$x\ \n)");
  EXPECT_EQ(value("set v=a\\ b\\$c"), "a b$c");
  EXPECT_EQ(value("set v='two\nlines'"), "two\nlines");
  EXPECT_EQ(value("set v=con\\\ntinued"), "continued");
  EXPECT_EQ(value("set x=1; set v=a$x'b'\"${x}c\"$y"), "a1b1c");
  EXPECT_EQ(value("set v=$\"text\""), "text");
  EXPECT_EQ(value("v=assigned # comment"), "assigned");
  EXPECT_EQ(value("set v=a#b"), "a#b");
  EXPECT_EQ(value("# set v=1\r\nset v=2\r\n"), "2");
}

TEST(GrubScript, SplitsUnquotedVariables) {
  EXPECT_EQ(value("function n { set v=$#; }\nset x=' a  b '\nn $x"), "2");
  EXPECT_EQ(value("function n { set v=$#; }\nset x='a b'\nn \"$x\" \"\" $none"), "2");
  EXPECT_EQ(value("function n { set v=\"$1|$2|$3|$*\"; }\nset x='b c'\nn a$x"), "ab|c||ab c");
  EXPECT_EQ(value("function n { shift; set v=\"$*\"; }\nn a b c"), "b c");
}

TEST(GrubScript, Conditions) {
  const std::string script = "if [ \"$x\" = 1 ]; then\n v=one\nelif test -n \"$x\"; then v=other; else\n v=none\nfi";
  EXPECT_EQ(value("x=1\n" + script), "one");
  EXPECT_EQ(value("x=2\n" + script), "other");
  EXPECT_EQ(value(script), "none");
  EXPECT_EQ(value("if ! false; then v=1; fi"), "1");
  EXPECT_EQ(value("if true; false; then v=1; else v=2; fi"), "2") << "the last command counts";
  EXPECT_EQ(value("false\nset v=$?"), "1");
  EXPECT_EQ(value("function f { return 1; }\nif f; then v=1; else v=2; fi"), "2");
}

TEST(GrubScript, Loops) {
  EXPECT_EQ(value("for i in 1 2 3; do if [ $i = 2 ]; then continue; fi; v=$v$i; done"), "13");
  EXPECT_EQ(value("for i in 1 2 3; do if [ $i = 2 ]; then break; fi; v=$v$i; done"), "1");
  EXPECT_EQ(value("while [ \"$v\" != xxx ]; do v=x$v; done"), "xxx");
  EXPECT_EQ(value("until [ \"$v\" = xx ]; do v=x$v; done"), "xx");
  EXPECT_EQ(value("n=7; increment n; increment n; decrement n; v=$n"), "8");
}

TEST(GrubScript, Functions) {
  EXPECT_EQ(value("function f { v=$v$1; if [ $1 = 2 ]; then return; fi; v=${v}n; }\nf 1; f 2; f 3"), "1n23n");
  EXPECT_EQ(value("function f {\n setparams x y\n v=$2\n}\nf a b"), "y");
  EXPECT_EQ(value("eval \"v=1 ; v=\\$v$v\""), "1");
}

TEST(GrubScript, SaysWhereTheGrammarFails) {
  EXPECT_EQ(parse_grub_script("if true; then\nfi\n").error, "line 2: unexpected 'fi'");
  EXPECT_EQ(parse_grub_script("a\nb | c\n").error, "line 2: GRUB has no '|'");
  EXPECT_EQ(parse_grub_script("a 'b").error, "line 1: a quote is not closed");
  EXPECT_EQ(parse_grub_script("a \"$ b\"").error, "line 1: '$' without a name");
  EXPECT_EQ(parse_grub_script("menuentry a {\n true\n").error, "line 3: unexpected end of the file");
  EXPECT_EQ(parse_grub_script("a;;b").error, "line 1: ';;'");
  EXPECT_EQ(parse_grub_script("echo if then; 'if' x\n").error, "") << "keywords are words where a command goes on";
  EXPECT_EQ(trouble("menuentry a { linux /a; }\nfi\n"), "/grub.cfg: line 2: unexpected 'fi'");
}

TEST(GrubScript, Limits) {
  EXPECT_EQ(trouble("while true; do true; done"), "the script runs for more than 20000 commands");
  EXPECT_EQ(trouble("function f { f; }\nf"), "commands are nested deeper than 48 levels");
  EXPECT_EQ(trouble("a=xx\nwhile true; do a=$a$a; done"), "the script makes more than 4 MiB");
  EXPECT_EQ(trouble("for i in 1 2 3 4 5 6 7 8 9; do for j in 1 2 3 4 5 6 7 8 9; do for k in 1 2 3 4 5 6 7 8 9; do "
                    "test -f /a -o -f /b; done; done; done"),
            "the script asks for more than 1000 files");
  std::string words;
  for (int i = 0; i < 100'001; ++i) words += "a ";
  EXPECT_EQ(parse_grub_script(words).error, "line 1: more than 100000 words");
  std::string nested;
  for (int i = 0; i < 100; ++i) nested += "if true; then ";
  EXPECT_EQ(parse_grub_script(nested).error, "line 1: nested deeper than 64 levels");
}

TEST(GrubTest, ComparesAndTestsFiles) {
  const auto kind = [](const std::string& path) {
    if (path == "/f") return GrubFileKind::file;
    if (path == "/empty") return GrubFileKind::empty_file;
    return path == "/d" ? GrubFileKind::directory : GrubFileKind::none;
  };
  const auto test = [&](const std::string& words) {
    auto arguments = split(words, ' ');
    for (auto& word : arguments) word = replace_all(word, "''", "");
    return evaluate_grub_test(arguments, kind);
  };
  for (const auto* holds : {"a = a",
                            "a == a",
                            "a != b",
                            "a < b",
                            "b >= b",
                            "10 -eq 0xa",
                            "-1 -lt 0",
                            "2 -le 2",
                            "v2 -plt v11",
                            "-n a",
                            "-z ''",
                            "-f /f",
                            "-f /empty",
                            "-s /f",
                            "-e /d",
                            "-d /d",
                            "! -e /x",
                            "a",
                            "-z '' -a a = a",
                            "a = b -o a = a",
                            "a = b -a a = b -o a = a",
                            "( a = b -o a = a ) -a -n x",
                            "! a = b",
                            "-n -n"})
    EXPECT_TRUE(test(holds)) << holds;
  for (const auto* fails : {"a = b", "a > b", "-n ''", "-z a", "-s /empty", "-f /d", "-d /f", "-e /x", "''", "! a = a",
                            "a = a -a a = b", "( a = a ) -a a = b", "3 -gt 4", "3 -ne 3"})
    EXPECT_FALSE(test(fails)) << fails;
  EXPECT_THROW(test("/f -nt /d"), Undetermined);
}

TEST(GrubRun, UpstreamTakesANumberFirst) {
  EXPECT_EQ(image(""), "/a");
  EXPECT_EQ(image("set default=1"), "/b");
  EXPECT_EQ(image("set default=1abc"), "/b") << "what follows the number does not count";
  EXPECT_EQ(image("set default=9"), "/a") << "out of range";
  EXPECT_EQ(image("set default=b"), "/b");
  EXPECT_EQ(image("set default='B >> title'"), "/b");
  EXPECT_EQ(image("set default='no such entry'"), "/a");
  EXPECT_EQ(image("set default=2"), "/c");
  EXPECT_EQ(image("set default='2>1'"), "/d");
  EXPECT_EQ(image("set default='S>D'"), "/d");
  EXPECT_EQ(image("set default='s>d'"), "/d");
  EXPECT_EQ(image("set default='2>9'"), "/c");
  EXPECT_EQ(image("set default=F"), "/f") << "an entry without an id has its title for one";
}

TEST(GrubRun, El8TakesAnIdFirst) {
  const std::string numeric = "menuentry N --id 1b { linux /n; }\n";
  EXPECT_EQ(image(numeric + "set default=1b", GrubRules::el8), "/n");
  EXPECT_EQ(image(numeric + "set default=1b", GrubRules::upstream), "/a");
  EXPECT_EQ(image("set default=1", GrubRules::el8), "/b");
  EXPECT_EQ(image("set default='A title'", GrubRules::el8), "/a");
  EXPECT_EQ(image("set default='s>d'", GrubRules::el8), "/d");
  EXPECT_EQ(image("set default='2>1'", GrubRules::el8), "/a") << "a number must be all there is";
  EXPECT_EQ(image("set default=2", GrubRules::el8), "/c");
  EXPECT_EQ(
      image(
          "set default=1\nsubmenu T --id t { menuentry X { linux /x; }\n menuentry Y { linux /y; }\n }\nset default=0",
          GrubRules::el9),
      "/x");
  EXPECT_EQ(
      image("menuentry Z { linux /z; }\nsubmenu T { menuentry X { linux /x; }\n menuentry Y { linux /y; }\n }\nset "
            "default=1",
            GrubRules::el9),
      "/y")
      << "the submenu keeps the default";
}

TEST(GrubRun, EntriesRunTheirCommands) {
  const auto boot =
      run("function f { set x=$1; }\nmenuentry T --id i {\n f 1\n if [ $x = 1 ]; then\n  linux /one ro\n"
          "  initrd /i\n else\n  linux /two\n fi\n}\n");
  EXPECT_EQ(boot.title, "T");
  EXPECT_EQ(boot.id, "i");
  EXPECT_EQ(boot.image, "/one");
  EXPECT_EQ(boot.options, "ro");
  EXPECT_EQ(run("menuentry W { chainloader +1; }").image, "");
  EXPECT_EQ(run("menuentry W { chainloader +1; }").title, "W");
  EXPECT_EQ(run("linux /direct a b\nboot\nmenuentry x { linux /x; }").image, "/direct");
  EXPECT_EQ(run("set root=hd1\nmenuentry x { linux ($root)/x; }").image, "/x");
  EXPECT_EQ(run("menuentry x { linux (hd7)/x; }").image, "(hd7)/x");
  EXPECT_EQ(trouble("halt"), "'halt' ends GRUB");
  EXPECT_EQ(trouble("true"), "the menu is empty");
}

TEST(GrubRun, AnEntryMayAddEntriesToItsOwnMenu) {
  std::string script = "menuentry a {\n";
  for (int i = 0; i < 100; ++i) script += "menuentry added-" + std::to_string(i) + " { true; }\n";
  script += "linux /boot/vmlinuz-1\n}\n";
  EXPECT_EQ(run(script).image, "/boot/vmlinuz-1");
}

TEST(GrubRun, FallsBack) {
  const std::string menu = "menuentry a { linux /missing; }\nmenuentry b { true; }\nmenuentry c { linux /c; }\n";
  const auto boot = run("set fallback='1 2'\n" + menu);
  EXPECT_EQ(boot.image, "/c");
  EXPECT_EQ(boot.failed_image, "/missing");
  EXPECT_EQ(run(menu).image, "/missing");
  EXPECT_EQ(run("set fallback=c\n" + menu, {}, GrubRules::el8).image, "/c");
}

TEST(GrubRun, ReadsOtherFiles) {
  const std::map<std::string, std::string> files{
      {"/more/x.cfg", "v=$config_directory\n"},
      {"/more/menu.cfg", "set default=1\nmenuentry x { linux /x; }\nmenuentry y { linux /y; }\n"},
      {"/env", "# GRUB Environment Block\nv=loaded\nw=1\n####"},
      {"/grubenv", "# GRUB Environment Block\nv=own\n####"},
      {"/bad", "v=1\n"}};
  EXPECT_EQ(value("source /more/x.cfg", files), "(hd0)/more");
  EXPECT_EQ(value(". ($root)/more/x.cfg; v=$v:$config_file", files), "(hd0)/more:(hd0)/grub.cfg");
  EXPECT_EQ(value("load_env", files), "own");
  EXPECT_EQ(value("load_env --file /env", files), "loaded");
  EXPECT_EQ(value("load_env -f /env w", files), "");
  EXPECT_EQ(value("if load_env -f /bad; then v=2; fi", files), "");
  EXPECT_EQ(value("load_env; v=new; save_env v; v=; load_env", files), "new");
  EXPECT_EQ(value("if [ -s $prefix/grubenv -a -d /more -a ! -e /nothing ]; then v=1; fi", files), "1");
  EXPECT_EQ(run("configfile /more/menu.cfg\nmenuentry z { linux /z; }", files).image, "/y");
  EXPECT_EQ(run("configfile /none.cfg\nmenuentry z { linux /z; }", files).image, "/z");
  EXPECT_EQ(trouble("configfile /none.cfg"), "'/none.cfg' is not there");
}

TEST(GrubRun, Searches) {
  EXPECT_EQ(value("search --no-floppy --fs-uuid --set=v --hint-bios=hd0,gpt2 --hint='hd0,gpt2' 1-2"), "found-1-2");
  EXPECT_EQ(value("search -n -u 1-2 -s; v=$root"), "found-1-2");
  EXPECT_EQ(value("search --no-floppy --set v --file /grub.cfg"), "found-/grub.cfg");
  EXPECT_EQ(value("search.fs_uuid 1-2 v hd0,gpt1"), "found-1-2");
  EXPECT_EQ(value("if search --label gone --set=root; then v=1; else v=$root; fi"), "hd0") << "nothing found";
  EXPECT_EQ(value("search --label x; v=$root"), "hd0") << "without --set it is only shown";
}

TEST(GrubRun, AsksTheMachineOnlyWhenItMatters) {
  const auto boot =
      run("if keystatus --shift; then set default=1; fi\nmenuentry a { linux /a; }\nmenuentry b { linux /b; }");
  EXPECT_EQ(boot.asked, std::vector<std::string>{"keystatus --shift"});
  EXPECT_EQ(run("keystatus --shift\nmenuentry a { linux /a; }").asked, std::vector<std::string>{});
  EXPECT_EQ(
      run("smbios --type 1 --get-string 4 --set x\nif [ \"$x\" = HP ]; then y=1; fi\nmenuentry a { linux /a; }").asked,
      std::vector<std::string>{"a test of 'smbios'"});
  EXPECT_EQ(trouble("smbios --type 1 --set x\nset default=\"$x\"\nmenuentry a { linux /a; }"),
            "the default is made of 'smbios', which only the machine knows");
  EXPECT_EQ(trouble("legacy_configfile /menu.lst"), "bake cannot evaluate GRUB's command 'legacy_configfile'");
  EXPECT_EQ(trouble("for i in /boot/*.cfg; do source $i; done"), "a loop over the files '/boot/*.cfg'");
}

TEST(GrubRun, AddsBlsEntriesWhereTheyAreCalled) {
  const std::map<std::string, std::string> files{
      {"/loader/entries/m-1-1.conf", "title One\nversion 1-1\nlinux /one\noptions $kernelopts $none quiet\n"},
      {"/loader/entries/m-1-10.conf", "title Ten\nversion 1-10\nlinux /ten\n"},
      {"/loader/entries/readme", "linux /readme\n"},
      {"/loader/entries/m-2-1.conf", "title no kernel\nversion 2-1\n"}};
  const std::string menu =
      "menuentry first { linux /first; }\nkernelopts='ro a'\nblscfg\nmenuentry last { linux /last; }\n";
  for (const auto rules : {GrubRules::el8, GrubRules::el9}) {
    EXPECT_EQ(run(menu, files, rules).image, "/first");
    EXPECT_EQ(run("default=1\n" + menu, files, rules).image, "/ten");
    EXPECT_EQ(run("default=m-1-1\n" + menu, files, rules).options, "ro a quiet");
    EXPECT_EQ(run("default=One\n" + menu, files, rules).image, "/one");
    EXPECT_EQ(run("default=3\n" + menu, files, rules).image, "/last");
    EXPECT_EQ(run("default=m-1-1\n" + menu, files, rules).menu, "/loader/entries");
  }
  EXPECT_EQ(trouble("blscfg\nmenuentry a { linux /a; }"), "'blscfg' finds no entry in /boot/loader/entries");
}

std::vector<std::string> bls_order(const std::vector<std::pair<std::string, std::string>>& names, GrubRules rules) {
  std::vector<BlsEntry> entries;
  for (const auto& [name, version] : names)
    entries.push_back(parse_bls_entry(name, version.empty() ? "linux /x\n" : "version " + version + "\n"));
  sort_bls_entries(entries, rules);
  std::vector<std::string> order;
  for (const auto& entry : entries) order.push_back(entry.name);
  return order;
}

TEST(Bls, OrdersByVersionInEl8AndByFileNameInEl9) {
  const std::vector<std::pair<std::string, std::string>> clones{{"f-4.18.0-240.1.1.el8", "4.18.0-240.1.1.el8"},
                                                                {"a-4.18.0-240.15.1.el8", "4.18.0-240.15.1.el8"},
                                                                {"a-0-rescue", "0-rescue-a"}};
  EXPECT_EQ(bls_order(clones, GrubRules::el8),
            (std::vector<std::string>{"a-4.18.0-240.15.1.el8", "f-4.18.0-240.1.1.el8", "a-0-rescue"}));
  EXPECT_EQ(bls_order(clones, GrubRules::el9),
            (std::vector<std::string>{"f-4.18.0-240.1.1.el8", "a-4.18.0-240.15.1.el8", "a-0-rescue"}));
  auto one_without = clones;
  one_without[2].second.clear();
  EXPECT_EQ(bls_order(one_without, GrubRules::el8),
            (std::vector<std::string>{"f-4.18.0-240.1.1.el8", "a-4.18.0-240.15.1.el8", "a-0-rescue"}))
      << "by version only when every entry has one";
  EXPECT_THROW(bls_order({{"a-1.0-1", ""}, {"a-1_0-1", ""}}, GrubRules::el9), Undetermined);
}

TEST(Bls, ComparesVersionsAsRpmDoes) {
  const auto compare = [](std::string_view a, std::string_view b) {
    return compare_bls_versions(a, b, GrubRules::el9);
  };
  EXPECT_EQ(compare("240.15.1", "240.1.1"), 1);
  EXPECT_EQ(compare("1.0", "1.0.1"), -1);
  EXPECT_EQ(compare("1.a", "1.1"), -1);
  EXPECT_EQ(compare("1.0~rc1", "1.0"), -1);
  EXPECT_EQ(compare("1.0+debug", "1.0"), 1);
  EXPECT_EQ(compare("007", "7"), 0);
  EXPECT_EQ(compare("240.el8_3", "240.el8"), 1);
  EXPECT_EQ(compare_bls_versions("1.0+debug", "1.0debug", GrubRules::el8), 0) << "EL8 does not know '+'";
}

TEST(Bls, ReadsAnEntryUpToTheFirstLineWithoutAValue) {
  const auto entry = parse_bls_entry("x", "# comment\ntitle  A b\n\tlinux\t/k\noptions a\noptions b\n\nversion 1\n");
  EXPECT_EQ(entry.value("title"), "A b");
  EXPECT_EQ(entry.value("linux"), "/k");
  EXPECT_EQ(entry.value("options"), "a") << "GRUB takes the first";
  EXPECT_EQ(entry.value("version"), std::nullopt);
}

TEST(GrubEnv, ReadsTheEnvironmentBlock) {
  EXPECT_EQ(parse_grubenv("# GRUB Environment Block\na=1\nb=x\\\\y\\\nz\nbroken=1"),
            (GrubVariables{{"a", "1"}, {"b", "x\\y\nz"}}));
  EXPECT_EQ(parse_grubenv("a=1\n"), GrubVariables{});
}

TEST(GrubNumbers, AreReadAsGrubReadsThem) {
  EXPECT_EQ(parse_grub_number(" 12x").value, 12U);
  EXPECT_EQ(parse_grub_number(" 12x").end, 3U);
  EXPECT_EQ(parse_grub_number("0x1F").value, 31U);
  EXPECT_EQ(parse_grub_number("010").value, 8U);
  EXPECT_FALSE(parse_grub_number("x").found);
  EXPECT_TRUE(parse_grub_number("99999999999999999999").overflow);
  EXPECT_EQ(parse_signed_grub_number("-3"), -3);
}

}  // namespace
}  // namespace bake::guest
