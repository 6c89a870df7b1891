#include <iostream>

#include "bake/base/error.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/commands/commands.hpp"

int main(int argc, char** argv) try {
  const bake::InterruptWatch watch;
  return bake::cli::run(std::vector<std::string>(argv + 1, argv + argc), std::cout, std::cerr);
} catch (const bake::Error& error) {  // of the watch; run() catches all others
  std::cerr << "bake: error: " << error.message() << '\n';
  return static_cast<int>(error.kind());
}
