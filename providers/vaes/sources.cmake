# Our own AES-GCM for x86-64: one kernel source for two widths, each file with the options of its vectors. provider.c asks
# the CPU before it calls one. The vectors are written out, so the vectoriser has nothing to add; and with 64-byte vectors
# that of GCC 12 takes copies of 16 bytes for aligned ones.
set(dir ${CMAKE_CURRENT_LIST_DIR})
set(vaes_options "$<$<C_COMPILER_ID:GNU>:-fno-tree-vectorize>;-O2")
if(HF_SANITIZE)
  # A sanitizer around every access of thousands of unrolled intrinsics takes the compiler minutes and gigabytes. What it
  # would look for in these two files, an access outside of a buffer, the tests find with guard pages at every length.
  list(APPEND vaes_options -fno-sanitize=all)
endif()
set(vaes_narrow "-mbmi2;-mavx2;-maes;-mpclmul;-mvaes;-mvpclmulqdq")
set_source_files_properties(${dir}/key.c PROPERTIES COMPILE_OPTIONS "${vaes_narrow}")
set_source_files_properties(${dir}/kernel_narrow.c PROPERTIES COMPILE_OPTIONS "${vaes_options};${vaes_narrow}")
set_source_files_properties(${dir}/kernel_wide.c PROPERTIES COMPILE_OPTIONS
  "${vaes_options};-mbmi2;-mavx512f;-mavx512bw;-mavx512vl;-maes;-mpclmul;-mvaes;-mvpclmulqdq")
hf_add_provider(vaes SOURCES
  ${dir}/key.c
  ${dir}/kernel_narrow.c
  ${dir}/kernel_wide.c
  ${dir}/provider.c)
