# A site without internet: store and bases come from a carried medium, the images leave it the same way.
recipes = [
  "/srv/bake/recipes/centos-7.7-cx6.yaml",
  "/srv/bake/recipes/ubuntu-20.04-cx6.yaml",
]
store      = "/srv/bake/store"
output_dir = "/srv/bake/images"
bake_bin   = "/usr/local/bin/bake"
publish    = "no"
