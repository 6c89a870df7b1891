#pragma once

/// Rows of the tables in firstboot/ib_tables.hpp, which the build generates from matrix/*.yaml.
namespace firstboot {

enum class Transport : unsigned char { none, networkdirect, sriov };

/// A VM size. `name` is lower case; `hcas` is the number of InfiniBand functions the VM sees.
struct SizeRow {
  const char* name;
  const char* generation;
  unsigned char hcas;
  Transport transport;
};

/// A function of vendor 15b3. `driver` is "mlx4" or "mlx5"; its kernel module is <driver>_core.
struct PciRow {
  unsigned short device;
  const char* name;
  const char* generation;
  const char* driver;
  bool virtual_function;
};

/// A supported release, as /etc/os-release names it ("centos", "7.7").
struct OsRow {
  const char* id;
  const char* version;
};

}  // namespace firstboot
