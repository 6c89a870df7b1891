// The decision table of ib-firstboot: the real program on fake roots, its exit code and its messages.
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/firstboot_vm.hpp"

namespace firstboot_test {
namespace {

using ::testing::HasSubstr;

/// One row. `imds` is the VM size that IMDS gives; empty: IMDS is not asked.
struct Row {
  const char* name;
  std::string size;
  std::function<void(FakeVm&)> change;
  int exit;
  std::string check;     ///< the last check made
  std::string evidence;  ///< part of that check's evidence
};

/// The name of the parameter in the list of tests.
void PrintTo(const Row& row, std::ostream* out) { *out << row.name << " → " << row.exit; }

void eight(FakeVm& vm, int count) {
  for (int i = 1; i <= count; ++i) vm.hca("010" + std::to_string(i) + ":00:00.0");
}

const char* const class_network = "0x028000";
const char* const class_ethernet = "0x020000";
const char* const mlx4_conf = "OFED=4.9-4.1.7.0\nMODULE=mlx4_core\nMODULE_VERSION=4.9-4.1.7\n";

const char* const shared_config_name = "/var/lib/waagent/SharedConfig.xml";
const char* const shared_config =
    R"(<SharedConfig><Instances><Instance id="a" address="10.0.0.4" rdmaMacAddress="00155D340044" )"
    R"(rdmaIPv4Address="172.16.2.59"/></Instances></SharedConfig>)";

void one_hca(FakeVm& vm) { vm.hca("0101:00:00.0"); }

// A ConnectX-3 function of Accelerated Networking. Its link layer is known from mlx4_ib, from the network interface, or
// not at all.
void connectx3_accelerated_networking(FakeVm& vm) {
  vm.function("afb6:00:02.0", "0x1004", class_network, "mlx4_core");
  vm.infiniband("mlx4_0", "afb6:00:02.0", {{"Ethernet"}});
}
void connectx3_without_mlx4_ib(FakeVm& vm) {
  vm.function("afb6:00:02.0", "0x1004", class_network, "mlx4_core").network("afb6:00:02.0", "eth1", 1);
}
void connectx3_without_driver(FakeVm& vm) { vm.function("afb6:00:02.0", "0x1004", class_network, ""); }

const std::vector<Row> rows{
    // 10: Hyper-V and its integration services
    {"NotHyperV", "Standard_HB120rs_v3",
     [](FakeVm& vm) {
       vm.write("/sys/class/dmi/id/sys_vendor", "QEMU\n").write("/sys/class/dmi/id/product_name", "Standard PC\n");
       vm.remove("/sys/class/dmi/id/chassis_asset_tag");
     },
     10, "hyper-v",
     "DMI 'QEMU' 'Standard PC', VMBus devices: 1, hv_pci registered: this is not a Hyper-V virtual machine"},
    {"NoDmiAtAll", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.remove("/sys/class/dmi"); }, 10, "hyper-v",
     "this is not a Hyper-V virtual machine"},
    {"OnPremisesHyperV", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.write("/sys/class/dmi/id/chassis_asset_tag", "0000-1111\n").hca("0101:00:00.0"); }, 0,
     "module-version", "mlx5_core 5.5-1.0.3, baked 5.5-1.0.3 of 5.5-1.0.3.2"},
    {"AssetTagOnly", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.remove("/sys/class/dmi/id/sys_vendor").hca("0101:00:00.0"); }, 0, "module-version", "baked"},
    {"VmbusEmpty", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.remove("/sys/bus/vmbus/devices"); }, 10, "hyper-v",
     "VMBus devices: 0, hv_pci registered: hv_vmbus is not loaded"},
    {"OfferedButNoHvPci", "Standard_HB120rs_v3",
     [](FakeVm& vm) {
       vm.remove("/sys/bus/vmbus/drivers").vmbus_device("47505500-0001", "{44c4f61d-4444-4400-9d52-802e27ede19f}");
     },
     10, "hyper-v", "VMBus offers PCI functions (1) but pci-hyperv.ko, which makes them visible, is not loaded"},
    {"NoFunctionAndNoHvPci", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.remove("/sys/bus/vmbus/drivers"); }, 10,
     "pci-function", "hv_pci (pci-hyperv.ko) is not loaded"},
    {"HvPciBuiltIn", "Standard_HB120rs_v3",
     [](FakeVm& vm) {
       vm.remove("/sys/bus/vmbus/drivers").write("/sys/module/pci_hyperv/uevent", "").hca("0101:00:00.0");
     },
     0, "module-version", "baked"},

    // 12: operating system
    {"OsUnknown", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.release("debian", "12"); }, 12, "os-release",
     "debian 12 is not in the compatibility matrix"},
    {"OsTooOld", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.release("ubuntu", "14.04"); }, 12, "os-release",
     "ubuntu 14.04 is not in the compatibility matrix"},
    {"OsReleaseMissing", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.remove("/etc/os-release"); }, 12, "os-release",
     "/etc/os-release has no ID or no VERSION_ID"},
    {"CentosMinorFromRedhatRelease", "Standard_HB120rs_v3",
     [](FakeVm& vm) {
       vm.release("centos", "7").write("/etc/redhat-release", "CentOS Linux release 7.7.1908 (Core)\n");
       vm.hca("0101:00:00.0");
     },
     0, "module-version", "baked"},
    {"CentosWithoutMinor", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.release("centos", "7"); }, 12, "os-release",
     "centos 7 is not in the compatibility matrix"},
    {"OsOfTheBuildersOwnMatrix", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.release("debian", "12").baked("OS=debian-12\nOFED=inbox\n").hca("0101:00:00.0"); }, 0,
     "module-version", "not checked: the image was baked with inbox"},
    {"OsReleaseInUsrLib", "Standard_HB120rs_v3",
     [](FakeVm& vm) {
       vm.remove("/etc/os-release").write("/usr/lib/os-release", "ID=rhel\nVERSION_ID='8.2'\n").hca("0101:00:00.0");
     },
     0, "module-version", "baked"},

    {"OtherMajorReleaseThanBaked", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.release("rhel", "10.0").baked("OS=rhel-8.9\n").hca("0101:00:00.0"); }, 12, "os-release",
     "rhel 10.0 is not in the compatibility matrix, and this image was baked for rhel-8.9"},
    {"OtherMajorReleaseWithTheSameFirstDigit", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.release("rhel", "80.1").baked("OS=rhel-8.9\n").hca("0101:00:00.0"); }, 12, "os-release",
     "rhel 80.1 is not in the compatibility matrix"},
    {"OtherDistributionThanBaked", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.release("ol", "8.9").baked("OS=rhel-8.9\n").hca("0101:00:00.0"); }, 12, "os-release",
     "ol 8.9 is not in the compatibility matrix, and this image was baked for rhel-8.9"},
    {"OtherUbuntuReleaseOfTheSameYear", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.release("ubuntu", "22.10").baked("OS=ubuntu-22.04\n").hca("0101:00:00.0"); }, 12, "os-release",
     "ubuntu 22.10 is not in the compatibility matrix, and this image was baked for ubuntu-22.04"},
    {"MinorReleaseUpdate", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.release("rhel", "8.99").baked("OS=rhel-8.9\nOFED=inbox\n").hca("0101:00:00.0"); }, 0,
     "module-version", "not checked: the image was baked with inbox"},
    {"BakedReleaseWithoutVersion", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.release("rhel", "8.99").baked("OS=rhel-\n").hca("0101:00:00.0"); }, 12, "os-release",
     "rhel 8.99 is not in the compatibility matrix"},

    // 13: VM size
    {"A8", "Standard_A8", [](FakeVm&) {}, 13, "vm-size", "offers InfiniBand through NetworkDirect only, not SR-IOV"},
    {"NC24r", "Standard_NC24r", [](FakeVm&) {}, 13, "vm-size", "NetworkDirect only"},
    {"H16rPromo", "Standard_H16r_Promo", [](FakeVm&) {}, 13, "vm-size",
     "Standard_H16r_Promo (from IMDS) offers InfiniBand through NetworkDirect only"},
    {"OrdinaryWithAcceleratedNetworking", "Standard_D16s_v3",
     [](FakeVm& vm) {
       vm.function("afb6:00:02.0", "0x1016", class_ethernet)
           .infiniband("mlx5_an0", "afb6:00:02.0", {{"Ethernet", "4: ACTIVE", "40 Gb/sec (4X QDR)"}});
     },
     13, "vm-size", "Standard_D16s_v3 (from IMDS) has no InfiniBand"},
    {"OrdinaryWithMana", "Standard_D16s_v5",
     [](FakeVm& vm) { vm.function("7870:00:00.0", "0x00ba", class_ethernet, "mana", "0x1414"); }, 13, "vm-size",
     "has no InfiniBand"},
    {"ListedWithoutRdma", "Standard_A10", [](FakeVm&) {}, 13, "vm-size", "Standard_A10 (from IMDS) has no InfiniBand"},
    {"ListedWithoutRdmaButFunctionPresent", "Standard_NC24", one_hca, 0, "module-version", "baked"},
    // A ConnectX-3 function of class 0280 may be Accelerated Networking, so it does not make a size RDMA-capable.
    {"OrdinaryWithConnectX3AcceleratedNetworking", "Standard_D16s_v3", connectx3_accelerated_networking, 13, "vm-size",
     "Standard_D16s_v3 (from IMDS) has no InfiniBand"},
    {"OrdinaryWithConnectX3WithoutDriver", "Standard_NC24", connectx3_without_driver, 13, "vm-size",
     "Standard_NC24 (from IMDS) has no InfiniBand"},
    {"UnlistedWithConnectX3WithoutMlx4Ib", "Standard_Z64_v9", connectx3_without_mlx4_ib, 13, "vm-size",
     "has no InfiniBand: its name has no 'r' after the number"},
    {"UnlistedWithConnectX3AcceleratedNetworking", "Standard_Z64_v9", connectx3_accelerated_networking, 13, "vm-size",
     "has no InfiniBand: its name has no 'r' after the number"},
    {"UnknownWithR", "Standard_HB999rs_v9", one_hca, 0, "module-version", "baked"},
    {"UnknownWithRAndNoFunction", "Standard_HB999rs_v9", [](FakeVm&) {}, 11, "pci-function",
     "no function of vendor 15b3 and class 0207 or 0280"},
    {"UnknownWithoutRButFunctionPresent", "Standard_Z64_v9", one_hca, 0, "module-version", "baked"},

    // 13, or later checks: IMDS is silent
    {"SilentAndNothing", "", [](FakeVm&) {}, 13, "vm-size", "this VM is not RDMA-capable"},
    {"SilentCloudInit", "",
     [](FakeVm& vm) {
       vm.write("/run/cloud-init/instance-data.json", instance_data("Standard_HB60rs")).hca("0101:00:00.0", "0x1018");
     },
     0, "module-version", "baked"},
    {"SilentCloudInitOrdinary", "",
     [](FakeVm& vm) { vm.write("/run/cloud-init/instance-data.json", instance_data("Standard_D2s_v3")); }, 13,
     "vm-size", "Standard_D2s_v3 (from cloud-init's copy of IMDS) has no InfiniBand"},
    {"SilentSharedConfig", "",
     [](FakeVm& vm) { vm.write(shared_config_name, shared_config).offers_function("47505500-0001", false); }, 11,
     "pci-function", "no function of vendor 15b3"},
    {"SilentSharedConfigWithAcceleratedNetworking", "",
     [](FakeVm& vm) {
       vm.write(shared_config_name, shared_config);
       vm.offers_function("00000002-0001", true).offers_function("47505500-0001", false);
       vm.function("afb6:00:02.0", "0x1016", class_ethernet);
     },
     11, "pci-function", "no function of vendor 15b3"},
    // The agent starts later and has not replaced the file yet: it may be from an earlier size of the VM.
    {"SilentOldSharedConfig", "", [](FakeVm& vm) { vm.write(shared_config_name, shared_config); }, 13, "vm-size",
     "rdmaIPv4Address 172.16.2.59, but every function that VMBus offers is on PCI, so the address is from an earlier "
     "size"},
    {"SilentOldSharedConfigWithAcceleratedNetworking", "",
     [](FakeVm& vm) {
       vm.write(shared_config_name, shared_config).offers_function("00000002-0001", true);
       vm.function("afb6:00:02.0", "0x1016", class_ethernet);
     },
     13, "vm-size", "this VM is not RDMA-capable"},
    {"SilentKvp", "",
     [](FakeVm& vm) {
       vm.kvp({{"HostName", "x"}, {"IPoIB_Data", "NUMPAIRS:1|00155D33FF0B:172.16.1.2"}});
     },
     11, "pci-function", "no function of vendor 15b3"},
    {"SilentKvpTwoPairsOneHca", "",
     [](FakeVm& vm) {
       vm.kvp({{"IPoIB_Data", "NUMPAIRS:2|00155D33FF0B:172.16.1.2|00155D33FF0C:172.16.1.3"}}).hca("0101:00:00.0");
     },
     14, "hca-count", "1 HCA of 2 that this VM should have"},
    {"SilentNetworkDirectOnVmbus", "",
     [](FakeVm& vm) { vm.vmbus_device("nd0", "{8c2eaf3d-32a7-4b09-ab99-bd1f1c86b501}"); }, 13, "vm-size",
     "NetworkDirect device: this VM offers InfiniBand through NetworkDirect only"},
    {"SilentNetworkDirectInKvp", "",
     [](FakeVm& vm) {
       vm.kvp({{"NdDriverVersion", "144.0"}});
     },
     13, "vm-size", "NetworkDirect only"},
    {"SilentWithConnectX3AcceleratedNetworking", "", connectx3_accelerated_networking, 13, "vm-size",
     "this VM is not RDMA-capable"},
    {"SilentWithConnectX3WithoutMlx4Ib", "", connectx3_without_mlx4_ib, 13, "vm-size", "this VM is not RDMA-capable"},
    {"SilentButConnectX3WithIpoib", "",
     [](FakeVm& vm) {
       vm.function("225e:00:02.0", "0x1004", class_network, "mlx4_core");
       vm.network("225e:00:02.0", "eth1", 1).network("225e:00:02.0", "ib0", 32);
     },
     14, "infiniband", "225e:00:02.0 has no device in /sys/class/infiniband"},
    {"SilentButConnectX3WithoutDriver", "",
     [](FakeVm& vm) { vm.function("225e:00:02.0", "0x1004", class_network, ""); }, 14, "driver",
     "225e:00:02.0 has no driver bound, needs mlx4_core, but this image was baked for mlx5_core"},
    {"SilentButFunction", "", one_hca, 0, "module-version", "baked"},

    // 11: InfiniBand function
    {"NoFunction", "Standard_HB120rs_v3", [](FakeVm&) {}, 11, "pci-function",
     "no function of vendor 15b3 and class 0207 or 0280"},
    {"VmbusOffersAFunctionThatPciDoesNotShow", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.offers_function("47505500-0001", false); }, 11, "pci-function",
     "no function of vendor 15b3 and class 0207 or 0280; PCI functions that VMBus offers and PCI does not show: 1; "
     "boot a "
     "newer kernel, because pci-hyperv of this kernel does not bring them up and a redeploy does not help"},
    {"VmbusOffersNoFurtherFunction", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.offers_function("00000002-0001", true).function("afb6:00:02.0", "0x1016", class_ethernet); },
     11, "pci-function",
     "no function of vendor 15b3 and class 0207 or 0280; VMBus offers no further PCI function; stop (deallocate) and "
     "start the VM to get another host, not counting Accelerated Networking: 1"},
    {"OnlyAcceleratedNetworking", "Standard_HB120rs_v3",
     [](FakeVm& vm) {
       vm.function("afb6:00:02.0", "0x1018", class_ethernet).infiniband("mlx5_0", "afb6:00:02.0", {{"Ethernet"}});
     },
     11, "pci-function", "not counting Accelerated Networking: 1"},
    {"OnlyMana", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.function("7870:00:00.0", "0x00ba", class_ethernet, "mana", "0x1414"); }, 11, "pci-function",
     "not counting MANA: 1"},
    {"SizeSaysSrIovButHostIsNetworkDirect", "Standard_NC24rs_v3",
     [](FakeVm& vm) { vm.vmbus_device("nd0", "{8C2EAF3D-32A7-4B09-AB99-BD1F1C86B501}"); }, 13, "pci-function",
     "NetworkDirect only"},

    // 14: InfiniBand is there but does not work
    {"DriverNotBound", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.function("0101:00:00.0", "0x101c", "0x020700", ""); },
     14, "driver", "0101:00:00.0 has no driver bound, needs mlx5_core"},
    {"WrongDriver", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.function("0101:00:00.0", "0x101c", "0x020700", "vfio-pci"); }, 14, "driver",
     "0101:00:00.0 vfio-pci, needs mlx5_core"},
    {"ConnectX3WithoutDriver", "Standard_NC24rs_v3",
     [](FakeVm& vm) { vm.function("225e:00:02.0", "0x1004", class_network, ""); }, 14, "driver",
     "225e:00:02.0 has no driver bound, needs mlx4_core, but this image was baked for mlx5_core"},
    {"ND96WithSeven", "Standard_ND96asr_v4", [](FakeVm& vm) { eight(vm, 7); }, 14, "hca-count",
     "7 HCAs of 8 that this VM should have"},
    {"ND40WithoutItsHcaButConnectX3", "Standard_ND40rs_v2", connectx3_without_driver, 14, "driver",
     "afb6:00:02.0 has no driver bound, needs mlx4_core, but this image was baked for mlx5_core"},
    {"ND96WithSevenAndConnectX3", "Standard_ND96asr_v4",
     [](FakeVm& vm) {
       eight(vm, 7);
       connectx3_without_driver(vm);
     },
     14, "hca-count", "7 HCAs of 8 that this VM should have"},
    {"NC24rs_v3WithTwoInfiniBandFunctions", "Standard_NC24rs_v3",
     [](FakeVm& vm) {
       for (const char* address : {"225e:00:02.0", "afb6:00:02.0"})
         vm.function(address, "0x1004", class_network, "mlx4_core")
             .infiniband(std::string("mlx4_") + address[0], address);
     },
     14, "hca-count", "2 HCAs of 1 that this VM should have"},
    {"OneTooMany", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.hca("0101:00:00.0").hca("0102:00:00.0"); }, 14,
     "hca-count", "2 HCAs of 1 that this VM should have"},
    {"NoInfinibandDevice", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.function("0101:00:00.0", "0x101c"); }, 14,
     "infiniband", "0101:00:00.0 has no device in /sys/class/infiniband"},
    {"DeviceWithoutPort", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.function("0101:00:00.0", "0x101c").infiniband("mlx5_0", "0101:00:00.0", {}); }, 14,
     "infiniband", "mlx5_0 has no port"},
    {"LinkLayerEthernet", "Standard_NC24rs_v3",
     [](FakeVm& vm) {
       vm.function("225e:00:02.0", "0x1004", class_network, "mlx4_core")
           .infiniband("mlx4_0", "225e:00:02.0", {{"Ethernet"}});
     },
     14, "infiniband", "mlx4_0 link_layer Ethernet"},
    {"NoUverbsDevice", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.hca("0101:00:00.0").remove("/sys/class/infiniband_verbs").remove("/dev/infiniband"); }, 14,
     "uverbs", "mlx5_0101 has no uverbs device: module ib_uverbs is not loaded"},
    {"UverbsLoadedWithoutADevice", "Standard_HB120rs_v3",
     [](FakeVm& vm) {
       vm.hca("0101:00:00.0").remove("/sys/class/infiniband_verbs").remove("/dev/infiniband");
       vm.write("/sys/module/ib_uverbs/uevent", "");
     },
     14, "uverbs", "mlx5_0101 has no uverbs device, although module ib_uverbs is loaded"},
    {"UverbsDeviceOfAcceleratedNetworkingOnly", "Standard_HB120rs_v3",
     [](FakeVm& vm) {
       vm.hca("0101:00:00.0").write("/sys/class/infiniband_verbs/uverbs0/ibdev", "mlx5_an0\n");
       vm.write("/sys/module/ib_uverbs/uevent", "");
     },
     14, "uverbs", "mlx5_0101 has no uverbs device, although module ib_uverbs is loaded"},
    {"UverbsDeviceOfOneHcaMissing", "Standard_ND96asr_v4",
     [](FakeVm& vm) {
       eight(vm, 8);
       vm.remove("/sys/class/infiniband_verbs/uverbs4");
     },
     14, "uverbs",
     "mlx5_0105 has no uverbs device; mlx5_0106 uverbs5; mlx5_0107 uverbs6; mlx5_0108 uverbs7, although module "
     "ib_uverbs is loaded"},
    {"SlowLinkWithStrictRate", "Standard_HB176rs_v4",
     [](FakeVm& vm) {
       vm.baked("OFED=inbox\nSTRICT_RATE=1\n").function("0101:00:00.0", "0x101e");
       vm.infiniband("mlx5_0", "0101:00:00.0", {{"InfiniBand", "4: ACTIVE", "10 Gb/sec (4X SDR)"}});
     },
     14, "link-rate", "mlx5_0 port 1 10 Gb/sec (4X SDR), slower than the 400 Gb/sec of Standard_HB176rs_v4"},
    {"OneSlowLinkOfEightWithStrictRate", "Standard_ND96asr_v4",
     [](FakeVm& vm) {
       eight(vm, 7);
       vm.baked("OFED=inbox\nSTRICT_RATE=1\n").function("0108:00:00.0", "0x101c");
       vm.infiniband("mlx5_7", "0108:00:00.0", {{"InfiniBand", "4: ACTIVE", "100 Gb/sec (2X HDR)"}});
     },
     14, "link-rate",
     "mlx5_0107 port 1 200 Gb/sec (4X HDR); mlx5_7 port 1 100 Gb/sec (2X HDR), slower than the 200 Gb/sec of "
     "Standard_ND96asr_v4"},
    {"PortInit", "Standard_HB120rs_v3",
     [](FakeVm& vm) {
       vm.function("0101:00:00.0", "0x101c").infiniband("mlx5_ib0", "0101:00:00.0", {{"InfiniBand", "2: INIT"}});
     },
     14, "port", "mlx5_ib0 port 1 INIT 200 Gb/sec (4X HDR): not ACTIVE within 0 s"},
    {"WrongModuleVersion", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.write("/sys/module/mlx5_core/version", "5.0-0\n").hca("0101:00:00.0"); }, 14, "module-version",
     "mlx5_core 5.0-0, baked 5.5-1.0.3 of 5.5-1.0.3.2"},
    {"ModuleWithoutVersion", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.remove("/sys/module/mlx5_core/version").hca("0101:00:00.0"); }, 14, "module-version",
     "mlx5_core without a version, baked 5.5-1.0.3"},
    {"OtherLineThanBaked", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.baked(mlx4_conf).write("/sys/module/mlx4_core/version", "4.9-4.1.7\n").hca("0101:00:00.0"); },
     14, "module-version", "mlx5_core 5.5-1.0.3, baked 4.9-4.1.7 of 4.9-4.1.7.0 for mlx4_core"},
    {"InboxDriverOfTheOtherLine", "Standard_NC24rs_v3",
     [](FakeVm& vm) {
       vm.write("/sys/module/mlx4_core/version", "4.0-0\n");
       vm.function("225e:00:02.0", "0x1004", class_network, "mlx4_core").infiniband("mlx4_0", "225e:00:02.0");
     },
     14, "module-version", "mlx4_core 4.0-0, baked 5.5-1.0.3 of 5.5-1.0.3.2 for mlx5_core"},

    // 0
    {"HB60rs", "Standard_HB60rs", [](FakeVm& vm) { vm.hca("1421:00:02.0", "0x1018"); }, 0, "module-version", "baked"},
    {"HB120rs_v3", "Standard_HB120rs_v3", one_hca, 0, "module-version", "baked"},
    {"HB120rs_v3LowerCase", "standard_hb120rs_v3", one_hca, 0, "module-version", "baked"},
    {"ConstrainedHB120_16rs_v3", "Standard_HB120-16rs_v3", one_hca, 0, "module-version", "baked"},
    {"HB176rs_v4", "Standard_HB176rs_v4", [](FakeVm& vm) { vm.hca("0101:00:00.0", "0x101e"); }, 0, "module-version",
     "baked"},
    {"NC24rs_v3", "Standard_NC24rs_v3",
     [](FakeVm& vm) {
       vm.baked(mlx4_conf).write("/sys/module/mlx4_core/version", "4.9-4.1.7\n");
       vm.function("225e:00:02.0", "0x1004", class_network, "mlx4_core");
       vm.infiniband("mlx4_0", "225e:00:02.0", {{"Ethernet", "1: DOWN"}, {"InfiniBand", "4: ACTIVE", "56 Gb/sec"}});
     },
     0, "module-version", "mlx4_core 4.9-4.1.7, baked 4.9-4.1.7 of 4.9-4.1.7.0"},
    {"OneImageForBothLines", "Standard_HB60rs",
     [](FakeVm& vm) {
       vm.baked(mlx4_conf).write("/sys/module/mlx5_core/version", "4.9-4.1.7\n").hca("0101:00:00.0", "0x1018");
     },
     0, "module-version", "mlx5_core 4.9-4.1.7, baked 4.9-4.1.7 of 4.9-4.1.7.0"},
    {"ND96WithEight", "Standard_ND96asr_v4", [](FakeVm& vm) { eight(vm, 8); }, 0, "module-version", "baked"},
    {"ND40WithConnectX3AcceleratedNetworking", "Standard_ND40rs_v2",
     [](FakeVm& vm) { connectx3_accelerated_networking(vm.hca("0101:00:00.0", "0x1018")); }, 0, "module-version",
     "baked"},
    // OFED 5.5 has no driver for ConnectX-3: without mlx4_ib the link layer of Accelerated Networking is unknown, and
    // maybe no driver is bound at all.
    {"ND40WithConnectX3WithoutDriver", "Standard_ND40rs_v2",
     [](FakeVm& vm) { connectx3_without_driver(vm.hca("0101:00:00.0", "0x1018")); }, 0, "module-version", "baked"},
    {"ND40WithConnectX3WithoutMlx4Ib", "Standard_ND40rs_v2",
     [](FakeVm& vm) { connectx3_without_mlx4_ib(vm.hca("0101:00:00.0", "0x1018")); }, 0, "module-version", "baked"},
    {"SilentND40WithConnectX3WithoutDriver", "",
     [](FakeVm& vm) { connectx3_without_driver(vm.hca("0101:00:00.0", "0x1018")); }, 0, "module-version", "baked"},
    {"NC24rs_v3WithConnectX3WithoutMlx4Ib", "Standard_NC24rs_v3",
     [](FakeVm& vm) {
       vm.baked(mlx4_conf).write("/sys/module/mlx4_core/version", "4.9-4.1.7\n");
       vm.function("225e:00:02.0", "0x1004", class_network, "mlx4_core").infiniband("mlx4_0", "225e:00:02.0");
       connectx3_without_mlx4_ib(vm);
     },
     0, "module-version", "mlx4_core 4.9-4.1.7, baked 4.9-4.1.7 of 4.9-4.1.7.0"},
    {"UverbsNodeWithoutSysfs", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.hca("0101:00:00.0").remove("/sys/class/infiniband_verbs"); }, 0, "module-version", "baked"},
    {"SlowLink", "Standard_HB176rs_v4",
     [](FakeVm& vm) {
       vm.function("0101:00:00.0", "0x101e");
       vm.infiniband("mlx5_0", "0101:00:00.0", {{"InfiniBand", "4: ACTIVE", "10 Gb/sec (4X SDR)"}});
     },
     0, "module-version", "baked"},
    {"FastLinkWithStrictRate", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.baked("OFED=inbox\nSTRICT_RATE=1\n").hca("0101:00:00.0"); }, 0, "module-version", "inbox"},
    {"SlowLinkOfAnUnlistedSizeWithStrictRate", "Standard_HB999rs_v9",
     [](FakeVm& vm) {
       vm.baked("OFED=inbox\nSTRICT_RATE=1\n").function("0101:00:00.0", "0x101c");
       vm.infiniband("mlx5_0", "0101:00:00.0", {{"InfiniBand", "4: ACTIVE", "10 Gb/sec (4X SDR)"}});
     },
     0, "module-version", "inbox"},
    {"UnknownDeviceId", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.hca("0101:00:00.0", "0x1fff"); }, 0,
     "module-version", "baked"},
    {"VendorWithoutAVersion", "Standard_HB120rs_v3",
     [](FakeVm& vm) { vm.baked("OFED=5.5-1.0.3.2\nMODULE=mlx5_core\nMODULE_VERSION=\n").hca("0101:00:00.0"); }, 0,
     "module-version", "not checked: the image was baked with 5.5-1.0.3.2 and the conf file has no module version"},
    {"NoConf", "Standard_HB120rs_v3", [](FakeVm& vm) { vm.remove("/etc/ib-firstboot.conf").hca("0101:00:00.0"); }, 0,
     "module-version", "not checked: no /etc/ib-firstboot.conf"},
};

class Decision : public ::testing::TestWithParam<Row> {};

TEST_P(Decision, GivesExitCodeAndEvidence) {
  const Row& row = GetParam();
  FakeVm vm = FakeVm::ready();
  row.change(vm);
  const ImdsServer imds({ImdsServer::compute(row.size)});
  const Outcome outcome = vm.run(row.size.empty() ? "none" : imds.url());
  print_row(row.name, outcome);
  EXPECT_EQ(outcome.exit, row.exit) << outcome.err;
  EXPECT_THAT(outcome.out, testing::StartsWith("ib-firstboot: exit " + std::to_string(row.exit) + ": "));

  const auto status = vm.status()[0]["status"];
  EXPECT_EQ(status["code"], row.exit);
  EXPECT_EQ(status["status"], row.exit == 0 ? "success" : "error");
  const auto& last = status["substatus"].back();
  EXPECT_EQ(last["name"], row.check);
  EXPECT_EQ(last["code"], row.exit);
  EXPECT_THAT(last["formattedMessage"]["message"].get<std::string>(), HasSubstr(row.evidence));

  const std::string log = vm.read("/var/log/azure/ib-vmext-status");
  EXPECT_EQ(vm.read("/var/log/azure/Microsoft.HpcCompute.InfiniBandDriverLinux/ib-vmext-status"), log);
  EXPECT_THAT(log, HasSubstr(" " + row.check + (row.exit == 0 ? "" : " fail ")));
  const std::string last_line = log.substr(log.rfind('\n', log.size() - 2) + 1);
  EXPECT_THAT(last_line, HasSubstr(" exit " + std::to_string(row.exit) + ": "));
}

INSTANTIATE_TEST_SUITE_P(Table, Decision, ::testing::ValuesIn(rows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Firstboot, PrintsGenerationAndDeviceId) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  const ImdsServer imds({ImdsServer::compute("Standard_HB120rs_v3")});
  EXPECT_EQ(vm.run(imds.url()).out,
            "ib-firstboot: exit 0: Operation successful: InfiniBand is ready, 1 of 1 HCA ACTIVE, mlx5 CX6 0x101c 200 "
            "Gb/sec (4X HDR)\n");
}

/// Runs the program on `vm` with `size` and returns the log line of `check`.
std::string log_line_of(const FakeVm& vm, const std::string& size, const std::string& check) {
  const ImdsServer imds({ImdsServer::compute(size)});
  EXPECT_EQ(vm.run(imds.url(), {"--wait", "0", "--force"}).exit, 0);
  return vm.log_line(check);
}

TEST(FirstbootWarning, NamesTheBakedReleaseAfterAMinorUpdate) {
  FakeVm vm = FakeVm::ready();
  vm.baked("OS=rhel-8.9\nOFED=inbox\n").hca("0101:00:00.0").release("rhel", "8.99");
  EXPECT_EQ(
      log_line_of(vm, "Standard_HB120rs_v3", "os-release"),
      "os-release warn rhel 8.99 is not in the compatibility matrix, but this image was baked for rhel-8.9, which "
      "has the same major version");
  vm.release("rhel", "8.10");
  EXPECT_EQ(log_line_of(vm, "Standard_HB120rs_v3", "os-release"),
            "os-release warn rhel 8.10, but this image was baked for rhel-8.9");
  vm.release("rhel", "8.9");
  EXPECT_EQ(log_line_of(vm, "Standard_HB120rs_v3", "os-release"), "os-release pass rhel 8.9");
  vm.release("centos", "7").write("/etc/redhat-release", "CentOS Linux release 7.99.2009 (Core)\n");
  vm.baked("OS=centos-7.7\nOFED=inbox\n");
  EXPECT_EQ(log_line_of(vm, "Standard_HB120rs_v3", "os-release"),
            "os-release warn centos 7.99 is not in the compatibility matrix, but this image was baked for centos-7.7, "
            "which has the same major version");
}

TEST(FirstbootWarning, NamesBothRatesOfASlowLink) {
  FakeVm vm = FakeVm::ready();
  vm.function("0101:00:00.0", "0x101e");
  vm.infiniband("mlx5_0", "0101:00:00.0", {{"InfiniBand", "4: ACTIVE", "10 Gb/sec (4X SDR)"}});
  EXPECT_EQ(log_line_of(vm, "Standard_HB176rs_v4", "link-rate"),
            "link-rate warn mlx5_0 port 1 10 Gb/sec (4X SDR), slower than the 400 Gb/sec of Standard_HB176rs_v4");
  EXPECT_EQ(log_line_of(vm, "Standard_HB999rs_v9", "link-rate"),
            "link-rate warn mlx5_0 port 1 10 Gb/sec (4X SDR), slower than the 400 Gb/sec of CX7");
}

TEST(FirstbootWarning, IsNotGivenForALinkOfTheRightRate) {
  FakeVm vm = FakeVm::ready();
  vm.function("0101:00:00.0", "0x101e");
  vm.infiniband("mlx5_0", "0101:00:00.0", {{"InfiniBand", "4: ACTIVE", "400 Gb/sec (4X NDR)"}});
  EXPECT_EQ(log_line_of(vm, "Standard_HB176rs_v4", "link-rate"), "link-rate pass mlx5_0 port 1 400 Gb/sec (4X NDR)");
}

TEST(FirstbootWarning, IsGivenForALinkWithoutARate) {
  FakeVm vm = FakeVm::ready();
  vm.function("0101:00:00.0", "0x101e").infiniband("mlx5_0", "0101:00:00.0", {{"InfiniBand", "4: ACTIVE", ""}});
  EXPECT_EQ(log_line_of(vm, "Standard_HB176rs_v4", "link-rate"), "link-rate warn mlx5_0 port 1 has no rate");
}

TEST(Firstboot, JsonHasTheWholeRun) {
  FakeVm vm = FakeVm::ready();
  eight(vm, 8);
  const ImdsServer imds({ImdsServer::compute("Standard_ND96asr_v4")});
  const auto json = nlohmann::json::parse(vm.run(imds.url(), {"--wait", "0", "--json"}).out);
  EXPECT_EQ(json["exit_code"], 0);
  EXPECT_EQ(json["vm"],
            (nlohmann::json{
                {"size", "Standard_ND96asr_v4"}, {"source", "IMDS"}, {"id", "8d4c1f2e-7a35-4b11-9c0d-2f6e5a7b9c10"}}));
  EXPECT_EQ(json["expected_hcas"], 8);
  ASSERT_EQ(json["hcas"].size(), 8U);
  EXPECT_EQ(json["hcas"][7], (nlohmann::json{{"pci", "0108:00:00.0"},
                                             {"device_id", "0x101c"},
                                             {"name", "ConnectX-6 VF"},
                                             {"generation", "CX6"},
                                             {"driver", "mlx5_core"},
                                             {"infiniband", "mlx5_0108"},
                                             {"uverbs", "uverbs7"},
                                             {"port", "1"},
                                             {"link_layer", "InfiniBand"},
                                             {"rate", "200 Gb/sec (4X HDR)"},
                                             {"state", "ACTIVE"}}));
  std::vector<std::string> names;
  for (const auto& check : json["checks"]) names.push_back(check["name"]);
  EXPECT_EQ(names, (std::vector<std::string>{"hyper-v", "os-release", "vm-size", "pci-function", "driver", "hca-count",
                                             "infiniband", "uverbs", "port", "link-rate", "module-version"}));
}

}  // namespace
}  // namespace firstboot_test
