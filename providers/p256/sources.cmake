# Verification of a server's own ECDSA P-256 signatures, with tables made of its key: portable C over 128-bit products.
# Additions of points are all that counts; at -O3 their multiplications are inlined, which is a fifth faster. Where the
# compiler knows AVX-512 with IFMA they are done in lanes besides: lanes.c, which verify.c asks the CPU for.
set(dir ${CMAKE_CURRENT_LIST_DIR})
if(NOT HF_SANITIZE)
  set_source_files_properties(${dir}/point.c PROPERTIES COMPILE_OPTIONS -O3)
endif()
set(p256_sources
  ${dir}/field.c
  ${dir}/invert.c
  ${dir}/lanes_can.c
  ${dir}/point.c
  ${dir}/provider.c
  ${dir}/scalar.c
  ${dir}/signature.c
  ${dir}/table.c
  ${dir}/verify.c)
if(HF_COMPILES_IFMA)
  set(lanes_options -O3 -mbmi2 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512ifma)
  if(HF_SANITIZE)
    list(APPEND lanes_options -fno-sanitize=all) # too much for a sanitizer; the same source in plain C has it in tests
  endif()
  list(APPEND p256_sources ${dir}/lanes.c)
  set_source_files_properties(${dir}/lanes.c PROPERTIES COMPILE_OPTIONS "${lanes_options}")
endif()
hf_add_provider(p256 SOURCES ${p256_sources})
if(HF_COMPILES_IFMA)
  target_compile_definitions(hf_provider_p256 PRIVATE HF_P256_LANES)
endif()
