# For sites that pin plugins, with Packer 1.7 or newer: copy this file next to bake.pkr.hcl and run `packer init` or, without
# a network, `packer plugins install --path`. The template itself needs no plugin. Packer 1.6 refuses this block, so it is
# not in the template.
packer {
  required_version = ">= 1.7.0"

  required_plugins {
    azure = {
      source  = "github.com/hashicorp/azure"
      version = ">= 2.0.0"
    }
  }
}
