#include "bake/apply/deferred.hpp"

#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/guest/shell.hpp"

namespace bake::apply {
namespace {

/// Takes the place of a tool. weak-modules reads the modules' paths from its input (kmod, weak-modules).
constexpr const char* substitute = R"sh(
case ${0##*/} in
weak-modules)
  case " $* " in
    *' --add-modules '*) cat >>$spool/add ;;
    *' --remove-modules '*) cat >>$spool/remove ;;
    *) echo "$*" >>$spool/kernels ;;
  esac ;;
depmod) echo "$*" >>$spool/depmod ;;
esac
exit 0
)sh";

/// Where programs are; a link (/sbin → usr/sbin) leads to another of them.
constexpr const char* directories = "/usr/sbin /usr/bin /sbin /bin";

constexpr const char* restore = R"sh(
if [ -e $spool/tools ]; then
  while read -r tool; do
    if grep -q '^# bake-aside$' $tool; then mv -f $tool.bake-aside $tool || status=1; else rm -f $tool.bake-aside; fi
  done <$spool/tools
fi
)sh";

constexpr const char* catch_up = R"sh(
if [ $status = 0 ]; then
  # The status of weak-modules is not one of the modules: the verification checks those of the kernel that boots.
  [ ! -s $spool/remove ] || sort -u $spool/remove | weak-modules --no-initramfs --remove-modules
  if [ $bake_links = false ] && [ -s $spool/add ] && grep -qvF /lib/modules/$kernel/ $spool/add; then
    weak-modules --no-initramfs --add-kernel $kernel
  fi
  [ ! -s $spool/kernels ] || while read -r options; do weak-modules --no-initramfs $options; done <$spool/kernels
  [ ! -s $spool/depmod ] || for tree in /lib/modules/*; do
    release=${tree##*/}
    [ $release = $kernel ] || ! grep -qF $release $spool/depmod || depmod -a $release || status=$?
  done
fi
)sh";

}  // namespace

std::string with_deferred_tools(const DeferredTools& tools, const std::string& command) {
  if (tools.names.empty()) return command + "\n";
  return fmt::format(
      "spool=$(mktemp -d) || exit 1\n"
      "kernel={0}\n"
      "bake_links={7}\n"
      "for name in {1}; do\n"
      "  for directory in {2}; do\n"
      "    tool=$directory/$name\n"
      "    [ ! -L $directory ] && [ -e $tool ] && mv $tool $tool.bake-aside || continue\n"
      "    printf '#!/bin/sh\\n# bake-aside\\nspool=%s\\n%s\\n' $spool {3} >$tool\n"
      "    chmod 755 $tool\n"
      "    echo $tool >>$spool/tools\n"
      "  done\n"
      "done\n"
      "(\n{4}\n)\n"
      "status=$?\n"
      "{5}{6}"
      "rm -rf $spool\n"
      "exit $status\n",
      shell_quote(tools.kernel), guest::quoted(tools.names), directories, shell_quote(substitute), command, restore,
      catch_up, tools.bake_links_modules);
}

DeferredTools DeferredTools::with_late() const {
  auto tools = *this;
  tools.names.insert(tools.names.end(), late.begin(), late.end());
  tools.late.clear();
  return tools;
}

DeferredTools deferred_tools(const plan::Plan& plan) {
  DeferredTools tools{plan.deferred, plan.kernel(), plan.fit.kind == resolve::FitKind::weak_updates};
  // Otherwise package scripts would compile what was compiled before.
  if (plan.built_modules) tools.late = {"dkms"};
  return tools;
}

}  // namespace bake::apply
