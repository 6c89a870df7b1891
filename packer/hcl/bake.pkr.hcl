# Bakes a list of recipes in parallel, verifies each image, records it and, if asked, publishes it.
# Needs Packer 1.6.6 or newer and no plugin; see docs/packer.md. Uses regex_replace, because 1.6.6 has no regex().

variable "recipes" {
  type        = list(string)
  default     = []
  description = "The recipes to bake, relative to the working directory of packer. Their file names must differ."

  validation {
    condition     = length(var.recipes) > 0
    error_message = "The variable 'recipes' must name at least one recipe, for example recipes = [\"images/recipes/centos-7.7-cx6.yaml\"]."
  }
  validation {
    condition     = length([for recipe in var.recipes : recipe if trimsuffix(recipe, ".yaml") == recipe]) == 0
    error_message = "The variable 'recipes' must name YAML files: every name must end in .yaml."
  }
  validation {
    condition     = length(distinct([for recipe in var.recipes : basename(recipe)])) == length(var.recipes)
    error_message = "The variable 'recipes' must not name two recipes with the same file name, because it becomes the name of the image."
  }
}

variable "output_dir" {
  type        = string
  default     = "build/images"
  description = "Where NAME.vhd, NAME.vhd.manifest.json and NAME.packer.json go."

  validation {
    condition     = length(var.output_dir) > 0
    error_message = "The variable 'output_dir' must name a directory."
  }
}

variable "store" {
  type        = string
  default     = ""
  description = "The store of OFED bundles; empty: bake's default."
}

variable "bake_bin" {
  type        = string
  default     = "bake"
  description = "The program."

  validation {
    condition     = length(var.bake_bin) > 0
    error_message = "The variable 'bake_bin' must name the program bake."
  }
}

variable "publish" {
  type        = string
  default     = "no"
  description = "no, dry-run (print the commands) or yes (to the gallery that the recipe names)."

  validation {
    condition     = contains(["no", "dry-run", "yes"], var.publish)
    error_message = "The variable 'publish' must be no, dry-run or yes."
  }
}

variable "image_version" {
  type        = string
  default     = "+1"
  description = "Version in the gallery: 2.1.0, 2.1.+1 (next patch of 2.1) or +1 (next patch of the highest)."

  validation {
    condition     = regex_replace(var.image_version, "^([0-9]+[.][0-9]+[.][0-9]+|([0-9]+[.][0-9]+[.])?[+]1)$", "") == ""
    error_message = "The variable 'image_version' must be like 2.1.0, 2.1.+1 or +1."
  }
}

locals {
  # image name → recipe; the name is the recipe's file name without its ending.
  recipes = { for recipe in var.recipes : trimsuffix(basename(recipe), ".yaml") => recipe }

  # Runs the steps with sh, because /tmp may be mounted noexec.
  shell = ["/bin/sh", "-c", "{{.Vars}} /bin/sh -eu {{.Script}}"]
}

source "null" "bake" {
  communicator = "none"
}

build {
  dynamic "source" {
    for_each = local.recipes
    labels   = ["source.null.bake"]
    content {
      name = source.key
    }
  }

  # The gate: if an image is missing, is empty or fails its verification, the build ends here. The post-processors
  # below would succeed without any file.
  provisioner "shell-local" {
    execute_command = local.shell
    environment_vars = [
      "BAKE=${var.bake_bin}",
      "RECIPE=${local.recipes[source.name]}",
      "OUT=${var.output_dir}/${source.name}.vhd",
      "RECORD=${var.output_dir}/${source.name}.packer.json",
      "STORE=${var.store}",
    ]
    inline = [
      "mkdir -p \"$(dirname \"$OUT\")\"",
      "rm -f \"$RECORD\"",
      "\"$BAKE\" $${STORE:+--store \"$STORE\"} --progress plain image \"$RECIPE\" -o \"$OUT\" --if-needed --force",
      "test -s \"$OUT\" || { echo \"bake left no image '$OUT'\"; exit 1; }",
      "test -s \"$OUT.manifest.json\" || { echo \"bake left no manifest '$OUT.manifest.json'\"; exit 1; }",
      "\"$BAKE\" --progress plain verify --again \"$OUT\"",
    ]
  }

  post-processors {
    post-processor "artifice" {
      files = [
        "${var.output_dir}/${source.name}.vhd",
        "${var.output_dir}/${source.name}.vhd.manifest.json",
      ]
    }

    # One file for each image, because parallel builds would overwrite each other's entries in a common file.
    post-processor "manifest" {
      output = "${var.output_dir}/${source.name}.packer.json"
      custom_data = {
        recipe = local.recipes[source.name]
      }
    }

    post-processor "shell-local" {
      execute_command = local.shell
      environment_vars = [
        "PUBLISH=${var.publish}",
        "PROGRAM=${path.root}/../publish",
        "RECIPE=${local.recipes[source.name]}",
        "OUT=${var.output_dir}/${source.name}.vhd",
        "VERSION=${var.image_version}",
      ]
      inline = [
        "test -s \"$OUT\"",
        "case $PUBLISH in",
        "no) echo \"not published: publish=no\" ;;",
        "dry-run) \"$PROGRAM\" --dry-run --recipe \"$RECIPE\" --vhd \"$OUT\" --version \"$VERSION\" ;;",
        "yes) \"$PROGRAM\" --recipe \"$RECIPE\" --vhd \"$OUT\" --version \"$VERSION\" ;;",
        "esac",
      ]
    }
  }
}
