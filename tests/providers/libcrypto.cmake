# Suites of the libcrypto provider. certs.c makes certificates for whoever needs some.
function(hf_add_libcrypto_suite suite label)
  hf_add_suite(providers_libcrypto_${suite} LABELS ${label} TIMEOUT 1200
    SOURCES ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/test_libcrypto_${suite}.c ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/certs.c
    LINK handfast_providers_static PkgConfig::LIBCRYPTO)
  target_include_directories(providers_libcrypto_${suite} PRIVATE ${PROJECT_SOURCE_DIR}/providers/src)
endfunction()

foreach(suite exchange cert path pem_key records)
  hf_add_libcrypto_suite(${suite} quick)
endforeach()
hf_add_libcrypto_suite(spki quick)
target_include_directories(providers_libcrypto_spki PRIVATE ${PROJECT_SOURCE_DIR}/providers/libcrypto)
hf_add_libcrypto_suite(memory slow)
hf_add_libcrypto_suite(ocsp quick)
target_sources(providers_libcrypto_ocsp PRIVATE ${CMAKE_CURRENT_LIST_DIR}/ocsp_maker.c)

# The same records as on a CPU without AES instructions: libcrypto then has no stitched cipher.
add_test(NAME providers_libcrypto_records_no_aesni COMMAND providers_libcrypto_records)
set_tests_properties(providers_libcrypto_records_no_aesni PROPERTIES LABELS quick TIMEOUT 1200
  ENVIRONMENT "OPENSSL_ia32cap=~0x200000200000000")
