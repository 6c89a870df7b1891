include(GNUInstallDirs)
set(data ${CMAKE_INSTALL_DATADIR}/bake)
install(TARGETS bake RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES README.md CHANGELOG.md SECURITY.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN *.schema.json EXCLUDE)
install(DIRECTORY packer images/recipes DESTINATION ${data} USE_SOURCE_PERMISSIONS PATTERN __pycache__ EXCLUDE)
install(FILES images/fleet.yaml DESTINATION ${data})
install(FILES docs/recipe.schema.json docs/fleet.schema.json docs/matrix.schema.json DESTINATION ${data}/schema)

# The recipes name the schema for editors by its place in this tree.
install(CODE "
  set(data \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${data}\")
  file(GLOB files \"\${data}/fleet.yaml\" \"\${data}/recipes/*.yaml\")
  foreach(file \${files})
    file(READ \${file} text)
    string(REPLACE \"schema=../../docs/\" \"schema=../schema/\" text \"\${text}\")
    string(REPLACE \"schema=../docs/\" \"schema=schema/\" text \"\${text}\")
    file(WRITE \${file} \"\${text}\")
  endforeach()")

# cmake/documents.cmake makes these files.
install(DIRECTORY ${CMAKE_BINARY_DIR}/share/man/ DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES ${CMAKE_BINARY_DIR}/share/completion/bake DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CMAKE_BINARY_DIR}/share/completion/_bake DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${CMAKE_BINARY_DIR}/share/completion/bake.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
