// `bake bundle trust`: the keys that vouch for bundles.
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>

#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::cli {
namespace {

struct Result {
  int status = 0;
  std::string out, err;

  bool operator==(const Result&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Result& result) {
  return out << result.status << "\n" << result.out << result.err;
}

class TrustCommand : public testing::StoreTest {
 protected:
  Result trust(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"bundle", "trust", "--store", directory});
    std::ostringstream out, err;
    const int status = run(arguments, out, err);
    return {status, out.str(), err.str()};
  }
  static Result done(const std::string& out) { return {0, out, ""}; }
  static Result refused(const std::string& message, const std::string& hint) {
    return {2, "", "bake: error: " + message + "\n" + (hint.empty() ? "" : "bake: hint: " + hint + "\n")};
  }
  static std::string last(const std::string& fingerprint, std::size_t digits) {
    return fingerprint.substr(fingerprint.size() - digits);
  }

  const std::string directory = store.directory().string();
  const std::string vendor = testing::vendor().fingerprint();
  const std::string stranger = testing::stranger().fingerprint();
  const std::string vendor_file = write("vendor.asc", testing::vendor().public_key()).string();
  const std::string both_file =
      write("both.gpg", testing::stranger().public_key(false) + testing::vendor().public_key(false)).string();
  const std::string vendor_id = "Test Vendor <vendor@example.org>";
  const std::string stranger_id = "Another Vendor <else@example.org>";
};

TEST_F(TrustCommand, ReportsKeysThatAreAlreadyTrusted) {
  EXPECT_EQ(trust({vendor_file}), done("trusted " + vendor + "  " + vendor_id + "\n"));
  EXPECT_EQ(trust({vendor_file}), done("already trusted " + vendor + "  " + vendor_id + "\n"));
  const auto json = Json::parse(trust({both_file, "--json"}).out).at("trusted");
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json.at(0), Json({{"fingerprint", stranger}, {"user_id", stranger_id}, {"already_trusted", false}}));
  EXPECT_EQ(json.at(1), Json({{"fingerprint", vendor}, {"user_id", vendor_id}, {"already_trusted", true}}));
}

TEST_F(TrustCommand, TrustingOneKeyOfAFileKeepsTheOthers) {
  trust({both_file});
  trust({write("stranger.asc", testing::stranger().public_key()).string()});  // the first of both
  std::set<std::string> all;
  for (const auto& trusted : store.trusted_keys()) all.insert(trusted.key.fingerprint);
  EXPECT_EQ(all, (std::set<std::string>{vendor, stranger}));
  trust({both_file});
  EXPECT_EQ(store.trusted_keys().size(), 3U);  // the file of both in its own place again
}

TEST_F(TrustCommand, AnOlderFileDoesNotUndoARevocation) {
  const testing::Gpg key("Old Vendor <old@example.org>");
  const auto before = write("before.asc", key.public_key()).string();
  const auto certificate =
      write("revocation.asc",
            replace_all(read_text(key.home() / "openpgp-revocs.d" / (key.fingerprint() + ".rev")), ":-----", "-----"));
  key.run({"--import", certificate.string()}, "revoking a key");
  EXPECT_EQ(trust({before}).status, 0);
  EXPECT_EQ(trust({write("after.asc", key.public_key()).string()}).status, 0);
  EXPECT_EQ(trust({before}), (Result{4, "",
                                     "bake: error: trusting the keys of '" + before + "': key " + key.fingerprint() +
                                         " is revoked in '" + directory + "/keyring/" + key.fingerprint() +
                                         ".gpg', but not in this file\n"
                                         "bake: hint: get the current key file from the owner of the key\n"}));
  ASSERT_EQ(store.trusted_keys().size(), 1U);
  EXPECT_TRUE(store.trusted_keys().front().key.revoked);
}

TEST_F(TrustCommand, ListsTheKeysWithTheirFiles) {
  EXPECT_EQ(trust({"--list"}), refused("opening store '" + directory + "': there is no such directory",
                                       "'bake bundle add' makes a store"));
  trust({vendor_file});
  const auto file = directory + "/keyring/" + vendor + ".gpg";
  EXPECT_EQ(trust({"--list"}),
            done("fingerprint" + std::string(31, ' ') + "user id" + std::string(vendor_id.size() - 5, ' ') + "file\n" +
                 vendor + "  " + vendor_id + "  " + file + "\n"));
  EXPECT_EQ(Json::parse(trust({"--list", "--json"}).out),
            Json({{"store", directory},
                  {"keys", Json::array({{{"fingerprint", vendor}, {"user_id", vendor_id}, {"file", file}}})}}));
}

TEST_F(TrustCommand, WithdrawsTheKeyWithTheLastDigits) {
  trust({vendor_file});
  trust({write("stranger.asc", testing::stranger().public_key()).string()});
  EXPECT_EQ(trust({"--remove", to_lower(last(vendor, 8))}), done("withdrawn " + vendor + "  " + vendor_id + "\n"));
  ASSERT_EQ(store.trusted_keys().size(), 1U);
  EXPECT_EQ(store.trusted_keys().front().key.fingerprint, stranger);
  EXPECT_EQ(trust({"--remove", vendor}),
            refused("withdrawing key '" + vendor + "': the store '" + directory + "' does not trust it",
                    "it trusts " + stranger + " (" + stranger_id + ")"));
  EXPECT_EQ(Json::parse(trust({"--remove", stranger, "--json"}).out),
            Json({{"withdrawn", Json::array({{{"fingerprint", stranger}, {"user_id", stranger_id}}})}}));
  EXPECT_EQ(trust({"--list"}), done("the store '" + directory + "' trusts no key\n"));
}

TEST_F(TrustCommand, WithdrawsTheKeysOfTheSameFileAndReportsThem) {
  trust({vendor_file});
  trust({both_file});
  // The vendor's key is in both files, so both must be removed.
  std::string lines;  // in the order of the files, which their fingerprints name
  for (const auto& [key, id] : std::map<std::string, std::string>{{vendor, vendor_id}, {stranger, stranger_id}})
    lines += "withdrawn " + key + "  " + id + "\n";
  EXPECT_EQ(trust({"--remove", vendor}), done(lines));
  EXPECT_TRUE(store.trusted_keys().empty());
}

TEST_F(TrustCommand, KeepsAKeyThatAnotherFileContains) {
  trust({vendor_file});
  trust({both_file});
  EXPECT_EQ(trust({"--remove", stranger}), done("withdrawn " + stranger + "  " + stranger_id + "\n"));
  ASSERT_EQ(store.trusted_keys().size(), 1U);
  EXPECT_EQ(store.trusted_keys().front().key.fingerprint, vendor);
}

TEST_F(TrustCommand, RefusesANameOfNoKey) {
  EXPECT_EQ(trust({"--remove", vendor}), refused("withdrawing key '" + vendor + "': the store '" + directory +
                                                     "' does not trust it: there is no such directory",
                                                 "it trusts no key"));
  EXPECT_FALSE(std::filesystem::exists(store.directory()));
  trust({vendor_file});
  const auto hint = "give its 40 hexadecimal digits, or at least the last 8 of them";
  EXPECT_EQ(trust({"--remove", last(vendor, 7)}),
            refused("withdrawing key '" + last(vendor, 7) + "': that is not a fingerprint", hint));
  EXPECT_EQ(trust({"--remove", "somebody"}), refused("withdrawing key 'somebody': that is not a fingerprint", hint));
  const auto wishes = "trusting keys: name one key file, or use --list or --remove FINGERPRINT";
  EXPECT_EQ(trust({}), refused(wishes, ""));
  EXPECT_EQ(trust({vendor_file, "--list"}),
            refused("keyfile excludes --list", "'bake --help' and 'bake COMMAND --help' list commands and options"));
  EXPECT_EQ(store.trusted_keys().size(), 1U);
}

TEST_F(TrustCommand, ABundleOfAWithdrawnKeyIsNotAddedAgain) {
  trust({vendor_file});
  trust({write("stranger.asc", testing::stranger().public_key()).string()});
  const auto archive = archive_of(testing::deb_bundle());
  store.add(archive, {}, progress);
  trust({"--remove", vendor});
  EXPECT_EQ(store.list().size(), 1U);
  EXPECT_EQ(error_of([&] { store.add(archive, {}, progress); }).kind(), ErrorKind::untrusted);
}

TEST_F(TrustCommand, AnUnreadableKeyRingIsAnError) {
  const auto home = store.directory() / "keyring";
  std::filesystem::create_directories(store.directory());
  write_text_atomically(home, "not a directory");
  const auto message = "reading directory '" + home.string() + "': Not a directory";
  EXPECT_EQ(trust({"--list"}), (Result{1, "", "bake: error: " + message + "\n"}));
  const auto archive = archive_of(testing::deb_bundle());
  EXPECT_EQ(error_of([&] { store.add(archive, pinned(archive), progress); }).message(), message);
  EXPECT_TRUE(store.list().empty());

  std::filesystem::remove(home);
  std::filesystem::create_directory(home);
  write_text_atomically(home / "x.gpg", "garbage");
  const auto error = error_of([&] { store.add(archive, pinned(archive), progress); });
  EXPECT_EQ(error.message(), "reading key ring '" + (home / "x.gpg").string() + "': it holds no OpenPGP public key");
  EXPECT_EQ(error.hint(), "it is in the store's key ring; remove it from there or repair it");
}

class StoreMessages : public testing::StoreTest {
 protected:
  Result bundle(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"bundle", "--store", store.directory().string()});
    std::ostringstream out, err;
    const int status = run(arguments, out, err);
    return {status, out.str(), err.str()};
  }
  [[nodiscard]] Result not_there(const std::string& name, const std::string& end) const {
    return {2, "",
            "bake: error: looking for bundle '" + name + "': not in the store '" + store.directory().string() + "'" +
                end + "\n"};
  }
};

TEST_F(StoreMessages, NameAMissingDirectory) {
  const std::string absent = ": there is no such directory";
  EXPECT_EQ(bundle({"list"}), (Result{2, "",
                                      "bake: error: opening store '" + store.directory().string() + "'" + absent +
                                          "\nbake: hint: 'bake bundle add' makes a store\n"}));
  EXPECT_EQ(bundle({"show", "x"}), not_there("x", absent));
  EXPECT_EQ(bundle({"remove", "x"}), not_there("x", absent));
  EXPECT_FALSE(std::filesystem::exists(store.directory()));
  std::filesystem::create_directory(store.directory());
  EXPECT_EQ(bundle({"list"}), (Result{0, "the store '" + store.directory().string() + "' is empty\n", ""}));
  EXPECT_EQ(bundle({"show", "x"}), not_there("x", ""));
}

TEST_F(StoreMessages, CallARecordedPinRecorded) {
  const auto archive = archive_of(testing::deb_bundle());
  store.add(archive, pinned(archive), progress);
  const auto found = bundle({"verify", testing::deb_bundle().top});
  EXPECT_EQ(found.status, 0) << found.err;
  const auto line = "\n  archive sha256 " + digest_of_file(archive) +
                    ", recorded pin (command line), which cannot be compared with the payload\n";
  EXPECT_NE(found.out.find(line), std::string::npos) << found.out;
  EXPECT_TRUE(found.out.ends_with("\n  trusted: recorded pin (command line)\n")) << found.out;
  const auto json = Json::parse(bundle({"verify", testing::deb_bundle().top, "--json"}).out);
  EXPECT_EQ(json.at("pin"), "command line");
  EXPECT_EQ(json.at("pin_compared"), false);
}

TEST_F(StoreMessages, NameTheClosestBundle) {
  const auto archive = archive_of(testing::deb_bundle());
  store.add(archive, pinned(archive), progress);
  std::filesystem::create_directory(scratch.path() / "debs");
  write("debs/tcl_8.6_amd64.deb", testing::make_deb("tcl", "8.6", "amd64"));
  store.add_extras(scratch.path() / "debs", "focal-base", "ubuntu20.04", progress);
  const auto mean = [](const std::string& name) { return "\nbake: hint: did you mean '" + name + "'?"; };
  const std::string full = testing::deb_bundle().top;
  for (const auto* command : {"show", "remove", "verify"}) {
    EXPECT_EQ(bundle({command, full + ".tgz"}), not_there(full + ".tgz", mean(full)));
    EXPECT_EQ(bundle({command, "5.5-1.0.3.2"}), not_there("5.5-1.0.3.2", mean(full)));
    EXPECT_EQ(
        bundle({command, "nothing-of-that"}),
        not_there("nothing-of-that", "\nbake: hint: run: bake bundle list --store " + store.directory().string()));
  }
  EXPECT_EQ(bundle({"remove", "focal-bsae"}), not_there("focal-bsae", mean("focal-base")));
  EXPECT_EQ(bundle({"show", "focal-bsae"}), not_there("focal-bsae", mean("focal-base")));
  EXPECT_EQ(error_of([&] { store.add_extras(scratch.path() / "debs", "wrong", "rhel7.7", progress); }).message(),
            "adding extra packages '" + (scratch.path() / "debs").string() + "': rhel7.7 cannot install deb packages");
  const auto id = store.all_extras().front().id;
  for (const auto& name : {std::string("focal-base"), id.substr(0, 12)}) {
    const auto shown = bundle({"show", name});
    EXPECT_TRUE(shown.out.starts_with(id.substr(0, 12) + "  focal-base (extra packages for ubuntu20.04)  1 packages"));
    EXPECT_TRUE(shown.out.ends_with("\n  tcl 8.6 amd64\n")) << shown.out;
  }
  EXPECT_EQ(bundle({"verify", "focal-base"}), not_there("focal-base",
                                                        "\nbake: hint: there are extra packages with that name\n"
                                                        "bake: hint: run: bake bundle show focal-base --store " +
                                                            store.directory().string()));
  const auto namesake = store.add_extras(scratch.path() / "debs", full, "", progress).id;
  for (const auto* command : {"show", "remove"}) EXPECT_EQ(bundle({command, full}).status, 2) << command;
  EXPECT_EQ(bundle({"remove", namesake.substr(0, 12)}).out, "removed " + full + "\n");
  EXPECT_EQ(bundle({"show", full}).status, 0);
  const auto other = store.add_extras(scratch.path() / "debs", "focal-base", "ubuntu18.04", progress).id;
  auto ids = std::vector{id.substr(0, 12), other.substr(0, 12)};
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(bundle({"remove", "focal-base"}),
            (Result{2, "",
                    "bake: error: looking for bundle 'focal-base': it matches 2 entries\n"
                    "bake: hint: name one by its id: " +
                        join(ids, ", ") + "\n"}));
  EXPECT_EQ(store.all_extras().size(), 2U);
}

}  // namespace
}  // namespace bake::cli
