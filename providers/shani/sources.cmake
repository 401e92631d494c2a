# Our own AES-CBC with HMAC for x86-64 with AES-NI and the SHA extensions: kernels with the options of their
# instructions, which provider.c asks the CPU for before anybody calls them.
set(dir ${CMAKE_CURRENT_LIST_DIR})
set(shani_options "$<$<C_COMPILER_ID:GNU>:-fno-tree-vectorize>;$<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>;-O3")
if(HF_SANITIZE)
  # As for vaes: too much for a sanitizer; the tests stand guard pages around every buffer at every length instead.
  list(APPEND shani_options -fno-sanitize=all)
endif()
set(shani_vectors -mssse3 -msse4.1 -maes -msha)
set_source_files_properties(${dir}/key.c PROPERTIES COMPILE_OPTIONS "${shani_options};${shani_vectors}")
set_source_files_properties(${dir}/kernel_narrow.c PROPERTIES COMPILE_OPTIONS "${shani_options};${shani_vectors}")
hf_add_provider(shani SOURCES
  ${dir}/kernel_narrow.c
  ${dir}/key.c
  ${dir}/provider.c)
