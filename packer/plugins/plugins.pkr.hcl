# For sites on Packer 1.7 or newer that pin plugins: copy this file beside bake.pkr.hcl and run `packer init`, or, without
# a network, `packer plugins install --path`. The template itself uses only what is inside Packer. Packer 1.6 refuses this
# block, which is why it is not in the template.
packer {
  required_version = ">= 1.7.0"

  required_plugins {
    azure = {
      source  = "github.com/hashicorp/azure"
      version = ">= 2.0.0"
    }
  }
}
