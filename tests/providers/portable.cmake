hf_add_suite(providers_portable LABELS quick TIMEOUT 1200
  SOURCES test_portable_kernels.c test_portable_mte.c test_portable_vectors.c test_portable_reference.c
  LINK handfast_providers_static)
target_include_directories(providers_portable PRIVATE
  ${PROJECT_SOURCE_DIR}/providers/portable ${PROJECT_SOURCE_DIR}/providers/src)
