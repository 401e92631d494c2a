set(dir ${CMAKE_CURRENT_LIST_DIR})
set(portable_sources
  ${dir}/aes_key.c
  ${dir}/ccm.c
  ${dir}/chapoly.c
  ${dir}/gcm.c
  ${dir}/ghash_key.c
  ${dir}/hashes.c
  ${dir}/kernel.c
  ${dir}/kernel_base.c
  ${dir}/md.c
  ${dir}/md_hash.c
  ${dir}/md_hmac.c
  ${dir}/mte_open.c
  ${dir}/poly1305.c
  ${dir}/primitives.c
  ${dir}/provider.c
  ${dir}/record_aead.c
  ${dir}/record_cbc.c
  ${dir}/record_ccm.c
  ${dir}/record_chapoly.c
  ${dir}/record_gcm.c
  ${dir}/sha1.c
  ${dir}/sha256.c
  ${dir}/sha512.c)
# The same kernel source for wider vectors; kernel.c asks the CPU before it calls one. The vectors are written out, so
# the vectoriser has nothing to add; and with 64-byte vectors that of GCC 12 takes copies of 16 bytes for aligned ones.
set(kernel_options $<$<C_COMPILER_ID:GNU>:-fno-tree-vectorize>)
if(HF_SANITIZE)
  # GCC 14 looks for use after return by default, on stacks of its own that it does not align to 64 (GCC PR 110027).
  list(APPEND kernel_options $<$<C_COMPILER_ID:GNU>:--param=asan-use-after-return=0>)
endif()
set_source_files_properties(${dir}/kernel_base.c PROPERTIES COMPILE_OPTIONS "${kernel_options}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND portable_sources ${dir}/kernel_avx2.c ${dir}/kernel_avx512.c)
  set_source_files_properties(${dir}/kernel_avx2.c PROPERTIES COMPILE_OPTIONS "${kernel_options};-mavx2")
  set_source_files_properties(${dir}/kernel_avx512.c PROPERTIES COMPILE_OPTIONS
    "${kernel_options};-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mprefer-vector-width=512")
endif()
hf_add_provider(portable SOURCES ${portable_sources})
