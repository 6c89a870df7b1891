#include "bake/cli/real_environment.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <string_view>
#include <thread>

#include "bake/appliance/guestfs_guest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/inspect/inspect.hpp"

namespace bake::cli {
namespace {

/// More processors gain little, because a part of the build is sequential.
constexpr unsigned max_processors = 4;

class GuestfsSession final : public job::Session {
 public:
  GuestfsSession(const guest::GuestfsOptions& options, Progress& progress) : guest_(options, progress) {}

  guest::Guest& guest() override { return guest_; }
  guest::Facts inspect() override {
    guest_.write_back();
    return guest::inspect(guest_, guest_.layout());
  }
  void finish() override { guest_.finish(); }

 private:
  guest::GuestfsGuest guest_;
};

unsigned number_from_environment(const char* variable, unsigned fallback) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return fallback;
  const std::string_view view(text);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc{} || end != view.data() + view.size() || value == 0)
    throw Error(ErrorKind::usage, fmt::format("reading {} '{}': not a number above 0", variable, view));
  return value;
}

std::unique_ptr<job::Session> start_appliance(const job::DiskRequest& request, Progress& progress) {
  guest::GuestfsOptions options;
  options.disk = request.disk;
  options.known_as = request.known_as;
  options.format = request.format;
  options.payloads = request.payloads;
  if (request.compiles) {
    // The vendor's modules need half an hour on one processor; each compiler process needs up to half a GiB.
    options.processors = std::clamp(std::thread::hardware_concurrency(), 1U, max_processors);
    options.memory_mib += 512 * options.processors;
  }
  options.memory_mib = number_from_environment("LIBGUESTFS_MEMSIZE", options.memory_mib);
  constexpr std::chrono::seconds reading_limit = std::chrono::minutes(10);
  if (request.reads_only) options.script_limit = reading_limit;
  options.script_limit = std::chrono::seconds(number_from_environment(
      "BAKE_SCRIPT_TIMEOUT", static_cast<unsigned>(std::chrono::seconds(options.script_limit).count())));
  if (request.reads_only) options.time_limit = std::max(reading_limit, options.script_limit);
  return std::make_unique<GuestfsSession>(options, progress);
}

}  // namespace

RealEnvironment::RealEnvironment(Context& context)
    : matrix_(matrix::Matrix::load(context.matrix_overlays)),
      store_(context.store),
      environment_{matrix_,
                   store_,
                   context.progress(),
                   [&context](const job::DiskRequest& request) { return start_appliance(request, context.progress()); },
                   [] { return static_cast<unsigned>(guest::GuestfsGuest::launches()); },
                   job::Cache(job::cache_directory())} {}

}  // namespace bake::cli
