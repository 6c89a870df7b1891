#include "bake/cli/real_environment.hpp"

#include "bake/guest/guestfs_guest.hpp"
#include "bake/guest/inspect.hpp"

namespace bake::cli {
namespace {

class GuestfsSession final : public job::Session {
 public:
  GuestfsSession(const guest::GuestfsOptions& options, Progress& progress) : guest_(options, progress) {}

  guest::Guest& guest() override { return guest_; }
  guest::Facts inspect() override { return guest::inspect(guest_, guest_.layout()); }
  void finish() override { guest_.finish(); }

 private:
  guest::GuestfsGuest guest_;
};

std::unique_ptr<job::Session> start_appliance(const job::DiskRequest& request, Progress& progress) {
  guest::GuestfsOptions options;
  options.disk = request.disk;
  options.format = request.format;
  options.payloads = request.payloads;
  return std::make_unique<GuestfsSession>(options, progress);
}

}  // namespace

RealEnvironment::RealEnvironment(Context& context)
    : matrix_(matrix::Matrix::load(context.matrix_overlays)),
      store_(context.store),
      environment_{matrix_, store_, context.progress(),
                   [&context](const job::DiskRequest& request) { return start_appliance(request, context.progress()); },
                   [] { return static_cast<unsigned>(guest::GuestfsGuest::launches()); }} {}

}  // namespace bake::cli
