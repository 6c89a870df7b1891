#include <iostream>

#include "bake/base/interrupt.hpp"
#include "bake/cli/context.hpp"

int main(int argc, char** argv) {
  const bake::InterruptWatch watch;
  return bake::cli::run(std::vector<std::string>(argv + 1, argv + argc), std::cout, std::cerr);
}
