// ib-firstboot's parsers of untrusted input, built for this machine.
#include <gtest/gtest.h>
#include <string>

#include "firstboot/handler.hpp"
#include "firstboot/http.hpp"
#include "firstboot/imds.hpp"
#include "firstboot/json.hpp"
#include "firstboot/options.hpp"
#include "firstboot/sources.hpp"

namespace {

using firstboot::Buffer;
using firstboot::View;

View view(const std::string& text) { return {text.data(), text.size()}; }
std::string text(View bytes) { return {bytes.data, bytes.size}; }

// --- text ---

TEST(FirstbootText, TruncatesAndReportsIt) {
  Buffer<8> buffer;
  buffer << "abc" << 12U << 'd';
  EXPECT_EQ(text(buffer), "abc12d");
  EXPECT_FALSE(buffer.truncated());
  buffer << "xyz";
  EXPECT_EQ(text(buffer), "abc12dx");
  EXPECT_TRUE(buffer.truncated());
  buffer.clear();
  EXPECT_FALSE(buffer.truncated());
  buffer.hex(0x1c, 4) << '.';
  EXPECT_EQ(text(buffer), "001c.");
  buffer.clear();
  buffer.padded(7, 2) << 0U;
  EXPECT_EQ(text(buffer), "070");
}

TEST(FirstbootText, ParsesNumbersWithinTheirLimit) {
  unsigned value = 7;
  EXPECT_TRUE(firstboot::parse_number("0240", 240, value));
  EXPECT_EQ(value, 240U);
  for (const char* bad : {"", "241", "-1", "1 ", "99999999999999999999999"})
    EXPECT_FALSE(firstboot::parse_number(bad, 240, value)) << bad;
  EXPECT_TRUE(firstboot::parse_hex(" 0x020700\n", value));
  EXPECT_EQ(value, 0x020700U);
  for (const char* bad : {"", "0x", "0xg", "123456789"}) EXPECT_FALSE(firstboot::parse_hex(bad, value)) << bad;
}

// --- json ---

std::string look_up(const std::string& document, std::vector<View> path) {
  Buffer<32> out;
  return firstboot::json_string(view(document), path.data(), path.size(), out) ? text(out) : "-";
}

TEST(FirstbootJson, FindsAStringByItsPath) {
  EXPECT_EQ(look_up(R"({"a":{"b":[1,{"c":"x"}],"d":"y"}})", {"a", "b", "1", "c"}), "x");
  EXPECT_EQ(look_up(R"({"a":{"b":[1,{"c":"x"}],"d":"y"}})", {"a", "d"}), "y");
  EXPECT_EQ(look_up("\xEF\xBB\xBF [ { \"k\" : \"v\" } ] ", {"k"}), "v");
  EXPECT_EQ(look_up(R"({"k":"\"\\\/\b\n\u0041\u00e9\u20ac"})", {"k"}), "\"\\/\b\nA\xC3\xA9\xE2\x82\xAC");
  EXPECT_EQ(look_up(R"({"x":"{\"k\":\"no\"}","k":"yes"})", {"k"}), "yes");
  EXPECT_EQ(look_up(R"({"x":-1.5e3,"y":null,"z":[[],{}],"k":"v"})", {"k"}), "v");
}

TEST(FirstbootJson, RejectsEverythingElse) {
  for (const char* bad : {"",
                          "{",
                          "{\"k\"",
                          "{\"k\":",
                          "{\"k\":\"v",
                          "{\"k\":7}",
                          "{\"k\":null}",
                          "{\"k\":{}}",
                          "{\"j\":\"v\"}",
                          "[]",
                          "[7]",
                          "\"k\"",
                          "{k:\"v\"}",
                          "{\"x\":]\"k\":\"v\"}",
                          R"({"k":"\u12"})",
                          R"({"k":"\q"})",
                          R"({"k":"\)",
                          "{\"x\":1 2,\"k\":\"v\"}",
                          R"({"k":"012345678901234567890123456789012"})",
                          "{\"x\":,\"k\":\"v\"}"})
    EXPECT_EQ(look_up(bad, {"k"}), "-") << bad;
  EXPECT_EQ(look_up(std::string(1000000, '['), {"k"}), "-");
  EXPECT_EQ(look_up("{\"x\":" + std::string(1000000, '{'), {"k"}), "-");
  EXPECT_EQ(look_up(std::string("{\"k\":\"v\0\"}", 10), {"k"}), std::string("v\0", 2));
}

TEST(FirstbootJson, QuotesAsAscii) {
  Buffer<64> out;
  firstboot::json_quote(out, "a\"b\\c\n\x7F\xE9");
  EXPECT_EQ(text(out), R"("a\"b\\c\u000a\u007f\u00e9")");
}

// --- http ---

firstboot::HttpAnswer parse(std::string bytes, bool closed = false) {
  static std::string kept;
  kept = std::move(bytes);
  return firstboot::parse_http(kept.data(), kept.size(), closed);
}

TEST(FirstbootHttp, DetectsACompleteAnswer) {
  EXPECT_FALSE(parse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab").complete);
  EXPECT_TRUE(parse("HTTP/1.1 200 OK\r\ncontent-LENGTH:3\r\n\r\nabcd").complete);
  EXPECT_EQ(text(parse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd").body), "abc");
  EXPECT_FALSE(parse("HTTP/1.0 200 OK\r\n\r\nabc").complete);
  EXPECT_TRUE(parse("HTTP/1.0 200 OK\r\n\r\nabc", true).complete);
  EXPECT_EQ(parse("HTTP/1.1 410 Gone\r\n\r\n", true).status, 410U);
  for (const char* bad : {"", "HTTP/1.1 200", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
                          "HTTP/1.1 000 OK\r\n\r\n", "aaaaaaaaaaaaaaaaaaaa"})
    EXPECT_FALSE(parse(bad, true).complete) << bad;
}

TEST(FirstbootHttp, JoinsChunksOnlyWhenAllHaveArrived) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(text(parse(head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").body), "abcde");
  EXPECT_FALSE(parse(head + "3\r\nabc\r\n2\r\nde\r\n").complete);
  EXPECT_FALSE(parse(head + "ffffffff\r\nabc\r\n0\r\n\r\n", true).complete);
  EXPECT_FALSE(parse(head + "3\r\nabcd\r\n0\r\n\r\n", true).complete);
  EXPECT_FALSE(parse(head + "zz\r\n", true).complete);
}

TEST(FirstbootImdsEndpoint, AcceptsOnlyAddresses) {
  firstboot::ImdsEndpoint endpoint;
  EXPECT_TRUE(firstboot::parse_endpoint("http://127.0.0.1:8080/", endpoint));
  EXPECT_EQ(endpoint.address, 0x7F000001U);
  EXPECT_EQ(endpoint.port, 8080);
  EXPECT_TRUE(firstboot::parse_endpoint("http://169.254.169.254", endpoint));
  EXPECT_EQ(endpoint.port, 80);
  for (const char* bad : {"", "http://", "https://1.2.3.4", "http://localhost", "http://1.2.3.4:99999",
                          "http://1.2.3.4:", "http://1.2.3.4/path", "http://1.2.3.4.5"})
    EXPECT_FALSE(firstboot::parse_endpoint(bad, endpoint)) << bad;
}

// --- key=value files ---

std::string value_of(const std::string& document, const char* key) {
  Buffer<16> out;
  return firstboot::find_value(view(document), key, out) ? text(out) : "-";
}

TEST(FirstbootValues, AreReadAsAShellReadsThem) {
  EXPECT_EQ(value_of("ID=ubuntu\nVERSION_ID=\"20.04\"\n", "VERSION_ID"), "20.04");
  EXPECT_EQ(value_of("ID=ubuntu\n", "VERSION_ID"), "-");
  EXPECT_EQ(value_of("# ID=x\nID_LIKE=debian\n  ID='y' \r\n", "ID"), "y");
  EXPECT_EQ(value_of("A=1\nA=2", "A"), "2");
  EXPECT_EQ(value_of("A=", "A"), "");
  EXPECT_EQ(value_of("A=\"", "A"), "\"");
  EXPECT_EQ(value_of("A=0123456789abcdef", "A"), "-");
}

std::string release(const std::string& os_release, const std::string& redhat_release = "") {
  firstboot::Release out;
  return firstboot::parse_release(view(os_release), view(redhat_release), out) ? text(out.id) + " " + text(out.version)
                                                                               : "-";
}

TEST(FirstbootRelease, TakesTheMinorVersionFromRedhatRelease) {
  EXPECT_EQ(release("ID=\"centos\"\nVERSION_ID=\"7\"\n", "CentOS Linux release 7.7.1908 (Core)\n"), "centos 7.7");
  EXPECT_EQ(release("ID=\"centos\"\nVERSION_ID=\"8\"\n", "CentOS Linux release 8.2.2004 (Core) \n"), "centos 8.2");
  EXPECT_EQ(release("ID=\"centos\"\nVERSION_ID=\"8\"\n", "CentOS Stream release 8\n"), "centos 8");
  EXPECT_EQ(release("ID=\"centos\"\nVERSION_ID=\"7\"\n", "CentOS Linux release 8.2.2004\n"), "centos 7");
  EXPECT_EQ(release("ID=\"rhel\"\nVERSION_ID=\"7.9\"\n", "Red Hat Enterprise Linux Server release 7.8 (Maipo)\n"),
            "rhel 7.9");
  EXPECT_EQ(release("ID=ubuntu\nVERSION_ID=\"16.04\"\n"), "ubuntu 16.04");
  for (const char* bad :
       {"", "ID=x", "VERSION_ID=1", "ID=\nVERSION_ID=1", "ID=a b\nVERSION_ID=1", "ID=a\nVERSION_ID=1;2"})
    EXPECT_EQ(release(bad), "-") << bad;
}

TEST(FirstbootConf, IgnoresMalformedValues) {
  auto facts = firstboot::parse_baked_facts(
      "OS=centos-7.7\nOFED=5.5-1.0.3.2\nMODULE=mlx5_core\nMODULE_VERSION=5.5-1.0.3\nWAIT=90\n");
  EXPECT_EQ(text(facts.os), "centos-7.7");
  EXPECT_EQ(text(facts.ofed), "5.5-1.0.3.2");
  EXPECT_EQ(text(facts.module_version), "5.5-1.0.3");
  EXPECT_EQ(facts.wait, 90U);
  EXPECT_FALSE(facts.strict_rate);
  EXPECT_TRUE(firstboot::parse_baked_facts("STRICT_RATE=1\n").strict_rate);
  for (const char* off : {"STRICT_RATE=0\n", "STRICT_RATE=\n", "STRICT_RATE=yes\n"})
    EXPECT_FALSE(firstboot::parse_baked_facts(off).strict_rate) << off;
  facts = firstboot::parse_baked_facts("OFED=../x\nMODULE=../../etc\nWAIT=100000\n");
  EXPECT_EQ(text(facts.ofed) + text(facts.module_version), "");
  EXPECT_EQ(facts.wait, 60U);
}

// --- Hyper-V's and the agent's files ---

std::string record(std::string key, std::string value) {
  key.resize(512);
  value.resize(2048);
  return key + value;
}

TEST(FirstbootKvp, FindsAValueOnlyInCompleteRecords) {
  const std::string pool = record("HostName", "h") + record("IPoIB_Data", "NUMPAIRS:1|00155D33FF0B:172.16.1.2");
  Buffer<64> out;
  EXPECT_TRUE(firstboot::kvp_value(view(pool), "IPoIB_Data", out));
  EXPECT_EQ(text(out), "NUMPAIRS:1|00155D33FF0B:172.16.1.2");
  EXPECT_FALSE(firstboot::kvp_value(view(pool), "NdDriverVersion", out));
  EXPECT_FALSE(firstboot::kvp_value(view(pool.substr(0, pool.size() - 1)), "IPoIB_Data", out));
  EXPECT_FALSE(firstboot::kvp_value(view(record("k", std::string(2048, 'x'))), "k", out));
  EXPECT_FALSE(firstboot::kvp_value({}, "k", out));
}

TEST(FirstbootKvp, CountsThePairs) {
  EXPECT_EQ(firstboot::ipoib_pairs("NUMPAIRS:1|00155D33FF0B:172.16.1.2"), 1U);
  EXPECT_EQ(firstboot::ipoib_pairs("NUMPAIRS:8|x"), 8U);
  for (const char* bad : {"", "NUMPAIRS:", "NUMPAIRS:8", "NUMPAIRS:x|", "NUMPAIRS:99999|", "8|"})
    EXPECT_EQ(firstboot::ipoib_pairs(bad), 0U) << bad;
}

TEST(FirstbootSharedConfig, FindsTheRdmaAddress) {
  Buffer<24> out;
  EXPECT_TRUE(firstboot::rdma_address(
      R"(<Instance id="a" rdmaMacAddress="00155D340044" rdmaIPv4Address="172.16.2.59" />)", out));
  EXPECT_EQ(text(out), "172.16.2.59");
  for (const char* bad : {"", "<Instance id='a'/>", "rdmaIPv4Address=\"", "rdmaIPv4Address=\"\"",
                          "rdmaIPv4Address=\"1.2<\"", "rdmaIPv4Address=\"1111111111111111111111111111\""})
    EXPECT_FALSE(firstboot::rdma_address(bad, out)) << bad;
}

// --- VM sizes: the cases of Azure/azhpc-diagnostics vmsizes.bats ---

TEST(FirstbootVmSize, FollowsAzuresRuleForUnknownSizes) {
  for (const char* size : {"standard_nc24r", "standard_nd96asr_v4", "standard_nd96amsr_a100_v4", "standard_hb60rs"})
    EXPECT_TRUE(firstboot::name_implies_rdma(size)) << size;
  for (const char* size : {"standard_nc6", "standard_nv32as_v4", "standard_nv48s_v3", "standard_np40s", "standard_a2",
                           "", "r", "standard_"})
    EXPECT_FALSE(firstboot::name_implies_rdma(size)) << size;
}

TEST(FirstbootVmSize, IsComparedWithoutCaseAndPromo) {
  Buffer<80> out;
  firstboot::normalise_vm_size("Standard_H16mr_Promo", out);
  EXPECT_EQ(text(out), "standard_h16mr");
  firstboot::normalise_vm_size("_promo", out);
  EXPECT_EQ(text(out), "");
  EXPECT_TRUE(firstboot::is_vm_size("Standard_HB120-16rs_v2"));
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a\nb"), std::string(65, 'a')})
    EXPECT_FALSE(firstboot::is_vm_size(view(bad))) << bad;
  EXPECT_TRUE(firstboot::is_vm_id("8d4c1f2e-7a35-4b11-9c0d-2f6e5a7b9c10"));
  EXPECT_FALSE(firstboot::is_vm_id("8d4c1f2e-7a35-4b11-9c0d-2f6e5a7b9c10x"));
  EXPECT_FALSE(firstboot::is_vm_id("../x"));
}

// --- handler files ---

TEST(FirstbootHandler, ReadsTheEnvironmentInBothForms) {
  const char* agent =
      R"([{"name":"N","version":1.0,"handlerEnvironment":{"logFolder":"/l","configFolder":"/c","statusFolder":"/s",
      "heartbeatFile":"/h","eventsFolder":"/e"}}])";
  firstboot::HandlerFolders folders;
  EXPECT_TRUE(firstboot::parse_handler_environment(agent, folders));
  EXPECT_EQ(text(folders.status), "/s");
  EXPECT_EQ(text(folders.config), "/c");
  EXPECT_TRUE(firstboot::parse_handler_environment(
      R"({"seqNo":"1","handlerEnvironment":{"statusFolder":"/s","configFolder":"/c"}})", folders));
  for (const char* bad : {"", "[]", "{}", R"([{"handlerEnvironment":{"statusFolder":"/s"}}])",
                          R"([{"handlerEnvironment":{"statusFolder":"","configFolder":"/c"}}])"})
    EXPECT_FALSE(firstboot::parse_handler_environment(bad, folders)) << bad;
}

TEST(FirstbootHandler, RecognisesASettingsFile) {
  unsigned sequence = 0;
  EXPECT_TRUE(firstboot::settings_sequence("12.settings", sequence));
  EXPECT_EQ(sequence, 12U);
  for (const char* bad : {"", ".settings", "a.3.settings", "3.status", "settings", "-1.settings"})
    EXPECT_FALSE(firstboot::settings_sequence(bad, sequence)) << bad;
}

// --- command line ---

std::string options_error(std::vector<const char*> words) {
  firstboot::Options options;
  Buffer<256> error;
  return firstboot::parse_options(static_cast<int>(words.size()), words.data(), options, error) ? "" : text(error);
}

TEST(FirstbootOptions, NameTheError) {
  EXPECT_EQ(options_error({}), "");
  EXPECT_EQ(options_error({"--root", "/x", "--imds", "none", "--wait", "5", "--json", "--force", "check"}), "");
  EXPECT_EQ(options_error({"handler", "enable", "--wait", "5"}), "");
  EXPECT_EQ(options_error({"--root", "/x", "--wait", "5", "--check-address"}), "");
  EXPECT_EQ(options_error({"--bogus"}), "reading the command line: unknown argument '--bogus'");
  EXPECT_EQ(options_error({"check", "check"}), "reading the command line: unknown argument 'check'");
  EXPECT_EQ(options_error({"handler"}), "reading the command line: 'handler' needs a command");
  EXPECT_EQ(options_error({"handler", "reset"}), "reading the command line: unknown handler command 'reset'");
  EXPECT_EQ(options_error({"--wait"}), "reading the command line: a value is missing after '--wait'");
  EXPECT_EQ(options_error({"--wait", "3601"}), "reading the command line: --wait takes 0 to 3600 seconds, not '3601'");
  EXPECT_EQ(options_error({"--imds", "x"}),
            "reading the command line: --imds takes http://ADDRESS[:PORT] or none, not 'x'");
  EXPECT_EQ(options_error({"--root", ""}), "reading the command line: --root takes a directory, not ''");
}

}  // namespace
