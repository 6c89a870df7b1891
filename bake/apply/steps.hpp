#pragma once

#include <string>

#include "bake/base/progress.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/plan.hpp"

namespace bake::apply {

// The steps of apply(), one file each. Each does its part of the plan and nothing when the plan does not ask for it.

/// Makes the kernel see the modules: DKMS build, weak-updates links, depmod; all for the plan's kernel by name, never
/// for the kernel that runs (that is the appliance's).
void place_modules(const plan::Plan& plan, guest::Guest& guest, Progress& progress);

/// openib.conf, ofed_info's product name, inbox modules that must not load beside the vendor's core.
void configure_ofed(const plan::Plan& plan, guest::Guest& guest);

/// Enables and disables units by writing the links that `systemctl enable` would write: a guest's systemctl may be
/// missing, and dpkg's scripts enable nothing without a running systemd.
void set_services(const plan::Plan& plan, guest::Guest& guest);

/// OS.EnableRDMA, package holds, locked memory.
void configure_system(const plan::Plan& plan, guest::Guest& guest);

/// /usr/sbin/ib-firstboot, its unit and preset, ib-ready.target and /etc/ib-firstboot.conf.
void install_firstboot(const plan::Plan& plan, guest::Guest& guest);

/// One rebuild of the initramfs for the plan's kernel, with the Hyper-V drivers that are modules.
void rebuild_initramfs(const plan::Plan& plan, guest::Guest& guest, Progress& progress);

/// What `waagent -deprovision` and a careful person would remove before an image is shared.
void generalize(const plan::Plan& plan, guest::Guest& guest, Progress& progress);

/// SELinux labels by the guest's own setfiles; when they do not come out right, /.autorelabel and a warning.
void label_files(const plan::Plan& plan, guest::Guest& guest, Progress& progress);

}  // namespace bake::apply
