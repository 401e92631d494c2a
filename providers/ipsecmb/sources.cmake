# Intel's multi-buffer library: the only target that sees intel-ipsec-mb.h.
hf_add_provider(ipsecmb SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/provider.c
  ${CMAKE_CURRENT_LIST_DIR}/manager.c
  ${CMAKE_CURRENT_LIST_DIR}/paths.c
  ${CMAKE_CURRENT_LIST_DIR}/aead.c
  ${CMAKE_CURRENT_LIST_DIR}/gcm.c
  ${CMAKE_CURRENT_LIST_DIR}/chacha.c
  ${CMAKE_CURRENT_LIST_DIR}/ccm.c
  ${CMAKE_CURRENT_LIST_DIR}/cbc.c
  ${CMAKE_CURRENT_LIST_DIR}/cbc_seal.c
  ${CMAKE_CURRENT_LIST_DIR}/cbc_open.c
)
target_include_directories(hf_provider_ipsecmb SYSTEM PRIVATE ${IPSECMB_INCLUDE})
