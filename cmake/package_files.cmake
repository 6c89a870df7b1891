# cpack runs this between the installation into its directory and the packing. It brings the files into the form that a
# distribution expects: compressed manuals and change logs, a copyright file on Debian, times that do not depend on the checkout.
set(root ${CPACK_TEMPORARY_DIRECTORY})
set(doc ${root}/usr/share/doc/bake)

function(compress file)
  execute_process(COMMAND gzip --best --no-name --force ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(GLOB_RECURSE manuals ${root}/usr/share/man/*.[1-9])
foreach(manual ${manuals})
  compress(${manual})
endforeach()

if(CPACK_GENERATOR STREQUAL DEB)
  file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
  compress(${doc}/changelog)
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC) # of SOURCE_DATE_EPOCH, if it is set
  file(WRITE ${doc}/changelog.Debian
       "bake (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
       "  * changelog.gz says what is new.\n\n -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
  compress(${doc}/changelog.Debian)
  # The text of the licence is in /usr/share/common-licenses.
  file(REMOVE ${doc}/LICENSE)
  file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/debian/copyright ${doc}/copyright)
  file(MAKE_DIRECTORY ${root}/usr/share/lintian/overrides)
  file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/debian/lintian-overrides ${root}/usr/share/lintian/overrides/bake)
  # The licences of what is compiled into the program: libraries that are only headers, and the C library of ib-firstboot.
  foreach(package libcli11-dev nlohmann-json3-dev musl)
    if(EXISTS /usr/share/doc/${package}/copyright)
      file(COPY_FILE /usr/share/doc/${package}/copyright ${doc}/${package}.copyright)
    endif()
  endforeach()
endif()

execute_process(COMMAND chmod --recursive u=rwX,go=rX ${root} COMMAND_ERROR_IS_FATAL ANY)
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND find ${root} -newermt @$ENV{SOURCE_DATE_EPOCH} -exec touch --no-dereference --date
                          @$ENV{SOURCE_DATE_EPOCH} {} + COMMAND_ERROR_IS_FATAL ANY)
endif()
