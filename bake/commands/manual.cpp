#include "bake/commands/manual.hpp"

#include <algorithm>

namespace bake::cli {
namespace {

const std::vector<Manual>& manuals() {
  static const std::vector<Manual> all{
      {"",
       "bake installs InfiniBand drivers (MLNX_OFED or DOCA-OFED) into Azure Linux VHDs, offline, before the VM "
       "exists. "
       "It never changes the base image. A recipe says what to make, a store has the driver bundles, and a matrix says "
       "which driver fits.",
       {{"~/.local/share/bake", "the store of bundles, without --store and BAKE_STORE"},
        {"~/.cache/bake", "what bake found out about files that have not changed, without BAKE_CACHE"}},
       {{"bake bundle add MLNX_OFED_LINUX-24.10-3.2.5.0-rhel8.10-x86_64.tgz", "takes a driver bundle into the store"},
        {"bake init base.vhd --vm-size Standard_HB120rs_v3 > image.yaml", "writes a recipe"},
        {"bake plan image.yaml", "shows what would change"},
        {"bake image image.yaml -o out.vhd", "makes the image"},
        {"bake verify out.vhd", "verifies it"}},
       {"bake-recipe(5)", "bake-fleet(5)", "bake-matrix(5)", "bake-manifest(5)"}},
      {"image",
       "Copies the base of the recipe, installs the driver in the copy, verifies the copy, and gives it the name of "
       "the "
       "output only then. After a failure there is no output. Evidence is written next to the output.",
       {{"OUT.manifest.json", "what the image was made of, and the result of every check"},
        {"OUT.sbom.spdx.json", "every package of the image (SPDX 2.3)"},
        {"OUT.sbom.cdx.json", "the same in CycloneDX 1.5"},
        {"OUT.provenance.json", "how the image was made"},
        {"OUT.provenance.dsse.json", "the same, signed; only with --sign-key"},
        {"OUT.build.log", "what the compiler printed; only if modules were compiled"},
        {"OUT.SHA256SUMS", "the digests of the image and of these files, for sha256sum -c"}},
       {{"bake image image.yaml -o out.vhd", "makes an image"},
        {"bake image image.yaml --if-needed", "makes it only if the output is not the image of the recipe"}},
       {"bake-plan(1)", "bake-verify(1)", "bake-batch(1)", "bake-recipe(5)", "bake-manifest(5)"}},
      {"batch",
       "Bakes the images of a fleet as child processes, or as a Slurm job array. Skips images that are done, verified "
       "and "
       "unchanged. The exit code is the worst of all images.",
       {{"OUT.log", "the log of the image's bake"}, {"OUT.result.json", "its result"}},
       {{"bake batch fleet.yaml --dry-run", "shows what would be baked and why"},
        {"bake batch fleet.yaml --jobs 4", "bakes four images at a time"},
        {"bake batch fleet.yaml --executor slurm --jobs 20", "bakes on Slurm"}},
       {"bake-image(1)", "bake-fleet(5)"}},
      {"plan",
       "Reads the base through an overlay, chooses the driver and its packages, and shows every package and file that "
       "'bake image' would change. Changes nothing.",
       {},
       {{"bake plan image.yaml", "shows the plan"}, {"bake plan image.yaml --json", "the same for a program"}},
       {"bake-image(1)", "bake-extras(1)", "bake-recipe(5)"}},
      {"init",
       "Reads a disk and writes a recipe for it: its system, its digest, and the driver that the matrix ranks first.",
       {},
       {{"bake init base.vhd --vm-size Standard_HB120rs_v3 > image.yaml", "writes a recipe"}},
       {"bake-image(1)", "bake-inspect(1)", "bake-recipe(5)"}},
      {"inspect",
       "Shows the system, the kernels and the default kernel, the packages, the agent and the layout of a disk. The "
       "disk "
       "is only read.",
       {},
       {{"bake inspect base.vhd", "shows the facts"}},
       {"bake-init(1)"}},
      {"verify",
       "Compares an image with the manifest inside it, and with the manifest and the evidence next to it. Advice is "
       "about "
       "the base; it does not change the exit code without --strict.",
       {{"IMAGE.manifest.json", "the manifest, if it is there"}},
       {{"bake verify out.vhd", "verifies an image"},
        {"bake verify out.vhd --key mine.pub", "also wants the signature of this key"}},
       {"bake-image(1)", "bake-key(1)", "bake-manifest(5)"}},
      {"sign",
       "Signs the provenance of a finished image, after it has checked that the evidence belongs to the image.",
       {{"IMAGE.provenance.dsse.json", "the signed provenance"}, {"IMAGE.SHA256SUMS", "the digests, written again"}},
       {{"bake sign out.vhd --sign-key mine.key", "signs"},
        {"bake verify out.vhd --key mine.pub", "checks the signature"}},
       {"bake-image(1)", "bake-key(1)", "bake-verify(1)"}},
      {"resign",
       "Describes an image again after another program changed it: makes every check, and writes a manifest that says "
       "what changed, both SBOMs, the provenance and the digests. The image itself stays as it is.",
       {{"IMAGE.manifest.json", "the manifest, with 'resigned'"}, {"IMAGE.SHA256SUMS", "the digests"}},
       {{"bake resign out.vhd", "describes the image again"},
        {"bake resign out.vhd --sign-key mine.key", "also signs the provenance"}},
       {"bake-sign(1)", "bake-verify(1)", "bake-manifest(5)"}},
      {"diff",
       "Compares two images, manifests, plans, recipes or disks: packages, files, kernel, driver, settings and checks.",
       {{"OUT.manifest.json", "read if it is next to an image"}},
       {{"bake diff old.vhd new.vhd", "shows what differs"},
        {"bake diff old.vhd new.vhd --html difference.html", "also writes a page"},
        {"bake diff a.json b.json --exit-code", "ends with exit code 1 if they differ"}},
       {"bake-report(1)", "bake-plan(1)", "bake-manifest(5)"}},
      {"report",
       "Writes one HTML page about an image or a fleet, from the manifest and the evidence: what was asked, what was "
       "decided and why, packages, checks and the time of each step.",
       {{"IMAGE.report.html", "the page, without -o"}},
       {{"bake report out.vhd", "writes a page about an image"},
        {"bake report fleet.yaml -o fleet.html", "writes a page about a fleet"}},
       {"bake-diff(1)", "bake-batch(1)", "bake-manifest(5)"}},
      {"bundle",
       "The store keeps driver bundles, extra packages and the keys that may vouch for bundles. A bundle needs a pin "
       "(--sha256 or the matrix) or the signature of a trusted key.",
       {{"~/.local/share/bake", "the store, without --store and BAKE_STORE"}},
       {{"bake bundle trust RPM-GPG-KEY-Mellanox", "trusts the vendor's key"},
        {"bake bundle add MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz", "adds a bundle"},
        {"bake bundle add --extra debs/ --for ubuntu20.04", "adds packages of the distribution"},
        {"bake bundle wanted fleet.yaml", "names the archives that a fleet needs"}},
       {"bake-matrix(1)", "bake-extras(1)"}},
      {"extras",
       "Extra packages are packages of the distribution that an image lacks and the driver needs.",
       {},
       {{"bake extras wanted image.yaml", "prints the commands that download them"}},
       {"bake-bundle(1)", "bake-plan(1)"}},
      {"modules",
       "Takes modules that DKMS compiled in one image to other images with the same kernel and the same sources.",
       {},
       {{"bake modules export first.vhd -o modules.tar.zst", "writes the modules to a file"},
        {"bake modules add modules.tar.zst --sha256 DIGEST", "takes them into the store"}},
       {"bake-image(1)", "bake-recipe(5)"}},
      {"matrix",
       "The matrix is inside the program. --matrix DIR adds rows or overrides them. Every row has a source.",
       {},
       {{"bake matrix list", "shows every release with its drivers"},
        {"bake matrix resolve centos7.7 Standard_HB120rs_v2", "shows which drivers fit, best first"},
        {"bake matrix show Standard_HB120rs_v3", "shows one row with its source"}},
       {"bake-matrix(5)"}},
      {"export",
       "Packs recipes with their bundles, extra packages, keys, matrix rows and bases into one archive.",
       {},
       {{"bake export --recipe image.yaml --key mine.key -o carry.tar.zst", "writes a signed archive"}},
       {"bake-import(1)", "bake-key(1)"}},
      {"import",
       "Verifies the whole archive before it changes the store.",
       {},
       {{"bake import carry.tar.zst --trust mine.pub", "imports an archive that this key signed"}},
       {"bake-export(1)", "bake-key(1)"}},
      {"key",
       "Ed25519 keys sign exports and provenance. A key for kernel modules has a certificate, which the firmware of "
       "the VMs "
       "gets (Secure Boot).",
       {{"PREFIX.key", "the private key"},
        {"PREFIX.pub", "the public key"},
        {"NAME.pem, NAME.der", "the certificate of a key for modules"}},
       {{"bake key new --out mine", "makes a pair"},
        {"bake key new --modules site", "makes a key for modules and its certificate"},
        {"bake key show mine.pub", "shows its fingerprint"}},
       {"bake-export(1)", "bake-verify(1)"}},
      {"vhd",
       "Azure accepts fixed VHDs of whole MiB. These commands read and write their footer, without an appliance.",
       {},
       {{"bake vhd check out.vhd", "says every reason why Azure would refuse the file"},
        {"bake vhd wrap disk.qcow2 -o disk.vhd", "makes a VHD"}},
       {"bake-image(1)"}},
      {"handler",
       "Packs ib-firstboot as a VM extension.",
       {},
       {{"bake handler pack -o handler.zip", "writes the package"}},
       {"bake-image(1)"}},
      {"schema",
       "Editors with a YAML language server check and complete a file with the schema that its first comment names.",
       {},
       {{"bake schema recipe > recipe.schema.json", "writes the schema of recipes"}},
       {"bake-recipe(5)", "bake-fleet(5)", "bake-matrix(5)"}},
      {"doctor",
       "Checks memory, space, KVM, the appliance and the tools that bake needs.",
       {},
       {{"bake doctor", "checks this machine"}},
       {"bake-image(1)"}},
      {"completion",
       "The script calls 'bake complete' for what may follow. 'cmake --install' puts the scripts where bash, zsh and "
       "fish "
       "look for them.",
       {},
       {{"source <(bake completion bash)", "completes in this bash"},
        {"bake completion fish > ~/.config/fish/completions/bake.fish", "completes in every fish"}},
       {"bake(1)"}},
      {"help", "The same as 'bake COMMAND --help'.", {}, {{"bake help bundle add", "shows the help"}}, {"bake(1)"}},
  };
  return all;
}

}  // namespace

const Manual& manual_of(const std::string& command) {
  static const Manual none;
  const auto& all = manuals();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& manual) { return manual.command == command; });
  return found == all.end() ? none : *found;
}

}  // namespace bake::cli
