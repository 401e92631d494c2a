hf_add_provider(libcrypto SOURCES ${CMAKE_CURRENT_LIST_DIR}/provider.c LINK PkgConfig::LIBCRYPTO)
