# Our own kernels for x86-64: each function carries its target, so no file needs options; hashing's frame is portable's.
hf_add_provider(x86 SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/cpu.c
  ${CMAKE_CURRENT_LIST_DIR}/hashes.c
  ${CMAKE_CURRENT_LIST_DIR}/provider.c
  ${CMAKE_CURRENT_LIST_DIR}/sha1.c
  ${CMAKE_CURRENT_LIST_DIR}/sha256.c
)
