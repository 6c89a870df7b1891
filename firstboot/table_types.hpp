#pragma once

/// The shape of the tables that are generated at build time from matrix/*.yaml into firstboot/ib_tables.hpp.
namespace firstboot {

enum class Transport : unsigned char { none, networkdirect, sriov };

/// A VM size. `name` is lower case; `hcas` is the number of InfiniBand functions the VM sees.
struct SizeRow {
  const char* name;
  const char* generation;
  unsigned char hcas;
  Transport transport;
};

/// A function of vendor 15b3. `driver` is "mlx4" or "mlx5"; the kernel module that binds it is called <driver>_core.
struct PciRow {
  unsigned short device;
  const char* name;
  const char* generation;
  const char* driver;
  bool virtual_function;
};

/// A supported release, in the words of /etc/os-release ("centos", "7.7").
struct OsRow {
  const char* id;
  const char* version;
};

}  // namespace firstboot
