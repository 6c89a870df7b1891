#include "firstboot/imds.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firstboot/http.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr long attempt_ms = 2000;
constexpr long first_pause_ms = 100;
constexpr long max_pause_ms = 2000;
constexpr size_t status_line_start = 12;  // "HTTP/1.1 200"

enum class Outcome : unsigned char { answered, try_again, failed };

/// A TCP connection with one deadline for all its operations.
class Connection {
 public:
  explicit Connection(long deadline_ms)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), deadline_ms_(deadline_ms) {}
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool open(const ImdsEndpoint& endpoint) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    address.sin_addr.s_addr = htonl(endpoint.address);
    void* any = &address;
    if (fd_ < 0) return false;
    if (connect(fd_, static_cast<sockaddr*>(any), sizeof address) == 0) return true;
    if (errno != EINPROGRESS || !wait_for(POLLOUT)) return false;
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }

  bool send(View content) {
    while (!content.empty()) {
      const ssize_t put = ::send(fd_, content.data, content.size, MSG_NOSIGNAL);
      if (put > 0) {
        content = skip(content, static_cast<size_t>(put));
      } else if ((put < 0 && errno != EAGAIN && errno != EINTR) || !wait_for(POLLOUT)) {
        return false;
      }
    }
    return true;
  }

  /// Bytes read, 0 at the end, -1 on error or at the deadline.
  ssize_t receive(char* buffer, size_t capacity) {
    for (;;) {
      const ssize_t got = recv(fd_, buffer, capacity, 0);
      if (got >= 0 || (errno != EAGAIN && errno != EINTR)) return got;
      if (!wait_for(POLLIN)) return -1;
    }
  }

 private:
  [[nodiscard]] bool wait_for(short events) const {
    const long left = deadline_ms_ - now_ms();
    pollfd item{fd_, events, 0};
    return left > 0 && poll(&item, 1, static_cast<int>(left)) > 0;
  }

  int fd_;
  long deadline_ms_;
};

void write_request(const ImdsEndpoint& endpoint, View path, Text& out) {
  out << "GET " << path << " HTTP/1.1\r\nHost: ";
  for (unsigned shift = 32; shift > 0; shift -= 8)
    out << (endpoint.address >> (shift - 8) & 0xFF) << (shift > 8 ? "." : "");
  out << "\r\nMetadata: true\r\nUser-Agent: ib-firstboot\r\nConnection: close\r\n\r\n";
}

/// True when the answer is empty or only the beginning of an HTTP status line.
bool is_truncated(View answer) {
  const View protocol = "HTTP/1.";
  return answer.size < status_line_start && starts_with(protocol, first(answer, protocol.size));
}

Outcome classify(const HttpAnswer& answer, View& body, Text& note) {
  note.clear();
  if (answer.status == 0) {
    note << "did not answer in HTTP";
    return Outcome::failed;
  }
  if (answer.status == 200 && answer.complete) {
    body = answer.body;
    return Outcome::answered;
  }
  note << "answered HTTP " << answer.status << (answer.status == 200 ? ", incomplete" : "");
  const bool temporary = answer.status == 404 || answer.status == 410 || answer.status == 429 || answer.status >= 500 ||
                         answer.status == 200;
  return temporary ? Outcome::try_again : Outcome::failed;
}

Outcome try_once(const ImdsEndpoint& endpoint, View request, long deadline, char* buffer, size_t capacity, View& body,
                 Text& note) {
  Connection connection(deadline);
  note.clear();
  if (!connection.open(endpoint) || !connection.send(request)) {
    note << "cannot be reached";
    return Outcome::try_again;
  }
  size_t size = 0;
  for (;;) {
    if (size == capacity) {
      note << "answered more than " << capacity / 1024 << " KiB";
      return Outcome::failed;
    }
    const ssize_t got = connection.receive(buffer + size, capacity - size);
    if (got > 0) size += static_cast<size_t>(got);
    const bool ended = got <= 0;
    if (ended && is_truncated({buffer, size})) {
      note << (size == 0 ? "did not answer" : "sent a truncated answer");
      return Outcome::try_again;
    }
    const HttpAnswer answer = parse_http(buffer, size, got == 0);
    const bool not_http = size >= 7 && !starts_with(View(buffer, size), "HTTP/1.");
    if (ended || not_http || answer.complete) return classify(answer, body, note);
  }
}

}  // namespace

bool parse_endpoint(View url, ImdsEndpoint& out) {
  if (!starts_with(url, "http://")) return false;
  url = skip(url, 7);
  if (ends_with(url, "/")) url = first(url, url.size - 1);
  const ptrdiff_t colon = find(url, ":");
  const Buffer<32> host(colon < 0 ? url : first(url, static_cast<size_t>(colon)));
  unsigned port = 80;
  in_addr address{};
  if (host.truncated() || inet_pton(AF_INET, host.c_str(), &address) != 1) return false;
  if (colon >= 0 && !parse_number(skip(url, static_cast<size_t>(colon) + 1), 65535, port)) return false;
  out.address = ntohl(address.s_addr);
  out.port = static_cast<unsigned short>(port);
  return true;
}

View imds_get(const ImdsEndpoint& endpoint, View path, long budget_ms, char* buffer, size_t capacity, Text& note) {
  Buffer<512> request;
  write_request(endpoint, path, request);
  const long give_up = now_ms() + budget_ms;
  for (long pause = first_pause_ms;; pause = pause * 2 < max_pause_ms ? pause * 2 : max_pause_ms) {
    const long now = now_ms();
    const long deadline = now + attempt_ms < give_up ? now + attempt_ms : give_up;
    View body;
    const Outcome outcome = try_once(endpoint, request, deadline, buffer, capacity, body, note);
    if (outcome == Outcome::answered) return body;
    if (outcome == Outcome::failed || now_ms() + pause >= give_up) return {};
    sleep_ms(pause);
  }
}

}  // namespace firstboot
