hf_add_provider(libcrypto SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/provider.c
  ${CMAKE_CURRENT_LIST_DIR}/fetch.c
  ${CMAKE_CURRENT_LIST_DIR}/hashes.c
  ${CMAKE_CURRENT_LIST_DIR}/groups.c
  ${CMAKE_CURRENT_LIST_DIR}/aead.c
  ${CMAKE_CURRENT_LIST_DIR}/cbc.c
  ${CMAKE_CURRENT_LIST_DIR}/stitched.c
  ${CMAKE_CURRENT_LIST_DIR}/pkey.c
  ${CMAKE_CURRENT_LIST_DIR}/spki.c
  ${CMAKE_CURRENT_LIST_DIR}/spki_key.c
  ${CMAKE_CURRENT_LIST_DIR}/cert.c
  ${CMAKE_CURRENT_LIST_DIR}/verify.c
  ${CMAKE_CURRENT_LIST_DIR}/pem.c
  ${CMAKE_CURRENT_LIST_DIR}/path.c
  ${CMAKE_CURRENT_LIST_DIR}/ocsp.c
  ${CMAKE_CURRENT_LIST_DIR}/pem_key.c
  LINK PkgConfig::LIBCRYPTO)
# The constant-time end of opening a CBC record is one function of the house, and lives with `portable`.
target_include_directories(hf_provider_libcrypto PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../portable)
