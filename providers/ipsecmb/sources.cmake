hf_add_provider(ipsecmb SOURCES ${CMAKE_CURRENT_LIST_DIR}/provider.c)
