// matrix_tables FILE: writes the tables that ib-firstboot compiles in. Only the build uses this program.
#include <iostream>

#include "bake/base/file.hpp"
#include "matrix/generators.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: matrix_tables FILE\n";
    return 2;
  }
  try {
    bake::write_text_atomically(argv[1], bake::matrix::firstboot_tables(bake::matrix::Matrix::built_in()));
  } catch (const std::exception& error) {
    std::cerr << "matrix_tables: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
