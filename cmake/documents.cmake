# Manual pages and completion scripts: the program makes them from its own definitions and from the pages in docs.
file(GLOB documents CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*.md)
set(share ${CMAKE_BINARY_DIR}/share)
add_custom_command(
  OUTPUT ${share}/made
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${share}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${share}/man ${share}/completion
  COMMAND bake docs man ${share}/man --documents ${CMAKE_SOURCE_DIR}/docs
  COMMAND bake completion bash >${share}/completion/bake
  COMMAND bake completion zsh >${share}/completion/_bake
  COMMAND bake completion fish >${share}/completion/bake.fish
  COMMAND ${CMAKE_COMMAND} -E touch ${share}/made
  DEPENDS bake ${documents}
  COMMENT "Writing manual pages and completion scripts")
add_custom_target(documents ALL DEPENDS ${share}/made)
