# One warning level for the whole tree; a warning is an error unless a packager turns that off.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow
                    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
                    $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>)
# gcc 12's -Wrestrict and -Wmaybe-uninitialized misfire inside its own std::string and std::optional.
add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
                    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
if(BAKE_WERROR)
  add_compile_options(-Werror)
endif()
