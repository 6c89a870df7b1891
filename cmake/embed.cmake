# bake_embed(TARGET SYMBOL FILE): puts FILE's bytes into TARGET as bake_embed_SYMBOL_begin/_end.
# The program then needs no data directory: one file can be copied to an air-gapped build server.
function(bake_embed target symbol file)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embed_${symbol}.S)
  file(WRITE ${out}.tmp "    .section .rodata
    .global bake_embed_${symbol}_begin
    .global bake_embed_${symbol}_end
    .balign 16
bake_embed_${symbol}_begin:
    .incbin \"${file}\"
bake_embed_${symbol}_end:
    .byte 0
    .section .note.GNU-stack,\"\",@progbits
")
  file(COPY_FILE ${out}.tmp ${out} ONLY_IF_DIFFERENT)
  set_source_files_properties(${out} PROPERTIES OBJECT_DEPENDS ${file})
  target_sources(${target} PRIVATE ${out})
endfunction()
