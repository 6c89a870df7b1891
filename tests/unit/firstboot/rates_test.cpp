// The link rates of ib-firstboot agree with the compatibility matrix.
#include "firstboot/rates.hpp"

#include <charconv>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "matrix/matrix.hpp"

namespace {

using firstboot::View;

View view(const std::string& text) { return {text.data(), text.size()}; }

TEST(FirstbootRates, AreThoseOfTheMatrix) {
  std::size_t compared = 0;
  for (const auto& size : bake::matrix::Matrix::built_in().sizes()) {
    if (size.transport != "sriov") continue;
    unsigned rate = 0;  // "HDR 200"
    const std::string number = size.speed.substr(size.speed.find(' ') + 1);
    std::from_chars(number.data(), number.data() + number.size(), rate);
    EXPECT_EQ(firstboot::rate_of_size(view(bake::to_lower(size.name)), view(size.generation)), rate) << size.name;
    ++compared;
  }
  EXPECT_GT(compared, 40U);
}

TEST(FirstbootRates, OfACard) {
  EXPECT_EQ(firstboot::rate_of_card("CX5"), 100U);
  EXPECT_EQ(firstboot::rate_of_card("CX6"), 200U);
  EXPECT_EQ(firstboot::rate_of_card("CX7"), 400U);
  EXPECT_EQ(firstboot::rate_of_card("CX99"), 0U);
}

TEST(FirstbootRates, AreParsedFromSysfs) {
  EXPECT_EQ(firstboot::parse_rate("200 Gb/sec (4X HDR)"), 200U);
  EXPECT_EQ(firstboot::parse_rate("2.5 Gb/sec (1X SDR)"), 2U);
  for (const char* bad : {"", "Gb/sec", "x 200 Gb/sec", "99999999999 Gb/sec"})
    EXPECT_EQ(firstboot::parse_rate(bad), 0U) << bad;
}

}  // namespace
