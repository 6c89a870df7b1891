# Several images at once. Limit them with `packer build -parallel-builds=2`; docs/packer.md says what a bake takes.
recipes = [
  "images/recipes/centos-7.7-cx6.yaml",
  "images/recipes/rhel-8.2-cx6.yaml",
  "images/recipes/ubuntu-20.04-cx6.yaml",
]
output_dir = "build/images"
publish    = "dry-run"
