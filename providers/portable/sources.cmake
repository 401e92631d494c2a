set(dir ${CMAKE_CURRENT_LIST_DIR})
hf_add_provider(portable SOURCES
  ${dir}/provider.c
  ${dir}/hashes.c
  ${dir}/hmac.c
  ${dir}/md.c
  ${dir}/mte_open.c
  ${dir}/sha1.c
  ${dir}/sha256.c
  ${dir}/sha512.c)
