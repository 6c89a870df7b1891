#include "firstboot/rates.hpp"

namespace firstboot {
namespace {

constexpr unsigned max_rate = 1000000;

struct CardRate {
  const char* generation;
  unsigned rate;
};
// FDR, EDR, HDR, NDR and XDR with four lanes.
constexpr CardRate card_rates[] = {{"CX3-Pro", 56}, {"CX5", 100}, {"CX6", 200}, {"CX7", 400}, {"CX8", 800}};

// HBv5 has four ConnectX-7 HCAs of 200 Gb/s (MicrosoftDocs/azure-compute-docs, hbv5-series-overview.md).
constexpr const char* hbv5_prefix = "standard_hb368";
constexpr unsigned hbv5_rate = 200;

}  // namespace

unsigned rate_of_card(View generation) {
  for (const CardRate& row : card_rates)
    if (generation == row.generation) return row.rate;
  return 0;
}

unsigned rate_of_size(View size, View generation) {
  return starts_with(size, hbv5_prefix) ? hbv5_rate : rate_of_card(generation);
}

unsigned parse_rate(View text) {
  size_t length = 0;
  while (length < text.size && is_digit(text[length])) ++length;
  unsigned rate = 0;
  return parse_number(first(text, length), max_rate, rate) ? rate : 0;
}

}  // namespace firstboot
