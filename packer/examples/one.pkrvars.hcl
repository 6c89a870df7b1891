# One image, not published.
recipes = ["images/recipes/centos-7.7-cx6.yaml"]
