/* A stand-in for a kernel module, with what bake reads of one: .modinfo, __versions and the CRC of an export. Compiled
   with the kernel's code model but never loaded. */
#define MODINFO(name, text) __attribute__((section(".modinfo"), used)) static const char name[] = text

MODINFO(license, "license=GPL");
MODINFO(version, "version=5.5-1.0.3");
MODINFO(module, "name=mlx5_core");
MODINFO(vermagic, "vermagic=3.10.0-957.el7.x86_64 SMP mod_unload modversions ");

struct modversion_info {
  unsigned long crc;
  char name[56];
};
__attribute__((section("__versions"), used)) static const struct modversion_info versions[] = {
    {0x12345678, "module_layout"},
    {0xdeadbeef, "printk"},
};

__asm__(".globl __crc_mlx5_core_create\n.set __crc_mlx5_core_create, 0xcafebabe\n");
