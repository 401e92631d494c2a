# Our own ChaCha20-Poly1305 and X25519 for x86-64 with AVX-512 and IFMA: kernels with the options of their vectors, which
# provider.c asks the CPU for before anybody calls them. The vectors are written out: the vectoriser has nothing to add, and the order of
# the source measures a few percent better than the scheduler's.
set(dir ${CMAKE_CURRENT_LIST_DIR})
set(x25519_options -O3)
set(ifma_options "$<$<C_COMPILER_ID:GNU>:-fno-tree-vectorize>;$<$<C_COMPILER_ID:GNU>:-fno-schedule-insns2>;-O3")
if(HF_SANITIZE)
  # As for vaes: too much for a sanitizer; the tests stand guard pages around every buffer at every length instead.
  # X25519's kernels, whose buffers have one size, would take minutes to compile.
  list(APPEND ifma_options -fno-sanitize=all)
  list(APPEND x25519_options -fno-sanitize=all)
endif()
set(ifma_vectors -mbmi2 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512ifma)
set_source_files_properties(${dir}/kernel.c PROPERTIES COMPILE_OPTIONS "${ifma_options};${ifma_vectors}")
set_source_files_properties(${dir}/x25519_base.c PROPERTIES COMPILE_OPTIONS "${x25519_options};${ifma_vectors}")
set_source_files_properties(${dir}/x25519_ladder.c PROPERTIES COMPILE_OPTIONS "${x25519_options};${ifma_vectors}")
if(NOT HF_SANITIZE)
  set_source_files_properties(${dir}/x25519_invert.c PROPERTIES COMPILE_OPTIONS -O3)
endif()
hf_add_provider(ifma SOURCES
  ${dir}/kernel.c
  ${dir}/provider.c
  ${dir}/x25519.c
  ${dir}/x25519_base.c
  ${dir}/x25519_invert.c
  ${dir}/x25519_ladder.c
  ${dir}/x25519_pool.c)
