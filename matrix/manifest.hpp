#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "matrix/matrix.hpp"

namespace bake::matrix {

/// Reads the VM extension's own table, InfiniBand/resources.json of Azure/azhpc-extensions, in any of its shapes:
/// Linux and Windows in one file or in two, with or without types. `source` becomes the source of every row. Throws
/// Error{config} with all problems, among them every key that write_manifest() cannot write back.
std::vector<ManifestRow> parse_manifest(std::string_view text, const std::filesystem::path& file,
                                        const std::string& source);

/// Returns the rows in the format of the extension's file, with the same names, order, spacing and line ends (CR LF),
/// so that a mirror inside the air gap can offer it. Microsoft's file of 2022-02-23 is read and written byte for byte.
std::string write_manifest(const std::vector<ManifestRow>& rows);

/// How an imported file differs from the rows of the matrix.
struct ManifestReport {
  struct Change {
    std::string row;    ///< "CX5 Linux RHEL/CentOS 7.6"
    std::string field;  ///< "link", "kernel_devel", …; empty for an added row
    std::string was, now;
  };
  std::size_t rows = 0;
  std::size_t identical = 0;
  std::vector<Change> added;             ///< `now` is the link
  std::vector<Change> changed;           ///< one entry per field
  std::vector<Change> kept;              ///< rows of the matrix that are not in the file; `was` is the link
  std::vector<Problem> conflicts;        ///< contradictions between rows; they do not prevent the import
  std::vector<std::string> kernel_pins;  ///< "RHEL/CentOS 7.6: 3.10.0-957.27.2.el7.x86_64", each once
};
ManifestReport compare_manifest(const Matrix& matrix, const std::vector<ManifestRow>& rows);

/// Returns the rows as the text of an overlay file, with a row for each driver release that `matrix` does not know.
std::string manifest_overlay(const Matrix& matrix, const std::vector<ManifestRow>& rows);

}  // namespace bake::matrix
