# Verification of a server's own ECDSA P-256 signatures, with tables made of its key: portable C over 128-bit products.
# Additions of points are all that counts; at -O3 their multiplications are inlined, which is a fifth faster.
set(dir ${CMAKE_CURRENT_LIST_DIR})
if(NOT HF_SANITIZE)
  set_source_files_properties(${dir}/point.c PROPERTIES COMPILE_OPTIONS -O3)
endif()
hf_add_provider(p256 SOURCES
  ${dir}/field.c
  ${dir}/invert.c
  ${dir}/point.c
  ${dir}/provider.c
  ${dir}/scalar.c
  ${dir}/signature.c
  ${dir}/table.c
  ${dir}/verify.c)
