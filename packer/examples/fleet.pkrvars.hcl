# Several images at once. Limit them with `packer build -parallel-builds=2`; a bake takes a CPU and about 1.5 GiB of memory.
recipes = [
  "images/recipes/centos-7.7-cx6.yaml",
  "images/recipes/rhel-8.2-cx6.yaml",
  "images/recipes/ubuntu-20.04-cx6.yaml",
]
output_dir = "build/images"
publish    = "dry-run"
