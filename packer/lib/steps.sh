# shellcheck shell=bash
# The steps of packer/publish. Each first checks what exists, so that a second run continues where the first stopped. The
# content address of the image (`key` in the manifest) identifies its disk and its version: the disk has it in its name, the
# version in the tag bake_key. Another bake of the same inputs has the same key; an image that `bake resign` described has another one. Sourced by packer/publish, which sets:
# shellcheck disable=SC2154  # here, facts, tags, features, vhd, manifest, wanted_version, sas_hours, poll_seconds, …

# Read by packer/publish. Azure takes 32-bit numbers (learn.microsoft.com/azure/virtual-machines/image-version).
# shellcheck disable=SC2034
version_pattern='^((0|[1-9][0-9]{0,9})\.(0|[1-9][0-9]{0,9})\.(0|[1-9][0-9]{0,9}|\+1)|\+1)$'
largest_number=2147483647

disk_at_stake=''     # a staging disk may exist that a failure must remove
created_version=''   # the version that create_version made
azcopy_process=''
run=RUN-ID           # id of the runs of this image on this machine, the owner of the staging disk; this text in dry runs

# Sets the arguments of az that name the gallery, the definition and the disk.
name_places() {
  in_gallery=(--resource-group "${facts[resource_group]}" --gallery-name "${facts[name]}")
  in_definition=("${in_gallery[@]}" --gallery-image-definition "${facts[definition]}")
  the_disk=(--resource-group "${facts[resource_group]}" --name "${facts[disk]}")
}

# Allows one publish of an image at a time on this machine; the kernel releases the lock when the process ends. The locked
# file contains the id of its runs. The process with the lock knows that no other run with this id exists, and may clean up.
lock_image() {
  [ -z "$dry_run" ] || return 0
  local directory=${XDG_STATE_HOME:-${HOME:-/var/tmp}/.local/state}/bake/publish
  { mkdir -p "$directory" && exec 9>>"$directory/${facts[disk]}"; } ||
    fail 6 "publishing '$vhd': cannot lock a file below '$directory'; set XDG_STATE_HOME to a writable directory"
  flock --nonblock 9 || fail 1 "publishing '$vhd': another publish of this image is running"
  [ -s "$directory/${facts[disk]}" ] || cat /proc/sys/kernel/random/uuid >&9
  read -r run <"$directory/${facts[disk]}"
}

# Prints OS state, generation and features of the definition, tab separated; nothing if it does not exist.
definition() {
  ask '' "[?name=='${facts[definition]}'].[osState, hyperVGeneration, join(',', features[].value || \`[]\`)]" \
    sig image-definition list "${in_gallery[@]}"
}

# The URL of a version for az rest, which knows the subscription.
version_url() {
  printf '/subscriptions/{subscriptionId}/resourceGroups/%s/providers/Microsoft.Compute/galleries/%s/images/%s/versions/%s?%s' \
    "${facts[resource_group]}" "${facts[name]}" "${facts[definition]}" "$1" api-version=2024-03-03
}

# check_definition FOUND: refuses a definition for another kind of images.
check_definition() {
  local state generation security
  IFS=$'\t' read -r state generation security <<<"$1"
  [ "$state" = "${facts[os_state]}" ] || fail 3 "publishing '$vhd': the image is ${facts[os_state]}, but definition" \
    "'${facts[definition]}' is for $state images; set 'generalize' in the recipe, or name another definition"
  [ "$generation" = "${facts[hyper_v_generation]}" ] || fail 3 "publishing '$vhd': the image is for Hyper-V generation" \
    "${facts[hyper_v_generation]}, but definition '${facts[definition]}' is for $generation; name another definition"
  if [ "${facts[uefi_keys]}" != 0 ]; then
    case $security in *TrustedLaunchSupported* | *TrustedLaunchAndConfidentialVmSupported*) return ;; esac
    fail 3 "publishing '$vhd': its modules are signed for Secure Boot, but definition '${facts[definition]}' does not allow" \
      "Trusted Launch, and Azure cannot change that; name another definition, which publish then makes"
  fi
  case $security in *TrustedLaunch*)
    say "warning: definition '${facts[definition]}' allows Trusted Launch; with secure boot the kernel refuses OFED's" \
      "modules; deploy with security type Standard" ;;
  esac
}

# Since 2.61.0 (its HISTORY.rst) az adds SecurityType=TrustedLaunchSupported to V2 definitions by default. The value Standard
# prevents that; az does not send it to Azure, but an older az would.
choose_features() {
  local feature kept=() version
  for feature in "${features[@]}"; do
    [ "$feature" = SecurityType=Standard ] || kept+=("$feature")
  done
  features=("${kept[@]}")
  [ "${facts[hyper_v_generation]}" = V2 ] || return 0
  case " ${features[*]}" in *" SecurityType="*) return ;; esac
  if [ "${facts[uefi_keys]}" != 0 ]; then
    features+=(SecurityType=TrustedLaunchSupported)
    return
  fi
  version=$(ask 2.61.0 '"azure-cli"' version)
  ! sort --version-sort --check=quiet <<<"2.61.0"$'\n'"$version" || features+=(SecurityType=Standard)
}

ensure_definition() {
  local found
  found=$(definition)
  if [ -n "$found" ]; then
    check_definition "$found"
    return
  fi
  choose_features
  if [ "${facts[uefi_keys]}" != 0 ]; then
    case " ${features[*]} " in
      *" SecurityType=TrustedLaunchSupported "* | *" SecurityType=TrustedLaunchAndConfidentialVmSupported "*) ;;
      *) fail 3 "publishing '$vhd': its modules are signed for Secure Boot, but the features '${features[*]}' do not allow" \
        "Trusted Launch; remove SecurityType, and publish adds SecurityType=TrustedLaunchSupported" ;;
    esac
  fi
  change "make image definition ${facts[definition]}" sig image-definition create "${in_gallery[@]}" \
    --gallery-image-definition "${facts[definition]}" --location "${facts[location]}" \
    --publisher "${facts[publisher]}" --offer "${facts[offer]}" --sku "${facts[sku]}" \
    --os-type Linux --os-state "${facts[os_state]}" --hyper-v-generation "${facts[hyper_v_generation]}" \
    --features "${features[*]}"
  found=$(definition)
  [ -z "$found" ] || check_definition "$found"
}

# Prints "VERSION STATE" of the version with the key of this image; nothing if there is none.
version_of_this_image() {
  local found
  found=$(ask '' "[?tags.bake_key=='${facts[tag_bake_key]}'].[name, provisioningState]" \
    sig image-version list "${in_definition[@]}") || return 1
  [ "$(wc -l <<<"$found")" = 1 ] || fail 1 "publishing '$vhd': the gallery has several versions of this image:" \
    "$(cut -f1 <<<"$found" | paste -sd' '); delete all but one"
  printf '%s' "$found"
}

delete_version() {
  change "delete version $1, which Azure failed to make" \
    sig image-version delete "${in_definition[@]}" --gallery-image-version "$1"
}

# look_at_disk ASSUMED: reads state, upload mark, manifest and owner of the staging disk into disk_state, disk_upload,
# disk_manifest and disk_run; all are empty if it does not exist. Dry runs use ASSUMED as the answer of az.
look_at_disk() {
  local found
  found=$(ask "$1" "[?name=='${facts[disk]}'].[diskState, tags.bake_upload, tags.bake_manifest_sha256, tags.bake_run]" \
    disk list --resource-group "${facts[resource_group]}") || return 1
  IFS=$'\t' read -r disk_state disk_upload disk_manifest disk_run <<<"$found"
}

# A disk is used only if its upload was confirmed, because Azure does not say how much was written, and if it contains this
# bake, because the version's tags must match its bytes. A disk of another machine may be in use there, so it is not replaced.
ensure_uploaded_disk() {
  look_at_disk ''
  if [ "$disk_state $disk_upload $disk_manifest" = "Unattached complete ${facts[tag_bake_manifest_sha256]}" ]; then
    say "staging disk ${facts[disk]} already contains the image"
    disk_at_stake=yes
    return
  fi
  [ -z "$disk_state" ] || [ "$disk_run" = "$run" ] || [ -n "$take_over" ] || fail 1 "publishing '$vhd': another machine is" \
    "uploading this image to staging disk '${facts[disk]}', or was interrupted; if no publish of it runs, give --take-over"
  disk_at_stake=yes
  [ -z "$disk_state" ] || delete_disk
  upload
}

upload() {
  local sas owner
  change "make staging disk ${facts[disk]}" disk create "${the_disk[@]}" --location "${facts[location]}" \
    --os-type Linux --hyper-v-generation "${facts[hyper_v_generation]}" --sku Standard_LRS \
    --upload-type Upload --upload-size-bytes "${facts[upload_bytes]}" --tags "${tags[@]}" "bake_run=$run"
  # Old and new az spell the key of the answer differently (github.com/microsoft/azure-linux-image-tools/pull/168).
  sas=$(ask 'SAS-OF-THE-DISK' 'accessSas || accessSAS' disk grant-access "${the_disk[@]}" \
    --access-level Write --duration-in-seconds "$((sas_hours * 3600))")
  if [ -n "$dry_run" ]; then
    show azcopy copy "$vhd" "$sas" --blob-type PageBlob
  else
    say "upload $vhd"
    # In the background, so that a signal does not wait for hours of upload.
    azcopy copy "$vhd" "$sas" --blob-type PageBlob >&2 &
    azcopy_process=$!
    wait "$azcopy_process" || fail 1 "uploading '$vhd': azcopy failed; its message is above"
    azcopy_process=''
  fi
  owner=$(ask "$run" tags.bake_run disk show "${the_disk[@]}")
  [ "$owner" = "$run" ] || fail 1 "uploading '$vhd': another publish took over staging disk '${facts[disk]}'"
  change "end the upload" disk revoke-access "${the_disk[@]}"
  change "mark the upload as complete" disk update "${the_disk[@]}" --set tags.bake_upload=complete
}

# Prints the version number to use; reads the existing versions from standard input, one a line.
next_version() {
  local prefix='' highest major minor patch
  case $wanted_version in
    +1) ;;
    *.+1) prefix=${wanted_version%+1} ;;
    *)
      ! grep -Fxq -- "$wanted_version" || fail 3 "publishing '$vhd': version $wanted_version already exists for another image"
      printf '%s' "$wanted_version"
      return
      ;;
  esac
  highest=$(awk -v prefix="$prefix" 'index($0, prefix) == 1' | sort -t. -k1,1n -k2,2n -k3,3n | tail -n 1)
  if [ -z "$highest" ]; then
    printf '%s' "${prefix:-1.0.}0"
    return
  fi
  IFS=. read -r major minor patch <<<"$highest"
  [ "$patch" -lt "$largest_number" ] || fail 3 "publishing '$vhd': there is no patch number after $highest; give --version"
  printf '%s' "$major.$minor.$((patch + 1))"
}

choose_version() {
  local taken
  taken=$(ask '' '[].name' sig image-version list "${in_definition[@]}")
  next_version <<<"$taken"
}

# Choosing a number and making the version is one step under a lock on this machine. If two machines take the same number,
# Azure refuses the second, because it would change the source of the version.
create_version() {
  local disk_id regions found
  read -ra regions <<<"${facts[target_regions]}"
  disk_id=$(ask "ID-OF-DISK-${facts[disk]}" id disk show "${the_disk[@]}")
  if [ -z "$dry_run" ]; then
    exec 8<"$here"
    flock 8
  fi
  found=$(version_of_this_image) # again, because the upload may have taken hours
  if [ -n "$found" ]; then
    created_version=${found%%$'\t'*}
    say "another publish made version $created_version of this image in the meantime"
    exec 8<&-
    return
  fi
  created_version=$(choose_version)
  if [ "${facts[uefi_keys]}" != 0 ]; then
    create_version_with_keys "$disk_id"
    exec 8<&-
    return
  fi
  change "make version $created_version" sig image-version create "${in_definition[@]}" \
    --gallery-image-version "$created_version" --location "${facts[location]}" --target-regions "${regions[@]}" \
    --os-snapshot "$disk_id" --tags "${tags[@]}" --no-wait
  exec 8<&-
}

# create_version_with_keys DISK_ID: 'az sig image-version create' has no option for the keys of the firmware.
create_version_with_keys() {
  local document region
  for region in $("$here/lib/gallery_version.py" regions "${facts[location]} ${facts[target_regions]}" | sort -u); do
    say "warning: Azure does not support keys of the firmware in region $region; the modules will not load there"
  done
  document=$("$here/lib/gallery_version.py" body "$manifest" "${facts[location]}" "${facts[target_regions]}" "$1" "${tags[@]}")
  change "make version $created_version with ${facts[uefi_keys]} key(s) for the firmware" rest --method put \
    --url "$(version_url "$created_version")" --headers Content-Type=application/json --body "$document"
}

# check_keys VERSION: compares the keys that Azure kept with those of the manifest.
check_keys() {
  local answer wrong status=0
  [ "${facts[uefi_keys]}" != 0 ] || return 0
  if [ -n "$dry_run" ]; then
    show az rest --method get --url "$(version_url "$1")" "${common[@]}"
    return
  fi
  answer=$(az rest --method get --url "$(version_url "$1")" "${common[@]}") ||
    fail 1 "reading the keys of version $1: az failed; its message is above"
  wrong=$("$here/lib/gallery_version.py" compare "$manifest" <<<"$answer") || status=$?
  case $status in
    0) say "version $1 has the keys of the manifest" ;;
    1) fail 1 "checking the keys of version $1: ${wrong//$'\n'/; }; delete the version and run again" ;;
    2) say "warning: Azure does not show the keys of version $1; look at them on a VM: mokutil --db" ;;
    *) fail 1 "checking the keys of version $1: gallery_version.py failed" ;;
  esac
}

wait_for_version() {
  local answer state key deadline=$((SECONDS + timeout_seconds))
  while :; do
    # Joined, because tsv prints each scalar of a list on a separate line.
    answer=$(ask "Succeeded ${facts[tag_bake_key]}" "join(' ', [provisioningState, tags.bake_key || 'none'])" \
      sig image-version show "${in_definition[@]}" --gallery-image-version "$1")
    read -r state key <<<"$answer"
    [ "$key" = "${facts[tag_bake_key]}" ] || fail 1 "publishing '$vhd': another publisher took" \
      "version $1; run again"
    case $state in
      Succeeded) return ;;
      Creating | Updating | Migrating) ;;
      *) fail 1 "publishing '$vhd': Azure ended version $1 in state '$state'; run again to replace it" ;;
    esac
    [ "$SECONDS" -lt "$deadline" ] || fail 1 "publishing '$vhd': version $1 is still in state '$state' after" \
      "$timeout_seconds s; run again to continue waiting"
    say "version $1: $state"
    sleep "$poll_seconds"
  done
}

show_version() {
  ask '' id sig image-version show "${in_definition[@]}" --gallery-image-version "$1"
  [ -n "$dry_run" ] || say "published ${facts[name]}/${facts[definition]} $1"
}

# Deletes the disk that look_at_disk found. Azure does not delete a disk while an upload has access to it.
delete_disk() {
  case $disk_state in Active*)
    change "revoke access to staging disk ${facts[disk]}" disk revoke-access "${the_disk[@]}" ;;
  esac
  change "delete staging disk ${facts[disk]}" disk delete "${the_disk[@]}" --yes
}

# remove_staging_disk [own]: removes the staging disk after the version was made; with `own` only if it belongs to this
# machine. Without `own` it also removes a complete disk of another machine, because the version replaces it.
remove_staging_disk() {
  look_at_disk $'Unattached\tcomplete\tnone\t'"$run" || return 1
  [ -n "$disk_state" ] || return 0
  if [ "$disk_run" = "$run" ] || { [ $# = 0 ] && [ "$disk_upload" = complete ]; }; then
    delete_disk
  else
    say "left staging disk ${facts[disk]}: it belongs to another machine"
  fi
}

# Whether the gallery may still be copying from the staging disk, for this publish or another.
gallery_reads_disk() {
  local found
  found=$(version_of_this_image) || return 0
  case ${found#*$'\t'} in Creating | Updating | Migrating) return 0 ;; *) return 1 ;; esac
}

# Runs at every exit. A failed or interrupted run leaves no staging disk, unless Azure is still reading it.
finish() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  set +e
  [ -z "$azcopy_process" ] || kill "$azcopy_process" 2>/dev/null
  if [ "$status" != 0 ] && [ -n "$disk_at_stake" ] && [ -z "$dry_run" ]; then
    if gallery_reads_disk; then
      say "kept staging disk ${facts[disk]}: the gallery is reading it; run again to finish"
    elif ! (remove_staging_disk own); then
      say "warning: staging disk ${facts[disk]} in resource group ${facts[resource_group]} still exists; run again, or delete it"
    fi
  fi
  exit "$status"
}
