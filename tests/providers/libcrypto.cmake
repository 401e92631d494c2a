# Suites of the libcrypto provider. certs.c makes certificates for whoever needs some.
foreach(suite exchange cert path pem_key records)
  hf_add_suite(providers_libcrypto_${suite} LABELS quick
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_libcrypto_${suite}.c ${CMAKE_CURRENT_LIST_DIR}/certs.c
    LINK handfast_providers_static PkgConfig::LIBCRYPTO)
  target_include_directories(providers_libcrypto_${suite} PRIVATE ${PROJECT_SOURCE_DIR}/providers/src)
endforeach()
