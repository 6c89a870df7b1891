# build_info.cpp has the commit and the versions of the libraries. Only this file is compiled again when the commit
# changes, at the next run of CMake.
set(BAKE_COMMIT unknown)
set(BAKE_COMMIT_DATE "")
find_package(Git QUIET)
if(GIT_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --always --dirty --abbrev=7 --match=v* WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed EQUAL 0)
    set(BAKE_COMMIT ${commit})
  endif()
  execute_process(COMMAND ${GIT_EXECUTABLE} log -1 --format=%cs WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                  OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed EQUAL 0)
    set(BAKE_COMMIT_DATE ${date})
  endif()
endif()
configure_file(bake/cli/build_info.cpp.in ${CMAKE_BINARY_DIR}/build_info.cpp @ONLY)
