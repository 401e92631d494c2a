hf_add_provider(portable SOURCES ${CMAKE_CURRENT_LIST_DIR}/provider.c)
