#pragma once

#include <map>
#include <string>

#include "bake/base/progress.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/plan.hpp"
#include "bake/signature/module_signature.hpp"

namespace bake::apply {

// The steps of apply(), one file each. Each carries out its part of the plan, or does nothing when the plan has no such
// part.

/// Makes the modules visible to the plan's kernel: DKMS build without signatures, or modules that were built before;
/// weak-updates links, depmod. The payloads must be mounted. Names
/// that kernel in each command, because the running kernel is the appliance's. Returns the log of the build, or an
/// empty text if nothing was compiled.
std::string place_modules(const plan::Plan& plan, guest::Guest& guest, Progress& progress);

/// Writes openib.conf, the wrapper for ofed_info, and the blacklist of inbox modules that must not load with the
/// vendor's core.
void configure_ofed(const plan::Plan& plan, guest::Guest& guest);

/// Writes the files of the recipe's options. Call it before set_services(), because one of them is a unit.
void write_option_files(const plan::Plan& plan, guest::Guest& guest);

/// Puts the files, lines and accounts of `customize` into the guest.
void customize(const plan::Plan& plan, guest::Guest& guest, Progress& progress);

/// Masks the units that `customize` names. Call it after set_services().
void mask_services(const plan::Plan& plan, guest::Guest& guest);

/// Runs the scripts of `customize` in the guest, in their order; their output goes to the log. Throws Error{failed}
/// with the end of the output of the one that failed.
void run_scripts(const plan::Plan& plan, guest::Guest& guest, Progress& progress);

/// Enables and disables units by writing the links that `systemctl enable` would write: a guest's systemctl may be
/// missing, and dpkg's scripts enable nothing without a running systemd.
void set_services(const plan::Plan& plan, guest::Guest& guest);

/// Sets OS.EnableRDMA, package holds and the limit of locked memory.
void configure_system(const plan::Plan& plan, guest::Guest& guest);

/// Installs /usr/sbin/ib-firstboot, its units and preset, ib-ready.target and /etc/ib-firstboot.conf.
void install_firstboot(const plan::Plan& plan, guest::Guest& guest);

/// Signs the modules that did not come with the kernel and that no key of the plan's certificates signed, on the host;
/// the key does not come into the guest. Returns path → what was done; nothing without `secure_boot` or without a key
/// in it. Throws what ModuleSigner::sign() throws.
std::map<std::string, plan::SignedModule> sign_modules(const plan::Plan& plan, guest::Guest& guest,
                                                       const signature::ModuleSigner* signer, Progress& progress);

/// Changes the initramfs of the plan's kernel once: edits it, or has the guest's tool build another one, with the
/// drivers for Azure that are modules. An initramfs with one of the modules `signed_modules` (paths) would load the
/// module as it was, so the tool builds another one. Returns whether the tool built one.
bool change_initramfs(const plan::Plan& plan, guest::Guest& guest, Progress& progress,
                      const std::map<std::string, plan::SignedModule>& signed_modules = {});

/// Removes what belongs to the machine on which the image was made, as `waagent -deprovision+user` does, and logs,
/// histories and temporary files. docs/recipe.md lists everything.
void generalize(const plan::Plan& plan, guest::Guest& guest, Progress& progress);

/// Sets SELinux labels with the guest's own setfiles. When that fails, writes /.autorelabel and warns.
void label_files(const plan::Plan& plan, guest::Guest& guest, Progress& progress);

}  // namespace bake::apply
