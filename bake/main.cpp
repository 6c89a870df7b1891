#include <iostream>

#include "bake/cli/context.hpp"

int main(int argc, char** argv) {
  return bake::cli::run(std::vector<std::string>(argv + 1, argv + argc), std::cout, std::cerr);
}
