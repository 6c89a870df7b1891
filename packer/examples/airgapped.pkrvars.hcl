# For a site without internet: store and bases come from a carried medium, and the images leave on one.
recipes = [
  "/srv/bake/recipes/centos-7.7-cx6.yaml",
  "/srv/bake/recipes/ubuntu-20.04-cx6.yaml",
]
store      = "/srv/bake/store"
output_dir = "/srv/bake/images"
bake_bin   = "/usr/local/bin/bake"
publish    = "no"
